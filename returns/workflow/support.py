"""Escalation, verdict and reopening: what support decides, and the money's answer (R27–R32)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from returns import journal, pieces, policy
from returns.models import Case, Verdict
from returns.money import rounded
from returns.states import Actor, Event, Resolution
from returns.workflow.hand import entry_of, move, not_now, require, verb
from returns.workflow.parcel import granted


@verb
def escalate(case: Case, *, text: str, at: datetime) -> None:
    """The buyer calls support, within the days of R30 and never under R13."""
    require(
        case, Event.ESCALATED, "The seller's decision is final here (R13)." if case.final else ""
    )
    finding = policy.may_escalate(case.final, case.declined_at or at, at, case.policy.numbers)
    if not finding.holds:
        raise not_now(case, Event.ESCALATED, finding.text)
    move(case, Event.ESCALATED, at=at, actor=Actor.BUYER, text=text)


@verb
def assign(case: Case, *, to: User, at: datetime) -> None:
    """A support person takes the case, from whoever had it (R31)."""
    if case.over:
        raise not_now(case, Event.NOTED, "The case is over.")
    case.assignee = to
    case.save(update_fields=["assignee"])
    journal.record(
        [
            entry_of(
                case,
                Event.NOTED,
                at=at,
                actor=Actor.SUPPORT,
                by=to.get_username(),
                text="Took the case.",
            )
        ]
    )


@verb
def decide(
    case: Case,
    *,
    outcome: Verdict.Outcome,
    amount: Decimal | None,
    explanation: str,
    by: User,
    at: datetime,
) -> Verdict:
    """Support decides (R31). Above the limit the verdict waits for a second person (R32).

    `amount` is needed for a partial refund only, in the case's currency.
    """
    require(case, Event.REFUND_ORDERED)
    if not explanation.strip():
        raise ValueError("a verdict is explained in writing to both sides (R31)")
    pays = _verdict_amount(case, outcome, amount)
    if case.verdicts.filter(status=Verdict.Status.PROPOSED).exists():
        raise not_now(case, Event.VERDICT_PROPOSED, "A verdict waits for a second person already.")
    verdict = Verdict(
        case=case,
        outcome=outcome,
        amount=pays,
        explanation=explanation,
        proposed_by=by,
        proposed_at=at,
    )
    alone = not policy.second_person_needed(
        max(pays, case.amount), case.currency, case.policy.numbers
    ).holds
    verdict.status = Verdict.Status.GIVEN if alone else Verdict.Status.PROPOSED
    verdict.decided_at = at if alone else None
    verdict.save()
    if alone:
        _give(case, verdict, by=by.get_username(), at=at)
    else:
        move(
            case,
            Event.VERDICT_PROPOSED,
            at=at,
            actor=Actor.SUPPORT,
            by=by.get_username(),
            text=explanation,
            deadline_at=case.deadline_at,
        )
    return verdict


@verb
def confirm_verdict(case: Case, *, by: User, at: datetime) -> None:
    """A second, other person approves the proposed verdict, and it is given (R32)."""
    verdict = _proposed(case, by)
    verdict.status, verdict.decided_by, verdict.decided_at = Verdict.Status.GIVEN, by, at
    verdict.save(update_fields=["status", "decided_by", "decided_at"])
    _give(case, verdict, by=f"{verdict.proposed_by.get_username()}, {by.get_username()}", at=at)


@verb
def reject_verdict(case: Case, *, why: str, by: User, at: datetime) -> None:
    """A second person sends the proposed verdict back; the case stays with support (R32)."""
    verdict = _proposed(case, by)
    verdict.status, verdict.decided_by, verdict.decided_at = Verdict.Status.REJECTED, by, at
    verdict.save(update_fields=["status", "decided_by", "decided_at"])
    move(
        case,
        Event.VERDICT_REJECTED,
        at=at,
        actor=Actor.SUPPORT,
        by=by.get_username(),
        text=why,
        deadline_at=case.deadline_at,
    )


@verb
def reopen(case: Case, *, why: str, by: User, at: datetime) -> None:
    """Support reopens a case that closed because nothing was handed over (R24)."""
    if case.resolution != Resolution.NOT_HANDED_OVER:
        raise not_now(case, Event.REOPENED, "Only what was not handed over is reopened (R24).")
    if Case.objects.filter(line=case.line_id).open().exists():
        raise not_now(case, Event.REOPENED, "Another case is open on this item (R05).")
    if case.quantity > case.line.quantity - pieces.taken(case.line, besides=case):
        raise not_now(case, Event.REOPENED, "Its pieces went back in another case (R05).")
    move(
        case,
        Event.REOPENED,
        at=at,
        actor=Actor.SUPPORT,
        by=by.get_username(),
        text=why,
        resolution="",
        closed_at=None,
    )


@verb
def complete_refund(
    case: Case, *, at: datetime, by: str, facts: Mapping[str, Any] | None = None
) -> None:
    """The money arrived: the case is over. `facts` say which refund and how much."""
    whole = case.amount >= pieces.worth(case, case.quantity)
    resolution = Resolution.REFUNDED if whole else Resolution.PARTLY_REFUNDED
    move(
        case,
        Event.REFUND_PAID,
        at=at,
        actor=Actor.PAYMENT,
        by=by,
        facts=facts,
        resolution=resolution,
    )


@verb
def refuse_refund(case: Case, *, at: datetime, by: str, why: str) -> None:
    """The bank said a definite no: support finds another way (R31)."""
    move(case, Event.REFUND_REFUSED, at=at, actor=Actor.PAYMENT, by=by, text=why)


def _proposed(case: Case, by: User) -> Verdict:
    verdict = case.verdicts.filter(status=Verdict.Status.PROPOSED).first()
    if verdict is None:
        raise not_now(case, Event.REFUND_ORDERED, "No verdict waits for a second person.")
    if verdict.proposed_by_id == by.pk:
        raise PermissionError("the second person is somebody else (R32)")
    return verdict


def _verdict_amount(case: Case, outcome: Verdict.Outcome, amount: Decimal | None) -> Decimal:
    if outcome == Verdict.Outcome.FULL_REFUND:
        return case.amount
    if outcome == Verdict.Outcome.RETURN_REQUIRED and case.handed_over_at:
        raise ValueError("the item was sent back already")
    owed = pieces.owed(case)
    if outcome != Verdict.Outcome.PARTIAL_REFUND:
        return owed
    if amount is None or not 0 < rounded(amount, case.currency) < case.amount:
        raise ValueError(
            f"a partial refund is more than nothing and less than {case.amount} {case.currency}"
        )
    if rounded(amount, case.currency) < owed:
        raise ValueError(
            f"{case.quantity_accepted} of {case.at_stake} pieces passed inspection, so a partial "
            f"refund is at least {owed} {case.currency}"
        )
    return rounded(amount, case.currency)


def _give(case: Case, verdict: Verdict, *, by: str, at: datetime) -> None:
    """The verdict moves the case; it is final (R31). What was accepted is paid whatever it is."""
    upheld: tuple[Event, dict[str, Any]] = (
        (Event.PART_APPROVED, {"amount": verdict.amount})
        if case.owes_accepted
        else (Event.REFUSAL_UPHELD, {"resolution": Resolution.REFUSAL_UPHELD})
    )
    decided: dict[Verdict.Outcome, tuple[Event, dict[str, Any]]] = {
        Verdict.Outcome.FULL_REFUND: (Event.REFUND_ORDERED, granted(case)),
        Verdict.Outcome.PARTIAL_REFUND: (
            Event.REFUND_ORDERED,
            {"amount": verdict.amount, **granted(case)},
        ),
        # What was approved before, and the bank refused, is not the refund of what comes back now.
        Verdict.Outcome.RETURN_REQUIRED: (Event.RETURN_ORDERED, {"approved_at": None}),
        Verdict.Outcome.REFUSAL_UPHELD: upheld,
    }
    event, fields = decided[Verdict.Outcome(verdict.outcome)]
    facts = {"outcome": verdict.outcome, "amount": str(verdict.amount), "currency": case.currency}
    move(
        case,
        event,
        at=at,
        actor=Actor.SUPPORT,
        by=by,
        text=verdict.explanation,
        facts=facts,
        **fields,
    )
