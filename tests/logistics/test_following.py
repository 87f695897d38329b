"""Reports, in any order and however often, lead the case once (R24, R33)."""

from itertools import permutations

import pytest
from django.db import DatabaseError, transaction

from logistics import workflow
from logistics.models import Courier, CourierService, Parcel, TrackingEvent
from logistics.states import LabelState
from logistics.tracking import ParcelState
from returns import workflow as returns
from returns.models import Case
from returns.models.journal import AppendOnly
from returns.states import Actor, Event, State
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, event, odd, parcel_of, report, tell

pytestmark = pytest.mark.django_db

ROAD = ("dropped_off", "in_transit", "delivered")


def follow(case: Case, *codes: str, at: int = 1) -> Case:
    """One event a day from day `at` on, each told when it happens."""
    for day, code in enumerate(codes, start=at):
        report(parcel_of(case), code, at=T0 + day * DAY)
    case.refresh_from_db()
    return case


def test_the_first_scan_hands_over_news_keep_it_alive_and_delivery_receives_r24() -> None:
    case = follow(awaiting(), "dropped_off", "in_transit", "delivered")
    assert make.events(case) == [
        Event.OPENED,
        Event.ACCEPTED,
        Event.HANDED_OVER,
        Event.SCANNED,
        Event.RECEIVED,
    ]
    assert (case.handed_over_at, case.received_at) == (T0 + DAY, T0 + 3 * DAY)
    told = case.entries.get(event=Event.HANDED_OVER)
    assert (told.actor, told.by) == (Actor.COURIER, "La Poste")
    parcel = parcel_of(case)
    assert (parcel.state, parcel.label) == (ParcelState.DELIVERED, LabelState.USED)
    assert not odd(parcel)


def test_the_first_scan_says_what_the_label_costs_by_contract_r29() -> None:
    case = follow(awaiting(), "dropped_off")
    facts = case.entries.get(event=Event.HANDED_OVER).facts
    service = CourierService.objects.get(courier=parcel_of(case).courier)
    assert service.price > 0
    assert (facts["label_cost"], facts["label_currency"]) == (str(service.price), "EUR")


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_whatever_the_order_of_the_reports_the_case_ends_the_same(order: tuple[int, ...]) -> None:
    case = awaiting()
    parcel = parcel_of(case)
    now = T0 + 4 * DAY
    for hour, day in enumerate((*order, *order)):  # and each of them twice
        told = event(parcel, ROAD[day], at=T0 + (day + 1) * DAY, event_id=f"e{day}")
        assert parcel.courier is not None
        tell(parcel.courier, "tracking.updated", told, at=now + hour * HOUR)
    case.refresh_from_db()
    parcel.refresh_from_db()
    assert case.state == State.INSPECTING
    assert [e for e in make.events(case) if e != Event.SCANNED] == [
        Event.OPENED,
        Event.ACCEPTED,
        Event.HANDED_OVER,
        Event.RECEIVED,
    ]
    assert (parcel.state, parcel.first_scan_at) == (ParcelState.DELIVERED, T0 + DAY)
    assert parcel.delivered_at == T0 + 3 * DAY
    assert TrackingEvent.objects.filter(parcel=parcel).count() == 3


def test_a_batch_that_tells_the_whole_way_at_once_leads_the_whole_way() -> None:
    case = awaiting()
    parcel = parcel_of(case)
    assert parcel.courier is not None
    whole = [event(parcel, code, at=T0 + (n + 1) * DAY) for n, code in enumerate(ROAD)]
    tell(parcel.courier, "tracking.updated", *whole, at=T0 + 4 * DAY)
    case.refresh_from_db()
    assert case.state == State.INSPECTING


def test_news_start_the_thirty_days_again_r24() -> None:
    case = follow(awaiting(), "dropped_off")
    first = case.deadline_at
    follow(case, "in_transit", at=5)
    assert first is not None
    assert case.deadline_at == first + 4 * DAY


def test_paperwork_is_no_hand_over_r24() -> None:
    case = follow(awaiting(), "label_created", "info_received")
    assert case.state == State.AWAITING_RETURN


