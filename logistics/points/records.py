"""What a courier's file says of a point, checked word by word: nothing in it is trusted."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from logistics.hours import opening_hours
from logistics.models import DropOffPoint
from logistics.points.countries import BOXES
from logistics.points.earth import on_earth


class Unreadable(ValueError):
    """The file as a whole cannot be read: why, and what would be right."""


@dataclass(frozen=True, slots=True)
class Record:
    """A point as a file has it. `place` is a line or a JSON Pointer (RFC 6901)."""

    place: str
    code: str
    name: str
    kind: str
    country: str
    city: str
    address: str
    lat: float
    lon: float
    #: None where the file is silent.
    postal_code: str | None
    opening_hours: str | None
    takes_parcels: bool | None
    active: bool | None


@dataclass(eq=False)
class Wrong(Exception):
    """A point that cannot be taken: where it stands, what it calls itself, and why not."""

    place: str
    code: str
    why: str


Raw = Mapping[str, Any]

KINDS = {
    **{kind.value: kind for kind in DropOffPoint.Kind},
    "parcel_locker": DropOffPoint.Kind.LOCKER,
    "servicepoint": DropOffPoint.Kind.SHOP,
    "carrier_depot": DropOffPoint.Kind.DEPOT,
}
YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

#: Overrides of the writing direction: a name that is not what it looks like.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NUMBER = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?", re.ASCII)


def checked(raw: Raw, place: str, *, home: str, countries: Collection[str]) -> Record:
    """The point, or Wrong. `home`: its country where the file names none; `countries`: served."""
    code = _guessed(raw.get("code"))
    try:
        country = _text(raw, "country", 2).upper() or home
        if country not in countries:
            raise ValueError(f"country {country}: this courier serves {', '.join(countries)}")
        kind = _kind(raw)
        lat, lon = _position(raw, country)
        return Record(
            place=place,
            code=_text(raw, "code", 32, needed=True),
            name=_text(raw, "name", 120, needed=True),
            kind=kind.value,
            country=country,
            city=_text(raw, "city", 80, needed=True),
            address=_text(raw, "address", 200, needed=True),
            postal_code=_text(raw, "postal_code", 16)
            if raw.get("postal_code") is not None
            else None,
            lat=lat,
            lon=lon,
            opening_hours=_hours(raw),
            takes_parcels=_flag(raw, "takes_parcels"),
            active=_flag(raw, "active"),
        )
    except ValueError as error:
        raise Wrong(place, code, str(error)) from error


def _guessed(code: Any) -> str:
    """What a rejected point may call itself, so that it does not count as missing."""
    return code.strip()[:32] if isinstance(code, str) else ""


def _text(raw: Raw, name: str, longest: int, *, needed: bool = False) -> str:
    value = raw.get(name)
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: text is expected")
    value = " ".join(value.split(" ")).strip()
    if needed and not value:
        raise ValueError(f"{name}: is missing")
    if len(value) > longest:
        raise ValueError(f"{name}: at most {longest} characters, not {len(value)}")
    for letter in value:
        if letter in _TURNS or unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn"):
            raise ValueError(f"{name}: the character U+{ord(letter):04X} is not for names")
    if value[:1] in ("=", "+", "-", "@"):
        raise ValueError(f"{name}: begins like a formula ({value[0]})")
    return value


def _kind(raw: Raw) -> DropOffPoint.Kind:
    told = _text(raw, "kind", 40).lower()
    if told not in KINDS:
        raise ValueError(f"kind: {told or 'nothing'!r} is none of {', '.join(KINDS)}")
    return KINDS[told]


def _flag(raw: Raw, name: str) -> bool | None:
    value = raw.get(name)
    if value is None or value == "":
        return None
    told = str(value).strip().lower()
    if told not in YES_NO or not isinstance(value, str | bool):
        raise ValueError(f"{name}: yes or no is expected")
    return YES_NO[told]


def _position(raw: Raw, country: str) -> tuple[float, float]:
    lat, lon = _degrees(raw, "lat"), _degrees(raw, "lon")
    if not on_earth(lat, lon):
        raise ValueError(f"lat, lon: {lat}, {lon} is nowhere on Earth")
    if lat == 0 == lon:
        raise ValueError("lat, lon: 0, 0 lies in the Gulf of Guinea")
    boxes = BOXES.get(country)
    if boxes and not _inside(lat, lon, boxes):
        if _inside(lon, lat, boxes):
            raise ValueError(f"lat, lon: {lat}, {lon} look swapped")
        raise ValueError(f"lat, lon: {lat}, {lon} is not in {country}")
    return lat, lon


def _inside(lat: float, lon: float, boxes: Collection[tuple[float, float, float, float]]) -> bool:
    return any(south <= lat <= north and west <= lon <= east for south, north, west, east in boxes)


def _degrees(raw: Raw, name: str) -> float:
    value = raw.get(name)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    # A bool is an int to Python; an int may be too large to be a float.
    if isinstance(value, float) or (type(value) is int and abs(value) <= 180):
        return float(value)
    raise ValueError(f"{name}: degrees are expected, such as 52.2297")


def _hours(raw: Raw) -> str | None:
    text = raw.get("opening_hours")
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError("opening_hours: text is expected")
    try:
        opening_hours(text.strip())
    except ValidationError as error:
        raise ValueError(f"opening_hours: {error.messages[0]}") from error
    return text.strip()
