"""Finding the nearest points: exact whatever is asked, off the index, in few queries."""

import json
from datetime import UTC, datetime, timedelta
from math import acos, cos, radians, sin

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from logistics.models import Courier, DropOffPoint
from logistics.points import finder
from logistics.points.earth import RADIUS_M, boxes_around, distance_m
from logistics.points.finder import Found, Wish, nearest

pytestmark = pytest.mark.django_db

#: Monday noon in Paris.
AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
HOURS = ("Mo-Fr 09:00-18:00", "24/7", "Tu 09:00-10:00", "")
PARIS = (48.8566, 2.3522)

latitudes = st.floats(-90, 90) | st.sampled_from([-90.0, 90.0, 89.99, -89.999, 0.0, 60.0])
longitudes = st.floats(-180, 180) | st.sampled_from([-180.0, 180.0, 179.999, -179.999, 0.0])
#: Anywhere, and crowds around one place, where the radius and its box's corners matter.
somewhere = st.tuples(latitudes, longitudes)
crowds = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))
facts = st.tuples(
    st.sampled_from(HOURS),
    st.sampled_from(["shop", "locker"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, AT - timedelta(days=1), AT, AT + timedelta(days=1)]),
)


def plant(places: list[tuple[float, float]], of: list[tuple[object, ...]]) -> list[DropOffPoint]:
    courier = Courier.objects.get(slug="la-poste-fr")
    DropOffPoint.objects.all().delete()
    return DropOffPoint.objects.bulk_create(
        DropOffPoint(
            courier=courier,
            code=f"P{number}",
            name="A point",
            kind=kind,
            country="FR",
            city="Paris",
            address="1 rue",
            lat=lat,
            lon=lon,
            time_zone="Europe/Paris",
            opening_hours=hours,
            active=active or active_too,
            takes_parcels=takes,
            closed_until=closed,
        )
        for number, ((lat, lon), (hours, kind, active, takes, closed)) in enumerate(
            zip(places, of, strict=True)
        )
        for active_too in (number % 4 != 0,)
    )


def brute_force(wish: Wish, lat: float, lon: float, limit: int) -> list[Found]:
    """Every point is asked, by the model's own words."""
    fit = [
        point
        for point in DropOffPoint.objects.filter(country=wish.country)
        if point.active
        and point.takes_parcels
        and (point.closed_until is None or point.closed_until <= AT)
        and wish.courier in (None, point.courier_id)
        and wish.kind in ("", point.kind)
        and (not wish.open_now or point.open_at(AT))
    ]
    near = sorted((distance_m(lat, lon, point.lat, point.lon), point.pk) for point in fit)
    return [Found(pk, distance) for distance, pk in near[:limit]]


@given(data=st.data(), limit=st.integers(1, 12), open_now=st.booleans())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_it_finds_what_brute_force_finds_also_at_the_poles_and_the_antimeridian(
    data: st.DataObject, limit: int, open_now: bool
) -> None:
    lat, lon = data.draw(somewhere)
    around = [
        (max(-90.0, min(90.0, lat + up)), (lon + along + 180) % 360 - 180)
        for up, along in data.draw(st.lists(crowds, max_size=25))
    ]
    places = around + data.draw(st.lists(somewhere, max_size=10))
    plant(places, data.draw(st.lists(facts, min_size=len(places), max_size=len(places))))
    kind = data.draw(st.sampled_from(["", "shop", "locker"]))
    wish = Wish("FR", kind=kind, open_now=open_now)
    assert nearest(wish, lat, lon, limit=limit, at=AT) == brute_force(wish, lat, lon, limit)


@given(st.tuples(latitudes, longitudes, latitudes, longitudes), st.floats(1, 25_000_000))
@example((59.9, 0.0, 60.0, 0.0899), 12_200.0)
@settings(max_examples=300, deadline=None)
def test_a_box_holds_all_that_is_within_its_radius(
    places: tuple[float, float, float, float], radius_m: float
) -> None:
    lat, lon, there_lat, there_lon = places
    if distance_m(*places) <= radius_m:
        assert any(
            south <= there_lat <= north and west <= there_lon <= east
            for south, north, west, east in boxes_around(lat, lon, radius_m)
        )


def test_the_distance_is_that_of_the_cosine_formula() -> None:
    (a, b), (c, d) = (radians(52.2297), radians(21.0122)), (radians(48.8566), radians(2.3522))
    known = RADIUS_M * acos(sin(a) * sin(c) + cos(a) * cos(c) * cos(b - d))
    assert distance_m(52.2297, 21.0122, *PARIS) == pytest.approx(known, abs=0.01)
    assert distance_m(0, 180, 0, -180) == pytest.approx(0, abs=0.01)
    assert distance_m(90, 0, -90, 17) == pytest.approx(20_015_114, abs=1)


def test_the_corner_of_a_box_is_no_answer_while_something_nearer_is_outside() -> None:
    """5 km boxes reach 7 km at their corners: the point beyond the edge is nearer than that."""
    lat, lon = PARIS
    corner, edge = (lat + 0.044, lon + 0.066), (lat + 0.046, lon)
    always = ("24/7", "shop", True, True, None)
    _, at_edge = plant([corner, edge], [always, always])
    assert distance_m(lat, lon, *edge) < distance_m(lat, lon, *corner)
    assert [found.id for found in nearest(Wish("FR"), lat, lon, limit=1, at=AT)] == [at_edge.pk]


def test_another_country_another_courier_and_nonsense_find_nothing() -> None:
    assert nearest(Wish("DE"), *PARIS, at=AT) == []
    other = Courier.objects.get(slug="usps-us").pk
    assert nearest(Wish("FR", courier=other), *PARIS, at=AT) == []
    assert nearest(Wish("FR", kind="volcano"), *PARIS, at=AT) == []
    assert nearest(Wish("FR"), *PARIS, limit=0, at=AT) == []
    assert len(nearest(Wish("FR"), *PARIS, limit=10_000, at=AT)) <= finder.MOST


def test_a_place_in_town_takes_one_query_and_the_emptiest_takes_nine() -> None:
    for place, limit, most in ((PARIS, 1, 1), ((-60.0, 100.0), 50, 9)):
        with CaptureQueriesContext(connection) as queries:
            nearest(Wish("FR"), *place, limit=limit, at=AT)
        assert len(queries) == most


@pytest.fixture
def _many(db: None) -> None:
    """Enough points that a planner chooses by what is there."""
    always = ("24/7", "shop", True, True, None)
    plant([(42 + n % 100 * 0.09, -4 + n // 100 * 0.3) for n in range(4000)], [always] * 4000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.usefixtures("_many")
def test_the_boxes_are_read_from_the_index() -> None:
    with CaptureQueriesContext(connection) as queries:
        nearest(Wish("FR"), *PARIS, limit=1, at=AT)
    explain = "EXPLAIN (FORMAT JSON)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {queries[0]['sql']}")
        plan = json.dumps(cursor.fetchall())
    assert "point_nearby" in plan
