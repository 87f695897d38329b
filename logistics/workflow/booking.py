"""How the buyer books a van, moves it and calls it off (R23, R24)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from logistics.models import CourierService, PickupBooking
from logistics.policy import Slot, Window
from logistics.states import MessageType, PickupEvent, PickupState
from logistics.workflow.handover import choosing, require_offered
from logistics.workflow.holding import hold, require, tell
from logistics.workflow.labelling import live_label, services_in
from logistics.workflow.pickups import apply, begin, call_off
from logistics.workflow.places import NoPlace, offered, row_of, settle, zone_of
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, Event, Handover

#: So many free windows are named to who may not have the one asked for.
NAMED = 5


class WindowFull(NotNow):
    """The last place of the window went to somebody else; `free` are the slots that have some."""

    def __init__(self, case: Case, free: Sequence[Slot]) -> None:
        self.free = list(free)
        why = f"That window is full; {_named(free)}"
        super().__init__(case.state, Event.HANDOVER_CHOSEN, (), why)


def pickup_slots(case: Case, *, at: datetime) -> list[Slot]:
    """What the buyer can book now, full ones too. Raises NotNow, ValueError without a van (R21)."""
    require(case, Event.HANDOVER_CHOSEN)
    require_offered(case, Handover.PICKUP)
    return offered(case, _service(case, case.pickups.open().first()), at=at)


def book_pickup(case: Case, *, window: Window, at: datetime, by: str = "") -> PickupBooking:
    """The buyer books a van for a window on offer; with one booked already it is moved (R23).

    `by`: a person of the staff who does it for the buyer. Raises WindowFull, NotNow, ValueError.
    """
    with transaction.atomic():
        parcels = choosing(case, Handover.PICKUP)
        if booked := case.pickups.open().first():
            return _move(booked, window, at=at, by=by)
        service = _service(case)
        slot = _wanted(case, service, window, at=at)
        row = row_of(slot)
        parcel = live_label(case, parcels, service, at=at)
        booking = PickupBooking(
            parcel=parcel,
            case=case,
            courier=service.courier,
            reference=f"pk-{case.number}-{case.pickups.count() + 1}",
            time_zone=zone_of(case.buyer, service),
            requested_at=at,
            **_asked(slot, at),
        )
        try:
            settle(booking, row)
        except NoPlace:
            raise _full(case, service, at) from None
        begin(booking, at=at)
        _ask(MessageType.PICKUP_REQUESTED, booking, at=at)
        _chosen(booking, at=at, by=by)
    return booking


def reschedule_pickup(case: Case, *, window: Window, at: datetime, by: str = "") -> PickupBooking:
    """The buyer moves the van that is booked to another window (R23). Raises as book_pickup."""
    with transaction.atomic():
        return _move(_booked(case), window, at=at, by=by)


def cancel_pickup(case: Case, *, at: datetime, by: str = "") -> PickupBooking:
    """The buyer does not want the van any more (R23), and has to choose again.

    A courier that may have heard of it is asked: until it answers the van may come.
    """
    with transaction.atomic():
        booking = _booked(case)
        if booking.state == PickupState.CANCEL_REQUESTED:
            return booking
        call_off(booking, at=at)
        text = "Pick-up cancelled."
        if booking.is_open and booking.due_at:
            until = booking.due_at.astimezone(ZoneInfo(booking.time_zone))
            text = (
                f"{booking.courier.name} is asked to cancel the pick-up. It may still refuse; "
                f"without an answer it is cancelled on {until.day} {until:%B %Y, %H:%M}."
            )
        _say(booking, text, at=at, by=by)
    return booking


def _service(case: Case, booking: PickupBooking | None = None) -> CourierService:
    """The one that picks up in the buyer's country; for a booking, its courier's."""
    services = services_in(case.buyer.country).filter(method=Handover.PICKUP)
    if booking:
        services = services.filter(courier=booking.courier)
    service = services.first()
    if service is None:
        raise ValueError("no van comes to this address any more; please choose another way")
    return service


def _wanted(case: Case, service: CourierService, window: Window, *, at: datetime) -> Slot:
    """The slot on offer that is this window."""
    slots = offered(case, service, at=at)
    slot = next((each for each in slots if each.window == window), None)
    if slot is None:
        free = [each for each in slots if each.left]
        raise ValueError(f"no van comes in that window; {_named(free)}")
    if not slot.left:
        raise _full(case, service, at)
    return slot


def _full(case: Case, service: CourierService, at: datetime) -> WindowFull:
    return WindowFull(case, [each for each in offered(case, service, at=at) if each.left])


def _named(free: Sequence[Slot]) -> str:
    """The first of them, local time."""
    if not free:
        return "none is free before the parcel must be handed over."
    return f"free ones: {'; '.join(str(slot.window) for slot in free[:NAMED])}."


def _booked(case: Case) -> PickupBooking:
    hold(case)
    require(case, Event.HANDOVER_CHOSEN)
    booking = case.pickups.open().first()
    if booking is None:
        raise NotNow(case.state, Event.HANDOVER_CHOSEN, (), "No pick-up is booked.")
    booking.case = case
    return booking


def _move(booking: PickupBooking, window: Window, *, at: datetime, by: str) -> PickupBooking:
    case = booking.case
    if booking.state == PickupState.CANCEL_REQUESTED:
        why = "The courier was asked to cancel your pick-up; please wait for its answer."
        raise NotNow(case.state, Event.HANDOVER_CHOSEN, (), why)
    if window == Window(booking.window_date, booking.window_start, booking.window_end):
        return booking
    service = _service(case, booking)
    slot = _wanted(case, service, window, at=at)
    kept = booking.slot if booking.state == PickupState.CONFIRMED else booking.kept_slot
    try:
        settle(booking, row_of(slot), kept)
    except NoPlace:
        raise _full(case, service, at) from None
    apply(booking, PickupEvent.RESCHEDULED, at=at, **_asked(slot, at))
    _ask(MessageType.PICKUP_RESCHEDULE_REQUESTED, booking, at=at)
    _chosen(booking, at=at, by=by)
    return booking


def _asked(slot: Slot, at: datetime) -> dict[str, Any]:
    """What a booking keeps of the window that is asked for."""
    return {
        "window_date": slot.window.date,
        "window_start": slot.window.start,
        "window_end": slot.window.end,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "cut_off_at": slot.cut_off_at,
        "asked_at": at,
    }


def _ask(what: MessageType, booking: PickupBooking, *, at: datetime) -> None:
    """The full address goes only here: to the courier that must find the door."""
    buyer = booking.case.buyer
    tell(
        what,
        booking.parcel,
        at=at,
        pickup=booking,
        deliver_before=booking.cut_off_at,
        pickup_id=booking.reference,
        parcels=1,
        address={"name": buyer.name, **buyer.address, "country": buyer.country},
        window=booking.window(),
        attempt_limit=booking.case.policy.pickup_attempts,
        label="printed",
    )


def _chosen(booking: PickupBooking, *, at: datetime, by: str) -> None:
    window = booking.window()
    facts = {"courier": booking.courier.slug, "pickup": booking.reference, "window": window}
    text = f"{booking.courier.name} comes on {window['date']}, {window['start']}–{window['end']}."
    returns.choose_handover(booking.case, method=Handover.PICKUP, at=at, text=text, facts=facts)
    if by:
        _say(booking, "Booked on the buyer's behalf.", at=at, by=by)


def _say(booking: PickupBooking, text: str, *, at: datetime, by: str) -> None:
    actor = Actor.SUPPORT if by else Actor.BUYER
    facts = {"pickup": booking.reference, "state": booking.state}
    returns.note(booking.case, text=text, at=at, actor=actor, by=by, facts=facts)
