"""What couriers and workers do at the same moment, on a real PostgreSQL."""

import json
import os
from contextlib import suppress
from functools import partial
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from logistics import throttle, workflow
from logistics.models import Courier, Parcel, TrackingEvent, WebhookReceipt
from logistics.states import Direction
from logistics.workflow.numbers import take_number
from returns.machine import NotNow
from returns.states import Event, State
from tests import make
from tests.logistics.story import DAY, T0, awaiting, event, parcel_of, report, tell
from tests.races.together import failed, succeeded, together

pytestmark = pytest.mark.django_db(transaction=True)

EIGHT = 8
ROUNDS = int(os.environ.get("RACE_ROUNDS", "25"))


def test_eight_copies_of_a_message_are_taken_once(settings: Settings) -> None:
    settings.COURIER_LIMITS = dict.fromkeys(settings.COURIER_LIMITS, "100000 per 1 second")
    make.courier("la-poste-fr")
    parcel = parcel_of(awaiting())
    for n in range(ROUNDS):
        told = event(parcel, "in_transit", at=T0, event_id=f"e{n}")
        body = json.dumps({"type": "tracking.updated", "data": {"events": [told]}}).encode()
        headers = make.signed(body, message_id=f"m{n}")

        def post(body: bytes = body, headers: dict[str, str] = headers) -> int:
            answer = Client().post(
                "/api/couriers/v1/la-poste-fr/events",
                body,
                content_type="application/json",
                headers=headers,
            )
            return answer.status_code

        with time_machine.travel(T0, tick=False):
            statuses = succeeded(together([post] * EIGHT))
        assert sorted(statuses) == [200] * (EIGHT - 1) + [202]
    assert WebhookReceipt.objects.count() == TrackingEvent.objects.count() == ROUNDS


def test_all_who_count_in_redis_count_together(settings: Settings) -> None:
    settings.COURIER_LIMITS_STORE = os.environ["REDIS_URL"]
    settings.COURIER_LIMITS = {**settings.COURIER_LIMITS, "call": "100 per 1 minute"}
    throttle.forget()
    who = str(uuid4())

    def call() -> int:
        let_in = 0
        for _ in range(20):
            with suppress(throttle.Limited):
                throttle.count("call", who)
                let_in += 1
        return let_in

    assert sum(succeeded(together([call] * EIGHT))) == 100
    with pytest.raises(throttle.Limited) as late:
        throttle.room("call", who)
    assert 0 < late.value.room.wait <= 60
    # Another process knows nothing but what is in Redis.
    throttle.forget()
    with pytest.raises(throttle.Limited):
        throttle.count("call", who)


def test_of_eight_rotations_at_once_one_is_made() -> None:
    """At most two keys count, whoever presses the button together."""
    courier = make.courier("la-poste-fr")
    for n in range(ROUNDS):
        at = T0 + (n + 1) * 2 * DAY
        rotate = partial(workflow.give_secret, courier, Direction.IN, at=at)
        results = together([rotate] * EIGHT)
        assert len(succeeded(results)) == 1
        assert all(isinstance(refused, NotNow) for refused in failed(results))
        assert len(courier.keys(Direction.IN, at)) == 2


def test_eight_workers_tell_a_parcels_reports_once() -> None:
    for _ in range(ROUNDS):
        case = awaiting()
        parcel = parcel_of(case)
        assert parcel.courier is not None
        told = [event(parcel, "dropped_off", at=T0 + DAY, event_id=f"{parcel.pk}")]
        tell(parcel.courier, "tracking.updated", *told, at=T0 + DAY, project=False)
        work = partial(workflow.project_due, 10, at=T0 + DAY)
        results = together([work] * EIGHT)
        assert not failed(results)
        assert sum(succeeded(results)) == 1
        assert make.events(case).count(Event.HANDED_OVER) == 1


def test_eight_labels_of_one_courier_have_eight_numbers_and_one_case_has_one() -> None:
    for _ in range(ROUNDS):
        cases = [make.case_at(State.AWAITING_RETURN) for _ in range(EIGHT // 2)]
        entries = [case.entries.get(event=Event.ACCEPTED) for case in cases * 2]
        assert not failed(together([partial(workflow.order_label, e, at=T0) for e in entries]))
        for case in cases:
            assert case.parcels.count() == 1
    numbers = list(Parcel.objects.values_list("tracking_number", flat=True))
    assert len(set(numbers)) == len(numbers) == ROUNDS * EIGHT // 2


def test_a_scan_and_a_cancellation_at_once_leave_one_of_both() -> None:
    """R19."""
    for _ in range(ROUNDS):
        case = awaiting()
        parcel = parcel_of(case)
        scan = partial(report, parcel, "dropped_off", at=T0 + DAY, event_id=f"s{parcel.pk}")
        results = together(
            [scan, partial(make.workflow.cancel, type(case).objects.get(pk=case.pk), at=T0 + DAY)]
        )
        case.refresh_from_db()
        cancelled = case.state == State.CLOSED
        assert cancelled == parcel_of(case).anomalies.exists()
        assert len(failed(results)) == (0 if cancelled else 1)


def test_sixteen_threads_take_numbers_from_two_ranges_and_none_twice() -> None:
    """The ranges' row locks: two at once get one each, the others wait their turn."""
    courier = Courier.objects.get(slug="la-poste-fr")
    courier.ranges.exclude(prefix__in=("BA", "BB")).delete()
    courier.ranges.update(last_serial=10_000_000 + EIGHT * ROUNDS - 1)
    numbers = []
    for _ in range(ROUNDS):
        results = together([partial(_number_of, courier)] * 2 * EIGHT)
        assert not failed(results)
        numbers += succeeded(results)
    assert len(set(numbers)) == len(numbers) == 2 * EIGHT * ROUNDS
    assert isinstance(together([partial(_number_of, courier)])[0], workflow.NoNumbers)


def _number_of(courier: Courier) -> str:
    with transaction.atomic():
        return take_number(courier)
