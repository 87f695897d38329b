"""The one hand that writes Case.state: lock, ask the table of moves, write, all at once."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from django.db import transaction

from returns import journal, opening, policy
from returns.machine import NotNow
from returns.models import Case, Entry, Verdict
from returns.states import MACHINE, TERMINAL, Actor, Event, State, TermsOutcome

#: Where a free return gives its slot back (R10).
GIVES_BACK = (State.DECLINED, State.CLOSED)

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Verb(Protocol[P, R_co]):
    """A sentence about a case: the case first, the facts by name."""

    def __call__(self, case: Case, /, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


def verb(function: Callable[Concatenate[Case, P], R_co]) -> "Verb[P, R_co]":
    """One transaction, and the case looked at again under its lock: what was read before was a
    rumour.
    """

    @wraps(function)
    def under_lock(case: Case, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        with transaction.atomic():
            case.refresh_from_db(from_queryset=Case.objects.select_for_update())
            return function(case, *args, **kwargs)

    return under_lock


@dataclass(frozen=True)
class Moved:
    """A case changed in memory, the columns that changed, and the line for its journal."""

    case: Case
    columns: frozenset[str]
    entry: Entry


def move(case: Case, event: Event, *, at: datetime, actor: Actor, **rest: Any) -> None:
    write([apply(case, event, at=at, actor=actor, **rest)])


def apply(
    case: Case,
    event: Event,
    *,
    at: datetime,
    actor: Actor,
    by: str = "",
    text: str = "",
    facts: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Moved:
    """Where the table of moves leads, applied to the case in memory; nothing of it is saved yet.

    `fields` are columns that change with the move; a `deadline_at` among them beats the policy's.
    """
    before = State(case.state)
    after = MACHINE.after(before, event)
    columns: dict[str, Any] = {
        "state": after,
        "state_since": case.state_since if after == before else at,
        "deadline_at": policy.deadline(after, at, case.policy.numbers),
        "clock_attempts": 0,
        "clock_retry_at": None,
        "clock_error": "",
    }
    if after in TERMINAL:
        columns["closed_at"] = at
    if after == State.REFUND_PENDING != before:
        columns["approved_at"] = at
    # Its slot was given back when it was refused or closed: free again only while one is left.
    comes_back = event in (Event.RETURN_ORDERED, Event.REOPENED)
    if comes_back and case.is_free and not opening.regain_slot(case, at=at):
        columns["terms"] = TermsOutcome.BUYER_PAYS
    for name, value in (columns | fields).items():
        setattr(case, name, value)
    if before == State.ESCALATED != after:
        proposed = case.verdicts.filter(status=Verdict.Status.PROPOSED)
        proposed.update(status=Verdict.Status.OVERTAKEN)
    entry = entry_of(case, event, at=at, actor=actor, by=by, text=text, facts=facts)
    return Moved(case, frozenset(columns | fields), entry)


def write(moved: Sequence[Moved]) -> None:
    """States, journal and reactions, as sets; all of it happened at one moment."""
    alike = defaultdict[tuple[tuple[str, Any], ...], list[int]](list)
    for each in moved:
        changes = tuple((name, getattr(each.case, name)) for name in sorted(each.columns))
        alike[changes].append(each.case.pk)
    # Most cases of a chunk change alike. As a bulk_update, a CASE for every row and column, this
    # was three quarters of the clock's work.
    for changes, ids in alike.items():
        Case.objects.filter(pk__in=ids).update(**dict(changes))
    freed = [each for each in moved if each.case.is_free and each.case.state in GIVES_BACK]
    if freed:
        opening.release_slots([each.case for each in freed], at=freed[0].entry.at)
    journal.record([each.entry for each in moved])


def entry_of(
    case: Case,
    event: Event,
    *,
    at: datetime,
    actor: Actor,
    by: str = "",
    text: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Entry:
    return Entry(
        case=case,
        at=at,
        actor=actor,
        by=by[:200],
        event=event,
        state=case.state,
        text=text,
        facts=facts or {},
    )


def require(case: Case, event: Event, why: str = "") -> None:
    """Raise NotNow, with the reason given, when the table knows no such move from here."""
    if event not in MACHINE.allowed(State(case.state)):
        raise not_now(case, event, why)


def not_now(case: Case, event: Event, why: str) -> NotNow:
    """The answer to a verb that the facts forbid, though the table may know it."""
    return NotNow(case.state, event, MACHINE.allowed(State(case.state)), why)
