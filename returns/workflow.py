"""The verbs: all that may happen to a case, and the only place where its state is written.

Every verb locks the case, asks the table of moves, and writes state and journal in one transaction.
`at` is when it happened (aware); `by` names the person or partner. A verb that the state forbids
raises NotNow, one with senseless facts ValueError; either way nothing is written.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction

from returns import journal, opening, policy
from returns.drain import locked
from returns.machine import NotNow
from returns.models import Case, Entry, Evidence, Message, Offer, OrderLine, PolicyVersion, Verdict
from returns.money import rounded
from returns.states import (
    MACHINE,
    TERMINAL,
    Actor,
    Disposition,
    Event,
    Grade,
    Handover,
    Kind,
    Reason,
    Resolution,
    State,
    TermsOutcome,
)

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: R16: how many offers a seller may make; after the second declined one support takes over.
OFFERS = 2
#: R31: an overdue case alarms again after this long.
ALARM_AGAIN = timedelta(days=1)
#: How long a case that objected to the clock is set aside, by attempt; the last one for ever on.
SET_ASIDE = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


def _verb(function: Callable[Concatenate[Case, P], R]) -> Callable[Concatenate[Case, P], R]:
    """One transaction, and the case looked at again under its lock: what was read before was a rumour."""

    @wraps(function)
    def under_lock(case: Case, *args: P.args, **kwargs: P.kwargs) -> R:
        with transaction.atomic():
            case.refresh_from_db(from_queryset=Case.objects.select_for_update())
            return function(case, *args, **kwargs)

    return under_lock


# Opening ------------------------------------------------------------------------------------------


def open_dispute(
    line: OrderLine,
    *,
    kind: Kind,
    reason: Reason,
    quantity: int,
    declaration: Mapping[str, bool],
    explanation: str,
    at: datetime,
) -> Case:
    """The buyer opens a dispute on one order item (R01–R15). Raises NotPossible with the terms.

    The terms are computed under the buyer's lock, so that of eight requests for the last free slot
    exactly one gets it (R10, R12).
    """
    with transaction.atomic():
        opening.lock_parties(line.order)
        version = PolicyVersion.current(at)
        facts = opening.claim(
            line,
            kind=kind,
            reason=reason,
            quantity=quantity,
            declaration=declaration,
            at=at,
            numbers=version.numbers,
        )
        terms = policy.terms(facts, version.numbers)
        if terms.outcome == TermsOutcome.NOT_POSSIBLE:
            raise opening.NotPossible(terms)
        case = Case.objects.create(
            number=f"new-{line.pk}",
            line=line,
            order=line.order,
            buyer_id=line.order.buyer_id,
            seller_id=line.order.seller_id,
            policy=version,
            kind=kind,
            reason=reason,
            quantity=quantity,
            explanation=explanation,
            declaration=dict(declaration),
            terms=terms.outcome,
            terms_explanation=terms.explanation(),
            final=terms.final,
            state=MACHINE.start[1],
            state_since=at,
            deadline_at=policy.deadline(State.UNDER_REVIEW, at, version.numbers),
            opened_at=at,
            amount=opening.amount(line, quantity=quantity, reason=reason),
            currency=line.order.currency,
        )
        case.number = f"RMA{case.pk:08d}"
        case.save(update_fields=["number"])
        if case.is_free and opening.claim_slot(case, at=at) is None:
            raise IntegrityError("the policy saw a free slot that is not there")
        entry = Entry(
            case=case,
            at=at,
            actor=Actor.BUYER,
            by=line.order.buyer.name,
            event=Event.OPENED,
            state=case.state,
            text=explanation,
            facts={"terms": terms.outcome, "kind": kind, "reason": reason, "quantity": quantity},
        )
        journal.record([entry])
        return case


# Review (R16–R18) ---------------------------------------------------------------------------------


@_verb
def accept(case: Case, *, at: datetime, by: str) -> None:
    """The seller accepts: the item may come back, or the money goes out without it (R16, R18)."""
    event = Event.ACCEPTED if case.kind == Kind.RETURN_AND_REFUND else Event.REFUND_ACCEPTED
    _move(case, event, at=at, actor=Actor.SELLER, by=by)


@_verb
def refuse(case: Case, *, why: str, at: datetime, by: str) -> None:
    """The seller refuses the dispute, or after an investigation the refund, with a reason (R30).

    Under R13 that is the end; else the buyer may escalate.
    """
    if not why.strip():
        raise ValueError("a refusal needs a reason (R30)")
    event = Event.REFUSED_FINALLY if case.final else Event.REFUSED
    _move(case, event, at=at, actor=Actor.SELLER, by=by, text=why, **_declined(case, why, at))


@_verb
def ask(case: Case, *, question: str, at: datetime, by: str) -> None:
    """The seller asks the buyer for more information: once, and the review clock stands (R16)."""
    if not question.strip():
        raise ValueError("a question needs words")
    if case.info_asked:
        raise NotNow(
            case.state,
            Event.INFO_REQUESTED,
            MACHINE.allowed(State(case.state)),
            "It was asked once already (R16).",
        )
    left = max((case.deadline_at or at) - at, timedelta(0))
    _move(
        case,
        Event.INFO_REQUESTED,
        at=at,
        actor=Actor.SELLER,
        by=by,
        text=question,
        info_asked=True,
        review_left=left,
    )


@_verb
def answer(case: Case, *, text: str, at: datetime) -> None:
    """The buyer answers; the review clock goes on from where it stood (R16)."""
    if not text.strip():
        raise ValueError("an answer needs words")
    _move(case, Event.INFO_GIVEN, at=at, actor=Actor.BUYER, text=text, **_resumed(case, at))


@_verb
def offer(case: Case, *, amount: Decimal, at: datetime, by: str) -> Offer:
    """The seller offers a partial refund, twice at most; the buyer keeps the item (R16)."""
    amount = rounded(amount, case.currency)
    if not 0 < amount < case.amount:
        raise ValueError(
            f"an offer is more than nothing and less than {case.amount} {case.currency}"
        )
    if case.offers.count() >= OFFERS:
        raise NotNow(
            case.state,
            Event.OFFERED,
            MACHINE.allowed(State(case.state)),
            f"{OFFERS} offers were made already.",
        )
    facts = {"amount": str(amount), "currency": case.currency}
    _move(
        case,
        Event.OFFERED,
        at=at,
        actor=Actor.SELLER,
        by=by,
        facts=facts,
        review_left=max((case.deadline_at or at) - at, timedelta(days=1)),
    )
    return Offer.objects.create(case=case, amount=amount, made_at=at)


@_verb
def accept_offer(case: Case, *, at: datetime) -> None:
    """The buyer takes the part offered: the refund is approved for that amount (R16)."""
    _require(case, Event.OFFER_ACCEPTED)
    standing = _answer_offer(case, "accepted", at)
    facts = {"amount": str(standing.amount), "currency": case.currency}
    _move(case, Event.OFFER_ACCEPTED, at=at, actor=Actor.BUYER, facts=facts, amount=standing.amount)


@_verb
def decline_offer(case: Case, *, at: datetime) -> None:
    """The buyer declines: back to review, and after the second offer to support (not under R13)."""
    _require(case, Event.OFFER_DECLINED)
    _answer_offer(case, "declined", at)
    event, fields = _after_offer(case, Event.OFFER_DECLINED, at)
    _move(case, event, at=at, actor=Actor.BUYER, text="The buyer declined the offer.", **fields)


@_verb
def cancel(case: Case, *, at: datetime) -> None:
    """The buyer takes the dispute back, at any time before the parcel is handed over (R19)."""
    finding = policy.may_cancel(case.handed_over_at)
    if not finding.holds:
        raise NotNow(case.state, Event.CANCELLED, MACHINE.allowed(State(case.state)), finding.text)
    _move(case, Event.CANCELLED, at=at, actor=Actor.BUYER, resolution=Resolution.CANCELLED)


# Handing the parcel over (R20–R24) ----------------------------------------------------------------


@_verb
def choose_handover(
    case: Case, *, method: Handover, at: datetime, text: str = "", facts: Any = None
) -> None:
    """The buyer chooses drop-off, pick-up or an own courier (R20, R22). May be chosen again."""
    _move(
        case,
        Event.HANDOVER_CHOSEN,
        at=at,
        actor=Actor.BUYER,
        text=text,
        facts={"method": method, **(facts or {})},
        handover=method,
        deadline_at=case.deadline_at,
    )


@_verb
def extend_handover(case: Case, *, by: timedelta, why: str, at: datetime) -> None:
    """More time to hand over, for what the courier failed to do (R23, R24)."""
    _move(
        case,
        Event.HANDOVER_EXTENDED,
        at=at,
        actor=Actor.POLICY,
        text=why,
        facts={"days": by / timedelta(days=1)},
        deadline_at=(case.deadline_at or at) + by,
    )


@_verb
def hand_over(
    case: Case,
    *,
    at: datetime,
    actor: Actor,
    by: str,
    text: str = "",
    facts: Any = None,
    postage: Decimal = Decimal(0),
) -> None:
    """The parcel left the buyer: scanned by a courier, or posted by registered mail (R20, R22).

    `postage` is what the buyer paid and gets back on top, in the case's currency (R22).
    """
    _move(
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


@_verb
def scan(case: Case, *, at: datetime, by: str, text: str) -> None:
    """News of a parcel on its way: the 30 days without news start again (R24)."""
    until = policy.deadline(State.IN_TRANSIT, at, case.policy.numbers)
    later = max(filter(None, (case.deadline_at, until)))
    _move(case, Event.SCANNED, at=at, actor=Actor.COURIER, by=by, text=text, deadline_at=later)


@_verb
def lose(case: Case, *, at: datetime, by: str, text: str) -> None:
    """The courier reports the parcel lost: support takes over (R24)."""
    _move(case, Event.LOST, at=at, actor=Actor.COURIER, by=by, text=text)


@_verb
def hand_to_support(case: Case, *, at: datetime, actor: Actor, why: str) -> None:
    """Something a person must look at, such as a parcel brought back to its sender."""
    _move(case, Event.HANDED_TO_SUPPORT, at=at, actor=actor, text=why)


# Receipt and inspection (R25, R26) ----------------------------------------------------------------


@_verb
def receive(case: Case, *, at: datetime, actor: Actor, by: str) -> None:
    """The parcel reached the warehouse. A lost one that turns up is inspected like any other (R25)."""
    if case.state == State.ESCALATED and case.handed_over_at is None:
        raise NotNow(
            case.state,
            Event.RECEIVED,
            MACHINE.allowed(State.ESCALATED),
            "No parcel was handed over.",
        )
    _move(case, Event.RECEIVED, at=at, actor=actor, by=by, received_at=at)


@_verb
def inspect(
    case: Case, *, grade: Grade, disposition: Disposition, at: datetime, by: str, note: str = ""
) -> None:
    """The warehouse's finding: good, or damaged as described → refund; else the seller investigates (R26)."""
    event = policy.after_inspection(grade, Reason(case.reason))
    _move(
        case,
        event,
        at=at,
        actor=Actor.WAREHOUSE,
        by=by,
        text=note or grade.label,
        facts={"grade": grade, "disposition": disposition},
    )


