"""Points as InPost's API tells them: a list of items with functions, a status and minutes."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError

from logistics.hours import from_minutes, opening_hours
from logistics.points.records import Raw, Unreadable

NAME = "InPost JSON"

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = 24 * 60
#: An overloaded one is full today, and there tomorrow.
_IN_USE = frozenset({"operating", "overloaded"})


def is_complete(told: Any) -> bool:
    """Whether the file is all there is, not a page of it."""
    if not isinstance(told, dict):
        return True
    items, count = told.get("items"), told.get("count")
    short = isinstance(items, list) and isinstance(count, int) and len(items) < count
    return told.get("total_pages") in (None, 0, 1) and not short


def points(told: Any) -> Iterator[tuple[str, Raw | None]]:
    """Each item with its pointer; None for what is no object. Raises Unreadable."""
    items, pointer = (told, "") if isinstance(told, list) else (told.get("items"), "/items")
    if not isinstance(items, list):
        raise Unreadable("A list of points, `items`, or a GeoJSON FeatureCollection is expected.")
    for index, item in enumerate(items):
        yield f"{pointer}/{index}", _raw(item) if isinstance(item, dict) else None


def _raw(item: dict[str, Any]) -> Raw:
    told, place = _object(item, "address_details"), _object(item, "location")
    code, status = item.get("name"), item.get("status")
    return {
        "code": code,
        "name": item.get("location_description") or code,
        "kind": "locker" if "parcel_locker" in _list(item, "type") else "shop",
        "country": item.get("country"),
        "city": told.get("city"),
        "address": _address(item, told),
        "postal_code": told.get("post_code"),
        "lat": place.get("latitude"),
        "lon": place.get("longitude"),
        "opening_hours": _hours(item),
        # Many only hand out (parcel_collect).
        "takes_parcels": "parcel_send" in _list(item, "functions"),
        "active": status.lower() in _IN_USE if isinstance(status, str) else None,
    }


def _address(item: dict[str, Any], told: dict[str, Any]) -> str:
    parts = [told.get("street"), told.get("building_number")]
    if not parts[0]:
        parts = [_object(item, "address").get("line1")]
    return " ".join(part for part in parts if isinstance(part, str))


def _hours(item: dict[str, Any]) -> str | None:
    """OpenStreetMap's syntax; None where the hours are words for people only."""
    if item.get("location_247") is True:
        return "24/7"
    if week := _object(_object(item, "operating_hours_extended"), "customer"):
        return from_minutes([_spans(week.get(day)) for day in _DAYS])
    text = item.get("opening_hours")
    if not isinstance(text, str):
        return None
    try:
        opening_hours(text)
    except ValidationError:
        return None
    return text


def _spans(day: Any) -> list[tuple[int, int]]:
    """Minutes after midnight; a span that ends before it begins ends the next day."""
    spans = []
    for span in day if isinstance(day, list) else ():
        start, end = (
            span.get(name) if isinstance(span, dict) else None for name in ("start", "end")
        )
        if not (type(start) is int and type(end) is int and 0 <= start < _DAY and 0 <= end <= _DAY):
            continue
        # 23:59 is how some systems write midnight.
        end = _DAY if end == _DAY - 1 else end
        spans.append((start, end if end > start else end + _DAY))
    return sorted(spans)


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _list(told: dict[str, Any], name: str) -> list[Any]:
    found = told.get(name)
    return found if isinstance(found, list) else []
