"""A parcel by a courier of the buyer's own (R22), and what the postage was (R21)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from logistics.carriers import Posted, posted
from logistics.models import Courier, Parcel
from logistics.states import Bearer, Carried
from logistics.tracking import ParcelState
from logistics.workflow.desk import close_anomaly, raise_anomaly
from logistics.workflow.handover import require_offered
from logistics.workflow.holding import hold, require
from returns import policy
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case, Evidence
from returns.money import display, rounded
from returns.states import Actor, Event, Handover, Purpose, State

#: Parcels of the buyer's own courier.
OWN = (Carried.OWN, Carried.REIMBURSED)


def register_own_parcel(
    case: Case,
    *,
    courier_name: str,
    tracking_number: str,
    registered: bool,
    postage: Decimal,
    at: datetime,
) -> Parcel:
    """The buyer posted the parcel by registered mail, at own cost (R22).

    Where a free return had no courier of ours, `postage`, in the case's currency, is given back
    once it is proved (R21). WrongNumber for a number whose check digit disagrees.
    """
    if not registered:
        raise ValueError("the parcel must travel by registered mail (R22)")
    if postage < 0:
        raise ValueError("postage is not negative")
    by = posted(courier_name, tracking_number)
    with transaction.atomic():
        hold(case)
        require(case, Event.HANDED_OVER)
        require_offered(case, Handover.OWN_COURIER)
        returns.hand_over(
            case,
            at=at,
            actor=Actor.BUYER,
            by=case.buyer.name,
            text=f"Posted by registered mail: {by.courier}, {by.number}.",
            facts={"courier": by.courier, "tracking_number": by.number, "postage": str(postage)},
        )
        parcel = Parcel.objects.create(
            case=case,
            order=case.order,
            carried=Carried.REIMBURSED if case.is_free else Carried.OWN,
            courier_name=by.courier,
            tracking_number=by.number,
            issued_at=at,
            last_news_at=at,
            state=ParcelState.IN_TRANSIT,
            postage=rounded(postage, case.currency),
            currency=case.currency,
        )
        _followed(parcel, by)
    return parcel


def prove_postage(case: Case, *, cost: Decimal | None, at: datetime, **file: Any) -> Evidence:
    """The buyer shows what the postage was (R21), until the refund is opened; `file` as evidence.

    `cost`, in the case's currency, replaces what was told when the parcel was posted. Within the
    policy's cap it is given back by itself, above it once support confirms it. At the buyer's own
    cost (R22) it is evidence of posting, and nothing is given back.
    """
    with transaction.atomic():
        parcel = next((each for each in reversed(hold(case)) if each.carried in OWN), None)
        if parcel is None:
            raise ValueError("tell us first with whom the parcel was posted (R22)")
        kept = returns.add_evidence(case, at=at, actor=Actor.BUYER, purpose=Purpose.POSTAGE, **file)
        if parcel.carried == Carried.REIMBURSED:
            _reimburse(case, parcel, cost, at)
    return kept


def confirm_postage(parcel: Parcel, *, amount: Decimal, by: str, at: datetime) -> None:
    """Support read the proof: so much is given back, at most what the buyer paid (R21)."""
    with transaction.atomic():
        case = parcel.case
        hold(case)
        parcel.refresh_from_db()
        _proved(case, parcel)
        if not 0 <= amount <= parcel.postage:
            told = display(parcel.postage, parcel.currency)
            raise ValueError(f"at most what the buyer paid: {told} {parcel.currency}")
        alone = policy.second_person_needed(amount, parcel.currency, case.policy.numbers)
        if alone.holds and alone.facts["rate"] is not None:
            raise ValueError(alone.text)
        shown = f"{display(amount, parcel.currency)} {parcel.currency}"
        _give_back(
            parcel, amount, at=at, actor=Actor.SUPPORT, by=by, text=f"Postage confirmed: {shown}."
        )
        for found in parcel.anomalies.open().filter(code="postage-above-cap"):
            close_anomaly(found, by=by, why=f"Confirmed {shown}.", at=at)


def _reimburse(case: Case, parcel: Parcel, cost: Decimal | None, at: datetime) -> None:
    if not policy.postage_may_follow(State(case.state), case.handed_over_at):
        why = "The refund is on its way: postage can be shown until then (R21)."
        raise NotNow(case.state, Event.NOTED, (), why)
    if cost is not None and case.postage == 0:
        parcel.postage = rounded(cost, parcel.currency)
        parcel.save(update_fields=["postage"])
    if case.postage or not parcel.postage:
        return
    finding = policy.postage_covered(parcel.postage, parcel.currency, case.policy.numbers)
    if finding.holds:
        _give_back(parcel, parcel.postage, at=at, actor=Actor.POLICY, text=finding.text)
        return
    returns.note(case, text=finding.text, at=at, actor=Actor.POLICY, facts=dict(finding.facts))
    raise_anomaly(
        f"postage-above-cap:{parcel.pk}:{parcel.postage}",
        code="postage-above-cap",
        text=f"{case.number}: {finding.text}",
        at=at,
        parcel=parcel,
    )


def _give_back(parcel: Parcel, amount: Decimal, **told: Any) -> None:
    returns.reimburse_postage(parcel.case, amount=amount, **told)
    parcel.borne_by = Bearer.MARKETPLACE if amount else Bearer.BUYER
    parcel.save(update_fields=["borne_by"])


def _proved(case: Case, parcel: Parcel) -> None:
    shown = case.evidence.filter(purpose=Purpose.POSTAGE).exists()
    if parcel.carried != Carried.REIMBURSED or not shown:
        raise ValueError("only postage that was proved is given back (R21)")


def _followed(parcel: Parcel, by: Posted) -> None:
    """Where it is a partner's own number, what the partner reports is about this parcel (R22).

    Never a number that we give out ourselves or that another parcel has: it would hear of itself
    what is somebody else's.
    """
    partner = Courier.objects.filter(active=True, name__iexact=by.courier).first()
    if partner is None or not by.format:
        return
    if partner.ranges.filter(prefix=by.number[:2]).exists():
        return
    if partner.parcels.filter(tracking_number=by.number).exists():
        return
    parcel.courier = partner
    try:
        with transaction.atomic():
            parcel.save(update_fields=["courier"])
    except IntegrityError:
        # Another buyer typed the same number in this moment.
        parcel.courier = None
