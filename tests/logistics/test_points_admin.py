"""Support's page of a courier's file: who may bring, look and apply, and what it shows."""

from html import unescape
from xml.etree import ElementTree as Tree

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from logistics import workflow
from logistics.models import Courier, CourierEntry, PointImport
from logistics.states import ImportState
from returns import clock
from tests import make
from tests.logistics.points_files import ROW, csv_file
from tests.logistics.story import T0

pytestmark = pytest.mark.django_db

ADD = "/admin/logistics/pointimport/add/"
LIST = "/admin/logistics/pointimport/"


@pytest.fixture(autouse=True)
def _at_t0(settings: Settings, db: None) -> None:
    settings.SIMULATION = True
    clock.set_to(T0)


def client(*permissions: str) -> Client:
    user: User = make.staff("vera", superuser=False)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert user.user_permissions.count() == len(permissions)
    mine = Client()
    mine.force_login(user)
    return mine


def everything() -> Client:
    return client("view_pointimport", "add_pointimport", "apply_pointimport")


def inpost() -> Courier:
    return Courier.objects.get(slug="inpost-pl")


def brought(*rows: str, mode: str = "incremental") -> PointImport:
    found = workflow.receive_points(
        inpost(), csv_file(*rows), file_name="p.csv", mode=mode, by="ann", at=T0
    )
    workflow.import_due(1, at=T0)
    found.refresh_from_db()
    return found


def page_of(found: PointImport, what: str = "change") -> str:
    return reverse(f"admin:logistics_pointimport_{what}", args=[found.pk])


def test_a_file_is_brought_looked_at_and_applied() -> None:
    vera = everything()
    file = SimpleUploadedFile("lockers.csv", csv_file(ROW, ROW.replace("WAW900A", "=1+1")))
    said = {"courier": inpost().pk, "mode": "incremental", "file": file}
    assert vera.post(ADD, said).status_code == 302
    found = PointImport.objects.get()
    assert (found.file_name, found.by) == ("lockers.csv", "vera")
    assert 'http-equiv="refresh"' in vera.get(page_of(found)).content.decode()
    workflow.import_due(1, at=T0)

    page = unescape(vera.get(page_of(found)).content.decode())
    assert 'http-equiv="refresh"' not in page
    assert "Paczkomat Próżna, Próżna 7, 00-107 Warszawa" in page
    assert "begins like a formula (=)" in page
    assert "1 new points" in vera.get(page_of(found, "apply")).content.decode()
    assert vera.post(page_of(found, "apply")).status_code == 302
    workflow.import_due(1, at=T0)
    assert inpost().points.filter(code="WAW900A").exists()
    assert CourierEntry.objects.get(what="points_imported").by == "vera"
    page = vera.get(page_of(found)).content.decode()
    assert "Applied by vera" in page
    assert "Apply these changes" not in page


def test_the_changes_are_filtered_and_paged() -> None:
    rows = [ROW.replace("WAW900A", f"N{number:03}") for number in range(60)]
    found = brought(*rows, ROW.replace("52.2362", "0"))
    vera = everything()
    first = vera.get(page_of(found) + "?what=new").content.decode()
    assert "N000" in first
    assert "N055" not in first
    assert "Page 1 of 2" in first
    assert "N055" in vera.get(page_of(found) + "?what=new&p=2").content.decode()
    rejected = vera.get(page_of(found) + "?what=rejected").content.decode()
    assert "N000" not in rejected
    assert "is not in PL" in rejected
    for nonsense in ("?what=x", "?p=99", "?p=x", "?what=new&p=-1"):
        assert vera.get(page_of(found) + nonsense).status_code in (200, 302)


def test_what_changes_is_shown_before_and_after() -> None:
    point = inpost().points.get(code="WAW123M")
    row = (
        f"WAW123M,{point.name},locker,Warszawa,Nowa 1,,{point.lat},{point.lon},"
        "Mo-Su 06:00-22:00,yes,yes"
    )
    page = unescape(everything().get(page_of(brought(row))).content.decode())
    assert f"<del>{point.address}</del> → <ins>Nowa 1</ins>" in page
    assert "<del>24/7</del> → <ins>Mo-Su 06:00-22:00</ins>" in page


