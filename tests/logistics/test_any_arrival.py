"""One parcel, whatever the order of its reports: exhaustively in memory, by chance in the database.

The scenarios of couriers.md 2.3 and those that went wrong elsewhere.
"""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics.models import TrackingEvent
from logistics.oddities import RECOMPUTED
from logistics.tracking import SCANS, ParcelState, Scan, TrackingCode, TrackingReason, project
from tests.logistics.story import DAY, HOUR, T0, awaiting, event, parcel_of, tell

LABEL = datetime(2026, 11, 20, 9, tzinfo=UTC)
Told = tuple[ParcelState, float | None, float | None, list[tuple[str, str]]]


def at(hours: float | None) -> datetime | None:
    return None if hours is None else LABEL + timedelta(hours=hours)


def scan(event_id: str, code: str, hours: float, reason: str = "", voids: str = "") -> Scan:
    why = TrackingReason(reason) if reason else None
    return Scan(event_id, TrackingCode(code), LABEL + timedelta(hours=hours), why, voids or None)


#: What was told; where the parcel is then, its first scan, its delivery, what does not fit.
SCENARIOS: dict[str, tuple[list[Scan], Told]] = {
    "normal": (
        [
            scan("a", "label_created", 0),
            scan("b", "dropped_off", 5),
            scan("c", "in_transit", 9),
            scan("d", "out_for_delivery", 30),
            scan("e", "delivered", 33),
        ],
        (ParcelState.DELIVERED, 5, 33, []),
    ),
    "late scan after delivery": (
        [
            scan("a", "picked_up", 5),
            scan("b", "in_transit", 9),
            scan("c", "delivered", 33),
            scan("d", "in_transit", 34),
        ],
        (ParcelState.DELIVERED, 5, 33, [("after-delivered", "d")]),
    ),
    "voided pick-up scan": (
        [
            scan("a", "pickup_scheduled", 1),
            scan("b", "pickup_failed", 4, "courier_missed"),
            scan("c", "picked_up", 5),
            scan("d", "unknown", 6, voids="c"),
        ],
        (ParcelState.PICKUP_FAILED, None, None, []),
    ),
    "expired label used": (
        [
            scan("a", "label_created", 0),
            scan("b", "expired", 240),
            scan("c", "dropped_off", 250),
            scan("d", "in_transit", 260),
            scan("e", "delivered", 300),
        ],
        (ParcelState.DELIVERED, 250, 300, [("after-expired", "c")]),
    ),
    "lost then found": (
        [
            scan("a", "dropped_off", 5),
            scan("b", "lost", 50),
            scan("c", "in_transit", 60),
            scan("d", "delivered", 70),
        ],
        (ParcelState.DELIVERED, 5, 70, []),
    ),
    "same second": (
        [
            scan("z", "picked_up", 5),
            scan("y", "in_transit", 5),
            scan("x", "out_for_delivery", 5),
            scan("w", "delivered", 5),
        ],
        (ParcelState.DELIVERED, 5, 5, []),
    ),
    "customs": (
        [
            scan("a", "dropped_off", 5),
            scan("b", "customs_hold", 20, "customs_docs"),
            scan("c", "delayed", 25),
            scan("d", "customs_hold", 30, "customs_prohibited"),
        ],
        (ParcelState.HELD, 5, None, []),
    ),
    "damaged": (
        [
            scan("a", "dropped_off", 5),
            scan("b", "exception", 20, "damaged"),
            scan("c", "in_transit", 25),
            scan("d", "delivered", 30),
        ],
        (ParcelState.DELIVERED, 5, 30, []),
    ),
    "void of a void": (
        [
            scan("a", "dropped_off", 5),
            scan("b", "unknown", 6, voids="a"),
            scan("c", "unknown", 7, voids="b"),
            scan("d", "in_transit", 8),
        ],
        (ParcelState.IN_TRANSIT, 8, None, [("void-of-unknown", "c")]),
    ),
    "voided delivery, delivered again": (
        [
            scan("a", "in_transit", 5),
            scan("b", "delivered", 33),
            scan("c", "unknown", 34, voids="b"),
            scan("d", "out_for_delivery", 40),
            scan("e", "delivered", 41),
        ],
        (ParcelState.DELIVERED, 5, 41, [("final-voided", "b")]),
    ),
    "brought back": (
        [
            scan("a", "dropped_off", 5),
            scan("b", "delivery_failed", 20, "refused"),
            scan("c", "returning_to_customer", 25),
            scan("d", "returned_to_customer", 40),
            scan("e", "delivered", 50),
        ],
        (ParcelState.RETURNED, 5, 50, [("after-returned-to-customer", "e")]),
    ),
    "one id, two reports": (
        [scan("a", "in_transit", 5), scan("a", "delivered", 9), scan("b", "delayed", 12)],
        (ParcelState.IN_TRANSIT, 5, None, [("event-id-reused", "a")]),
    ),
    "before the label, in no known word": (
        [scan("a", "picked_up", -1), scan("b", "unknown", 3), scan("c", "in_transit", 4)],
        (ParcelState.IN_TRANSIT, -1, None, [("before-label", "a"), ("unknown-code", "b")]),
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_order_and_every_place_of_a_duplicate_give_one_result(name: str) -> None:
    told, (state, first, delivered, odd) = SCENARIOS[name]
    views = {project(order, LABEL) for order in permutations(told)}
    for twice in told:
        views |= {project(order, LABEL) for order in permutations([*told, twice])}
    (view,) = views
    assert (view.state, view.anomalies) == (state, tuple(odd))
    assert (view.first_scan_at, view.delivered_at) == (at(first), at(delivered))


ids = st.sampled_from("abcdef")
reports = st.builds(
    scan,
    event_id=ids,
    code=st.sampled_from(TrackingCode),
    hours=st.integers(-2, 6),
    reason=st.sampled_from(["", "damaged", "not_home"]),
    voids=st.just("") | st.just("") | ids,
)


@given(st.lists(reports, max_size=8, unique_by=lambda each: each.event_id), st.data())
def test_only_a_void_of_the_milestone_itself_moves_it_on(
    told: list[Scan], data: st.DataObject
) -> None:
    before = project(told, LABEL)
    of = data.draw(st.sampled_from(told)) if told else scan("a", "delayed", 1)
    after = project([*told, scan("void", "unknown", 9, voids=of.event_id)], LABEL)
    for name, codes in (("first_scan_at", SCANS), ("delivered_at", {TrackingCode.DELIVERED})):
        was, is_now = getattr(before, name), getattr(after, name)
        if is_now != was:
            assert of.code in codes
            assert of.occurred_at == was
            assert is_now is None or is_now > was


# In the database ----------------------------------------------------------------------------------

#: One parcel's road as its courier tells it: damaged, delivered, scanned too late, and the first
#: scan taken back. `hours` after T0.
ROAD = (
    ("dropped", "dropped_off", 24, {}),
    ("hub", "in_transit", 30, {"location": {"city": "Lyon"}}),
    ("hurt", "exception", 40, {"reason": "damaged"}),
    ("there", "delivered", 50, {}),
    ("late", "in_transit", 60, {}),
)
NOW = T0 + 5 * DAY


def arrive(order: tuple[int, ...], together: list[bool]) -> tuple[Any, ...]:
    """Reports (5 is the void) arrive in that order, some together with the next; what is then."""
    case = awaiting()
    parcel = parcel_of(case)
    courier = parcel.courier
    assert courier is not None
    for n, which in enumerate(order):
        project = n == len(order) - 1 or not together[n]
        if which == len(ROAD):
            void = {"event_id": "void", "voids": "dropped", "occurred_at": NOW.isoformat()}
            tell(courier, "tracking.voided", void, at=NOW + n * HOUR, project=project)
            continue
        event_id, code, hours, more = ROAD[which]
        told = event(parcel, code, at=T0 + hours * HOUR, event_id=event_id, **more)
        tell(courier, "tracking.updated", told, at=NOW + n * HOUR, project=project)
    assert not TrackingEvent.objects.filter(projected_at=None).exists()
    parcel.refresh_from_db()
    case.refresh_from_db()
    found = parcel.anomalies.open().filter(code__in=RECOMPUTED)
    milestones = (parcel.first_scan_at, parcel.delivered_at, parcel.last_news_at)
    ended = (case.state, case.handed_over_at is not None, case.received_at is not None)
    odd = sorted(found.values_list("code", "text"))
    return parcel.state, *milestones, parcel.damaged, parcel.label, *ended, *odd


@pytest.mark.django_db
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.permutations([*range(len(ROAD) + 1), 2, 3]),
    st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_whatever_arrives_when_the_parcel_and_its_list_end_the_same(
    order: list[int], together: list[bool]
) -> None:
    """Through the doors' own verbs, alone or in batches, two of them told twice."""
    with transaction.atomic():
        seen = arrive(tuple(order), together)
        transaction.set_rollback(True)
    state, first, delivered, last, damaged, label, *rest = seen
    assert (state, damaged, label) == (ParcelState.DELIVERED, True, "used")
    assert (first, delivered, last) == (T0 + 30 * HOUR, T0 + 50 * HOUR, T0 + 60 * HOUR)
    assert rest[:3] == ["inspecting", True, True]
    assert [code for code, _ in rest[3:]] == ["after-delivered"]
