"""Drop-off, pick-up and registered mail, as the buyer chooses them (R20–R24)."""

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from logistics import workflow
from logistics.models import Courier, CourierService, Delivery, DropOffPoint, PickupBooking
from logistics.policy import Window
from logistics.states import Carried, LabelState, MessageType, PickupState
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Event, Handover, State
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, odd, parcel_of, report, tell

pytestmark = pytest.mark.django_db

MORNING = Window(date(2026, 3, 4), time(9), time(12))
EVENING = Window(date(2026, 3, 5), time(17), time(20))


def booked(window: Window = MORNING) -> tuple[Case, PickupBooking]:
    case = awaiting("CZ")
    return case, workflow.book_pickup(case, window=window, at=T0)


def van(booking: PickupBooking, kind: str, *, after: timedelta, **data: str) -> None:
    """The courier reports on its van."""
    at = T0 + after
    tell(booking.courier, kind, {"pickup_id": booking.reference, **data}, at=at)
    booking.refresh_from_db()


# Drop-off


def test_the_buyer_chooses_a_point_of_the_countrys_courier_r20() -> None:
    case = awaiting()
    workflow.choose_drop_off(case, point_code="PAR01", at=T0)
    parcel = case.parcels.get()
    assert parcel.drop_off_point == DropOffPoint.objects.get(code="PAR01")
    assert case.handover == Handover.DROP_OFF


@pytest.mark.parametrize("unfit", ["NYC01", "closed", "hands out only", "nowhere"])
def test_a_point_that_cannot_take_the_parcel_is_refused(unfit: str) -> None:
    case = awaiting()
    points = DropOffPoint.objects.filter(code="PAR01")
    if unfit == "closed":
        points.update(active=False)
    if unfit == "hands out only":
        points.update(takes_parcels=False)
    code = "PAR01" if unfit in ("closed", "hands out only") else unfit
    with pytest.raises(ValueError, match="no drop-off point"):
        workflow.choose_drop_off(case, point_code=code, at=T0)


def test_a_point_closed_for_a_time_is_refused_until_it_opens_again() -> None:
    case = awaiting()
    DropOffPoint.objects.filter(code="PAR01").update(closed_until=T0 + DAY)
    with pytest.raises(ValueError, match="is closed until 2026-03-03 10:00 UTC; choose another"):
        workflow.choose_drop_off(case, point_code="PAR01", at=T0)
    workflow.choose_drop_off(case, point_code="PAR01", at=T0 + DAY)
    assert case.parcels.get().drop_off_point is not None


def test_where_there_is_no_drop_off_it_cannot_be_chosen_r20() -> None:
    with pytest.raises(ValueError, match="handed over by: pickup"):
        workflow.choose_drop_off(awaiting("CZ"), point_code="", at=T0)


def test_another_courier_for_the_other_way_gets_a_label_of_its_own_and_still_one_counts_r12() -> (
    None
):
    case = awaiting("CZ")
    other = Courier.objects.get(slug="inpost-pl")
    CourierService.objects.create(
        courier=other, country="CZ", method="drop_off", priority=20, time_zone="Europe/Prague"
    )
    workflow.book_pickup(case, window=MORNING, at=T0)
    workflow.choose_drop_off(case, point_code="", at=T0)
    old, new = case.parcels.order_by("id")
    assert (old.label, new.label) == (LabelState.VOIDED, LabelState.LIVE)
    assert new.courier == other
    assert case.pickups.get().state == PickupState.CANCELLED


# Pick-up


def test_a_window_is_kept_as_local_time_and_as_utc_r23() -> None:
    case, booking = booked()
    assert booking.window() == {
        "date": "2026-03-04",
        "start": "09:00",
        "end": "12:00",
        "tz": "Europe/Prague",
    }
    assert booking.starts_at == T0.replace(day=4, hour=8)
    assert case.handover == Handover.PICKUP
    asked = Delivery.objects.get(type=MessageType.PICKUP_REQUESTED)
    assert asked.payload["data"]["window"]["tz"] == "Europe/Prague"
    assert asked.payload["data"]["deliver_before"] == "2026-03-04T06:00:00Z"


def test_a_window_after_the_clocks_went_forward_is_an_hour_earlier_in_utc() -> None:
    window = Window(date(2026, 3, 29), time(9), time(12))
    assert window.moments("Europe/Prague")[0] == T0.replace(day=29, hour=7)


