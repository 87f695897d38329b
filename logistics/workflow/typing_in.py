"""News of a parcel that a person read somewhere and typed in (R22, R24)."""

import hashlib
from datetime import datetime

from django.db import transaction

from logistics.models import Parcel, TrackingEvent
from logistics.reports import UPDATED, VOIDED
from logistics.tracking import PAPERWORK, TrackingCode
from logistics.workflow.following import project_parcel

#: What somebody may read on a carrier's page: where the parcel is, not what paper it has.
NEWS = tuple(code for code in TrackingCode if code not in PAPERWORK | {TrackingCode.UNKNOWN})


def report_by_hand(
    parcel: Parcel,
    *,
    code: TrackingCode,
    occurred_at: datetime,
    place: str,
    source: str,
    why: str,
    by: str,
    at: datetime,
) -> TrackingEvent:
    """A person types in what a carrier's page (or voice) says; the parcel follows it at once.

    `source` is where it was read: an address or a phone call. Raises ValueError for what cannot be
    news, and for the same news a second time.
    """
    if code not in NEWS or not source.strip() or not why.strip():
        raise ValueError("news are a scan, where it was read, and why it is typed in")
    if not parcel.issued_at.date() <= occurred_at.date() or occurred_at > at:
        raise ValueError("it happened after the parcel was registered, and not in the future")
    told = f"{parcel.pk} {code} {occurred_at.isoformat()} {place.strip()}"
    with transaction.atomic():
        return _keep(
            parcel,
            f"hand-{hashlib.sha256(told.encode()).hexdigest()[:40]}",
            type=UPDATED,
            code=code,
            occurred_at=occurred_at,
            received_at=at,
            location={"city": place.strip()[:80]} if place.strip() else {},
            details={"source": source.strip()[:300]},
            note=why.strip()[:300],
            told_by=by[:200],
        )


def void_by_hand(event: TrackingEvent, *, why: str, by: str, at: datetime) -> TrackingEvent:
    """A person takes back what a person typed in; what a courier told only it can take back."""
    if not event.told_by or event.voids or event.parcel is None:
        raise ValueError("only what was typed in can be taken back by hand")
    if not why.strip():
        raise ValueError("it is taken back with a reason")
    with transaction.atomic():
        return _keep(
            event.parcel,
            f"hand-void-{event.pk}",
            type=VOIDED,
            code=TrackingCode.UNKNOWN,
            voids=event.event_id,
            occurred_at=at,
            received_at=at,
            details={"source": "the desk"},
            note=why.strip()[:300],
            told_by=by[:200],
        )


def _keep(parcel: Parcel, event_id: str, **told: object) -> TrackingEvent:
    """Kept once, under the parcel's lock, and worked out."""
    parcel = Parcel.objects.select_for_update().get(pk=parcel.pk)
    if parcel.events.filter(event_id=event_id).exists():
        raise ValueError("exactly this was typed in before")
    event = TrackingEvent.objects.create(
        courier=parcel.courier,
        parcel=parcel,
        event_id=event_id,
        tracking_number=parcel.tracking_number,
        **told,
    )
    project_parcel(parcel.pk, at=event.received_at)
    return event
