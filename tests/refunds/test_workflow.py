"""One refund's life: promised once, sent inside its window, recorded once (R26–R29)."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum

from refunds import workflow
from refunds.gateways import GatewayAnswer, Outcome
from refunds.models import LedgerEntry, Payment, Refund, RefundAttempt
from refunds.sandbox_bank import SandboxBank
from refunds.states import MACHINE, RefundEvent, RefundState
from returns import workflow as returns
from returns.machine import NotNow
from returns.states import Actor, Event, InspectionOutcome, State
from tests import make
from tests.refunds.make import DAY, NOON, Start, a_refund, an_approval, an_order, case_of

pytestmark = pytest.mark.django_db

DUE = NOON + 5 * DAY
PAID = GatewayAnswer(Outcome.PAID, bank_reference="BK1")
SILENCE = GatewayAnswer(Outcome.UNKNOWN, reason="no answer")


def pay(at: datetime) -> int:
    """What the clock's task does, at a given moment; returns how many were in hand."""
    claims = workflow.claim_due(10, at=at)
    for claim in claims:
        workflow.record(claim.refund_id, claim.token, workflow.call(claim, at=at), at=at)
    return len(claims)


def pay_until(refund: Refund, end: datetime) -> Refund:
    """Look whenever the refund is due, as a clock that never sleeps would."""
    while True:
        refund.refresh_from_db()
        if refund.next_try_at is None or refund.next_try_at > end:
            return refund
        pay(refund.next_try_at)


def books() -> dict[str, Decimal]:
    """What stands on each account, without those that are even."""
    sums = LedgerEntry.objects.order_by().values_list("account").annotate(Sum("amount"))
    return {account: amount for account, amount in sums if amount}


# The promise --------------------------------------------------------------------------------------


def test_the_promise_is_whole_before_any_call() -> None:
    """R27, R28: amount with the share of shipping, key, due day and window are there at once."""
    refund = a_refund()
    assert (refund.amount, refund.postage, refund.currency) == (Decimal("33.00"), 0, "EUR")
    assert refund.reference == f"{refund.case.number}-1"
    assert refund.key == f"{refund.reference}:1"
    assert refund.state == RefundState.SCHEDULED
    assert (refund.not_before, refund.due_at) == (NOON + 3 * DAY, DUE)
    assert (refund.alarm_at, refund.latest_at) == (NOON + 15 * DAY, NOON + 20 * DAY)
    assert refund.next_try_at == DUE
    assert (refund.payment.paid, refund.paid_line.paid) == (66, 66)
    assert books() == {"seller": Decimal(33), "buyer": Decimal(-33)}


def test_a_promise_told_twice_is_made_once() -> None:
    entry = an_approval(an_order())
    first = workflow.open_refund(entry, at=NOON)
    assert workflow.open_refund(entry, at=NOON + DAY) == first
    assert Payment.objects.get().reserved == 33
    assert LedgerEntry.objects.count() == 2


def test_more_than_is_left_of_what_was_paid_goes_to_support() -> None:
    """R28: over the whole order, whatever its items say."""
    entry = an_approval(an_order(captured="32.99"))
    assert workflow.open_refund(entry, at=NOON) is None
    case = entry.case
    case.refresh_from_db()
    assert case.state == State.ESCALATED
    assert "32.99 EUR is left" in case.entries.get(event=Event.REFUND_REFUSED).text
    assert Payment.objects.get().reserved == 0


def test_the_database_refuses_what_a_look_missed() -> None:
    """R28: the CHECK is the second wall."""
    payment = a_refund().payment
    with pytest.raises(IntegrityError), transaction.atomic():
        payment.move(reserved=Decimal("33.01"))
    payment.move(reserved=Decimal("33.00"))


@pytest.mark.parametrize("promised", [["0.10", "0.20"], ["0.30"]])
def test_cents_add_up_exactly_to_what_was_paid(promised: list[str]) -> None:
    """R28: on SQLite, which adds in binary, too."""
    line = an_order()
    payment = Payment.objects.create(order=line.order, currency="EUR", paid=Decimal("0.30"))
    for amount in promised:
        payment.move(reserved=Decimal(amount))
    with pytest.raises(IntegrityError), transaction.atomic():
        payment.move(reserved=Decimal("0.001"))
    for amount in (Decimal("0.10"), Decimal("0.20")):
        payment.move(reserved=-amount, refunded=amount)
    payment.refresh_from_db()
    assert (payment.refunded, payment.reserved, payment.left) == (Decimal("0.3"), 0, 0)


