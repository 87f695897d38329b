"""A courier's file of points: looked at before it is applied, all or nothing, never by surprise."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from logistics import workflow
from logistics.models import Anomaly, Courier, CourierEntry, DropOffPoint, PointChange, PointImport
from logistics.states import ImportState
from returns import clock
from returns.machine import NotNow
from tests.logistics.points_files import HEADING, ROW, UNREADABLE, csv_file, inpost_file, item
from tests.logistics.story import T0, awaiting

pytestmark = pytest.mark.django_db

What = PointChange.What


@pytest.fixture
def inpost() -> Courier:
    return Courier.objects.get(slug="inpost-pl")


def as_csv(points: list[DropOffPoint]) -> list[str]:
    """The points as their courier would list them."""
    names = HEADING.split(",")
    return [",".join(f'"{getattr(point, name)}"' for name in names) for point in points]


def listed(courier: Courier, *, without: int = 0) -> list[str]:
    return as_csv(list(courier.points.order_by("id"))[without:])


def received(courier: Courier, data: bytes, mode: str = "full") -> PointImport:
    """Somebody brings a file, and a worker reads it."""
    found = workflow.receive_points(
        courier, data, file_name="points.csv", mode=mode, by="ann", at=T0
    )
    assert workflow.import_due(10, at=T0) == 1
    found.refresh_from_db()
    return found


def applied(found: PointImport, **options: Any) -> PointImport:
    """Somebody confirms it, and a worker applies it."""
    workflow.confirm_points(found, by="bea", at=T0, **options)
    assert workflow.import_due(10, at=T0) == 1
    found.refresh_from_db()
    return found


def counts(found: PointImport) -> tuple[int, ...]:
    return found.new, found.changed, found.missing, found.unchanged, found.rejected


def test_the_same_list_again_changes_nothing(inpost: Courier) -> None:
    found = received(inpost, csv_file(*listed(inpost)))
    assert counts(found) == (0, 0, 0, inpost.points.count(), 0)
    assert found.state == ImportState.STAGED


def test_nothing_is_touched_before_it_is_applied_and_then_all_of_it(inpost: Courier) -> None:
    rows = listed(inpost, without=1)
    first = inpost.points.order_by("id")[0]
    renamed = inpost.points.order_by("id")[1]
    rows[0] = rows[0].replace(renamed.name, "Paczkomat Nowy")
    found = received(inpost, csv_file(ROW, *rows))
    assert counts(found) == (1, 1, 1, len(rows) - 1, 0)
    assert not inpost.points.filter(code="WAW900A").exists()
    assert {change.what: change.code for change in found.changes.all()} == {
        What.NEW: "WAW900A",
        What.CHANGED: renamed.code,
        What.MISSING: first.code,
    }
    changed = found.changes.get(what=What.CHANGED)
    assert changed.fields() == [("name", renamed.name, "Paczkomat Nowy")]

    applied(found)
    assert found.state == ImportState.APPLIED
    renamed.refresh_from_db()
    assert renamed.name == "Paczkomat Nowy"
    first.refresh_from_db()
    assert (first.active, first.missing_since) == (False, T0)
    new = inpost.points.get(code="WAW900A")
    assert (new.time_zone, new.takes_parcels, new.active) == ("Europe/Warsaw", True, True)
    new.full_clean()
    entry = CourierEntry.objects.get(what="points_imported")
    assert (entry.by, entry.facts["new"], entry.facts["missing"]) == ("bea", 1, 1)
    assert not found.file


def test_an_incremental_list_leaves_alone_what_it_does_not_name(inpost: Courier) -> None:
    before = inpost.points.filter(active=True).count()
    found = applied(received(inpost, csv_file(ROW), "incremental"))
    assert counts(found) == (1, 0, 0, 0, 0)
    assert inpost.points.filter(active=True).count() == before + 1


def test_dropping_more_than_a_fifth_is_refused_unless_that_is_said(inpost: Courier) -> None:
    total = inpost.points.count()
    fifth = total // 5
    assert not workflow.drops_too_many(received(inpost, csv_file(*listed(inpost, without=fifth))))
    found = received(inpost, csv_file(*listed(inpost, without=fifth + 1)))
    with pytest.raises(ValueError, match=f"{fifth + 1} of {total} points in use would be dropped"):
        workflow.confirm_points(found, by="bea", at=T0)
    found.refresh_from_db()
    assert found.state == ImportState.STAGED
    applied(found, allow_drop=True)
    assert inpost.points.filter(active=True).count() == total - fifth - 1


def test_points_switched_off_by_the_file_count_as_dropped_in_either_mode(inpost: Courier) -> None:
    rows = [row.replace('"True"', '"no"') for row in listed(inpost)]
    found = received(inpost, csv_file(*rows), "incremental")
    assert (found.dropped, found.offered) == (len(rows), len(rows))
    with pytest.raises(ValueError, match="would be dropped"):
        workflow.confirm_points(found, by="bea", at=T0)


def test_a_point_that_is_spoilt_in_the_file_is_not_missing(inpost: Courier) -> None:
    rows = listed(inpost)
    lat = str(inpost.points.order_by("id")[0].lat)
    rows[0] = rows[0].replace(lat, "0.5")
    found = received(inpost, csv_file(*rows))
    assert counts(found) == (0, 0, 0, len(rows) - 1, 1)


def test_a_missing_point_that_comes_back_is_in_use_again(inpost: Courier) -> None:
    rows = listed(inpost)
    applied(received(inpost, csv_file(*rows[1:])))
    columns = HEADING.rsplit(",", 1)[0]
    without_active = [row.rsplit(",", 1)[0] for row in rows]
    found = applied(received(inpost, csv_file(*without_active, heading=columns)))
    assert counts(found)[:3] == (0, 1, 0)
    assert not inpost.points.filter(active=False).exists()
    assert not inpost.points.exclude(missing_since=None).exists()


def test_what_the_file_is_silent_on_stays_as_staff_left_it(inpost: Courier) -> None:
    point = inpost.points.order_by("id")[0]
    inpost.points.filter(pk=point.pk).update(active=False, takes_parcels=False)
    heading = "code,name,kind,city,address,lat,lon"
    names = heading.split(",")
    row = ",".join(f'"{getattr(point, name)}"' for name in names)
    found = received(inpost, csv_file(row, heading=heading), "incremental")
    assert counts(found) == (0, 0, 0, 1, 0)


def test_a_locker_that_only_hands_out_is_kept_and_nobody_is_sent_there(inpost: Courier) -> None:
    out_only = item(functions=["parcel_collect"])
    applied(received(inpost, inpost_file(out_only), "incremental"))
    assert inpost.points.get(code="WAW900A").takes_parcels is False
    with pytest.raises(ValueError, match="no drop-off point"):
        workflow.choose_drop_off(awaiting("PL"), point_code="WAW900A", at=T0)


def test_a_new_locker_of_which_nobody_says_takes_no_parcels_in(inpost: Courier) -> None:
    heading = "code,name,kind,city,address,lat,lon"
    rows = [
        "L1,Locker,locker,Warszawa,Próżna 7,52.2,21.0",
        "S1,Kiosk,shop,Warszawa,Próżna 8,52.2,21.0",
    ]
    applied(received(inpost, csv_file(*rows, heading=heading), "incremental"))
    told = dict(inpost.points.filter(code__in=["L1", "S1"]).values_list("code", "takes_parcels"))
    assert told == {"L1": False, "S1": True}


def test_a_point_keeps_the_time_of_the_nearest_city() -> None:
    post = Courier.objects.get(slug="australia-post-au")
    row = "FREO,Fremantle,post_office,Fremantle,1 High St,-32.056,115.747"
    heading = "code,name,kind,city,address,lat,lon"
    applied(received(post, csv_file(row, heading=heading), "incremental"))
    assert post.points.get(code="FREO").time_zone == "Australia/Perth"


def test_what_changed_since_it_was_looked_at_is_looked_at_again(inpost: Courier) -> None:
    found = received(inpost, csv_file(ROW, *listed(inpost)))
    inpost.points.filter(code="WAW123M").update(name="Renamed meanwhile")
    with pytest.raises(NotNow, match="look at it once more"):
        workflow.confirm_points(found, by="bea", at=T0)
    workflow.import_due(10, at=T0)
    found.refresh_from_db()
    assert (found.state, found.changed) == (ImportState.STAGED, 1)
    applied(found)
    assert found.state == ImportState.APPLIED


def test_a_change_between_confirming_and_applying_is_not_overwritten(inpost: Courier) -> None:
    found = received(inpost, csv_file(ROW, *listed(inpost)))
    workflow.confirm_points(found, by="bea", at=T0)
    inpost.points.filter(code="WAW123M").update(name="Renamed meanwhile")
    workflow.apply_points(found, at=T0)
    found.refresh_from_db()
    assert found.state == ImportState.WAITING
    assert not inpost.points.filter(code="WAW900A").exists()
    assert inpost.points.get(code="WAW123M").name == "Renamed meanwhile"


def test_a_file_is_applied_once_and_never_after_it_was_discarded(inpost: Courier) -> None:
    found = received(inpost, csv_file(ROW), "incremental")
    with pytest.raises(NotNow):
        workflow.apply_points(found, at=T0)
    applied(found)
    for verb in (workflow.read_points, workflow.apply_points):
        with pytest.raises(NotNow):
            verb(found, at=T0)
    with pytest.raises(NotNow):
        workflow.discard_points(found, by="bea", at=T0)
    other = received(inpost, csv_file(ROW), "incremental")
    workflow.discard_points(other, by="bea", at=T0)
    with pytest.raises(NotNow):
        workflow.confirm_points(other, by="bea", at=T0)


def test_a_page_of_several_is_no_full_list(inpost: Courier) -> None:
    page = inpost_file(total_pages=7)
    found = received(inpost, page)
    assert (found.state, "one page of several" in found.trouble) == (ImportState.FAILED, True)
    assert received(inpost, page, "incremental").state == ImportState.STAGED


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_ends_with_its_reason_and_nothing_of_it_is_kept(
    inpost: Courier, name: str
) -> None:
    data, why = UNREADABLE[name]
    found = received(inpost, data)
    assert found.state == ImportState.FAILED
    assert why in found.trouble
    assert not found.file
    assert not found.changes.exists()


def test_a_file_that_got_lost_ends_too(inpost: Courier) -> None:
    found = workflow.receive_points(
        inpost, csv_file(), file_name="a.csv", mode="full", by="ann", at=T0
    )
    found.file.storage.delete(found.file.name or "")
    workflow.import_due(1, at=T0)
    found.refresh_from_db()
    assert found.state == ImportState.FAILED


@pytest.mark.parametrize(("data", "mode"), [(b"", "full"), (b"x", "everything")])
def test_no_file_and_no_mode_are_refused(inpost: Courier, data: bytes, mode: str) -> None:
    with pytest.raises(ValueError, match=r"file of points|mode is one of"):
        workflow.receive_points(inpost, data, file_name="a", mode=mode, by="ann", at=T0)


def test_a_buyer_on_the_way_to_a_point_that_is_gone_is_put_before_the_desk(inpost: Courier) -> None:
    case = awaiting("PL")
    point = inpost.points.order_by("id")[0]
    workflow.choose_drop_off(case, point_code=point.code, at=T0)
    applied(received(inpost, csv_file(*listed(inpost, without=1))))
    anomaly = Anomaly.objects.get(code="point-gone")
    assert anomaly.parcel == case.parcels.get()
    assert point.name in anomaly.text


# The command


@pytest.fixture
def _now(settings: Settings) -> None:
    settings.SIMULATION = True
    clock.set_to(T0 + timedelta(hours=1))


def command(file: Path, *args: str) -> str:
    out = StringIO()
    call_command("import_points", str(file), "--courier", "inpost-pl", *args, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("_now")
def test_the_command_prints_what_would_change_and_applies_when_told(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_bytes(csv_file(ROW, ROW.replace("52.2362", "21").replace("WAW900A", "BAD")))
    told = command(file, "--mode", "incremental")
    assert "CSV, Incremental: 1 new, 0 changed, 0 missing, 0 unchanged, 1 rejected." in told
    assert "  New WAW900A: Paczkomat Próżna, Warszawa" in told
    assert "  Rejected BAD (line 3): lat, lon:" in told
    assert "Nothing was applied." in told
    assert not DropOffPoint.objects.filter(code="WAW900A").exists()
    assert command(file, "--mode", "incremental", "--apply").endswith("Applied.\n")
    assert DropOffPoint.objects.filter(code="WAW900A").exists()


@pytest.mark.usefixtures("_now")
def test_the_command_refuses_what_the_page_would_refuse(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_bytes(csv_file(ROW))
    with pytest.raises(CommandError, match=r"would be dropped.*--allow-drop"):
        command(file, "--mode", "full", "--apply")
    assert command(file, "--mode", "full", "--apply", "--allow-drop").endswith("Applied.\n")
    file.write_bytes(b"PK\x03\x04")
    with pytest.raises(CommandError, match="spreadsheet"):
        command(file, "--mode", "full")
    with pytest.raises(CommandError, match="No such file"):
        command(tmp_path / "none.csv", "--mode", "full")
    with pytest.raises(CommandError, match=r"no courier 'x'\. There are 99-minutos-mx"):
        call_command("import_points", str(file), "--courier", "x", "--mode", "full")
