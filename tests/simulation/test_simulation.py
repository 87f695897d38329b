"""Simulated weeks over a real stack: every end is reached, the same seed tells the same story."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from backoffice.processes import BASE_DIR, Stack
from backoffice.simulation import driver
from backoffice.simulation.agenda import Agenda
from backoffice.simulation.cast import SCRIPTS
from backoffice.simulation.dice import Dice
from backoffice.simulation.stage import stage
from couriers_sandbox.server import Sandbox
from returns import clock
from returns.states import Resolution, State
from tests import make
from tests.make import DAY, T0

CASES, DAYS, SEED = 24, 30, 11


def played(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`manage.py simulate` against a stack in `root`, on SQLite and its own broker."""
    here = {"VAR_DIR": str(root), "SIMULATION": "1", "LOG_LEVEL": "WARNING"}
    ours = dict.fromkeys(("DATABASE_URL", "REDIS_URL", "BANK_URL", "COURIERS_URL"), "")
    env = {**os.environ, **here, **ours}
    with Stack(root, simulation=True, web_port=None, env=env):
        return subprocess.run(
            [sys.executable, "manage.py", "simulate", *arguments],
            cwd=BASE_DIR,
            env=env,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The same seed, played on two stacks of their own."""
    arguments = [f"--cases={CASES}", f"--days={DAYS}", f"--seed={SEED}", "--grid=3h", "--json"]
    told = []
    for name in ("one", "two"):
        done = played(tmp_path_factory.mktemp(name), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(json.loads(done.stdout))
    return told


@pytest.mark.slow
def test_every_case_ends_and_every_end_is_reached(twice: list[dict[str, Any]]) -> None:
    """R35, and the first stories of every simulation."""
    told = twice[0]
    assert told["broken"] == []
    assert told["still_open"] == {}
    assert set(told["outcomes"]) == set(Resolution.values)
    assert sum(told["outcomes"].values()) == told["cases"]
    assert told["cases"] + sum(told["refused"].values()) == told["disputes"] == CASES


@pytest.mark.slow
def test_money_arrives_between_day_3_and_day_20(twice: list[dict[str, Any]]) -> None:
    """R27."""
    days = twice[0]["days_to_refund"]
    assert days["paid"] == sum(days["by_day"].values()) > 5
    assert 3 <= days["min"] <= days["median"] <= days["max"] <= 20


@pytest.mark.slow
def test_the_fourth_free_return_and_the_second_of_an_order_are_not_free(
    twice: list[dict[str, Any]],
) -> None:
    """R10, R12."""
    assert twice[0]["rules"]["R10"]["against"] >= 1
    assert twice[0]["rules"]["R12"]["against"] >= 1
    assert set(twice[0]["terms"]) == {"free", "buyer_pays", "seller_decides"}


@pytest.mark.slow
def test_the_work_is_done_by_workers(twice: list[dict[str, Any]]) -> None:
    """Counted by them, in the broker."""
    assert twice[0]["real"]["tasks"].keys() >= {
        "returns.tasks.ring_cases",
        "returns.tasks.run_reactions",
        "returns.tasks.send_notices",
        "refunds.tasks.pay_due",
        "logistics.tasks.project_events",
        "logistics.tasks.deliver_outbox",
    }


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table(twice: list[dict[str, Any]]) -> None:
    """All of it, but for what real time took and how many messages it came in."""
    one, two = ({name: told[name] for name in told if name != "real"} for told in twice)
    assert one == two


def test_dice_answer_by_seed_place_and_question_only() -> None:
    """Not by who asks first, nor on which machine."""
    assert [Dice(7, 3).between("hour", 0, 1000) for _ in range(2)] == [27, 27]
    assert Dice(7, 4).between("hour", 0, 1000) != Dice(8, 3).between("hour", 0, 1000)
    assert Dice(7, 3, {"hour": 5}).between("hour", 0, 1000) == 5


def test_an_agenda_goes_by_moment_then_by_story() -> None:
    """Whatever order things were written into it."""
    agenda, done = Agenda(), list[str]()
    for at, index, what in ((2, 1, "d"), (1, 2, "c"), (1, 1, "a"), (1, 1, "b")):
        agenda.add(T0 + at * DAY, index, lambda now, what=what: done.append(what))
    for act in agenda.due(T0 + DAY):
        act(T0)
    assert done == ["a", "b", "c"]
    assert agenda.next_at == T0 + 2 * DAY


def test_the_scripts_know_their_family() -> None:
    """The first stories are told on purpose: nothing about who shares what is left to dice."""
    assert all("family" in script for script in SCRIPTS)


@pytest.mark.django_db
def test_a_simulation_without_workers_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    """Nothing moves here by the simulation's own hand."""
    settings.SIMULATION = True
    monkeypatch.setattr(driver, "RING_AGAIN", 0.01)
    monkeypatch.setattr(driver, "STALLED", 0.1)
    case = make.dispute()
    clock.set_to(T0 + 3 * DAY, speed=0)
    with stage("http://127.0.0.1:1") as nobody:
        alone = driver.Driver(
            [],
            people=nobody.people,
            couriers=nobody.couriers,
            agenda=nobody.agenda,
            grid=DAY,
            show=lambda _: None,
        )
        with pytest.raises(driver.NobodyWorks, match=r"returns\.tasks\.ring_cases"):
            alone.run(T0 + 4 * DAY, finish_until=T0 + 4 * DAY)
    case.refresh_from_db()
    assert case.state == State.UNDER_REVIEW


# The clock's command ------------------------------------------------------------------------------


@pytest.mark.parametrize("move", [["--advance", "3d"], ["--speed", "86400"]])
def test_a_real_clock_cannot_be_moved(move: list[str], settings: Settings) -> None:
    """Deadlines and refunds follow real time without SIMULATION=1."""
    settings.SIMULATION = False
    with pytest.raises(CommandError, match="SIMULATION=1"):
        call_command("clock", *move)


def test_a_real_clock_can_be_read(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it is real."""
    settings.SIMULATION = False
    call_command("clock", "--show")
    assert "(real)" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_simulated_clock_steps_and_runs(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """For all processes at once: it is a row."""
    settings.SIMULATION = True
    clock.set_to(T0, speed=0)
    call_command("clock", "--advance", "3d")
    assert clock.now() == T0 + 3 * DAY
    assert "2026-03-05 10:00:00 UTC (simulated, ×0)" in capsys.readouterr().out
    call_command("clock", "--speed", "86400")
    call_command("clock", "--show")
    assert "(simulated, ×86400)" in capsys.readouterr().out
    assert clock.now() > T0 + 3 * DAY


@pytest.mark.django_db
@pytest.mark.parametrize("move", [["--advance", "-3d"], ["--advance", "soon"], ["--speed", "-1"]])
def test_a_clock_does_not_go_backwards(move: list[str], settings: Settings) -> None:
    """Whatever is asked for."""
    settings.SIMULATION = True
    clock.set_to(T0, speed=0)
    with pytest.raises(CommandError):
        call_command("clock", *move)
    assert clock.now() == T0


def test_a_simulation_without_a_stack_says_so(settings: Settings, tmp_path: Path) -> None:
    """Instead of waiting for nobody."""
    settings.VAR_DIR = tmp_path
    with pytest.raises(CommandError, match="No stack runs"):
        call_command("simulate")
