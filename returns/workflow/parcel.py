"""The parcel as the case sees it: handed over, on its way, received, inspected (R20–R26)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from returns import journal, opening, policy
from returns.models import Case
from returns.money import rounded
from returns.pieces import worth
from returns.states import Actor, Event, Handover, InspectionOutcome, Reason, State
from returns.workflow.hand import entry_of, move, not_now, require, verb


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
def pack(case: Case, *, pieces: int, at: datetime) -> None:
    """The buyer says how many pieces go into the parcel: all that are claimed, or fewer.

    The others stay with the buyer and are not paid for. May be said again until it is handed over.
    """
    require(case, Event.HANDED_OVER)
    _at_most_claimed(case, pieces, least=1)
    case.quantity_handed_over = pieces
    case.save(update_fields=["quantity_handed_over"])
    text = f"{pieces} of {_pieces(case.quantity)} go into the parcel."
    by = case.buyer.name
    journal.record([entry_of(case, Event.NOTED, at=at, actor=Actor.BUYER, by=by, text=text)])


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
) -> None:
    """The parcel left the buyer: scanned by a courier, or posted by registered mail (R20, R22).

    From here on the case is about the pieces that were packed.
    """
    handed_over = case.quantity_handed_over or case.quantity
    move(
        case,
        Event.HANDED_OVER,
        at=at,
        actor=actor,
        by=by,
        text=text,
        facts=facts,
        handed_over_at=at,
        quantity_handed_over=handed_over,
        amount=worth(case, handed_over),
    )


@verb
def reimburse_postage(
    case: Case, *, amount: Decimal, at: datetime, actor: Actor, by: str = "", text: str
) -> None:
    """The buyer's postage, proved, is given back on top of the item (R21), in the case's currency.

    Until the refund is opened: it goes out in one sum.
    """
    if not policy.postage_may_follow(State(case.state), case.handed_over_at):
        raise not_now(case, Event.NOTED, "The refund is on its way, or nothing was handed over.")
    case.postage = rounded(amount, case.currency)
    case.save(update_fields=["postage"])
    facts = {"postage": str(case.postage), "currency": case.currency}
    entry = entry_of(case, Event.NOTED, at=at, actor=actor, by=by, text=text, facts=facts)
    journal.record([entry])


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
def receive(case: Case, *, at: datetime, actor: Actor, by: str, pieces: int | None = None) -> None:
    """The parcel reached the warehouse. A lost one that turns up is inspected too (R25).

    `pieces` is what the warehouse counted, where it did; a courier does not.
    """
    if case.state == State.ESCALATED and case.handed_over_at is None:
        raise not_now(case, Event.RECEIVED, "No parcel was handed over.")
    if case.received_at is not None:
        raise not_now(case, Event.RECEIVED, "It was received already.")
    _at_most_claimed(case, pieces)
    move(
        case,
        Event.RECEIVED,
        at=at,
        actor=actor,
        by=by,
        text="" if pieces is None else _counted(case, pieces),
        received_at=at,
        quantity_received=pieces,
    )


@verb
def count_received(case: Case, *, pieces: int, at: datetime, by: str) -> None:
    """The warehouse counts what came in a parcel that its courier had reported delivered (R25)."""
    if case.state != State.INSPECTING:
        raise not_now(case, Event.NOTED, "Only what waits for its inspection is counted.")
    _at_most_claimed(case, pieces)
    case.quantity_received = pieces
    case.save(update_fields=["quantity_received"])
    text = _counted(case, pieces)
    journal.record([entry_of(case, Event.NOTED, at=at, actor=Actor.WAREHOUSE, by=by, text=text)])


@verb
def inspect(
    case: Case,
    *,
    outcomes: Sequence[InspectionOutcome],
    at: datetime,
    by: str,
    note: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """What the warehouse found of each piece: all good, or damaged as described → refund; else the
    seller investigates those that are not, and the others are paid whatever comes of it (R26).

    A piece that was handed over and is not there is MISSING. What was found settles the counts.
    """
    require(case, Event.INSPECTION_PASSED)
    received = sum(outcome != InspectionOutcome.MISSING for outcome in outcomes)
    expected = max(case.quantity_handed_over or case.quantity, received)
    if len(outcomes) != expected or expected > case.quantity:
        raise ValueError(
            f"{_pieces(case.quantity)} claimed, {case.quantity_handed_over or case.quantity} "
            f"handed over: say of each of these what was found, not of {len(outcomes)}"
        )
    reason = Reason(case.reason)
    accepted = sum(policy.piece_accepted(outcome, reason) for outcome in outcomes)
    found = {str(what.value): n for what, n in Counter(outcomes).items()}
    move(
        case,
        policy.after_inspection(outcomes, reason),
        at=at,
        actor=Actor.WAREHOUSE,
        by=by,
        text=note or _found(outcomes),
        facts={"outcomes": found, "received": received, "accepted": accepted, **(facts or {})},
        quantity_received=received,
        quantity_accepted=accepted,
        amount=worth(case, len(outcomes)),
    )


@verb
def grant(case: Case, *, at: datetime, by: str) -> None:
    """The seller investigated and grants the refund of all pieces (R26)."""
    move(case, Event.REFUND_GRANTED, at=at, actor=Actor.SELLER, by=by, **granted(case))


@verb
def issue_label(case: Case, *, at: datetime, text: str) -> None:
    """The free label exists now: from here on the slot is used up (R10, R12)."""
    opening.use_slot(case, at=at)
    journal.record([entry_of(case, Event.NOTED, at=at, actor=Actor.POLICY, text=text)])


def granted(case: Case) -> dict[str, int]:
    """The count that changes when all pieces are paid for, not only the accepted ones."""
    if case.quantity_accepted is None or case.approved_at:
        return {}
    return {"quantity_granted": case.at_stake - case.quantity_accepted}


def uninspected(case: Case) -> dict[str, Any]:
    """What changes when nobody inspects in time: everything is paid for, as after a good finding.

    Where nobody counted it either, what the buyer handed over counts as received.
    """
    stake, counted = case.at_stake, case.quantity_received
    received = stake if counted is None else counted
    counts: dict[str, Any] = {
        "quantity_received": received,
        "quantity_accepted": received,
        "quantity_granted": stake - received,
    }
    # Most cases of a chunk lapse alike, and none of those needs a look at its item.
    alike = stake == (case.quantity_handed_over or case.quantity)
    return counts if alike else {**counts, "amount": worth(case, stake)}


def _at_most_claimed(case: Case, pieces: int | None, *, least: int = 0) -> None:
    if pieces is not None and not least <= pieces <= case.quantity:
        raise ValueError(f"{_pieces(case.quantity)} claimed, so {pieces} cannot be counted")


def _counted(case: Case, pieces: int) -> str:
    return f"{pieces} of {_pieces(case.quantity_handed_over or case.quantity)} arrived."


def _found(outcomes: Sequence[InspectionOutcome]) -> str:
    """In words: "As new", or "2 × As new, 1 × Damaged in transport"."""
    counts = Counter(outcomes)
    if len(outcomes) == 1:
        return str(outcomes[0].label)
    return ", ".join(f"{n} × {what.label}" for what, n in counts.items())


def _pieces(number: int) -> str:
    return f"{number} piece" if number == 1 else f"{number} pieces"
