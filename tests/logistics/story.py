"""A free return on its way, told by its courier: the shared beginning of many tests."""

from datetime import datetime, timedelta
from typing import Any

from logistics import workflow
from logistics.models import Courier, Parcel
from logistics.reports import Report, Wrong, read
from returns.models import Case
from returns.states import Event, State
from tests import make
from tests.make import DAY, T0

HOUR = timedelta(hours=1)
#: When the case was accepted; a little later everything else begins.
ACCEPTED = T0


def awaiting(country: str = "FR", *, at: datetime = ACCEPTED, **of_dispute: Any) -> Case:
    """An accepted return whose label was ordered (R20), as the page of reactions would have it."""
    case = make.case_at(State.AWAITING_RETURN, at=at, country=country, **of_dispute)
    workflow.order_label(case.entries.get(event=Event.ACCEPTED), at=at)
    return case


def parcel_of(case: Case) -> Parcel:
    """Its newest parcel."""
    return case.parcels.get(pk=case.parcels.latest("id").pk)


def event(
    parcel: Parcel, code: str, *, at: datetime, event_id: str = "", **more: Any
) -> dict[str, Any]:
    """One tracking event as a courier writes it."""
    return {
        "event_id": event_id or f"{code}-{at:%d%H%M%S}",
        "tracking_number": parcel.tracking_number,
        "code": code,
        "occurred_at": at.isoformat(),
        **more,
    }


def tell(
    courier: Courier, kind: str, *events: dict[str, Any], at: datetime, project: bool = True
) -> list[str]:
    """The courier reports at that moment, and a worker works it out."""
    data = {"events": list(events)} if kind == "tracking.updated" else events[0]
    reports = read({"type": kind, "data": data}, message_id=f"m-{at:%d%H%M%S}-{kind}", at=at)
    assert reports is not None
    assert not [each for each in reports if isinstance(each, Wrong)]
    good = [each for each in reports if isinstance(each, Report)]
    answers = workflow.accept_reports(courier, good, at=at)
    if project:
        workflow.project_due(100, at=at)
    return answers


def report(parcel: Parcel, code: str, *, at: datetime, **more: Any) -> list[str]:
    """The parcel's courier reports one event."""
    assert parcel.courier is not None
    happened = more.pop("occurred_at", at)
    return tell(parcel.courier, "tracking.updated", event(parcel, code, at=happened, **more), at=at)


def odd(parcel: Parcel) -> list[str]:
    """Which kinds of things about it wait for a person."""
    return sorted(parcel.anomalies.open().values_list("code", flat=True))


__all__ = [
    "ACCEPTED",
    "DAY",
    "HOUR",
    "T0",
    "awaiting",
    "event",
    "odd",
    "parcel_of",
    "report",
    "tell",
]
