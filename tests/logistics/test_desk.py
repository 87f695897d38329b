"""What does not fit is a list that staff work through: raised once, resolved, closed, reopened."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from logistics import workflow
from logistics.models import Anomaly, Courier, CourierEntry, TrackingEvent
from logistics.models.desk import ITSELF
from returns import workflow as returns
from returns.machine import NotNow
from returns.models.journal import AppendOnly
from returns.states import Event
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, odd, parcel_of, report, tell

pytestmark = pytest.mark.django_db


def void(courier: Courier | None, of: str, by: str, *, day: int) -> None:
    assert courier is not None
    told = {"event_id": by, "voids": of}
    assert tell(courier, "tracking.voided", told, at=T0 + day * DAY) == ["accepted"]


def delivered_and_scanned() -> Anomaly:
    parcel = parcel_of(awaiting())
    report(parcel, "dropped_off", at=T0 + DAY)
    report(parcel, "delivered", at=T0 + 2 * DAY, event_id="end", location={"city": "Lyon"})
    report(parcel, "in_transit", at=T0 + 3 * DAY, event_id="late", location={"city": "Lyon"})
    return Anomaly.objects.get()


def test_a_scan_after_delivery_is_raised_once_in_a_sentence_for_people() -> None:
    found = delivered_and_scanned()
    assert (found.code, found.found_at) == ("after-delivered", T0 + 3 * DAY)
    assert found.event is not None
    assert found.event.event_id == "late"
    assert found.text == (
        "“In Transit” of 5 March 2026, 10:00 UTC, Lyon came after the delivery. "
        "It moves nothing: ask where the parcel is."
    )
    assert found.parcel is not None
    workflow.project_again(found.parcel)
    workflow.project_due(10, at=T0 + 4 * DAY)
    assert Anomaly.objects.count() == 1


def test_what_a_void_makes_moot_closes_by_itself_and_opens_again_when_it_is_true_again() -> None:
    found = delivered_and_scanned()
    parcel = parcel_of(found.parcel.case) if found.parcel else None
    assert parcel is not None
    void(parcel.courier, "end", "v1", day=4)
    found.refresh_from_db()
    assert (found.closed_by, found.closed_why) == (ITSELF, "Resolved by later reports.")
    assert odd(parcel) == ["final-voided"]
    report(parcel, "delivered", at=T0 + 5 * DAY, occurred_at=T0 + 2 * DAY + HOUR)
    found.refresh_from_db()
    assert found.closed_at is None


def test_what_a_person_closed_stays_closed() -> None:
    found = delivered_and_scanned()
    workflow.close_anomaly(found, by="ann", why="A scan of the empty box.", at=T0 + 4 * DAY)
    assert found.parcel is not None
    workflow.project_again(found.parcel)
    workflow.project_due(10, at=T0 + 5 * DAY)
    assert not Anomaly.objects.open().exists()
    with pytest.raises(NotNow):
        workflow.close_anomaly(found, by="ann", why="Again.", at=T0 + 5 * DAY)


def test_nothing_is_closed_without_a_reason() -> None:
    found = delivered_and_scanned()
    with pytest.raises(ValueError, match="reason"):
        workflow.close_anomaly(found, by="ann", why="  ", at=T0 + 4 * DAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Anomaly.objects.filter(pk=found.pk).update(closed_at=T0, closed_by="ann")


def test_the_void_of_the_first_scan_after_a_refund_is_a_task_and_takes_nothing_back() -> None:
    case = awaiting()
    parcel = parcel_of(case)
    report(parcel, "dropped_off", at=T0 + DAY, event_id="scan")
    returns.hand_to_support(
        case, at=T0 + 2 * DAY, actor=make.Actor.COURIER, why="They ask for their money."
    )
    returns.decide(
        case,
        outcome=make.FULL,
        amount=None,
        explanation="The parcel is on its way.",
        by=make.staff(),
        at=T0 + 3 * DAY,
    )
    void(parcel.courier, "scan", "v1", day=4)
    case.refresh_from_db()
    assert case.state == "refund_pending"
    task = Anomaly.objects.get(code="first-scan-voided")
    assert task.text == (
        "The courier takes back its only scan, but the return counts as handed over since "
        "3 March 2026, 10:00 UTC. Refund: refund on its way. Nothing is taken back by itself."
    )
    report(parcel, "in_transit", at=T0 + 5 * DAY)
    assert odd(parcel) == []


def test_what_is_told_of_a_closed_case_stands_once_on_its_timeline() -> None:
    case = awaiting()
    returns.cancel(case, at=T0)
    for day in (1, 2):
        report(parcel_of(case), "in_transit", at=T0 + day * DAY)
    assert case.entries.filter(event=Event.NOTED, text__contains="does not fit").count() == 1


def test_the_journal_of_a_partner_is_never_edited_or_deleted() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    workflow.keep_entry(courier, "suspended", "Suspended.", by="ann", at=T0)
    entry = CourierEntry.objects.get()
    with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
        CourierEntry.objects.filter(pk=entry.pk).update(by="bob")
    with pytest.raises(AppendOnly):
        entry.delete()


def test_a_report_of_no_courier_was_typed_in_by_somebody() -> None:
    told = {"type": "tracking.updated", "code": "in_transit", "occurred_at": T0, "received_at": T0}
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackingEvent.objects.create(event_id="e", parcel=parcel_of(awaiting()), **told)
