"""Points as GeoJSON (RFC 7946): columns of ours as properties, or tags of OpenStreetMap."""

from collections.abc import Iterator
from typing import Any

from logistics.points.records import Raw, Unreadable

NAME = "GeoJSON"

#: OpenStreetMap's tags for our columns; the first that is there counts.
_TAGS = {
    "code": ("code", "ref"),
    "name": ("name", "operator", "brand"),
    "city": ("city", "addr:city"),
    "postal_code": ("postal_code", "addr:postcode"),
    "country": ("country", "addr:country"),
    "opening_hours": ("opening_hours",),
    "takes_parcels": ("takes_parcels", "parcel_mail_in"),
    "active": ("active",),
}


def is_meant(told: Any) -> bool:
    """Whether it says of itself that it is GeoJSON."""
    return isinstance(told, dict) and ("features" in told or told.get("type") == "Feature")


def is_complete(told: dict[str, Any]) -> bool:
    """GeoJSON has no pages."""
    return True


def points(told: dict[str, Any]) -> Iterator[tuple[str, Raw | None]]:
    """Each feature with its pointer; None for what is no object. Raises Unreadable."""
    features = told.get("features")
    if told.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise Unreadable("A FeatureCollection with a list of features is expected.")
    if "crs" in told and not str(told["crs"]).rstrip("'\"}").endswith(("CRS84", ":4326")):
        raise Unreadable("Positions are expected in WGS 84, without a `crs` (RFC 7946).")
    for index, feature in enumerate(features):
        yield f"/features/{index}", _raw(feature) if isinstance(feature, dict) else None


def _raw(feature: dict[str, Any]) -> Raw:
    given, shape = feature.get("properties"), feature.get("geometry")
    tags = given if isinstance(given, dict) else {}
    raw = {
        column: next((tags[name] for name in names if tags.get(name) is not None), None)
        for column, names in _TAGS.items()
    }
    lon, lat = _coordinates(shape if isinstance(shape, dict) else {})
    return {**raw, "kind": _kind(tags), "address": _address(tags), "lat": lat, "lon": lon}


def _coordinates(shape: dict[str, Any]) -> tuple[Any, Any]:
    """Longitude first, as RFC 7946 has it; a height is left out."""
    position = shape.get("coordinates")
    if shape.get("type") == "Point" and isinstance(position, list) and len(position) in (2, 3):
        return position[0], position[1]
    return None, None


def _kind(tags: dict[str, Any]) -> Any:
    if "kind" in tags:
        return tags["kind"]
    if tags.get("amenity") in ("parcel_locker", "post_office"):
        # A counter in somebody's shop is tagged as both.
        return "shop" if tags.get("post_office") == "post_partner" else tags["amenity"]
    return "shop" if tags.get("shop") or tags.get("post_office") else tags.get("amenity")


def _address(tags: dict[str, Any]) -> Any:
    if "address" in tags:
        return tags["address"]
    parts = [tags.get("addr:street") or tags.get("addr:place"), tags.get("addr:housenumber")]
    return " ".join(part for part in parts if isinstance(part, str))
