"""A parcel by the buyer's own courier (R22): the number, who follows it, and the postage (R21)."""

from decimal import Decimal
from itertools import count

import pytest

from logistics import s10, workflow
from logistics.carriers import WrongNumber
from logistics.inspection import usual
from logistics.models import Anomaly, Courier, Parcel
from logistics.states import Bearer, Carried
from logistics.tracking import ParcelState
from refunds.models import Refund
from refunds.workflow import open_refund
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case, Evidence, PolicyVersion
from returns.policy import Numbers, postage_covered
from returns.states import Event, InspectionOutcome, Purpose, State
from returns.workflow.words import MAX_EVIDENCE, QuotaReached
from tests.logistics.story import DAY, HOUR, T0, awaiting, report

pytestmark = pytest.mark.django_db

_files = count(1)


def post(
    case: Case,
    *,
    courier: str = " DHL ",
    number: str = "rr 123 456 785 de",
    registered: bool = True,
    postage: str = "7.50",
) -> Parcel:
    return workflow.register_own_parcel(
        case,
        courier_name=courier,
        tracking_number=number,
        registered=registered,
        postage=Decimal(postage),
        at=T0 + DAY,
    )


def prove(case: Case, cost: str | None = None) -> Evidence:
    n = next(_files)
    return workflow.prove_postage(
        case,
        cost=Decimal(cost) if cost else None,
        at=T0 + 2 * DAY,
        file=f"evidence/{n}.png",
        size=1,
        name="receipt.png",
        content_type="image/png",
        sha256=f"{n:064}",
    )


def find(case: Case, outcome: InspectionOutcome) -> None:
    workflow.inspect(case, items=[usual(outcome)], by="Warehouse 1", at=T0 + 4 * DAY)


def nobody_serves(**of_dispute: str) -> Case:
    """A free return from where no partner is (R21)."""
    return awaiting("DE", **of_dispute)


# The number


def test_at_the_buyers_cost_the_parcel_goes_by_registered_mail_r22() -> None:
    case = awaiting(free_return=False)
    parcel = post(case)
    assert (parcel.carried, parcel.tracking_number) == (Carried.OWN, "RR123456785DE")
    assert (parcel.courier_name, parcel.courier, parcel.borne_by) == ("DHL", None, Bearer.BUYER)
    assert case.state == State.IN_TRANSIT
    assert case.postage == 0


def test_a_mistyped_number_is_refused_with_what_was_typed_r22() -> None:
    case = awaiting(free_return=False)
    with pytest.raises(WrongNumber, match="RR123456784DE"):
        post(case, number="RR 123456784 DE")
    assert not case.parcels.exists()
    assert case.state == State.AWAITING_RETURN


def test_mail_that_is_not_registered_is_refused_r22() -> None:
    case = awaiting(free_return=False)
    with pytest.raises(ValueError, match="R22"):
        post(case, registered=False)
    assert not case.parcels.exists()


def test_a_return_with_a_free_label_does_not_go_by_own_courier_r20() -> None:
    with pytest.raises(ValueError, match="drop_off"):
        post(awaiting())


def test_nothing_is_posted_twice() -> None:
    case = awaiting(free_return=False)
    post(case)
    with pytest.raises(NotNow):
        post(case, number="RR1234")
    assert case.parcels.count() == 1


# Who follows it


def test_a_partner_follows_the_parcel_that_was_posted_with_it_r22() -> None:
    case = awaiting(free_return=False)
    parcel = post(case, courier="Colissimo", number="RR123456785FR")
    assert parcel.courier == Courier.objects.get(slug="la-poste-fr")
    report(parcel, "in_transit", at=T0 + 2 * DAY)
    report(parcel, "delivered", at=T0 + 3 * DAY)
    case.refresh_from_db()
    parcel.refresh_from_db()
    assert (case.state, parcel.state) == (State.INSPECTING, ParcelState.DELIVERED)
    assert (parcel.label, parcel.label_cost) == ("", None)


def test_damage_on_the_way_is_no_claim_of_ours_where_the_buyer_chose_the_courier_r26() -> None:
    case = awaiting(free_return=False)
    parcel = post(case, courier="La Poste", number="RR123456785FR")
    workflow.receive_parcel(case, at=T0 + 3 * DAY, by="Warehouse 1")
    find(case, InspectionOutcome.DAMAGED_IN_TRANSIT)
    parcel.refresh_from_db()
    assert parcel.claim_opened_at is None


@pytest.mark.parametrize("number", ["12345678", "RR1234"])
def test_a_number_nobody_can_check_is_not_followed(number: str) -> None:
    assert post(awaiting(free_return=False), courier="La Poste", number=number).courier is None


def test_a_suspended_partner_follows_nothing() -> None:
    Courier.objects.update(active=False)
    number = "RR123456785FR"
    assert post(awaiting(free_return=False), courier="La Poste", number=number).courier is None


def test_a_buyer_cannot_hear_what_is_told_of_somebody_elses_parcel() -> None:
    """R22: neither of a label of ours, now or later, nor of a number another buyer typed."""
    label = awaiting().parcels.get()
    theirs = post(awaiting(free_return=False), courier="La Poste", number=label.tracking_number)
    later = s10.tracking_number("BA", 20_000_000, "FR")
    assert theirs.courier is None
    assert post(awaiting(free_return=False), courier="La Poste", number=later).courier is None
    first, second = (
        post(awaiting(free_return=False), courier="La Poste", number="RR123456785FR")
        for _ in range(2)
    )
    assert first.courier is not None
    assert second.courier is None


