"""The couriers' door: signed, once, and never an error whatever bytes come."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from logistics import workflow
from logistics.handbook import contract
from logistics.models import Courier, TrackingEvent, WebhookReceipt
from logistics.reports import MAX_EVENTS, Report
from logistics.states import Direction
from logistics.tracking import TrackingCode
from returns.states import State
from tests import make
from tests.logistics.story import DAY, HOUR, T0, awaiting, event, parcel_of

pytestmark = pytest.mark.django_db

VECTORS = json.loads((contract.FOLDER / "vectors.json").read_text())["vectors"]
EVENTS = "/api/couriers/v1/la-poste-fr/events"


@pytest.fixture(autouse=True)
def _a_courier() -> None:
    make.courier("la-poste-fr")


@pytest.fixture
def _unhurried(settings: Settings) -> None:
    """Hypothesis calls more often than any courier may."""
    settings.COURIER_LIMITS = dict.fromkeys(settings.COURIER_LIMITS, "1000000 per 1 second")


def post(
    message: Any, *, at: datetime = T0, path: str = EVENTS, message_id: str = "", **more: Any
) -> HttpResponse:
    """Post a message signed, at that moment."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    headers = more.pop("headers", None) or make.signed(body, at=at, message_id=message_id)
    kind = more.pop("content_type", "application/json")
    with time_machine.travel(at, tick=False):
        return Client().post(path, body, content_type=kind, headers=headers, **more)


def updated(*events: Any) -> dict[str, Any]:
    return {"type": "tracking.updated", "timestamp": T0.isoformat(), "data": {"events": events}}


def told(code: str = "dropped_off", **more: Any) -> dict[str, Any]:
    return {
        "event_id": "e1",
        "tracking_number": "BA100000007FR",
        "code": code,
        "occurred_at": "2026-03-02T11:00:00+01:00",
        **more,
    }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors_pass_against_the_door(vector: dict[str, Any]) -> None:
    courier = Courier.objects.get(slug="inpost-pl")
    now = datetime.fromtimestamp(vector["now"], UTC)
    for age, secret in reversed(list(enumerate(vector["secrets"]))):
        given = now - (age + 1) * HOUR
        workflow.install_secret(courier, Direction.IN, secret, at=given)
    response = post(
        vector["body"].encode(),
        at=now,
        path="/api/couriers/v1/inpost-pl/events",
        headers=vector["headers"],
    )
    assert response.status_code == vector["http"], response.content
    said = response.json()
    assert said.get("code") == vector["problem"]
    if vector["problem"]:
        assert response["Content-Type"] == "application/problem+json"


def test_there_are_32_vectors() -> None:
    assert len(VECTORS) == 32


def test_a_report_is_taken_and_leads_the_case() -> None:
    case = awaiting()
    response = post(updated(event(parcel_of(case), "dropped_off", at=T0)), at=T0 + HOUR)
    assert response.status_code == 202
    assert response.json()["status"] == "accepted"
    assert [each["status"] for each in response.json()["results"]] == ["accepted"]
    workflow.project_due(10, at=T0 + HOUR)
    case.refresh_from_db()
    assert case.state == State.IN_TRANSIT


def test_the_same_message_again_gets_the_same_answer_and_does_nothing() -> None:
    first = post(updated(told()), message_id="m1")
    again = post(updated(told()), message_id="m1", at=T0 + HOUR)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == {**first.json(), "status": "duplicate"}
    assert TrackingEvent.objects.count() == WebhookReceipt.objects.count() == 1


def test_the_same_id_with_another_body_is_a_conflict() -> None:
    post(updated(told()), message_id="m1")
    other = post(updated(told(note="x")), message_id="m1")
    assert (other.status_code, other.json()["code"]) == (409, "webhook-id-reused")


def test_the_same_event_in_another_message_is_a_duplicate() -> None:
    post(updated(told()))
    again = post(updated(told(), told()))
    assert [each["status"] for each in again.json()["results"]] == ["duplicate", "duplicate"]
    assert TrackingEvent.objects.count() == 1


def test_the_database_keeps_a_receipt_and_an_event_once() -> None:
    post(updated(told()))
    for row in (WebhookReceipt.objects.get(), TrackingEvent.objects.get()):
        row.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)


def test_an_unknown_number_is_kept_and_said_to_be_unmatched() -> None:
    assert post(updated(told())).json()["results"][0]["status"] == "unmatched"


