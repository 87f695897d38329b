"""The tables of moves keep their promises, and docs/states.md shows them as they are (R35)."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.states import diagram, page
from logistics.states import OPEN_PICKUPS, PICKUP, PickupState
from refunds.states import MACHINE as REFUND
from refunds.states import TERMINAL as REFUND_OVER
from refunds.states import RefundState
from returns import policy, workflow
from returns.machine import Machine
from returns.models import Case
from returns.states import MACHINE, NOTES, TERMINAL, WAITS_FOR, Actor, Event, State
from tests import make
from tests.make import T0

WAITING = [state for state in State if state not in TERMINAL]


@pytest.mark.parametrize(
    ("machine", "states"),
    [(MACHINE, set(State)), (REFUND, set(RefundState)), (PICKUP, set(PickupState))],
    ids=["case", "refund", "pickup"],
)
def test_every_state_can_be_reached(machine: Machine[Any, Any], states: set[Any]) -> None:
    reached, before = {machine.start[1]}, set[Any]()
    while reached != before:
        before = reached
        reached = reached | {to for (source, _), to in machine.moves.items() if source in before}
    assert reached == states


@pytest.mark.parametrize(
    ("machine", "over"),
    [
        (MACHINE, TERMINAL),
        (REFUND, REFUND_OVER),
        (PICKUP, set(PickupState) - OPEN_PICKUPS),
    ],
    ids=["case", "refund", "pickup"],
)
def test_every_state_that_is_not_over_leads_to_an_end(
    machine: Machine[Any, Any], over: set[Any]
) -> None:
    ends, before = set(over), set[Any]()
    while ends != before:
        before = ends
        ends = ends | {source for (source, _), to in machine.moves.items() if to in before}
    assert ends >= {source for source, _ in machine.moves}


def test_every_event_of_a_case_moves_it_or_is_a_note() -> None:
    """R33."""
    assert {MACHINE.start[0], *(event for _, event in MACHINE.moves)} == set(Event) - NOTES


def test_what_waits_has_an_owner_and_a_deadline_and_what_is_over_has_none() -> None:
    """R35."""
    assert set(WAITS_FOR) == set(WAITING)
    due = {state for state in State if policy.deadline(state, T0, policy.Numbers()) is not None}
    assert due == set(WAITING)


@pytest.mark.django_db
@pytest.mark.parametrize("state", WAITING)
def test_the_clock_moves_every_waiting_case_or_sounds_the_alarm(state: State) -> None:
    """R35: no case can be stuck for ever."""
    case = make.case_at(state)
    due = case.deadline_at
    assert due is not None
    assert workflow.lapse(case, at=due)
    case = Case.objects.get(pk=case.pk)
    last = case.entries.latest("id")
    assert last.actor == Actor.CLOCK
    assert MACHINE.after(state, Event(last.event)) == case.state
    if case.state == state:
        assert (last.event, case.alarms) == (Event.ALARMED, 1)
    assert case.over or (case.deadline_at is not None and case.deadline_at > due)


def test_the_page_names_every_state_every_event_and_every_setting() -> None:
    drawn = page()
    labels = chain(State, Event, RefundState, PickupState)
    missing = {each.label for each in labels if each not in NOTES and each.label not in drawn}
    assert not missing
    for setting in ("review_days", "handover_days", "support_days", "refund_alarm_days"):
        assert f"(`{setting}`)" in drawn


def test_a_case_can_end_though_it_can_be_reopened() -> None:
    drawn = diagram(MACHINE, TERMINAL)
    assert "closed --> [*]" in drawn
    assert "refunded --> [*]" in drawn
    assert "[*] --> under_review: Dispute opened" in drawn


def test_the_committed_page_is_what_the_tables_say() -> None:
    call_command("draw_states", "--check")


@pytest.mark.parametrize("edited", ["Refund paid", ""], ids=["edited", "missing"])
def test_a_stale_page_is_found(tmp_path: Path, edited: str, capsys: Any) -> None:
    file = tmp_path / "states.md"
    call_command("draw_states", "--file", str(file))
    call_command("draw_states", "--check", "--file", str(file))
    if edited:
        file.write_text(file.read_text().replace(edited, "Refund sent"))
    else:
        file.unlink()
    with pytest.raises(CommandError) as stale:
        call_command("draw_states", "--check", "--file", str(file))
    assert stale.value.returncode == 1
    assert "+    refund_pending --> refunded: Refund paid" in capsys.readouterr().out
