"""Everything that can happen to a refund. No other module writes Refund.state.

Claim, call, record: the claim is committed before the bank is called, no lock or transaction is
open during the call, and whatever comes back, from whoever tells it, goes through `record`.

Locks are taken in one order: Reaction, Refund, Payment, PaidLine, Case.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import transaction

from refunds import ledger, policy
from refunds.gateways import (
    GatewayAnswer,
    NoAnswer,
    Outcome,
    RefundRequest,
    UnknownProvider,
    for_provider,
)
from refunds.models import PaidLine, Payment, Refund, RefundAttempt
from refunds.states import MACHINE, TERMINAL, RefundEvent, RefundState
from returns import money
from returns import workflow as returns
from returns.drain import locked
from returns.machine import NotNow
from returns.models import Case, Entry, OrderLine
from returns.states import Actor

log = logging.getLogger(__name__)

#: Longer than asking and sending can take together: whoever is silent for this long is gone.
LEASE = timedelta(seconds=90)
#: How long after the last send "not found" is believed for good, and how often is asked then.
SETTLED = timedelta(days=1)
#: The share of a key's life in which it is used again.
KEY_TRUST = 0.8


@dataclass(frozen=True)
class Claim:
    """One attempt in hand: what to send, and what may be done. `token` says whose word counts."""

    refund_id: int
    token: UUID
    provider: str
    request: RefundRequest
    asks: bool
    sends: bool
    sent_before: datetime | None


# The promise --------------------------------------------------------------------------------------


def open_refund(entry: Entry, *, at: datetime) -> Refund | None:
    """What follows an approval: money reserved, due day set, debt booked (R27–R29).

    Told twice, done once. The window counts from the approval, `entry.at`. When less is left of
    what was paid than was approved nothing is promised: support decides (R28), and None comes back.
    """
    with transaction.atomic():
        case = Case.objects.select_related("line__order", "order", "policy").get(pk=entry.case_id)
        payment, line = _lock_money(case.line)
        if known := Refund.objects.filter(entry=entry).first():
            return known
        left = min(payment.left, line.left)
        if not 0 < case.amount <= left:
            shown = [money.display(amount, case.currency) for amount in (case.amount, left)]
            why = f"{shown[0]} cannot be refunded: {shown[1]} {case.currency} is left (R28)."
            returns.refuse_refund(case, at=at, by="refunds", why=why)
            return None
        refund = _promised(entry, case, payment, line)
        refund.save(force_insert=True)
        _move_money(refund, reserved=refund.amount)
        ledger.refund_owed(refund, at=at)
        if claimed := _claimed_from_courier(case):
            ledger.courier_claimed(refund, claimed, at=at)
        return refund


def book_label(entry: Entry, *, at: datetime) -> None:
    """What follows the handing over of a free return: its label is used, and costs us (R29)."""
    if cost := Decimal(entry.facts.get("label_cost", 0)):
        ledger.label_bought(entry.case, cost, entry.facts["label_currency"], at=at)


def _promised(entry: Entry, case: Case, payment: Payment, line: PaidLine) -> Refund:
    """The whole promise as a row, before any call: reference, amount, window and due moment."""
    numbers, approved, order = case.policy.numbers, entry.at, case.order
    due = policy.due_at(
        approved,
        order.payment_method,
        numbers.refund_from_days,
        numbers.refund_to_days,
        ZoneInfo(numbers.time_zone),
    )
    return Refund(
        entry=entry,
        case=case,
        payment=payment,
        paid_line=line,
        reference=f"{case.number}-{case.refunds.count() + 1}",
        amount=case.amount,
        postage=case.postage,
        currency=case.currency,
        provider=order.payment_provider,
        payment_reference=order.payment_reference,
        state=MACHINE.start[1],
        approved_at=approved,
        not_before=approved + timedelta(days=numbers.refund_from_days),
        due_at=due,
        alarm_at=approved + timedelta(days=numbers.refund_alarm_days),
        latest_at=approved + timedelta(days=numbers.refund_to_days),
        next_try_at=due,
    )


def _claimed_from_courier(case: Case) -> Decimal:
    """R26: what of the refund is for pieces that the courier lost or damaged.

    All of a parcel that was handed over and never received; else a share for those pieces that the
    warehouse claims from the courier, once they are paid for.
    """
    if case.handed_over_at and not case.received_at:
        return case.amount
    inspected = case.entries.filter(facts__has_key="courier_claim").last()
    if inspected is None or not case.quantity_granted:
        return Decimal(0)
    pieces = (case.quantity_accepted or 0) + case.quantity_granted
    claimed = Decimal(inspected.facts["courier_claim"])
    return policy.apportion(case.amount, [claimed, pieces - claimed], case.currency)[0]


# Claim, call, record ------------------------------------------------------------------------------


def claim_due(limit: int, *, at: datetime) -> list[Claim]:
    """Take up to `limit` due refunds in hand, each with its attempt committed before any call."""
    with transaction.atomic():
        due = list(locked(Refund.objects.due(at))[:limit])
        return [claim for refund in due if (claim := _claim(refund, at))]


def _claim(refund: Refund, at: datetime) -> Claim | None:
    try:
        gateway = for_provider(refund.provider)
    except UnknownProvider as error:
        # No clock can help: it rests in support's sight until somebody runs it again.
        refund.next_try_at, refund.last_error = None, str(error)
        refund.save(update_fields=["next_try_at", "last_error"])
        return None
    sent = list(refund.tries.filter(sends=True).order_by("n").values_list("started_at", flat=True))
    sends = max(refund.not_before, refund.due_at) <= at <= refund.latest_at - LEASE and (
        not sent or at < sent[0] + gateway.key_lifetime * KEY_TRUST
    )
    refund.attempts += 1
    refund.lease_token = uuid4()
    _go(refund, RefundEvent.CLAIMED, next_try_at=at + LEASE)
    RefundAttempt.objects.create(
        refund=refund,
        n=refund.attempts,
        token=refund.lease_token,
        key=refund.key,
        sends=sends,
        started_at=at,
    )
    return Claim(
        refund_id=refund.pk,
        token=refund.lease_token,
        provider=refund.provider,
        request=RefundRequest(
            reference=refund.reference,
            key=refund.key,
            amount=money.rounded(refund.total, refund.currency),
            currency=refund.currency,
            payment_reference=refund.payment_reference,
        ),
        asks=bool(sent) and gateway.find_by_reference,
        sends=sends,
        sent_before=sent[-1] if sent else None,
    )


def call(claim: Claim, *, at: datetime) -> GatewayAnswer:
    """Ask whether an earlier attempt went through; send only if it did not, and still may.

    Calls the outside world: no transaction may be open.
    """
    gateway = for_provider(claim.provider)
    if claim.asks:
        try:
            found = gateway.find(claim.request.reference)
        except NoAnswer as error:
            return GatewayAnswer(Outcome.UNKNOWN, reason=str(error))
        if found is not None:
            if found.answers(claim.request):
                return GatewayAnswer(Outcome.PAID, bank_reference=found.bank_reference, found=True)
            return GatewayAnswer(Outcome.UNKNOWN, reason="the bank has it with another amount")
    elif claim.sent_before and not claim.sends:
        return GatewayAnswer(Outcome.UNKNOWN, reason="neither to be asked nor sent again")
    quiet = claim.sent_before and at < claim.sent_before + gateway.read_after_write_lag
    if quiet or not claim.sends:
        return GatewayAnswer(Outcome.NOT_FOUND, reason="the bank has nothing")
    return gateway.refund(claim.request)


def record(refund_id: int, token: UUID | None, answer: GatewayAnswer, *, at: datetime) -> Refund:
    """The one recorder: every answer, by whoever told, moves the money once.

    With a `token` only the present holder of the lease is heard. Without one it is the bank that
    tells (reconciliation, webhook): then only PAID counts, since silence proves nothing.
    """
    with transaction.atomic():
        held = Refund.objects.select_for_update(of=("self",)).select_related("case")
        refund = held.get(pk=refund_id)
        attempt = refund.tries.filter(token=token).first() if token else None
        if attempt is not None:
            _finish(attempt, answer, at)
        stranger = attempt is None or refund.lease_token != token
        if refund.state in TERMINAL or (stranger and (token or answer.outcome != Outcome.PAID)):
            return refund
        refund.lease_token = None
        if answer.outcome == Outcome.PAID:
            _paid(refund, attempt, answer, at)
        elif answer.outcome == Outcome.REFUSED:
            _withdraw(refund, RefundEvent.REFUSED, f"The bank refused it: {answer.reason}", at)
        elif answer.outcome == Outcome.NOT_FOUND and _over(refund, attempt, at):
            _withdraw(refund, RefundEvent.LAPSED, "Not paid inside its window (R27).", at)
        else:
            _unanswered(refund, attempt, answer, at)
        return refund


def run_again(refund: Refund, *, at: datetime) -> None:
    """Support's *Run again*: a worker looks at once, but sends no earlier than promised (R27)."""
    with transaction.atomic():
        refund.refresh_from_db(from_queryset=Refund.objects.select_for_update())
        state = RefundState(refund.state)
        if state in TERMINAL or state == RefundState.SENDING:
            raise NotNow(state, RefundEvent.CLAIMED, MACHINE.allowed(state))
        refund.next_try_at = max(at, refund.due_at)
        refund.save(update_fields=["next_try_at"])


