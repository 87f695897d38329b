"""What two people in the warehouse do to one box at the same moment, on a real PostgreSQL."""

import os
from functools import partial
from uuid import uuid4

import pytest

from logistics import workflow
from logistics.inspection import usual
from logistics.models import InspectedItem, Inspection, UnexpectedItem
from returns import workflow as returns
from returns.machine import NotNow
from returns.models import Case
from returns.states import Event, InspectionOutcome, State
from tests import make
from tests.logistics.story import T0, awaiting, parcel_of
from tests.races.together import failed, succeeded, together

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("RACE_ROUNDS", "10"))
GOOD, WORN = InspectionOutcome.AS_NEW, InspectionOutcome.DAMAGED_UNDECLARED


def several() -> Case:
    line = make.order(quantity=2).lines.get()
    return awaiting(line=line, quantity=2)


def test_a_box_received_by_two_is_received_once() -> None:
    for _ in range(ROUNDS):
        case = several()
        twice = [
            partial(workflow.receive_parcel, Case.objects.get(pk=case.pk), at=T0, by=by, pieces=n)
            for by, n in (("Ann", 1), ("Bob", 2))
        ]
        assert not failed(together(twice))
        assert make.events(case).count(Event.RECEIVED) == 1
        told = case.entries.get(event=Event.RECEIVED)
        case.refresh_from_db()
        assert told.text.startswith(f"{case.quantity_received} of 2")


def test_of_two_inspectors_one_is_heard() -> None:
    """R26: counts, money and pieces are of one of them."""
    for _ in range(ROUNDS):
        case = several()
        workflow.receive_parcel(case, at=T0, by="Ann")
        results = together(
            [
                partial(
                    workflow.inspect,
                    Case.objects.get(pk=case.pk),
                    items=[usual(what)] * 2,
                    at=T0,
                    by=by,
                    token=uuid4(),
                )
                for by, what in (("Ann", GOOD), ("Bob", WORN))
            ]
        )
        assert [type(refused) for refused in failed(results)] == [NotNow]
        heard = succeeded(results)[0]
        found = set(
            InspectedItem.objects.filter(inspection=heard).values_list("outcome", flat=True)
        )
        case.refresh_from_db()
        ends = {"as_new": (State.REFUND_PENDING, 2), WORN.value: (State.INVESTIGATING, 0)}
        assert (case.state, case.quantity_accepted) == ends[found.pop()]
        assert Inspection.objects.filter(case=case).count() == 1


def test_a_double_enter_is_one_inspection_and_no_error() -> None:
    for _ in range(ROUNDS):
        case, token = several(), uuid4()
        workflow.receive_parcel(case, at=T0, by="Ann")
        twice = [
            partial(
                workflow.inspect,
                Case.objects.get(pk=case.pk),
                items=[usual(GOOD)] * 2,
                at=T0,
                by="Ann",
                token=token,
            )
        ] * 2
        results = together(twice)
        assert not failed(results)
        assert len({inspection.pk for inspection in succeeded(results)}) == 1


def test_something_unexpected_told_twice_at_once_is_one() -> None:
    for _ in range(ROUNDS):
        parcel, token = parcel_of(several()), uuid4()
        told = partial(
            workflow.record_unexpected, parcel, description="Mug", at=T0, by="Ann", token=token
        )
        assert not failed(together([told, told]))
        assert UnexpectedItem.objects.filter(parcel=parcel).count() == 1


def test_a_return_found_in_two_boxes_at_once_lies_in_one() -> None:
    for _ in range(ROUNDS):
        buyer = make.buyer()
        first, second, third = (awaiting(by=buyer) for _ in range(3))
        boxes = [parcel_of(case) for case in (first, second)]
        results = together(
            [
                partial(workflow.found_in, Case.objects.get(pk=third.pk), box, at=T0, by="Ann")
                for box in boxes
            ]
        )
        assert [type(refused) for refused in failed(results)] == [NotNow]
        assert third.parcels.filter(received_at__isnull=False).count() == 1


def test_the_clock_and_the_inspector_do_not_both_pass_a_case() -> None:
    """R35: at the deadline's instant either is right, once."""
    for _ in range(ROUNDS):
        case = several()
        workflow.receive_parcel(case, at=T0, by="Ann")
        at = case.deadline_at
        assert at is not None
        results = together(
            [
                partial(
                    workflow.inspect,
                    Case.objects.get(pk=case.pk),
                    items=[usual(GOOD)] * 2,
                    at=at,
                    by="Ann",
                ),
                partial(returns.lapse, Case.objects.get(pk=case.pk), at=at),
            ]
        )
        passed = (Event.INSPECTION_PASSED, Event.INSPECTION_LAPSED)
        assert sum(event in passed for event in make.events(case)) == 1
        assert all(isinstance(refused, NotNow) for refused in failed(results))
