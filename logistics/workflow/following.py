"""What couriers report: kept once, projected in any order, told to the ground."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import BigIntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from logistics import tracking
from logistics.models import Courier, Parcel, PickupBooking, TrackingEvent
from logistics.reports import Report
from logistics.states import Carried, LabelState, PickupEvent, PickupState
from logistics.tracking import FINAL, SCANS, ParcelState, ParcelView, TrackingCode
from logistics.workflow.labelling import services_in
from logistics.workflow.pickups import apply, hear
from returns import workflow as returns
from returns.bell import ring_on_commit
from returns.drain import locked
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, State

log = logging.getLogger(__name__)

PROJECT = "logistics.tasks.project_events"


def accept_reports(courier: Courier, accepted: Sequence[Report], *, at: datetime) -> list[str]:
    """Keep reports, each once (by its event id), and say of each: accepted, duplicate, unmatched.

    What they mean is worked out later (`project_due`); of numbers we do not know, when we do.
    """
    ids = [report.event_id for report in accepted]
    seen = set(courier.events.filter(event_id__in=ids).values_list("event_id", flat=True))
    whose = _matched(courier, accepted)
    rows, answers = [], []
    for report in accepted:
        if report.event_id in seen:
            answers.append("duplicate")
            continue
        seen.add(report.event_id)
        parcel = whose(report)
        answers.append("accepted" if parcel else "unmatched")
        rows.append(
            TrackingEvent(courier=courier, parcel_id=parcel, received_at=at, **vars(report))
        )
    TrackingEvent.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        ring_on_commit(PROJECT)
    return answers


def project_due(limit: int, *, at: datetime) -> int:
    """Work out up to `limit` parcels that have news, one commit each; returns how many."""
    _match_parked(limit, at)
    due = TrackingEvent.objects.due().order_by("parcel_id").values_list("parcel_id", flat=True)
    handled = 0
    for parcel_id in list(due.distinct()[:limit]):
        try:
            handled += _project(parcel_id, at)
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


def _matched(courier: Courier, accepted: Sequence[Report]) -> Callable[[Report], int | None]:
    """Which parcel a report is about: by its number, its van, or what it takes back."""
    numbers = [report.tracking_number for report in accepted if report.tracking_number]
    vans = [report.pickup_id for report in accepted if report.pickup_id]
    voided = [report.voids for report in accepted if report.voids]
    parcels = courier.parcels.filter(tracking_number__in=numbers).order_by("id")
    by_number = dict(parcels.values_list("tracking_number", "pk"))
    by_van = dict(courier.pickups.filter(reference__in=vans).values_list("reference", "parcel_id"))
    by_void = dict(courier.events.filter(event_id__in=voided).values_list("event_id", "parcel_id"))
    return lambda report: (
        by_number.get(report.tracking_number)
        or by_van.get(report.pickup_id)
        or by_void.get(report.voids)
    )


def _match_parked(limit: int, at: datetime) -> None:
    """Give reports that came before their label to the parcel that has come since."""
    newest = Parcel.objects.filter(
        courier=OuterRef("courier"), tracking_number=OuterRef("tracking_number")
    ).order_by("-id")
    voided = TrackingEvent.objects.filter(
        courier=OuterRef("courier"), event_id=OuterRef("voids"), parcel__isnull=False
    )
    found = Coalesce(
        Subquery(newest.values("pk")[:1]),
        Subquery(voided.values("parcel_id")[:1]),
        output_field=BigIntegerField(),
    )
    parked = TrackingEvent.objects.parked(at).annotate(found=found).filter(found__isnull=False)
    for event_id, parcel_id in parked.values_list("pk", "found")[:limit]:
        TrackingEvent.objects.filter(pk=event_id).update(parcel_id=parcel_id)


def _project(parcel_id: int, at: datetime) -> bool:
    """Recompute the parcel from all its reports and tell the case what is new; False: nothing is.

    A parcel somebody else is working on is left to them.
    """
    with transaction.atomic():
        parcel = locked(Parcel.objects.filter(pk=parcel_id)).first()
        if parcel is None:
            return False
        events = list(parcel.events.select_related("courier").order_by("occurred_at", "id"))
        fresh = [event for event in events if event.projected_at is None]
        if not fresh:
            return False
        case = Case.objects.select_for_update().get(pk=parcel.case_id)
        view = tracking.project(
            (event.scan() for event in events if event.is_tracking), parcel.issued_at
        )
        teller = _Teller(case, parcel, at)
        vans = [event for event in fresh if not event.is_tracking]
        for event in vans:
            teller.hear(event)
        was = ParcelState(parcel.state)
        _write(parcel, view)
        teller.collected(view)
        teller.told(view, was, fresh)
        _keep_anomalies(parcel, view, teller.objections)
        TrackingEvent.objects.filter(pk__in=[event.pk for event in fresh]).update(projected_at=at)
    return True


def _write(parcel: Parcel, view: ParcelView) -> None:
    """What the reports mean, on the parcel's row; the warehouse's word beats the courier's."""
    if view.last_news_at or view.anomalies:
        parcel.state = ParcelState.DELIVERED if parcel.received_at else view.state
    parcel.first_scan_at, parcel.delivered_at = view.first_scan_at, view.delivered_at
    parcel.last_news_at = view.last_news_at
    if parcel.carried == Carried.FREE_LABEL and view.first_scan_at and _label_is_free(parcel):
        parcel.label = LabelState.USED
    parcel.save(update_fields=["state", "first_scan_at", "delivered_at", "last_news_at", "label"])


