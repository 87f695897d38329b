"""Telling the case what its parcel's reports mean: each thing once, what does not fit to a list."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from logistics.models import Parcel, PickupBooking, TrackingEvent
from logistics.oddities import Finding, finding, in_words, moment
from logistics.states import Carried, PickupState
from logistics.tracking import FINAL, SCANS, ParcelState, ParcelView, TrackingCode
from logistics.workflow.desk import found_key
from logistics.workflow.hearing import collect, hear
from logistics.workflow.labelling import label_cost
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, State

#: By whom a parcel left the buyer, the surest first.
_HANDED = (TrackingCode.PICKED_UP, TrackingCode.DROPPED_OFF)


class Teller:
    """Tells the ground what a parcel's reports mean; a move the case forbids becomes a finding.

    Works under the locks of parcel and case, at `at`.
    """

    def __init__(
        self, case: Case, parcel: Parcel, events: Sequence[TrackingEvent], at: datetime
    ) -> None:
        self.case, self.parcel, self.events, self.at = case, parcel, events, at
        self.by = parcel.courier_name
        self.by_id = {event.event_id: event for event in events}
        self.findings: list[Finding] = []
        self.was_damaged = parcel.damaged

    def vans(self, fresh: Sequence[TrackingEvent]) -> None:
        """The messages about a van among those that are new."""
        for event in fresh:
            if not event.is_tracking:
                try:
                    hear(self.case, self.parcel, event, at=self.at)
                except NotNow as refused:
                    self._not_now(event, refused)

    def told(self, view: ParcelView, was: ParcelState, fresh: Sequence[TrackingEvent]) -> None:
        """Handed over, on its way, arrived, lost or sent back: each told once."""
        self._collected(view)
        self._on_its_way(view, [event for event in fresh if event.code in SCANS])
        if view.delivered_at and self.case.received_at is None:
            scan = self._first(view.delivered_at, {TrackingCode.DELIVERED})
            self._milestone("not-received", scan, returns.receive, view.delivered_at)
        elif view.lost and was != ParcelState.LOST:
            at = self._when(view.last_news_at or self.at)
            self._once(TrackingCode.LOST, returns.lose, at=at, by=self.by, text="Reported lost.")
        elif view.returned and was != ParcelState.RETURNED:
            why = "The courier brought the parcel back to the buyer."
            back = TrackingCode.RETURNED_TO_CUSTOMER
            self._once(back, returns.hand_to_support, at=self.at, actor=Actor.COURIER, why=why)
        if view.damaged and not self.was_damaged:
            self._note("The courier reports the parcel damaged.")

    def odd(self, view: ParcelView) -> None:
        """What does not fit among the reports themselves, or with what was decided on them."""
        for code, event_id in view.anomalies:
            about = self.by_id.get(event_id)
            self.findings.append(finding(code, event_id, what=report_in_words(about, event_id)))
        if (void := self._void_of_scan(view)) and self.case.handed_over_at:
            since, money = moment(self.case.handed_over_at), _money(self.case)
            found = finding("first-scan-voided", void.event_id, since=since, money=money)
            self.findings.append(found)

    def _collected(self, view: ParcelView) -> None:
        """What a scan says of the van that was booked."""
        voided = {event.voids for event in self.events}
        codes = {event.code for event in self.events if event.event_id not in voided}
        by = next((code for code in _HANDED if code in codes), "")
        if view.first_scan_at:
            collect(self.parcel, self.case, scanned_at=view.first_scan_at, by=by, at=self.at)

    def _on_its_way(self, view: ParcelView, scans: list[TrackingEvent]) -> None:
        case = self.case
        # A van that collected it is as good as a scan: the buyer has done what was to do (R24).
        handed = view.first_scan_at or self._collected_at()
        voided = {event.voids for event in self.events}
        scans = [event for event in scans if not event.voids and event.event_id not in voided]
        moving = [event for event in scans if event.code not in FINAL]
        if handed and case.handed_over_at is None:
            facts = {"tracking_number": self.parcel.tracking_number, **label_cost(self.parcel)}
            scan, text = self._first(handed, SCANS), _words(scans[:1])
            self._milestone(
                "not-handed-over", scan, returns.hand_over, handed, text=text, facts=facts
            )
        elif moving and case.state == State.IN_TRANSIT:
            at, text = self._when(moving[-1].occurred_at), _words(moving[-1:])
            try:
                returns.scan(case, at=at, by=self.by, text=text)
            except NotNow as refused:
                self._not_now(moving[-1], refused)
        elif moving and case.state == State.ESCALATED:
            self._note(f"News of the parcel: {_words(moving[-1:])}")

    def _collected_at(self) -> datetime | None:
        done = PickupBooking.objects.filter(parcel=self.parcel, state=PickupState.COMPLETED)
        return done.values_list("completed_at", flat=True).first()

    def _first(self, at: datetime, codes: Collection[TrackingCode]) -> TrackingEvent | None:
        """The report that set a milestone."""
        return next(
            (e for e in self.events if e.occurred_at == at and e.code in codes and not e.voids),
            None,
        )

    def _void_of_scan(self, view: ParcelView) -> TrackingEvent | None:
        """The report that takes back a scan, when nothing else says that the buyer gave it away."""
        known = view.first_scan_at or self.parcel.received_at or self._collected_at()
        if known or self.parcel.carried != Carried.FREE_LABEL:
            return None
        scans = {event.event_id for event in self.events if event.code in SCANS}
        return next((event for event in self.events if event.voids in scans), None)

    def _milestone(
        self,
        code: str,
        scan: TrackingEvent | None,
        verb: Callable[..., None],
        when: datetime,
        **rest: Any,
    ) -> None:
        """Told at every look until it is taken: what the case refuses now it may take later."""
        state = State(self.case.state)
        try:
            verb(self.case, at=self._when(when), actor=Actor.COURIER, by=self.by, **rest)
        except NotNow:
            what = report_in_words(scan, self.by)
            about = scan.event_id if scan else verb.__name__
            self._object(finding(code, about, what=what, state=state.label))

    def _once(self, code: TrackingCode, verb: Callable[..., None], **rest: Any) -> None:
        """Told when the parcel has just come to be so."""
        try:
            verb(self.case, **rest)
        except NotNow as refused:
            self._not_now(
                next(e for e in reversed(self.events) if e.code == code and not e.voids), refused
            )

    def _not_now(self, event: TrackingEvent, refused: NotNow) -> None:
        why = refused.why or f"not possible while “{str(refused.state).replace('_', ' ')}”"
        what = report_in_words(event)
        self._object(finding("not-now", event.event_id, what=what, why=why.rstrip(".")))

    def _object(self, found: Finding) -> None:
        """On the list, and the first time on the timeline of the case too."""
        self.findings.append(found)
        if not self.parcel.anomalies.filter(key=found_key(self.parcel, found)).exists():
            self._note(f"The courier reported what does not fit any more: {found.text}")

    def _note(self, text: str) -> None:
        returns.note(self.case, text=text, at=self.at, actor=Actor.COURIER, by=self.by)

    def _when(self, told: datetime) -> datetime:
        """When it counts for the case: as reported, but not in the future nor before its state."""
        return min(max(told, self.case.state_since), self.at)


def _money(case: Case) -> str:
    paying = case.state in (State.REFUND_PENDING, State.REFUNDED)
    return case.get_state_display().lower() if paying else "none yet"


def report_in_words(event: TrackingEvent | None, otherwise: str = "") -> str:
    """A report in words for the desk."""
    if event is None:
        return otherwise
    label = TrackingCode(event.code).label if event.is_tracking else event.type
    label = "Taken back" if event.voids else label
    return in_words(label, event.occurred_at, event.location.get("city", ""))


def _words(scans: Sequence[TrackingEvent]) -> str:
    """What a scan says, for people; and who read it where, when no courier told us."""
    return " ".join(
        ", ".join(filter(None, [TrackingCode(scan.code).label, scan.location.get("city", "")]))
        + (f" (typed in by {scan.told_by}: {scan.details['source']})" if scan.told_by else "")
        for scan in scans
    )
