"""The clock: what the policy does by itself when a deadline has passed (R17, R18, R24, R26, R30,
R35).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from returns import pieces, policy
from returns.drain import locked
from returns.models import Case
from returns.states import Actor, Event, Kind, Reason, Resolution, State, TermsOutcome
from returns.workflow.hand import Moved, apply, verb, write
from returns.workflow.parcel import granted, uninspected
from returns.workflow.review import after_offer, answer_offer, declined, resumed

log = logging.getLogger(__name__)

#: R31: an overdue case alarms again after this long.
ALARM_AGAIN = timedelta(days=1)
#: How long a case that objected to the clock is set aside, by attempt; the last one for ever on.
SET_ASIDE = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


@verb
def lapse(case: Case, *, at: datetime) -> bool:
    """Do what the policy does by itself when a deadline has passed; False when it has not."""
    if case.over or case.deadline_at is None or case.deadline_at > at:
        return False
    write([_lapsed(case, at)])
    return True


def lapse_due(limit: int, *, at: datetime) -> int:
    """Lapse up to `limit` cases that are due, as a set in one commit; returns how many were looked
    at.

    When one objects the chunk is rolled back and done one by one, and that one is set aside with
    its error, so that a poisoned case never blocks the others.
    """
    try:
        with transaction.atomic():
            due = list(locked(Case.objects.due(at).select_related("policy"))[:limit])
            write([_lapsed(case, at) for case in due])
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
            fields = declined(case, text, at)
    elif state == State.INFO_REQUESTED:
        event, fields = Event.INFO_LAPSED, resumed(case, at)
    elif state == State.OFFER_MADE:
        answer_offer(case, "lapsed", at)
        event, fields = after_offer(case, Event.OFFER_LAPSED, at)
    elif state == State.AWAITING_RETURN:
        event, fields = Event.NOT_HANDED_OVER, {"resolution": Resolution.NOT_HANDED_OVER}
    elif state == State.DECLINED and case.owes_accepted:
        event, fields = Event.PART_APPROVED, {"amount": pieces.owed(case)}
    elif state == State.DECLINED:
        event, fields = Event.ESCALATION_LAPSED, {"resolution": Resolution.DECLINED}
    elif state == State.INSPECTING:
        event, fields = Event.INSPECTION_LAPSED, uninspected(case)
    elif state == State.INVESTIGATING:
        event, fields = Event.REFUND_GRANTED_BY_LAPSE, granted(case)
    elif state in (State.ESCALATED, State.REFUND_PENDING):
        event, fields = Event.ALARMED, {"alarms": case.alarms + 1, "deadline_at": at + ALARM_AGAIN}
    else:
        event, text = Event.HANDED_TO_SUPPORT, "No news for too long."
    return apply(case, event, at=at, actor=Actor.CLOCK, text=text, facts=facts, **fields)