def test_two_cases_of_one_item_share_what_was_paid_for_it(bank: SandboxBank) -> None:
    """R28: over all cases of that item together."""
    line = an_order()
    first = workflow.open_refund(an_approval(line), at=NOON)
    assert first is not None
    pay(DUE)
    second = workflow.open_refund(an_approval(line), at=NOON)
    assert second is not None
    second.paid_line.refresh_from_db()
    assert (second.paid_line.refunded, second.paid_line.reserved) == (33, 33)
    assert second.paid_line.left == 0


def test_one_case_has_one_open_refund() -> None:
    refund = a_refund()
    refund.pk, refund.reference = None, "another"
    refund.entry = refund.case.entries.get(event=Event.OPENED)
    with pytest.raises(IntegrityError), transaction.atomic():
        refund.save(force_insert=True)


# Paying -------------------------------------------------------------------------------------------


def test_paid_on_the_due_day_and_the_books_are_even_with_the_bank(bank: SandboxBank) -> None:
    """R27–R29."""
    refund = a_refund()
    assert pay(DUE - timedelta(seconds=1)) == 0
    assert pay(DUE) == 1
    refund.refresh_from_db()
    (paid,) = bank.book.select()
    assert (refund.state, refund.paid_at, refund.bank_reference) == ("paid", DUE, paid.id)
    assert (paid.reference, paid.key, paid.amount) == (refund.reference, refund.key, "33.00")
    refund.payment.refresh_from_db()
    assert (refund.payment.refunded, refund.payment.reserved) == (33, 0)
    assert books() == {"seller": Decimal(33), "bank": Decimal(-33)}
    assert case_of(refund).state == State.REFUNDED
    assert pay(DUE + DAY) == 0


@pytest.mark.parametrize(
    ("currency", "price", "shipping", "sent"),
    [("JPY", "3000", "600", "3300"), ("KWD", "3.125", "0.250", "3.250")],
)
def test_the_bank_gets_the_currencys_own_digits(
    bank: SandboxBank, currency: str, price: str, shipping: str, sent: str
) -> None:
    a_refund(currency=currency, price=price, shipping=shipping)
    pay(DUE)
    assert [paid.amount for paid in bank.book.select()] == [sent]


def test_the_postage_that_a_buyer_laid_out_is_paid_on_top(bank: SandboxBank) -> None:
    """R22, R29: the marketplace bears it; the limit for the item stays what was paid for it."""
    entry = an_approval(an_order())
    type(entry.case).objects.filter(pk=entry.case_id).update(postage=Decimal("4.50"))
    workflow.open_refund(entry, at=NOON)
    assert pay(DUE) == 1
    assert [paid.amount for paid in bank.book.select()] == ["37.50"]
    assert Payment.objects.get().refunded == 33
    assert books() == {
        "seller": Decimal(33),
        "marketplace": Decimal("4.5"),
        "bank": Decimal("-37.5"),
    }


def test_an_answer_told_twice_is_done_once(bank: SandboxBank) -> None:
    """R28: by the same worker, and then by the bank itself."""
    refund = a_refund()
    (claim,) = workflow.claim_due(1, at=DUE)
    answer = workflow.call(claim, at=DUE)
    for token in (claim.token, claim.token, None):
        workflow.record(refund.pk, token, answer, at=DUE)
    refund.payment.refresh_from_db()
    assert (refund.payment.refunded, refund.payment.reserved) == (33, 0)
    assert books() == {"seller": Decimal(33), "bank": Decimal(-33)}
    assert refund.case.entries.filter(event=Event.REFUND_PAID).count() == 1


@pytest.mark.parametrize("fault", ["dropped", "slow", "garbage"])
def test_what_the_bank_paid_without_saying_so_is_found_by_asking(
    bank: SandboxBank, fault: str
) -> None:
    """R28: an unknown outcome is asked about before anything is sent again."""
    refund = a_refund(reference=f"{fault}-1")
    pay(DUE)
    refund.refresh_from_db()
    assert (refund.state, refund.paid_at) == ("unknown", None)
    pay(DUE + timedelta(minutes=1))
    refund.refresh_from_db()
    assert (refund.state, refund.paid_at) == ("paid", DUE)
    assert bank.book.attempts() == {refund.reference: 1}
    assert len(bank.book.select()) == 1


