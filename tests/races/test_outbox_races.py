"""What workers do at the same moment who tell couriers, on a real PostgreSQL."""

import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from threading import Thread
from time import monotonic, sleep

import pytest
from django.db import connections
from pytest_django import Settings

from logistics import outbox, workflow
from logistics.models import Courier, Delivery, EndpointHealth, Parcel
from tests import make
from tests.copies import copies
from tests.logistics.partner import partner_on_loopback
from tests.logistics.story import DAY, T0, awaiting
from tests.races.together import succeeded, together

pytestmark = pytest.mark.django_db(transaction=True)

EIGHT = 8
ROUNDS = int(os.environ.get("RACE_ROUNDS", "25"))


def test_eight_workers_claim_a_message_once() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    Courier.objects.filter(pk=courier.pk).update(endpoint_url="https://post.example/")
    for n in range(ROUNDS):
        awaiting()
        look = partial(workflow.claim, courier.pk, at=T0 + n * DAY)
        claims = succeeded(together([look] * EIGHT))
        ids = [delivery.pk for claimed in claims for delivery in claimed]
        assert len(ids) == 1
        Delivery.objects.update(next_try_at=None, leased_until=None)


def test_eight_workers_together_put_no_more_on_the_wire_than_a_courier_bears() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    Courier.objects.filter(pk=courier.pk).update(endpoint_url="https://post.example/")
    EndpointHealth.objects.create(courier=courier)
    for _ in range(3 * workflow.IN_FLIGHT):
        awaiting()
    for _ in range(ROUNDS):
        claims = succeeded(together([partial(workflow.claim, courier.pk, at=T0)] * EIGHT))
        ids = [delivery.pk for claimed in claims for delivery in claimed]
        assert len(set(ids)) == len(ids) == workflow.IN_FLIGHT
        Delivery.objects.update(leased_until=None)


HANGS, WAITING, WELL = 15.0, 200, 50


def test_a_courier_that_hangs_on_every_call_delays_no_other(settings: Settings) -> None:
    """200 messages wait for a server that hangs for 15 s; another's 50 are told meanwhile.

    In three seconds; on a machine that is busy, in about the time that 50 take when nobody hangs.
    """
    settings.COURIERS_ON_LOOPBACK = True
    with partner_on_loopback() as hangs, partner_on_loopback() as well:
        hangs.seconds = HANGS
        for slug, url in (("la-poste-fr", hangs.url), ("inpost-pl", well.url)):
            make.courier(slug)
            Courier.objects.filter(slug=slug).update(endpoint_url=url)
        _labels("PL", WELL)
        began = monotonic()
        outbox.deliver(lambda: T0)
        alone = monotonic() - began
        assert len(well.acted) == WELL
        _labels("FR", WAITING)
        workers = [Thread(target=_work, args=(lambda: T0,), name=f"worker-{n}") for n in range(2)]
        for worker in workers:
            worker.start()
        _until(lambda: len(hangs.heard) >= workflow.IN_FLIGHT)
        # Both are waiting now, and these are new.
        _labels("PL", WELL)
        began = monotonic()
        _until(lambda: len(well.acted) == 2 * WELL)
        took = monotonic() - began
        assert len(hangs.heard) == workflow.IN_FLIGHT
        hangs.over.set()
        Delivery.objects.filter(attempts=0).update(next_try_at=None)
        for worker in workers:
            worker.join()
    assert took < max(3, 2 * alone)


def _labels(country: str, count: int) -> None:
    """So many labels to be told of, all due."""
    first = awaiting(country).parcels.get()
    delivery = first.deliveries.get()
    made = count - 1
    unlike = {"tracking_number": "'N' || n || '-' || id", "token": "n || '-' || id"}
    copies(first, made, order_id="-n - 1000 * id", **unlike)
    newest = Parcel.objects.latest("id").pk  # the last of the copies
    number = f"{newest - made} + n"
    copies(delivery, made, message_id=f"'msg_' || {number}", parcel_id=number)


def _work(now: Callable[[], datetime]) -> None:
    try:
        outbox.deliver(now, seconds=60)
    finally:
        connections.close_all()


def _until(holds: Callable[[], bool]) -> None:
    end = monotonic() + 20
    while not holds():
        assert monotonic() < end
        sleep(0.01)
