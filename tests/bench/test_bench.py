"""The couriers' benchmark measures what it says, and a report keeps the sections of the others."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.bench import accepting, couriers
from tests.bench.report import HEAD, with_section


@pytest.mark.real
@pytest.mark.django_db(transaction=True)
def test_the_couriers_benchmark_runs_with_tiny_numbers(tmp_path: Path) -> None:
    tiny = ["--calls=8", "--labels=1", "--points=500", "--queries=8", "--rounds=1"]
    url = f"{settings.DATABASE_URL.rpartition('/')[0]}/{connection.settings_dict['NAME']}"
    taken, drawn, found = couriers.measured(tmp_path, url, couriers.parsed(tiny))
    ways = [accepting.REFERENCE, accepting.DOOR]
    assert [row[:2] for row in taken[1:]] == [(n, way) for n in ("1", "10", "100") for way in ways]
    assert [row[2] for row in taken[1::2]] == ["1.0 (1.0–1.0)"] * 3
    assert len(drawn) == 4
    assert "same answer 8/8" in found[0][0]


def test_a_section_takes_the_place_of_the_one_before_and_leaves_the_others() -> None:
    report = with_section(HEAD, "## One\n\nold\n")
    report = with_section(report, "## Two\n\nkept\n")
    report = with_section(report, "## One\n\nnew\n\n| a |\n|---|\n")
    assert report == f"{HEAD}## One\n\nnew\n\n| a |\n|---|\n\n## Two\n\nkept\n\n"
