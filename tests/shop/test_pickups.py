"""The van's doors: which windows are free, another one, none at all (R23)."""

from typing import Any

import pytest

from logistics import workflow as logistics
from logistics.models import Courier, PickupWindow
from returns import clock
from returns.models import Case
from returns.states import State
from tests import make
from tests.logistics.story import tell
from tests.make import DAY, T0
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db

MORNING = {"date": "2026-03-04", "start": "09:00", "end": "12:00"}
EVENING = {"date": "2026-03-05", "start": "17:00", "end": "20:00"}


def waiting() -> Case:
    return make.case_at(State.AWAITING_RETURN, country="CZ")


def books(shop: Shop, case: Case, window: dict[str, str] = MORNING, **expected: Any) -> Any:
    body = {"method": "pickup", "window": window}
    return shop.post(f"/returns/{case.number}/handover", body, **expected)


def slots(shop: Shop, case: Case, page: int = 1) -> list[dict[str, str]]:
    told = shop.get(f"/returns/{case.number}/pickup-slots?page={page}")
    return list(told["results"])


def test_the_windows_on_offer_are_told_in_local_time_and_in_utc(shop: Shop) -> None:
    found = slots(shop, waiting())
    assert found[3] == {
        **MORNING,
        "starts_at": "2026-03-04T08:00:00Z",
        "ends_at": "2026-03-04T11:00:00Z",
        "book_before": "2026-03-03T16:00:00Z",
        "places": "free",
    }


def test_how_many_places_are_left_is_told_in_words(shop: Shop) -> None:
    windows = PickupWindow.objects.filter(service__courier__slug="ppl-cz", weekday=2)
    windows.filter(start=MORNING["start"]).update(capacity=1)
    windows.filter(start="13:00").update(capacity=5)
    books(shop, waiting())
    wednesday = [slot for slot in slots(shop, waiting()) if slot["date"] == MORNING["date"]]
    assert [slot["places"] for slot in wednesday] == ["none", "few", "free"]


def test_windows_come_in_pages(shop: Shop) -> None:
    case = waiting()
    Case.objects.update(deadline_at=T0 + 20 * DAY)
    first = shop.get(f"/returns/{case.number}/pickup-slots")
    assert (len(first["results"]), first["previous"]) == (30, None)
    assert first["next"].endswith(f"/api/v1/returns/{case.number}/pickup-slots?page=2")
    second = shop.get(f"/returns/{case.number}/pickup-slots?page=2")
    assert second["results"][0]["starts_at"] > first["results"][-1]["starts_at"]
    assert second["previous"].endswith("?page=1")
    assert slots(shop, case, page=999) == []


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=1000", "pages=1", "page=%00"])
def test_a_page_that_is_none_is_refused(shop: Shop, query: str) -> None:
    refused = shop.expect(422, "get", f"/returns/{waiting().number}/pickup-slots?{query}")
    assert refused["errors"][0]["parameter"] in ("page", "pages")


def test_what_is_asked_at_the_wrong_time_or_place_is_refused(shop: Shop, stranger: Shop) -> None:
    case = make.case_at(State.UNDER_REVIEW, country="CZ")
    path = f"/returns/{case.number}"
    assert shop.expect(409, "get", f"{path}/pickup-slots")["code"] == "not-now"
    body = {"window": MORNING}
    assert shop.post(f"{path}/pickup/reschedule", body, status=409)["code"] == "not-now"
    assert shop.post(f"{path}/pickup/cancel", status=409)["code"] == "not-now"
    french = make.case_at(State.AWAITING_RETURN)
    told = shop.expect(422, "get", f"/returns/{french.number}/pickup-slots")
    assert "drop_off" in told["detail"]
    for method, door in (("get", "-slots"), ("post", "/reschedule"), ("post", "/cancel")):
        stranger.expect(401, method, f"{path}/pickup{door}")
        said = body if door == "/reschedule" else None
        shop.expect(404, method, f"/returns/RMA99999999/pickup{door}", said)


