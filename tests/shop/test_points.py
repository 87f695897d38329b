"""Where the buyer can drop the parcel off: the nearest points, and a clear answer without any."""

from typing import Any

import pytest

from logistics.models import Courier, CourierService, DropOffPoint
from returns.states import State
from tests import make
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db

PARIS = "/drop-off-points?country=FR&lat=48.8566&lon=2.3522"


def codes(answer: Any) -> list[str]:
    return [point["code"] for point in answer["points"]]


def test_the_nearest_points_come_first_with_all_a_buyer_asks(shop: Shop) -> None:
    answer = shop.get(f"{PARIS}&limit=4")
    assert len(answer["points"]) == 4
    distances = [point["distance_m"] for point in answer["points"]]
    assert distances == sorted(distances)
    assert {point["city"] for point in answer["points"][:3]} == {"Paris"}
    louvre = next(point for point in answer["points"] if point["code"] == "PAR01")
    # T0 is a Monday, 11:00 in Paris; it is open until 20:00.
    assert (louvre["open_now"], louvre["now"]) == (True, "open until 20:00")
    assert louvre["opening_hours"] == "Mo-Sa 08:00-20:00"
    assert louvre["next_opening"] is None
    assert louvre["week"][0] == {"date": "2026-03-02", "day": "Monday", "hours": "08:00–20:00"}
    assert louvre["week"][6] == {"date": "2026-03-08", "day": "Sunday", "hours": "closed"}
    assert (louvre["address"], louvre["postal_code"]) == ("52 rue du Louvre", "75001")


@pytest.mark.parametrize(
    ("q", "name", "city"),
    [
        ("lyon", "Lyon", "Lyon"),
        ("Marseilles", "Marseille", "Marseille"),
        ("75017", "postal code 75017", "Paris"),
        ("75999", "postal code 75", "Paris"),
        ("  67000 ", "postal code 67000", "Strasbourg"),
    ],
)
def test_a_city_or_a_postal_code_is_enough(shop: Shop, q: str, name: str, city: str) -> None:
    answer = shop.get(f"/drop-off-points?country=FR&q={q}")
    assert answer["near"]["name"] == name
    assert answer["points"][0]["city"] == city


def test_a_place_nobody_knows_is_answered_with_those_that_are_known(shop: Shop) -> None:
    refused = shop.expect(422, "get", "/drop-off-points?country=FR&q=Atlantis")
    assert refused["code"] == "unknown-place"
    assert {"Paris", "Lyon"} <= set(refused["places"])


def test_of_a_case_it_is_near_the_buyer(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN)
    answer = shop.get(f"/drop-off-points?case={case.number}")
    assert answer["near"]["name"].startswith("postal code 75")
    assert answer["points"][0]["city"] == "Paris"
    chosen = {"method": "drop_off", "point": answer["points"][0]["code"]}
    shop.post(f"/returns/{case.number}/handover", chosen)


def test_a_buyer_whose_address_says_nothing_is_asked(shop: Shop) -> None:
    case = make.case_at(State.AWAITING_RETURN)
    case.buyer.address = {"postal_code": None, "city": "Atlantis"}
    case.buyer.save()
    refused = shop.expect(422, "get", f"/drop-off-points?case={case.number}")
    assert refused["code"] == "unknown-place"
    assert shop.get(f"/drop-off-points?case={case.number}&q=Nice")["near"]["name"] == "Nice"


def test_only_points_that_can_be_chosen_are_shown(shop: Shop) -> None:
    before = codes(shop.get(PARIS))
    assert before[0] != before[-1]
    points = DropOffPoint.objects.filter(country="FR")
    points.filter(code=before[0]).update(active=False)
    points.filter(code=before[1]).update(takes_parcels=False)
    points.filter(code=before[2]).update(closed_until=make.T0 + make.DAY)
    other = Courier.objects.get(slug="usps-us")
    points.filter(code=before[3]).update(courier=other)
    assert not set(before[:4]) & set(codes(shop.get(PARIS)))


