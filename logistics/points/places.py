"""Where somebody is who typed a city or a postal code: looked up in what we have, nobody asked."""

from dataclasses import dataclass

from logistics.models import City, DropOffPoint

#: Shorter ones are half a country.
SHORTEST = 2
_LOOKED_AT = 200


@dataclass(frozen=True)
class Place:
    """Somewhere, and what we took it for."""

    name: str
    lat: float
    lon: float


def find_place(country: str, typed: str) -> Place | None:
    """A city of ours by any of its names, else about where points of that postal code are.

    Of a postal code nobody has, as much of its beginning counts as is known, two characters at
    the least: neighbours begin alike.
    """
    if city := City.objects.called(country, typed).first():
        return Place(city.name, city.lat, city.lon)
    code = " ".join(typed.upper().split())[:16]
    for length in range(len(code), SHORTEST - 1, -1):
        if place := _around(country, code[:length]):
            return place
    return None


def _around(country: str, prefix: str) -> Place | None:
    if not any(letter.isdigit() for letter in prefix):
        return None
    points = DropOffPoint.objects.filter(country=country, postal_code__startswith=prefix)
    there = list(points.order_by("postal_code").values_list("lat", "lon")[:_LOOKED_AT])
    if not there:
        return None
    # The one in the middle: a mean may lie where nobody lives.
    lat, lon = sorted(there)[len(there) // 2]
    return Place(f"postal code {prefix}", lat, lon)


def known_places(country: str) -> list[str]:
    """The cities of a country that can be asked for."""
    return list(City.objects.filter(country=country).values_list("name", flat=True))
