"""What the clock does about pick-ups that nobody speaks of (R23, R35)."""

import logging
from datetime import datetime

from django.db import OperationalError, transaction

from logistics import policy
from logistics.models import Anomaly, Parcel, PickupBooking
from logistics.states import PickupEvent, PickupState
from logistics.workflow.desk import raise_anomaly
from logistics.workflow.holding import hold
from logistics.workflow.pickups import CHOOSE_AGAIN, apply, note
from returns.drain import locked
from returns.states import Actor

log = logging.getLogger(__name__)


def watch_due(limit: int, *, at: datetime) -> int:
    """Look after up to `limit` pick-ups that are due, one commit each; returns how many."""
    due = PickupBooking.objects.due(at).values_list("pk", "parcel_id")[:limit]
    return sum(_watched(booking, parcel, at) for booking, parcel in list(due))


def _watched(pk: int, parcel: int, at: datetime) -> bool:
    """False where somebody else is at the parcel: it comes again."""
    try:
        with transaction.atomic():
            if locked(Parcel.objects.filter(pk=parcel)).first() is None:
                return False
            booking = PickupBooking.objects.select_related("case", "courier", "parcel").get(pk=pk)
            hold(booking.case)
            booking.refresh_from_db(fields=["state", "due_at"])
            if booking.due_at and booking.due_at <= at:
                _look(booking, at)
    except OperationalError:
        log.warning("pick-up %s comes again: it was in somebody's way", pk, exc_info=True)
        return False
    except Exception as error:
        log.exception("pick-up %s cannot be looked after", pk)
        _set_aside(pk, error, at)
    return True


def _look(booking: PickupBooking, at: datetime) -> None:
    """Nothing was heard in time: cancelled by silence, or a matter for the desk, told once."""
    state, courier = PickupState(booking.state), booking.courier.name
    if state == PickupState.CANCEL_REQUESTED:
        apply(booking, PickupEvent.CANCELLED, at=at)
        note(booking, f"{courier} did not answer: the pick-up is cancelled.", at, actor=Actor.CLOCK)
        return
    when = booking.words()
    if state in (PickupState.REQUESTED, PickupState.MOVE_REQUESTED) and at < booking.ends_at:
        _wait(booking, booking.ends_at + policy.SILENT)
        text = f"{courier} has not answered whether it comes on {when}."
        words = f"{text} We are asking; you may also choose another window or another way."
        _raise(booking, "pickup-unanswered", booking.asked_at.isoformat(), text, words, at)
        return
    _wait(booking, None)
    if state == PickupState.COMPLETED:
        text = f"{courier} says that it collected {booking.parcel}, and nobody scanned it since."
        _raise(booking, "pickup-without-scan", "", text, "", at)
    elif booking.is_open:
        text = f"{courier} has not said what became of the pick-up on {when}."
        words = f"{text} If nobody came: {CHOOSE_AGAIN.lower()}"
        _raise(booking, "pickup-silent", f"{booking.attempts}", text, words, at)


def _wait(booking: PickupBooking, until: datetime | None) -> None:
    booking.due_at = until
    booking.save(update_fields=["due_at"])


def _raise(
    booking: PickupBooking, code: str, nth: str, text: str, words: str, at: datetime
) -> None:
    """Before the desk and, with `words`, on the buyer's timeline, once."""
    key = f"{code}:{booking.pk}:{nth}"
    if words and not Anomaly.objects.filter(key=key).exists():
        note(booking, words, at, actor=Actor.CLOCK)
    raise_anomaly(
        key,
        code=code,
        text=f"{text} ({booking})",
        at=at,
        courier=booking.courier,
        parcel=booking.parcel,
        pickup=booking,
    )


def _set_aside(pk: int, error: Exception, at: datetime) -> None:
    """One that cannot be looked after waits for a person, and is in nobody's way."""
    booking = PickupBooking.objects.get(pk=pk)
    PickupBooking.objects.filter(pk=pk).update(due_at=None)
    text = f"{type(error).__name__}: {error}"
    _raise(booking, "pickup-not-watched", at.isoformat(), text, "", at)
