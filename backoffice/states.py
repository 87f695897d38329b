"""The tables of moves as one page of diagrams: docs/states.md, drawn from the code."""

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TypeVar

from django.db.models import TextChoices

from logistics.states import IMPORTS_OVER, OPEN_PICKUPS, PICKUP, POINT_IMPORT, PickupState
from refunds.states import MACHINE as REFUND
from refunds.states import TERMINAL as REFUND_OVER
from returns import policy
from returns.machine import Machine
from returns.states import MACHINE as CASE
from returns.states import TERMINAL, WAITS_FOR, State

S = TypeVar("S", bound=TextChoices)
E = TypeVar("E", bound=TextChoices)
_ANY_DAY = datetime(2026, 3, 2, tzinfo=UTC)


PAGE = """\
# States

Drawn by `manage.py draw_states`; `make check` compares. Do not edit.

## A case

The table is `MACHINE` in returns/states.py; a move that is not in it cannot happen.

{case}

### What a waiting case waits for

Every waiting state has an owner, a deadline and an outcome (R35). The deadlines are settings of the
policy, shown as they are by default.

{waiting}

Nobody is waited for, and no clock runs, in {over}.

## A refund

The table is `MACHINE` in refunds/states.py.

{refund}

## A pick-up

The table is `PICKUP` in logistics/states.py.

{pickup}

## A file of drop-off points

The table is `POINT_IMPORT` in logistics/states.py.

{points}
"""


def page() -> str:
    """docs/states.md as it has to be."""
    return PAGE.format(
        case=diagram(CASE, TERMINAL),
        waiting=waiting(),
        over=" and ".join(f"*{state.label}*" for state in State if state in TERMINAL),
        refund=diagram(REFUND, REFUND_OVER),
        pickup=diagram(PICKUP, set(PickupState) - OPEN_PICKUPS),
        points=diagram(POINT_IMPORT, IMPORTS_OVER),
    )


def diagram(machine: Machine[S, E], over: Collection[S]) -> str:
    """One machine as a Mermaid state diagram, with what people call its states and events."""
    event, start = machine.start
    states = dict.fromkeys((start, *chain.from_iterable(_ends(machine))))
    drawn = [
        "stateDiagram-v2",
        *(f'    state "{state.label}" as {state.value}' for state in states),
        f"    [*] --> {start.value}: {event.label}",
    ]
    stays = []
    for source, target in dict.fromkeys(_ends(machine)):
        labels = [
            event.label
            for (state, event), after in machine.moves.items()
            if (state, after) == (source, target)
        ]
        # Loops would push everything else apart; they are told below the picture.
        if source == target:
            stays.append(f"- *{source.label}*: {' · '.join(labels)}")
        else:
            drawn.append(f"    {source.value} --> {target.value}: {'<br>'.join(labels)}")
    drawn += [f"    {state.value} --> [*]" for state in states if state in over]
    if stays:
        stays = ["", "What happens without leaving the state:", "", *stays]
    return "\n".join(("```mermaid", *drawn, "```", *stays))


def waiting() -> str:
    """The promise of R35 as a table: whom each waiting state waits for, until when, what then."""
    rows = [
        "| State | Waits for | Until | Then, by itself |",
        "|---|---|---|---|",
        *(
            f"| {state.label} | {actor.label} | {_until(state)} | {then} |"
            for state, (actor, then) in WAITS_FOR.items()
        ),
    ]
    return "\n".join(rows)


def _ends(machine: Machine[S, E]) -> Iterable[tuple[S, S]]:
    return ((source, target) for (source, _), target in machine.moves.items())


def _until(state: State) -> str:
    """The days, and the settings that move them: found by moving each, so that it cannot lie."""
    numbers = policy.Numbers()
    due = policy.deadline(state, _ANY_DAY, numbers)
    if due is None:
        raise ValueError(f"{state.label} waits without a deadline (R35)")
    settings = [
        field.name
        for field in fields(numbers)
        if field.name.endswith("_days")
        and due
        != policy.deadline(
            state, _ANY_DAY, replace(numbers, **{field.name: getattr(numbers, field.name) + 1})
        )
    ]
    return f"{(due - _ANY_DAY).days} days (`{'`, `'.join(settings)}`)"
