"""Receipt and inspection (R25, R26)."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from logistics import workflow
from logistics.inspection import Piece, usual
from logistics.models import Anomaly, InspectedItem, Inspection, UnexpectedItem
from logistics.states import LabelState
from logistics.tracking import ParcelState
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Actor, Disposition, Event, Grade, InspectionOutcome, State
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


# Piece by piece -----------------------------------------------------------------------------------

GOOD, CRUSHED, GONE = (
    InspectionOutcome.AS_NEW,
    InspectionOutcome.DAMAGED_IN_TRANSIT,
    InspectionOutcome.MISSING,
)


def several(claimed: int = 3, *, pieces: int | None = None, **order: Any) -> Case:
    """A free return of several pieces that lies in the warehouse."""
    line = make.order(quantity=claimed, **order).lines.get(sku="sku-1")
    case = awaiting(line=line, quantity=claimed)
    workflow.receive_parcel(case, at=ARRIVAL, by="Ann", pieces=pieces)
    return case


def test_several_pieces_of_a_parcel_are_counted_and_inspected_one_by_one_r25() -> None:
    case = several(pieces=2)
    assert (case.quantity_received, case.state) == (2, State.INSPECTING)
    found = inspected(case, GOOD, GOOD, GONE)
    assert [(item.n, item.outcome, item.grade, item.disposition) for item in found.items.all()] == [
        (1, "as_new", "A", "restock"),
        (2, "as_new", "A", "restock"),
        (3, "missing", "", "missing"),
    ]
    assert (case.state, case.quantity_accepted) == (State.INVESTIGATING, 2)


def test_what_our_courier_lost_or_crushed_is_claimed_for_those_pieces_r26() -> None:
    case = several()
    inspected(case, GOOD, CRUSHED, GONE)
    assert parcel_of(case).claim_opened_at == ARRIVAL + DAY
    told = case.entries.get(event=Event.INSPECTION_DISPUTED)
    assert told.facts["courier_claim"] == 2


def test_of_a_buyers_own_courier_nothing_is_claimed() -> None:
    case = received(free=False)
    inspected(case, GONE)
    assert parcel_of(case).claim_opened_at is None
    assert "courier_claim" not in case.entries.get(event=Event.INSPECTION_DISPUTED).facts


@pytest.mark.parametrize(
    ("outcome", "grade", "where"),
    [
        (GONE, Grade.A, Disposition.MISSING),
        (GONE, None, Disposition.DISCARD),
        (GOOD, None, Disposition.RESTOCK),
        (GOOD, Grade.A, Disposition.MISSING),
        (GOOD, Grade.D, Disposition.RESTOCK),
        (InspectionOutcome.WRONG_ITEM, Grade.A, Disposition.RESTOCK),
    ],
)
def test_what_cannot_be_is_not_kept_of_a_piece(
    outcome: InspectionOutcome, grade: Grade | None, where: Disposition
) -> None:
    """Said by the words, and held by the database."""
    with pytest.raises(ValueError, match=r"piece|sold"):
        Piece(outcome, grade, where)
    row = inspected(several(1), GOOD).items.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        InspectedItem.objects.filter(pk=row.pk).update(
            outcome=outcome, grade=grade or "", disposition=where
        )


def test_every_finding_has_something_usual_that_can_be() -> None:
    assert [usual(outcome).outcome for outcome in InspectionOutcome] == list(InspectionOutcome)


def test_what_is_refunded_does_not_go_back_to_the_buyer() -> None:
    case = several(1)
    with pytest.raises(ValueError, match="does not go back to the buyer"):
        workflow.inspect(
            case,
            items=[Piece(GOOD, Grade.A, Disposition.RETURN_TO_BUYER)],
            at=ARRIVAL,
            by="Ann",
        )
    assert (case.state, Inspection.objects.count()) == (State.INSPECTING, 0)


def test_what_must_be_sent_on_is_a_task_for_somebody() -> None:
    """R25: nothing sends it by itself."""
    case = several(2)
    worn = InspectionOutcome.DAMAGED_UNDECLARED
    items = [
        Piece(worn, Grade.C, Disposition.RETURN_TO_BUYER),
        Piece(worn, Grade.C, Disposition.RETURN_TO_SELLER),
    ]
    workflow.inspect(case, items=items, at=ARRIVAL, by="Ann")
    tasks = Anomaly.objects.order_by("code").values_list("code", "text")
    assert list(tasks) == [
        ("return-to-buyer", f"{case}: 1 × back to the buyer, to be sent."),
        ("return-to-seller", f"{case}: 1 × back to the seller, to be sent."),
    ]


def test_a_form_sent_twice_is_one_inspection() -> None:
    case, token = several(1), uuid4()
    told: dict[str, Any] = {"items": [usual(GOOD)], "at": ARRIVAL, "by": "Ann", "token": token}
    first = workflow.inspect(case, **told)
    assert workflow.inspect(case, **told) == first
    assert make.events(case).count(Event.INSPECTION_PASSED) == 1
    with pytest.raises(NotNow):
        workflow.inspect(case, **{**told, "token": uuid4()})


# What else lies in the box ------------------------------------------------------------------------


def test_something_nobody_announced_is_kept_once_and_is_a_task() -> None:
    parcel, token = parcel_of(several(1)), uuid4()
    for _ in range(2):
        workflow.record_unexpected(
            parcel, description=" A  blue mug ", at=ARRIVAL, by="Ann", token=token
        )
    assert UnexpectedItem.objects.get().description == "A blue mug"
    task = Anomaly.objects.get()
    assert (task.code, task.parcel) == ("unexpected-item", parcel)
    assert task.text.endswith("nobody announced it: A blue mug")
    with pytest.raises(ValueError, match="described"):
        workflow.record_unexpected(parcel, description=" ", at=ARRIVAL, by="Ann", token=uuid4())


def twins() -> tuple[Case, Case]:
    """Two returns of one buyer: the second goes at the buyer's cost (R12)."""
    order = make.order(lines=2)
    first = awaiting(line=order.lines.get(sku="sku-1"))
    second = awaiting(line=order.lines.get(sku="sku-2"))
    return first, second


