"""Holding a case and its parcels still, and telling couriers what changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from logistics.models import Delivery, Parcel, PickupBooking
from logistics.states import LabelState, MessageType
from returns.bell import ring_on_commit
from returns.machine import NotNow
from returns.models import Case
from returns.states import MACHINE, Event, State


def hold(case: Case) -> list[Parcel]:
    """Lock the case's parcels, then the case, and look again; returns the parcels by age."""
    list(case.parcels.select_for_update().order_by("id"))
    case.refresh_from_db(from_queryset=Case.objects.select_for_update())
    # One that was added while we waited for the case; nobody adds one without its lock.
    return list(case.parcels.select_for_update().order_by("id"))


def carrying(parcels: Sequence[Parcel]) -> Parcel | None:
    """The parcel the return travels in: the newest whose label was not taken back."""
    void = (LabelState.VOIDED, LabelState.EXPIRED)
    return next((parcel for parcel in reversed(parcels) if parcel.label not in void), None)


def require(case: Case, event: Event, why: str = "") -> None:
    """Raise NotNow unless the case's table of moves knows the event now."""
    if event not in MACHINE.allowed(State(case.state)):
        raise NotNow(case.state, event, MACHINE.allowed(State(case.state)), why)


def tell(
    what: MessageType,
    parcel: Parcel,
    *,
    at: datetime,
    pickup: PickupBooking | None = None,
    deliver_before: datetime | None = None,
    **data: Any,
) -> None:
    """Keep a message for the parcel's courier; there may be nobody to tell."""
    courier = parcel.courier
    if courier is None:
        return
    numbers = [parcel.tracking_number] if parcel.tracking_number else []
    data = {"tracking_numbers": numbers, "rma": parcel.case.number, **data}
    if deliver_before:
        data["deliver_before"] = told(deliver_before)
    Delivery.objects.create(
        courier=courier,
        parcel=parcel,
        pickup=pickup,
        type=what,
        payload={"type": what, "timestamp": told(at), "data": data},
        created_at=at,
        next_try_at=at if courier.is_told else None,
        deliver_before=deliver_before,
    )
    if courier.is_told:
        ring_on_commit("logistics.tasks.deliver_outbox")


def told(moment: datetime) -> str:
    """A moment as messages carry it: RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
