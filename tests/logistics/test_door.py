"""The couriers' door beyond the signature: limits, reading, testing, and days when much is away."""

import json
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from time import perf_counter
from typing import Any

import pytest
import time_machine
from django.conf import settings as configured
from django.db import DatabaseError, OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from logistics import throttle, workflow
from logistics.models import (
    Anomaly,
    BadMessage,
    Courier,
    CourierReadKey,
    DropOffPoint,
    PickupBooking,
    TrackingEvent,
    WebhookReceipt,
)
from logistics.policy import Window
from logistics.problems import PROBLEMS
from logistics.states import Direction, Mode
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, event, parcel_of
from tests.logistics.test_webhooks import post, told, updated

pytestmark = pytest.mark.django_db

BASE = "/api/couriers/v1/la-poste-fr"
TEST_SECRET = "whsec_" + "T" * 32
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def courier() -> Courier:
    return make.courier("la-poste-fr")


@pytest.fixture(autouse=True)
def _at_t0() -> Iterator[None]:
    """Counters in memory forget by the clock, in a thread of their own."""
    with time_machine.travel(T0, tick=False):
        yield


@pytest.fixture
def key(courier: Courier) -> str:
    return workflow.give_read_key(courier, by="ann", at=T0 - DAY)


def ask(path: str, key: str = "", *, at: datetime = T0, **more: Any) -> HttpResponse:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with time_machine.travel(at, tick=False):
        return Client().get(f"{BASE}/{path}", headers=headers, **more)


def forged() -> dict[str, str]:
    return make.signed(b"{}", secret="whsec_" + "A" * 32)


def refused(answer: HttpResponse, code: str) -> None:
    """As a problem of the list, whole."""
    said = answer.json()
    assert (answer.status_code, said["code"]) == (PROBLEMS[code].status, code), said
    assert answer["Content-Type"] == "application/problem+json"
    assert (said["title"], said["status"]) == (PROBLEMS[code].title, answer.status_code)
    assert said["type"] == f"http://testserver/problems/{code}"
    assert said["request_id"] == answer["X-Request-ID"]
    assert said["instance"].startswith("/api/couriers/v1/")


# Limits


def test_a_caller_has_a_burst_and_then_waits(settings: Settings) -> None:
    settings.COURIER_LIMITS = {**settings.COURIER_LIMITS, "call": "5 per 5 seconds"}
    assert [post(b"{}").status_code for _ in range(6)] == [202] * 5 + [429]
    late = post(b"{}")
    refused(late, "rate-limited")
    assert late["Retry-After"] == "5"
    assert late["RateLimit-Policy"] == '"call";q=5;w=5'
    assert late["RateLimit"] == '"call";r=0;t=5'
    assert post(b"{}", at=T0 + timedelta(seconds=5.1)).status_code == 202


def test_who_calls_too_often_is_refused_before_anything_is_looked_at(
    settings: Settings, django_assert_num_queries: Any
) -> None:
    settings.COURIER_LIMITS = {**settings.COURIER_LIMITS, "call": "1 per 5 seconds"}
    post(b"{}", headers=forged())
    with django_assert_num_queries(0):
        assert post(b"{}", headers=forged()).status_code == 429


def test_the_limits_are_20_a_second_with_a_burst_of_100_and_what_else_is_agreed() -> None:
    assert configured.COURIER_LIMITS == {
        "call": "100 per 5 seconds",
        "courier": "100 per 5 seconds",
        "ping": "6 per 1 minute",
        "read": "25 per 5 seconds",
        "bad": "60 per 1 minute",
        "penalty": "1 per 15 minutes",
    }


def test_a_courier_has_its_own_limit_wherever_it_calls_from(settings: Settings) -> None:
    settings.COURIER_LIMITS = {**settings.COURIER_LIMITS, "courier": "2 per 5 seconds"}
    seen = [post(b"{}", REMOTE_ADDR=f"192.0.2.{n}").status_code for n in range(3)]
    assert seen == [202, 202, 429]
    assert post(b"{}")["RateLimit-Policy"] == '"courier";q=2;w=5'