def test_a_lost_parcel_goes_to_support_and_when_it_turns_up_it_is_inspected_r24() -> None:
    case = follow(awaiting(), "dropped_off", "lost")
    assert case.state == State.ESCALATED
    follow(case, "in_transit", "delivered", at=6)
    assert case.state == State.INSPECTING


def test_a_parcel_brought_back_to_its_sender_goes_to_support() -> None:
    case = follow(awaiting(), "dropped_off", "returning_to_customer", "returned_to_customer")
    assert case.state == State.ESCALATED
    assert "brought the parcel back" in case.entries.last().text


def test_damage_on_the_way_stands_on_the_timeline_once() -> None:
    case = follow(awaiting(), "dropped_off")
    for day in (3, 4):
        report(parcel_of(case), "exception", at=T0 + day * DAY, reason="damaged")
    assert case.entries.filter(text__contains="damaged").count() == 1
    assert parcel_of(case).damaged


def test_a_report_from_the_future_does_not_date_the_case_ahead() -> None:
    case = awaiting()
    report(parcel_of(case), "dropped_off", at=T0 + DAY, occurred_at=T0 + DAY + 5 * HOUR)
    case.refresh_from_db()
    assert case.handed_over_at == T0 + DAY


def test_a_scan_after_the_case_was_cancelled_is_an_anomaly_and_never_an_error_r19() -> None:
    case = awaiting()
    returns.cancel(case, at=T0)
    workflow.void_label(case.entries.get(event=Event.CANCELLED), at=T0)
    follow(case, "dropped_off", "delivered")
    assert case.state == State.CLOSED
    parcel = parcel_of(case)
    assert odd(parcel) == ["not-handed-over", "not-received"]
    received = parcel.anomalies.get(code="not-received")
    assert received.text == (
        "“Delivered” of 4 March 2026, 10:00 UTC says it arrived, but the return is “Closed”."
    )
    assert parcel.label == LabelState.USED
    notes = case.entries.filter(event=Event.NOTED, actor=Actor.COURIER)
    assert notes.filter(text__contains="does not fit").count() == 2


def test_two_labels_of_an_order_never_both_count_however_they_are_scanned_r12() -> None:
    case = awaiting()
    old = parcel_of(case)
    returns.lapse(case, at=T0 + 11 * DAY)
    workflow.void_label(case.entries.get(event=Event.NOT_HANDED_OVER), at=T0 + 11 * DAY)
    returns.reopen(case, why="ill", by=make.staff(), at=T0 + 12 * DAY)
    workflow.order_label(case.entries.get(event=Event.REOPENED), at=T0 + 12 * DAY)
    report(old, "dropped_off", at=T0 + 13 * DAY)
    old.refresh_from_db()
    assert old.label == LabelState.EXPIRED
    case.refresh_from_db()
    assert case.state == State.IN_TRANSIT


def test_a_voided_first_scan_is_taken_back_from_the_parcel() -> None:
    case = awaiting()
    parcel = parcel_of(case)
    assert parcel.courier is not None
    report(parcel, "dropped_off", at=T0 + DAY, event_id="wrong")
    void = {"event_id": "v1", "voids": "wrong"}
    assert tell(parcel.courier, "tracking.voided", void, at=T0 + 2 * DAY) == ["accepted"]
    assert parcel_of(case).first_scan_at is None


def test_reports_of_an_unknown_number_wait_for_their_label_two_weeks() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    number = "BA100000007FR"

    def unknown(event_id: str) -> dict[str, str]:
        at = (T0 + DAY).isoformat()
        return {
            "event_id": event_id,
            "tracking_number": number,
            "code": "dropped_off",
            "occurred_at": at,
        }

    assert tell(courier, "tracking.updated", unknown("e1"), at=T0 + DAY) == ["unmatched"]
    case = awaiting()
    Parcel.objects.filter(pk=parcel_of(case).pk).update(tracking_number=number)
    workflow.project_due(10, at=T0 + 16 * DAY)
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN  # too old
    workflow.project_due(10, at=T0 + 2 * DAY)
    case.refresh_from_db()
    assert case.state == State.IN_TRANSIT


