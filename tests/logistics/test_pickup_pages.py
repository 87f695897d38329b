"""Staff's pages of vans: what was agreed, acting for a buyer, windows, and the plan of a day."""

from datetime import date, time

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from logistics import workflow
from logistics.models import CourierHoliday, CourierService, PickupBooking
from logistics.policy import Window
from logistics.states import PickupState
from tests.logistics.story import T0, awaiting, tell

pytestmark = pytest.mark.django_db

MORNING = Window(date(2026, 3, 4), time(9), time(12))
AFTERNOON = Window(date(2026, 3, 4), time(13), time(16))


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("returns.clock.now", lambda: T0)


def person(client: Client, *more: str) -> Client:
    user = User.objects.create_user("dora", is_staff=True)
    for permission in Permission.objects.filter(content_type__app_label="logistics"):
        if permission.codename.startswith("view_") or permission.codename in more:
            user.user_permissions.add(permission)
    client.force_login(user)
    return client


@pytest.fixture
def booking() -> PickupBooking:
    return workflow.book_pickup(awaiting("CZ"), window=MORNING, at=T0)


def address(booking: PickupBooking, what: str) -> str:
    return reverse(f"admin:logistics_pickupbooking_{what}", args=[booking.pk])


def test_the_page_shows_both_windows_the_attempts_and_what_was_told(
    client: Client, booking: PickupBooking
) -> None:
    about = {"pickup_id": booking.reference}
    tell(booking.courier, "pickup.confirmed", {**about, "confirmation_number": "C17"}, at=T0)
    failed = {**about, "attempt": 1, "reason": "not_home"}
    tell(booking.courier, "pickup.attempted", failed, at=T0)
    page = person(client).get(address(booking, "change")).content.decode()
    for shown in ("C17", "Not Home", "Pick-up requested", "Europe/Prague"):
        assert shown in page
    assert "for the buyer" not in page


def test_who_may_act_for_buyers_moves_the_van_and_calls_it_off(
    client: Client, booking: PickupBooking
) -> None:
    staff = person(client, "act_for_buyer")
    assert "Book another window for the buyer" in staff.get(address(booking, "change")).text
    form = staff.get(address(booking, "rebook")).text
    assert str(AFTERNOON) in form
    staff.post(address(booking, "rebook"), {"window": str(AFTERNOON)})
    booking.refresh_from_db()
    assert booking.window_start == AFTERNOON.start
    assert booking.case.entries.filter(by="dora", text__contains="behalf").exists()
    staff.post(address(booking, "cancel"))
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCEL_REQUESTED
    again = staff.post(address(booking, "rebook"), {"window": str(MORNING)})
    assert "wait for its answer" in again.text


@pytest.mark.parametrize("window", ["", "yesterday", "4 March 2026, 09:30–12:00"])
def test_a_window_that_is_not_free_is_answered_on_the_form(
    client: Client, booking: PickupBooking, window: str
) -> None:
    answer = person(client, "act_for_buyer").post(address(booking, "rebook"), {"window": window})
    assert answer.status_code == 200
    assert "errorlist" in answer.text


@pytest.mark.parametrize("door", ["cancel", "rebook"])
def test_who_may_only_look_does_not_act_for_buyers(
    client: Client, booking: PickupBooking, door: str
) -> None:
    assert client.post(address(booking, door)).status_code == 302
    looks = person(client)
    for answer in (looks.get(address(booking, door)), looks.post(address(booking, door))):
        assert answer.status_code == 403
    booking.refresh_from_db()
    assert booking.state == PickupState.REQUESTED


def test_the_plan_of_a_day_counts_what_is_taken(client: Client, booking: PickupBooking) -> None:
    staff = person(client)
    plan = reverse("admin:logistics_pickupslot_changelist")
    assert "1 of 40" in staff.get(plan).text
    assert "1 of 40" not in staff.get(f"{plan}?day=tomorrow").text


def test_tomorrow_in_the_plan_is_tomorrow_where_the_vans_are(
    client: Client, booking: PickupBooking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returns.clock.now", lambda: T0.replace(day=2, hour=23, minute=30))
    plan = reverse("admin:logistics_pickupslot_changelist")
    # Past midnight in Prague: the 4th is tomorrow.
    assert "1 of 40" in person(client).get(f"{plan}?day=tomorrow").text


def test_windows_and_holidays_are_edited_where_the_courier_is(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    service = CourierService.objects.get(courier__slug="ppl-cz", method="pickup")
    page = client.get(reverse("admin:logistics_courierservice_change", args=[service.pk])).text
    assert page.count('value="09:00:00"') == 6
    courier = client.get(reverse("admin:logistics_courier_change", args=[service.courier_id]))
    assert "holidays-TOTAL_FORMS" in courier.text
    assert not CourierHoliday.objects.exists()
