"""What couriers report: kept once, and given to the parcel it is about, now or later."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef

from logistics.bearers import AHEAD_OF_LABEL, NUMBER_LIVES, Bearer, bearer
from logistics.models import Courier, Parcel, TrackingEvent
from logistics.reports import Report
from logistics.states import Carried
from returns.bell import ring_on_commit

PROJECT = "logistics.tasks.project_events"
#: A report as it was read just now, or as it waits.
Told = Report | TrackingEvent


def accept_reports(courier: Courier, accepted: Sequence[Report], *, at: datetime) -> list[str]:
    """Keep reports, each once (by its event id), and say of each: accepted, duplicate, unmatched.

    What they mean is worked out later (`project_due`); of numbers we do not know, when we do.
    """
    ids = [report.event_id for report in accepted]
    seen = set(courier.events.filter(event_id__in=ids).values_list("event_id", flat=True))
    whose = _matched(courier, accepted)
    rows, answers = [], []
    for report in accepted:
        if report.event_id in seen:
            answers.append("duplicate")
            continue
        seen.add(report.event_id)
        parcel = whose(report)
        answers.append("accepted" if parcel else "unmatched")
        rows.append(
            TrackingEvent(courier=courier, parcel_id=parcel, received_at=at, **vars(report))
        )
    TrackingEvent.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        ring_on_commit(PROJECT)
    return answers


def match_parked(limit: int, *, at: datetime) -> None:
    """Give reports that came before their label to the parcel that has come since."""
    bearing = Parcel.objects.filter(
        courier=OuterRef("courier"),
        tracking_number=OuterRef("tracking_number"),
        issued_at__lte=OuterRef("occurred_at") + AHEAD_OF_LABEL,
        issued_at__gte=OuterRef("occurred_at") - NUMBER_LIVES,
    )
    taken_back = TrackingEvent.objects.filter(
        courier=OuterRef("courier"), event_id=OuterRef("voids"), parcel__isnull=False
    )
    parked = TrackingEvent.objects.parked(at).filter(Exists(bearing) | Exists(taken_back))
    for event in parked.select_related("courier")[:limit]:
        if event.courier and (parcel := _matched(event.courier, [event])(event)):
            TrackingEvent.objects.filter(pk=event.pk).update(parcel_id=parcel)


def _matched(courier: Courier, told: Sequence[Told]) -> Callable[[Told], int | None]:
    """Which parcel a report is about: by what it takes back, its van, or its number."""
    voided = [report.voids for report in told if report.voids]
    vans = [report.pickup_id for report in told if report.pickup_id]
    by_void = dict(courier.events.filter(event_id__in=voided).values_list("event_id", "parcel_id"))
    by_van = dict(courier.pickups.filter(reference__in=vans).values_list("reference", "parcel_id"))
    bearing = _bearing(courier, {report.tracking_number for report in told})
    return lambda report: (
        by_void.get(report.voids)
        or by_van.get(report.pickup_id)
        or bearer(bearing[report.tracking_number], report.occurred_at)
    )


def _bearing(courier: Courier, numbers: set[str]) -> Mapping[str, list[Bearer]]:
    found = defaultdict[str, list[Bearer]](list)
    parcels = courier.parcels.filter(tracking_number__in=numbers - {""})
    for number, carried, issued_at, pk in parcels.values_list(
        "tracking_number", "carried", "issued_at", "pk"
    ):
        found[number].append(Bearer(carried == Carried.FREE_LABEL, issued_at, pk))
    return found