def test_another_courier_cannot_speak_of_a_parcel() -> None:
    case = awaiting()
    stranger = Courier.objects.get(slug="usps-us")
    told = event(parcel_of(case), "delivered", at=T0 + DAY)
    assert tell(stranger, "tracking.updated", told, at=T0 + DAY) == ["unmatched"]
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN


def test_a_parcel_that_cannot_be_worked_out_is_set_aside_and_the_next_goes_on() -> None:
    poisoned, healthy = awaiting(), awaiting()
    for case in (poisoned, healthy):
        parcel = parcel_of(case)
        assert parcel.courier is not None
        TrackingEvent.objects.create(
            courier=parcel.courier,
            parcel=parcel,
            type="tracking.updated",
            event_id=f"e{parcel.pk}",
            code="dropped_off",
            occurred_at=T0 + DAY,
            received_at=T0 + DAY,
            # No door lets such a place in.
            location=["nowhere"] if case == poisoned else {},
        )
    assert workflow.project_due(10, at=T0 + DAY) == 2
    healthy.refresh_from_db()
    assert healthy.state == State.IN_TRANSIT
    assert odd(parcel_of(poisoned)) == ["not-projected"]
    assert "AttributeError" in parcel_of(poisoned).anomalies.get().text
    assert workflow.project_due(10, at=T0 + DAY) == 0


def test_working_out_again_tells_nothing_twice() -> None:
    case = follow(awaiting(), *ROAD)
    before = case.entries.count()
    workflow.project_again(parcel_of(case))
    assert workflow.project_due(10, at=T0 + 9 * DAY) == 1
    assert case.entries.count() == before


def test_what_a_courier_reported_is_never_edited_or_deleted_r33() -> None:
    follow(awaiting(), "dropped_off")
    told = TrackingEvent.objects.get()
    with pytest.raises(DatabaseError, match="never edited"), transaction.atomic():
        TrackingEvent.objects.filter(pk=told.pk).update(code="lost")
    with pytest.raises(AppendOnly):
        told.delete()
    with pytest.raises(AppendOnly):
        TrackingEvent.objects.all().delete()


def own(case: Case, number: str, courier: Courier) -> Parcel:
    """A parcel the buyer posted with a partner of ours, whose number she typed in."""
    parcel = workflow.register_own_parcel(
        case,
        courier_name=courier.name,
        tracking_number=number,
        registered=True,
        postage=make.Decimal("7.00"),
        at=T0 + DAY,
    )
    Parcel.objects.filter(pk=parcel.pk).update(courier=courier)
    return parcel_of(case)


def test_a_parcel_posted_with_a_partner_is_followed_by_its_number_r22() -> None:
    case = make.case_at(State.AWAITING_RETURN, free_return=False)
    courier = Courier.objects.get(slug="la-poste-fr")
    parcel = own(case, "RR123456785FR", courier)
    report(parcel, "info_received", at=T0 + DAY + HOUR)
    assert parcel_of(case).state == ParcelState.IN_TRANSIT  # the buyer's word beats paperwork
    report(parcel, "dropped_off", at=T0 + DAY + HOUR, occurred_at=T0 + DAY - 6 * HOUR)
    before = Case.objects.get(pk=case.pk).deadline_at
    report(parcel, "in_transit", at=T0 + 3 * DAY)
    case.refresh_from_db()
    assert before is not None
    assert case.deadline_at is not None
    assert case.deadline_at > before
    report(parcel, "delivered", at=T0 + 4 * DAY)
    case.refresh_from_db()
    assert case.state == State.INSPECTING
    assert odd(parcel_of(case)) == []  # posted before it was registered: nothing odd


def test_a_number_a_buyer_types_takes_no_reports_of_a_label_of_ours() -> None:
    label = parcel_of(awaiting())
    assert label.courier is not None
    thief = make.case_at(State.AWAITING_RETURN, free_return=False)
    own(thief, label.tracking_number, label.courier)
    report(label, "delivered", at=T0 + 3 * DAY)
    thief.refresh_from_db()
    assert thief.state == State.IN_TRANSIT
    assert Case.objects.get(pk=label.case_id).state == State.INSPECTING