def test_a_worker_that_died_after_sending_is_asked_for_and_not_repeated(bank: SandboxBank) -> None:
    """R28: the lease ends, and the next worker asks first, for keys are forgotten."""
    bank.book.key_ttl = 0
    refund = a_refund()
    (claim,) = workflow.claim_due(1, at=DUE)
    workflow.call(claim, at=DUE)
    assert pay(DUE + workflow.LEASE - timedelta(seconds=1)) == 0
    assert pay(DUE + workflow.LEASE) == 1
    refund.refresh_from_db()
    assert (refund.state, refund.paid_at) == ("paid", DUE)
    assert len(bank.book.select()) == 1


def test_a_zombie_is_not_heard(bank: SandboxBank) -> None:
    """A worker that wakes up after its lease may say what it likes: another holds the refund."""
    refund = a_refund()
    (zombie,) = workflow.claim_due(1, at=DUE)
    later = DUE + workflow.LEASE
    (living,) = workflow.claim_due(1, at=later)
    closed = GatewayAnswer(Outcome.REFUSED, reason="account-closed")
    workflow.record(refund.pk, zombie.token, closed, at=later)
    refund.refresh_from_db()
    assert (refund.state, refund.lease_token) == ("sending", living.token)
    workflow.record(refund.pk, living.token, workflow.call(living, at=later), at=later)
    refund.refresh_from_db()
    assert refund.state == RefundState.PAID
    outcomes = RefundAttempt.objects.order_by("n").values_list("outcome", flat=True)
    assert list(outcomes) == ["refused", "paid"]


def test_a_token_that_never_was_moves_nothing() -> None:
    refund = a_refund()
    workflow.claim_due(1, at=DUE)
    workflow.record(refund.pk, uuid4(), PAID, at=DUE)
    refund.refresh_from_db()
    assert refund.state == RefundState.SENDING


def test_the_bank_may_tell_by_itself_that_it_paid() -> None:
    """The recorder hears reconciliation and webhooks too; their silence or no proves nothing."""
    refund = a_refund()
    (claim,) = workflow.claim_due(1, at=DUE)
    workflow.record(refund.pk, claim.token, SILENCE, at=DUE)
    workflow.record(refund.pk, None, GatewayAnswer(Outcome.REFUSED, reason="?"), at=DUE)
    refund.refresh_from_db()
    assert refund.state == RefundState.UNKNOWN
    workflow.record(refund.pk, None, PAID, at=DUE + DAY)
    refund.refresh_from_db()
    assert (refund.state, refund.paid_at) == ("paid", DUE)


def test_a_bank_reference_of_another_refund_proves_nothing(bank: SandboxBank) -> None:
    first, second = a_refund(), a_refund()
    claims = workflow.claim_due(2, at=DUE)
    for claim in claims:
        workflow.record(claim.refund_id, claim.token, PAID, at=DUE)
    first.refresh_from_db()
    second.refresh_from_db()
    assert {first.state, second.state} == {"paid", "unknown"}


def test_another_amount_under_our_reference_is_not_taken_for_our_refund(bank: SandboxBank) -> None:
    """What a bank says is a stranger's word."""
    refund = a_refund(reference="unavailable-1")
    pay(DUE)
    words = {"reference": refund.reference, "amount": "3.00", "currency": "EUR"}
    bank.book.pay("another key", words | {"payment_reference": "unavailable-1"})
    pay(DUE + DAY)
    refund.refresh_from_db()
    assert (refund.state, refund.last_error) == (
        "unknown",
        "the bank has it with another amount",
    )


def test_a_definite_no_frees_the_promise_and_calls_support(bank: SandboxBank) -> None:
    """R31: another way is found; a new decision gets a new row with a key of its own."""
    refund = a_refund(reference="closed-account-1")
    pay(DUE)
    refund.refresh_from_db()
    assert (refund.state, refund.next_try_at) == ("refused", None)
    refund.payment.refresh_from_db()
    assert refund.payment.left == 66
    assert books() == {}
    assert case_of(refund).state == State.ESCALATED
    assert "account-closed" in refund.case.entries.get(event=Event.REFUND_REFUSED).text


def test_the_bank_fails_five_times_and_pays_on_day_fourteen(bank: SandboxBank) -> None:
    """R27: attempts that fail are repeated inside the window."""
    refund = a_refund(reference="fails-five-times-1", method="postal_order")
    pay_until(refund, NOON + 20 * DAY)
    assert refund.state == RefundState.PAID
    assert refund.paid_at is not None
    assert (refund.paid_at - NOON) // DAY == 14
    assert refund.attempts == 6
    assert len({attempt.key for attempt in refund.tries.all()}) == 1
    assert len(bank.book.select()) == 1