def test_an_unknown_code_is_kept_as_unknown() -> None:
    assert post(updated(told("teleported"))).status_code == 202
    kept = TrackingEvent.objects.get()
    assert kept.code == TrackingCode.UNKNOWN
    assert "teleported" in kept.raw


def test_an_unknown_type_is_ignored_for_now() -> None:
    response = post({"type": "drone.landed", "data": 7})
    assert (response.status_code, response.json()["status"]) == (202, "ignored")


def test_an_event_without_an_id_is_known_by_what_it_says() -> None:
    nameless = {key: value for key, value in told().items() if key != "event_id"}
    post(updated(nameless))
    again = post(updated(nameless))
    assert again.json()["results"][0]["status"] == "duplicate"


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"occurred_at": "2026-03-02T11:00:00"}, "occurred_at"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": None}, "occurred_at"),
        ({"occurred_at": "2026-W10-1T11:00:00+01:00"}, "occurred_at"),
        ({"occurred_at": "2026-03-04T11:00:00+01:00"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-23:59"}, "occurred_at"),
        ({"code": 7}, "code"),
        ({"tracking_number": ""}, "tracking_number"),
        ({"tracking_number": "A\x00B"}, "tracking_number"),
        ({"tracking_number": "\ud800"}, "tracking_number"),
        ({"event_id": "x" * 81}, "event_id"),
    ],
)
def test_a_bad_event_does_not_hold_up_the_good_one_and_is_said_by_pointer(
    wrong: dict[str, Any], where: str
) -> None:
    response = post(updated(told(), {**told(event_id="e2"), **wrong}))
    assert response.status_code == 202
    good, bad = response.json()["results"]
    assert (good["status"], bad["status"]) == ("unmatched", "rejected")
    assert bad["pointer"] == f"/data/events/1/{where}"
    assert TrackingEvent.objects.count() == 1


def test_when_nothing_can_be_taken_it_is_a_problem_and_nothing_is_kept() -> None:
    response = post(updated(told(occurred_at="2026-03-02T11:00:00"), 7))
    assert (response.status_code, response.json()["code"]) == (422, "validation-failed")
    pointers = [error["pointer"] for error in response.json()["errors"]]
    assert pointers == ["/data/events/0/occurred_at", "/data/events/1"]
    assert not WebhookReceipt.objects.exists()


def test_a_batch_has_a_hundred_events_at_most() -> None:
    batch = [told(event_id=f"e{n}") for n in range(MAX_EVENTS + 1)]
    assert post(updated(*batch[:-1])).status_code == 202
    assert post(updated(*batch)).status_code == 422


@pytest.mark.parametrize(
    "body",
    [b" ", b"[]", b"\xff", b"[" * 100_000, b'{"a":' * 90_000, b"1" * 5_000, b'"\\ud800"'],
    ids=["nothing", "list", "not utf-8", "deep list", "deep", "long number", "surrogate"],
)
def test_what_is_no_json_object_is_a_problem(body: bytes) -> None:
    large = len(body) > 256 * 1024
    assert post(body).status_code == (413 if large else 400)


def test_numbers_json_does_not_know_and_deep_nesting_in_an_event_do_no_harm() -> None:
    body = json.dumps(updated(told(weight_g=float("nan"), more=float("inf")))).encode()
    assert post(body).status_code == 202
    deep = json.dumps(updated(told(event_id="e2", deep="@"))).replace('"@"', "[" * 900 + "]" * 900)
    assert post(deep.encode()).status_code in (202, 400, 422)


def test_a_large_body_is_refused_before_it_is_read() -> None:
    response = post(b" " * (256 * 1024 + 1))
    assert (response.status_code, response.json()["code"]) == (413, "body-too-large")


def test_an_unknown_courier_is_answered_as_a_wrong_signature_is() -> None:
    headers = make.signed(b"{}", secret="whsec_" + "A" * 32)
    known = post(b"{}", headers=headers)
    for slug in ("nobody", "%00", "a b", "é"):
        unknown = post(b"{}", headers=headers, path=f"/api/couriers/v1/{slug}/events")
        assert unknown.status_code == known.status_code == 401
        mine, theirs = dict(known.json()), dict(unknown.json())
        for own in ("instance", "request_id"):
            assert mine.pop(own) != theirs.pop(own)
        assert mine == theirs


def test_another_couriers_secret_opens_nothing() -> None:
    workflow.install_secret(
        Courier.objects.get(slug="usps-us"), Direction.IN, "whsec_" + "B" * 32, at=T0 - DAY
    )
    headers = make.signed(b"{}", secret="whsec_" + "B" * 32)
    assert post(b"{}", headers=headers).status_code == 401


