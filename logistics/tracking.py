"""What couriers report about a parcel, and the one state that all reports together mean."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import TextChoices


class TrackingCode(TextChoices):
    """The twenty codes a courier may send, in the order of a parcel's life.

    The order decides between scans of the same second: the later in life wins.
    """

    UNKNOWN = "unknown"
    LABEL_CREATED = "label_created"
    INFO_RECEIVED = "info_received"
    PICKUP_SCHEDULED = "pickup_scheduled"
    PICKUP_FAILED = "pickup_failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DROPPED_OFF = "dropped_off"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    CUSTOMS_HOLD = "customs_hold"
    ON_HOLD = "on_hold"
    DELAYED = "delayed"
    EXCEPTION = "exception"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_FAILED = "delivery_failed"
    LOST = "lost"
    RETURNING_TO_CUSTOMER = "returning_to_customer"
    DELIVERED = "delivered"
    RETURNED_TO_CUSTOMER = "returned_to_customer"


class TrackingReason(TextChoices):
    """Why a pick-up failed, a parcel is held or something went wrong with it."""

    NOT_HOME = "not_home"
    NOT_READY = "not_ready"
    REFUSED = "refused"
    BAD_ADDRESS = "bad_address"
    NO_ACCESS = "no_access"
    COURIER_MISSED = "courier_missed"
    CAPACITY = "capacity"
    WEATHER = "weather"
    LABEL_UNREADABLE = "label_unreadable"
    OVERSIZE = "oversize"
    DAMAGED = "damaged"
    CUSTOMS_DOCS = "customs_docs"
    CUSTOMS_PROHIBITED = "customs_prohibited"
    LOST = "lost"
    OTHER = "other"


class ParcelState(TextChoices):
    """Where a parcel is in its life, as far as its courier has told."""

    LABELLED = "labelled"
    PICKUP_SCHEDULED = "pickup_scheduled"
    PICKUP_FAILED = "pickup_failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    IN_TRANSIT = "in_transit"
    HELD = "held"
    EXCEPTION = "exception"
    OUT_FOR_DELIVERY = "out_for_delivery"
    LOST = "lost"
    RETURNING = "returning"
    DELIVERED = "delivered"
    RETURNED = "returned"


# `delayed` and `unknown` are news, but do not say where the parcel is.
STATES = {
    TrackingCode.LABEL_CREATED: ParcelState.LABELLED,
    TrackingCode.INFO_RECEIVED: ParcelState.LABELLED,
    TrackingCode.PICKUP_SCHEDULED: ParcelState.PICKUP_SCHEDULED,
    TrackingCode.PICKUP_FAILED: ParcelState.PICKUP_FAILED,
    TrackingCode.CANCELLED: ParcelState.CANCELLED,
    TrackingCode.EXPIRED: ParcelState.EXPIRED,
    TrackingCode.DROPPED_OFF: ParcelState.IN_TRANSIT,
    TrackingCode.PICKED_UP: ParcelState.IN_TRANSIT,
    TrackingCode.IN_TRANSIT: ParcelState.IN_TRANSIT,
    TrackingCode.CUSTOMS_HOLD: ParcelState.HELD,
    TrackingCode.ON_HOLD: ParcelState.HELD,
    TrackingCode.EXCEPTION: ParcelState.EXCEPTION,
    TrackingCode.OUT_FOR_DELIVERY: ParcelState.OUT_FOR_DELIVERY,
    TrackingCode.DELIVERY_FAILED: ParcelState.EXCEPTION,
    TrackingCode.LOST: ParcelState.LOST,
    TrackingCode.RETURNING_TO_CUSTOMER: ParcelState.RETURNING,
    TrackingCode.DELIVERED: ParcelState.DELIVERED,
    TrackingCode.RETURNED_TO_CUSTOMER: ParcelState.RETURNED,
}
PAPERWORK = frozenset(
    {
        TrackingCode.LABEL_CREATED,
        TrackingCode.INFO_RECEIVED,
        TrackingCode.PICKUP_SCHEDULED,
        TrackingCode.PICKUP_FAILED,
        TrackingCode.CANCELLED,
        TrackingCode.EXPIRED,
    }
)
#: States that only paperwork leads to: nobody has seen the parcel.
PAPER_STATES = frozenset(STATES[code] for code in PAPERWORK)
# Somebody held the parcel in their hands.
SCANS = STATES.keys() - PAPERWORK - {TrackingCode.EXCEPTION, TrackingCode.LOST}
FINAL = frozenset({TrackingCode.DELIVERED, TrackingCode.RETURNED_TO_CUSTOMER})
ENDS = FINAL | {TrackingCode.CANCELLED, TrackingCode.EXPIRED}

_RANK = {code: rank for rank, code in enumerate(TrackingCode)}


@dataclass(frozen=True)
class Scan:
    """One report. With `voids` it only takes back the report of that id; its code says nothing."""

    event_id: str
    code: TrackingCode
    occurred_at: datetime
    reason: TrackingReason | None = None
    voids: str | None = None
    point: str = ""


class Oddity(NamedTuple):
    """What does not fit, for a person to look at: which kind, and the event it is about."""

    code: str
    event_id: str


@dataclass(frozen=True)
class ParcelView:
    """All reports taken together, with what does not fit among them."""

    state: ParcelState
    first_scan_at: datetime | None
    delivered_at: datetime | None
    last_news_at: datetime | None
    lost: bool
    returned: bool
    damaged: bool
    anomalies: tuple[Oddity, ...]


def project(events: Iterable[Scan], label_created_at: datetime | None) -> ParcelView:
    """The parcel that these reports describe, whatever their order and however often they came.

    A parcel posted without a label of ours has no moment before which a report is odd (None).

    The first final scan wins and later ones are anomalies; a physical scan beats paperwork, so a
    cancelled or expired label that is scanned is alive again; `lost` is not final (R24).
    `first_scan_at` and `delivered_at` are the earliest: a late report moves them back, never on;
    only a void takes them away, and a voided final scan is an anomaly.
    """
    told, reused = _once(events)
    voids = {scan.voids: scan.event_id for scan in told if scan.voids}
    reports = [scan for scan in told if not scan.voids]
    live = [scan for scan in reports if scan.event_id not in voids]
    taken_back = {scan.event_id: scan.code for scan in reports if scan.event_id in voids}
    state = _state(live)
    return ParcelView(
        state=state,
        first_scan_at=_earliest(live, SCANS),
        delivered_at=_earliest(live, {TrackingCode.DELIVERED}),
        last_news_at=max((scan.occurred_at for scan in live), default=None),
        lost=state == ParcelState.LOST,
        returned=state == ParcelState.RETURNED,
        damaged=any(scan.reason == TrackingReason.DAMAGED for scan in live),
        anomalies=tuple(
            sorted(
                {Oddity("event-id-reused", event_id) for event_id in reused}
                | {
                    Oddity("void-of-unknown", by)
                    for of, by in voids.items()
                    if of not in taken_back
                }
                | {Oddity("final-voided", of) for of, code in taken_back.items() if code in FINAL}
                | _oddities(live, label_created_at)
            )
        ),
    )


def _order(scan: Scan) -> tuple[datetime, int, str]:
    return scan.occurred_at, _RANK[scan.code], scan.event_id


def _once(events: Iterable[Scan]) -> tuple[list[Scan], set[str]]:
    """Each event id once, in order; and the ids that came with differing contents."""
    kept: dict[str, Scan] = {}
    reused = set()
    for scan in sorted(set(events), key=lambda scan: (*_order(scan), repr(scan))):
        if kept.setdefault(scan.event_id, scan) is not scan:
            reused.add(scan.event_id)
    return list(kept.values()), reused


def _state(live: list[Scan]) -> ParcelState:
    told = [scan.code for scan in live if scan.code in STATES]
    final = [code for code in told if code in FINAL]
    if final:
        return STATES[final[0]]
    if any(code in SCANS for code in told):
        told = [code for code in told if code not in PAPERWORK]
    return STATES[told[-1]] if told else ParcelState.LABELLED


def _earliest(live: list[Scan], codes: Iterable[TrackingCode]) -> datetime | None:
    return min((scan.occurred_at for scan in live if scan.code in codes), default=None)


def _oddities(live: list[Scan], label_created_at: datetime | None) -> set[Oddity]:
    found = {
        Oddity("before-label", scan.event_id)
        for scan in live
        if label_created_at and scan.occurred_at < label_created_at
    }
    ended_by: TrackingCode | None = None
    for scan in live:
        if scan.code == TrackingCode.UNKNOWN:
            found.add(Oddity("unknown-code", scan.event_id))
            continue
        if ended_by and scan.code not in PAPERWORK:
            code = f"after-{str(ended_by).replace('_', '-')}"
            found.add(Oddity(code, scan.event_id))
        if ended_by in FINAL:
            continue
        if scan.code in ENDS:
            ended_by = scan.code
        elif scan.code not in PAPERWORK:
            ended_by = None
    return found
