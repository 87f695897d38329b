"""Two people apply two files of one courier at once: the second looks again."""

import os
from functools import partial

import pytest

from logistics import workflow
from logistics.models import Courier, PointImport
from logistics.states import ImportState
from tests.logistics.points_files import ROW, csv_file
from tests.logistics.story import T0
from tests.races.together import failed, succeeded, together

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("RACE_ROUNDS", "25")) // 5


def staged(courier: Courier, name: str) -> PointImport:
    row = ROW.replace("Paczkomat Próżna", name)
    found = workflow.receive_points(
        courier, csv_file(row), file_name=name, mode="incremental", by="ann", at=T0
    )
    workflow.read_points(found, at=T0)
    return found


def test_of_two_files_about_one_point_only_one_is_applied_unread() -> None:
    courier = Courier.objects.get(slug="inpost-pl")
    for number in range(ROUNDS):
        files = [staged(courier, f"First {number}"), staged(courier, f"Second {number}")]
        for each in files:
            workflow.confirm_points(each, by="bea", at=T0)
        results = together([partial(workflow.apply_points, each, at=T0) for each in files])
        assert not failed(results)
        states = sorted(PointImport.objects.get(pk=each.pk).state for each in files)
        assert states == [ImportState.APPLIED, ImportState.WAITING]


def test_a_file_is_applied_once_however_many_workers_try() -> None:
    courier = Courier.objects.get(slug="inpost-pl")
    for number in range(ROUNDS):
        found = staged(courier, f"Once {number}")
        workflow.confirm_points(found, by="bea", at=T0)
        tries = [PointImport.objects.get(pk=found.pk) for _ in range(4)]
        results = together([partial(workflow.apply_points, each, at=T0) for each in tries])
        assert len(succeeded(results)) == 1
        assert courier.entries.filter(facts__point_import=found.pk).count() == 1
