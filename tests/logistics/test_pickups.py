"""The life of a pick-up: booked, moved, called off, attempted, and watched in silence (R23)."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics import workflow
from logistics.models import (
    Anomaly,
    City,
    Courier,
    CourierHoliday,
    Delivery,
    PickupBooking,
    PickupSlot,
    PickupWindow,
)
from logistics.partners import plant_windows
from logistics.policy import Window
from logistics.states import OPEN_PICKUPS, PICKUP, MessageType, PickupEvent, PickupState
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Event, Handover, State
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, odd, parcel_of, report, tell

pytestmark = pytest.mark.django_db

MORNING = Window(date(2026, 3, 4), time(9), time(12))
AFTERNOON = Window(date(2026, 3, 4), time(13), time(16))
EVENING = Window(date(2026, 3, 5), time(17), time(20))
#: Of MORNING, in UTC.
STARTS, CUT_OFF = T0.replace(day=4, hour=8), T0.replace(day=3, hour=16)


def booked(window: Window = MORNING, *, confirmed: bool = False) -> tuple[Case, PickupBooking]:
    case = awaiting("CZ")
    booking = workflow.book_pickup(case, window=window, at=T0)
    if confirmed:
        van(booking, "confirmed", after=HOUR)
    return case, booking


def van(booking: PickupBooking, kind: str, *, after: timedelta, **data: Any) -> None:
    """The courier reports on its van, that long after T0, of that moment unless told otherwise."""
    at = T0 + after
    told = {"pickup_id": booking.reference, "occurred_at": at.isoformat(), **data}
    tell(booking.courier, f"pickup.{kind}", told, at=at)
    booking.refresh_from_db()


def watch(booking: PickupBooking, at: datetime) -> int:
    seen = workflow.watch_due(10, at=at)
    booking.refresh_from_db()
    return seen


def taken(window: Window = MORNING) -> int:
    row = PickupSlot.objects.filter(date=window.date, window__start=window.start).first()
    return row.taken if row else 0


def told(booking: PickupBooking) -> list[str]:
    return list(booking.deliveries.order_by("id").values_list("type", flat=True))


def notes(case: Case) -> list[str]:
    return list(case.entries.filter(event=Event.NOTED).values_list("text", flat=True))


# Booking


def test_a_window_is_kept_as_local_time_and_as_utc_and_told_until_its_cut_off_r23() -> None:
    case, booking = booked()
    assert booking.window() == {
        "date": "2026-03-04",
        "start": "09:00",
        "end": "12:00",
        "tz": "Europe/Prague",
    }
    assert (booking.starts_at, booking.cut_off_at) == (STARTS, CUT_OFF)
    assert case.handover == Handover.PICKUP
    asked = Delivery.objects.get(type=MessageType.PICKUP_REQUESTED)
    assert asked.payload["data"]["window"]["tz"] == "Europe/Prague"
    assert asked.payload["data"]["deliver_before"] == "2026-03-03T16:00:00Z"
    assert asked.deliver_before == CUT_OFF


def test_the_zone_is_that_of_the_buyers_city_and_of_the_service_where_it_is_not_known() -> None:
    City.objects.create(
        country="CZ", name="Nowhere", names="|nowhere|", lat=0, lon=0, time_zone="Asia/Tokyo"
    )
    case = awaiting("CZ")
    case.buyer.address["city"] = "nowhere"
    case.buyer.save()
    assert workflow.book_pickup(case, window=MORNING, at=T0).starts_at == T0.replace(day=4, hour=0)
    assert booked()[1].time_zone == "Europe/Prague"


@pytest.mark.parametrize(
    "window",
    [
        Window(date(2026, 3, 2), time(17), time(20)),
        Window(date(2026, 3, 3), time(9), time(12)),
        Window(date(2026, 3, 4), time(12), time(9)),
        Window(date(2026, 3, 4), time(9), time(13)),
        Window(date(2026, 3, 8), time(9), time(12)),
        Window(date(2026, 3, 12), time(13), time(16)),
    ],
    ids=["today", "past the cut-off", "backwards", "other hours", "sunday", "past the last day"],
)
def test_a_window_that_is_not_offered_is_refused_and_free_ones_are_named_r23_r24(
    window: Window,
) -> None:
    case = awaiting("CZ")
    with pytest.raises(ValueError, match=r"free ones: .*March 2026, \d\d:00"):
        workflow.book_pickup(case, window=window, at=T0 + 7 * HOUR)
    assert not PickupSlot.objects.exists()


@pytest.mark.parametrize("why", ["holiday", "not active"])
def test_staff_take_a_window_off_the_list(why: str) -> None:
    if why == "holiday":
        ppl = Courier.objects.get(slug="ppl-cz")
        CourierHoliday.objects.create(courier=ppl, date=MORNING.date, name="Day off")
    else:
        PickupWindow.objects.filter(start=MORNING.start).update(active=False)
    with pytest.raises(ValueError, match="no van comes"):
        workflow.book_pickup(awaiting("CZ"), window=MORNING, at=T0)


@pytest.mark.parametrize(
    "told_so", [{}, {"date": "x", "start": "09:00", "end": "12:00"}, {"date": None}]
)
def test_what_is_no_window_is_not_read_as_one(told_so: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="window"):
        Window.parse(told_so)


def test_a_full_window_is_refused_with_those_that_are_free() -> None:
    PickupWindow.objects.filter(start=MORNING.start).update(capacity=1)
    booked()
    with pytest.raises(workflow.WindowFull, match=r"full; free ones: 3 March 2026, 09:00") as full:
        booked()
    free = [slot.window for slot in full.value.free]
    assert MORNING not in free
    assert AFTERNOON in free
    assert (taken(), PickupBooking.objects.count()) == (1, 1)
    slots = workflow.pickup_slots(Case.objects.latest("id"), at=T0)
    assert [slot.left for slot in slots if slot.window == MORNING] == [0]


def test_the_database_sells_no_place_twice() -> None:
    booked()
    with pytest.raises(IntegrityError), transaction.atomic():
        PickupSlot.objects.update(taken=41)


def test_the_database_refuses_a_second_open_pickup_for_a_case() -> None:
    _, booking = booked()
    booking.pk, booking.reference = None, "another"
    with pytest.raises(IntegrityError), transaction.atomic():
        booking.save()


def test_planting_again_leaves_what_staff_changed() -> None:
    services = Courier.objects.get(slug="ppl-cz").services
    PickupWindow.objects.filter(service__courier__slug="ppl-cz").exclude(weekday=0).delete()
    before = PickupWindow.objects.count()
    plant_windows(services=services, windows=PickupWindow.objects)
    assert PickupWindow.objects.count() == before == 4 * 18 + 3


# Moving


def test_booking_the_same_window_twice_asks_once_and_another_moves_it_r23() -> None:
    case, booking = booked()
    assert workflow.book_pickup(case, window=MORNING, at=T0) == booking
    assert workflow.book_pickup(case, window=EVENING, at=T0) == booking
    booking.refresh_from_db()
    assert (booking.state, booking.window_date) == (PickupState.REQUESTED, EVENING.date)
    assert told(booking) == ["pickup.requested", "pickup.reschedule_requested"]
    assert (taken(MORNING), taken(EVENING)) == (0, 1)


def test_while_a_move_is_asked_for_both_windows_and_both_places_are_kept() -> None:
    case, booking = booked(confirmed=True)
    workflow.reschedule_pickup(case, window=EVENING, at=T0 + 2 * HOUR)
    booking.refresh_from_db()
    assert booking.state == PickupState.MOVE_REQUESTED
    assert (booking.window_date, booking.confirmed_start_at) == (EVENING.date, STARTS)
    assert (taken(MORNING), taken(EVENING)) == (1, 1)


def test_a_move_that_is_confirmed_gives_the_old_place_back() -> None:
    case, booking = booked(confirmed=True)
    workflow.reschedule_pickup(case, window=EVENING, at=T0 + 2 * HOUR)
    van(booking, "confirmed", after=3 * HOUR, confirmation_number="C2")
    assert (booking.state, booking.confirmed_start_at) == (PickupState.CONFIRMED, booking.starts_at)
    assert (taken(MORNING), taken(EVENING)) == (0, 1)


def test_a_move_that_is_rejected_leaves_the_van_where_it_was() -> None:
    case, booking = booked(confirmed=True)
    workflow.reschedule_pickup(case, window=EVENING, at=T0 + 2 * HOUR)
    van(booking, "rejected", after=3 * HOUR, reason="capacity")
    assert (booking.state, booking.starts_at) == (PickupState.CONFIRMED, STARTS)
    assert booking.window()["date"] == "2026-03-04"
    assert (taken(MORNING), taken(EVENING)) == (1, 0)
    assert "still comes on 4 March 2026, 09:00–12:00" in notes(case)[-1]
    assert Event.HANDOVER_EXTENDED not in make.events(case)


def test_a_move_that_the_courier_cannot_be_told_leaves_the_van_where_it_was() -> None:
    case, booking = booked(confirmed=True)
    workflow.reschedule_pickup(case, window=EVENING, at=T0 + 2 * HOUR)
    workflow.fail_untold_pickup(booking, at=T0 + DAY)
    booking.refresh_from_db()
    assert (booking.state, booking.starts_at) == (PickupState.CONFIRMED, STARTS)


def test_moving_back_before_the_answer_takes_no_second_place() -> None:
    case, booking = booked(confirmed=True)
    for window in (EVENING, MORNING):
        workflow.reschedule_pickup(case, window=window, at=T0 + 2 * HOUR)
    assert (taken(MORNING), taken(EVENING)) == (1, 0)
    van(booking, "confirmed", after=3 * HOUR)
    assert (taken(MORNING), taken(EVENING)) == (1, 0)


def test_a_late_confirmation_of_the_old_window_confirms_no_move() -> None:
    case, booking = booked()
    workflow.reschedule_pickup(case, window=EVENING, at=T0 + 2 * HOUR)
    old = {"window_start": STARTS.isoformat(), "window_end": (STARTS + 3 * HOUR).isoformat()}
    occurred = (T0 + HOUR).isoformat()
    van(booking, "confirmed", after=3 * HOUR, occurred_at=occurred, **old)
    assert booking.state == PickupState.REQUESTED
    assert booking.confirmed_start_at == STARTS


def test_a_full_window_cannot_be_moved_to_and_nothing_changes() -> None:
    PickupWindow.objects.filter(start=EVENING.start).update(capacity=0)
    case, booking = booked()
    with pytest.raises(workflow.WindowFull):
        workflow.reschedule_pickup(case, window=EVENING, at=T0)
    booking.refresh_from_db()
    assert (booking.window_date, taken(MORNING)) == (MORNING.date, 1)
    assert told(booking) == ["pickup.requested"]


# Calling off


def test_what_the_courier_never_heard_is_cancelled_at_once_and_it_is_not_told() -> None:
    Courier.objects.filter(slug="ppl-cz").update(endpoint_url="https://ppl.example/hooks")
    case, booking = booked()
    workflow.cancel_pickup(case, at=T0)
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCELLED
    only = booking.deliveries.get()
    assert (only.type, only.dead_at) == (MessageType.PICKUP_REQUESTED, T0)
    with pytest.raises(NotNow):
        workflow.cancel_pickup(case, at=T0)
    assert taken() == 0


def test_a_courier_that_may_have_heard_is_asked_to_cancel_and_has_until_the_cut_off() -> None:
    case, booking = booked()
    workflow.cancel_pickup(case, at=T0)
    booking.refresh_from_db()
    assert (booking.state, booking.due_at) == (PickupState.CANCEL_REQUESTED, CUT_OFF)
    assert booking.deliveries.filter(type=MessageType.PICKUP_CANCEL_REQUESTED).exists()
    assert "it is cancelled on 3 March 2026, 17:00" in notes(case)[-1]
    workflow.cancel_pickup(case, at=T0 + HOUR)
    assert told(booking).count("pickup.cancel_requested") == 1
    assert taken() == 1


def test_until_the_answer_no_other_van_is_booked_but_a_counter_may_be_chosen() -> None:
    case, _ = booked()
    workflow.cancel_pickup(case, at=T0)
    for verb in (workflow.book_pickup, workflow.reschedule_pickup):
        with pytest.raises(NotNow, match="wait for its answer"):
            verb(case, window=EVENING, at=T0)


def test_a_cancellation_is_answered_and_another_van_can_be_booked() -> None:
    case, booking = booked()
    workflow.cancel_pickup(case, at=T0)
    van(booking, "cancelled", after=HOUR, by="customer")
    assert booking.state == PickupState.CANCELLED
    assert taken() == 0
    again = workflow.book_pickup(case, window=EVENING, at=T0 + HOUR)
    assert again.reference != booking.reference
    assert "Please choose again" not in " ".join(notes(case))


def test_a_cancellation_is_refused_and_the_van_comes() -> None:
    case, booking = booked(confirmed=True)
    workflow.cancel_pickup(case, at=T0 + HOUR)
    van(booking, "cancel_rejected", after=2 * HOUR, reason="other")
    assert booking.state == PickupState.CONFIRMED
    assert taken() == 1
    assert "could not cancel any more: it comes on 4 March 2026, 09:00–12:00" in notes(case)[-1]


def test_a_courier_that_never_answers_has_agreed_at_the_cut_off() -> None:
    case, booking = booked()
    workflow.cancel_pickup(case, at=T0)
    assert watch(booking, CUT_OFF - timedelta(seconds=1)) == 0
    assert watch(booking, CUT_OFF) == 1
    assert (booking.state, booking.due_at) == (PickupState.CANCELLED, None)
    assert "did not answer" in notes(case)[-1]
    van(booking, "cancel_rejected", after=2 * DAY)
    assert booking.state == PickupState.CANCELLED
    assert Anomaly.objects.get().code == "pickup-comes-anyway"


@pytest.mark.parametrize(
    ("hours", "state"), [(31, "cancel_requested"), (49, "cancelled")], ids=["late", "over"]
)
def test_a_van_is_called_off_as_long_as_it_may_come(hours: int, state: str) -> None:
    case, booking = booked(confirmed=True)
    workflow.cancel_pickup(case, at=T0 + hours * HOUR)
    booking.refresh_from_db()
    assert booking.state == state
    assert booking.due_at == (STARTS if state == "cancel_requested" else None)


def test_cancelling_the_case_calls_off_the_van() -> None:
    case, booking = booked()
    returns.cancel(case, at=T0)
    workflow.void_label(case.entries.get(event=Event.CANCELLED), at=T0)
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCEL_REQUESTED
    watch(booking, CUT_OFF)
    assert booking.state == PickupState.CANCELLED


# Attempts


def test_two_failed_attempts_and_the_buyer_must_choose_again_r23() -> None:
    case, booking = booked()
    van(booking, "confirmed", after=HOUR, confirmation_number="C1")
    assert (booking.state, booking.confirmation_number) == (PickupState.CONFIRMED, "C1")
    before = case.deadline_at
    van(booking, "attempted", after=2 * DAY, reason="not_home")
    assert (booking.state, booking.attempts) == (PickupState.CONFIRMED, 1)
    van(booking, "attempted", after=3 * DAY, reason="not_ready")
    assert (booking.state, booking.attempts) == (PickupState.FAILED, 2)
    assert [(each.n, each.reason) for each in booking.tries.all()] == [
        (1, "not_home"),
        (2, "not_ready"),
    ]
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN
    # It was the buyer who was not at home.
    assert case.deadline_at == before
    assert Event.HANDOVER_EXTENDED not in make.events(case)
    assert "choose again" in notes(case)[-1]
    assert taken() == 0
    later = Window(date(2026, 3, 7), time(9), time(12))
    again = workflow.book_pickup(case, window=later, at=T0 + 3 * DAY)
    assert again.state == PickupState.REQUESTED


@pytest.mark.parametrize("reason", ["courier_missed", "capacity", "weather"])
def test_the_couriers_own_failure_gives_the_buyer_a_day_r24(reason: str) -> None:
    case, booking = booked()
    before = case.deadline_at
    assert before is not None
    van(booking, "attempted", after=2 * DAY, reason=reason, attempt=1)
    # The same attempt again, in another message.
    van(booking, "attempted", after=2 * DAY + HOUR, reason=reason, attempt=1)
    case.refresh_from_db()
    assert (case.deadline_at, booking.attempts) == (before + DAY, 1)


def test_the_same_report_told_twice_counts_once() -> None:
    case, booking = booked()
    said = {"pickup_id": booking.reference, "event_id": "a1", "reason": "courier_missed"}
    before = case.deadline_at
    assert before is not None
    for hour in (1, 2):
        tell(booking.courier, "pickup.attempted", said, at=T0 + hour * HOUR)
    booking.refresh_from_db()
    case.refresh_from_db()
    assert booking.attempts == 1
    assert case.deadline_at == before + DAY


@pytest.mark.parametrize("count", [0, -1, 100, "1", 1.5, True])
def test_an_attempt_that_is_not_counted_from_one_is_refused(count: object) -> None:
    _, booking = booked()
    with pytest.raises(AssertionError):
        van(booking, "attempted", after=HOUR, attempt=count)


def test_a_rejected_van_leaves_the_buyer_to_choose_again() -> None:
    case, booking = booked()
    before = case.deadline_at
    assert before
    van(booking, "rejected", after=HOUR, reason="capacity")
    assert booking.state == PickupState.REJECTED
    case.refresh_from_db()
    assert case.deadline_at == before + DAY
    assert taken() == 0


def test_a_courier_that_cannot_be_told_in_time_has_failed_and_the_place_is_free() -> None:
    case, booking = booked()
    before = case.deadline_at
    assert before
    workflow.fail_untold_pickup(booking, at=CUT_OFF)
    booking.refresh_from_db()
    case.refresh_from_db()
    assert (booking.state, case.deadline_at) == (PickupState.FAILED, before + DAY)
    assert taken() == 0


# Collected


def test_a_collected_parcel_is_handed_over_even_before_its_first_scan() -> None:
    case, booking = booked()
    van(booking, "completed", after=2 * DAY)
    case.refresh_from_db()
    assert booking.state == PickupState.COMPLETED
    assert case.state == State.IN_TRANSIT


@pytest.mark.parametrize("end", [None, "cancelled", "rejected", "attempted"])
def test_a_picked_up_scan_says_that_the_van_was_there_whatever_was_said_before(
    end: str | None,
) -> None:
    case, booking = booked()
    if end:
        van(booking, end, after=DAY, **({"attempt": 2} if end == "attempted" else {}))
    report(parcel_of(case), "picked_up", at=T0 + 2 * DAY)
    booking.refresh_from_db()
    assert (booking.state, booking.completed_at) == (PickupState.COMPLETED, T0 + 2 * DAY)
    van(booking, "rejected", after=3 * DAY, reason="capacity")
    assert booking.state == PickupState.COMPLETED
    assert odd(parcel_of(case)) == ["not-now"]


def test_a_parcel_brought_to_a_counter_needs_no_van() -> None:
    case, booking = booked(confirmed=True)
    report(parcel_of(case), "dropped_off", at=T0 + DAY)
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCEL_REQUESTED
    assert "pickup.cancel_requested" in told(booking)


def test_the_couriers_window_is_kept_beside_the_one_asked_for() -> None:
    case, booking = booked()
    said = {"window_start": "2026-03-04T10:00:00+01:00", "window_end": "2026-03-04T11:00:00+01:00"}
    van(booking, "rescheduled", after=HOUR, **said)
    assert booking.confirmed_start_at == T0.replace(day=4, hour=9)
    assert booking.window_start == MORNING.start
    assert notes(case)[-1] == "Pick-up confirmed for 4 March 2026, 10:00–11:00."


# Silence


def test_a_courier_that_does_not_answer_is_a_matter_for_the_desk_and_the_buyer_is_told_once() -> (
    None
):
    case, booking = booked()
    assert watch(booking, CUT_OFF - 2 * HOUR - timedelta(seconds=1)) == 0
    for _ in range(2):
        watch(booking, CUT_OFF - 2 * HOUR)
    assert Anomaly.objects.get().code == "pickup-unanswered"
    assert sum("has not answered" in note for note in notes(case)) == 1
    assert booking.state == PickupState.REQUESTED
    # Still nothing a day and a half after the van should have come.
    for _ in range(2):
        watch(booking, STARTS + 3 * HOUR + 36 * HOUR)
    assert [each.code for each in Anomaly.objects.order_by("id")] == [
        "pickup-unanswered",
        "pickup-silent",
    ]
    assert booking.due_at is None


def test_an_answer_in_time_raises_nothing() -> None:
    _, booking = booked(confirmed=True)
    assert watch(booking, CUT_OFF) == 0
    van(booking, "completed", after=2 * DAY)
    report(booking.parcel, "picked_up", at=T0 + 2 * DAY + HOUR)
    assert watch(booking, T0 + 9 * DAY) == 0
    assert not Anomaly.objects.exists()


def test_a_collection_that_nobody_scans_within_a_day_is_a_matter_for_the_desk() -> None:
    _, booking = booked(confirmed=True)
    van(booking, "completed", after=2 * DAY)
    assert watch(booking, T0 + 3 * DAY - timedelta(seconds=1)) == 0
    watch(booking, T0 + 3 * DAY)
    assert Anomaly.objects.get().code == "pickup-without-scan"
    assert booking.due_at is None


def test_after_an_attempt_the_next_silence_counts_anew() -> None:
    _, booking = booked(confirmed=True)
    van(booking, "attempted", after=2 * DAY, reason="not_home")
    assert booking.due_at == STARTS + 3 * HOUR + 36 * HOUR
    watch(booking, T0 + 5 * DAY)
    assert Anomaly.objects.get().code == "pickup-silent"


# Any order

Message = tuple[str, dict[str, Any]]
ASKED: Message = ("cancel!", {})  # by us, before any of them
CONFIRMED: Message = ("confirmed", {"confirmation_number": "C1"})
NARROWED: Message = (
    "rescheduled",
    {"window_start": "2026-03-04T10:00:00+01:00", "window_end": "2026-03-04T11:00:00+01:00"},
)
NOT_HOME: Message = ("attempted", {"attempt": 1, "reason": "not_home"})
MISSED: Message = ("attempted", {"attempt": 2, "reason": "courier_missed"})
REJECTED: Message = ("rejected", {"reason": "capacity"})
CANCELLED: Message = ("cancelled", {})
KEPT: Message = ("cancel_rejected", {})
COMPLETED: Message = ("completed", {})
SCAN: Message = ("scan", {})

S = PickupState
SCENARIOS: dict[str, tuple[PickupState, Sequence[Message]]] = {
    "collected": (S.COMPLETED, [CONFIRMED, COMPLETED]),
    "moved and collected": (S.COMPLETED, [CONFIRMED, NARROWED, COMPLETED]),
    "second time lucky": (S.COMPLETED, [CONFIRMED, NOT_HOME, COMPLETED, SCAN]),
    "in vain twice": (S.FAILED, [CONFIRMED, NOT_HOME, MISSED]),
    "rejected, though cancelled": (S.REJECTED, [CONFIRMED, REJECTED, CANCELLED]),
    "in vain twice, then cancelled": (S.FAILED, [NOT_HOME, MISSED, CANCELLED]),
    "cancelled, and come all the same": (S.COMPLETED, [CONFIRMED, CANCELLED, SCAN]),
    "cancellation refused": (S.COMPLETED, [ASKED, CONFIRMED, KEPT, NOT_HOME, COMPLETED]),
    "cancellation granted": (S.CANCELLED, [ASKED, CONFIRMED, CANCELLED]),
    "cancellation refused in vain": (S.FAILED, [ASKED, KEPT, NOT_HOME, MISSED]),
}


RESULT = (
    *("state", "attempts", "reason", "confirmation_number"),
    *("confirmed_start_at", "completed_at", "slot_id"),
)


def _result(name: str, order: Sequence[int]) -> dict[str, Any]:
    """What comes of a scenario whose messages arrive in that order, some of them twice."""
    _, messages = SCENARIOS[name]
    with transaction.atomic():
        case, booking = booked()
        before = case.deadline_at
        assert before
        if messages[0] == ASKED:
            workflow.cancel_pickup(case, at=T0)
        for n, index in enumerate(order):
            _arrives(booking, messages[index], index, at=T0 + 4 * DAY + n * HOUR)
        booking.refresh_from_db()
        result = {field: getattr(booking, field) for field in RESULT}
        result["tries"] = [(each.n, each.reason) for each in booking.tries.all()]
        result["taken"] = taken()
        case.refresh_from_db()
        if case.state == State.AWAITING_RETURN and case.deadline_at:
            result["extended"] = case.deadline_at - before
        transaction.set_rollback(True)
    return result


def _arrives(booking: PickupBooking, message: Message, index: int, *, at: datetime) -> None:
    """The message arrives; it happened in the order of the scenario, an hour after another."""
    kind, data = message
    happened = T0 + (index + 1) * HOUR
    if kind == "scan":
        report(booking.parcel, "picked_up", at=at, occurred_at=happened, event_id="scan")
        return
    said = {"pickup_id": booking.reference, "occurred_at": happened.isoformat(), **data}
    tell(booking.courier, f"pickup.{kind}", {"event_id": f"e{index}", **said}, at=at)


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_the_order_of_a_couriers_messages_one_thing_comes_of_it(name: str) -> None:
    state, messages = SCENARIOS[name]
    first = int(messages[0] == ASKED)
    results = [_result(name, order) for order in permutations(range(first, len(messages)))]
    assert results[0]["state"] == state
    assert [result for result in results if result != results[0]] == []


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_messages_told_twice_and_shuffled_change_nothing(data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(SCENARIOS)))
    _, messages = SCENARIOS[name]
    first = int(messages[0] == ASKED)
    known = list(range(first, len(messages)))
    again = data.draw(st.lists(st.sampled_from(known), max_size=4))
    order = data.draw(st.permutations(known + again))
    assert _result(name, order) == _result(name, known)


# The table


def test_every_open_van_can_end_and_what_is_over_gives_way_to_what_is_surer_only() -> None:
    for state in OPEN_PICKUPS:
        ends = {PickupEvent.FAILED, PickupEvent.COMPLETED, PickupEvent.CANCELLED}
        assert ends <= set(PICKUP.allowed(state))
    weights = [S.CANCELLED, S.REJECTED, S.FAILED, S.COMPLETED]
    for place, state in enumerate(weights):
        surer = {after for (before, _), after in PICKUP.moves.items() if before == state}
        assert surer - {state} == set(weights[place + 1 :])


def test_nothing_is_booked_for_a_case_that_does_not_wait_for_it() -> None:
    case = make.case_at(State.UNDER_REVIEW)
    with pytest.raises(NotNow):
        workflow.book_pickup(case, window=MORNING, at=T0)
    with pytest.raises(NotNow):
        workflow.pickup_slots(case, at=T0)
