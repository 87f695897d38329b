"""What a file of drop-off points would change, written down to be looked at."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from logistics.models import City, Courier, PointChange, PointImport
from logistics.points.comparing import (
    FIELDS,
    KEPT,
    Change,
    Facts,
    changes,
    fingerprint,
    missing,
    offered,
)
from logistics.points.reading import Reading

CHUNK = 1_000
Progress = Callable[[str, int], None]
What = PointChange.What


def points_of(courier: Courier, *, lock: bool = False) -> list[tuple[Any, ...]]:
    """All that is kept of the courier's points, in the order they were made."""
    points = courier.points.select_for_update() if lock else courier.points.all()
    return list(points.order_by("id").values_list(*KEPT))


def stage(found: PointImport, reading: Reading, progress: Progress) -> dict[str, Any]:
    """Write down what would change; returns what the import knows then of the file, in figures."""
    rows = points_of(found.courier)
    known: dict[str, Facts] = {
        code: dict(zip(FIELDS, facts, strict=True)) for code, _, *facts in rows
    }
    gone = {code for code, missing_since, *_ in rows if missing_since}
    counts: dict[str, int] = defaultdict(int)
    for chunk in chunks(_rows(found, reading, known, gone, counts)):
        PointChange.objects.bulk_create(chunk)
        progress("compared", counts["new"] + counts["changed"] + counts["missing"])
    return {
        "format": reading.format,
        "complete": reading.complete,
        "points_seen": fingerprint(rows),
        "new": counts["new"],
        "changed": counts["changed"],
        "missing": counts["missing"],
        "unchanged": len(reading.records) - counts["new"] - counts["changed"],
        "rejected": reading.wrong_count,
        "offered": offered(known),
        "dropped": counts["dropped"],
    }


def _rows(
    found: PointImport,
    reading: Reading,
    known: dict[str, Facts],
    gone: set[str],
    counts: dict[str, int],
) -> Iterator[PointChange]:
    for wrong in reading.wrongs:
        why, code = printable(wrong.why)[:300], printable(wrong.code)[:32]
        yield PointChange(of=found, what=What.REJECTED, place=wrong.place, code=code, why=why)
    for change in _all_changes(found, reading, known, gone):
        what = What.NEW if change.before is None else What.CHANGED
        if change.after is None:
            what = What.MISSING
        counts[what] += 1
        counts["dropped"] += change.drops
        yield PointChange(of=found, what=what, **_kept(change))


def _all_changes(
    found: PointImport, reading: Reading, known: dict[str, Facts], gone: set[str]
) -> Iterator[Change]:
    zones = defaultdict(list)
    for city in City.objects.all():
        zones[city.country].append(city)
    yield from changes(reading.records, known, gone, zones)
    if found.mode == PointImport.Mode.FULL:
        yield from missing(reading.records, reading.wrong_codes, known)


def _kept(change: Change) -> dict[str, Any]:
    return {
        "code": change.code,
        "place": change.place,
        "before": change.before,
        "after": change.after,
    }


def chunks(rows: Iterable[PointChange]) -> Iterator[list[PointChange]]:
    each = iter(rows)
    while chunk := list(islice(each, CHUNK)):
        yield chunk


def printable(text: str) -> str:
    """What came from outside, fit to be kept and shown."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
