"""A request told twice is done once, whatever happens to the first."""

from datetime import timedelta
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from backoffice.problems import Refused, handler
from backoffice.shop.idempotency import LEASE, _keep, _take, once
from backoffice.shop.parsers import StrictJSONParser
from returns import clock, keys
from returns.models import ApiKey, Case, Evidence, IdempotentAnswer, Message
from returns.states import Actor
from tests import make
from tests.races.together import failed, succeeded, together
from tests.shop import bodies, pictures
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _an_order(shop: Shop) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)


def open_(shop: Shop, key: str, **changes: object) -> HttpResponse:
    return shop.call("post", "/returns", bodies.dispute(**changes), key=key)


def test_the_same_request_gets_the_answer_of_the_first(shop: Shop) -> None:
    first, second = open_(shop, "k"), open_(shop, "k")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert Case.objects.count() == 1


def test_the_answer_is_the_one_of_then(shop: Shop) -> None:
    number = open_(shop, "k").json()["number"]
    shop.post(f"/returns/{number}/cancel", {})
    assert open_(shop, "k").json()["state"] == "under_review"


def test_without_a_key_a_message_is_sent_as_often_as_it_is_told(shop: Shop) -> None:
    path = f"/returns/{open_(shop, 'k').json()['number']}/messages"
    for _ in range(2):
        shop.post(path, {"text": "Hello"}, status=201)
    for _ in range(2):
        shop.post(path, {"text": "Hello"}, status=201, key="m")
    assert Message.objects.count() == 3


def test_the_order_of_members_does_not_make_another_request(shop: Shop) -> None:
    body = bodies.dispute()
    shop.post("/returns", body, status=201, key="k")
    shop.post("/returns", dict(reversed(body.items())), status=201, key="k")


def test_another_body_or_path_under_the_same_key_is_refused(shop: Shop) -> None:
    number = open_(shop, "k").json()["number"]
    for refused in (
        open_(shop, "k", quantity=2),
        shop.call("post", f"/returns/{number}/messages", {"text": "Hello"}, key="k"),
    ):
        assert refused.status_code == 422
        assert refused.json()["code"] == "idempotency-key-reused"
    assert not Message.objects.exists()


def test_a_key_belongs_to_its_caller(shop: Shop) -> None:
    _, secret = keys.create("another", at=make.T0)
    assert open_(shop, "k").status_code == 201
    assert open_(Shop(secret), "k", item="sku-2").status_code == 201


def test_a_refusal_is_an_answer_like_any_other(shop: Shop) -> None:
    refused = open_(shop, "k", quantity=9)
    again = open_(shop, "k", quantity=9)
    assert (refused.status_code, refused.json()["code"]) == (422, "not-possible")
    assert again.json() == refused.json()
    assert again["Content-Type"] == "application/problem+json"
    assert again["Idempotent-Replayed"] == "true"


def test_a_body_that_makes_no_sense_does_not_use_the_key_up(shop: Shop) -> None:
    assert open_(shop, "k", quantity=0).json()["code"] == "invalid"
    assert open_(shop, "k").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "é", "x" * 129, "a b"])
