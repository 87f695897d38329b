"""Deliveries to couriers: claim, call, record. No lock while the world thinks."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from logistics import workflow
from logistics.couriers import (
    Answer,
    CancelOutcome,
    Fate,
    LabelResult,
    LabelSpec,
    PickupOutcome,
    PickupSaid,
    PickupSpec,
    gateway_for,
)
from logistics.models import Delivery
from logistics.states import MessageType
from logistics.workflow.holding import hold
from returns.drain import locked

Result = Answer | LabelResult | PickupOutcome | CancelOutcome

LEASE = timedelta(minutes=2)

_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
#: Waits after each failure; after the last one it is dead. 75 h in all.
WAITS = tuple(timedelta(seconds=wait) for wait in _SECONDS)
#: For a van: soon, then hourly until it is too late to come.
SOON = tuple(timedelta(seconds=wait) for wait in (5, 30, 120, 300, 900, 1_800, 3_600))
HOPELESS_TRIES = 3
ASKS = frozenset({MessageType.PICKUP_REQUESTED, MessageType.PICKUP_RESCHEDULE_REQUESTED})


def deliver_due(limit: int, *, at: datetime) -> int:
    """Tell couriers up to `limit` messages that are due; returns how many were tried."""
    claimed = _claim(limit, at)
    for delivery in claimed:
        if delivery.deliver_before and delivery.deliver_before <= at:
            record(delivery, Answer(Fate.AGAIN, error="too late for the van"), at=at)
        else:
            record(delivery, call(delivery, at=at), at=at)
    return len(claimed)


def redeliver(delivery: Delivery, *, at: datetime) -> bool:
    """Support's *Redeliver*: the same message, the same id, its tries counted anew."""
    again = Delivery.objects.filter(pk=delivery.pk, delivered_at__isnull=True)
    return bool(again.update(dead_at=None, next_try_at=at, leased_until=None, attempts=0))


def _claim(limit: int, at: datetime) -> list[Delivery]:
    """Lease what is due: a worker that dies is found out when the lease runs out."""
    with transaction.atomic():
        due = Delivery.objects.due(at).select_related("courier", "pickup__case", "parcel")
        claimed = list(locked(due)[:limit])
        for delivery in claimed:
            delivery.attempts += 1
            delivery.leased_until = delivery.next_try_at = at + LEASE
        Delivery.objects.bulk_update(claimed, ["attempts", "leased_until", "next_try_at"])
    return claimed


def call(delivery: Delivery, *, at: datetime) -> Result:
    """Tell it the way the courier is spoken to. Never raises for what the other side does."""
    try:
        gateway = gateway_for(delivery.courier, at=at)
    except LookupError as unknown:
        return Answer(Fate.HOPELESS, error=str(unknown))
    key, message = delivery.message_id, delivery.payload
    match delivery.type:
        case MessageType.LABEL_ORDERED | MessageType.LABEL_CREATED:
            return gateway.create_label(LabelSpec.read(message), key)
        case MessageType.LABEL_VOIDED:
            return gateway.void_label(LabelSpec.read(message), key)
        case MessageType.PING:
            return gateway.ping(message, key)
    number = delivery.pickup.confirmation_number if delivery.pickup else ""
    spec = PickupSpec.read(message, confirmation_number=number)
    match delivery.type:
        case MessageType.PICKUP_REQUESTED:
            return gateway.book_pickup(spec, key)
        case MessageType.PICKUP_RESCHEDULE_REQUESTED:
            return gateway.move_pickup(spec, key)
    return gateway.cancel_pickup(spec, key)


def record(delivery: Delivery, result: Result, *, at: datetime) -> None:
    """Write down what came of a try, unless somebody else holds the message by now."""
    answer = result if isinstance(result, Answer) else result.answer
    fields: dict[str, Any] = {
        "last_status": answer.status,
        "last_error": answer.error[:300],
        "leased_until": None,
        "next_try_at": None,
    }
    if answer.fate == Fate.TAKEN:
        fields["delivered_at"] = at
    else:
        fields["next_try_at"] = again = _again(delivery, answer, at)
        fields["dead_at"] = None if again else at
    mine = Delivery.objects.untold().filter(pk=delivery.pk, attempts=delivery.attempts)
    with transaction.atomic():
        if delivery.pickup:
            # Parcel and Case first, as whoever takes a pick-up back has them.
            hold(delivery.pickup.case)
        if mine.update(**fields):
            _follow(delivery, result, dead=fields.get("dead_at") is not None, at=at)


def _again(delivery: Delivery, answer: Answer, at: datetime) -> datetime | None:
    """When to try again; None when it is hopeless or too late."""
    tried = delivery.attempts
    hopeless = answer.fate == Fate.HOPELESS and tried >= HOPELESS_TRIES
    if hopeless or answer.fate in (Fate.GONE, Fate.ABORTED):
        return None
    before = delivery.deliver_before
    waits = SOON if before else WAITS
    if tried > len(waits) and not before:
        return None
    wait = max(waits[min(tried, len(waits)) - 1], answer.retry_after or timedelta(0))
    again = at + wait
    return again if before is None or again < before else None


def _follow(delivery: Delivery, result: Result, *, dead: bool, at: datetime) -> None:
    """What an answer means for the van."""
    if delivery.pickup is None or not isinstance(result, PickupOutcome):
        if delivery.pickup and dead and delivery.type in ASKS:
            workflow.fail_untold_pickup(delivery.pickup, at=at)
        return
    if dead:
        workflow.fail_untold_pickup(delivery.pickup, at=at)
    elif result.said == PickupSaid.ACCEPTED:
        workflow.confirm_pickup(delivery.pickup, number=result.confirmation_number, at=at)
