"""What couriers report: kept once, and given to the parcel it is about, now or later."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from logistics.bearers import AHEAD_OF_LABEL, NUMBER_LIVES, Bearer, bearer
from logistics.models import Courier, Parcel, TrackingEvent
from logistics.models.points import UNTIL_IT_SAYS
from logistics.reports import FULL, OPEN, POINT, Report
from logistics.states import Carried
from returns.bell import ring_on_commit

PROJECT = "logistics.tasks.project_events"
#: A full point has room again, and a closed one opens, when its courier does not say when.
FULL_FOR = timedelta(days=1)
#: A report as it was read just now, or as it waits.
Told = Report | TrackingEvent


def accept_reports(courier: Courier, accepted: Sequence[Report], *, at: datetime) -> list[str]:
    """Keep reports, each once (by its event id), and say what became of each."""
    answers, rows = judge_reports(courier, accepted, at=at)
    keep_reports(courier, rows, at=at)
    return answers


def judge_reports(
    courier: Courier, accepted: Sequence[Report], *, at: datetime
) -> tuple[list[str], list[TrackingEvent]]:
    """Of each report whether it is accepted, duplicate or unmatched; and the rows to keep."""
    ids = [report.event_id for report in accepted]
    seen = set(courier.events.filter(event_id__in=ids).values_list("event_id", flat=True))
    whose, points = _matched(courier, accepted), _points(courier, accepted)
    rows, answers = [], []
    for report in accepted:
        if report.event_id in seen:
            answers.append("duplicate")
            continue
        seen.add(report.event_id)
        parcel = whose(report)
        matched = parcel or report.details.get("point_code") in points
        answers.append("accepted" if matched else "unmatched")
        rows.append(
            TrackingEvent(courier=courier, parcel_id=parcel, received_at=at, **vars(report))
        )
    return answers, rows


def keep_reports(courier: Courier, rows: Sequence[TrackingEvent], *, at: datetime) -> None:
    """Keep what was judged; of two who keep the same at once, one does.

    What it means for a parcel is worked out later (`project_due`); of numbers we do not know,
    when we do.
    """
    # In one order, so that two messages with the same events do not wait for each other.
    ordered = sorted(rows, key=lambda row: row.event_id)
    TrackingEvent.objects.bulk_create(ordered, ignore_conflicts=True)
    for row in rows:
        if row.type == POINT:
            _hear_of_point(courier, row, at)
    if rows:
        ring_on_commit(PROJECT)


def _points(courier: Courier, told: Sequence[Report]) -> set[str]:
    """The codes of its points that are told of."""
    codes = [report.details["point_code"] for report in told if report.type == POINT]
    if not codes:
        return set()
    return set(courier.points.filter(code__in=codes).values_list("code", flat=True))


def _hear_of_point(courier: Courier, row: TrackingEvent, at: datetime) -> None:
    """A courier's point is closed for a time, or open again; older news than we have is none."""
    said_at = min(row.occurred_at, at)
    status, until = row.details["status"], row.details.get("until")
    if status == OPEN:
        closed_until = None
    elif until:
        closed_until = datetime.fromisoformat(until)
    else:
        closed_until = said_at + FULL_FOR if status == FULL else UNTIL_IT_SAYS
    older = Q(said_at__isnull=True) | Q(said_at__lte=said_at)
    points = courier.points.filter(older, code=row.details["point_code"])
    points.update(said_at=said_at, closed_until=closed_until)


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
    by_void, by_van = dict[str, int | None](), dict[str, int]()
    # A query for nothing is not sent, but building it costs as much as one that is.
    if voided:
        events = courier.events.filter(event_id__in=voided)
        by_void = dict(events.values_list("event_id", "parcel_id"))
    if vans:
        pickups = courier.pickups.filter(reference__in=vans)
        by_van = dict(pickups.values_list("reference", "parcel_id"))
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