def test_what_is_left_is_said_with_every_answer() -> None:
    answer = post(b"{}")
    assert answer["RateLimit-Policy"] == '"courier";q=100;w=5'
    assert answer["RateLimit"] == '"courier";r=99;t=5'
    assert post(b"{}")["RateLimit"] == '"courier";r=98;t=5'


def test_a_ping_a_ten_seconds_is_enough() -> None:
    seen = [post(b"{}", path=f"{BASE}/ping").status_code for _ in range(7)]
    assert seen == [200] * 6 + [429]
    assert post(b"{}").status_code == 202


def test_sixty_forgeries_a_minute_close_the_door_for_a_quarter_of_an_hour() -> None:
    for n in range(60):
        at = T0 + n * timedelta(milliseconds=900)
        assert post(b"{}", headers=forged(), at=at).status_code == 401
    late = post(b"{}", headers=forged(), at=T0 + timedelta(seconds=55))
    refused(late, "rate-limited")
    assert late["Retry-After"] == "900"
    assert post(b"{}", at=T0 + 10 * MINUTE).status_code == 429
    assert post(b"{}", at=T0 + 16 * MINUTE).status_code == 202


def test_a_forger_does_not_close_the_door_to_the_courier_he_pretends_to_be() -> None:
    for n in range(100):
        at = T0 + n * timedelta(milliseconds=100)
        post(b"{}", headers=forged(), at=at, REMOTE_ADDR="198.51.100.7")
    closed = post(b"{}", headers=forged(), REMOTE_ADDR="198.51.100.7", at=T0 + MINUTE / 2)
    assert closed.status_code == 429
    assert post(b"{}", REMOTE_ADDR="192.0.2.1", at=T0 + MINUTE / 2).status_code == 202


def test_made_up_names_fill_no_store() -> None:
    for n in range(90):
        post(b"{}", headers=forged(), path=f"/api/couriers/v1/nobody-{n}/events")
    kept = throttle._counters().own.storage.events
    assert len(kept) <= 91
    assert not any("nobody" in name for name in kept)
    assert not BadMessage.objects.exists()


def test_an_ipv6_network_is_one_caller_and_a_mapped_address_is_the_ipv4_one() -> None:
    def place(told: str, **headers: str) -> str:
        request = Client().get("/", REMOTE_ADDR=told, **headers).wsgi_request
        return throttle.place(throttle.caller(request))

    assert place("2001:db8::1") == place("2001:db8::ffff:2") == "2001:db8::/64"
    assert place("::ffff:192.0.2.1") == "192.0.2.1"
    assert place("fe80::1%eth0") == "fe80::/64"
    assert place("") == place("nonsense") == str(IPv4Address(0))
    assert place("192.0.2.1", HTTP_X_FORWARDED_FOR="198.51.100.7") == "192.0.2.1"


