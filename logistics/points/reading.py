"""Couriers' files of drop-off points → records: CSV, GeoJSON and JSON in InPost's way."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn

from logistics.points import geojson, inpost
from logistics.points.records import Raw, Record, Unreadable, Wrong, checked

MAX_BYTES = 64 * 2**20
MAX_POINTS = 250_000
#: So many mistakes are kept; the rest is counted.
MAX_WRONGS = 1_000

COLUMNS = ("code", "name", "kind", "city", "address", "lat", "lon")
MORE_COLUMNS = ("postal_code", "country", "opening_hours", "takes_parcels", "active")
Progress = Callable[[int], None]


@dataclass
class Reading:
    """What a file holds: records by their code, and what could not be taken."""

    format: str
    complete: bool = True
    records: dict[str, Record] = field(default_factory=dict)
    wrongs: list[Wrong] = field(default_factory=list)
    wrong_count: int = 0
    wrong_codes: set[str] = field(default_factory=set)


def read(
    data: bytes,
    *,
    home: str,
    countries: Collection[str],
    progress: Progress = lambda count: None,
) -> Reading:
    """All points of a file. Raises Unreadable when the file as a whole is not as it must be.

    `home` is the country of points that name none, `countries` those the courier serves. The
    reading is not `complete` when the file says that it is one page of several. `progress` is told
    now and then how many points were read.
    """
    text = _decoded(data)
    if text.lstrip()[:1] in ("{", "["):
        told = _json(text)
        form = geojson if geojson.is_meant(told) else inpost
        reading = Reading(form.NAME, complete=form.is_complete(told))
        points = form.points(told)
    else:
        reading, points = Reading("CSV"), _rows(text)
    for count, (place, raw) in enumerate(_up_to(MAX_POINTS, points), 1):
        _take(reading, place, raw, home, countries)
        if count % 5_000 == 0:
            progress(count)
    if not reading.records and not reading.wrong_count:
        raise Unreadable("There is no point in this file.")
    return reading


def _take(reading: Reading, place: str, raw: Raw | None, home: str, known: Collection[str]) -> None:
    try:
        if raw is None:
            raise Wrong(place, "", "It is not as long as the heading, or no object.")
        record = checked(raw, place, home=home, countries=known)
        if twin := reading.records.get(record.code):
            raise Wrong(place, record.code, f"code: {record.code} stands at {twin.place} already")
    except Wrong as wrong:
        reading.wrong_count += 1
        reading.wrong_codes.add(wrong.code)
        if len(reading.wrongs) < MAX_WRONGS:
            reading.wrongs.append(wrong)
    else:
        reading.records[record.code] = record


def _up_to(most: int, points: Iterable[tuple[str, Raw | None]]) -> Iterator[tuple[str, Raw | None]]:
    each = iter(points)
    yield from islice(each, most)
    if next(each, None) is not None:
        raise Unreadable(f"More than {most:,} points: divide the file.")


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise Unreadable(f"The file is larger than {MAX_BYTES // 2**20} MB.")
    if data[:2] in (b"PK", b"\x1f\x8b") or data[:4] == b"%PDF":
        raise Unreadable("This is a spreadsheet, an archive or a PDF: save it as CSV or JSON.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable("This is UTF-16: save the file as UTF-8.")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise Unreadable(f"Line {line} has a NUL byte: this is no text file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"Line {line} is not UTF-8: save the file as UTF-8.") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise Unreadable("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise Unreadable(f"This is not JSON: {error}.") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _rows(text: str) -> Iterator[tuple[str, Raw | None]]:
    """Rows under a heading, divided by commas, or by semicolons, and then 52,2 is 52.2."""
    heading = text.split("\n", 1)[0]
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        _check_heading(names)
        for cells in rows:
            if not any(cells):
                continue
            whole = dict(zip(names, cells, strict=False)) if len(cells) == len(names) else None
            yield f"line {rows.line_num}", _with_points(whole, delimiter)
    except csv.Error as error:
        raise Unreadable(f"Line {rows.line_num}: {error}.") from error


def _check_heading(names: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        wanted = f"{', '.join(COLUMNS)}; and if known {', '.join(MORE_COLUMNS)}"
        raise Unreadable(f"The first line lacks {', '.join(missing)}. Columns: {wanted}.")
    known = [name for name in names if name in COLUMNS + MORE_COLUMNS]
    if twice := {name for name in known if known.count(name) > 1}:
        raise Unreadable(f"The first line has {', '.join(sorted(twice))} twice.")


def _with_points(row: Raw | None, delimiter: str) -> Raw | None:
    if row is None or delimiter != ";":
        return row
    return {**row, "lat": row["lat"].replace(",", "."), "lon": row["lon"].replace(",", ".")}
