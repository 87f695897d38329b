"""The couriers' own book against ours: what they said is what we know, and nothing impossible."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q

from logistics import tracking
from logistics.models import Anomaly, Delivery, Parcel, PickupBooking, TrackingEvent
from logistics.states import OPEN_PICKUPS, LabelState
from logistics.tracking import ParcelState, Scan, TrackingCode, TrackingReason
from returns.models import Case, Entry
from returns.states import TERMINAL, Event, State

CHUNK = 2_000
PATIENCE = timedelta(hours=1)
Json = Mapping[str, Any]
Found = Iterator[str]


@dataclass(frozen=True)
class Audit:
    """What came of it, in numbers, and every contradiction in a sentence."""

    counts: dict[str, int]
    anomalies: dict[str, int]
    wrong: list[str]


def audit(book: Json, at: datetime) -> Audit:
    """Compare every parcel, report and message of the sandbox's book with the database."""
    told = [report for report in book["reports"] if report["said"]]
    wrong = [
        *_reports_are_kept(told),
        *_parcels_are_read_right(told),
        *_messages_are_told(book["heard"]),
        *(what for look in IMPOSSIBLE for what in look(at)),
    ]
    counts = {
        "parcels": Parcel.objects.count(),
        **_states(),
        "events kept": TrackingEvent.objects.count(),
        "messages told": Delivery.objects.filter(delivered_at__isnull=False).count(),
        "messages dead": Delivery.objects.filter(dead_at__isnull=False).count(),
    }
    codes = Anomaly.objects.order_by("code").values_list("code").annotate(Count("id"))
    return Audit(counts, dict(codes), wrong)


def _states() -> dict[str, int]:
    rows = Case.objects.order_by("state").values_list("state").annotate(Count("id"))
    return {f"cases {state}": count for state, count in rows}


# What was said --------------------------------------------------------------------------------


def _reports_are_kept(told: Iterable[Json]) -> Found:
    """Nothing that we acknowledged is missing, nothing is kept that nobody said."""
    said = {(report["courier"], report["event_id"]) for report in told}
    kept = TrackingEvent.objects.values_list("courier__slug", "event_id")
    ours = set(kept.iterator(CHUNK))
    yield from (f"{slug} {name}: acknowledged, but not kept" for slug, name in said - ours)
    yield from (f"{slug} {name}: kept, but nobody said it" for slug, name in ours - said)


def _parcels_are_read_right(told: Iterable[Json]) -> Found:
    """Each parcel is where a pure reading of all that was said of it puts it."""
    scans: dict[tuple[str, str], list[Scan]] = defaultdict(list)
    for report in told:
        if report["type"] == "tracking.updated":
            scans[report["courier"], report["tracking_number"]].append(_scan(report))
    for parcel in Parcel.objects.select_related("courier").iterator(CHUNK):
        slug = parcel.courier.slug if parcel.courier else ""
        view = tracking.project(scans[slug, parcel.tracking_number], parcel.issued_at)
        read = (view.state, view.first_scan_at, view.delivered_at)
        kept = (ParcelState(parcel.state), parcel.first_scan_at, parcel.delivered_at)
        if kept != read:
            yield f"{parcel}: kept as {_words(kept)}, its courier said {_words(read)}"


def _scan(report: Json) -> Scan:
    return Scan(
        event_id=report["event_id"],
        code=TrackingCode(report["code"]),
        occurred_at=datetime.fromisoformat(report["occurred_at"]),
        reason=TrackingReason(report["reason"]) if report["reason"] else None,
    )


def _words(read: Iterable[object]) -> str:
    return ", ".join(str(each) for each in read)


def _messages_are_told(heard: Iterable[Json]) -> Found:
    """What we call told they heard; what they heard we wrote."""
    theirs = {message["id"] for message in heard}
    ours = set(Delivery.objects.values_list("message_id", flat=True).iterator(CHUNK))
    told = Delivery.objects.filter(delivered_at__isnull=False).values_list("message_id", flat=True)
    yield from (f"message {name}: told, but nobody heard it" for name in set(told) - theirs)
    yield from (f"message {name}: heard, but never written" for name in theirs - ours)


# What cannot be -------------------------------------------------------------------------------