def _paid(
    refund: Refund, attempt: RefundAttempt | None, answer: GatewayAnswer, at: datetime
) -> None:
    if Refund.objects.filter(bank_reference=answer.bank_reference).exclude(pk=refund.pk).exists():
        why = f"{answer.bank_reference} is another refund's"
        _unanswered(refund, attempt, GatewayAnswer(Outcome.UNKNOWN, reason=why), at)
        return
    refund.bank_reference, refund.last_error = answer.bank_reference, ""
    refund.paid_at = _sent_at(refund, attempt, found=answer.found)
    _go(refund, RefundEvent.PAID, next_try_at=None)
    _move_money(refund, reserved=-refund.amount, refunded=refund.amount)
    ledger.refund_paid(refund, at=at)
    facts = {
        "reference": refund.reference,
        "bank_reference": refund.bank_reference,
        "amount": money.display(refund.total, refund.currency),
        "currency": refund.currency,
    }
    try:
        with transaction.atomic():
            returns.complete_refund(refund.case, at=at, by=refund.provider, facts=facts)
    except NotNow:
        # The money has gone whatever the case says, and the books must say so.
        log.exception("refund %s is paid, but its case was not waiting for it", refund.reference)
        text = "The refund was paid, but the case was not waiting for it."
        returns.note(refund.case, text=text, at=at, actor=Actor.PAYMENT, facts=facts)


