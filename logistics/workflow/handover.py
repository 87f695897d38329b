"""How the buyer gets rid of the box: drop-off, pick-up, or registered mail (R20–R24)."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from logistics.models import CourierService, DropOffPoint, Parcel, PickupBooking
from logistics.policy import CUT_OFF, Window
from logistics.states import PICKUP, Carried, MessageType, PickupEvent
from logistics.tracking import ParcelState
from logistics.workflow.holding import hold, require, tell
from logistics.workflow.labelling import live_label, services_in
from logistics.workflow.pickups import apply, overtake
from returns import policy
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, Event, Handover, TermsOutcome


def options_in(country: str, terms: TermsOutcome) -> list[str]:
    """The ways to hand over a parcel in a country under these terms (R20–R22)."""
    offered = services_in(country).values_list("method", flat=True)
    return [str(way.value) for way in policy.handover_methods(terms, set(offered))]


def handover_options(case: Case) -> list[str]:
    """The ways this case's parcel may be handed over."""
    return options_in(case.buyer.country, TermsOutcome(case.terms))


def choose_drop_off(case: Case, *, point_code: str, at: datetime) -> Parcel:
    """The buyer will bring the parcel to a point of the courier; to any, without a code (R20)."""
    with transaction.atomic():
        service, parcels = _choosing(case, Handover.DROP_OFF)
        point = _point(service, point_code, at) if point_code else None
        if booking := case.pickups.open().first():
            _cancel(booking, at=at)
        parcel = live_label(case, parcels, service, at=at)
        parcel.drop_off_point = point
        parcel.save(update_fields=["drop_off_point"])
        where = str(point) if point else f"any point of {service.courier.name}"
        facts = {"courier": service.courier.slug, "point": point_code}
        returns.choose_handover(case, method=Handover.DROP_OFF, at=at, text=where, facts=facts)
    return parcel


def book_pickup(case: Case, *, window: Window, at: datetime) -> PickupBooking:
    """The buyer books a van, from the next day on; with one booked already it is moved (R23)."""
    with transaction.atomic():
        service, parcels = _choosing(case, Handover.PICKUP)
        window.check(service.time_zone, at=at, until=case.deadline_at or at)
        if booking := case.pickups.open().first():
            return _move(booking, window, at=at)
        parcel = live_label(case, parcels, service, at=at)
        starts, ends = window.moments(service.time_zone)
        booking = PickupBooking.objects.create(
            parcel=parcel,
            case=case,
            courier=service.courier,
            reference=f"pk-{case.number}-{case.pickups.count() + 1}",
            window_date=window.date,
            window_start=window.start,
            window_end=window.end,
            time_zone=service.time_zone,
            starts_at=starts,
            ends_at=ends,
            state=PICKUP.start[1],
            requested_at=at,
            changed_at=at,
        )
        _ask(MessageType.PICKUP_REQUESTED, booking, at=at)
        _chosen(booking, at=at)
    return booking


def reschedule_pickup(case: Case, *, window: Window, at: datetime) -> PickupBooking:
    """The buyer moves the van that is booked to another window (R23)."""
    with transaction.atomic():
        booking = _booked(case)
        window.check(booking.time_zone, at=at, until=case.deadline_at or at)
        return _move(booking, window, at=at)


def cancel_pickup(case: Case, *, at: datetime) -> None:
    """The buyer does not want the van any more (R23), and has to choose again."""
    with transaction.atomic():
        booking = _booked(case)
        _cancel(booking, at=at)
        returns.note(case, text="Pick-up cancelled by the buyer.", at=at, actor=Actor.BUYER)


def pack(case: Case, *, pieces: int, at: datetime) -> None:
    """The buyer says how many of the claimed pieces go into the parcel."""
    with transaction.atomic():
        hold(case)  # parcels before the case, whatever is done with it next
        returns.pack(case, pieces=pieces, at=at)


