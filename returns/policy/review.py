"""What a case waits for, how long, and what the policy decides when nobody does (R16–R18, R35)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from returns.policy.facts import Fact, Finding, Numbers, counted, iso, moment, utc
from returns.policy.terms import ARRIVED_WRONG, evidence_required
from returns.states import Event, InspectionOutcome, Kind, Reason, State, TermsOutcome


@dataclass(frozen=True)
class Lapse:
    """What the policy decided because nobody answered, and why."""

    event: Event
    finding: Finding


def lapse(
    kind: Kind,
    outcome: TermsOutcome,
    final: bool,
    reason: Reason,
    evidence: int,
    numbers: Numbers,
) -> Lapse:
    """R17, R18: what becomes of a case whose review ended without an answer.

    `final` is R13's; `evidence` counts pictures and videos. A LAPSED or LAPSED_FINALLY counts on
    the seller's record.
    """
    facts: dict[str, Fact] = {"review_days": numbers.review_days}
    silence = f"The seller did not answer you within {counted(numbers.review_days, 'day')}"
    if kind == Kind.REFUND_ONLY:
        required = evidence_required(reason)
        facts |= {"evidence_required": required, "evidence": evidence}
        if evidence > 0 or not required:
            text = f"{silence}, so your refund is accepted and you may keep the item."
            return Lapse(Event.REFUND_ACCEPTED, Finding("R18", facts, True, text))
        text = f"{silence} and you added no pictures or videos, so our support team decides."
        return Lapse(Event.HANDED_TO_SUPPORT, Finding("R18", facts, False, text))
    facts |= {"terms": str(TermsOutcome(outcome).value), "final": final}
    if outcome in (TermsOutcome.FREE, TermsOutcome.BUYER_PAYS):
        text = f"{silence}, so your return is accepted."
        return Lapse(Event.ACCEPTED, Finding("R17", facts, True, text))
    if final:
        text = f"{silence}, so your return is declined, and this is final."
        return Lapse(Event.LAPSED_FINALLY, Finding("R17", facts, False, text))
    text = (
        f"{silence}, so your return is declined; you have "
        f"{counted(numbers.escalation_days, 'day')} to ask our support team to decide."
    )
    return Lapse(Event.LAPSED, Finding("R17", facts, False, text))


def deadline(state: State, at: datetime, numbers: Numbers) -> datetime | None:
    """R35: until when (UTC) a case that entered the state `at` waits; None where it is over.

    A refund on its way is due for an alarm while there are days left (R27). Raises ValueError for
    a naive `at`.
    """
    days = {
        State.UNDER_REVIEW: numbers.review_days,
        State.INFO_REQUESTED: numbers.info_days,
        State.OFFER_MADE: numbers.offer_days,
        State.AWAITING_RETURN: numbers.handover_days,
        State.IN_TRANSIT: numbers.transit_days,
        State.INSPECTING: numbers.inspection_days,
        State.INVESTIGATING: numbers.investigation_days,
        State.DECLINED: numbers.escalation_days,
        State.ESCALATED: numbers.support_days,
        State.REFUND_PENDING: numbers.refund_alarm_days,
    }.get(state)
    since = utc(at)
    return None if days is None else since + timedelta(days=days)


def may_escalate(final: bool, declined_at: datetime, at: datetime, numbers: Numbers) -> Finding:
    """R30: whether the buyer may bring a refusal to support, up to the deadline's last instant.

    `final` is R13's, of the case. Raises ValueError for a naive datetime.
    """
    until = utc(declined_at) + timedelta(days=numbers.escalation_days)
    facts: dict[str, Fact] = {
        "declined_at": iso(declined_at),
        "at": iso(at),
        "until": iso(until),
        "final": final,
    }
    if final:
        text = "You opened this case after the free return window, so the refusal is final."
        return Finding("R13", facts, False, text)
    when = moment(until, numbers.time_zone)
    if utc(at) > until:
        text = f"You could ask our support team to decide until {when}."
        return Finding("R30", facts, False, text)
    return Finding("R30", facts, True, f"You can ask our support team to decide until {when}.")


def piece_accepted(outcome: InspectionOutcome, reason: Reason) -> bool:
    """R26: whether a piece that was found like this is paid for without more ado.

    `reason` is the dispute's. A damage passes as described only if it says the item arrived wrong,
    and another item only if it says that a counterfeit was sent.
    """
    return (
        outcome in (InspectionOutcome.AS_NEW, InspectionOutcome.OPENED)
        or (outcome == InspectionOutcome.DAMAGED_AS_DESCRIBED and reason in ARRIVED_WRONG)
        or (outcome == InspectionOutcome.WRONG_ITEM and reason == Reason.COUNTERFEIT_GOODS)
    )


def after_inspection(outcomes: Collection[InspectionOutcome], reason: Reason) -> Event:
    """R26: what an inspection leads to: passed when every piece is accepted.

    For the pieces that are not, missing ones too, the seller investigates.
    """
    passed = all(piece_accepted(outcome, reason) for outcome in outcomes)
    return Event.INSPECTION_PASSED if passed else Event.INSPECTION_DISPUTED
