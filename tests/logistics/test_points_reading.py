"""Couriers' files, read: three formats, and whatever else somebody may send."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics.points import reading
from logistics.points.reading import Reading, read
from logistics.points.records import Record, Unreadable
from tests.logistics.points_files import (
    HEADING,
    REJECTED,
    ROW,
    UNREADABLE,
    csv_file,
    feature,
    geojson_file,
    inpost_file,
    item,
)


def reading_of(data: bytes) -> Reading:
    return read(data, home="PL", countries=["PL"])


def only(data: bytes) -> Record:
    found = reading_of(data)
    assert not found.wrongs
    (record,) = found.records.values()
    return record


@pytest.mark.parametrize(
    ("data", "form", "name"),
    [
        (csv_file(), "CSV", "Paczkomat Próżna"),
        (b"\xef\xbb\xbf" + csv_file(), "CSV", "Paczkomat Próżna"),
        (csv_file().replace(b"\n", b"\r\n"), "CSV", "Paczkomat Próżna"),
        (geojson_file(), "GeoJSON", "InPost"),
        (inpost_file(), "InPost JSON", "Przy wejściu do sklepu"),
        (json.dumps([item()]).encode(), "InPost JSON", "Przy wejściu do sklepu"),
    ],
)
def test_the_three_formats_say_the_same_of_a_point(data: bytes, form: str, name: str) -> None:
    assert reading_of(data).format == form
    record = only(data)
    assert (record.code, record.name, record.kind) == ("WAW900A", name, "locker")
    assert (record.city, record.address) == ("Warszawa", "Próżna 7")
    assert (record.postal_code, record.country) == ("00-107", "PL")
    assert (record.lat, record.lon) == (52.2362, 21.0065)
    assert (record.opening_hours, record.takes_parcels) == ("24/7", True)


def test_semicolons_come_with_decimal_commas() -> None:
    data = csv_file(
        "WAW900A;Paczkomat;locker;Warszawa;Próżna 7;52,2362;21,0065",
        heading="Code;Name;Kind;City;Address;Lat;Lon",
    )
    assert (only(data).lat, only(data).lon) == (52.2362, 21.0065)


def test_what_a_file_is_silent_on_is_not_known() -> None:
    data = csv_file("W1,P,shop,Warszawa,P 7,52.2,21", heading="code,name,kind,city,address,lat,lon")
    record = only(data)
    silent = (record.postal_code, record.opening_hours, record.takes_parcels, record.active)
    assert silent == (None, None, None, None)


@pytest.mark.parametrize(
    ("tags", "kind", "takes"),
    [
        ({}, "locker", True),
        ({"parcel_mail_in": "no"}, "locker", False),
        ({"parcel_mail_in": None}, "locker", None),
        ({"amenity": "post_office", "parcel_mail_in": None}, "post_office", None),
        ({"amenity": "post_office", "post_office": "post_partner"}, "shop", True),
        ({"amenity": None, "shop": "kiosk"}, "shop", True),
        ({"kind": "depot"}, "depot", True),
    ],
)
def test_tags_of_openstreetmap_say_what_it_is(
    tags: dict[str, Any], kind: str, takes: bool | None
) -> None:
    record = only(geojson_file(feature(**tags)))
    assert (record.kind, record.takes_parcels) == (kind, takes)


@pytest.mark.parametrize(
    ("told", "hours", "takes", "active"),
    [
        ({}, "24/7", True, True),
        ({"functions": ["parcel_collect"]}, "24/7", False, True),
        ({"functions": "parcel_send"}, "24/7", False, True),
        ({"status": "Disabled"}, "24/7", True, False),
        ({"status": "Overloaded"}, "24/7", True, True),
        (
            {"location_247": False, "opening_hours": "Mo-Fr 08:00-20:00"},
            "Mo-Fr 08:00-20:00",
            True,
            True,
        ),
        ({"location_247": False, "opening_hours": "PN-PT 8-20"}, None, True, True),
    ],
)
def test_inposts_words_say_whether_it_takes_parcels_in(
    told: dict[str, Any], hours: str | None, takes: bool, active: bool
) -> None:
    record = only(inpost_file(item(**told)))
    assert (record.opening_hours, record.takes_parcels, record.active) == (hours, takes, active)


def test_inposts_minutes_become_hours() -> None:
    day = [{"start": 480, "end": 1200}]
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), day)
    week |= {"saturday": [{"start": 1320, "end": 120}], "sunday": [{"start": "x"}, 7]}
    told = {"location_247": False, "operating_hours_extended": {"customer": week}}
    assert only(inpost_file(item(**told))).opening_hours == "Mo-Fr 08:00-20:00; Sa 22:00-26:00"


def test_a_page_of_several_is_not_all_there_is() -> None:
    assert reading_of(inpost_file()).complete
    assert not reading_of(inpost_file(total_pages=3)).complete
    assert not reading_of(inpost_file(count=200)).complete


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_none_is_refused_with_a_reason(name: str) -> None:
    data, why = UNREADABLE[name]
    with pytest.raises(Unreadable, match=why):
        reading_of(data)


@pytest.mark.parametrize("name", REJECTED)
def test_a_point_that_cannot_be_is_rejected_by_its_place(name: str) -> None:
    data, why = REJECTED[name]
    found = reading_of(data)
    (wrong,) = found.wrongs
    assert why in wrong.why
    assert wrong.place.startswith(("line ", "/features/0", "/items/0"))
    assert not found.records


def test_a_good_point_is_taken_beside_a_bad_one_and_a_twin_is_named() -> None:
    found = reading_of(
        csv_file(ROW, ROW.replace("52.2362", "0"), "", ROW.replace("Próżna 7", "Próżna 9"))
    )
    assert list(found.records) == ["WAW900A"]
    assert [wrong.place for wrong in found.wrongs] == ["line 3", "line 5"]
    assert found.wrongs[1].why == "code: WAW900A stands at line 2 already"


def test_too_much_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """With smaller limits, as 64 MB would take a while."""
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    with pytest.raises(Unreadable, match="larger than"):
        reading_of(csv_file(ROW))
    monkeypatch.undo()
    monkeypatch.setattr(reading, "MAX_POINTS", 2)
    with pytest.raises(Unreadable, match="More than 2 points"):
        reading_of(csv_file(*[ROW] * 3))


def test_of_very_many_mistakes_some_are_kept_and_all_are_counted() -> None:
    found = reading_of(csv_file(*["x" * 40] * 3_000))
    assert (len(found.wrongs), found.wrong_count) == (reading.MAX_WRONGS, 3_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*item(), "country"]), JSON), st.sampled_from([0, 1, 2]))
@settings(max_examples=200, deadline=None)
def test_whatever_stands_in_an_item_or_a_feature_there_is_an_answer(
    spoilt: dict[str, Any], how: int
) -> None:
    told = (
        {"items": [item(**spoilt)]},
        {"type": "FeatureCollection", "features": [{**feature(), "properties": spoilt}]},
        {"type": "FeatureCollection", "features": [{**feature(), "geometry": spoilt}]},
    )[how]
    try:
        found = reading_of(json.dumps(told).encode())
    except Unreadable:
        return
    assert len(found.records) + found.wrong_count == 1


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"{HEADING}\n{text}".encode())
)
@settings(max_examples=200, deadline=None)
def test_whatever_bytes_come_there_is_an_answer(data: bytes) -> None:
    try:
        found = reading_of(data)
    except Unreadable:
        return
    assert found.records or found.wrong_count