def test_behind_a_proxy_the_address_is_the_one_it_saw(settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    forwarded = {"HTTP_X_FORWARDED_FOR": "10.0.0.1, 198.51.100.7", "REMOTE_ADDR": "127.0.0.1"}
    request = Client().get("/", **forwarded).wsgi_request
    assert str(throttle.caller(request)) == "198.51.100.7"


def test_a_redis_that_is_away_is_not_waited_for(settings: Settings) -> None:
    settings.COURIER_LIMITS_STORE = "redis://127.0.0.1:1/0"
    settings.COURIER_LIMITS = {**settings.COURIER_LIMITS, "call": "5 per 5 seconds"}
    throttle.forget()
    assert [post(b"{}").status_code for _ in range(6)] == [202] * 5 + [429]


def test_a_redis_that_never_answers_is_given_a_moment_and_then_left_alone(
    settings: Settings, port_that_never_answers: int
) -> None:
    settings.COURIER_LIMITS_STORE = f"redis://127.0.0.1:{port_that_never_answers}/0"
    throttle.forget()
    before = perf_counter()
    assert [post(b"{}").status_code for _ in range(5)] == [202] * 5
    assert perf_counter() - before < 2


@pytest.fixture
def port_that_never_answers() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


# Who may not


def test_one_couriers_secret_is_no_signature_of_anothers(courier: Courier) -> None:
    theirs = workflow.give_secret(Courier.objects.get(slug="ppl-cz"), Direction.IN, at=T0 - DAY)
    refused(post(b"{}", headers=make.signed(b"{}", secret=theirs)), "signature-mismatch")
    nobody = "/api/couriers/v1/swiss-post-ch/events"
    refused(post(b"{}", headers=make.signed(b"{}"), path=nobody), "signature-mismatch")


def test_who_signs_with_a_retired_secret_is_told_to_stop(courier: Courier) -> None:
    workflow.retire_secrets(courier, mode=Mode.LIVE, by="ann", at=T0)
    refused(post(b"{}", at=T0 + HOUR), "credentials-retired")
    refused(post(b"{}", headers=forged()), "signature-mismatch")
    workflow.give_secret(courier, Direction.IN, at=T0 + DAY)
    refused(post(b"{}", at=T0 + DAY), "signature-mismatch")


def test_only_the_networks_a_courier_named_may_sign_and_read(courier: Courier, key: str) -> None:
    courier.allowed_networks = "192.0.2.0/24, 2001:db8::/32"
    courier.save()
    for address in ("192.0.2.9", "2001:db8::9"):
        assert post(b"{}", REMOTE_ADDR=address).status_code == 202
    refused(post(b"{}", REMOTE_ADDR="198.51.100.7"), "ip-not-allowed")
    refused(ask("parcels/X", key, REMOTE_ADDR="198.51.100.7"), "ip-not-allowed")
    refused(post(b"{}", headers=forged(), REMOTE_ADDR="198.51.100.7"), "signature-mismatch")


@pytest.mark.parametrize("networks", ["192.0.2.1/24", "everywhere", "1.2.3", "192.0.2.0/24 x"])
def test_what_is_no_network_is_refused(courier: Courier, networks: str) -> None:
    courier.allowed_networks = networks
    with pytest.raises(Exception, match="no network"):
        courier.full_clean()


def test_what_was_not_believed_is_counted_and_sampled_once_a_day_and_code() -> None:
    body = b"\x00\xff" + b"x" * 9_000
    headers = make.signed(body, secret="whsec_" + "A" * 32)
    for at in (T0, T0 + MINUTE, T0 + DAY):
        post(body, headers={**headers, "webhook-timestamp": f"{at.timestamp():.0f}"}, at=at)
    kept = list(BadMessage.objects.order_by("day").values_list("code", "count"))
    assert kept == [("signature-mismatch", 2), ("signature-mismatch", 1)]
    sample = BadMessage.objects.latest("day").sample
    assert len(sample) <= 4_096
    assert "webhook-signature" in sample
    assert not WebhookReceipt.objects.exists()
    assert not TrackingEvent.objects.exists()


def test_a_webhook_id_used_again_is_put_before_a_person_once() -> None:
    post(updated(told()), message_id="m1")
    for _ in range(2):
        refused(post(updated(told(note="x")), message_id="m1"), "webhook-id-reused")
    assert [found.code for found in Anomaly.objects.all()] == ["webhook-id-reused"]


def test_events_from_the_future_are_named_so() -> None:
    ahead = told(occurred_at="2026-03-04T11:00:00+01:00")
    refused(post(updated(ahead)), "occurred-at-in-future")
    refused(post(updated(ahead, 7)), "validation-failed")


class Away:
    """A database that is not there, from the first question on."""

    def __init__(self, error: DatabaseError) -> None:
        self.error = error

    def __call__(self, *_: Any) -> Any:
        raise self.error


def test_without_the_database_a_courier_is_told_when_to_come_again(key: str) -> None:
    with connection.execute_wrapper(Away(OperationalError("gone"))):
        for answer in (post(b"{}"), ask("parcels/X", key), ask("pickups?since=x", key)):
            refused(answer, "overloaded")
            assert answer["Retry-After"] == "5"


# Testing


def test_what_is_signed_for_testing_is_answered_alike_and_touches_nothing(
    courier: Courier,
) -> None:
    workflow.install_secret(courier, Direction.IN, TEST_SECRET, mode=Mode.TEST, at=T0 - DAY)
    case = awaiting()
    parcel = parcel_of(case)
    message = updated(
        event(parcel, "dropped_off", at=T0), told(event_id="e2"), told(occurred_at="x")
    )
    body = json.dumps(message).encode()
    answers = {}
    for mode, secret in ((Mode.TEST, TEST_SECRET), (Mode.LIVE, make.SECRET)):
        headers = make.signed(body, message_id="m1", secret=secret)
        answers[mode] = post(body, headers=headers)
        if mode == Mode.TEST:
            assert not TrackingEvent.objects.exists()
    test, live = (answers[mode].json() for mode in (Mode.TEST, Mode.LIVE))
    assert (test.pop("mode"), live.pop("mode")) == ("test", "live")
    assert test == live
    assert [each["status"] for each in test["results"]] == ["accepted", "unmatched", "rejected"]
    again = post(body, headers=make.signed(body, message_id="m1", secret=TEST_SECRET))
    assert (again.status_code, again.json()["mode"]) == (200, "test")


def test_a_ping_says_mode_and_key(courier: Courier) -> None:
    workflow.install_secret(courier, Direction.IN, TEST_SECRET, mode=Mode.TEST, at=T0 - HOUR)
    for secret, mode in ((TEST_SECRET, Mode.TEST), (make.SECRET, Mode.LIVE)):
        answer = post(b"{}", path=f"{BASE}/ping", headers=make.signed(b"{}", secret=secret))
        said = answer.json()
        kept = courier.secrets.get(direction=Direction.IN, mode=mode)
        assert (said["mode"], said["key_index"]) == (mode, 0)
        assert said["key_fingerprint"] == kept.fingerprint
        assert said["server_time"] == int(T0.timestamp())


# Points


def test_a_point_is_closed_and_opened_by_its_courier_in_the_order_it_happened(
    courier: Courier,
) -> None:
    point = courier.points.first()
    assert point is not None

    def say(status: str, at: datetime, **more: str) -> str:
        data = {"point_code": point.code, "status": status, "occurred_at": at.isoformat(), **more}
        answer = post({"type": "point.updated", "data": data}, at=at + HOUR)
        point.refresh_from_db()
        return str(answer.json()["results"][0]["status"])

    assert say("full", T0) == "accepted"
    assert point.closed_until == T0 + DAY
    say("closed", T0 + 2 * HOUR, until=(T0 + 2 * DAY).isoformat())
    assert point.closed_until == T0 + 2 * DAY
    say("open", T0 + HOUR)
    assert point.closed_until == T0 + 2 * DAY
    say("open", T0 + 3 * HOUR)
    assert point.closed_until is None
    say("closed", T0 + 4 * HOUR)
    assert DropOffPoint.objects.usable(T0 + 300 * DAY).filter(pk=point.pk).count() == 0


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"point_code": "X", "status": "burnt"}, "/data/status"),
        ({"status": "open"}, "/data/point_code"),
        ({"point_code": "X", "status": "full", "until": "tomorrow"}, "/data/until"),
    ],
)
def test_what_is_wrong_about_a_point_is_said(data: dict[str, str], where: str) -> None:
    answer = post({"type": "point.updated", "data": data})
    refused(answer, "validation-failed")
    assert answer.json()["errors"][0]["pointer"] == where