@_verb
def grant(case: Case, *, at: datetime, by: str) -> None:
    """The seller investigated and grants the refund (R26)."""
    _move(case, Event.REFUND_GRANTED, at=at, actor=Actor.SELLER, by=by)


# Escalation and verdict (R30–R32) -----------------------------------------------------------------


@_verb
def escalate(case: Case, *, text: str, at: datetime) -> None:
    """The buyer calls support, within the days of R30 and never under R13."""
    _require(
        case, Event.ESCALATED, "The seller's decision is final here (R13)." if case.final else ""
    )
    finding = policy.may_escalate(case.final, case.declined_at or at, at, case.policy.numbers)
    if not finding.holds:
        raise NotNow(case.state, Event.ESCALATED, (), finding.text)
    _move(case, Event.ESCALATED, at=at, actor=Actor.BUYER, text=text)


@_verb
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
    _require(case, Event.REFUND_ORDERED)
    if not explanation.strip():
        raise ValueError("a verdict is explained in writing to both sides (R31)")
    pays = _verdict_amount(case, outcome, amount)
    if case.verdicts.filter(status=Verdict.Status.PROPOSED).exists():
        raise NotNow(
            case.state, Event.VERDICT_PROPOSED, (), "A verdict waits for a second person already."
        )
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
        _move(
            case,
            Event.VERDICT_PROPOSED,
            at=at,
            actor=Actor.SUPPORT,
            by=by.get_username(),
            text=explanation,
            deadline_at=case.deadline_at,
        )
    return verdict


