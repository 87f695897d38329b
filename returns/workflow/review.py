"""Opening a dispute, and its review between buyer and seller (R01–R18)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from returns import journal, opening, pieces, policy
from returns.models import Case, Entry, Offer, OrderLine, PolicyVersion
from returns.money import rounded
from returns.states import MACHINE, Actor, Event, Kind, Reason, Resolution, State, TermsOutcome
from returns.workflow.hand import move, not_now, require, verb

#: R16: how many offers a seller may make; after the second declined one support takes over.
OFFERS = 2


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
            amount=pieces.amount(line, quantity=quantity, reason=reason),
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


@verb
def accept(case: Case, *, at: datetime, by: str) -> None:
    """The seller accepts: the item may come back, or the money goes out without it (R16, R18)."""
    event = Event.ACCEPTED if case.kind == Kind.RETURN_AND_REFUND else Event.REFUND_ACCEPTED
    move(case, event, at=at, actor=Actor.SELLER, by=by)


@verb
def refuse(case: Case, *, why: str, at: datetime, by: str) -> None:
    """The seller refuses the dispute, or after an investigation the refund, with a reason (R30).

    Under R13 that is the end; else the buyer may escalate. Pieces that the inspection accepted are
    paid all the same.
    """
    if not why.strip():
        raise ValueError("a refusal needs a reason (R30)")
    event, fields = Event.REFUSED, declined(case, why, at)
    if case.final and case.owes_accepted:
        event = Event.PART_APPROVED
        fields |= {"amount": pieces.owed(case), "resolution": ""}
    elif case.final:
        event = Event.REFUSED_FINALLY
    move(case, event, at=at, actor=Actor.SELLER, by=by, text=why, **fields)


@verb
def ask(case: Case, *, question: str, at: datetime, by: str) -> None:
    """The seller asks the buyer for more information: once, and the review clock stands (R16)."""
    if not question.strip():
        raise ValueError("a question needs words")
    if case.info_asked:
        raise not_now(case, Event.INFO_REQUESTED, "It was asked once already (R16).")
    left = max((case.deadline_at or at) - at, timedelta(0))
    move(
        case,
        Event.INFO_REQUESTED,
        at=at,
        actor=Actor.SELLER,
        by=by,
        text=question,
        info_asked=True,
        review_left=left,
    )


@verb
def answer(case: Case, *, text: str, at: datetime) -> None:
    """The buyer answers; the review clock goes on from where it stood (R16)."""
    if not text.strip():
        raise ValueError("an answer needs words")
    move(case, Event.INFO_GIVEN, at=at, actor=Actor.BUYER, text=text, **resumed(case, at))


@verb
def offer(case: Case, *, amount: Decimal, at: datetime, by: str) -> Offer:
    """The seller offers a partial refund, twice at most; the buyer keeps the item (R16)."""
    amount = rounded(amount, case.currency)
    if not 0 < amount < case.amount:
        raise ValueError(
            f"an offer is more than nothing and less than {case.amount} {case.currency}"
        )
    if case.offers.count() >= OFFERS:
        raise not_now(case, Event.OFFERED, f"{OFFERS} offers were made already.")
    facts = {"amount": str(amount), "currency": case.currency}
    move(
        case,
        Event.OFFERED,
        at=at,
        actor=Actor.SELLER,
        by=by,
        facts=facts,
        review_left=max((case.deadline_at or at) - at, timedelta(days=1)),
    )
    return Offer.objects.create(case=case, amount=amount, made_at=at)


@verb
def accept_offer(case: Case, *, at: datetime) -> None:
    """The buyer takes the part offered: the refund is approved for that amount (R16)."""
    require(case, Event.OFFER_ACCEPTED)
    standing = answer_offer(case, "accepted", at)
    facts = {"amount": str(standing.amount), "currency": case.currency}
    move(case, Event.OFFER_ACCEPTED, at=at, actor=Actor.BUYER, facts=facts, amount=standing.amount)


@verb
def decline_offer(case: Case, *, at: datetime) -> None:
    """The buyer declines: back to review, and after the second offer to support (not under R13)."""
    require(case, Event.OFFER_DECLINED)
    answer_offer(case, "declined", at)
    event, fields = after_offer(case, Event.OFFER_DECLINED, at)
    move(case, event, at=at, actor=Actor.BUYER, text="The buyer declined the offer.", **fields)


@verb
def cancel(case: Case, *, at: datetime) -> None:
    """The buyer takes the dispute back, at any time before the parcel is handed over (R19)."""
    finding = policy.may_cancel(case.handed_over_at)
    if not finding.holds:
        raise not_now(case, Event.CANCELLED, finding.text)
    move(case, Event.CANCELLED, at=at, actor=Actor.BUYER, resolution=Resolution.CANCELLED)


def declined(case: Case, why: str, at: datetime) -> dict[str, Any]:
    """R30; under R13 it is the end at once."""
    over = {"resolution": Resolution.DECLINED} if case.final else {}
    return {"declined_at": at, "decline_reason": why, **over}


def resumed(case: Case, at: datetime) -> dict[str, Any]:
    """R16: the review clock goes on from where it stood when it was paused."""
    return {"deadline_at": at + (case.review_left or timedelta(0)), "review_left": None}


def answer_offer(case: Case, answered: str, at: datetime) -> Offer:
    standing = case.offers.get(answer="")
    standing.answer, standing.answered_at = answered, at
    standing.save(update_fields=["answer", "answered_at"])
    return standing


def after_offer(case: Case, event: Event, at: datetime) -> tuple[Event, dict[str, Any]]:
    """The first offer leads back to review, the second to support; under R13 always back (R16)."""
    if case.offers.count() >= OFFERS and not case.final:
        return Event.HANDED_TO_SUPPORT, {"review_left": None}
    return event, resumed(case, at)