def test_an_unknown_point_is_unmatched_and_nobodys_parcel() -> None:
    data = {"point_code": "NOWHERE", "status": "open"}
    answer = post({"type": "point.updated", "data": data})
    assert answer.json()["results"][0]["status"] == "unmatched"
    assert not TrackingEvent.objects.parked(T0).exists()


# Reading


@pytest.mark.parametrize("path", ["parcels/BA100000007FR", "pickups?since=2026-01-01T00:00:00Z"])
def test_only_the_holder_of_a_read_key_of_the_courier_reads(
    courier: Courier, key: str, path: str
) -> None:
    strangers = workflow.give_read_key(Courier.objects.get(slug="usps-us"), by="ann", at=T0)
    for wrong in ("", strangers, key[:-1], "é", " "):
        answer = ask(path, wrong)
        refused(answer, "read-key-unknown")
        assert answer["WWW-Authenticate"] == 'Bearer realm="couriers"'
    basic = Client().get(f"{BASE}/{path}", headers={"Authorization": f"Basic {key}"})
    assert basic.status_code == 401
    assert ask(path, key).status_code in (200, 404)
    assert CourierReadKey.objects.get(courier=courier).last_used_at == T0
    workflow.revoke_read_key(courier.read_keys.get(), by="ann", at=T0 + HOUR)
    refused(ask(path, key, at=T0 + HOUR), "read-key-unknown")
    assert Client().post(f"{BASE}/{path}").status_code == 405


