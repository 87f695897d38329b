"""A message's one hand: taken up, told, tried again or given up; and what its answer means."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from logistics.couriers import (
    Answer,
    CancelOutcome,
    CancelSaid,
    LabelResult,
    PickupOutcome,
    PickupSaid,
)
from logistics.models import Courier, Delivery, DeliveryAttempt, EndpointHealth, PickupBooking
from logistics.retries import HOPELESS_TRIES, next_try
from logistics.states import Ending, Fate, MessageType
from logistics.workflow.desk import raise_anomaly
from logistics.workflow.endpoints import heard
from logistics.workflow.holding import hold
from logistics.workflow.ordering import issue_ordered_label
from logistics.workflow.pickups import (
    answer_cancellation,
    confirm_pickup,
    fail_untold_pickup,
    reject_pickup,
)
from returns import clock
from returns.drain import locked

Result = Answer | LabelResult | PickupOutcome | CancelOutcome

#: Messages told to one courier at the same time, by all workers together.
IN_FLIGHT = 4
#: Longer than a call with its look-up can take; real time, for it is about our own processes.
LEASE = timedelta(minutes=2)
ASKS = frozenset({MessageType.PICKUP_REQUESTED, MessageType.PICKUP_RESCHEDULE_REQUESTED})


def couriers_to_tell(*, at: datetime) -> list[int]:
    """The ids of those for whom something is due."""
    due = Delivery.objects.due(at, clock.real_now()).filter(courier=OuterRef("pk"))
    # Not an Exists: PostgreSQL would join it, and read all that waits instead of one row a courier.
    first = Courier.objects.annotate(first_due=Subquery(due.values("pk")[:1]))
    return list(first.filter(first_due__isnull=False).values_list("pk", flat=True))


def claim(courier_id: int, *, at: datetime) -> list[Delivery]:
    """Lease what may be told to this courier now, so many that IN_FLIGHT are on the wire at most.

    A worker that dies is found out when the lease runs out. To an endpoint that is not well one
    message goes as a probe, and the next one later.
    """
    real = clock.real_now()
    with transaction.atomic():
        # One at a time counts what is on the wire; who finds the turnstile taken goes elsewhere.
        turnstile = locked(EndpointHealth.objects.filter(courier=courier_id))
        health = turnstile.first() or _first(courier_id)
        if health is None:
            return []
        mine = Delivery.objects.filter(courier=courier_id)
        room = (1 if health.degraded_at else IN_FLIGHT) - mine.on_the_wire(real).count()
        due = mine.due(at, real).exclude(deliver_before__lte=at)
        due = due.select_related("courier", "parcel__case", "pickup")
        found = list(locked(due)[: max(room, 0)])
        Delivery.objects.filter(pk__in=[each.pk for each in found]).update(
            attempts=F("attempts") + 1, leased_until=real + LEASE
        )
        for delivery in found:
            delivery.attempts, delivery.leased_until = delivery.attempts + 1, real + LEASE
        if found and health.degraded_at:
            health.probe_at = at + EndpointHealth.PROBE_EVERY
            health.save(update_fields=["probe_at"])
    return found


def _first(courier_id: int) -> EndpointHealth | None:
    made, new = EndpointHealth.objects.get_or_create(courier_id=courier_id)
    return made if new else None


def expire(limit: int, *, at: datetime) -> int:
    """Give up what cannot be told in time any more: a van after its hour is worse than none."""
    real = clock.real_now()
    late = Delivery.objects.late(at, real).select_related("courier", "parcel__case", "pickup")
    found = list(late[:limit])
    for delivery in found:
        with transaction.atomic():
            hold(delivery.parcel.case)
            still = Delivery.objects.late(at, real).filter(pk=delivery.pk)
            if still.update(**_over(Ending.EXPIRED, at), last_error="too late to be told"):
                _give_up(delivery, Ending.EXPIRED, at)
    return len(found)


def record(delivery: Delivery, result: Result, *, at: datetime) -> None:
    """Write down what came of a try. Who lost the message meanwhile writes the try alone."""
    answer = _answer(delivery, result)
    with transaction.atomic():
        if delivery.pickup or delivery.type == MessageType.LABEL_ORDERED:
            # Parcel and Case first, as whoever takes a pick-up back has them.
            hold(delivery.parcel.case)
        _keep(delivery, answer, at)
        heard(delivery.courier, answer, at=at)
        fields = _after(delivery, answer, at)
        mine = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)
        if not mine.untold().update(leased_until=None, **fields):
            mine.update(leased_until=None)
        elif ending := fields.get("ending"):
            _give_up(delivery, ending, at)
        elif answer.fate == Fate.TAKEN:
            _follow(delivery, result, at)


def _answer(delivery: Delivery, result: Result) -> Answer:
    answer = result if isinstance(result, Answer) else result.answer
    made = isinstance(result, LabelResult) and result.number
    if delivery.type == MessageType.LABEL_ORDERED and answer.fate == Fate.TAKEN and not made:
        return Answer(Fate.AGAIN, answer.status, "no number in the answer", answer.body)
    return answer


def _keep(delivery: Delivery, answer: Answer, at: datetime) -> None:
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        at=at,
        fate=answer.fate,
        status=answer.status,
        error=answer.error[:300],
        milliseconds=answer.milliseconds,
        # PostgreSQL keeps no NUL in a text.
        answer=answer.body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
    )


def _after(delivery: Delivery, answer: Answer, at: datetime) -> dict[str, Any]:
    """What the columns say after this answer."""
    fields = {"last_status": answer.status, "last_error": answer.error[:300]}
    if answer.fate == Fate.TAKEN:
        return {**fields, "delivered_at": at, "next_try_at": None}
    ending = _ENDED.get(answer.fate)
    if answer.fate == Fate.HOPELESS and _hopeless(delivery) >= HOPELESS_TRIES:
        ending = Ending.REFUSED
    again = next_try(
        delivery.message_id,
        delivery.tries,
        at=at,
        before=delivery.deliver_before,
        retry_after=answer.retry_after,
    )
    if not ending and again:
        return {**fields, "next_try_at": again}
    in_vain = Ending.EXPIRED if delivery.deliver_before else Ending.EXHAUSTED
    return {**fields, **_over(ending or in_vain, at)}


_ENDED = {Fate.GONE: Ending.GONE, Fate.ABORTED: Ending.ABORTED}


def _hopeless(delivery: Delivery) -> int:
    tried = DeliveryAttempt.objects.filter(delivery=delivery, number__gt=delivery.forgiven)
    return tried.filter(fate=Fate.HOPELESS).count()


def _over(ending: Ending, at: datetime) -> dict[str, Any]:
    return {"dead_at": at, "ending": ending, "next_try_at": None}


def _give_up(delivery: Delivery, ending: Ending, at: datetime) -> None:
    """The courier does not know: a van is not coming, and a person may have to do something."""
    if delivery.pickup and delivery.type in ASKS:
        fail_untold_pickup(delivery.pickup, at=at)
    # What an endpoint did not take for days is the endpoint's affair, and that is on the list.
    whole = ending in (Ending.EXHAUSTED, Ending.GONE)
    if whole and delivery.type != MessageType.LABEL_ORDERED:
        return
    raise_anomaly(
        f"delivery:{delivery.pk}:{delivery.attempts}",
        code="late-for-the-van" if ending == Ending.EXPIRED else "dead-letter",
        text=f"{delivery.courier} was not told: {delivery.get_type_display().lower()}. "
        f"{Ending(ending).label}.",
        at=at,
        courier=delivery.courier,
        parcel=delivery.parcel,
        pickup=delivery.pickup,
        delivery=delivery,
    )


def _follow(delivery: Delivery, result: Result, at: datetime) -> None:
    """What the answer means for the label or the van."""
    if isinstance(result, LabelResult) and delivery.type == MessageType.LABEL_ORDERED:
        issue_ordered_label(
            delivery.parcel,
            number=result.number,
            page=result.page,
            cost=result.cost,
            currency=result.currency,
            at=at,
        )
    booking = delivery.pickup
    if booking is None:
        return
    match result:
        case PickupOutcome(said=PickupSaid.ACCEPTED, confirmation_number=number):
            confirm_pickup(booking, number=number, at=at)
        case PickupOutcome(said=PickupSaid.REJECTED, reason=reason):
            reject_pickup(booking, reason=reason, at=at)
        case CancelOutcome(said=CancelSaid.CANCELLED | CancelSaid.REJECTED as said):
            answer_cancellation(booking, cancelled=said == CancelSaid.CANCELLED, at=at)
        case PickupOutcome(said=PickupSaid.BY_HAND) | CancelOutcome(said=CancelSaid.BY_HAND):
            _by_hand(delivery, booking, at)


def _by_hand(delivery: Delivery, booking: PickupBooking, at: datetime) -> None:
    raise_anomaly(
        f"by-hand:{delivery.pk}",
        code="ring-the-courier",
        text=f"Nobody but a person can tell {delivery.courier}: "
        f"{delivery.get_type_display().lower()}, {booking.reference}.",
        at=at,
        courier=delivery.courier,
        parcel=delivery.parcel,
        pickup=booking,
        delivery=delivery,
    )