def test_a_key_is_printable_and_short(shop: Shop, key: str) -> None:
    answer = shop.client.post(
        "/api/v1/returns", bodies.dispute(), format="json", headers={"Idempotency-Key": key}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-invalid")


def test_files_sent_again_with_another_boundary_are_the_same_request(shop: Shop) -> None:
    number = open_(shop, "k").json()["number"]
    for boundary in ("one", "two"):
        content = pictures.jpeg()
        body = (
            (
                f"--{boundary}\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\n"
                "Content-Type: image/jpeg\r\n\r\n"
            ).encode()
            + content
            + f"\r\n--{boundary}--\r\n".encode()
        )
        answer = shop.client.generic(
            "POST",
            f"/api/v1/returns/{number}/evidence",
            body,
            content_type=f"multipart/form-data; boundary={boundary}",
            headers={"Idempotency-Key": "e"},
        )
        assert answer.status_code == 201, answer.content
    assert answer["Idempotent-Replayed"] == "true"
    other = SimpleUploadedFile("a.jpg", pictures.jpeg(colour="blue"))
    refused = shop.call(
        "post", f"/returns/{number}/evidence", {"file": other}, format="multipart", key="e"
    )
    assert refused.json()["code"] == "idempotency-key-reused"
    assert Evidence.objects.count() == 1


# What may happen in between -----------------------------------------------------------------------


def request_of(key: ApiKey, name: str = "k") -> Request:
    told = APIRequestFactory().post("/x", {}, headers={"Idempotency-Key": name})
    request = Request(told, parsers=[StrictJSONParser()])
    request.auth = key
    return request


def refused(error: Exception) -> HttpResponse:
    answer = handler(error, {})
    if not isinstance(answer, HttpResponse):
        raise error
    return answer


def test_a_twin_of_one_that_still_runs_is_told_so() -> None:
    key, _ = keys.create("shop-2", at=make.T0)
    inside = []

    def effect() -> Response:
        with pytest.raises(Refused) as twin:
            once(request_of(key), lambda: pytest.fail("It ran."), refused)
        inside.append(twin.value.code)
        return Response({"n": 1})

    once(request_of(key), effect, refused)
    assert inside == ["idempotency-key-in-use"]


def test_one_that_died_before_it_answered_is_done_again_after_its_lease() -> None:
    """The row is there, the effect is not: what a kill in the middle leaves."""
    key, _ = keys.create("shop-2", at=make.T0)
    with pytest.raises(KeyboardInterrupt):
        once(request_of(key), killed, refused)
    assert not Message.objects.exists()
    with pytest.raises(Refused) as early:
        once(request_of(key), lambda: Response({"n": 2}), refused)
    assert early.value.code == "idempotency-key-in-use"
    IdempotentAnswer.objects.update(created_at=clock.real_now() - LEASE - timedelta(seconds=1))
    assert once(request_of(key), lambda: Response({"n": 2}), refused).status_code == 200
    assert IdempotentAnswer.objects.get().body == {"n": 2}


def say_hello() -> None:
    Message.objects.create(case=make.dispute(), at=make.T0, author=Actor.BUYER, text="Hello")


def killed() -> Response:
    say_hello()
    raise KeyboardInterrupt


def test_one_that_comes_back_after_its_key_was_taken_over_undoes_its_effect() -> None:
    key, _ = keys.create("shop-2", at=make.T0)
    slow = _take(request_of(key), "k")
    IdempotentAnswer.objects.update(created_at=clock.real_now() + LEASE)

    def come_back() -> None:
        with transaction.atomic():
            say_hello()
            _keep(slow, 200, {})

    with pytest.raises(Refused) as late:
        come_back()
    assert late.value.code == "idempotency-key-in-use"
    assert not Message.objects.exists()
    assert IdempotentAnswer.objects.get().status is None


def test_a_fault_of_ours_gives_the_key_back() -> None:
    key, _ = keys.create("shop-2", at=make.T0)

    def broken() -> Response:
        say_hello()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        once(request_of(key), broken, refused)
    assert not Message.objects.exists()
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_open_one_case(shop: Shop) -> None:
    secret = keys.create("eight", at=make.T0)[1]
    answers = together([partial(open_, Shop(secret), "k") for _ in range(8)])
    assert not failed(answers)
    codes = [answer.status_code for answer in succeeded(answers)]
    assert set(codes) <= {201, 409}
    assert 201 in codes
    assert Case.objects.count() == 1
    assert open_(Shop(secret), "k").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_orders_told_at_once_are_one(shop: Shop) -> None:
    told = bodies.order(buyer={**bodies.order()["buyer"], "ref": "new"})
    answers = together([partial(shop.call, "put", "/orders/B-1", told) for _ in range(4)])
    assert not failed(answers)
    codes = sorted(answer.status_code for answer in succeeded(answers))
    assert codes == [200, 200, 200, 201]