def test_the_secret_we_sign_with_is_not_one_we_believe() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    workflow.install_secret(courier, Direction.OUT, "whsec_" + "C" * 32, at=T0 - DAY)
    assert post(b"{}", headers=make.signed(b"{}", secret="whsec_" + "C" * 32)).status_code == 401


def test_a_secret_counts_from_its_beginning_to_its_end() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    courier.secrets.all().delete()
    workflow.install_secret(courier, Direction.IN, make.SECRET, at=T0)
    courier.secrets.update(expires_at=T0 + DAY)
    ping = EVENTS.replace("events", "ping")
    seen = [post(b"{}", at=at, path=ping).status_code for at in (T0 - HOUR, T0, T0 + DAY)]
    assert seen == [401, 200, 410]


def test_secrets_are_kept_encrypted_and_shown_once() -> None:
    courier = Courier.objects.get(slug="usps-us")
    shown = workflow.give_secret(courier, Direction.IN, at=T0)
    kept = courier.secrets.get()
    assert kept.key not in bytes(kept.ciphertext)
    assert shown not in str(kept)
    with pytest.raises(ValueError, match="24 to 64"):
        workflow.install_secret(courier, Direction.IN, "whsec_AAAA", at=T0)


def test_a_suspended_courier_is_told_so_only_when_it_signs_right() -> None:
    Courier.objects.filter(slug="la-poste-fr").update(active=False)
    assert post(b"{}").json()["code"] == "courier-suspended"
    wrong = make.signed(b"{}", secret="whsec_" + "A" * 32)
    assert post(b"{}", headers=wrong).status_code == 401
    assert not WebhookReceipt.objects.exists()


def test_other_methods_and_media_types_are_refused() -> None:
    assert Client().get(EVENTS).json()["code"] == "method-not-allowed"
    assert post(b"{}", content_type="text/plain").json()["code"] == "unsupported-media-type"


def test_ping_says_which_key_signed() -> None:
    courier = Courier.objects.get(slug="la-poste-fr")
    workflow.install_secret(courier, Direction.IN, "whsec_" + "D" * 32, at=T0 - HOUR)
    response = post(b"{}", path=EVENTS.replace("events", "ping"))
    assert response.json()["key_index"] == 1


def test_a_courier_may_look_at_its_own_parcels_and_sees_no_names() -> None:
    parcel = parcel_of(awaiting())

    def look(slug: str, number: str) -> HttpResponse:
        key = workflow.give_read_key(Courier.objects.get(slug=slug), by="ann", at=T0)
        with time_machine.travel(T0, tick=False):
            path = f"/api/couriers/v1/{slug}/parcels/{number}"
            return Client().get(path, headers={"Authorization": f"Bearer {key}"})

    mine = look("la-poste-fr", parcel.tracking_number)
    assert mine.json() == {
        "tracking_number": parcel.tracking_number,
        "status": "labelled",
        "label": "live",
        "last_use_on": "2026-03-12",
        "destination": "DE",
    }
    assert look("usps-us", parcel.tracking_number).status_code == 404
    assert look("la-poste-fr", "%00").status_code == 404


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
words = st.sampled_from([*TrackingCode.values, "2026-03-02T11:00:00Z", "damaged", ""])
fields = [*sorted(vars(Report("", "", T0))), "window_start", "window_end", "confirmation_number"]
wild = st.dictionaries(st.sampled_from(fields), words | anything)
kinds = st.sampled_from(["tracking.updated", "tracking.voided", "pickup.confirmed", "x"])


@pytest.mark.usefixtures("_unhurried")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    message=anything
    | st.fixed_dictionaries({"type": kinds | anything, "data": wild | anything})
    | st.fixed_dictionaries(
        {
            "type": st.just("tracking.updated"),
            "data": st.fixed_dictionaries({"events": st.lists(wild | anything, max_size=4)}),
        }
    )
)
def test_no_message_is_an_error_of_ours(message: Any) -> None:
    response = post(message)
    assert response.status_code in (200, 202, 400, 422)
    workflow.project_due(10, at=T0)


@pytest.mark.usefixtures("_unhurried")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(min_size=1, max_size=200),
    headers=st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
        st.text(alphabet=st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
    ),
)
def test_no_bytes_and_no_headers_are_an_error_of_ours(body: bytes, headers: dict[str, str]) -> None:
    assert post(body).status_code in (202, 400)
    assert post(body, headers=headers or {"webhook-id": "x"}).status_code in (400, 401)