@_verb
def confirm_verdict(case: Case, *, by: User, at: datetime) -> None:
    """A second, other person approves the proposed verdict, and it is given (R32)."""
    verdict = _proposed(case, by)
    verdict.status, verdict.decided_by, verdict.decided_at = Verdict.Status.GIVEN, by, at
    verdict.save(update_fields=["status", "decided_by", "decided_at"])
    _give(case, verdict, by=f"{verdict.proposed_by.get_username()}, {by.get_username()}", at=at)


@_verb
def reject_verdict(case: Case, *, why: str, by: User, at: datetime) -> None:
    """A second person sends the proposed verdict back; the case stays with support (R32)."""
    verdict = _proposed(case, by)
    verdict.status, verdict.decided_by, verdict.decided_at = Verdict.Status.REJECTED, by, at
    verdict.save(update_fields=["status", "decided_by", "decided_at"])
    _move(
        case,
        Event.VERDICT_REJECTED,
        at=at,
        actor=Actor.SUPPORT,
        by=by.get_username(),
        text=why,
        deadline_at=case.deadline_at,
    )


@_verb
def reopen(case: Case, *, why: str, by: User, at: datetime) -> None:
    """Support reopens a case that closed because nothing was handed over (R24)."""
    if case.resolution != Resolution.NOT_HANDED_OVER:
        raise NotNow(
            case.state,
            Event.REOPENED,
            (),
            "Only a return that was not handed over can be reopened (R24).",
        )
    if Case.objects.filter(line=case.line_id).open().exists():
        raise NotNow(case.state, Event.REOPENED, (), "Another case is open on this item (R05).")
    _move(
        case,
        Event.REOPENED,
        at=at,
        actor=Actor.SUPPORT,
        by=by.get_username(),
        text=why,
        resolution="",
        closed_at=None,
    )