@pytest.mark.parametrize(
    "window",
    [
        Window(date(2026, 3, 2), time(15), time(18)),
        Window(date(2026, 3, 4), time(12), time(9)),
        Window(date(2026, 3, 4), time(9), time(9, 30)),
        Window(date(2026, 3, 12), time(10), time(12)),
    ],
    ids=["today", "backwards", "half an hour", "past the last day"],
)
def test_an_impossible_window_is_refused_r23_r24(window: Window) -> None:
    with pytest.raises(ValueError, match=r"window|next day|until"):
        workflow.book_pickup(awaiting("CZ"), window=window, at=T0)


def test_tomorrow_is_counted_where_the_buyer_lives() -> None:
    case = awaiting("JP")
    late = T0.replace(hour=16)  # already the 3rd in Tokyo
    with pytest.raises(ValueError, match="next day"):
        workflow.book_pickup(case, window=Window(date(2026, 3, 3), time(9), time(12)), at=late)
    workflow.book_pickup(case, window=Window(date(2026, 3, 4), time(9), time(12)), at=late)


@pytest.mark.parametrize(
    "told", [{}, {"date": "x", "start": "09:00", "end": "12:00"}, {"date": None}]
)
def test_what_is_no_window_is_not_read_as_one(told: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="window"):
        Window.parse(told)


def test_booking_the_same_window_twice_asks_once_and_another_moves_it_r23() -> None:
    case, booking = booked()
    assert workflow.book_pickup(case, window=MORNING, at=T0) == booking
    assert workflow.book_pickup(case, window=EVENING, at=T0) == booking
    booking.refresh_from_db()
    assert booking.window_date == EVENING.date
    types = Delivery.objects.filter(pickup=booking).order_by("id").values_list("type", flat=True)
    assert list(types) == ["pickup.requested", "pickup.reschedule_requested"]


def test_the_database_refuses_a_second_open_pickup_for_a_case() -> None:
    _, booking = booked()
    booking.pk, booking.reference = None, "another"
    with pytest.raises(IntegrityError), transaction.atomic():
        booking.save()


def test_a_cancelled_van_is_told_and_can_be_booked_again_r23() -> None:
    case, booking = booked()
    workflow.cancel_pickup(case, at=T0)
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCELLED
    assert Delivery.objects.get(type=MessageType.PICKUP_CANCEL_REQUESTED).pickup == booking
    with pytest.raises(NotNow):
        workflow.cancel_pickup(case, at=T0)
    again = workflow.book_pickup(case, window=EVENING, at=T0)
    assert again.reference != booking.reference


def test_what_the_courier_never_heard_it_is_not_told_to_cancel() -> None:
    Courier.objects.filter(slug="ppl-cz").update(endpoint_url="https://ppl.example/hooks")
    case, booking = booked()
    workflow.cancel_pickup(case, at=T0)
    only = booking.deliveries.get()
    assert (only.type, only.dead_at) == (MessageType.PICKUP_REQUESTED, T0)


def test_cancelling_the_case_calls_off_the_van() -> None:
    case, booking = booked()
    returns.cancel(case, at=T0)
    workflow.void_label(case.entries.get(event=Event.CANCELLED), at=T0)
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCELLED


def test_two_failed_attempts_and_the_buyer_must_choose_again_r23() -> None:
    case, booking = booked()
    van(booking, "pickup.confirmed", after=HOUR, confirmation_number="C1")
    assert (booking.state, booking.confirmation_number) == (PickupState.CONFIRMED, "C1")
    before = case.deadline_at
    van(booking, "pickup.attempted", after=2 * DAY, reason="not_home")
    assert (booking.state, booking.attempts) == (PickupState.CONFIRMED, 1)
    van(booking, "pickup.attempted", after=3 * DAY, reason="not_home")
    assert (booking.state, booking.attempts) == (PickupState.FAILED, 2)
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN
    # It was the buyer who was not at home.
    assert case.deadline_at == before
    assert Event.HANDOVER_EXTENDED not in make.events(case)
    assert "choose again" in case.entries.last().text
    again = workflow.book_pickup(
        case, window=Window(date(2026, 3, 7), time(9), time(12)), at=T0 + 3 * DAY
    )
    assert again.state == PickupState.REQUESTED


