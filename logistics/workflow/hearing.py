"""What couriers' messages about a pick-up mean, in whatever order they come (R23, R24)."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.db.models import Max

from logistics import policy, reports
from logistics.models import Parcel, PickupBooking, TrackingEvent
from logistics.states import PickupEvent, PickupState
from logistics.tracking import TrackingCode, TrackingReason
from logistics.workflow.desk import raise_anomaly
from logistics.workflow.pickups import (
    CHOOSE_AGAIN,
    agree,
    apply,
    call_off,
    extend,
    knows,
    note,
    stay,
)
from returns import policy as rules
from returns.machine import NotNow
from returns.models import Case


def hear(case: Case, parcel: Parcel, event: TrackingEvent, *, at: datetime) -> None:
    """What one message about a pick-up means. Raises NotNow. Under the locks of both."""
    booking = parcel.pickups.filter(reference=event.pickup_id).first()
    if booking is None:
        raise NotNow("unknown", event.type, ())
    # The case that is held, not a copy of it.
    booking.case = case
    _HEARD[event.type](booking, event, at)


def collect(parcel: Parcel, case: Case, *, scanned_at: datetime, by: str, at: datetime) -> None:
    """A scan, `by` its code: the van was there, whatever else was said of it; at a counter, it need
    not come.
    """
    booking = parcel.pickups.open().first()
    if booking is None and by == TrackingCode.PICKED_UP:
        booking = parcel.pickups.first()
    if booking is None:
        return
    booking.case = case
    if by == TrackingCode.DROPPED_OFF:
        call_off(booking, at=at)
    else:
        _complete(booking, min(scanned_at, at), at)


def _complete(booking: PickupBooking, when: datetime, at: datetime) -> None:
    """The earliest that was told of stands, and nothing that failed before matters any more."""
    earliest = min(filter(None, (booking.completed_at, when)))
    apply(booking, PickupEvent.COMPLETED, at=at, completed_at=earliest, reason="")


def _completed(booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    _complete(booking, min(event.occurred_at, at), at)


def _confirmed(booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    """Kept when nothing newer is; an answer to what was asked before a move moves nothing."""
    told = event.details
    number = told.get("confirmation_number", "")
    window = _window(told)
    if booking.confirmed_told_at and event.occurred_at < booking.confirmed_told_at:
        _keep(booking, confirmation_number=booking.confirmation_number or number)
    elif _answers_older(booking, event, window) or not knows(booking, PickupEvent.CONFIRMED):
        start, end = window or (booking.starts_at, booking.ends_at)
        _keep(
            booking,
            confirmation_number=number or booking.confirmation_number,
            confirmed_start_at=start,
            confirmed_end_at=end,
            confirmed_told_at=event.occurred_at,
        )
    else:
        agree(booking, at=at, number=number, window=window, told_at=event.occurred_at)
        note(booking, f"Pick-up confirmed for {booking.confirmed_words()}.", at)


def _window(told: Mapping[str, str]) -> tuple[datetime, datetime] | None:
    if "window_start" not in told:
        return None
    return datetime.fromisoformat(told["window_start"]), datetime.fromisoformat(told["window_end"])


def _answers_older(
    booking: PickupBooking, event: TrackingEvent, window: tuple[datetime, datetime] | None
) -> bool:
    """Whether it tells of another window than the one that was asked for since."""
    if window is None or window == (booking.starts_at, booking.ends_at):
        return False
    return event.occurred_at + policy.SKEW < booking.asked_at


def _keep(booking: PickupBooking, **facts: object) -> None:
    for name, value in facts.items():
        setattr(booking, name, value)
    booking.save(update_fields=list(facts))


def _attempted(booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    """Counted once, with its reason, in whatever state; a courier's own failure gives a day."""
    attempts = booking.tries.aggregate(last=Max("n"))["last"] or 0
    # Its own count where it told one: then it does not matter which report comes first.
    n = int(event.details.get("attempt", attempts + 1))
    reason = event.reason or TrackingReason.OTHER
    _, new = booking.tries.get_or_create(
        n=n, defaults={"at": min(event.occurred_at, at), "reason": reason}
    )
    if not new:
        return
    was_open, attempts = booking.is_open, max(attempts, n)
    last = booking.tries.latest("n").reason
    if was_open:
        apply(booking, PickupEvent.ATTEMPT_FAILED, at=at, attempts=attempts, reason=last)
    else:
        _keep(booking, attempts=attempts)
    extend(booking.case, reason, at)
    over = rules.pickup_failed(attempts, booking.case.policy.numbers)
    if over and knows(booking, PickupEvent.FAILED):
        apply(booking, PickupEvent.FAILED, at=at, reason=last)
    words = f"Pick-up attempt {n} failed: {TrackingReason(reason).label.lower()}."
    note(booking, f"{words} {CHOOSE_AGAIN}" if over and was_open else words, at)


def _rejected(booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    if booking.state == PickupState.MOVE_REQUESTED:
        stay(booking, PickupEvent.MOVE_REJECTED, at=at)
        words = f"The courier cannot come at the other time: it still comes on {booking.words()}."
        note(booking, words, at)
        return
    _end(booking, PickupEvent.REJECTED, event, "The courier rejected the pick-up.", at)


def _cancelled(booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    if booking.state == PickupState.CANCEL_REQUESTED:
        apply(booking, PickupEvent.CANCELLED, at=at)
        note(booking, "The courier cancelled the pick-up, as it was asked to.", at)
    elif booking.state != PickupState.CANCELLED:
        _end(booking, PickupEvent.CANCELLED, event, "The courier cancelled the pick-up.", at)


def _end(
    booking: PickupBooking, end: PickupEvent, event: TrackingEvent, words: str, at: datetime
) -> None:
    """No van comes. One that came all the same contradicts it: NotNow; a lesser end is no news."""
    was_open = booking.is_open
    if not knows(booking, end) and booking.state != PickupState.COMPLETED:
        return
    apply(booking, end, at=at, reason=event.reason)
    extend(booking.case, event.reason, at)
    if was_open:
        note(booking, f"{words} {CHOOSE_AGAIN}", at)


def _cancel_rejected(booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    if booking.state == PickupState.CANCELLED:
        text = f"{booking.courier} comes for {booking}, whose cancellation counted already."
        raise_anomaly(
            f"pickup-comes-anyway:{booking.pk}",
            code="pickup-comes-anyway",
            text=text,
            at=at,
            courier=booking.courier,
            parcel=booking.parcel,
            pickup=booking,
        )
        return
    if booking.state != PickupState.CANCEL_REQUESTED:
        return
    stay(booking, PickupEvent.CANCEL_REJECTED, at=at)
    note(booking, f"The courier could not cancel any more: it comes on {booking.words()}.", at)


_HEARD: dict[str, Callable[[PickupBooking, TrackingEvent, datetime], None]] = {
    reports.CONFIRMED: _confirmed,
    reports.RESCHEDULED: _confirmed,
    reports.ATTEMPTED: _attempted,
    reports.COMPLETED: _completed,
    reports.REJECTED: _rejected,
    reports.CANCELLED: _cancelled,
    reports.CANCEL_REJECTED: _cancel_rejected,
}