# The window ---------------------------------------------------------------------------------------


def test_a_bank_that_never_answers_is_not_sent_to_after_the_window(bank: SandboxBank) -> None:
    """R27, R35: after day 20 only asking; a day later support decides."""
    refund = a_refund(reference="never-available-1")
    pay_until(refund, NOON + 30 * DAY)
    assert (refund.state, refund.next_try_at) == ("refused", None)
    sends = refund.tries.filter(sends=True)
    assert sends.latest("n").started_at == refund.latest_at - timedelta(hours=1)
    assert case_of(refund).state == State.ESCALATED
    assert books() == {}
    assert bank.book.select() == []


def test_nothing_in_the_banks_book_is_not_believed_on_the_day_of_sending(bank: SandboxBank) -> None:
    """R28: what was sent at the last moment may still be under way when the window is over."""
    refund = a_refund(reference="unavailable-1")
    sent = refund.latest_at - timedelta(hours=1)
    pay(sent)
    for asked, state in ((refund.latest_at, "unknown"), (sent + DAY, "refused")):
        Refund.objects.update(next_try_at=asked)
        pay(asked)
        refund.refresh_from_db()
        assert refund.state == state


def test_what_was_sent_in_time_may_be_found_after_the_window(start_bank: Start) -> None:
    """R27: the last day limits sending; settling by asking may come later."""
    bank = start_bank()
    refund = a_refund(reference="dropped-1")
    pay(NOON + 19 * DAY)
    pay(NOON + 25 * DAY)
    refund.refresh_from_db()
    assert (refund.state, refund.paid_at) == ("paid", NOON + 19 * DAY)
    assert bank.book.attempts() == {refund.reference: 1}


def test_a_refund_found_too_late_is_not_sent_but_goes_to_support(bank: SandboxBank) -> None:
    """R27: never later than day 20, also when no worker ran for weeks."""
    refund = a_refund()
    pay(NOON + 20 * DAY)
    refund.refresh_from_db()
    assert refund.state == RefundState.REFUSED
    assert bank.book.attempts() == {}
    assert case_of(refund).state == State.ESCALATED


def test_run_again_sends_no_earlier_than_promised(bank: SandboxBank) -> None:
    """R27."""
    refund = a_refund()
    workflow.run_again(refund, at=NOON + DAY)
    assert pay(DUE - timedelta(seconds=1)) == 0
    Refund.objects.update(next_try_at=NOON)
    (claim,) = workflow.claim_due(1, at=NOON + DAY)
    assert not claim.sends
    workflow.record(refund.pk, claim.token, workflow.call(claim, at=NOON + DAY), at=NOON + DAY)
    assert bank.book.attempts() == {}


def test_a_key_that_may_be_forgotten_is_not_used_again(bank: SandboxBank) -> None:
    """R28: after most of its life only asking helps; the rest is a person's decision."""
    refund = a_refund(reference="unavailable-1")
    pay(DUE)
    long_ago = DUE - 25 * DAY
    with pytest.raises(DatabaseError), transaction.atomic():
        RefundAttempt.objects.update(started_at=long_ago)
    RefundAttempt.objects.create(
        refund=refund, n=0, token=uuid4(), key=refund.key, sends=True, started_at=long_ago
    )
    refund.refresh_from_db()
    assert refund.next_try_at is not None
    (claim,) = workflow.claim_due(1, at=refund.next_try_at)
    assert (claim.asks, claim.sends) == (True, False)


def test_a_provider_without_a_gateway_rests_in_supports_sight_until_run_again() -> None:
    """R35."""
    refund = a_refund(provider="paybyfax")
    assert pay(DUE) == 0
    refund.refresh_from_db()
    assert list(Refund.objects.resting()) == [refund]
    assert "paybyfax" in refund.last_error
    assert list(Refund.objects.late(NOON + 15 * DAY)) == [refund]
    workflow.run_again(refund, at=DUE + DAY)
    assert list(Refund.objects.due(DUE + DAY)) == [refund]


def test_what_is_settled_is_not_run_again(bank: SandboxBank) -> None:
    refund = a_refund()
    pay(DUE)
    with pytest.raises(NotNow):
        workflow.run_again(refund, at=DUE + DAY)


