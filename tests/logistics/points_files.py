"""Files of drop-off points as couriers send them, and as nobody should."""

import json
from typing import Any

HEADING = "code,name,kind,city,address,postal_code,lat,lon,opening_hours,takes_parcels,active"
ROW = "WAW900A,Paczkomat Próżna,locker,Warszawa,Próżna 7,00-107,52.2362,21.0065,24/7,yes,yes"


def csv_file(*rows: str, heading: str = HEADING) -> bytes:
    return "\n".join([heading, *(rows or [ROW])]).encode()


def feature(*, at: Any = (21.0065, 52.2362), shape: str = "Point", **tags: Any) -> dict[str, Any]:
    """A parcel locker as OpenStreetMap has it."""
    properties = {
        "amenity": "parcel_locker",
        "ref": "WAW900A",
        "brand": "InPost",
        "addr:street": "Próżna",
        "addr:housenumber": "7",
        "addr:city": "Warszawa",
        "addr:postcode": "00-107",
        "parcel_mail_in": "yes",
        "opening_hours": "24/7",
        **{name.replace("__", ":"): value for name, value in tags.items()},
    }
    geometry = {"type": shape, "coordinates": list(at) if isinstance(at, tuple) else at}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def geojson_file(*features: Any, **more: Any) -> bytes:
    told = {"type": "FeatureCollection", "features": list(features or [feature()]), **more}
    return json.dumps(told).encode()


def item(**more: Any) -> dict[str, Any]:
    """A point as InPost's API tells it."""
    return {
        "name": "WAW900A",
        "type": ["parcel_locker"],
        "functions": ["parcel_collect", "parcel_send"],
        "status": "Operating",
        "location": {"latitude": 52.2362, "longitude": 21.0065},
        "location_247": True,
        "opening_hours": "24/7",
        "location_description": "Przy wejściu do sklepu",
        "address": {"line1": "Próżna 7", "line2": "00-107 Warszawa"},
        "address_details": {
            "city": "Warszawa",
            "street": "Próżna",
            "building_number": "7",
            "post_code": "00-107",
        },
        **more,
    }


def inpost_file(*items: Any, **more: Any) -> bytes:
    told = {
        "count": len(items or [1]),
        "page": 1,
        "total_pages": 1,
        "items": list(items or [item()]),
    }
    return json.dumps({**told, **more}).encode()


def _with(**cells: str) -> bytes:
    names = HEADING.split(",")
    row = dict(zip(names, ROW.split(","), strict=True)) | cells
    return csv_file(",".join(f'"{row[name]}"' for name in names))


#: Files that cannot be read at all, and a word of the reason.
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "nothing": (b" \n", "lacks code"),
    "a heading alone": (HEADING.encode(), "no point"),
    "no known column": (b"a;b;c\n1;2;3", "lacks code"),
    "a column twice": (csv_file(heading=HEADING + ",lat"), "twice"),
    "UTF-16": (csv_file().decode().encode("utf-16"), "UTF-16"),
    "Latin-2": (csv_file().decode().encode("iso8859-2"), "Line 2 is not UTF-8"),
    "a NUL": (csv_file(ROW.replace("7,", "7\0,")), "Line 2 has a NUL"),
    "a spreadsheet": (b"PK\x03\x04" + b"x" * 50, "spreadsheet"),
    "an archive": (b"\x1f\x8b\x08" + b"x" * 50, "archive"),
    "a PDF": (b"%PDF-1.7 ...", "PDF"),
    "an open quote": (csv_file('WAW900A,"Paczkomat,locker'), "Line"),
    "a field without end": (csv_file("x" * 200_000), "field larger"),
    "HTML": (b"<html><body>Not found</body></html>", "lacks code"),
    "half of a JSON": (geojson_file()[:-5], "not JSON"),
    "too deep": (b'{"items":' + b"[" * 100_000, "nested too deeply"),
    "too deep and closed": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "NaN": (b'{"items":[{"location":{"latitude":NaN}}]}', "NaN is no number"),
    "a number without end": (b'{"items":[' + b"9" * 5_000 + b"]}", "not JSON"),
    "JSON of something else": (b'{"error":"unauthorized"}', "list of points"),
    "items that are no list": (b'{"items":{"a":1}}', "list of points"),
    "features that are no list": (
        b'{"type":"FeatureCollection","features":7}',
        "FeatureCollection",
    ),
    "a single feature": (json.dumps(feature()).encode(), "FeatureCollection"),
    "another reference system": (
        geojson_file(crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2180"}}),
        "WGS 84",
    ),
    "no item": (b'{"items":[]}', "no point"),
}

