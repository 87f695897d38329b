"""A courier that knows the public contract only takes a return from the door to the warehouse."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from backoffice.embedded import free_port
from logistics import outbox, workflow
from logistics.models import Courier, Delivery, PickupBooking
from logistics.states import Direction, MessageType, PickupState
from returns import clock
from returns.journal import run_due
from returns.models import Case
from returns.states import Event, State
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = Path(__file__).with_name("courier.py")
SECONDS = 60.0


class Outsider:
    """The script as a process, and what it printed."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.url = process, f"http://127.0.0.1:{port}/"

    def says(self, words: str) -> None:
        """Read on until it says so."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.strip() == words:
                return
        pytest.fail(f"it ended ({self.process.wait()}) and never said {words!r}")


@pytest.fixture
def courier(db: None, settings: Settings) -> Courier:
    settings.COURIERS_ON_LOOPBACK = True
    return Courier.objects.get(slug="ppl-cz")


@contextmanager
def outsider(courier: Courier, office: str) -> Iterator[Outsider]:
    """Its own environment holds what staff would hand over, and no more."""
    at, port = clock.now(), free_port()
    given = {
        "OFFICE_URL": f"{office}/api/couriers/v1/{courier.slug}",
        "SIGNING_SECRET": workflow.give_secret(courier, Direction.IN, at=at),
        "VERIFYING_SECRET": workflow.give_secret(courier, Direction.OUT, at=at),
        "READ_KEY": workflow.give_read_key(courier, by="ann", at=at),
        "PORT": str(port),
        "PATH": os.environ["PATH"],
    }
    # -I: nothing of ours can be imported, whatever the working directory.
    with subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT)], env=given, stdout=subprocess.PIPE, text=True
    ) as process:
        # Whoever waits for words that never come is told so.
        late = threading.Timer(SECONDS, process.kill)
        late.start()
        try:
            yield Outsider(process, port)
        finally:
            late.cancel()
            process.kill()


def booked(courier: Courier) -> Case:
    """A free return whose buyer books a van, as of now."""
    at = clock.now()
    case = make.dispute(at=at, received_at=at - make.DAY, country="CZ")
    make.walk(case, State.AWAITING_RETURN, at=at)
    run_due(10, at=at)
    slot = next(slot for slot in workflow.pickup_slots(case, at=at) if slot.left)
    workflow.book_pickup(case, window=slot.window, at=at)
    return case


def told_again(courier: Courier) -> None:
    """Every message once more: the answer to the first got lost."""
    Delivery.objects.filter(courier=courier).update(
        delivered_at=None, dead_at=None, next_try_at=clock.now()
    )
    outbox.deliver_due(100, at=clock.now())


def workers_do_their_part(case: Case, state: State) -> None:
    """What reports mean is worked out by workers: here, until the case is there."""
    until = time.monotonic() + SECONDS
    while case.state != state and time.monotonic() < until:
        workflow.project_due(100, at=clock.now())
        case.refresh_from_db()
        time.sleep(0.05)
    assert case.state == state


def test_an_outsider_books_collects_reports_and_delivers(
    courier: Courier, live_server: LiveServer
) -> None:
    """R20, R23, R25: over HTTP alone, told twice and saying it once."""
    with outsider(courier, live_server.url) as they:
        they.says("listening, missed 0")
        Courier.objects.filter(pk=courier.pk).update(endpoint_url=they.url)
        case = booked(courier)
        outbox.deliver_due(100, at=clock.now())
        told_again(courier)
        they.says("delivered accepted")
        workers_do_their_part(case, State.INSPECTING)
    assert make.events(case) == [
        *(Event.OPENED, Event.ACCEPTED, Event.HANDOVER_CHOSEN),
        *(Event.HANDED_OVER, Event.RECEIVED),
    ]
    booking = PickupBooking.objects.get(case=case)
    assert (booking.state, booking.confirmation_number) == (
        PickupState.COMPLETED,
        f"C-{booking.reference}",
    )
    assert courier.events.filter(type="tracking.updated").count() == 4
    assert not Delivery.objects.filter(courier=courier, delivered_at__isnull=True).exists()


def test_an_outsider_that_was_away_finds_what_it_missed(
    courier: Courier, live_server: LiveServer
) -> None:
    """`GET pickups?since=` and `GET parcels/…`, with its read key."""
    Courier.objects.filter(pk=courier.pk).update(endpoint_url="http://127.0.0.1:1/")
    case = booked(courier)
    outbox.deliver_due(100, at=clock.now())
    asked = Delivery.objects.get(courier=courier, type=MessageType.PICKUP_REQUESTED)
    assert asked.delivered_at is None
    with outsider(courier, live_server.url) as they:
        they.says("listening, missed 1")
        they.says("delivered accepted")
        workers_do_their_part(case, State.INSPECTING)
    assert make.events(case)[-1] == Event.RECEIVED


def test_an_outsider_believes_nobody_else(courier: Courier, live_server: LiveServer) -> None:
    """A message that another signed is answered 401, and does nothing."""
    with outsider(courier, live_server.url) as they:
        they.says("listening, missed 0")
        Courier.objects.filter(pk=courier.pk).update(endpoint_url=they.url)
        workflow.give_secret(courier, Direction.OUT, at=clock.now(), overlap=workflow.LEAKED)
        case = booked(courier)
        outbox.deliver_due(100, at=clock.now())
    assert set(courier.deliveries.values_list("last_status", flat=True)) == {401}
    case.refresh_from_db()
    assert case.state == State.AWAITING_RETURN