@pytest.mark.parametrize("paid_at", [NOON + 3 * DAY - timedelta(seconds=1), NOON + 21 * DAY])
def test_the_database_knows_no_payment_outside_the_window(paid_at: datetime) -> None:
    """R27."""
    refund = a_refund()
    settled = {"state": "paid", "bank_reference": "BK1", "next_try_at": None}
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.filter(pk=refund.pk).update(paid_at=paid_at, **settled)
    Refund.objects.filter(pk=refund.pk).update(paid_at=NOON + 20 * DAY, **settled)


# The books ----------------------------------------------------------------------------------------


def test_damage_in_transport_is_the_couriers_to_pay(bank: SandboxBank) -> None:
    """R26, R29: the seller is debited for the item, and gets back what the claim is for."""
    case = make.walk(make.dispute(an_order(quantity=3), quantity=3), State.INSPECTING)
    found = [
        InspectionOutcome.AS_NEW,
        InspectionOutcome.DAMAGED_IN_TRANSIT,
        InspectionOutcome.MISSING,
    ]
    returns.inspect(case, outcomes=found, at=NOON, by="Ann", facts={"courier_claim": 2})
    returns.grant(case, at=NOON, by="Seller")
    workflow.open_refund(case.entries.get(event=Event.REFUND_GRANTED), at=NOON)
    pay(DUE)
    assert books() == {"courier_claim": Decimal(60), "seller": Decimal(30), "bank": Decimal(-90)}


def test_what_is_not_paid_for_is_not_claimed_from_the_courier(bank: SandboxBank) -> None:
    """R26: the seller refuses the crushed piece, the buyer does not escalate."""
    case = make.walk(make.dispute(an_order(), quantity=2), State.INSPECTING)
    found = [InspectionOutcome.AS_NEW, InspectionOutcome.DAMAGED_IN_TRANSIT]
    returns.inspect(case, outcomes=found, at=NOON, by="Ann", facts={"courier_claim": 1})
    returns.refuse(case, why="It was packed badly.", at=NOON, by="Seller")
    returns.lapse(case, at=NOON + 7 * DAY)
    approved = case.entries.get(event=Event.PART_APPROVED)
    workflow.open_refund(approved, at=approved.at)
    pay(approved.at + 5 * DAY)
    assert books() == {"seller": Decimal(30), "bank": Decimal(-30)}


def test_a_used_free_label_is_the_marketplaces_cost() -> None:
    """R29: booked when the parcel is handed over, and once."""
    case = make.dispute(an_order())
    make.walk(case, State.AWAITING_RETURN)
    price = {"label_cost": "4.50", "label_currency": "EUR"}
    returns.hand_over(case, at=NOON, actor=Actor.COURIER, by="La Poste", facts=price)
    for _ in range(2):
        workflow.book_label(case.entries.get(event=Event.HANDED_OVER), at=NOON)
    assert books() == {"marketplace": Decimal("4.50"), "courier": Decimal("-4.50")}


def test_a_buyers_own_courier_costs_no_label() -> None:
    """R22."""
    case = make.dispute(an_order(free_return=False))
    make.walk(case, State.IN_TRANSIT)
    workflow.book_label(case.entries.get(event=Event.HANDED_OVER), at=NOON)
    assert books() == {}


def test_a_booking_is_not_changed() -> None:
    a_refund()
    with pytest.raises(DatabaseError), transaction.atomic():
        LedgerEntry.objects.update(amount=1)


def test_every_journal_and_every_case_sums_to_zero(bank: SandboxBank) -> None:
    """R29."""
    a_refund()
    a_refund(reference="closed-account-1")
    a_refund(reference="dropped-1")
    pay(DUE)
    pay(DUE + DAY)
    for by in ("journal", "case"):
        sums = LedgerEntry.objects.order_by().values_list(by).annotate(Sum("amount"))
        assert {amount for _, amount in sums} == {Decimal(0)}
    paid = sum(Decimal(entry.amount) for entry in bank.book.select())
    assert books()["bank"] == -paid


# The table ----------------------------------------------------------------------------------------


def test_what_is_settled_stays_settled() -> None:
    """Every state but the two ends has a way on, and the ends have none."""
    assert {state for state in RefundState if not MACHINE.allowed(state)} == {
        RefundState.PAID,
        RefundState.REFUSED,
    }


def test_an_unknown_outcome_is_never_taken_for_a_no() -> None:
    assert RefundEvent.REFUSED not in MACHINE.allowed(RefundState.UNKNOWN)
