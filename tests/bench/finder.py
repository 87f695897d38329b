"""What finding the nearest points costs: the finder against brute force, over 100,000 points.

Everything happens in one transaction that is rolled back. CPU time of this process is measured, so
the work of a PostgreSQL server is not in it; the wall clock is printed beside it.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from heapq import nsmallest
from statistics import mean, median, quantiles

from django.db import connection, transaction

from logistics.models import City, Courier, DropOffPoint
from logistics.points.earth import distance_m
from logistics.points.finder import Found, Wish, nearest
from tests.bench.report import Row, markdown

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
LIMIT = 10
Place = tuple[str, float, float]
Finder = Callable[[Place], list[Found]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--points", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=100)
    told = options.parse_args()
    sys.stdout.write(markdown(run(points=told.points, queries=told.queries)) + "\n")


def run(*, points: int = 100_000, queries: int = 100, seed: int = 7) -> list[Row]:
    """Plant the points, look for the ten nearest to `queries` places, both ways: a table."""
    dice = random.Random(seed)
    with transaction.atomic():
        places = _plant(points, queries, dice)
        finder = _measured(_nearest, places)
        brute = _measured(_brute_force, places[: max(5, queries // 10)])
        exact = sum(_nearest(place) == _brute_force(place) for place in places)
        transaction.set_rollback(True)
    return _told(finder, brute, f"{exact}/{queries}", points)


def _plant(points: int, queries: int, dice: random.Random) -> list[Place]:
    """Points around the cities, as people live, and places of buyers likewise."""
    cities = list(City.objects.all())
    couriers = {courier.country: courier for courier in Courier.objects.all()}

    def near(city: City) -> tuple[float, float]:
        spread = dice.choice((0.03, 0.2, 0.8))
        return (
            max(-90.0, min(90.0, dice.gauss(city.lat, spread))),
            max(-180.0, min(180.0, dice.gauss(city.lon, spread))),
        )

    rows = []
    for number in range(points):
        city = cities[number % len(cities)]
        lat, lon = near(city)
        rows.append(
            DropOffPoint(
                courier=couriers[city.country],
                code=f"B{number:07}",
                name=f"Point {number}",
                kind=DropOffPoint.Kind.SHOP,
                country=city.country,
                city=city.name,
                address=f"{number} Main St",
                lat=lat,
                lon=lon,
                time_zone=city.time_zone,
                opening_hours="Mo-Sa 08:00-20:00",
                active=number % 20 != 0,
            )
        )
    DropOffPoint.objects.bulk_create(rows, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    buyers = (dice.choice(cities) for _ in range(queries))
    return [(city.country, *near(city)) for city in buyers]


def _nearest(place: Place) -> list[Found]:
    country, lat, lon = place
    return nearest(Wish(country), lat, lon, limit=LIMIT, at=AT)


def _brute_force(place: Place) -> list[Found]:
    """Every usable point of the country is read and measured."""
    country, lat, lon = place
    every = DropOffPoint.objects.usable(AT).filter(country=country).order_by()
    rows = every.values_list("id", "lat", "lon").iterator(chunk_size=5000)
    near = nsmallest(LIMIT, ((distance_m(lat, lon, *there), pk) for pk, *there in rows))
    return [Found(pk, distance) for distance, pk in near]


def _measured(find: Finder, places: list[Place]) -> tuple[list[float], list[float]]:
    """Milliseconds of CPU and by the wall clock for each place, after one round unmeasured."""
    find(places[0])
    cpu, wall = [], []
    for place in places:
        began, began_cpu = time.perf_counter(), time.process_time()
        find(place)
        cpu.append((time.process_time() - began_cpu) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return cpu, wall


def _told(
    finder: tuple[list[float], list[float]],
    brute: tuple[list[float], list[float]],
    exact: str,
    points: int,
) -> list[Row]:
    where = f"{LIMIT} nearest of {points:,} ({connection.vendor}; same answer {exact})"
    rows: list[Row] = [(where, "ratio", "finder", "brute force")]
    for name, fast, slow in zip(("CPU", "wall"), finder, brute, strict=True):
        mine, theirs = (1000 / mean(times) for times in (fast, slow))
        figures = (f"{mine / theirs:,.0f} : 1", f"{mine:,.0f}", f"{theirs:,.1f}")
        rows.append((f"queries/s, {name}", *figures))
        for what, value in (("p50", median), ("p95", _p95)):
            mine, theirs = value(fast), value(slow)
            figures = (f"1 : {theirs / mine:,.0f}", f"{mine:.2f} ms", f"{theirs:.1f} ms")
            rows.append((f"{what}, {name}", *figures))
    return rows


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]
