"""Reports that match nothing: after an hour a task on the desk's list, one for each number."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef

from logistics.models import Anomaly, Courier, Parcel, TrackingEvent
from logistics.models.desk import ITSELF
from logistics.models.messages import NAMED, PARKED, TrackingEvents
from logistics.oddities import moment
from logistics.workflow.desk import close_anomaly, raise_anomaly
from logistics.workflow.reporting import PROJECT
from returns import workflow as returns
from returns.bell import ring_on_commit
from returns.machine import NotNow
from returns.states import Actor

UNMATCHED, TOO_MANY = "unmatched", "unmatched-many"
#: Early reports are no news for anybody: their label follows within minutes.
WAITED = timedelta(hours=1)
#: So many numbers of one courier are on the list at a time; more say the same: call it.
MOST = 100


def watch_unmatched(limit: int, *, at: datetime) -> int:
    """Raise what has waited an hour for its parcel, close what has found it; returns how many."""
    return _close_matched(limit, at) + _raise_waiting(limit, at)


def waiting(anomaly: Anomaly) -> TrackingEvents:
    """The reports that an unmatched anomaly is about."""
    theirs = TrackingEvent.objects.unmatched().filter(courier=anomaly.courier_id)
    return theirs.annotate(named=NAMED).filter(named=anomaly.number)


def assign_reports(anomaly: Anomaly, parcel: Parcel, *, by: str, why: str, at: datetime) -> int:
    """A person gives the reports of a number to a parcel of the same courier; returns how many.

    Raises ValueError for another courier's parcel or without a reason, NotNow when none wait.
    """
    if not why.strip():
        raise ValueError("reports are assigned with a reason")
    if parcel.courier_id is None or parcel.courier_id != anomaly.courier_id:
        raise ValueError(f"{parcel} is carried by another courier than {anomaly.courier}")
    with transaction.atomic():
        parcel = Parcel.objects.select_for_update().get(pk=parcel.pk)
        given = waiting(anomaly).update(parcel=parcel)
        if not given:
            raise NotNow("matched", "assign", (), "No report of this number waits any more.")
        close_anomaly(anomaly, by=by, why=f"Assigned to {parcel}: {why}", at=at)
        text = f"{given} reports of {anomaly.number} were assigned to this parcel: {why.strip()}"
        returns.note(parcel.case, text=text, at=at, actor=Actor.SUPPORT, by=by)
    ring_on_commit(PROJECT)
    return given


def _close_matched(limit: int, at: datetime) -> int:
    found = Anomaly.objects.open().filter(code=UNMATCHED, event__parcel__isnull=False)
    for anomaly in (matched := list(found.order_by("id")[:limit])):
        close_anomaly(anomaly, by=ITSELF, why="Its parcel was found.", at=at)
    return len(matched)


def _raise_waiting(limit: int, at: datetime) -> int:
    """One for each courier and number that has none on the list, nor one a person closed."""
    about_it = Anomaly.objects.filter(courier=OuterRef("courier"), number=OuterRef("named"))
    late = TrackingEvent.objects.unmatched().filter(
        received_at__lte=at - WAITED, received_at__gt=at - 2 * PARKED
    )
    groups = (
        late.exclude(courier__in=_flooded())
        .annotate(named=NAMED)
        .filter(~Exists(about_it.exclude(closed_by=ITSELF)))
        .order_by()
        .values("courier", "named")
        .annotate(first=Min("id"))
        .order_by("first")
    )
    raised = list(groups[: min(limit, MOST)])
    first = TrackingEvent.objects.select_related("courier").in_bulk([g["first"] for g in raised])
    for group in raised:
        _raise(first[group["first"]], group["named"], at)
    for courier in _flooded():
        _raise_flood(courier, at)
    return len(raised)


def _flooded() -> list[Courier]:
    """Couriers of which the list is full."""
    full = Anomaly.objects.open().filter(code=UNMATCHED).order_by().values("courier")
    counted = full.annotate(open=Count("id")).filter(open__gte=MOST)
    return list(Courier.objects.filter(pk__in=counted.values("courier")))


def _raise(event: TrackingEvent, number: str, at: datetime) -> None:
    since = moment(event.received_at)
    raise_anomaly(
        f"unmatched:{event.pk}",
        code=UNMATCHED,
        text=f"{_what(event)} First told on {since}.",
        at=at,
        number=number,
        courier=event.courier,
        event=event,
    )


def _what(event: TrackingEvent) -> str:
    courier = event.courier
    if event.tracking_number:
        bears = Parcel.objects.filter(courier=courier, tracking_number=event.tracking_number)
        if parcel := bears.order_by("-id").first():
            label = moment(parcel.issued_at)
            return (
                f"{courier} reports {event.tracking_number} at a time when it was not this "
                f"number's parcel (label of {label}): the number may have come back."
            )
        return f"{courier} reports {event.tracking_number}, a number no parcel of it bears."
    if event.pickup_id:
        return f"{courier} speaks of pick-up {event.pickup_id}, which we never asked for."
    return f"{courier} takes back report {event.voids}, which never came."


def _raise_flood(courier: Courier, at: datetime) -> None:
    raise_anomaly(
        f"unmatched-many:{courier.pk}:{at:%Y-%m-%d}",
        code=TOO_MANY,
        text=f"{courier} reports more than {MOST} numbers we do not know: ask what it sends. "
        "Those that follow come to the list when these are closed.",
        at=at,
        courier=courier,
    )