# What the postage was


def test_postage_comes_back_only_once_it_is_proved_r21() -> None:
    case = nobody_serves()
    parcel = post(case)
    assert (parcel.carried, case.postage) == (Carried.REIMBURSED, 0)
    kept = prove(case)
    case.refresh_from_db()
    parcel.refresh_from_db()
    assert kept.purpose == Purpose.POSTAGE
    assert (case.postage, parcel.borne_by) == (Decimal("7.50"), Bearer.MARKETPLACE)
    assert case.entries.filter(facts__postage="7.50", actor="policy").count() == 1


def test_what_the_receipt_says_replaces_what_was_told_until_it_is_given_back() -> None:
    case = nobody_serves()
    post(case, postage="0")
    prove(case)
    assert case.postage == 0
    prove(case, "6.905")
    prove(case, "29.00")
    case.refresh_from_db()
    assert case.postage == Decimal("6.91")


def test_at_the_buyers_own_cost_the_receipt_proves_posting_and_brings_nothing_r22() -> None:
    case = awaiting(free_return=False)
    parcel = post(case)
    prove(case, "7.50")
    parcel.refresh_from_db()
    assert (case.postage, parcel.borne_by) == (0, Bearer.BUYER)
    assert case.evidence.get().purpose == Purpose.POSTAGE


def test_before_anything_is_posted_there_is_nothing_to_prove() -> None:
    case = nobody_serves()
    with pytest.raises(ValueError, match="R22"):
        prove(case, "7.50")
    assert not case.evidence.exists()


def approved(case: Case) -> Case:
    workflow.receive_parcel(case, at=T0 + 3 * DAY, by="Warehouse 1")
    find(case, InspectionOutcome.AS_NEW)
    return case


def test_a_late_proof_counts_until_the_refund_is_opened_r21() -> None:
    case = nobody_serves()
    post(case)
    workflow.receive_parcel(case, at=T0 + 2 * DAY, by="Warehouse 1")
    prove(case)
    open_refund(approved(case).entries.get(event=Event.INSPECTION_PASSED), at=T0 + 4 * DAY)
    assert Refund.objects.get().postage == Decimal("7.50")

    late = approved_without_proof()
    with pytest.raises(NotNow, match="refund is on its way"):
        prove(late)
    assert not late.evidence.exists()
    assert late.postage == 0


def approved_without_proof() -> Case:
    case = nobody_serves()
    post(case)
    return approved(case)


@pytest.mark.parametrize(
    ("cost", "currency", "back"),
    [("30.00", "EUR", "30.00"), ("30.01", "EUR", "0"), ("31.00", "USD", "31.00")],
)
def test_above_the_cap_support_looks_first_r21(cost: str, currency: str, back: str) -> None:
    case = nobody_serves(currency=currency)
    parcel = post(case, postage=cost)
    for _ in range(2):
        prove(case)
    case.refresh_from_db()
    assert case.postage == Decimal(back)
    found = Anomaly.objects.filter(code="postage-above-cap", parcel=parcel).count()
    assert found == (0 if Decimal(back) else 1)


def test_without_a_rate_to_compare_by_support_looks_first_r21() -> None:
    numbers = Numbers(postage_cap=Decimal(30), exchange_rates={"USD": Decimal("1.1")})
    covered = {
        (amount, currency): postage_covered(Decimal(amount), currency, numbers).holds
        for amount, currency in (("33", "USD"), ("33.01", "USD"), ("1", "ISK"), ("30", "EUR"))
    }
    assert list(covered.values()) == [True, False, False, True]


def test_support_confirms_what_the_receipt_shows_and_not_more_r21() -> None:
    case = nobody_serves()
    parcel = post(case, postage="45.00")
    with pytest.raises(ValueError, match="proved"):
        workflow.confirm_postage(parcel, amount=Decimal(45), by="ann", at=T0 + 3 * DAY)
    prove(case)
    with pytest.raises(ValueError, match="at most"):
        workflow.confirm_postage(parcel, amount=Decimal("45.01"), by="ann", at=T0 + 3 * DAY)
    workflow.confirm_postage(parcel, amount=Decimal("38.20"), by="ann", at=T0 + 3 * DAY)
    case.refresh_from_db()
    parcel.refresh_from_db()
    assert (case.postage, parcel.borne_by) == (Decimal("38.20"), Bearer.MARKETPLACE)
    closed = Anomaly.objects.get(code="postage-above-cap")
    assert (closed.closed_by, closed.closed_at) == ("ann", T0 + 3 * DAY)
    entry = case.entries.get(facts__postage="38.20")
    assert (entry.actor, entry.by) == ("support", "ann")


def test_above_the_four_eyes_limit_nobody_confirms_postage_alone_r32() -> None:
    PolicyVersion.objects.update(four_eyes_limit=40)
    case = nobody_serves()
    parcel = post(case, postage="45.00")
    prove(case)
    with pytest.raises(ValueError, match="second person"):
        workflow.confirm_postage(parcel, amount=Decimal(41), by="ann", at=T0 + 3 * DAY)


def test_a_case_full_of_pictures_still_takes_a_receipt() -> None:
    case = nobody_serves()
    post(case)
    for n in range(MAX_EVIDENCE):
        returns.add_evidence(
            case, file=f"p{n}", size=1, name="p.png", content_type="image/png",
            sha256=f"p{n}", at=T0 + DAY + HOUR, actor="buyer",
        )  # fmt: skip
    for _ in range(MAX_EVIDENCE):
        prove(case)
    with pytest.raises(QuotaReached):
        prove(case)
