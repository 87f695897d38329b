"""How the buyer gets rid of the box: the ways there are, drop-off and registered mail (R20–R22)."""

from datetime import datetime

from django.db import transaction

from logistics.models import CourierService, DropOffPoint, Parcel
from logistics.workflow.holding import hold, require
from logistics.workflow.labelling import live_label, services_in
from logistics.workflow.pickups import call_off
from returns import policy
from returns import workflow as returns
from returns.models import Case
from returns.states import Event, Handover, TermsOutcome


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
        parcels = choosing(case, Handover.DROP_OFF)
        service = services_in(case.buyer.country).filter(method=Handover.DROP_OFF)[0]
        point = _point(service, point_code, at) if point_code else None
        if booking := case.pickups.open().first():
            call_off(booking, at=at)
        parcel = live_label(case, parcels, service, at=at)
        parcel.drop_off_point = point
        parcel.save(update_fields=["drop_off_point"])
        where = str(point) if point else f"any point of {service.courier.name}"
        facts = {"courier": service.courier.slug, "point": point_code}
        returns.choose_handover(case, method=Handover.DROP_OFF, at=at, text=where, facts=facts)
    return parcel


def pack(case: Case, *, pieces: int, at: datetime) -> None:
    """The buyer says how many of the claimed pieces go into the parcel."""
    with transaction.atomic():
        hold(case)  # parcels before the case, whatever is done with it next
        returns.pack(case, pieces=pieces, at=at)


def choosing(case: Case, method: Handover) -> list[Parcel]:
    """Hold the case, in a state to choose this way, and its parcels. Raises NotNow, ValueError."""
    parcels = hold(case)
    require(case, Event.HANDOVER_CHOSEN)
    require_offered(case, method)
    return parcels


def require_offered(case: Case, method: Handover) -> None:
    """Raise ValueError unless the case's parcel may be handed over this way (R20–R22)."""
    if method not in (options := handover_options(case)):
        raise ValueError(f"this return can be handed over by: {', '.join(options)}")


def _point(service: CourierService, code: str, at: datetime) -> DropOffPoint:
    of_the_courier = service.courier.points.filter(country=service.country, code=code)
    if point := of_the_courier.usable(at).first():
        return point
    closed = of_the_courier.filter(active=True, takes_parcels=True).first()
    if closed and (why := closed.closed_in_words(at)):
        raise ValueError(f"{closed} is {why}; choose another point")
    raise ValueError(f"{service.courier.name} has no drop-off point {code!r}")