@pytest.mark.parametrize("reason", ["courier_missed", "capacity", "weather"])
def test_the_couriers_own_failure_gives_the_buyer_a_day_r24(reason: str) -> None:
    case, booking = booked()
    before = case.deadline_at
    assert before is not None
    van(booking, "pickup.attempted", after=2 * DAY, reason=reason)
    case.refresh_from_db()
    assert case.deadline_at == before + DAY


def test_the_same_attempt_told_twice_counts_once() -> None:
    case, booking = booked()
    told = {"pickup_id": booking.reference, "event_id": "a1", "reason": "courier_missed"}
    before = case.deadline_at
    assert before is not None
    for hour in (1, 2):
        tell(booking.courier, "pickup.attempted", told, at=T0 + hour * HOUR)
    booking.refresh_from_db()
    case.refresh_from_db()
    assert booking.attempts == 1
    assert case.deadline_at == before + DAY


def test_a_rejected_van_leaves_the_buyer_to_choose_again() -> None:
    _, booking = booked()
    van(booking, "pickup.rejected", after=HOUR, reason="capacity")
    assert booking.state == PickupState.REJECTED


def test_a_collected_parcel_is_handed_over_even_before_its_first_scan() -> None:
    case, booking = booked()
    van(booking, "pickup.completed", after=2 * DAY)
    case.refresh_from_db()
    assert booking.state == PickupState.COMPLETED
    assert case.state == State.IN_TRANSIT


def test_a_scan_says_that_the_van_was_there_whatever_else_was_said() -> None:
    case, booking = booked()
    report(parcel_of(case), "picked_up", at=T0 + 2 * DAY)
    booking.refresh_from_db()
    assert booking.state == PickupState.COMPLETED
    van(booking, "pickup.rejected", after=3 * DAY, reason="capacity")
    assert booking.state == PickupState.COMPLETED
    assert odd(parcel_of(case)) == ["not-now"]


def test_the_couriers_window_is_kept_beside_the_one_asked_for() -> None:
    _, booking = booked()
    told = {"window_start": "2026-03-04T10:00:00+01:00", "window_end": "2026-03-04T11:00:00+01:00"}
    van(booking, "pickup.rescheduled", after=HOUR, **told)
    assert booking.confirmed_start_at == T0.replace(day=4, hour=9)
    assert booking.window_start == MORNING.start


# Registered mail


def post(case: Case, *, registered: bool = True, postage: str = "7.50") -> None:
    workflow.register_own_parcel(
        case,
        courier_name=" DHL ",
        tracking_number="rr 123 456 785 de",
        registered=registered,
        postage=Decimal(postage),
        at=T0 + DAY,
    )


def test_at_the_buyers_cost_the_parcel_goes_by_registered_mail_r22() -> None:
    case = awaiting(free_return=False)
    post(case)
    parcel = case.parcels.get()
    assert (parcel.carried, parcel.tracking_number) == (Carried.OWN, "RR123456785DE")
    assert parcel.courier is None
    assert case.state == State.IN_TRANSIT
    assert case.postage == 0


def test_where_nobody_serves_the_postage_of_a_free_return_is_given_back_r21() -> None:
    case = awaiting("DE")
    post(case)
    assert case.parcels.get().carried == Carried.REIMBURSED
    assert case.postage == Decimal("7.50")


def test_mail_that_is_not_registered_is_refused_r22() -> None:
    case = awaiting(free_return=False)
    with pytest.raises(ValueError, match="R22"):
        post(case, registered=False)
    assert not case.parcels.exists()


def test_a_return_with_a_free_label_does_not_go_by_own_courier_r20() -> None:
    with pytest.raises(ValueError, match="drop_off"):
        post(awaiting())


def test_nothing_is_posted_twice() -> None:
    case = awaiting(free_return=False)
    post(case)
    with pytest.raises(NotNow):
        post(case)
    assert case.parcels.count() == 1


def test_nothing_is_chosen_for_a_case_that_does_not_wait_for_it() -> None:
    case = make.case_at(State.UNDER_REVIEW)
    with pytest.raises(NotNow):
        workflow.choose_drop_off(case, point_code="", at=T0)
    with pytest.raises(NotNow):
        workflow.book_pickup(case, window=MORNING, at=T0)
