"""The free label: once an order, printed, voided, and alive again when its parcel is scanned."""

import pytest
from django.db import IntegrityError, transaction

from logistics import s10, workflow
from logistics.models import Courier, Delivery, NumberRange, Parcel
from logistics.states import LabelState, MessageType
from returns import workflow as returns
from returns.states import Event, State
from tests import make
from tests.logistics.story import ACCEPTED, DAY, HOUR, T0, awaiting, odd, parcel_of, report

pytestmark = pytest.mark.django_db


def test_an_accepted_free_return_gets_a_label_that_uses_up_its_slot_r20_r12() -> None:
    case = awaiting()
    parcel = case.parcels.get()
    assert parcel.label == LabelState.LIVE
    assert parcel.courier is not None
    assert parcel.courier.slug == "la-poste-fr"
    assert s10.is_valid(parcel.tracking_number)
    assert parcel.tracking_number.endswith("FR")
    assert parcel.last_use_on == (T0 + 10 * DAY).date()
    case.slot.refresh_from_db()
    assert case.slot.label_issued_at == ACCEPTED


def test_ordering_the_label_twice_makes_one() -> None:
    case = awaiting()
    workflow.order_label(case.entries.get(event=Event.ACCEPTED), at=T0)
    assert case.parcels.count() == 1
    assert Delivery.objects.filter(type=MessageType.LABEL_CREATED).count() == 1


def test_a_label_ordered_after_the_case_was_cancelled_is_not_made() -> None:
    case = make.case_at(State.AWAITING_RETURN)
    returns.cancel(case, at=T0)
    workflow.order_label(case.entries.get(event=Event.ACCEPTED), at=T0)
    assert not case.parcels.exists()


def test_a_return_at_the_buyers_cost_gets_no_label_r22() -> None:
    case = awaiting(free_return=False)
    assert not case.is_free
    assert not case.parcels.exists()
    assert case.entries.last().event == Event.ACCEPTED


def test_where_nobody_serves_the_timeline_says_that_postage_is_reimbursed_r21() -> None:
    case = awaiting("DE")
    workflow.order_label(case.entries.get(event=Event.ACCEPTED), at=T0)
    assert not case.parcels.exists()
    assert case.entries.filter(event=Event.NOTED, text__contains="reimburse").count() == 1


def test_the_database_refuses_a_second_label_that_counts_for_an_order_r12() -> None:
    case = awaiting()
    parcel = case.parcels.get()
    for state in (LabelState.LIVE, LabelState.USED):
        Parcel.objects.filter(pk=parcel.pk).update(label=state)
        with pytest.raises(IntegrityError), transaction.atomic():
            Parcel.objects.create(
                case=case,
                order=case.order,
                carried=parcel.carried,
                courier=parcel.courier,
                courier_name="x",
                tracking_number="BA100000990FR",
                label=LabelState.LIVE,
                issued_at=T0,
                last_use_on=T0.date(),
                currency="EUR",
            )


def test_numbers_follow_one_another_and_a_used_up_range_passes_on_to_the_next() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    first = courier.ranges.order_by("id")[0]
    NumberRange.objects.filter(pk=first.pk).update(next_serial=99_999_999)
    numbers = [parcel_of(awaiting()).tracking_number for _ in range(2)]
    assert [number[:10] for number in numbers] == ["BA99999999", "BB10000000"]
    courier.ranges.all().delete()
    case = make.case_at(State.AWAITING_RETURN)
    with pytest.raises(workflow.NoNumbers):
        workflow.order_label(case.entries.get(event=Event.ACCEPTED), at=T0)


def test_cancelling_voids_the_label_but_the_slot_stays_used_r12() -> None:
    case = awaiting()
    returns.cancel(case, at=T0 + HOUR)
    entry = case.entries.get(event=Event.CANCELLED)
    for _ in range(2):
        workflow.void_label(entry, at=T0 + HOUR)
    parcel = case.parcels.get()
    assert parcel.label == LabelState.VOIDED
    assert Delivery.objects.filter(type=MessageType.LABEL_VOIDED).count() == 1
    case.slot.refresh_from_db()
    assert case.slot.released_at is None
    with pytest.raises(ValueError, match="no label"):
        workflow.label_page(parcel, at=T0)


def test_a_case_reopened_before_its_label_was_voided_keeps_it() -> None:
    case = awaiting()
    late = T0 + 11 * DAY
    assert returns.lapse(case, at=late)
    returns.reopen(case, why="She was ill.", by=make.staff(), at=late)
    workflow.void_label(case.entries.get(event=Event.NOT_HANDED_OVER), at=late)
    workflow.order_label(case.entries.get(event=Event.REOPENED), at=late)
    assert case.parcels.get().label == LabelState.LIVE


def test_a_reopened_case_gets_a_new_label_in_place_of_the_expired_one_r24() -> None:
    case = awaiting()
    late = T0 + 11 * DAY
    returns.lapse(case, at=late)
    workflow.void_label(case.entries.get(event=Event.NOT_HANDED_OVER), at=late)
    assert case.parcels.get().label == LabelState.EXPIRED
    returns.reopen(case, why="She was ill.", by=make.staff(), at=late)
    workflow.order_label(case.entries.get(event=Event.REOPENED), at=late)
    assert [p.label for p in case.parcels.order_by("id")] == [LabelState.EXPIRED, LabelState.LIVE]


def test_a_parcel_scanned_on_its_expired_label_goes_on_when_the_case_is_reopened_r24() -> None:
    case = awaiting()
    late = T0 + 11 * DAY
    returns.lapse(case, at=late)
    workflow.void_label(case.entries.get(event=Event.NOT_HANDED_OVER), at=late)
    report(case.parcels.get(), "dropped_off", at=late + HOUR, occurred_at=T0 + 9 * DAY)
    parcel = case.parcels.get()
    assert parcel.label == LabelState.USED
    assert odd(parcel) == ["not-handed-over"]
    returns.reopen(case, why="It was handed over in time.", by=make.staff(), at=late + 2 * HOUR)
    workflow.order_label(case.entries.get(event=Event.REOPENED), at=late + 2 * HOUR)
    workflow.project_due(10, at=late + 3 * HOUR)
    case.refresh_from_db()
    assert case.state == State.IN_TRANSIT
    assert case.parcels.count() == 1
    assert odd(case.parcels.get()) == []
