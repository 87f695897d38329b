"""What a buyer may do now, and why not: asked of the table of moves and the policy."""

from collections.abc import Collection
from datetime import datetime

from returns import policy
from returns.models import Case
from returns.states import MACHINE, Event, Handover, State, TermsOutcome

#: What the shop's door offers on a case, and the event that the table of moves must know for it.
ACTIONS: dict[str, Event | None] = {
    "evidence": None,
    "cancel": Event.CANCELLED,
    "answer": Event.INFO_GIVEN,
    "accept-offer": Event.OFFER_ACCEPTED,
    "decline-offer": Event.OFFER_DECLINED,
    "handover": Event.HANDOVER_CHOSEN,
    "shipped": Event.HANDED_OVER,
    "escalate": Event.ESCALATED,
    "messages": None,
}


def buyer_may(case: Case, at: datetime, *, services: Collection[str] | None = None) -> list[str]:
    """The actions open to the buyer at that moment, by the names of the shop's door (R34).

    `services` are the handovers that couriers offer in the buyer's country, None where nobody
    looked: then a free return counts as one that may also go by own courier (R21).
    """
    return [action for action in ACTIONS if why_not(case, action, at, services=services) is None]


def why_not(
    case: Case, action: str, at: datetime, *, services: Collection[str] | None = None
) -> str | None:
    """Why the buyer may not do this now, in a sentence; None when he may."""
    state, event = State(case.state), ACTIONS[action]
    if action == "evidence" and case.over:
        return "The case is over."
    if action == "cancel" and not case.over and case.handed_over_at is not None:
        return policy.may_cancel(case.handed_over_at).text
    if event is not None and event not in MACHINE.allowed(state):
        return f"That is not possible now: the case is “{state.label}”."
    if action == "shipped" and services is not None:
        ways = policy.handover_methods(TermsOutcome(case.terms), services)
        if Handover.OWN_COURIER not in ways:
            return "Your return is free: please choose how to hand the parcel over (R20)."
    if action == "escalate":
        finding = policy.may_escalate(case.final, case.declined_at or at, at, case.policy.numbers)
        return None if finding.holds else finding.text
    return None
