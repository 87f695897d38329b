"""What a parcel's reports mean together: worked out in any order, told to the ground once."""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import OperationalError, transaction

from logistics import tracking
from logistics.models import Parcel, TrackingEvent
from logistics.oddities import finding
from logistics.states import Carried, LabelState
from logistics.tracking import PAPER_STATES, ParcelState, ParcelView
from logistics.workflow.desk import found_key, keep_findings, raise_anomaly
from logistics.workflow.reporting import PROJECT, match_parked
from logistics.workflow.telling import Teller
from returns.bell import ring_on_commit
from returns.drain import locked
from returns.models import Case

log = logging.getLogger(__name__)


def project_due(limit: int, *, at: datetime) -> int:
    """Work out up to `limit` parcels that have news, one commit each; returns how many."""
    match_parked(limit, at=at)
    due = TrackingEvent.objects.due().order_by("parcel_id").values_list("parcel_id", flat=True)
    handled = 0
    for parcel_id in list(due.distinct()[:limit]):
        try:
            handled += project_parcel(parcel_id, at=at)
        except OperationalError:
            log.warning("parcel %s comes again: it was in somebody's way", parcel_id, exc_info=True)
        except Exception as error:
            log.exception("parcel %s cannot be projected", parcel_id)
            _set_aside(parcel_id, error, at)
            handled += 1
    return handled


def project_again(parcel: Parcel) -> None:
    """Have a parcel's reports worked out and told once more; what was told stays told."""
    parcel.events.again()
    ring_on_commit(PROJECT)


def project_parcel(parcel_id: int, *, at: datetime) -> bool:
    """Recompute the parcel from all its reports and tell the case what is new; False: nothing is.

    A parcel somebody else is working on is left to them.
    """
    with transaction.atomic():
        parcel = locked(Parcel.objects.filter(pk=parcel_id)).first()
        if parcel is None:
            return False
        events = list(parcel.events.order_by("occurred_at", "id"))
        fresh = [event for event in events if event.projected_at is None]
        if not fresh:
            return False
        case = Case.objects.select_for_update().get(pk=parcel.case_id)
        view = _view(parcel, events)
        teller = Teller(case, parcel, events, at)
        was = ParcelState(parcel.state)
        teller.vans(fresh)
        _write(parcel, view)
        teller.told(view, was, fresh)
        teller.odd(view)
        keep_findings(parcel, teller.findings, teller.by_id, at=at)
        TrackingEvent.objects.filter(pk__in=[event.pk for event in fresh]).update(projected_at=at)
    return True


def _view(parcel: Parcel, events: Iterable[TrackingEvent]) -> ParcelView:
    """What was posted with a number of the buyer's may be scanned before we are told of it."""
    labelled_at = parcel.issued_at if parcel.carried == Carried.FREE_LABEL else None
    return tracking.project((event.scan() for event in events if event.is_tracking), labelled_at)


def _write(parcel: Parcel, view: ParcelView) -> None:
    """What the reports mean, on the parcel's row."""
    parcel.state = _state(parcel, view)
    parcel.first_scan_at, parcel.delivered_at = view.first_scan_at, view.delivered_at
    parcel.last_news_at, parcel.damaged = view.last_news_at, view.damaged
    if parcel.carried == Carried.FREE_LABEL and view.first_scan_at and _label_is_free(parcel):
        parcel.label = LabelState.USED
    parcel.save(
        update_fields=[
            *("state", "first_scan_at", "delivered_at"),
            *("last_news_at", "damaged", "label"),
        ]
    )


def _state(parcel: Parcel, view: ParcelView) -> ParcelState:
    """The warehouse's word beats the courier's, and the buyer's beats paperwork (R22)."""
    if parcel.received_at:
        return ParcelState.DELIVERED
    if view.last_news_at is None and not view.anomalies:
        return ParcelState(parcel.state)
    if parcel.carried != Carried.FREE_LABEL and view.state in PAPER_STATES:
        return ParcelState.IN_TRANSIT
    return view.state


def _label_is_free(parcel: Parcel) -> bool:
    """Whether no other label of the order counts (R12): one taken back may be scanned."""
    counts = (LabelState.LIVE, LabelState.USED)
    others = Parcel.objects.filter(order=parcel.order_id, label__in=counts).exclude(pk=parcel.pk)
    return not others.exists()


def _set_aside(parcel_id: int, error: Exception, at: datetime) -> None:
    """A parcel that cannot be worked out waits for a person, and is in nobody's way."""
    with transaction.atomic():
        parcel = Parcel.objects.select_for_update().get(pk=parcel_id)
        why = f"{type(error).__name__}: {error}"
        found = finding("not-projected", type(error).__name__, why=why)
        raise_anomaly(
            found_key(parcel, found),
            code=found.code,
            text=found.text,
            at=at,
            courier=parcel.courier,
            parcel=parcel,
        )
        TrackingEvent.objects.due().filter(parcel=parcel).update(projected_at=at)
