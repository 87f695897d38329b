"""A shop's year as it really is: dirty, and every line of it accounted for."""

import csv
import gzip
import io
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from backoffice.processes import BASE_DIR
from backoffice.simulation import replay
from returns.states import Kind, Reason

BOUGHT, RETURNED = "2010-12-06T10:00:00", "2010-12-14T16:30:00"
GOOD = {
    "invoice": "536374",
    "stock_code": "21258",
    "description": " VICTORIAN  SEWING BOX ",
    "quantity": "32",
    "unit_price": "10.95",
    "customer": "15100",
    "country": "United Kingdom",
    "purchased_at": BOUGHT,
    "returned_quantity": "12",
    "returned_at": RETURNED,
    "cancel_invoice": "C537656",
}
DIRTY = {
    "no customer": {"customer": ""},
    "unknown country": {"country": "Unspecified"},
    "postage, fee or by hand": {"stock_code": "POST"},
    "quantity 0": {"quantity": "0", "returned_quantity": "0"},
    "free item": {"unit_price": "0.00"},
    "returned more than bought": {"returned_quantity": "33"},
    "returned before bought": {"returned_at": "2010-12-01T00:00:00"},
    "unreadable": {"quantity": "a dozen"},
    "no invoice or article": {"stock_code": "  "},
    "not returned": {"returned_quantity": "0", "returned_at": ""},
}


def a_file(path: Path, *changes: dict[str, str]) -> Path:
    """A file of good lines, each with something changed; gzipped by its name."""
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, replay.COLUMNS)
    rows.writeheader()
    rows.writerows(GOOD | change for change in changes)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["year.csv", "year.csv.gz"])
def test_what_cannot_be_a_dispute_is_counted_by_its_reason(tmp_path: Path, name: str) -> None:
    """Never a crash, never silently dropped."""
    year = replay.read(a_file(tmp_path / name, {}, *DIRTY.values()))
    assert year.skipped == Counter(DIRTY.keys())
    assert year.read == len(year.returned) + year.skipped.total() == 11


@pytest.mark.parametrize(
    "change",
    [
        {"unit_price": "NaN"},
        {"unit_price": "-5"},
        {"unit_price": "0.004"},
        {"quantity": "-3"},
        {"purchased_at": "yesterday"},
        {"returned_at": ""},
        {"returned_quantity": "1.5"},
    ],
)
def test_nonsense_in_a_line_is_a_reason_not_a_crash(tmp_path: Path, change: dict[str, str]) -> None:
    """One line like this in a hundred thousand must not stop the others."""
    year = replay.read(a_file(tmp_path / "year.csv", {}, change))
    assert (len(year.returned), year.skipped.total()) == (1, 1)


def test_times_are_the_shops_own_and_names_lose_their_stray_spaces(tmp_path: Path) -> None:
    """Naive times are London's."""
    summer = {"purchased_at": "2011-07-01T10:00:00", "returned_at": "2011-07-09T10:00:00"}
    year = replay.read(a_file(tmp_path / "year.csv", {}, summer | {"invoice": "2"}))
    winter, summery = (sale.lines[0] for sale in year.sales)
    assert winter.bought_at == datetime(2010, 12, 6, 10, tzinfo=UTC)
    assert summery.bought_at == datetime(2011, 7, 1, 9, tzinfo=UTC)
    assert winter.title == "VICTORIAN SEWING BOX"


@pytest.mark.parametrize(
    ("change", "country"),
    [("EIRE", "IE"), ("RSA", "ZA"), ("USA", "US"), ("Channel Islands", "JE"), ("France", "FR")],
)
def test_countries_are_known_by_the_names_that_shops_give_them(
    tmp_path: Path, change: str, country: str
) -> None:
    """As the file has them."""
    year = replay.read(a_file(tmp_path / "year.csv", {"country": change}))
    assert year.returned[0].country == country


def test_two_lines_of_one_article_are_two_items(tmp_path: Path) -> None:
    """R05: each may be disputed."""
    year = replay.read(a_file(tmp_path / "year.csv", {}, {}, {}))
    assert [line.sku for line in year.sales[0].lines] == ["21258", "21258~2", "21258~3"]


def test_a_parcel_arrives_by_the_fixed_rule_but_before_its_return(tmp_path: Path) -> None:
    """docs/replay.md."""
    soon = {"invoice": "2", "returned_at": "2010-12-06T13:00:00"}
    at_once = {"invoice": "3", "returned_at": "2010-12-06T10:10:00"}
    abroad = {"invoice": "4", "country": "France"}
    year = replay.read(a_file(tmp_path / "year.csv", {}, soon, at_once, abroad))
    assert [sale.received_at for sale in year.sales] == [
        datetime(2010, 12, 10, 10, tzinfo=UTC),
        datetime(2010, 12, 6, 12, tzinfo=UTC),
        datetime(2010, 12, 6, 10, tzinfo=UTC),
        datetime(2010, 12, 14, 10, tzinfo=UTC),
    ]


def test_a_limit_takes_the_first_returns_and_accounts_for_the_others(tmp_path: Path) -> None:
    """By their time, with only their orders."""
    later = {"invoice": "2", "returned_at": "2010-12-20T10:00:00"}
    first = {"invoice": "3", "returned_at": "2010-12-07T10:00:00"}
    year = replay.read(a_file(tmp_path / "year.csv", {}, later, first), limit=1)
    assert [line.invoice for line in year.returned] == ["3"]
    assert [sale.number for sale in year.sales] == ["3"]
    assert year.skipped["beyond --limit"] == 2


@pytest.mark.parametrize("header", ["", "invoice,quantity\n1,2\n"])
def test_another_file_is_refused_by_name(tmp_path: Path, header: str) -> None:
    """With the columns it lacks."""
    path = tmp_path / "other.csv"
    path.write_text(header)
    with pytest.raises(replay.NotSuchAFile, match="stock_code"):
        replay.read(path)


def test_what_the_file_does_not_say_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """docs/replay.md: hashes of the file's own words."""
    year = replay.read(a_file(tmp_path / "year.csv", {}))
    wish = replay._wish(year.returned[0], "S")
    assert (wish["kind"], wish["reason"], wish["quantity"]) == (
        Kind.RETURN_AND_REFUND,
        Reason.EASY_LOCAL_RETURNS,
        12,
    )
    order = replay._order(year.sales[0], "S", "always-pays", year.begins)
    assert order["items"][0]["shipping_cost"] == "4.95"
    assert Decimal(order["payment"]["captured"]) == Decimal("10.95") * 32 + Decimal("4.95")


@pytest.mark.slow
def test_a_dirty_file_is_played_to_its_end(tmp_path: Path) -> None:
    """Its own database, workers and end; exit 0 says that all is accounted for."""
    more = [{"invoice": str(number), "customer": str(number)} for number in range(3)]
    file = a_file(tmp_path / "year.csv.gz", {}, *more, *DIRTY.values())
    env = os.environ | {"DATABASE_URL": "", "REDIS_URL": "", "BANK_URL": "", "COURIERS_URL": ""}
    command = [sys.executable, "manage.py", "replay", str(file), "--no-stay", "--port", "8600"]
    done = subprocess.run(
        [*command, "--root", str(tmp_path / "var")],
        cwd=BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every invariant holds." in done.stdout
    assert not (tmp_path / "var" / "run.json").exists()