def test_dropping_many_needs_exactly_that_tick() -> None:
    found = brought(ROW, mode="full")
    vera = everything()
    assert "would be dropped: more than a fifth" in vera.get(page_of(found)).content.decode()
    form = unescape(vera.get(page_of(found, "apply")).content.decode())
    assert f"Yes, drop {found.dropped} of the {found.offered} points in use." in form
    assert vera.post(page_of(found, "apply")).status_code == 200
    found.refresh_from_db()
    assert found.state == ImportState.STAGED
    assert vera.post(page_of(found, "apply"), {"drop": "on"}).status_code == 302
    found.refresh_from_db()
    assert (found.state, found.drop_allowed) == (ImportState.CONFIRMED, True)


def test_what_was_overtaken_or_discarded_is_said_on_the_page() -> None:
    found, vera = brought(ROW), everything()
    inpost().points.filter(code="WAW123M").update(name="Renamed")
    told = vera.post(page_of(found, "apply")).content.decode()
    assert "The points changed after this was read." in told
    workflow.import_due(1, at=T0)
    assert vera.post(page_of(found, "discard")).status_code == 302
    found.refresh_from_db()
    assert found.state == ImportState.DISCARDED
    assert vera.post(page_of(found, "apply")).status_code == 200
    assert not inpost().points.filter(code="WAW900A").exists()


def test_the_map_is_a_picture_of_dots() -> None:
    found = brought(ROW, mode="full")
    answer = everything().get(page_of(found, "map"))
    assert answer["Content-Type"] == "image/svg+xml"
    drawn = Tree.fromstring(answer.content)  # noqa: S314
    dots = [each for each in drawn.iter() if each.tag.endswith("circle")]
    assert dots
    assert all(0 <= float(dot.get("cx", "")) <= 640 for dot in dots)
    title = next(each.text for each in drawn.iter() if each.tag.endswith("title"))
    assert title == "Points 15 as they are, 1 new, 15 missing."


def test_strangers_see_nothing_and_a_reader_changes_nothing() -> None:
    found = brought(ROW)
    doors = [page_of(found, what) for what in ("change", "apply", "discard", "map")]
    for door in (ADD, LIST, *doors):
        assert Client().get(door).status_code == 302
        assert Client().post(door).status_code == 302
    reader = client("view_pointimport")
    assert reader.get(page_of(found)).status_code == 200
    assert "Apply these changes" not in reader.get(page_of(found)).content.decode()
    for door in (ADD, page_of(found, "apply"), page_of(found, "discard")):
        assert reader.post(door).status_code == 403
    found.refresh_from_db()
    assert found.state == ImportState.STAGED


def test_applying_needs_a_permission_of_its_own() -> None:
    found = brought(ROW)
    bringer = client("view_pointimport", "add_pointimport", "change_pointimport")
    assert bringer.post(page_of(found, "apply")).status_code == 403


@pytest.mark.parametrize("spoilt", ["courier", "mode", "file"])
def test_half_a_form_is_asked_for_the_rest(spoilt: str) -> None:
    said = {"courier": inpost().pk, "mode": "full", "file": SimpleUploadedFile("a", csv_file())}
    del said[spoilt]
    answer = everything().post(ADD, said)
    assert answer.status_code == 200
    assert "This field is required." in answer.content.decode()
    assert not PointImport.objects.exists()


def test_an_empty_file_and_a_file_of_nonsense_are_answered() -> None:
    vera = everything()
    said = {"courier": inpost().pk, "mode": "full"}
    empty = vera.post(ADD, {**said, "file": SimpleUploadedFile("a", b"")})
    assert "The submitted file is empty." in empty.content.decode()
    name = "\u202e<b>\x07.csv"
    vera.post(ADD, {**said, "file": SimpleUploadedFile(name, b"\x89PNG\xff")})
    workflow.import_due(1, at=T0)
    page = vera.get(page_of(PointImport.objects.get())).content.decode()
    assert "Line 1 is not UTF-8" in page
    assert "<b>" not in page


def test_pages_of_no_file_are_not_found() -> None:
    vera = everything()
    assert vera.get(f"{LIST}99/map.svg").status_code == 404
    assert vera.get(f"{LIST}99/apply/").status_code == 404
    assert vera.get(f"{LIST}x/change/").status_code == 302
