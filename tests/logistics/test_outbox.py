"""Telling couriers: signed, once a lease, again by schedule, never to where it must not go."""

import json
from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings
from standardwebhooks import Webhook

from logistics import outbox, workflow
from logistics.couriers import Answer, Fate, LabelResult
from logistics.models import Courier, Delivery, PickupBooking
from logistics.policy import Window
from logistics.states import Direction, MessageType, PickupState
from returns.models import Case
from tests import make
from tests.logistics.partner import Partner, partner_on_loopback
from tests.logistics.story import DAY, HOUR, T0, awaiting

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
WINDOW = Window(date(2026, 3, 4), time(9), time(12))


@pytest.fixture
def partner(settings: Settings) -> Iterator[Partner]:
    settings.COURIERS_ON_LOOPBACK = True
    with partner_on_loopback() as told:
        yield told


def label(partner: Partner | None, *, country: str = "FR") -> Delivery:
    """A `label.created` waiting for its courier."""
    slug = {"FR": "la-poste-fr", "CZ": "ppl-cz"}[country]
    make.courier(slug)
    Courier.objects.filter(slug=slug).update(endpoint_url=partner.url if partner else "")
    awaiting(country)
    return Delivery.objects.get(type=MessageType.LABEL_CREATED)


def booked(partner: Partner) -> tuple[Case, PickupBooking, Delivery]:
    """A van asked for, its label already told."""
    delivery = label(partner, country="CZ")
    Delivery.objects.filter(pk=delivery.pk).update(delivered_at=T0, next_try_at=None)
    case = Case.objects.get()
    booking = workflow.book_pickup(case, window=WINDOW, at=T0)
    return case, booking, booking.deliveries.get()


def test_a_message_is_signed_so_that_the_standards_own_library_believes_it(
    partner: Partner,
) -> None:
    delivery = label(partner)
    assert outbox.deliver_due(5, at=T0) == 1
    (headers, body), *rest = partner.heard
    assert not rest
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["webhook-id"] == delivery.message_id
    assert lower["webhook-timestamp"] == str(int(T0.timestamp()))
    signature = Webhook(make.SECRET).sign(delivery.message_id, T0, body.decode())
    assert lower["webhook-signature"] == signature
    said = json.loads(body)
    assert said["type"] == "label.created"
    assert said["data"]["tracking_numbers"] == [delivery.parcel.tracking_number]
    delivery.refresh_from_db()
    assert (delivery.delivered_at, delivery.next_try_at) == (T0, None)
    assert outbox.deliver_due(5, at=T0 + DAY) == 0


def test_every_key_in_force_signs(partner: Partner) -> None:
    delivery = label(partner)
    workflow.install_secret(delivery.courier, Direction.OUT, "whsec_" + "B" * 32, at=T0)
    outbox.deliver_due(5, at=T0)
    headers, _ = partner.heard[0]
    assert len(headers["webhook-signature"].split()) == 2


def test_where_nobody_is_to_be_told_the_message_is_kept(partner: Partner) -> None:
    delivery = label(None)
    assert delivery.next_try_at is None
    assert outbox.deliver_due(5, at=T0 + DAY) == 0


def test_failures_are_tried_again_by_schedule_with_the_same_id_until_it_is_dead(
    partner: Partner,
) -> None:
    delivery = label(partner)
    partner.status = 500
    at = T0
    for wait in outbox.WAITS:
        assert outbox.deliver_due(5, at=at) == 1
        assert outbox.deliver_due(5, at=at + wait - SECOND) == 0
        at += wait
    assert outbox.deliver_due(5, at=at) == 1
    delivery.refresh_from_db()
    assert (delivery.dead_at, delivery.next_try_at, delivery.last_status) == (at, None, 500)
    assert at - T0 > 75 * HOUR
    assert {headers["webhook-id"] for headers, _ in partner.heard} == {delivery.message_id}
    assert len({body for _, body in partner.heard}) == 1


@pytest.mark.parametrize(("status", "tries"), [(410, 1), (404, 3), (401, 3)])
def test_what_gets_no_better_is_given_up_early(partner: Partner, status: int, tries: int) -> None:
    delivery = label(partner)
    partner.status = status
    for day in range(9):
        outbox.deliver_due(5, at=T0 + day * DAY)
    delivery.refresh_from_db()
    assert (len(partner.heard), delivery.dead_at is not None) == (tries, True)


def test_a_redirect_is_not_followed(partner: Partner) -> None:
    delivery = label(partner)
    partner.status, partner.headers = 307, {"Location": partner.url + "/elsewhere"}
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert len(partner.heard) == 1
    assert delivery.delivered_at is None


def test_retry_after_is_honoured_for_a_day_at_most(partner: Partner) -> None:
    delivery = label(partner)
    partner.status, partner.headers = 429, {"Retry-After": "3600"}
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert delivery.next_try_at == T0 + HOUR
    partner.headers = {"Retry-After": "99999999"}
    outbox.deliver_due(5, at=T0 + HOUR)
    delivery.refresh_from_db()
    assert delivery.next_try_at == T0 + HOUR + DAY


def test_support_sends_a_dead_message_again_under_its_id(partner: Partner) -> None:
    delivery = label(partner)
    partner.status = 410
    outbox.deliver_due(5, at=T0)
    partner.status = 204
    assert outbox.redeliver(delivery, at=T0 + DAY)
    outbox.deliver_due(5, at=T0 + DAY)
    delivery.refresh_from_db()
    assert (delivery.delivered_at, delivery.dead_at) == (T0 + DAY, None)
    assert not outbox.redeliver(delivery, at=T0 + DAY)