def test_a_read_key_is_kept_as_its_hash(key: str) -> None:
    kept = CourierReadKey.objects.get()
    assert key not in str(vars(kept))


def test_a_read_key_looks_five_times_a_second(key: str) -> None:
    seen = [ask("parcels/X", key).status_code for _ in range(26)]
    assert seen == [404] * 25 + [429]


def booked(n: int) -> list[PickupBooking]:
    made = []
    for i in range(n):
        case = awaiting("CZ")
        window = Window.parse({"date": "2026-03-04", "start": "09:00", "end": "12:00"})
        made.append(workflow.book_pickup(case, window=window, at=T0 + i * MINUTE))
    return made


@pytest.fixture
def czech() -> tuple[str, str]:
    """The path of the courier of the Czech Republic's pick-ups, and a key to it."""
    ppl = make.courier("ppl-cz")
    return "/api/couriers/v1/ppl-cz/pickups", workflow.give_read_key(ppl, by="ann", at=T0)


def look(czech: tuple[str, str], **query: str) -> Any:
    path, key = czech
    with time_machine.travel(T0 + DAY, tick=False):
        return Client().get(path, query, headers={"Authorization": f"Bearer {key}"})


def test_a_courier_sees_what_changed_since_and_no_names(czech: tuple[str, str]) -> None:
    first, second = booked(2)
    said = look(czech, since=T0.isoformat()).json()
    assert [each["pickup_id"] for each in said["results"]] == [first.reference, second.reference]
    assert said["next_cursor"] is None
    assert said["until"] == "2026-03-03T09:59:00Z"
    assert said["results"][0] == {
        "pickup_id": first.reference,
        "tracking_number": first.parcel.tracking_number,
        "status": "requested",
        "window": first.window(),
        "confirmed_window": None,
        "confirmation_number": "",
        "attempts": 0,
        "requested_at": "2026-03-02T10:00:00Z",
        "changed_at": "2026-03-02T10:00:00Z",
    }
    assert first.case.buyer.name not in json.dumps(said)
    workflow.confirm_pickup(first, number="C1", at=T0 + HOUR)
    later = look(czech, since=(T0 + 30 * MINUTE).isoformat()).json()["results"]
    assert [(each["pickup_id"], each["status"]) for each in later] == [
        (first.reference, "confirmed")
    ]


