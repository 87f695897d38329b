"""The nearest drop-off points, exactly, from a plain index: no PostGIS, no distance in SQL.

Boxes are read from the index (country, active, lat, lon) and the distances of what is in them are
worked out here. A box holds all that is within its radius, so when enough points are within, no
other is nearer; otherwise the radius doubles, and in the end the whole country is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection

from logistics.hours import Hours
from logistics.points.earth import EVERYWHERE, Box, boxes_around, distance_m

#: 5 km, doubled up to 640 km, then without end.
RADII_M = (*(5_000.0 * 2**n for n in range(8)), None)
#: Nobody looks at more.
MOST = 50


@dataclass(frozen=True)
class Wish:
    """What is looked for. `courier` is an id; without it, and without `kind`, any will do."""

    country: str
    courier: int | None = None
    kind: str = ""
    open_now: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A point's id, and how far it is in metres along a great circle."""

    id: int
    distance_m: float


def nearest(wish: Wish, lat: float, lon: float, *, limit: int = 10, at: datetime) -> list[Found]:
    """Up to `limit` (at most 50) usable points, nearest first, equally near ones by their id.

    Nine queries at most, mostly one or two. Opening hours nobody knows are not open now.
    """
    limit, found = max(0, min(limit, MOST)), []
    for radius in RADII_M:
        found = list(islice(_within(wish, lat, lon, radius, at), limit))
        if len(found) == limit:
            break
    return found


def _within(
    wish: Wish, lat: float, lon: float, radius_m: float | None, at: datetime
) -> Iterator[Found]:
    """All that is no farther than the radius, nearest first."""
    boxes = boxes_around(lat, lon, radius_m) if radius_m is not None else [EVERYWHERE]
    near = [
        (distance_m(lat, lon, there_lat, there_lon), pk, hours, zone)
        for box in boxes
        for pk, there_lat, there_lon, hours, zone in _in_box(wish, box, at)
    ]
    for distance, pk, hours, zone in sorted(near):
        if radius_m is not None and distance > radius_m:
            return
        if not wish.open_now or Hours(hours, zone, wish.country).open_at(at):
            yield Found(pk, distance)


#: `Points.usable` in plain SQL: building a query takes longer than all the rest.
_IN_BOX = """
SELECT id, lat, lon, opening_hours, time_zone FROM logistics_dropoffpoint
WHERE country = %s AND active AND lat BETWEEN %s AND %s AND lon BETWEEN %s AND %s
AND takes_parcels AND (closed_until IS NULL OR closed_until <= %s)
"""


def _in_box(wish: Wish, box: Box, at: datetime) -> list[tuple[int, float, float, str, str]]:
    sql, given = _IN_BOX, [wish.country, *box, connection.ops.adapt_datetimefield_value(at)]
    if wish.courier is not None:
        sql, given = sql + "AND courier_id = %s ", [*given, wish.courier]
    if wish.kind:
        sql, given = sql + "AND kind = %s ", [*given, wish.kind]
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        rows: list[tuple[int, float, float, str, str]] = cursor.fetchall()
    return rows
