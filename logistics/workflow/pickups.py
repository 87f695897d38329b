"""A pick-up's one hand: its state and its places, calling it off, and what a call came to (R23)."""

from datetime import datetime
from typing import Any

from django.db import transaction

from logistics import policy
from logistics.models import PickupBooking
from logistics.states import OPEN_PICKUPS, PICKUP, Ending, MessageType, PickupEvent, PickupState
from logistics.tracking import TrackingReason
from logistics.workflow.holding import hold, tell
from logistics.workflow.places import settle
from returns import policy as rules
from returns import workflow as returns
from returns.models import Case
from returns.states import Actor, State

CHOOSE_AGAIN = "Please choose again how to send the parcel."
#: While one of these is unanswered the window that was confirmed before keeps its place.
_UNANSWERED = (PickupState.MOVE_REQUESTED, PickupState.CANCEL_REQUESTED)


def knows(booking: PickupBooking, event: PickupEvent) -> bool:
    """Whether the table of moves knows the event now."""
    return event in PICKUP.allowed(PickupState(booking.state))


def apply(booking: PickupBooking, event: PickupEvent, *, at: datetime, **fields: Any) -> None:
    """Where the table of moves leads, written. Raises NotNow. Under the locks of hold().

    With it go the places in vans that are not needed any more, and when the clock looks next.
    """
    state = PICKUP.after(PickupState(booking.state), event)
    fields |= {"state": state, "changed_at": at}
    for name, value in fields.items():
        setattr(booking, name, value)
    if state not in _UNANSWERED:
        settle(booking, booking.slot if state in OPEN_PICKUPS else None)
    if "due_at" not in fields:
        booking.due_at = _due(booking, at)
    booking.save(update_fields=[*{*fields, "slot", "kept_slot", "due_at"}])


def begin(booking: PickupBooking, *, at: datetime) -> None:
    """The first line of a pick-up's life: a new booking, with the place it holds, is written."""
    booking.state, booking.changed_at = PICKUP.start[1], at
    booking.due_at = _due(booking, at)
    booking.save()


def _due(booking: PickupBooking, at: datetime) -> datetime | None:
    """When nothing more was heard until then, the clock does something about it (R35)."""
    state = booking.state
    if state in (PickupState.REQUESTED, PickupState.MOVE_REQUESTED):
        return policy.answer_due(booking.asked_at, booking.cut_off_at)
    if state == PickupState.CONFIRMED:
        return max(booking.confirmed_end_at or booking.ends_at, at) + policy.SILENT
    if state == PickupState.CANCEL_REQUESTED:
        return booking.due_at
    if state == PickupState.COMPLETED and booking.parcel.first_scan_at is None:
        return (booking.completed_at or at) + policy.UNSCANNED
    return None


def overtake(
    booking: PickupBooking, *, at: datetime, deliver_before: datetime | None = None
) -> bool:
    """Take back what the courier has not heard; what it may have heard, tell it to cancel.

    Returns whether it may have heard.
    """
    untold = booking.deliveries.untold()
    heard = booking.deliveries.filter(attempts__gt=0).exists() or not booking.courier.is_told
    untold.update(dead_at=at, next_try_at=None, ending=Ending.OVERTAKEN)
    if heard:
        tell(
            MessageType.PICKUP_CANCEL_REQUESTED,
            booking.parcel,
            at=at,
            pickup=booking,
            deliver_before=deliver_before,
            pickup_id=booking.reference,
        )
    return heard


def call_off(booking: PickupBooking, *, at: datetime) -> None:
    """The van is not to come. A courier that may have heard of it is asked, and may refuse."""
    if booking.state == PickupState.CANCEL_REQUESTED:
        return
    until = policy.cancellation_counts(
        at,
        cut_off_at=booking.cut_off_at,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
    )
    if overtake(booking, at=at, deliver_before=until) and until:
        apply(booking, PickupEvent.CANCEL_REQUESTED, at=at, cancel_asked_at=at, due_at=until)
    else:
        apply(booking, PickupEvent.CANCELLED, at=at)


def confirm_pickup(booking: PickupBooking, *, number: str, at: datetime) -> None:
    """The courier confirmed at once, in its answer to our request."""
    with transaction.atomic():
        hold(booking.case)
        booking.refresh_from_db()
        if booking.state in (PickupState.REQUESTED, PickupState.MOVE_REQUESTED):
            agree(booking, at=at, number=number[:64])
            note(booking, f"Pick-up confirmed for {booking.words()}.", at)