# The money's answer (R27, R28), told by refunds ---------------------------------------------------


@_verb
def complete_refund(case: Case, *, at: datetime, by: str, facts: Any = None) -> None:
    """The money arrived: the case is over. `facts` say which refund and how much."""
    whole = case.amount >= opening.amount(
        case.line, quantity=case.quantity, reason=Reason(case.reason)
    )
    resolution = Resolution.REFUNDED if whole else Resolution.PARTLY_REFUNDED
    _move(
        case,
        Event.REFUND_PAID,
        at=at,
        actor=Actor.PAYMENT,
        by=by,
        facts=facts,
        resolution=resolution,
    )


@_verb
def refuse_refund(case: Case, *, at: datetime, by: str, why: str) -> None:
    """The bank said a definite no: support finds another way (R31)."""
    _move(case, Event.REFUND_REFUSED, at=at, actor=Actor.PAYMENT, by=by, text=why)


# Words and pictures, in any state -----------------------------------------------------------------


@_verb
def note(
    case: Case, *, text: str, at: datetime, actor: Actor, by: str = "", facts: Any = None
) -> None:
    """Put something on the timeline that moves nothing (R33)."""
    journal.record([_entry(case, Event.NOTED, at=at, actor=actor, by=by, text=text, facts=facts)])


@_verb
def add_message(case: Case, *, text: str, at: datetime, actor: Actor, by: str = "") -> Message:
    """One side writes to the others (R31)."""
    if not text.strip():
        raise ValueError("a message needs words")
    message = Message.objects.create(case=case, at=at, author=actor, by=by, text=text)
    journal.record([_entry(case, Event.MESSAGE_SENT, at=at, actor=actor, by=by, text=text)])
    return message


@_verb
def add_evidence(
    case: Case,
    *,
    content: bytes,
    name: str,
    content_type: str,
    sha256: str,
    at: datetime,
    actor: Actor,
) -> Evidence:
    """Keep a picture or video that evidence.py has let pass (R04). The same file twice is kept once."""
    if case.over:
        raise NotNow(case.state, Event.EVIDENCE_ADDED, (), "The case is over.")
    if known := case.evidence.filter(sha256=sha256).first():
        return known
    kept = Evidence(
        case=case,
        at=at,
        author=actor,
        name=name,
        content_type=content_type,
        size=len(content),
        sha256=sha256,
    )
    kept.file.save(f"{sha256}.{content_type.rpartition('/')[2]}", ContentFile(content), save=False)
    kept.save()
    journal.record([_entry(case, Event.EVIDENCE_ADDED, at=at, actor=actor, text=name)])
    return kept


@_verb
def issue_label(case: Case, *, at: datetime, text: str) -> None:
    """The free label exists now: from here on the slot is used up (R10, R12)."""
    opening.use_slot(case, at=at)
    journal.record([_entry(case, Event.NOTED, at=at, actor=Actor.POLICY, text=text)])


# The clock (R35) ----------------------------------------------------------------------------------


