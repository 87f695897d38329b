"""A file's records beside the points we have: what would be new, changed or missing. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from logistics.models import City, DropOffPoint
from logistics.points.earth import distance_m
from logistics.points.records import Record

Facts = dict[str, Any]
#: All a file may say of a point, and its time zone, which follows from where it is.
FIELDS = (
    "name",
    "kind",
    "country",
    "city",
    "address",
    "postal_code",
    "lat",
    "lon",
    "time_zone",
    "opening_hours",
    "takes_parcels",
    "active",
)
#: What is read of a point to compare it with a file.
KEPT = ("code", "missing_since", *FIELDS)

Zones = Mapping[str, list[City]]


@dataclass(frozen=True, slots=True)
class Change:
    """New without `before`, missing without `after`."""

    code: str
    place: str
    before: Facts | None
    after: Facts | None

    @property
    def drops(self) -> bool:
        """Buyers could be sent there, and would not be any more."""
        return _offered(self.before) and not _offered(self.after)


def fingerprint(rows: Iterable[tuple[Any, ...]]) -> str:
    """SHA-256 of all that is kept of points, in the order given."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(row).encode("utf-8", "replace"))
    return digest.hexdigest()


def changes(
    records: Mapping[str, Record], known: Mapping[str, Facts], gone: AbstractSet[str], zones: Zones
) -> Iterator[Change]:
    """Each record that would change something.

    `known` are the points we have, by their code; those in `gone` went missing, and are back.
    """
    for code, record in records.items():
        before = known.get(code)
        after = _after(record, before, zones)
        if code in gone and record.active is None:
            after["active"] = True
        if after != before:
            yield Change(code, record.place, before, after)


def missing(
    records: Mapping[str, Record], rejected: AbstractSet[str], known: Mapping[str, Facts]
) -> Iterator[Change]:
    """Each point in use that a full list is without. One it has, however spoilt, is not missing."""
    for code, before in known.items():
        if before["active"] and code not in records and code not in rejected:
            yield Change(code, "", before, None)


def offered(known: Mapping[str, Facts]) -> int:
    """To how many of them buyers can be sent."""
    return sum(map(_offered, known.values()))


def _offered(facts: Facts | None) -> bool:
    return bool(facts and facts["active"] and facts["takes_parcels"])


def _after(record: Record, before: Facts | None, zones: Zones) -> Facts:
    """What the point would be. Where the file is silent it stays as it was.

    A new locker takes parcels in only where the file says so: many only hand out.
    """
    unsaid = before or {
        "postal_code": "",
        "opening_hours": "",
        "takes_parcels": record.kind != DropOffPoint.Kind.LOCKER,
        "active": True,
    }
    told = {name: getattr(record, name, None) for name in FIELDS}
    after = {name: unsaid.get(name) if told[name] is None else told[name] for name in FIELDS}
    if before is None or (before["lat"], before["lon"]) != (record.lat, record.lon):
        after["time_zone"] = _zone(record, zones)
    return after


def _zone(record: Record, zones: Zones) -> str:
    """The time zone of the nearest city we know."""
    there = zones.get(record.country, [])
    if len({city.time_zone for city in there}) > 1:
        there = [
            min(there, key=lambda city: distance_m(record.lat, record.lon, city.lat, city.lon))
        ]
    return there[0].time_zone if there else "UTC"