def each_case_is_handed_over_and_received_once(at: datetime) -> Found:
    """One hand-over and one receipt a case, however often they were said."""
    for event in (Event.HANDED_OVER, Event.RECEIVED):
        twice = Entry.objects.filter(event=event).order_by().values("case__number")
        for row in twice.annotate(times=Count("id")).filter(times__gt=1):
            yield f"{row['case__number']}: {event} {row['times']} times"


def a_scanned_parcel_was_handed_over(at: datetime) -> Found:
    """Who brought a parcel in time has done what was to do (R24)."""
    waiting = Parcel.objects.filter(first_scan_at__isnull=False)
    waiting = waiting.filter(case__state=State.AWAITING_RETURN)
    yield from (f"{parcel}: scanned, and its case still waits for it" for parcel in waiting)
    arrived = Parcel.objects.filter(delivered_at__isnull=False, case__state=State.IN_TRANSIT)
    yield from (f"{parcel}: delivered, and its case is in transit" for parcel in arrived)


def a_case_on_its_way_has_a_parcel_that_is(at: datetime) -> Found:
    """Nothing is in transit or received that no courier and no warehouse had in hand."""
    moved = (
        Q(first_scan_at__isnull=False)
        | Q(received_at__isnull=False)
        | Q(pickups__state="completed")
    )
    seen = Parcel.objects.filter(moved).values("case")
    for number in _numbers(Case.objects.filter(state=State.IN_TRANSIT).exclude(pk__in=seen)):
        yield f"{number}: in transit, and nobody has its parcel"
    arrived = Parcel.objects.filter(Q(delivered_at__isnull=False) | Q(received_at__isnull=False))
    inspecting = Case.objects.filter(state=State.INSPECTING).exclude(pk__in=arrived.values("case"))
    yield from (f"{number}: inspected, and nothing arrived" for number in _numbers(inspecting))


def what_is_over_asks_for_no_van(at: datetime) -> Found:
    """No live label and no open pick-up of a case that is over; no van for what is on its way."""
    live = Parcel.objects.filter(label=LabelState.LIVE, case__state__in=TERMINAL)
    yield from (f"{parcel}: its label lives, its case is over" for parcel in live)
    asked = PickupBooking.objects.filter(state__in=OPEN_PICKUPS)
    late = asked.exclude(case__state=State.AWAITING_RETURN)
    yield from (
        f"{booking}: a van is expected for a case in {booking.case.state}" for booking in late
    )
    scanned = asked.filter(parcel__first_scan_at__isnull=False)
    yield from (
        f"{booking}: a van is expected for a parcel that is on its way" for booking in scanned
    )


def everything_said_was_worked_out(at: datetime) -> Found:
    """What belongs to a parcel is projected; what we had to tell is told, dead or not yet due."""
    for event in TrackingEvent.objects.due():
        yield f"{event}: never worked out"
    for message in Delivery.objects.untold().filter(next_try_at__lt=at - PATIENCE):
        yield f"{message}: due for more than an hour"
    early = Parcel.objects.filter(first_scan_at__gt=F("delivered_at"))
    yield from (f"{parcel}: delivered before it was scanned" for parcel in early)


IMPOSSIBLE: tuple[Callable[[datetime], Found], ...] = (
    each_case_is_handed_over_and_received_once,
    a_scanned_parcel_was_handed_over,
    a_case_on_its_way_has_a_parcel_that_is,
    what_is_over_asks_for_no_van,
    everything_said_was_worked_out,
)


def _numbers(cases: Any) -> Iterator[str]:
    yield from cases.values_list("number", flat=True).iterator(CHUNK)


def faults(book: Json) -> dict[str, int]:
    """What chance did, by the couriers' own book."""
    done = Counter[str]()
    for message in book["messages"]:
        done.update(message["faults"])
        done["tried again"] += message["tries"] > 1 + ("duplicate" in message["faults"])
    done["reports lost"] = sum(report["lost"] for report in book["reports"])
    done["messages told us twice"] = book["counts"].get("sent twice, met 200", 0)
    done["we told again"] = sum(message["times"] - 1 for message in book["heard"])
    return dict(sorted(done.items()))
