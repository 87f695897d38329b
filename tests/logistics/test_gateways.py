"""What every gateway must keep, over real HTTP on the loopback; a new one adds a stage."""

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any, Protocol

import pytest
from django import conf
from pytest_django import DjangoDbBlocker, Settings

from couriers_sandbox.server import Control, Sandbox
from couriers_sandbox.world import Courier as Played
from couriers_sandbox.world import World
from logistics.couriers import (
    GATEWAYS,
    Address,
    CancelSaid,
    Capability,
    CourierGateway,
    Fate,
    LabelSpec,
    PickupSaid,
    PickupSpec,
    gateway_for,
)
from logistics.couriers.contract import Answer
from logistics.models import Courier
from logistics.policy import Window
from logistics.states import Gateway
from returns.outside import Reply
from tests import make
from tests.logistics.partner import Partner, partner_on_loopback
from tests.make import T0

pytestmark = pytest.mark.django_db


class Stage(Protocol):
    """A courier to speak to, whatever it speaks; `says` None: nobody is there to say anything."""

    courier: Courier

    @property
    def acted(self) -> set[str]:
        """The keys it acted on."""
        ...

    def says(self, what: str) -> bool:
        """From now on it answers so: see SAYINGS. False where nobody is asked."""
        ...


@dataclass
class PartnerStage:
    courier: Courier
    partner: Partner

    @property
    def acted(self) -> set[str]:
        return self.partner.acted

    def says(self, what: str) -> bool:
        if what == "away":
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                self.courier.endpoint_url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
            return True
        status, body, headers = SAYINGS[what]
        self.partner.status, self.partner.body = status, body
        self.partner.headers = dict(headers)
        return True


@dataclass
class SimulatorStage:
    courier: Courier
    world: World

    @property
    def acted(self) -> set[str]:
        return {key for _, key in self.world.carrier.done}

    def says(self, what: str) -> bool:
        control = Control(self.world)
        if what == "away":
            self.courier.endpoint_url = "http://127.0.0.1:1"
        elif what in ("nothing", "confirmed", "rejected", "cancelled"):
            control.put_says({self.courier.slug: "pending" if what == "nothing" else what})
        else:
            status, body, headers = SAYINGS[what]
            answer = {"status": status, "body": b64encode(body).decode(), "headers": headers}
            control.put_says({self.courier.slug: answer})
        return True


@dataclass
class InternalStage:
    courier: Courier
    acted: set[str] = field(default_factory=set)

    def says(self, what: str) -> bool:
        return False


#: What a courier may answer in HTTP, by the name that the tests use.
SAYINGS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "nothing": (204, b"", {}),
    "confirmed": (200, b'{"status":"confirmed","confirmation_number":"PRG-1"}', {}),
    "rejected": (200, b'{"status":"rejected","reason":"no van that day"}', {}),
    "cancelled": (200, b'{"status":"cancelled"}', {}),
    "error": (500, b"oh no", {}),
    "busy": (429, b"", {"Retry-After": "120"}),
    "nonsense": (200, b"[" * 3_000, {}),
    "garbage": (200, b"\xff\x00", {}),
    "refused": (422, b"", {}),
    "gone": (410, b"", {}),
    "abort": (500, b"", {"webhook-delivery": "abort-message"}),
}


@contextmanager
def partner_stage() -> Iterator[Stage]:
    with partner_on_loopback() as partner:
        courier = make.courier("ppl-cz")
        courier.endpoint_url = partner.url
        yield PartnerStage(courier, partner)


@contextmanager
def internal_stage() -> Iterator[Stage]:
    courier = make.courier("ppl-cz")
    courier.gateway = Gateway.INTERNAL
    yield InternalStage(courier)


@contextmanager
def simulator_stage() -> Iterator[Stage]:
    courier = make.courier("ppl-cz")
    courier.gateway = Gateway.SIMULATOR
    world = World(7)
    world.clock.set_to(T0, speed=0)
    world.couriers[courier.slug] = Played(courier.slug, courier.country, "", [], [])
    sandbox = Sandbox(world, token=conf.settings.COURIERS_TOKEN)
    thread = Thread(target=sandbox.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    courier.endpoint_url = f"{sandbox.url}/carrier/{courier.slug}"
    yield SimulatorStage(courier, world)
    sandbox.shutdown()
    sandbox.server_close()


#: A gateway adds itself here.
STAGES: dict[str, Any] = {
    Gateway.PARTNER: partner_stage,
    Gateway.INTERNAL: internal_stage,
    Gateway.SIMULATOR: simulator_stage,
}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Stage]:
    settings.COURIERS_ON_LOOPBACK = True
    begin: AbstractContextManager[Stage] = STAGES[request.param]()
    with begin as made:
        yield made


def gateway(stage: Stage) -> CourierGateway:
    return gateway_for(stage.courier, at=T0)


def label_message(number: str = "BA100000012CZ") -> dict[str, Any]:
    door = {**make.ADDRESS, "name": "J. Nováková"}
    data = {
        "tracking_numbers": [number] if number else [],
        "rma": "RMA-1",
        "last_use_on": "2026-03-12",
        "sender": door,
        "recipient": {**door, "name": "Seller"},
    }
    return {"type": "label.created", "timestamp": "2026-03-02T10:00:00Z", "data": data}


