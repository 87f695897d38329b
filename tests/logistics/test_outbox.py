"""Telling couriers: signed, once a lease, again by schedule, never to where it must not go."""

import json
from collections.abc import Iterator
from datetime import date, time, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from pytest_django import Settings
from standardwebhooks import Webhook

from logistics import outbox, workflow
from logistics.couriers import Answer, Fate
from logistics.models import Anomaly, Courier, Delivery, PickupBooking
from logistics.policy import Window
from logistics.retries import WAITS, wait_after
from logistics.states import Direction, MessageType, PickupState
from logistics.workflow.outgoing import LEASE
from returns import workflow as returns
from returns.models import Case
from returns.states import Event
from tests import make
from tests.logistics.partner import Partner, partner_on_loopback
from tests.logistics.story import DAY, HOUR, T0, awaiting

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
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
    at = expected = T0
    for tries in range(1, len(WAITS) + 1):
        assert outbox.deliver_due(5, at=at - SECOND) == 0
        assert outbox.deliver_due(5, at=at) == 1
        delivery.refresh_from_db()
        wait = wait_after(delivery.message_id, tries, soon=False)
        assert wait is not None
        expected = expected + wait
        assert delivery.next_try_at == expected
        at = expected
    outbox.deliver_due(5, at=at)
    delivery.refresh_from_db()
    assert (delivery.dead_at, delivery.ending, delivery.last_status) == (at, "exhausted", 500)
    assert {headers["webhook-id"] for headers, _ in partner.heard} == {delivery.message_id}
    assert len({body for _, body in partner.heard}) == 1
    kept = delivery.tried.values_list("number", "fate", "status", "answer")
    assert list(kept) == [(n, "again", 500, "") for n in range(1, 11)]


@pytest.mark.parametrize(("status", "tries"), [(410, 1), (404, 3), (401, 3), (422, 3)])
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


def test_three_in_all_count_only_what_the_courier_did_not_want(partner: Partner) -> None:
    delivery = label(partner)
    at = T0
    for status in (500, 500, 500, 422, 422):
        partner.status = status
        outbox.deliver_due(5, at=at)
        delivery.refresh_from_db()
        assert delivery.next_try_at is not None
        at = delivery.next_try_at
    partner.status = 422
    outbox.deliver_due(5, at=at)
    delivery.refresh_from_db()
    assert (delivery.dead_at, delivery.ending, delivery.attempts) == (at, "refused", 6)
    assert Anomaly.objects.get().delivery == delivery


def test_a_courier_that_asks_us_to_stop_is_not_told_again(partner: Partner) -> None:
    delivery = label(partner)
    partner.status, partner.headers = 503, {"webhook-delivery": "abort-message"}
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert (delivery.dead_at, delivery.ending) == (T0, "aborted")


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


@pytest.mark.parametrize(
    ("body", "headers", "kept"),
    [
        (b"\x00\xffoh no", {}, "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}oh no"),
        (b"x" * 1_000_000, {}, "x" * 4_096),
    ],
)
def test_what_was_answered_is_kept(
    partner: Partner, body: bytes, headers: dict[str, str], kept: str
) -> None:
    delivery = label(partner)
    partner.status, partner.body = 500, body
    outbox.deliver_due(5, at=T0)
    tried = delivery.tried.get()
    assert (tried.status, tried.error) == (500, "500 Internal Server Error")
    assert tried.answer == kept


def test_a_courier_that_is_away_is_tried_again(partner: Partner) -> None:
    delivery = label(partner)
    Courier.objects.filter(pk=delivery.courier_id).update(endpoint_url="http://127.0.0.1:1/")
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert delivery.next_try_at is not None
    assert delivery.last_error.startswith("ConnectError")


