"""Where a file changes something: a picture of dots, north above, without a map below."""

from collections.abc import Iterable
from html import escape
from math import cos, radians

from logistics.models import PointChange, PointImport

WIDTH, HEIGHT, EDGE = 640, 400, 8
What = PointChange.What
#: Later ones lie above.
COLOURS = (
    ("", "#b8c2cc", "as they are"),
    (What.CHANGED, "#d08700", "changed"),
    (What.NEW, "#1a7f46", "new"),
    (What.MISSING, "#ba2121", "missing"),
)
Spot = tuple[float, float]


def draw(found: PointImport) -> str:
    """An SVG file: the courier's points, and on top of them those the file is about."""
    spots: dict[str, set[Spot]] = {sort: set() for sort, _, _ in COLOURS}
    spots[""].update(found.courier.points.values_list("lat", "lon"))
    columns = ("what", "before__lat", "before__lon", "after__lat", "after__lon")
    rows = found.changes.exclude(what=What.REJECTED).values_list(*columns)
    for sort, was_lat, was_lon, lat, lon in rows.iterator(2_000):
        spots[sort].add((was_lat, was_lon) if lat is None else (lat, lon))
    every = [spot for found_spots in spots.values() for spot in found_spots]
    if not every:
        return _svg([], "There is no point to show.")
    place = _Placing(every)
    groups = [
        f'<g fill="{colour}">{"".join(place.dots(spots[sort]))}</g>' for sort, colour, _ in COLOURS
    ]
    told = ", ".join(f"{len(spots[sort]):,} {words}" for sort, _, words in COLOURS if spots[sort])
    return _svg(groups, f"Points {told}.")


class _Placing:
    """Degrees → pixels, the same scale both ways, as wide as the points lie apart."""

    def __init__(self, spots: list[Spot]) -> None:
        self.south, north = min(lat for lat, _ in spots), max(lat for lat, _ in spots)
        self.west, east = min(lon for _, lon in spots), max(lon for _, lon in spots)
        self.narrow = max(0.1, cos(radians((self.south + north) / 2)))
        wide, high = max((east - self.west) * self.narrow, 0.01), max(north - self.south, 0.01)
        self.scale = min((WIDTH - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / high)
        self.left = (WIDTH - wide * self.scale) / 2
        self.below = (HEIGHT - high * self.scale) / 2

    def dots(self, spots: Iterable[Spot]) -> Iterable[str]:
        """A dot for every pixel something is at, however much."""
        pixels = {
            (
                round(self.left + (lon - self.west) * self.narrow * self.scale),
                round(HEIGHT - self.below - (lat - self.south) * self.scale),
            )
            for lat, lon in spots
        }
        return (f'<circle cx="{x}" cy="{y}" r="4"/>' for x, y in sorted(pixels))


def _svg(groups: list[str], words: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(words)}</title>{''.join(groups)}</svg>"
    )
