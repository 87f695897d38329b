"""Who gets the last places in a van, and what wins when two things happen to it at once (R23)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from functools import partial

import pytest
from django.db import connection
from django.db.models import Count, F

from logistics import workflow
from logistics.models import PickupBooking, PickupSlot, PickupWindow
from logistics.policy import Window
from logistics.states import OPEN_PICKUPS, PickupState
from returns.machine import NotNow
from returns.models import Case
from tests.logistics.story import DAY, HOUR, T0, awaiting, tell
from tests.races.together import failed, succeeded, together

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("RACE_ROUNDS", "25")) // 5
BUYERS, PLACES = 16, 5
MORNING = Window(date(2026, 3, 4), time(9), time(12))
EVENING = Window(date(2026, 3, 5), time(17), time(20))


@contextmanager
def unguarded() -> Iterator[None]:
    """Without the database's own last word on how many places there are."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE logistics_pickupslot DROP CONSTRAINT slot_not_oversold")
    yield
    PickupBooking.objects.update(slot=None, kept_slot=None)
    PickupSlot.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE logistics_pickupslot ADD CONSTRAINT slot_not_oversold"
            " CHECK (taken <= capacity)"
        )


def honest() -> bool:
    """Whether each slot has as many places taken as there are vans expected in it."""
    held = PickupSlot.objects.annotate(
        asked=Count("bookings", distinct=True), kept=Count("kept_by", distinct=True)
    )
    return not held.exclude(taken=F("asked") + F("kept")).exists()


def fresh(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def test_without_the_lock_the_last_places_are_sold_twice() -> None:
    """The race, shown to happen: read how many are left, then write one more."""
    PickupWindow.objects.update(capacity=PLACES)
    workflow.book_pickup(awaiting("CZ"), window=MORNING, at=T0)
    row = PickupSlot.objects.get()
    sold = []

    def buy() -> None:
        seen = PickupSlot.objects.get(pk=row.pk)
        if seen.taken < seen.capacity:
            PickupSlot.objects.filter(pk=row.pk).update(taken=seen.taken + 1)
            sold.append(seen.taken)

    with unguarded():
        assert not failed(together([buy] * BUYERS))
        assert len(sold) > PLACES - 1
        PickupSlot.objects.update(taken=0)


def test_sixteen_buyers_of_five_places_get_five() -> None:
    PickupWindow.objects.update(capacity=PLACES)
    for _ in range(ROUNDS):
        cases = [awaiting("CZ") for _ in range(BUYERS)]
        results = together(
            [partial(workflow.book_pickup, case, window=MORNING, at=T0) for case in cases]
        )
        assert len(succeeded(results)) == PLACES
        assert all(isinstance(each, workflow.WindowFull) for each in failed(results))
        assert PickupSlot.objects.get().taken == PLACES
        assert honest()
        # All of them give their places back at once.
        booked = [each.case for each in succeeded(results)]
        calls = [partial(workflow.fail_untold_pickup, each, at=T0) for each in succeeded(results)]
        assert len(booked) == len(succeeded(together(calls)))
        assert PickupSlot.objects.get().taken == 0


def test_vans_that_change_places_with_one_another_stand_in_nobodys_way() -> None:
    """Each wants the row the other holds."""
    for _ in range(ROUNDS):
        early = [awaiting("CZ") for _ in range(4)]
        late = [awaiting("CZ") for _ in range(4)]
        for case, window in [(c, MORNING) for c in early] + [(c, EVENING) for c in late]:
            workflow.book_pickup(case, window=window, at=T0)
        moves = [(c, EVENING) for c in early] + [(c, MORNING) for c in late]
        calls = [partial(workflow.reschedule_pickup, c, window=w, at=T0 + HOUR) for c, w in moves]
        assert not failed(together(calls))
        assert honest()
        PickupBooking.objects.update(slot=None, state=PickupState.FAILED)
        PickupSlot.objects.update(taken=0)


def test_a_cancellation_and_a_confirmation_at_once_leave_one_of_both_orders() -> None:
    for _ in range(ROUNDS):
        case = awaiting("CZ")
        booking = workflow.book_pickup(case, window=MORNING, at=T0)
        told = {"pickup_id": booking.reference, "confirmation_number": "C1"}
        told["event_id"] = f"{booking.reference}-confirmed"
        confirm = partial(tell, booking.courier, "pickup.confirmed", told, at=T0 + HOUR)
        cancel = partial(workflow.cancel_pickup, fresh(case), at=T0 + HOUR)
        assert not failed(together([confirm, cancel]))
        workflow.project_due(10, at=T0 + HOUR)
        booking.refresh_from_db()
        assert booking.state == PickupState.CANCEL_REQUESTED
        assert booking.confirmation_number == "C1"
        assert honest()


def test_a_move_and_the_last_attempt_at_once_end_in_one_place_or_none() -> None:
    for _ in range(ROUNDS):
        case = awaiting("CZ")
        booking = workflow.book_pickup(case, window=MORNING, at=T0)
        told = {"pickup_id": booking.reference, "attempt": 2, "reason": "not_home"}
        told["event_id"] = f"{booking.reference}-attempted"
        attempt = partial(tell, booking.courier, "pickup.attempted", told, at=T0 + HOUR)
        move = partial(workflow.reschedule_pickup, fresh(case), window=EVENING, at=T0 + HOUR)
        results = together([attempt, move])
        workflow.project_due(10, at=T0 + HOUR)
        assert all(isinstance(each, NotNow) for each in failed(results))
        booking.refresh_from_db()
        assert booking.state == PickupState.FAILED
        assert honest()
        assert not PickupSlot.objects.filter(taken__gt=0).exists()


def test_eight_clocks_cancel_once() -> None:
    for _ in range(ROUNDS):
        case = awaiting("CZ")
        booking = workflow.book_pickup(case, window=MORNING, at=T0)
        workflow.cancel_pickup(case, at=T0)
        results = together([partial(workflow.watch_due, 10, at=T0 + 2 * DAY)] * 8)
        assert not failed(results)
        booking.refresh_from_db()
        assert booking.state == PickupState.CANCELLED
        assert case.entries.filter(text__contains="did not answer").count() == 1
        assert not PickupBooking.objects.filter(state__in=OPEN_PICKUPS).exists()