@pytest.mark.parametrize("posted", [False, True])
def test_another_return_found_in_the_box_is_received_with_it(posted: bool) -> None:
    first, second = twins()
    if posted:
        workflow.register_own_parcel(
            second,
            courier_name="DHL",
            tracking_number="RR123456785DE",
            registered=True,
            postage=Decimal(7),
            at=T0 + DAY,
        )
    workflow.receive_parcel(first, at=ARRIVAL, by="Ann")
    found = workflow.found_in(second, parcel_of(first), at=ARRIVAL, by="Ann")
    assert (second.state, found.found_in) == (State.INSPECTING, parcel_of(first))
    inspected(second, GOOD)
    assert second.state == State.REFUND_PENDING
    assert workflow.found_in(second, parcel_of(first), at=ARRIVAL, by="Ann") == found
    with pytest.raises(NotNow, match="received already"):
        workflow.found_in(first, found, at=ARRIVAL, by="Ann")


def test_a_label_of_its_own_is_taken_back_from_what_lies_in_another_box() -> None:
    first, second = awaiting(by=(buyer := make.buyer())), awaiting(by=buyer)
    workflow.receive_parcel(first, at=ARRIVAL, by="Ann")
    own = parcel_of(second)
    workflow.found_in(second, parcel_of(first), at=ARRIVAL, by="Ann")
    own.refresh_from_db()
    assert own.label == LabelState.VOIDED


def test_only_another_return_of_the_same_buyer_is_found_in_a_box() -> None:
    first = several(1)
    for other in (awaiting(), first):
        with pytest.raises(ValueError, match="is not another return of the buyer"):
            workflow.found_in(other, parcel_of(first), at=ARRIVAL, by="Ann")
    asked = make.dispute(by=first.buyer)
    with pytest.raises(NotNow):
        workflow.found_in(asked, parcel_of(first), at=ARRIVAL, by="Ann")
    assert asked.parcels.count() == 0