@_verb
def lapse(case: Case, *, at: datetime) -> bool:
    """Do what the policy does by itself when a deadline has passed; False when it has not."""
    if case.over or case.deadline_at is None or case.deadline_at > at:
        return False
    _write([_lapsed(case, at)])
    return True


def lapse_due(limit: int, *, at: datetime) -> int:
    """Lapse up to `limit` cases that are due, as a set in one commit; returns how many were looked at.

    When one objects the chunk is rolled back and done one by one, and that one is set aside with its
    error, so that a poisoned case never blocks the others.
    """
    try:
        with transaction.atomic():
            due = list(locked(Case.objects.due(at).select_related("policy"))[:limit])
            _write([_lapsed(case, at) for case in due])
            return len(due)
    except Exception:
        log.exception("a chunk of due cases objected; going one by one")
    cases = list(Case.objects.due(at)[:limit])
    for case in cases:
        try:
            lapse(case, at=at)
        except Exception as error:
            set_aside(case, error, at=at)
    return len(cases)


def set_aside(case: Case, error: Exception, *, at: datetime) -> None:
    """Keep a case that objects out of the clock's way for a while, and say why."""
    attempts = case.clock_attempts + 1
    Case.objects.filter(pk=case.pk).update(
        clock_attempts=attempts,
        clock_retry_at=at + SET_ASIDE[min(attempts, len(SET_ASIDE)) - 1],
        clock_error=f"{type(error).__name__}: {error}"[:2000],
    )


def _lapsed(case: Case, at: datetime) -> "Moved":
    """What the passed deadline means in this state, applied to the case in memory."""
    state, fields, text, facts = State(case.state), dict[str, Any](), "", dict[str, Any]()
    if state == State.UNDER_REVIEW:
        decision = policy.lapse(
            Kind(case.kind),
            TermsOutcome(case.terms),
            case.final,
            Reason(case.reason),
            case.evidence.count() if case.kind == Kind.REFUND_ONLY else 0,
            case.policy.numbers,
        )
        event, text, facts = decision.event, decision.finding.text, decision.finding.as_json()
        if event in (Event.LAPSED, Event.LAPSED_FINALLY):
            fields = _declined(case, text, at)
    elif state == State.INFO_REQUESTED:
        event, fields = Event.INFO_LAPSED, _resumed(case, at)
    elif state == State.OFFER_MADE:
        _answer_offer(case, "lapsed", at)
        event, fields = _after_offer(case, Event.OFFER_LAPSED, at)
    elif state == State.AWAITING_RETURN:
        event, fields = Event.NOT_HANDED_OVER, {"resolution": Resolution.NOT_HANDED_OVER}
    elif state == State.DECLINED:
        event, fields = Event.ESCALATION_LAPSED, {"resolution": Resolution.DECLINED}
    elif state in (State.ESCALATED, State.REFUND_PENDING):
        event, fields = Event.ALARMED, {"alarms": case.alarms + 1, "deadline_at": at + ALARM_AGAIN}
    else:
        event = {
            State.IN_TRANSIT: Event.HANDED_TO_SUPPORT,
            State.INSPECTING: Event.INSPECTION_LAPSED,
            State.INVESTIGATING: Event.REFUND_GRANTED_BY_LAPSE,
        }[state]
        text = "No news for too long." if state == State.IN_TRANSIT else ""
    return _apply(case, event, at=at, actor=Actor.CLOCK, text=text, facts=facts, **fields)


# The one hand that writes the state ---------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """A case changed in memory, the columns that changed, and the line for its journal."""

    case: Case
    columns: frozenset[str]
    entry: Entry


def _move(case: Case, event: Event, *, at: datetime, actor: Actor, **rest: Any) -> None:
    _write([_apply(case, event, at=at, actor=actor, **rest)])


