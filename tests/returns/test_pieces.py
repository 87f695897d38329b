"""Claimed, handed over, received, accepted; and what money follows from them (R05, R26, R28)."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from returns import opening, pieces, policy, workflow
from returns.machine import NotNow
from returns.models import Case, OrderLine, Verdict
from returns.money import DIGITS, paid_for, quantum
from returns.states import Actor, Event, InspectionOutcome, Reason, Resolution, State
from tests import make
from tests.make import DAY, T0

pytestmark = pytest.mark.django_db

GOOD, CRUSHED, GONE = (
    InspectionOutcome.AS_NEW,
    InspectionOutcome.DAMAGED_IN_TRANSIT,
    InspectionOutcome.MISSING,
)
WORN = InspectionOutcome.DAMAGED_UNDECLARED


def line_of(quantity: int, *, price: str = "10.00", shipping: str = "5.00") -> OrderLine:
    return make.order(quantity=quantity, price=price, shipping=shipping).lines.get()


def arrived(
    *, claimed: int = 3, packed: int | None = None, bought: int = 3, fault: bool = False
) -> Case:
    """A case whose parcel lies in the warehouse."""
    reason = Reason.QUALITY_PROBLEMS if fault else Reason.PERSONAL_REASONS
    case = make.dispute(line_of(bought), quantity=claimed, reason=reason)
    make.walk(case, State.AWAITING_RETURN)
    if packed:
        workflow.pack(case, pieces=packed, at=T0)
    workflow.hand_over(case, at=T0, actor=Actor.COURIER, by="La Poste")
    workflow.receive(case, at=T0, actor=Actor.COURIER, by="La Poste")
    return case


def inspected(case: Case, *outcomes: InspectionOutcome, at: datetime = T0) -> Case:
    workflow.inspect(case, outcomes=list(outcomes), at=at, by="Ann")
    return case


def counts(case: Case) -> tuple[int | None, ...]:
    case.refresh_from_db()
    return (
        case.quantity,
        case.quantity_handed_over,
        case.quantity_received,
        case.quantity_accepted,
        case.quantity_granted,
    )


# The counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claimed", "packed", "found", "event", "counted", "amount"),
    [
        # All of it is good.
        (1, None, [GOOD], Event.INSPECTION_PASSED, (1, 1, 1, 1, 0), "10.00"),
        (3, None, [GOOD] * 3, Event.INSPECTION_PASSED, (3, 3, 3, 3, 0), "30.00"),
        # The buyer kept one: the rest of the claim is nobody's business any more.
        (3, 2, [GOOD] * 2, Event.INSPECTION_PASSED, (3, 2, 2, 2, 0), "20.00"),
        # More came than was said, within the claim.
        (3, 2, [GOOD] * 3, Event.INSPECTION_PASSED, (3, 2, 3, 3, 0), "30.00"),
        # Some are in question: the amount is what all at stake come to, until it is decided.
        (3, None, [GOOD, GOOD, WORN], Event.INSPECTION_DISPUTED, (3, 3, 3, 2, 0), "30.00"),
        (3, None, [GOOD, GOOD, GONE], Event.INSPECTION_DISPUTED, (3, 3, 2, 2, 0), "30.00"),
        (3, 2, [GOOD, GONE], Event.INSPECTION_DISPUTED, (3, 2, 1, 1, 0), "20.00"),
        (2, None, [WORN, CRUSHED], Event.INSPECTION_DISPUTED, (2, 2, 2, 0, 0), "20.00"),
        (2, None, [GONE, GONE], Event.INSPECTION_DISPUTED, (2, 2, 0, 0, 0), "20.00"),
    ],
)
def test_what_is_found_of_each_piece_settles_counts_and_money(
    claimed: int,
    packed: int | None,
    found: list[InspectionOutcome],
    event: Event,
    counted: tuple[int, ...],
    amount: str,
) -> None:
    """R26, R28."""
    case = inspected(arrived(claimed=claimed, packed=packed), *found)
    assert make.events(case)[-1] == event
    assert counts(case) == counted
    assert case.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("packed", "found"),
    [
        (None, []),
        (None, [GOOD] * 2),
        (None, [GOOD] * 4),
        (2, [GOOD]),
        (2, [GOOD, GOOD, GONE]),
        (2, [GOOD] * 4),
    ],
)
def test_of_each_piece_handed_over_it_is_said_what_was_found(
    packed: int | None, found: list[InspectionOutcome]
) -> None:
    case = arrived(packed=packed)
    with pytest.raises(ValueError, match="say of each"):
        inspected(case, *found)
    assert (case.state, counts(case)[3]) == (State.INSPECTING, None)


@pytest.mark.parametrize("packed", [0, 4, -1])
def test_the_buyer_packs_at_least_one_and_at_most_what_is_claimed(packed: int) -> None:
    case = make.walk(make.dispute(line_of(5), quantity=3), State.AWAITING_RETURN)
    with pytest.raises(ValueError, match="3 pieces claimed"):
        workflow.pack(case, pieces=packed, at=T0)
    assert counts(case)[1] is None


def test_what_is_on_its_way_is_not_packed_again() -> None:
    case = make.walk(make.dispute(line_of(3), quantity=3), State.IN_TRANSIT)
    with pytest.raises(NotNow):
        workflow.pack(case, pieces=2, at=T0)


def test_the_warehouse_counts_after_the_couriers_word_and_at_most_the_claim() -> None:
    """R25: more than was claimed is an unexpected item."""
    case = arrived()
    with pytest.raises(ValueError, match="3 pieces claimed, so 4"):
        workflow.count_received(case, pieces=4, at=T0, by="Ann")
    workflow.count_received(case, pieces=2, at=T0, by="Ann")
    assert counts(case) == (3, 3, 2, None, 0)
    assert "2 of 3 pieces arrived." in case.entries.values_list("text", flat=True)
    inspected(case, *[GOOD] * 3)
    assert counts(case) == (3, 3, 3, 3, 0)
    with pytest.raises(NotNow):
        workflow.count_received(case, pieces=2, at=T0, by="Ann")


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity_handed_over": 0},
        {"quantity_handed_over": 4},
        {"quantity_received": 4},
        {"quantity_accepted": 1, "quantity_received": None},
        {"quantity_accepted": 2, "quantity_received": 1},
        {"quantity_accepted": 2, "quantity_received": 2, "quantity_granted": 2},
        {"quantity_granted": 1},
    ],
)
def test_the_database_holds_the_counts_in_order(wrong: dict[str, int | None]) -> None:
    case = arrived()
    with pytest.raises(IntegrityError), transaction.atomic():
        Case.objects.filter(pk=case.pk).update(**wrong)


# What becomes of the pieces in question -----------------------------------------------------------


def _grant(case: Case) -> None:
    workflow.grant(case, at=T0, by="Seller")


def _silence(case: Case) -> None:
    assert workflow.lapse(case, at=T0 + 5 * DAY)


def _refuse(case: Case) -> None:
    workflow.refuse(case, why="It was worn.", at=T0, by="Seller")


def _refuse_and_lapse(case: Case) -> None:
    _refuse(case)
    workflow.lapse(case, at=T0 + 7 * DAY)


def _decided(outcome: Verdict.Outcome, amount: str | None = None) -> Callable[[Case], None]:
    def decide(case: Case) -> None:
        _refuse(case)
        workflow.escalate(case, text="I disagree.", at=T0)
        workflow.decide(
            case,
            outcome=outcome,
            amount=Decimal(amount) if amount else None,
            explanation="After hearing both sides.",
            by=make.staff(),
            at=T0,
        )

    return decide


@pytest.mark.parametrize(
    ("then", "event", "granted", "amount"),
    [
        (_grant, Event.REFUND_GRANTED, 2, "30.00"),
        (_silence, Event.REFUND_GRANTED_BY_LAPSE, 2, "30.00"),
        (_refuse_and_lapse, Event.PART_APPROVED, 0, "10.00"),
        (_decided(make.FULL), Event.REFUND_ORDERED, 2, "30.00"),
        (_decided(make.PART, "12.50"), Event.REFUND_ORDERED, 2, "12.50"),
        (_decided(make.PART, "10.00"), Event.REFUND_ORDERED, 2, "10.00"),
        (_decided(make.UPHELD), Event.PART_APPROVED, 0, "10.00"),
    ],
)
def test_what_was_accepted_is_paid_whatever_becomes_of_the_rest(
    then: Callable[[Case], None], event: Event, granted: int, amount: str
) -> None:
    """R26, R30, R31: one of three is good."""
    case = inspected(arrived(), GOOD, WORN, GONE)
    then(case)
    assert (case.state, make.events(case)[-1]) == (State.REFUND_PENDING, event)
    assert counts(case) == (3, 3, 2, 1, granted)
    assert case.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("then", "ends"), [(_refuse_and_lapse, State.CLOSED), (_decided(make.UPHELD), State.CLOSED)]
)
def test_with_nothing_accepted_a_refusal_closes_the_case_unpaid(
    then: Callable[[Case], None], ends: State
) -> None:
    """R30, R31."""
    case = inspected(arrived(claimed=2), WORN, WORN)
    then(case)
    assert case.state == ends


def test_a_part_is_never_less_than_what_was_accepted() -> None:
    case = inspected(arrived(), GOOD, GOOD, WORN)
    with pytest.raises(ValueError, match="at least 20"):
        _decided(make.PART, "19.99")(case)
    assert case.state == State.ESCALATED


def test_a_final_refusal_pays_what_was_accepted_at_once_r13() -> None:
    line = make.order(quantity=2, price="10.00", received_at=T0 - 16 * DAY).lines.get()
    case = make.walk(make.dispute(line, quantity=2), State.INSPECTING)
    assert case.final
    inspected(case, GOOD, WORN)
    _refuse(case)
    assert (case.state, case.amount) == (State.REFUND_PENDING, Decimal("10.00"))
    assert (case.decline_reason, case.resolution) == ("It was worn.", "")


def test_who_declined_knows_what_happens_by_itself() -> None:
    """R34, R35."""
    case = inspected(arrived(), GOOD, GOOD, WORN)
    _refuse(case)
    assert case.what_then == "the accepted pieces are refunded"
    nothing = inspected(arrived(), WORN, WORN, WORN)
    _refuse(nothing)
    assert nothing.what_then == "the case is closed"


def test_what_the_bank_refused_is_not_owed_for_ever() -> None:
    """R31: else a closed account would send the case round and round."""
    case = inspected(arrived(), GOOD, GOOD, WORN)
    _refuse_and_lapse(case)
    workflow.refuse_refund(case, at=T0 + 8 * DAY, by="Bank", why="closed")
    assert pieces.owed(case) == 0
    workflow.decide(
        case, outcome=make.UPHELD, amount=None, explanation="By cheque.", by=make.staff(), at=T0
    )
    assert (case.state, case.resolution) == (State.CLOSED, Resolution.REFUSAL_UPHELD)


@pytest.mark.parametrize(
    ("packed", "counted", "ends", "amount"),
    [
        (None, None, (3, 3, 3, 3, 0), "30.00"),
        (2, None, (3, 2, 2, 2, 0), "20.00"),
        (2, 1, (3, 2, 1, 1, 1), "20.00"),
        (2, 3, (3, 2, 3, 3, 0), "30.00"),
        (None, 0, (3, 3, 0, 0, 3), "30.00"),
    ],
)
def test_an_inspection_that_does_not_happen_pays_all_that_is_at_stake(
    packed: int | None, counted: int | None, ends: tuple[int, ...], amount: str
) -> None:
    """R35."""
    case = arrived(packed=packed)
    if counted is not None:
        workflow.count_received(case, pieces=counted, at=T0, by="Ann")
    workflow.lapse(case, at=T0 + 5 * DAY)
    assert (case.state, counts(case), case.amount) == (State.REFUND_PENDING, ends, Decimal(amount))


def test_a_lost_parcel_is_worth_what_was_packed() -> None:
    """R24, R31."""
    case = make.walk(make.dispute(line_of(3), quantity=3), State.AWAITING_RETURN)
    workflow.pack(case, pieces=2, at=T0)
    workflow.hand_over(case, at=T0, actor=Actor.COURIER, by="La Poste")
    workflow.lose(case, at=T0, by="La Poste", text="Lost.")
    workflow.decide(
        case, outcome=make.FULL, amount=None, explanation="Lost.", by=make.staff(), at=T0
    )
    assert case.amount == Decimal("20.00")


# A later case on the same item --------------------------------------------------------------------


def left(line: OrderLine) -> int:
    return line.quantity - pieces.taken(line)


@pytest.mark.parametrize(
    ("packed", "found", "then", "remain"),
    [
        (None, [GOOD] * 3, None, 1),
        (2, [GOOD] * 2, None, 2),
        (None, [GOOD, WORN, GONE], _grant, 1),
        (None, [GOOD, WORN, GONE], _refuse_and_lapse, 3),
        (None, [GOOD, WORN, GONE], _decided(make.PART, "12.00"), 1),
    ],
)
def test_what_was_not_paid_for_may_be_disputed_later(
    packed: int | None,
    found: list[InspectionOutcome],
    then: Callable[[Case], None] | None,
    remain: int,
) -> None:
    """R05: of four pieces three are claimed; over, a case took what was paid for."""
    case = arrived(packed=packed, bought=4)
    assert left(case.line) == 1
    inspected(case, *found)
    if then:
        then(case)
    assert left(case.line) == 1  # all that is claimed, while it is open
    workflow.complete_refund(case, at=T0 + 20 * DAY, by="Bank")
    assert left(case.line) == remain
    assert case.resolution == (
        Resolution.REFUNDED if case.amount == 30 else Resolution.PARTLY_REFUNDED
    )
    with pytest.raises(opening.NotPossible):
        make.dispute(case.line, quantity=remain + 1)
    again = make.dispute(case.line, quantity=remain)
    assert again.amount == 10 * remain


def test_a_case_is_not_reopened_when_its_pieces_went_back_in_another() -> None:
    """R05, R24."""
    first = make.walk(make.dispute(line_of(2), quantity=2), State.AWAITING_RETURN)
    workflow.lapse(first, at=T0 + 10 * DAY)
    second = make.walk(make.dispute(first.line, quantity=1), State.REFUNDED)
    assert second.state == State.REFUNDED
    with pytest.raises(NotNow, match="went back in another"):
        workflow.reopen(first, why="Ill.", by=make.staff(), at=T0 + 11 * DAY)


# Money --------------------------------------------------------------------------------------------

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


@given(data=st.data(), currency=CURRENCIES, bought=st.integers(1, 60))
def test_any_portions_of_a_line_sum_to_what_was_paid_exactly(
    data: st.DataObject, currency: str, bought: int
) -> None:
    """R28: in whatever portions the pieces go back, to the last unit and never more."""
    unit = quantum(currency)
    price = data.draw(st.integers(0, 10**6)) * unit
    shipping = data.draw(st.integers(0, 10**6)) * unit
    told = {"unit_price": price, "shipping_cost": shipping, "bought": bought, "currency": currency}
    paid, gone = Decimal(0), 0
    while gone < bought:
        portion = data.draw(st.integers(1, bought - gone))
        part = paid_for(before=gone, quantity=portion, with_shipping=True, **told)  # type: ignore[arg-type]
        exact = (price + shipping / bought) * portion
        assert part == part.quantize(unit)
        assert abs(part - exact) < unit
        paid, gone = paid + part, gone + portion
    assert paid == price * bought + shipping
    assert DIGITS.get(currency, 2) == -int(unit.as_tuple().exponent)


PORTIONS = st.tuples(
    st.integers(1, 4),  # claimed
    st.integers(1, 4),  # packed
    st.lists(st.sampled_from([GOOD, GOOD, WORN, GONE]), min_size=4, max_size=4),
    st.sampled_from([_grant, _refuse_and_lapse, _decided(make.FULL), _decided(make.UPHELD)]),
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(
    portions=st.lists(PORTIONS, min_size=1, max_size=5),
    shipping=st.integers(0, 1999),
    bought=st.integers(1, 7),
)
def test_any_cases_and_findings_pay_what_the_table_says_and_never_more_than_was_paid(
    portions: list[tuple[int, int, list[InspectionOutcome], Callable[[Case], None]]],
    shipping: int,
    bought: int,
) -> None:
    """R05, R26, R28: a story of one item, told with the real verbs."""
    with transaction.atomic():
        cost = Decimal(shipping) / 100
        line = line_of(bought, shipping=str(cost))
        paid, gone = Decimal(0), 0
        for claimed, packed, outcomes, then in portions:
            if claimed > bought - gone:
                continue
            case = make.dispute(line, quantity=claimed, reason=Reason.QUALITY_PROBLEMS, at=T0)
            make.walk(case, State.AWAITING_RETURN)
            put_in = min(packed, claimed)
            workflow.pack(case, pieces=put_in, at=T0)
            workflow.hand_over(case, at=T0, actor=Actor.COURIER, by="C")
            workflow.receive(case, at=T0, actor=Actor.WAREHOUSE, by="W")
            found = outcomes[:put_in]
            inspected(case, *found)
            good = found.count(GOOD)
            if case.state == State.INVESTIGATING:
                then(case)
            upheld = make.events(case)[-1] == Event.PART_APPROVED
            pays = good if upheld else put_in
            if case.state == State.CLOSED:
                assert good == 0
                continue
            share = [
                (cost * k / bought).quantize(Decimal("0.01"), "ROUND_DOWN")
                for k in (gone, gone + pays)
            ]
            assert case.amount == 10 * pays + share[1] - share[0]
            paid, gone = paid + case.amount, gone + pays
            workflow.complete_refund(case, at=T0 + 9 * DAY, by="Bank")
        assert paid <= 10 * bought + cost
        assert gone < bought or paid == 10 * bought + cost
        transaction.set_rollback(True)


def test_what_a_piece_is_accepted_by_is_said_of_each() -> None:
    """R26: the counts and the event are of one rule."""
    for reason in Reason:
        for outcome in InspectionOutcome:
            alone = policy.after_inspection([outcome], reason)
            assert (alone == Event.INSPECTION_PASSED) == policy.piece_accepted(outcome, reason)
            mixed = policy.after_inspection([GOOD, outcome, GOOD], reason)
            assert mixed == alone