def register_own_parcel(
    case: Case,
    *,
    courier_name: str,
    tracking_number: str,
    registered: bool,
    postage: Decimal,
    at: datetime,
) -> Parcel:
    """The buyer posted the parcel by registered mail, at own cost (R22).

    Where a free return had no courier of ours, `postage`, in the case's currency, is given back
    on top (R21).
    """
    courier_name = " ".join(courier_name.split())
    number = "".join(tracking_number.split()).upper()
    if not registered:
        raise ValueError("the parcel must travel by registered mail (R22)")
    if not courier_name or not 4 <= len(number) <= 40 or not number.isascii():
        raise ValueError("the courier's name and the tracking number are needed (R22)")
    if postage < 0:
        raise ValueError("postage is not negative")
    with transaction.atomic():
        hold(case)
        require(case, Event.HANDED_OVER)
        _offered(case, Handover.OWN_COURIER)
        reimbursed = case.is_free
        returns.hand_over(
            case,
            at=at,
            actor=Actor.BUYER,
            by=case.buyer.name,
            text=f"Posted by registered mail: {courier_name}, {number}.",
            facts={"courier": courier_name, "tracking_number": number, "postage": str(postage)},
            postage=postage if reimbursed else Decimal(0),
        )
        return Parcel.objects.create(
            case=case,
            order=case.order,
            carried=Carried.REIMBURSED if reimbursed else Carried.OWN,
            courier_name=courier_name[:80],
            tracking_number=number,
            issued_at=at,
            last_news_at=at,
            state=ParcelState.IN_TRANSIT,
            postage=postage,
            currency=case.currency,
        )


def _choosing(case: Case, method: Handover) -> tuple[CourierService, list[Parcel]]:
    """The case held, in a state to choose, and the courier that offers this way."""
    parcels = hold(case)
    require(case, Event.HANDOVER_CHOSEN)
    _offered(case, method)
    return services_in(case.buyer.country).filter(method=method)[0], parcels


def _offered(case: Case, method: Handover) -> None:
    if method not in (options := handover_options(case)):
        raise ValueError(f"this return can be handed over by: {', '.join(options)}")


def _point(service: CourierService, code: str, at: datetime) -> DropOffPoint:
    of_the_courier = service.courier.points.filter(country=service.country, code=code)
    if point := of_the_courier.usable(at).first():
        return point
    closed = of_the_courier.filter(active=True, takes_parcels=True).first()
    if closed and closed.closed_until:
        until = f"{closed.closed_until:%Y-%m-%d %H:%M} UTC"
        raise ValueError(f"{closed} is closed until {until}; choose another point")
    raise ValueError(f"{service.courier.name} has no drop-off point {code!r}")


def _booked(case: Case) -> PickupBooking:
    hold(case)
    require(case, Event.HANDOVER_CHOSEN)
    booking = case.pickups.open().first()
    if booking is None:
        raise NotNow(case.state, Event.HANDOVER_CHOSEN, (), "No pick-up is booked.")
    return booking


def _move(booking: PickupBooking, window: Window, *, at: datetime) -> PickupBooking:
    if window == Window(booking.window_date, booking.window_start, booking.window_end):
        return booking
    starts, ends = window.moments(booking.time_zone)
    apply(
        booking,
        PickupEvent.RESCHEDULED,
        at=at,
        window_date=window.date,
        window_start=window.start,
        window_end=window.end,
        starts_at=starts,
        ends_at=ends,
        confirmed_start_at=None,
        confirmed_end_at=None,
    )
    _ask(MessageType.PICKUP_RESCHEDULE_REQUESTED, booking, at=at)
    _chosen(booking, at=at)
    return booking


def _cancel(booking: PickupBooking, *, at: datetime) -> None:
    apply(booking, PickupEvent.CANCELLED, at=at)
    overtake(booking, at=at)


def _ask(what: MessageType, booking: PickupBooking, *, at: datetime) -> None:
    """The full address goes only here: to the courier that must find the door."""
    buyer = booking.case.buyer
    tell(
        what,
        booking.parcel,
        at=at,
        pickup=booking,
        deliver_before=booking.starts_at - CUT_OFF,
        pickup_id=booking.reference,
        parcels=1,
        address={"name": buyer.name, **buyer.address, "country": buyer.country},
        window=booking.window(),
    )


def _chosen(booking: PickupBooking, *, at: datetime) -> None:
    window = booking.window()
    facts = {"courier": booking.courier.slug, "pickup": booking.reference, "window": window}
    text = f"{booking.courier.name} comes on {window['date']}, {window['start']}–{window['end']}."
    returns.choose_handover(booking.case, method=Handover.PICKUP, at=at, text=text, facts=facts)