def _withdraw(refund: Refund, event: RefundEvent, why: str, at: datetime) -> None:
    """A definite no: the promise is free again, and support finds another way (R31)."""
    refund.last_error = why[:300]
    _go(refund, event, next_try_at=None)
    _move_money(refund, reserved=-refund.amount)
    ledger.refund_withdrawn(refund, at=at)
    returns.refuse_refund(refund.case, at=at, by=refund.provider, why=why)


def _unanswered(
    refund: Refund, attempt: RefundAttempt | None, answer: GatewayAnswer, at: datetime
) -> None:
    """Never a no: the same key again inside the window, after that only asking, once a day."""
    sent = attempt is not None and attempt.sends
    retry = policy.retry_at(refund.attempts, at, refund.latest_at) if sent else None
    if retry and answer.retry_after:
        retry = min(max(retry, at + answer.retry_after), refund.latest_at - policy.LAST_TRY)
    refund.last_error = answer.reason[:300]
    _go(refund, RefundEvent.UNANSWERED, next_try_at=retry or at + SETTLED)


def _over(refund: Refund, attempt: RefundAttempt | None, at: datetime) -> bool:
    """Whether it is not sent any more, and the last send so long ago that nothing is under way."""
    if attempt is None or attempt.sends:
        return False
    last = refund.tries.filter(sends=True).last()
    return last is None or last.started_at + SETTLED <= at


def _sent_at(refund: Refund, attempt: RefundAttempt | None, *, found: bool) -> datetime:
    """When the attempt that was paid began; every send is inside the window, so this is too."""
    if attempt is not None and not found:
        return attempt.started_at
    before = refund.tries.filter(sends=True)
    if attempt is not None:
        before = before.filter(n__lt=attempt.n)
    return before.latest("n").started_at


def _finish(attempt: RefundAttempt, answer: GatewayAnswer, at: datetime) -> None:
    """An attempt gets its outcome once, also from a zombie: it is what it saw."""
    RefundAttempt.objects.filter(pk=attempt.pk, finished_at__isnull=True).update(
        finished_at=at,
        outcome=answer.outcome,
        detail=(answer.bank_reference or answer.reason)[:300],
    )


# Hands on the rows --------------------------------------------------------------------------------


def _go(refund: Refund, event: RefundEvent, *, next_try_at: datetime | None) -> None:
    """The one hand that writes the state."""
    refund.state = MACHINE.after(RefundState(refund.state), event)
    refund.next_try_at = next_try_at
    refund.save(
        update_fields=[
            *("state", "next_try_at", "lease_token", "attempts"),
            *("last_error", "paid_at", "bank_reference"),
        ]
    )


def _lock_money(line: OrderLine) -> tuple[Payment, PaidLine]:
    """What was paid for the order and for the item, under lock; made when first asked for."""
    order = line.order
    Payment.objects.get_or_create(
        order=order, defaults={"currency": order.currency, "paid": order.captured}
    )
    PaidLine.objects.get_or_create(
        line=line,
        defaults={
            "currency": order.currency,
            "paid": line.unit_price * line.quantity + line.shipping_cost,
        },
    )
    return (
        Payment.objects.select_for_update().get(order=order),
        PaidLine.objects.select_for_update().get(line=line),
    )


def _move_money(refund: Refund, *, reserved: Decimal, refunded: Decimal = Decimal(0)) -> None:
    """Of the order's money first, then of the item's: the update itself takes the lock."""
    for balance in (Payment(pk=refund.payment_id), PaidLine(pk=refund.paid_line_id)):
        balance.move(reserved=reserved, refunded=refunded)