def reject_pickup(booking: PickupBooking, *, reason: str, at: datetime) -> None:
    """The courier said at once, in its answer, that it does not come (R23)."""
    with transaction.atomic():
        hold(booking.case)
        booking.refresh_from_db()
        if booking.state == PickupState.MOVE_REQUESTED:
            stay(booking, PickupEvent.MOVE_REJECTED, at=at)
            note(booking, f"The courier still comes on {booking.words()}.", at)
        elif booking.state in (PickupState.REQUESTED, PickupState.CONFIRMED):
            apply(booking, PickupEvent.REJECTED, at=at, reason=reason[:200])
            extend(booking.case, TrackingReason.COURIER_MISSED, at)
            note(booking, f"The courier rejected the pick-up. {CHOOSE_AGAIN}", at)


def answer_cancellation(booking: PickupBooking, *, cancelled: bool, at: datetime) -> None:
    """The courier said at once whether it could still cancel (R23)."""
    with transaction.atomic():
        hold(booking.case)
        booking.refresh_from_db()
        if booking.state != PickupState.CANCEL_REQUESTED:
            return
        if cancelled:
            apply(booking, PickupEvent.CANCELLED, at=at)
            note(booking, "The courier cancelled the pick-up, as it was asked to.", at)
        else:
            stay(booking, PickupEvent.CANCEL_REJECTED, at=at)
            words = f"The courier could not cancel any more: it comes on {booking.words()}."
            note(booking, words, at)


def agree(
    booking: PickupBooking,
    *,
    at: datetime,
    number: str = "",
    window: tuple[datetime, datetime] | None = None,
    told_at: datetime | None = None,
) -> None:
    """The courier comes: in the window that was asked for, unless it told another (UTC)."""
    start, end = window or (booking.starts_at, booking.ends_at)
    apply(
        booking,
        PickupEvent.CONFIRMED,
        at=at,
        confirmation_number=number or booking.confirmation_number,
        confirmed_start_at=start,
        confirmed_end_at=end,
        confirmed_told_at=told_at or at,
    )


def stay(booking: PickupBooking, event: PickupEvent, *, at: datetime) -> None:
    """What the buyer wanted instead did not come about: the window confirmed before stands."""
    fields: dict[str, Any] = {}
    if kept := booking.kept_slot:
        window = policy.Window(kept.date, kept.window.start, kept.window.end)
        starts, ends = window.moments(booking.time_zone)
        settle(booking, kept)
        fields = {
            "window_date": window.date,
            "window_start": window.start,
            "window_end": window.end,
            "starts_at": starts,
            "ends_at": ends,
        }
    apply(booking, event, at=at, **fields)


def fail_untold_pickup(booking: PickupBooking, *, at: datetime) -> None:
    """The courier could not be told in time: its failure, not the buyer's (R24)."""
    with transaction.atomic():
        hold(booking.case)
        booking.refresh_from_db()
        if booking.state == PickupState.MOVE_REQUESTED:
            stay(booking, PickupEvent.MOVE_REJECTED, at=at)
            words = f"The courier could not be reached: it still comes on {booking.words()}."
            note(booking, words, at)
        elif booking.state in (PickupState.REQUESTED, PickupState.CONFIRMED):
            reason = "the courier could not be reached"
            apply(booking, PickupEvent.FAILED, at=at, reason=reason)
            extend(booking.case, TrackingReason.COURIER_MISSED, at)
            note(booking, f"The courier could not be reached. {CHOOSE_AGAIN}", at)


def extend(case: Case, reason: str, at: datetime) -> None:
    """R24: a day more for the buyer where it was the courier that failed."""
    more = rules.handover_extension(reason)
    if more and case.state == State.AWAITING_RETURN:
        returns.extend_handover(case, by=more, why="The courier could not come.", at=at)


def note(booking: PickupBooking, text: str, at: datetime, *, actor: Actor = Actor.COURIER) -> None:
    """On the case's timeline, in the courier's name unless it was somebody else."""
    facts = {"pickup": booking.reference, "state": booking.state, "attempts": booking.attempts}
    by = booking.courier.name if actor == Actor.COURIER else ""
    returns.note(booking.case, text=text, at=at, actor=actor, by=by, facts=facts)