def pickup_message() -> dict[str, Any]:
    data = {
        "pickup_id": "pk-1",
        "tracking_numbers": ["BA100000012CZ"],
        "parcels": 1,
        "weight_g": 1250,
        "address": {**make.ADDRESS, "name": "J. Nováková", "country": "CZ"},
        "window": {"date": "2026-03-04", "start": "09:00", "end": "12:00", "tz": "Europe/Prague"},
        "package_location": "front_door",
        "instructions": "Bell 3",
        "deliver_before": "2026-03-04T06:00:00Z",
    }
    return {"type": "pickup.requested", "timestamp": "2026-03-02T10:00:00Z", "data": data}


LABEL = LabelSpec.read(label_message())
VAN = PickupSpec.read(pickup_message())


def every_call(spoken: CourierGateway, key: str) -> list[Answer]:
    """The answers of all that can be said."""
    return [
        spoken.create_label(LABEL, f"{key}-1").answer,
        spoken.void_label(LABEL, f"{key}-2"),
        spoken.book_pickup(VAN, f"{key}-3").answer,
        spoken.move_pickup(VAN, f"{key}-4").answer,
        spoken.cancel_pickup(VAN, f"{key}-5").answer,
        spoken.ping({"type": "courier.ping", "timestamp": "", "data": {}}, f"{key}-6"),
    ]


# The contract -------------------------------------------------------------------------------------


def test_it_says_who_it_is_and_what_it_can(stage: Stage) -> None:
    spoken = gateway(stage)
    assert spoken.slug == stage.courier.gateway
    assert spoken.capabilities <= set(Capability)
    assert Capability.LABEL in spoken.capabilities


def test_everything_said_is_taken(stage: Stage) -> None:
    stage.says("nothing")
    assert {answer.fate for answer in every_call(gateway(stage), "k")} == {Fate.TAKEN}


def test_told_twice_the_courier_acts_once(stage: Stage) -> None:
    stage.says("nothing")
    every_call(gateway(stage), "k")
    once = set(stage.acted)
    every_call(gateway_for(stage.courier, at=T0 + timedelta(days=1)), "k")
    assert stage.acted == once


@pytest.mark.parametrize(
    ("says", "fate"),
    [
        ("away", Fate.AGAIN),
        ("error", Fate.AGAIN),
        ("busy", Fate.AGAIN),
        ("refused", Fate.HOPELESS),
        ("abort", Fate.ABORTED),
        ("gone", Fate.GONE),
        ("nonsense", Fate.TAKEN),
        ("garbage", Fate.TAKEN),
    ],
)
def test_nothing_a_courier_answers_is_an_error_of_ours(stage: Stage, says: str, fate: Fate) -> None:
    if not stage.says(says):
        pytest.skip("nobody is asked")
    answers = every_call(gateway(stage), "k")
    assert {answer.fate for answer in answers} == {fate}
    assert all(len(answer.body) <= 4_096 and len(answer.error) <= 300 for answer in answers)
    assert all(bool(answer.error) == (fate != Fate.TAKEN) for answer in answers)


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ("confirmed", PickupSaid.ACCEPTED),
        ("rejected", PickupSaid.REJECTED),
        ("nothing", PickupSaid.PENDING),
        ("garbage", PickupSaid.PENDING),
    ],
)
def test_a_van_is_accepted_rejected_or_to_be_heard_of(
    stage: Stage, says: str, said: PickupSaid
) -> None:
    asked = stage.says(says)
    for ask in (gateway(stage).book_pickup, gateway(stage).move_pickup):
        outcome = ask(VAN, "k-1")
        assert outcome.said == (said if asked else PickupSaid.BY_HAND)
        assert bool(outcome.confirmation_number) == (outcome.said == PickupSaid.ACCEPTED)
        assert bool(outcome.reason) == (outcome.said == PickupSaid.REJECTED)


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ("cancelled", CancelSaid.CANCELLED),
        ("rejected", CancelSaid.REJECTED),
        ("nothing", CancelSaid.REQUESTED),
        ("garbage", CancelSaid.REQUESTED),
    ],
)
def test_a_cancellation_is_done_rejected_or_to_be_heard_of(
    stage: Stage, says: str, said: CancelSaid
) -> None:
    asked = stage.says(says)
    outcome = gateway(stage).cancel_pickup(VAN, "k-1")
    assert outcome.said == (said if asked else CancelSaid.BY_HAND)


def test_who_hands_out_no_numbers_keeps_ours(stage: Stage) -> None:
    stage.says("nothing")
    spoken = gateway(stage)
    if Capability.NUMBERS in spoken.capabilities:
        made = spoken.create_label(LabelSpec.read(label_message("")), "k-1")
        assert made.number
        assert made.page
    else:
        assert spoken.create_label(LABEL, "k-1").number == LABEL.number


