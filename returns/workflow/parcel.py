"""The parcel as the case sees it: handed over, on its way, received, inspected (R20–R26)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from returns import journal, opening, policy
from returns.models import Case
from returns.money import rounded
from returns.states import Actor, Disposition, Event, Grade, Handover, Reason, State
from returns.workflow.hand import entry_of, move, not_now, verb


@verb
def choose_handover(
    case: Case,
    *,
    method: Handover,
    at: datetime,
    text: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """The buyer chooses drop-off, pick-up or an own courier (R20, R22). May be chosen again."""
    move(
        case,
        Event.HANDOVER_CHOSEN,
        at=at,
        actor=Actor.BUYER,
        text=text,
        facts={"method": method, **(facts or {})},
        handover=method,
        deadline_at=case.deadline_at,
    )


@verb
def extend_handover(case: Case, *, by: timedelta, why: str, at: datetime) -> None:
    """More time to hand over, for what the courier failed to do (R23, R24)."""
    move(
        case,
        Event.HANDOVER_EXTENDED,
        at=at,
        actor=Actor.POLICY,
        text=why,
        facts={"days": by / timedelta(days=1)},
        deadline_at=(case.deadline_at or at) + by,
    )


@verb
def hand_over(
    case: Case,
    *,
    at: datetime,
    actor: Actor,
    by: str,
    text: str = "",
    facts: Mapping[str, Any] | None = None,
    postage: Decimal = Decimal(0),
) -> None:
    """The parcel left the buyer: scanned by a courier, or posted by registered mail (R20, R22).

    `postage` is what the buyer paid and gets back on top, in the case's currency (R22).
    """
    move(
        case,
        Event.HANDED_OVER,
        at=at,
        actor=actor,
        by=by,
        text=text,
        facts=facts,
        handed_over_at=at,
        postage=rounded(postage, case.currency),
    )


@verb
def scan(case: Case, *, at: datetime, by: str, text: str) -> None:
    """News of a parcel on its way: the 30 days without news start again (R24)."""
    until = policy.deadline(State.IN_TRANSIT, at, case.policy.numbers)
    later = max(filter(None, (case.deadline_at, until)))
    move(case, Event.SCANNED, at=at, actor=Actor.COURIER, by=by, text=text, deadline_at=later)


@verb
def lose(case: Case, *, at: datetime, by: str, text: str) -> None:
    """The courier reports the parcel lost: support takes over (R24)."""
    move(case, Event.LOST, at=at, actor=Actor.COURIER, by=by, text=text)


@verb
def hand_to_support(case: Case, *, at: datetime, actor: Actor, why: str) -> None:
    """Something a person must look at, such as a parcel brought back to its sender."""
    move(case, Event.HANDED_TO_SUPPORT, at=at, actor=actor, text=why)


@verb
def receive(case: Case, *, at: datetime, actor: Actor, by: str) -> None:
    """The parcel reached the warehouse. A lost one that turns up is inspected too (R25)."""
    if case.state == State.ESCALATED and case.handed_over_at is None:
        raise not_now(case, Event.RECEIVED, "No parcel was handed over.")
    if case.received_at is not None:
        raise not_now(case, Event.RECEIVED, "It was received already.")
    move(case, Event.RECEIVED, at=at, actor=actor, by=by, received_at=at)


@verb
def inspect(
    case: Case, *, grade: Grade, disposition: Disposition, at: datetime, by: str, note: str = ""
) -> None:
    """The warehouse's finding: good, or damaged as described → refund; else the seller investigates
    (R26).
    """
    event = policy.after_inspection(grade, Reason(case.reason))
    move(
        case,
        event,
        at=at,
        actor=Actor.WAREHOUSE,
        by=by,
        text=note or grade.label,
        facts={"grade": grade, "disposition": disposition},
    )


@verb
def grant(case: Case, *, at: datetime, by: str) -> None:
    """The seller investigated and grants the refund (R26)."""
    move(case, Event.REFUND_GRANTED, at=at, actor=Actor.SELLER, by=by)


@verb
def issue_label(case: Case, *, at: datetime, text: str) -> None:
    """The free label exists now: from here on the slot is used up (R10, R12)."""
    opening.use_slot(case, at=at)
    journal.record([entry_of(case, Event.NOTED, at=at, actor=Actor.POLICY, text=text)])
