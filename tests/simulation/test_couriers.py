"""Simulated couriers believe signatures only, and never report what has not happened yet."""

import json

import httpx
import pytest

from backoffice.simulation.agenda import Agenda
from backoffice.simulation.couriers import Couriers, _reported
from backoffice.simulation.dice import Dice
from backoffice.simulation.people import Story
from logistics.models import Courier
from logistics.signatures import sign
from logistics.states import Direction
from tests.make import T0


def a_story(**script: object) -> Story:
    return Story(1, Dice(7, 1, script), {}, "FR", T0, number="RMA00000001")


def told(url: str, key: bytes, message_id: str = "msg_1") -> int:
    """What a courier answers to a message of ours, signed with `key`."""
    body = json.dumps(
        {"type": "label.created", "data": {"rma": "RMA00000001", "tracking_numbers": ["X"]}}
    ).encode()
    stamp = int(T0.timestamp())
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(message_id, stamp, body, key),
    }
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


@pytest.mark.django_db
def test_a_courier_takes_what_we_signed_and_nothing_else() -> None:
    """Its server is reachable only while the simulation lasts."""
    couriers = Couriers("http://127.0.0.1:1", run="S", agenda=Agenda())
    with couriers.open(T0):
        couriers.now = T0
        courier = Courier.objects.get(slug="la-poste-fr")
        (key,) = courier.keys(Direction.OUT, T0)
        assert told(courier.endpoint_url, key) == 204
        assert told(courier.endpoint_url, b"x" * 32) == 401
        assert told(courier.endpoint_url.replace("la-poste-fr", "nobody"), key) == 404
    courier.refresh_from_db()
    assert courier.endpoint_url == ""


@pytest.mark.django_db
def test_a_courier_that_is_down_takes_the_message_the_second_time() -> None:
    """So that the outbox has something to repeat."""
    couriers = Couriers("http://127.0.0.1:1", run="S", agenda=Agenda())
    couriers.stories = {"RMA00000001": a_story(**{"courier is down": True})}
    with couriers.open(T0):
        couriers.now = T0
        courier = Courier.objects.get(slug="la-poste-fr")
        (key,) = courier.keys(Direction.OUT, T0)
        assert [told(courier.endpoint_url, key) for _ in range(2)] == [503, 204]


@pytest.mark.parametrize("journey", Couriers.JOURNEYS)
def test_nothing_is_reported_before_it_happened(journey: str) -> None:
    """However late, doubled or shuffled."""
    reports = _reported(a_story(), journey, "dropped_off", T0)
    assert all(report.says_at >= report.occurred_at >= T0 for report in reports)
    assert (reports[-1].code == "delivered") == (journey not in ("lost", "silent"))


def test_a_shuffled_courier_tells_the_later_first() -> None:
    """R33's events come in any order."""
    reports = _reported(a_story(), "shuffled", "dropped_off", T0)
    order = [report.code for report in sorted(reports, key=lambda report: report.says_at)]
    assert order == ["in_transit", "dropped_off", "delivered", "out_for_delivery"]
