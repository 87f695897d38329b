"""Words and pictures on a case; they move nothing (R04, R33)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from returns import journal
from returns.machine import NotNow
from returns.models import Case, Evidence, Message
from returns.states import Actor, Event, Purpose
from returns.workflow.hand import entry_of, not_now, verb

#: R04: several pictures and videos, not any number of them.
MAX_EVIDENCE = 10


class QuotaReached(NotNow):
    """The case holds as many pictures and videos as it may."""


@verb
def note(
    case: Case,
    *,
    text: str,
    at: datetime,
    actor: Actor,
    by: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Put something on the timeline that moves nothing (R33)."""
    journal.record([entry_of(case, Event.NOTED, at=at, actor=actor, by=by, text=text, facts=facts)])


@verb
def add_message(case: Case, *, text: str, at: datetime, actor: Actor, by: str = "") -> Message:
    """One side writes to the others (R31)."""
    if not text.strip():
        raise ValueError("a message needs words")
    message = Message.objects.create(case=case, at=at, author=actor, by=by, text=text)
    journal.record([entry_of(case, Event.MESSAGE_SENT, at=at, actor=actor, by=by, text=text)])
    return message


@verb
def add_evidence(
    case: Case,
    *,
    file: str,
    size: int,
    name: str,
    content_type: str,
    sha256: str,
    at: datetime,
    actor: Actor,
    purpose: Purpose = Purpose.EVIDENCE,
) -> Evidence:
    """Keep a picture or video that evidence.py let pass and stored as `file` (R04); twice, once.

    What the postage cost has a quota of its own: full of pictures, a case still takes a receipt.
    """
    if case.over:
        raise not_now(case, Event.EVIDENCE_ADDED, "The case is over.")
    if known := case.evidence.filter(sha256=sha256).first():
        return known
    # Counted under the case's lock: of two uploads at once the second sees the first.
    if case.evidence.filter(purpose=purpose).count() >= MAX_EVIDENCE:
        why = f"A case holds {MAX_EVIDENCE} pictures and videos at most."
        raise QuotaReached(case.state, Event.EVIDENCE_ADDED, (), why)
    kept = Evidence(
        case=case,
        at=at,
        author=actor,
        name=name,
        content_type=content_type,
        size=size,
        sha256=sha256,
        file=file,
        purpose=purpose,
    )
    kept.save()
    journal.record([entry_of(case, Event.EVIDENCE_ADDED, at=at, actor=actor, text=name)])
    return kept