def test_a_message_whose_worker_died_is_due_again_after_its_lease(partner: Partner) -> None:
    label(partner)
    outbox._claim(5, T0)  # and there the worker was killed
    assert outbox.deliver_due(5, at=T0 + outbox.LEASE - SECOND) == 0
    assert outbox.deliver_due(5, at=T0 + outbox.LEASE) == 1
    assert len(partner.heard) == 1


def test_who_lost_its_lease_writes_nothing_down(partner: Partner) -> None:
    delivery = label(partner)
    (slow,) = outbox._claim(5, T0)
    outbox.deliver_due(5, at=T0 + outbox.LEASE)
    outbox.record(slow, Answer(Fate.AGAIN, 500), at=T0 + outbox.LEASE + SECOND)
    delivery.refresh_from_db()
    assert (delivery.last_status, delivery.delivered_at) == (204, T0 + outbox.LEASE)


def test_who_lost_its_lease_does_not_shorten_the_next_wait(partner: Partner) -> None:
    delivery = label(partner)
    partner.status = 500
    (slow,) = outbox._claim(5, T0)
    outbox.deliver_due(5, at=T0 + outbox.LEASE)
    delivery.refresh_from_db()
    planned = delivery.next_try_at
    outbox.record(slow, Answer(Fate.AGAIN, 500), at=T0 + outbox.LEASE + SECOND)
    delivery.refresh_from_db()
    assert delivery.next_try_at == planned


def test_a_request_overtaken_while_it_was_on_the_wire_stays_overtaken(partner: Partner) -> None:
    case, booking, delivery = booked(partner)
    (on_the_wire,) = outbox._claim(5, T0)
    workflow.cancel_pickup(case, at=T0 + SECOND)
    outbox.record(on_the_wire, Answer(Fate.TAKEN, 204), at=T0 + 2 * SECOND)
    delivery.refresh_from_db()
    assert (delivery.dead_at, delivery.delivered_at) == (T0 + SECOND, None)
    assert booking.deliveries.filter(type=MessageType.PICKUP_CANCEL_REQUESTED).exists()


def test_the_database_knows_no_message_both_told_and_dead(partner: Partner) -> None:
    delivery = label(partner)
    for wrong in ({"delivered_at": T0, "dead_at": T0}, {"delivered_at": T0, "next_try_at": T0}):
        fields = {"next_try_at": None, **wrong}
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(pk=delivery.pk).update(**fields)


# The van


def test_a_courier_may_confirm_in_its_answer(partner: Partner) -> None:
    _, booking, _ = booked(partner)
    partner.status = 200
    partner.body = b'{"status":"confirmed","confirmation_number":"PRG-1"}'
    outbox.deliver_due(5, at=T0)
    booking.refresh_from_db()
    assert (booking.state, booking.confirmation_number) == (PickupState.CONFIRMED, "PRG-1")


@pytest.mark.parametrize("body", [b"", b"[" * 4_000, b'{"status":7}', b"\xff", b"x" * 1_000_000])
def test_no_answer_of_a_courier_is_an_error_of_ours(partner: Partner, body: bytes) -> None:
    _, booking, delivery = booked(partner)
    partner.status, partner.body = 200, body
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    booking.refresh_from_db()
    assert (delivery.delivered_at, booking.state) == (T0, PickupState.REQUESTED)


def test_a_van_is_not_asked_for_after_it_is_too_late_and_the_buyer_gets_a_day_r24(
    partner: Partner,
) -> None:
    case, booking, delivery = booked(partner)
    before = case.deadline_at
    partner.status = 503
    limit = booking.starts_at - 2 * HOUR
    at = T0
    while delivery.next_try_at is not None:
        at = delivery.next_try_at
        outbox.deliver_due(5, at=at)
        delivery.refresh_from_db()
    assert at < limit <= at + HOUR
    assert delivery.dead_at == at
    booking.refresh_from_db()
    case.refresh_from_db()
    assert booking.state == PickupState.FAILED
    assert before is not None
    assert case.deadline_at == before + DAY


def test_a_request_found_too_late_is_not_sent(partner: Partner) -> None:
    _, booking, delivery = booked(partner)
    outbox.deliver_due(5, at=booking.starts_at)
    delivery.refresh_from_db()
    assert (partner.heard, delivery.dead_at) == ([], booking.starts_at)


def test_a_cancellation_overtakes_a_request_that_is_still_being_tried(partner: Partner) -> None:
    case, booking, delivery = booked(partner)
    partner.status = 503
    outbox.deliver_due(5, at=T0)
    workflow.cancel_pickup(case, at=T0 + SECOND)
    partner.status = 204
    outbox.deliver_due(5, at=T0 + DAY)
    said = [json.loads(body)["type"] for _, body in partner.heard]
    assert said == ["pickup.requested", "pickup.cancel_requested"]
    delivery.refresh_from_db()
    assert delivery.dead_at == T0 + SECOND
    booking.refresh_from_db()
    assert booking.state == PickupState.CANCELLED


# Where it must not go (tests/returns/test_outside.py has the whole list)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "http://93.184.216.34/"])
def test_nothing_inside_is_ever_called(url: str, settings: Settings) -> None:
    settings.COURIERS_ON_LOOPBACK = False
    answer = outbox.call(label(Partner(url=url)), at=T0)
    assert isinstance(answer, LabelResult)
    assert answer.answer.status is None
    assert answer.answer.error.startswith("Forbidden")


def test_without_a_secret_nothing_is_sent(partner: Partner) -> None:
    delivery = label(partner)
    delivery.courier.secrets.all().delete()
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert (partner.heard, delivery.last_error) == ([], "no secret to sign with")
