"""Parcels through every fault the sandbox knows, then its book against ours; and the audit."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from backoffice.processes import BASE_DIR
from backoffice.simulation.audit import audit
from logistics.models import Parcel, TrackingEvent
from logistics.states import LabelState
from returns import workflow
from returns.models import Case
from returns.states import Event, State
from tests import make
from tests.logistics.story import awaiting, parcel_of, report
from tests.make import DAY, T0

PARCELS = 60


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """`manage.py courier_soak`, on a stack of its own: exit 0 says that nothing is wrong."""
    root = tmp_path_factory.mktemp("soak")
    ours = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "BANK_URL", "COURIERS_URL"), "")
    command = [sys.executable, "manage.py", "courier_soak", "--json", "--grid=12h", "--port=8650"]
    done = subprocess.run(
        [*command, f"--parcels={PARCELS}", "--root", str(root)],
        cwd=BASE_DIR,
        env={**os.environ, **ours},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
def test_no_parcel_ends_in_an_impossible_state(soaked: dict[str, Any]) -> None:
    """§7.8, 9: whatever was doubled, shuffled, lost, missed or signed with the old key."""
    assert (soaked["wrong"], soaked["broken"]) == ([], [])
    assert soaked["counts"]["parcels"] >= PARCELS
    assert soaked["counts"]["events kept"] == soaked["statistics"]["reports_told"]


@pytest.mark.slow
def test_every_fault_happened(soaked: dict[str, Any]) -> None:
    """Else nothing was proved."""
    faults = soaked["faults"]
    wanted = {"delay", "duplicate", "shuffle", "old key", "reports lost"}
    assert {name for name in wanted if faults.get(name)} == wanted
    assert soaked["statistics"]["events"]["signed with the old key"] > 0
    assert soaked["statistics"]["reports"]["pickup.attempted"] > 0


# The audit ----------------------------------------------------------------------------------------

BOOK: dict[str, Any] = {"reports": [], "heard": [], "messages": [], "counts": {}}


def said(parcel: Parcel, **differing: Any) -> dict[str, Any]:
    """Their line on the one event we keep of a parcel."""
    kept = TrackingEvent.objects.get(parcel=parcel)
    line = {
        "courier": kept.courier.slug,
        "type": kept.type,
        "event_id": kept.event_id,
        "tracking_number": kept.tracking_number,
        "code": kept.code,
        "reason": "",
        "occurred_at": kept.occurred_at.isoformat(),
        "said": 1,
    }
    return {**line, **differing}


def scanned() -> Parcel:
    """A parcel that was dropped off, as its courier reported."""
    case = awaiting()
    report(parcel_of(case), "dropped_off", at=T0 + DAY)
    return parcel_of(case)


def wrong(**book: Any) -> list[str]:
    return audit({**BOOK, **book}, T0 + 2 * DAY).wrong


@pytest.mark.django_db
def test_two_books_that_agree_are_found_to() -> None:
    parcel = scanned()
    assert wrong(reports=[said(parcel)]) == []


@pytest.mark.django_db
def test_what_was_acknowledged_and_not_kept_is_seen() -> None:
    """And what is kept although nobody said it."""
    parcel = scanned()
    other = said(parcel, event_id="another", code="delivered")
    assert any("not kept" in what for what in wrong(reports=[said(parcel), other]))
    assert any("nobody said it" in what for what in wrong())


@pytest.mark.django_db
def test_a_parcel_that_is_not_where_its_courier_said_is_seen() -> None:
    parcel = scanned()
    Parcel.objects.filter(pk=parcel.pk).update(state="lost")
    assert any("its courier said in_transit" in what for what in wrong(reports=[said(parcel)]))


@pytest.mark.django_db
def test_a_message_that_nobody_wrote_is_seen() -> None:
    assert wrong(heard=[{"id": "msg_1"}]) == ["message msg_1: heard, but never written"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (State.AWAITING_RETURN, "its case still waits for it"),
        (State.INSPECTING, "nothing arrived"),
    ],
)
def test_a_case_that_cannot_be_where_it_is_is_seen(state: State, seen: str) -> None:
    parcel = scanned()
    Case.objects.filter(pk=parcel.case_id).update(state=state)
    assert any(seen in what for what in wrong(reports=[said(parcel)]))


@pytest.mark.django_db
def test_a_label_that_lives_on_is_seen() -> None:
    """Nobody took it back: the reaction never ran."""
    case = awaiting()
    workflow.cancel(case, at=T0)
    assert parcel_of(case).label == LabelState.LIVE
    assert any("its label lives" in what for what in wrong())


@pytest.mark.django_db
def test_a_second_hand_over_is_seen() -> None:
    parcel = scanned()
    entry = parcel.case.entries.get(event=Event.HANDED_OVER)
    entry.pk = None
    entry._state.adding = True
    entry.save()
    assert any("handed_over 2 times" in what for what in wrong(reports=[said(parcel)]))
    assert make.events(parcel.case).count(Event.HANDED_OVER) == 2