def test_a_window_that_was_taken_meanwhile_names_those_that_are_free(shop: Shop) -> None:
    PickupWindow.objects.filter(start=MORNING["start"]).update(capacity=1)
    books(shop, waiting())
    case = waiting()
    refused = books(shop, case, status=409)
    assert refused["code"] == "window-full"
    assert refused["detail"].startswith("That window is full; free ones: 3 March 2026, 09:00")
    assert MORNING["date"] in [slot["date"] for slot in refused["free"]]
    assert not case.pickups.exists()


def test_booking_moving_and_cancelling_are_done_once_a_key(shop: Shop) -> None:
    case = waiting()
    path = f"/returns/{case.number}"
    for _ in range(2):
        books(shop, case, key="book")
        shop.post(f"{path}/pickup/reschedule", {"window": EVENING}, key="move")
        told = shop.post(f"{path}/pickup/cancel", key="cancel")
    booking = case.pickups.get()
    assert booking.deliveries.count() == 3
    assert told["parcel"]["pickup"]["state"] == "cancel_requested"
    assert told["parcel"]["pickup"]["cancel"] == {
        "asked_at": "2026-03-02T10:00:00Z",
        "counts_at": "2026-03-04T16:00:00Z",
    }


def test_what_the_courier_never_heard_is_cancelled_at_once(shop: Shop) -> None:
    Courier.objects.filter(slug="ppl-cz").update(endpoint_url="https://ppl.example/hooks")
    case = waiting()
    books(shop, case)
    told = shop.post(f"/returns/{case.number}/pickup/cancel")
    assert (told["parcel"]["pickup"]["state"], told["parcel"]["pickup"]["cancel"]) == (
        "cancelled",
        None,
    )
    assert shop.post(f"/returns/{case.number}/pickup/cancel", status=409)["code"] == "not-now"


def test_both_windows_and_every_attempt_with_its_reason_are_told(shop: Shop) -> None:
    case = waiting()
    books(shop, case)
    booking = case.pickups.get()
    about = {"pickup_id": booking.reference}
    window = {"window_start": "2026-03-04T09:00:00Z", "window_end": "2026-03-04T10:00:00Z"}
    tell(
        booking.courier, "pickup.confirmed", {**about, **window, "confirmation_number": "C1"}, at=T0
    )
    failed = {**about, "attempt": 1, "reason": "not_home"}
    tell(booking.courier, "pickup.attempted", failed, at=T0 + 2 * DAY)
    clock.set_to(T0 + 2 * DAY)
    moved = {"date": "2026-03-06", "start": "17:00", "end": "20:00"}
    told = shop.post(f"/returns/{case.number}/pickup/reschedule", {"window": moved})
    assert told["parcel"]["pickup"] == {
        "state": "move_requested",
        "window": {**moved, "tz": "Europe/Prague"},
        "confirmed": {
            "start_at": "2026-03-04T09:00:00Z",
            "end_at": "2026-03-04T10:00:00Z",
            "number": "C1",
        },
        "attempts": 1,
        "failed_attempts": [{"attempt": 1, "at": "2026-03-04T10:00:00Z", "reason": "not_home"}],
        "cancel": None,
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/window"),
        ({"window": MORNING, "why": "?"}, "/why"),
        ({"window": {**MORNING, "start": "9"}}, "/window/start"),
        ([], ""),
    ],
)
def test_a_move_to_nowhere_is_told_where_it_is_wrong(shop: Shop, body: Any, pointer: str) -> None:
    case = waiting()
    books(shop, case)
    refused = shop.post(f"/returns/{case.number}/pickup/reschedule", body, status=422)
    assert refused["errors"][0]["pointer"] == pointer
    senseless = {"window": {**MORNING, "date": "2026-02-30"}}
    told = shop.post(f"/returns/{case.number}/pickup/reschedule", senseless, status=422)
    assert told["code"] == "senseless"


def test_support_books_for_a_buyer_through_the_same_verb() -> None:
    case = waiting()
    window = logistics.pickup_slots(case, at=T0)[0].window
    logistics.book_pickup(case, window=window, at=T0, by="ann")
    assert case.entries.latest("id").by == "ann"