def test_a_call_asks_the_database_nothing(stage: Stage, django_db_blocker: DjangoDbBlocker) -> None:
    """It runs in a thread, while no transaction is open."""
    stage.says("nothing")
    spoken = gateway(stage)
    with django_db_blocker.block():
        every_call(spoken, "k")
        spoken.poll_tracking(["BA100000012CZ"])
        list(spoken.points())


# The parts ----------------------------------------------------------------------------------------


def test_every_gateway_that_is_installed_is_on_stage() -> None:
    # Karrio is an extra: tests/logistics/test_karrio.py.
    assert {*STAGES, Gateway.KARRIO} == set(GATEWAYS)


def test_a_gateway_that_is_not_installed_is_named() -> None:
    courier = Courier(name="Carrier", gateway="paybyfax")
    with pytest.raises(LookupError, match="paybyfax"):
        gateway_for(courier, at=T0)


def test_what_is_said_is_read_from_the_message_as_it_was_written_down() -> None:
    assert VAN.window == Window(date(2026, 3, 4), time(9), time(12))
    assert (VAN.zone, VAN.weight_g, VAN.numbers) == ("Europe/Prague", 1250, ("BA100000012CZ",))
    assert VAN.deliver_before == datetime.fromisoformat("2026-03-04T06:00:00+00:00")
    assert VAN.address is not None
    assert (VAN.address.name, VAN.address.city) == ("J. Nováková", "Paris")
    assert LABEL.last_use_on == date(2026, 3, 12)
    assert LabelSpec.read(label_message("")).number == ""
    bare = PickupSpec.read({"type": "pickup.cancel_requested", "data": {"pickup_id": "pk-1"}})
    assert (bare.address, bare.window, bare.numbers) == (None, None, ())
    assert Address.read({}) == Address("", "", "", "", "")


def test_a_partner_is_sent_the_very_message() -> None:
    with partner_stage() as stage:
        assert isinstance(stage, PartnerStage)
        gateway(stage).book_pickup(VAN, "msg_1")
        ((_, body),) = stage.partner.heard
    assert json.loads(body) == pickup_message()


@pytest.fixture(autouse=True)
def _loopback(settings: Settings) -> None:
    settings.COURIERS_ON_LOOPBACK = True


def test_more_than_a_partner_reads_is_not_sent() -> None:
    with partner_stage() as stage:
        message = pickup_message()
        message["data"]["instructions"] = "x" * 20_000
        outcome = gateway(stage).book_pickup(PickupSpec.read(message), "msg_1")
        assert (outcome.answer.fate, stage.acted) == (Fate.ABORTED, set())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "99999999"}, 86_400),
        (
            {
                "date": "Mon, 02 Mar 2026 10:00:00 GMT",
                "retry-after": "Mon, 02 Mar 2026 11:30:00 GMT",
            },
            5_400,
        ),
        (
            {
                "date": "Mon, 02 Mar 2026 10:00:00 GMT",
                "retry-after": "Fri, 06 Mar 2026 10:00:00 GMT",
            },
            86_400,
        ),
        (
            {
                "date": "Mon, 02 Mar 2026 10:00:00 GMT",
                "retry-after": "Sun, 01 Mar 2026 10:00:00 GMT",
            },
            0,
        ),
        ({"retry-after": "Mon, 02 Mar 2026 11:30:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "１２"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(
    headers: dict[str, str], seconds: int | None
) -> None:
    """RFC 9110 §10.2.3; a date counts from the courier's own Date."""
    wait = Answer.of(Reply(503, headers=headers)).retry_after
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


def test_the_simulator_can_all_that_a_courier_can_be_asked_for(settings: Settings) -> None:
    """Numbers and pages of its own, a confirmed window, what happened to a parcel, its points."""
    settings.COURIERS_ON_LOOPBACK = True
    with simulator_stage() as stage:
        assert isinstance(stage, SimulatorStage)
        spoken, world = gateway(stage), stage.world
        assert spoken.capabilities == set(Capability)
        made = spoken.create_label(LabelSpec.read(label_message("")), "k-1")
        again = spoken.create_label(LabelSpec.read(label_message("")), "k-1")
        assert (made.number, made.page[:5], made.cost) == (again.number, b"%PDF-", Decimal("4.50"))
        outcome = spoken.book_pickup(VAN, "k-2")
        assert outcome.window_start == datetime(2026, 3, 4, 8, tzinfo=UTC)
        world.hand_over(stage.courier.slug, made.number, "RMA-1", "dropped_off", T0)
        world.advance(T0)
        (seen,) = spoken.poll_tracking([made.number])
        assert (seen.code, seen.occurred_at) == ("dropped_off", T0)
        assert spoken.poll_tracking(["BA0"]) == []
        points = list(spoken.points())
        assert len(points) == 3
        assert {point.country for point in points} == {"CZ"}


def test_the_simulator_is_asked_by_those_who_may(settings: Settings) -> None:
    """Its token is ours."""
    with simulator_stage() as stage:
        settings.COURIERS_TOKEN = "another"
        assert gateway(stage).create_label(LABEL, "k-1").answer.fate == Fate.HOPELESS
        assert stage.acted == set()
