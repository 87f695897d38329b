"""Receipt and inspection (R25, R26)."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from logistics import workflow
from logistics.inspection import usual
from logistics.models import Inspection
from logistics.tracking import ParcelState
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, Event, InspectionOutcome, State
from tests import make
from tests.logistics.story import DAY, T0, awaiting, parcel_of, report

pytestmark = pytest.mark.django_db

ARRIVAL = T0 + 5 * DAY


def received(*, free: bool = True) -> Case:
    case = awaiting(free_return=free)
    if free:
        report(parcel_of(case), "dropped_off", at=T0 + DAY)
    else:
        workflow.register_own_parcel(
            case,
            courier_name="DHL",
            tracking_number="RR123456785DE",
            registered=True,
            postage=Decimal(7),
            at=T0 + DAY,
        )
    workflow.receive_parcel(case, at=ARRIVAL, by="Ann")
    return case


def inspected(case: Case, *outcomes: InspectionOutcome) -> Inspection:
    items = [usual(outcome) for outcome in outcomes]
    return workflow.inspect(case, items=items, by="Ann", at=ARRIVAL + DAY)


@pytest.mark.parametrize("free", [True, False])
def test_the_warehouse_receives_whatever_carried_it_r25(free: bool) -> None:
    case = received(free=free)
    told = case.entries.last()
    assert (told.event, told.actor, told.by) == (Event.RECEIVED, Actor.WAREHOUSE, "Ann")
    assert parcel_of(case).state == ParcelState.DELIVERED


def test_a_parcel_nobody_scanned_counts_as_handed_over_when_it_lies_there() -> None:
    case = awaiting()
    workflow.receive_parcel(case, at=ARRIVAL, by="Ann")
    assert make.events(case)[-2:] == [Event.HANDED_OVER, Event.RECEIVED]


def test_a_parcel_is_received_once_and_a_late_scan_does_not_send_it_back() -> None:
    case = received()
    workflow.receive_parcel(case, at=ARRIVAL + DAY, by="Bob")
    report(parcel_of(case), "in_transit", at=ARRIVAL + DAY)
    parcel = parcel_of(case)
    assert (parcel.received_at, parcel.state) == (ARRIVAL, ParcelState.DELIVERED)
    assert make.events(case).count(Event.RECEIVED) == 1


def test_the_couriers_word_and_the_warehouses_are_one_receipt() -> None:
    case = awaiting()
    report(parcel_of(case), "delivered", at=T0 + 4 * DAY)
    workflow.receive_parcel(case, at=ARRIVAL, by="Ann")
    case.refresh_from_db()
    assert case.received_at == T0 + 4 * DAY
    assert make.events(case).count(Event.RECEIVED) == 1


def test_a_good_item_leads_to_the_refund_and_its_finding_is_kept_r26() -> None:
    case = received()
    found = inspected(case, InspectionOutcome.AS_NEW)
    assert case.state == State.REFUND_PENDING
    assert (found.parcel, str(found)) == (parcel_of(case), "As new → Back into inventory")
    told = case.entries.get(event=Event.INSPECTION_PASSED)
    assert told.facts == {
        "outcomes": {"as_new": 1},
        "received": 1,
        "accepted": 1,
        "dispositions": {"restock": 1},
    }
    assert parcel_of(case).claim_opened_at is None


@pytest.mark.parametrize("free", [True, False])
def test_damage_in_transport_is_claimed_from_our_courier_only_r26(free: bool) -> None:
    case = received(free=free)
    inspected(case, InspectionOutcome.DAMAGED_IN_TRANSIT)
    assert case.state == State.INVESTIGATING
    assert parcel_of(case).claim_opened_at == (ARRIVAL + DAY if free else None)


def test_a_parcel_is_inspected_once() -> None:
    case = received()
    first = inspected(case, InspectionOutcome.AS_NEW)
    with pytest.raises(NotNow):
        inspected(case, InspectionOutcome.DAMAGED_UNDECLARED)
    assert Inspection.objects.get() == first
    first.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save()


def test_what_never_left_the_buyer_is_not_inspected() -> None:
    case = awaiting()
    with pytest.raises(NotNow):
        inspected(case, InspectionOutcome.AS_NEW)
    assert not Inspection.objects.exists()


def test_without_a_parcel_nothing_is_received() -> None:
    case = make.case_at(State.AWAITING_RETURN)
    with pytest.raises(ValueError, match="no parcel"):
        workflow.receive_parcel(case, at=ARRIVAL, by="Ann")
    returns.cancel(case, at=T0)