def test_pages_follow_each_other_and_miss_nothing_that_changed_at_one_moment(
    czech: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics.webhooks.reading.PAGE", 2)
    made = booked(5)
    PickupBooking.objects.update(changed_at=T0 + HOUR)
    seen, cursor = [], ""
    while True:
        query = {"cursor": cursor} if cursor else {"since": T0.isoformat()}
        page = look(czech, **query).json()
        seen += [each["pickup_id"] for each in page["results"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [booking.reference for booking in made]


def test_another_couriers_pickups_are_not_seen(key: str) -> None:
    booked(1)
    assert ask("pickups?since=2026-01-01T00:00:00Z", key).json()["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"since": "yesterday"},
        {"since": "2026-03-01T00:00:00"},
        {"since": "\x00"},
        {"cursor": ""},
        {"cursor": "é"},
        {"cursor": "////"},
        {"cursor": "MjAyNi0wMy0wMlQxMDowMDowMFp8eA=="},
        {"cursor": "x" * 5000},
    ],
)
def test_nonsense_is_told_what_would_be_right(
    czech: tuple[str, str], query: dict[str, str]
) -> None:
    answer = look(czech, **query)
    refused(answer, "validation-failed")
    assert answer.json()["errors"][0]["pointer"] == f"?{next(iter(query), 'since')}"


def test_a_plus_that_was_not_escaped_is_read_as_one(czech: tuple[str, str]) -> None:
    path, key = czech
    with time_machine.travel(T0, tick=False):
        plain = Client().get(
            f"{path}?since=2026-03-01T00:00:00+01:00", headers={"Authorization": f"Bearer {key}"}
        )
    assert plain.status_code == 200


# Forgetting, warning


def test_receipts_are_forgotten_after_30_days_and_raw_texts_after_90() -> None:
    post(updated(told()))
    post(b"{}", headers=forged())
    for days, receipts, samples, raw in ((30, 1, 1, True), (31, 0, 0, True), (91, 0, 0, False)):
        while workflow.purge_messages(1, at=T0 + days * DAY):
            pass
        assert WebhookReceipt.objects.count() == receipts
        assert BadMessage.objects.count() == samples
        assert bool(TrackingEvent.objects.get().raw) == raw
    assert post(updated(told()), at=T0 + 91 * DAY).json()["results"][0]["status"] == "duplicate"


def test_raw_text_is_emptied_and_never_written() -> None:
    post(updated(told()))
    with pytest.raises(DatabaseError), transaction.atomic():
        TrackingEvent.objects.update(raw="other")
    with pytest.raises(DatabaseError), transaction.atomic():
        TrackingEvent.objects.update(note="other")
    assert TrackingEvent.objects.update(raw="") == 1


def test_an_old_key_still_used_two_hours_before_its_end_is_said_once(courier: Courier) -> None:
    workflow.give_secret(courier, Direction.IN, at=T0)
    ends = T0 + DAY
    post(b"{}", at=ends - 3 * HOUR)
    workflow.warn_of_ending_secrets(at=ends - 2.5 * HOUR)
    assert not Anomaly.objects.exists()
    for _ in range(2):
        workflow.warn_of_ending_secrets(at=ends - 2 * HOUR)
    found = Anomaly.objects.get()
    assert (found.code, found.courier) == ("secret-ending", courier)


def test_an_old_key_nobody_uses_any_more_worries_nobody(courier: Courier) -> None:
    workflow.give_secret(courier, Direction.IN, at=T0)
    post(b"{}", at=T0)
    workflow.warn_of_ending_secrets(at=T0 + DAY - HOUR)
    assert not Anomaly.objects.exists()


# Whatever comes


text = st.text(alphabet=st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60)
names = st.sampled_from(
    [
        *("webhook-id", "webhook-timestamp", "webhook-signature", "Authorization"),
        *("Content-Type", "Content-Length", "X-Forwarded-For", "X-Request-ID", "Accept"),
    ]
)
paths = st.sampled_from(
    ["events", "ping", "pickups", "parcels/X", "parcels/%00", "pickups?cursor="]
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "X"]),
    path=paths,
    query=text,
    body=st.binary(max_size=100),
    headers=st.dictionaries(names, text, max_size=6),
    behind=st.booleans(),
)
def test_whatever_bytes_and_headers_come_nothing_is_an_error_of_ours(
    settings: Settings,
    method: str,
    path: str,
    query: str,
    body: bytes,
    headers: dict[str, str],
    behind: bool,
) -> None:
    settings.BEHIND_PROXY = behind
    settings.COURIER_LIMITS = dict.fromkeys(settings.COURIER_LIMITS, "1000000 per 1 second")
    answer = Client().generic(method, f"{BASE}/{path}", body, headers=headers, QUERY_STRING=query)
    assert answer.status_code < 500
    if answer.status_code >= 400 and method != "HEAD":
        assert answer["Content-Type"] == "application/problem+json"
