"""Distances on a ball of the Earth's mean radius: exact enough, 0.5 % beside the ellipsoid."""

from math import asin, cos, degrees, isfinite, pi, radians, sin, sqrt

RADIUS_M = 6_371_008.8

#: Latitudes and longitudes in degrees: south, north, west, east; west ≤ east in each.
Box = tuple[float, float, float, float]
EVERYWHERE: Box = (-90.0, 90.0, -180.0, 180.0)

#: Sums of angles are rounded: a box is this much (1 cm) too large rather than too small.
_SLACK = 1e-7


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres along a great circle between two places in degrees (haversine)."""
    up = sin(radians(other_lat - lat) / 2)
    along = sin(radians(other_lon - lon) / 2)
    chord = up * up + cos(radians(lat)) * cos(radians(other_lat)) * along * along
    return 2 * RADIUS_M * asin(min(1.0, sqrt(chord)))


def boxes_around(lat: float, lon: float, radius_m: float) -> list[Box]:
    """Boxes that hold all places within the radius: two where it crosses the antimeridian.

    Meridians meet towards the poles, so a circle is widest a little nearer the pole than its
    centre: half its width is asin(sin(r/R) / cos lat). A circle that holds a pole has them all.
    """
    angle = radius_m / RADIUS_M
    south, north = lat - degrees(angle) - _SLACK, lat + degrees(angle) + _SLACK
    if south <= -90 or north >= 90 or angle >= pi / 2:
        return [(max(south, -90.0), min(north, 90.0), -180.0, 180.0)]
    half = degrees(asin(min(1.0, sin(angle) / cos(radians(lat))))) + _SLACK
    west, east = lon - half, lon + half
    if west < -180:
        return [(south, north, -180.0, east), (south, north, west + 360, 180.0)]
    if east > 180:
        return [(south, north, west, 180.0), (south, north, -180.0, east - 360)]
    return [(south, north, west, east)]


def on_earth(lat: float, lon: float) -> bool:
    """Whether these are degrees of a place."""
    return isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180