def _label_is_free(parcel: Parcel) -> bool:
    """Whether no other label of the order counts (R12): one taken back may be scanned."""
    counts = (LabelState.LIVE, LabelState.USED)
    others = Parcel.objects.filter(order=parcel.order_id, label__in=counts).exclude(pk=parcel.pk)
    return not others.exists()


def _keep_anomalies(parcel: Parcel, view: ParcelView, objections: Iterable[str]) -> None:
    kept = [each for each in parcel.anomalies if each.startswith("case-")]
    found = sorted({*kept, *view.anomalies, *objections})
    if found != parcel.anomalies or view.damaged != parcel.damaged:
        parcel.anomalies, parcel.damaged = found, view.damaged
        parcel.save(update_fields=["anomalies", "damaged"])


def _set_aside(parcel_id: int, error: Exception, at: datetime) -> None:
    """A parcel that cannot be worked out waits for a person, and is in nobody's way."""
    with transaction.atomic():
        parcel = Parcel.objects.select_for_update().get(pk=parcel_id)
        reason = f"case-not-projected:{type(error).__name__}: {error}"[:300]
        parcel.anomalies = sorted({*parcel.anomalies, reason})
        parcel.save(update_fields=["anomalies"])
        TrackingEvent.objects.due().filter(parcel=parcel).update(projected_at=at)


class _Teller:
    """Tells the ground what a parcel's reports mean; a move the case forbids is an anomaly."""

    def __init__(self, case: Case, parcel: Parcel, at: datetime) -> None:
        self.case, self.parcel, self.at = case, parcel, at
        self.by = parcel.courier_name
        self.objections: set[str] = set()

    def hear(self, event: TrackingEvent) -> None:
        """One message about a van."""
        try:
            hear(self.case, self.parcel, event, at=self.at)
        except NotNow as refused:
            self.objections.add(f"case-pickup-{refused.state}:{event.event_id}")

    def collected(self, view: ParcelView) -> None:
        """A scan says that the van was here, whatever else was said of it."""
        booking = self.parcel.pickups.open().first()
        if booking and view.first_scan_at:
            done = min(view.first_scan_at, self.at)
            apply(booking, PickupEvent.COMPLETED, at=self.at, completed_at=done)

    def told(self, view: ParcelView, was: ParcelState, fresh: Sequence[TrackingEvent]) -> None:
        """Handed over, on its way, arrived, lost or sent back: each told once."""
        case = self.case
        # A van that collected it is as good as a scan: the buyer has done what was to do (R24).
        handed = view.first_scan_at or self._collected_at()
        scans = [event for event in fresh if event.code in SCANS and not event.voids]
        moving = [event for event in scans if event.code not in FINAL]
        if handed and case.handed_over_at is None:
            facts = {"tracking_number": self.parcel.tracking_number, **self._label_cost()}
            self._say(returns.hand_over, handed, text=_words(scans[:1]), facts=facts)
        elif moving and case.state == State.IN_TRANSIT:
            at, text = self._when(moving[-1].occurred_at), _words(moving[-1:])
            self._do("scan", returns.scan, at=at, by=self.by, text=text)
        elif moving and case.state == State.ESCALATED:
            self._note(f"News of the parcel: {_words(moving[-1:])}")
        if view.delivered_at and case.received_at is None:
            self._say(returns.receive, view.delivered_at)
        elif view.lost and was != ParcelState.LOST:
            at = self._when(view.last_news_at or self.at)
            self._do("lost", returns.lose, at=at, by=self.by, text="Reported lost.")
        elif view.returned and was != ParcelState.RETURNED:
            why = "The courier brought the parcel back to the buyer."
            self._do("returned", returns.hand_to_support, at=self.at, actor=Actor.COURIER, why=why)
        if view.damaged and not self.parcel.damaged:
            self._note("The courier reports the parcel damaged.")

    def _label_cost(self) -> dict[str, str]:
        """R29: what the marketplace owes the courier for the label, by the contract in force."""
        if self.parcel.carried != Carried.FREE_LABEL:
            return {}
        offered = services_in(self.case.buyer.country).filter(courier=self.parcel.courier)
        service = offered.filter(method=self.case.handover).first() or offered.first()
        if service is None:
            return {}
        return {"label_cost": str(service.price), "label_currency": service.currency}

    def _collected_at(self) -> datetime | None:
        done = PickupBooking.objects.filter(parcel=self.parcel, state=PickupState.COMPLETED)
        return done.values_list("completed_at", flat=True).first()

    def _say(self, verb: Callable[..., None], when: datetime, **rest: Any) -> None:
        at = self._when(when)
        self._do(verb.__name__, verb, at=at, actor=Actor.COURIER, by=self.by, **rest)

    def _do(self, what: str, verb: Callable[..., None], **rest: Any) -> None:
        state = self.case.state
        try:
            verb(self.case, **rest)
        except NotNow:
            objection = f"case-{state}:{what}"
            if objection not in self.parcel.anomalies:
                self._note(
                    f"The courier reported what does not fit any more: {what.replace('_', ' ')}."
                )
            self.objections.add(objection)

    def _note(self, text: str) -> None:
        returns.note(self.case, text=text, at=self.at, actor=Actor.COURIER, by=self.by)

    def _when(self, told: datetime) -> datetime:
        """When it counts for the case: as reported, but not in the future nor before its state."""
        return min(max(told, self.case.state_since), self.at)


def _words(scans: Sequence[TrackingEvent]) -> str:
    """What a scan says, for people."""
    return " ".join(
        ", ".join(filter(None, [TrackingCode(scan.code).label, scan.location.get("city", "")]))
        for scan in scans
    )