#: Files whose one point is rejected, and a word of the reason.
REJECTED: dict[str, tuple[bytes, str]] = {
    "swapped": (_with(lat="21.0065", lon="52.2362"), "look swapped"),
    "0, 0": (_with(lat="0", lon="0"), "Gulf of Guinea"),
    "in Germany": (_with(lat="52.52", lon="13.405"), "not in PL"),
    "on no planet": (_with(lat="91"), "nowhere on Earth"),
    "no number": (_with(lat="52°14′"), "degrees are expected"),
    "NaN as text": (_with(lat="nan"), "degrees are expected"),
    "infinite": (_with(lon="1e999"), "degrees are expected"),
    "Arabic digits": (_with(lat="٥٢.٢"), "degrees are expected"),
    "of another country": (
        csv_file(ROW + ",DE", heading=HEADING + ",country"),
        "this courier serves PL",
    ),
    "an unknown kind": (_with(kind="volcano"), "kind: 'volcano'"),
    "no kind": (_with(kind=""), "kind: 'nothing'"),
    "no code": (_with(code=""), "code: is missing"),
    "no name": (_with(name="  "), "name: is missing"),
    "a long code": (_with(code="W" * 33), "at most 32"),
    "a long name": (_with(name="ż" * 121), "at most 120"),
    "a formula": (_with(name="=cmd|'/c calc'!A1"), "formula"),
    "another formula": (_with(address="@SUM(1)"), "formula"),
    "a line break": (_with(city="War\nszawa"), "U+000A"),
    "a bell": (_with(city="War\x07szawa"), "U+0007"),
    "a turned name": (_with(name="\u202egnp.exe"), "U+202E"),
    "hours in Polish": (_with(opening_hours="Pn-Pt 8-16"), "OpenStreetMap"),
    "hours without end": (_with(opening_hours="Mo," * 300 + "Mo"), "OpenStreetMap"),
    "maybe": (_with(takes_parcels="maybe"), "yes or no"),
    "a short row": (csv_file("WAW900A,Paczkomat"), "not as long as the heading"),
    "a long row": (csv_file(ROW + ",1,2,3"), "not as long as the heading"),
    "a line for a point": (geojson_file(feature(shape="LineString")), "degrees are expected"),
    "no place": (geojson_file(feature(at=[])), "degrees are expected"),
    "an object for a place": (geojson_file(feature(at={"lat": 1})), "degrees are expected"),
    "true for a place": (geojson_file(feature(at=[True, False])), "degrees are expected"),
    "a huge place": (geojson_file(feature(at=[10**400, 52])), "degrees are expected"),
    "a bench": (geojson_file(feature(amenity="bench")), "kind: 'bench'"),
    "no properties": (geojson_file({"type": "Feature", "geometry": None}), "kind"),
    "a feature that is a number": (geojson_file(7), "no object"),
    "a list for a name": (geojson_file(feature(ref=["a", "b"])), "code: text is expected"),
    "half a letter": (inpost_file(item(location_description="\ud800")), "U+D800"),
    "an item that is null": (inpost_file(None), "no object"),
    "a place of text": (inpost_file(item(location="here")), "degrees are expected"),
    "details of text": (inpost_file(item(address_details="here")), "city: is missing"),
    "a list for a status": (inpost_file(item(name={"a": 1})), "code: text is expected"),
}