def test_kinds_and_opening_hours_can_be_asked_for(shop: Shop) -> None:
    assert codes(shop.get(f"{PARIS}&type=locker")) == []
    DropOffPoint.objects.filter(code="PAR01").update(kind="locker", opening_hours="Tu 09:00-10:00")
    assert codes(shop.get(f"{PARIS}&type=locker")) == ["PAR01"]
    assert codes(shop.get(f"{PARIS}&type=locker&open_now=true")) == []
    assert codes(shop.get(f"{PARIS}&type=locker&open_now=false")) == ["PAR01"]
    (told,) = shop.get(f"{PARIS}&type=locker")["points"]
    assert (told["open_now"], told["now"]) == (False, "closed, opens tomorrow at 09:00")
    assert told["next_opening"] == "2026-03-03T08:00:00Z"


def test_hours_nobody_knows_are_said_to_be_unknown(shop: Shop) -> None:
    DropOffPoint.objects.filter(code="PAR01").update(opening_hours="")
    told = next(p for p in shop.get(PARIS)["points"] if p["code"] == "PAR01")
    assert (told["open_now"], told["now"], told["week"]) == (None, "opening hours not known", [])


@pytest.mark.parametrize(
    ("country", "instead"), [("CZ", "pick-up"), ("DE", "registered mail"), ("XX", "registered")]
)
def test_where_there_is_no_drop_off_it_says_what_there_is(
    shop: Shop, country: str, instead: str
) -> None:
    refused = shop.expect(422, "get", f"/drop-off-points?country={country}&q=Praha")
    assert refused["code"] == "no-drop-off"
    assert instead in refused["detail"]


def test_staff_open_drop_off_in_another_country_by_adding_a_service_r21(shop: Shop) -> None:
    ppl = Courier.objects.get(slug="ppl-cz")
    CourierService.objects.create(
        courier=ppl, country="CZ", method="drop_off", time_zone="Europe/Prague"
    )
    assert shop.get("/drop-off-points?country=CZ&q=Prague")["points"][0]["city"] == "Praha"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "case"),
        ("country=FR", "q"),
        ("country=FR&case=RMA26000001&q=Paris", "case"),
        ("country=fr&q=Paris", "country"),
        ("country=FR&lat=48", "lat"),
        ("country=FR&lat=91&lon=2", "lat"),
        ("country=FR&lat=48&lon=181", "lon"),
        ("country=FR&lat=nan&lon=2", "lat"),
        ("country=FR&lat=1e5&lon=2", "lat"),
        ("country=FR&lat=٤&lon=2", "lat"),
        ("country=FR&q=Paris&limit=51", "limit"),
        ("country=FR&q=Paris&limit=0", "limit"),
        ("country=FR&q=Paris&type=volcano", "type"),
        ("country=FR&q=Paris&open_now=maybe", "open_now"),
        ("country=FR&q=%00", "q"),
        ("country=FR&q=" + "x" * 81, "q"),
        ("country=FR&q=Paris&colour=blue", "colour"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_where(
    shop: Shop, query: str, parameter: str
) -> None:
    refused = shop.expect(422, "get", f"/drop-off-points?{query}")
    assert parameter in [error["parameter"] for error in refused["errors"]]


@pytest.mark.parametrize("q", ["%25", "_", "'; DROP TABLE", "|", "0" * 80, "\u202e", "-"])
def test_a_place_of_odd_letters_is_a_place_nobody_knows(shop: Shop, q: str) -> None:
    assert shop.expect(422, "get", f"/drop-off-points?country=FR&q={q}")["code"] in (
        "unknown-place",
        "invalid",
    )


def test_a_stranger_and_a_case_of_nobody_are_turned_away(shop: Shop, stranger: Shop) -> None:
    assert stranger.call("get", PARIS).status_code == 401
    shop.expect(404, "get", "/drop-off-points?case=RMA99999999")
