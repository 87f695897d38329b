"""A pick-up's one hand, and what couriers' answers mean for the buyer (R23, R24)."""

from datetime import datetime
from typing import Any

from django.db import transaction

from logistics import reports
from logistics.models import Parcel, PickupBooking, TrackingEvent
from logistics.states import PICKUP, MessageType, PickupEvent, PickupState
from logistics.tracking import TrackingReason
from logistics.workflow.holding import hold, tell
from returns import policy
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, State

CHOOSE_AGAIN = "Please choose again how to send the parcel."


def apply(booking: PickupBooking, event: PickupEvent, *, at: datetime, **fields: Any) -> None:
    """Where the table of moves leads, written. Raises NotNow. Under the parcel's lock."""
    fields |= {"state": PICKUP.after(PickupState(booking.state), event), "changed_at": at}
    for name, value in fields.items():
        setattr(booking, name, value)
    booking.save(update_fields=list(fields))


def overtake(booking: PickupBooking, *, at: datetime) -> None:
    """Take back what the courier has not heard; what it may have heard, tell it to cancel."""
    untold = booking.deliveries.untold()
    heard = booking.deliveries.filter(attempts__gt=0).exists() or not booking.courier.endpoint_url
    untold.update(dead_at=at, next_try_at=None, last_error="overtaken by a cancellation")
    if heard:
        cancel = MessageType.PICKUP_CANCEL_REQUESTED
        tell(cancel, booking.parcel, at=at, pickup=booking, pickup_id=booking.reference)


def confirm_pickup(booking: PickupBooking, *, number: str, at: datetime) -> None:
    """The courier confirmed at once, in its answer to our request."""
    with transaction.atomic():
        hold(booking.case)
        booking.refresh_from_db()
        if booking.state == PickupState.REQUESTED:
            apply(booking, PickupEvent.CONFIRMED, at=at, confirmation_number=number[:64])
            _note(booking.case, f"Pick-up confirmed for {_when(booking)}.", booking, at)


def fail_untold_pickup(booking: PickupBooking, *, at: datetime) -> None:
    """The courier could not be told in time: its failure, not the buyer's (R24)."""
    with transaction.atomic():
        hold(booking.case)
        booking.refresh_from_db()
        if booking.is_open:
            why = "the courier could not be reached"
            apply(booking, PickupEvent.FAILED, at=at, reason=why)
            _extend(booking.case, TrackingReason.COURIER_MISSED, at)
            _note(booking.case, f"The courier could not be reached. {CHOOSE_AGAIN}", booking, at)


def hear(case: Case, parcel: Parcel, event: TrackingEvent, *, at: datetime) -> None:
    """What one message about a pick-up means. Raises NotNow. Under the locks of both."""
    booking = parcel.pickups.filter(reference=event.pickup_id).first()
    if booking is None:
        raise NotNow("unknown", event.type, ())
    _HEARD[event.type](case, booking, event, at)


def _confirmed(case: Case, booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    told = event.details
    fields: dict[str, Any] = {
        "confirmation_number": told.get("confirmation_number", booking.confirmation_number)
    }
    if "window_start" in told:
        fields["confirmed_start_at"] = datetime.fromisoformat(told["window_start"])
        fields["confirmed_end_at"] = datetime.fromisoformat(told["window_end"])
    apply(booking, PickupEvent.CONFIRMED, at=at, **fields)
    _note(case, f"Pick-up confirmed for {_when(booking)}.", booking, at)


def _attempted(case: Case, booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    """Counted, with its reason; where the courier failed the buyer gets a day more."""
    attempts = booking.attempts + 1
    reason = event.reason or TrackingReason.OTHER
    apply(booking, PickupEvent.ATTEMPT_FAILED, at=at, attempts=attempts, reason=reason)
    _extend(case, reason, at)
    words = f"Pick-up attempt {attempts} failed: {TrackingReason(reason).label.lower()}."
    if policy.pickup_failed(attempts, case.policy.numbers):
        apply(booking, PickupEvent.FAILED, at=at)
        words = f"{words} {CHOOSE_AGAIN}"
    _note(case, words, booking, at)


def _completed(case: Case, booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    apply(booking, PickupEvent.COMPLETED, at=at, completed_at=min(event.occurred_at, at))


def _rejected(case: Case, booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    apply(booking, PickupEvent.REJECTED, at=at, reason=event.reason)
    _extend(case, event.reason, at)
    _note(case, f"The courier rejected the pick-up. {CHOOSE_AGAIN}", booking, at)


def _cancelled(case: Case, booking: PickupBooking, event: TrackingEvent, at: datetime) -> None:
    if booking.state == PickupState.CANCELLED:
        return  # our own cancellation, acknowledged
    apply(booking, PickupEvent.CANCELLED, at=at, reason=event.reason)
    _extend(case, event.reason, at)
    _note(case, f"The courier cancelled the pick-up. {CHOOSE_AGAIN}", booking, at)


def _cancel_rejected(
    case: Case, booking: PickupBooking, event: TrackingEvent, at: datetime
) -> None:
    """The van comes all the same."""
    _note(case, "The courier will not cancel the pick-up.", booking, at)


_HEARD = {
    reports.CONFIRMED: _confirmed,
    reports.RESCHEDULED: _confirmed,
    reports.ATTEMPTED: _attempted,
    reports.COMPLETED: _completed,
    reports.REJECTED: _rejected,
    reports.CANCELLED: _cancelled,
    reports.CANCEL_REJECTED: _cancel_rejected,
}


def _extend(case: Case, reason: str, at: datetime) -> None:
    more = policy.handover_extension(reason)
    if more and case.state == State.AWAITING_RETURN:
        returns.extend_handover(case, by=more, why="The courier could not come.", at=at)


def _note(case: Case, text: str, booking: PickupBooking, at: datetime) -> None:
    facts = {"pickup": booking.reference, "state": booking.state, "attempts": booking.attempts}
    by = booking.courier.name
    returns.note(case, text=text, at=at, actor=Actor.COURIER, by=by, facts=facts)


def _when(booking: PickupBooking) -> str:
    return (
        f"{booking.window_date:%d %B %Y}, {booking.window_start:%H:%M}–{booking.window_end:%H:%M}"
    )