def test_a_message_that_cannot_be_said_is_a_dead_letter_after_three_tries(
    partner: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can be told what has no meaning; and it is not looked at for ever."""
    _, _, delivery = booked(partner)
    Delivery.objects.filter(pk=delivery.pk).update(payload={"data": {}})
    for hour in range(3):
        outbox.deliver_due(5, at=T0 + hour * HOUR)
    delivery.refresh_from_db()
    assert (delivery.ending, partner.heard) == ("refused", [])
    assert "cannot be told" in caplog.text


def test_a_gateway_that_is_not_installed_is_a_dead_letter_not_a_crash(partner: Partner) -> None:
    delivery = label(partner)
    Courier.objects.filter(pk=delivery.courier_id).update(gateway="paybyfax")
    for day in range(3):
        outbox.deliver_due(5, at=T0 + day * DAY)
    delivery.refresh_from_db()
    assert delivery.ending == "refused"
    assert "paybyfax" in delivery.last_error


def test_log_lines_hold_no_address(partner: Partner, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        case, _, _ = booked(partner)
        partner.status = 500
        outbox.deliver_due(5, at=T0)
    assert len(partner.heard) == 1
    for private in (case.buyer.name, *(v for v in case.buyer.address.values() if len(v) > 2)):
        assert private not in caplog.text


# Who takes it up


def test_so_many_are_on_the_wire_to_one_courier_at_most(partner: Partner) -> None:
    courier = label(partner).courier
    for _ in range(9):
        awaiting()
    assert len(workflow.claim(courier.pk, at=T0)) == workflow.IN_FLIGHT
    assert workflow.claim(courier.pk, at=T0) == []
    assert outbox.deliver_due(50, at=T0) == 0


def test_a_message_whose_worker_died_is_due_again_after_its_lease(partner: Partner) -> None:
    """Real time: the marketplace's clock may jump without taking work from a living worker."""
    courier = label(partner).courier
    with time_machine.travel(T0, tick=False) as real:
        workflow.claim(courier.pk, at=T0)  # and there the worker was killed
        real.shift(LEASE - SECOND)
        assert outbox.deliver_due(5, at=T0 + 30 * DAY) == 0
        real.shift(SECOND)
        assert outbox.deliver_due(5, at=T0 + SECOND) == 1
    assert len(partner.heard) == 1


def slow_and_fast(partner: Partner, status: int) -> tuple[Delivery, Delivery]:
    """The message as a worker holds it whose lease ran out, and as another one told it."""
    delivery = label(partner)
    partner.status = status
    with time_machine.travel(T0, tick=False) as real:
        (slow,) = workflow.claim(delivery.courier_id, at=T0)
        real.shift(LEASE)
        outbox.deliver_due(5, at=T0 + MINUTE)
    delivery.refresh_from_db()
    return slow, delivery


def test_who_lost_its_lease_writes_down_its_try_alone(partner: Partner) -> None:
    slow, delivery = slow_and_fast(partner, 204)
    workflow.record(slow, Answer(Fate.AGAIN, 500), at=T0 + 2 * MINUTE)
    delivery.refresh_from_db()
    assert (delivery.last_status, delivery.delivered_at) == (204, T0 + MINUTE)
    assert list(delivery.tried.values_list("number", "status")) == [(1, 500), (2, 204)]


def test_who_lost_its_lease_does_not_shorten_the_next_wait(partner: Partner) -> None:
    slow, delivery = slow_and_fast(partner, 500)
    planned = delivery.next_try_at
    workflow.record(slow, Answer(Fate.AGAIN, 500), at=T0 + 2 * MINUTE)
    delivery.refresh_from_db()
    assert delivery.next_try_at == planned


def test_who_lost_its_lease_to_a_redelivery_cannot_pass_for_the_new_try(partner: Partner) -> None:
    """Tries go on counting: after Redeliver, too, each has a number of its own."""
    delivery = label(partner)
    with time_machine.travel(T0, tick=False) as real:
        (slow,) = workflow.claim(delivery.courier_id, at=T0)
        workflow.redeliver(delivery, by="ann", at=T0)
        real.shift(LEASE)
        (new,) = workflow.claim(delivery.courier_id, at=T0)
    workflow.record(slow, Answer(Fate.TAKEN, 204), at=T0)
    delivery.refresh_from_db()
    assert delivery.delivered_at is None
    assert (slow.attempts, new.attempts, new.tries) == (1, 2, 1)


def test_a_courier_that_hangs_delays_no_other(settings: Settings) -> None:
    settings.COURIERS_ON_LOOPBACK = True
    with partner_on_loopback() as hangs, partner_on_loopback() as well:
        label(hangs, country="FR")
        for _ in range(5):
            awaiting("FR")
        make.courier("inpost-pl")
        Courier.objects.filter(slug="inpost-pl").update(endpoint_url=well.url)
        for _ in range(20):
            awaiting("PL")
        hangs.until = lambda: len(well.heard) == 20
        outbox.deliver_due(100, at=T0)
        assert not hangs.gave_up
        assert (len(hangs.acted), len(well.acted)) == (6, 20)
    assert not Delivery.objects.untold().exists()


# Order


def test_what_is_said_of_a_pickup_is_said_in_order(partner: Partner) -> None:
    case, _, first = booked(partner)
    partner.status = 503
    outbox.deliver_due(5, at=T0)
    later = Window(date(2026, 3, 5), time(9), time(12))
    workflow.reschedule_pickup(case, window=later, at=T0 + SECOND)
    outbox.deliver_due(5, at=T0 + SECOND)
    assert len(partner.heard) == 1
    first.refresh_from_db()
    assert first.next_try_at is not None
    partner.status = 204
    outbox.deliver_due(5, at=first.next_try_at)
    said = [json.loads(body)["type"] for _, body in partner.heard]
    assert said[1:] == ["pickup.requested", "pickup.reschedule_requested"]


def test_a_label_is_not_voided_before_it_was_told_of(partner: Partner) -> None:
    delivery = label(partner)
    partner.status = 503
    outbox.deliver_due(5, at=T0)
    case = delivery.parcel.case
    returns.cancel(case, at=T0)
    workflow.void_label(case.entries.get(event=Event.CANCELLED), at=T0)
    assert outbox.deliver_due(5, at=T0 + SECOND) == 0
    partner.status = 204
    outbox.deliver_due(5, at=T0 + HOUR)
    said = [json.loads(body)["type"] for _, body in partner.heard]
    assert said[1:] == ["label.created", "label.voided"]


def test_what_waits_for_nobody_holds_up_nothing(partner: Partner) -> None:
    """Written down while the courier had no endpoint, it is not due; later ones are."""
    make.courier("ppl-cz")
    case = awaiting("CZ")
    workflow.book_pickup(case, window=WINDOW, at=T0)
    Courier.objects.filter(slug="ppl-cz").update(endpoint_url=partner.url)
    later = Window(date(2026, 3, 5), time(9), time(12))
    workflow.reschedule_pickup(case, window=later, at=T0)
    assert outbox.deliver_due(5, at=T0) == 1


def test_a_request_overtaken_while_it_was_on_the_wire_stays_overtaken(partner: Partner) -> None:
    case, booking, delivery = booked(partner)
    (on_the_wire,) = workflow.claim(booking.courier_id, at=T0)
    workflow.cancel_pickup(case, at=T0 + SECOND)
    workflow.record(on_the_wire, Answer(Fate.TAKEN, 204), at=T0 + 2 * SECOND)
    delivery.refresh_from_db()
    assert (delivery.dead_at, delivery.delivered_at) == (T0 + SECOND, None)
    assert delivery.ending == "overtaken"
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


def test_a_courier_may_reject_in_its_answer_and_the_buyer_gets_a_day_r24(
    partner: Partner,
) -> None:
    case, booking, _ = booked(partner)
    before = case.deadline_at
    partner.status, partner.body = 200, b'{"status":"rejected","reason":"no van that day"}'
    outbox.deliver_due(5, at=T0)
    booking.refresh_from_db()
    case.refresh_from_db()
    assert (booking.state, booking.reason) == (PickupState.REJECTED, "no van that day")
    assert before is not None
    assert case.deadline_at == before + DAY


@pytest.mark.parametrize(
    ("said", "state"), [(b"cancelled", PickupState.CANCELLED), (b"rejected", PickupState.CONFIRMED)]
)
def test_a_courier_may_answer_a_cancellation_at_once_r23(
    partner: Partner, said: bytes, state: PickupState
) -> None:
    case, booking, _ = booked(partner)
    partner.status, partner.body = 200, b'{"status":"confirmed","confirmation_number":"PRG-1"}'
    outbox.deliver_due(5, at=T0)
    workflow.cancel_pickup(case, at=T0 + SECOND)
    partner.body = b'{"status":"%s"}' % said
    outbox.deliver_due(5, at=T0 + SECOND)
    booking.refresh_from_db()
    assert booking.state == state


def test_where_nobody_can_be_called_a_person_rings_the_courier() -> None:
    make.courier("ppl-cz")
    Courier.objects.filter(slug="ppl-cz").update(gateway="internal")
    case = awaiting("CZ")
    booking = workflow.book_pickup(case, window=WINDOW, at=T0)
    outbox.deliver_due(5, at=T0)
    assert Anomaly.objects.get(code="ring-the-courier").pickup == booking
    workflow.cancel_pickup(case, at=T0 + SECOND)
    outbox.deliver_due(5, at=T0 + SECOND)
    assert Anomaly.objects.filter(code="ring-the-courier", pickup=booking).count() == 2


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
    limit = booking.cut_off_at
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
    assert booking.state == PickupState.CANCEL_REQUESTED


# Where it must not go (tests/returns/test_outside.py has the whole list)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "http://93.184.216.34/"])
def test_nothing_inside_is_ever_called(url: str, settings: Settings) -> None:
    settings.COURIERS_ON_LOOPBACK = False
    delivery = label(Partner(url=url))
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert delivery.last_status is None
    assert delivery.last_error.startswith("Forbidden")


def test_without_a_secret_nothing_is_sent(partner: Partner) -> None:
    delivery = label(partner)
    delivery.courier.secrets.all().delete()
    outbox.deliver_due(5, at=T0)
    delivery.refresh_from_db()
    assert (partner.heard, delivery.last_error) == ([], "no secret to sign with")