def _apply(
    case: Case,
    event: Event,
    *,
    at: datetime,
    actor: Actor,
    by: str = "",
    text: str = "",
    facts: Any = None,
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
    if event == Event.RETURN_ORDERED and case.is_free and not _holds_slot(case, at):
        columns["terms"] = TermsOutcome.BUYER_PAYS
    for name, value in (columns | fields).items():
        setattr(case, name, value)
    if after in (State.DECLINED, State.CLOSED) and case.is_free:
        opening.release_slot(case, at=at)
    entry = _entry(case, event, at=at, actor=actor, by=by, text=text, facts=facts)
    return Moved(case, frozenset(columns | fields), entry)


def _write(moved: Sequence[Moved]) -> None:
    """States, journal and reactions, as sets."""
    columns = frozenset[str]().union(*(each.columns for each in moved))
    if len(moved) == 1:
        moved[0].case.save(update_fields=columns)
    elif moved:
        Case.objects.bulk_update([each.case for each in moved], columns)
    journal.record([each.entry for each in moved])


def _entry(
    case: Case,
    event: Event,
    *,
    at: datetime,
    actor: Actor,
    by: str = "",
    text: str = "",
    facts: Any = None,
) -> Entry:
    return Entry(
        case=case,
        at=at,
        actor=actor,
        by=by,
        event=event,
        state=case.state,
        text=text,
        facts=facts or {},
    )


def _require(case: Case, event: Event, why: str = "") -> None:
    if event not in MACHINE.allowed(State(case.state)):
        raise NotNow(case.state, event, MACHINE.allowed(State(case.state)), why)


def _declined(case: Case, why: str, at: datetime) -> dict[str, Any]:
    """R30; under R13 it is the end at once."""
    over = {"resolution": Resolution.DECLINED} if case.final else {}
    return {"declined_at": at, "decline_reason": why, **over}


def _resumed(case: Case, at: datetime) -> dict[str, Any]:
    """R16: the review clock goes on from where it stood when it was paused."""
    return {"deadline_at": at + (case.review_left or timedelta(0)), "review_left": None}


def _answer_offer(case: Case, answered: str, at: datetime) -> Offer:
    standing = case.offers.get(answer="")
    standing.answer, standing.answered_at = answered, at
    standing.save(update_fields=["answer", "answered_at"])
    return standing


def _after_offer(case: Case, event: Event, at: datetime) -> tuple[Event, dict[str, Any]]:
    """The first offer leads back to review, the second to support; under R13 always back (R16)."""
    if case.offers.count() >= OFFERS and not case.final:
        return Event.HANDED_TO_SUPPORT, {"review_left": None}
    return event, _resumed(case, at)


def _holds_slot(case: Case, at: datetime) -> bool:
    """A slot given back on refusal is claimed again when support orders the return, if one is left."""
    opening.lock_parties(case.order)
    held = (
        type(case)
        .objects.filter(pk=case.pk, slot__released_at__isnull=True, slot__isnull=False)
        .exists()
    )
    return held or opening.claim_slot(case, at=at) is not None


def _proposed(case: Case, by: User) -> Verdict:
    verdict = case.verdicts.filter(status=Verdict.Status.PROPOSED).first()
    if verdict is None:
        raise NotNow(case.state, Event.REFUND_ORDERED, (), "No verdict waits for a second person.")
    if verdict.proposed_by_id == by.pk:
        raise PermissionError("the second person is somebody else (R32)")
    return verdict


def _verdict_amount(case: Case, outcome: Verdict.Outcome, amount: Decimal | None) -> Decimal:
    if outcome == Verdict.Outcome.FULL_REFUND:
        return case.amount
    if outcome == Verdict.Outcome.RETURN_REQUIRED and case.handed_over_at:
        raise ValueError("the item was sent back already")
    if outcome != Verdict.Outcome.PARTIAL_REFUND:
        return Decimal(0)
    if amount is None or not 0 < rounded(amount, case.currency) < case.amount:
        raise ValueError(
            f"a partial refund is more than nothing and less than {case.amount} {case.currency}"
        )
    return rounded(amount, case.currency)


def _give(case: Case, verdict: Verdict, *, by: str, at: datetime) -> None:
    """The verdict moves the case; it is final (R31)."""
    event, fields = {
        Verdict.Outcome.FULL_REFUND: (Event.REFUND_ORDERED, {}),
        Verdict.Outcome.PARTIAL_REFUND: (Event.REFUND_ORDERED, {"amount": verdict.amount}),
        Verdict.Outcome.RETURN_REQUIRED: (Event.RETURN_ORDERED, {}),
        Verdict.Outcome.REFUSAL_UPHELD: (
            Event.REFUSAL_UPHELD,
            {"resolution": Resolution.REFUSAL_UPHELD},
        ),
    }[Verdict.Outcome(verdict.outcome)]
    facts = {"outcome": verdict.outcome, "amount": str(verdict.amount), "currency": case.currency}
    _move(
        case,
        event,
        at=at,
        actor=Actor.SUPPORT,
        by=by,
        text=verdict.explanation,
        facts=facts,
        **fields,
    )
