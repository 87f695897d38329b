"""Whatever is sent, the answer is a clear no: never a 500."""

import copy
import json
import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.live_server_helper import LiveServer

from backoffice.shop.parsers import MAX_JSON_BYTES
from returns import keys
from returns.models import Case, Order
from returns.states import State
from tests import make
from tests.shop import bodies
from tests.shop.conftest import Shop
from tests.shop.test_actions import BODIES

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Copied, as a body is spoilt in more than one place: what was put in may be changed next.
HOSTILE = st.sampled_from(
    [
        None, True, False, 0, -1, 2**31, 2**63, 10**400, 1.5, 1e308, -0.0, "", " ", "\x00",
        "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\r\n", "x" * 70_000, "NaN", "Infinity",
        "-0", "1e999999999", "1_000", "٣", "999999999999.999", "0.0000000001",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59", "2026-02-29T00:00:00Z", "2026-03-02T10:00:00+99:99",
        "2026-03-02T10:00:00Z", "24:00", "2026-13-01", "..", "/", "%00", "'; DROP TABLE x; --",
        [], {}, [[]], [None], {"": ""}, {"\x00": 1}, {"__proto__": 1}, [{}] * 50,
    ]
).map(copy.deepcopy)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | HOSTILE,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a body something can be put instead."""
    inner: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        inner = [place for key in value for place in places(value[key], (*at, key))]
    elif isinstance(value, list):
        inner = [place for n, each in enumerate(value) for place in places(each, (*at, n))]
    return [at, *inner]


@st.composite
def spoilt(draw: st.DrawFn, body: Any) -> Any:
    """A sensible body with one to three places replaced, or left out."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(body)))
        if not place:
            return draw(JSON)
        holder = body
        for step in place[:-1]:
            holder = holder[step]
        if draw(st.booleans()):
            holder[place[-1]] = draw(JSON)
        else:
            del holder[place[-1]]
    return body


def unharmed(answer: HttpResponse) -> None:
    """Understood or refused; a refusal is a problem with a code."""
    assert answer.status_code < 500, answer.content
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer["Content-Type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["code"]
        for error in problem.get("errors", ()):
            assert error.keys() == {"pointer", "code", "detail"}


def rehearsed(send: Callable[[], HttpResponse]) -> None:
    """Send it, look, and undo what it did, so that every example meets the same shop."""
    with transaction.atomic():
        unharmed(send())
        # What was let in must be writable to its end, deferred constraints included.
        transaction.set_rollback(True)


@pytest.fixture
def case(shop: Shop) -> str:
    shop.put("/orders/A-1", bodies.order(), status=201)
    number: str = shop.post("/returns", bodies.dispute(), status=201)["number"]
    return number


@fuzz
@given(body=spoilt(bodies.order()), new=st.booleans())
def test_a_spoilt_order(shop: Shop, case: str, body: Any, new: bool) -> None:
    rehearsed(lambda: shop.call("put", f"/orders/{'A-2' if new else 'A-1'}", body))


@fuzz
@given(body=spoilt({"received_at": "2026-03-01T10:00:00Z"}))
def test_a_spoilt_receipt(shop: Shop, case: str, body: Any) -> None:
    rehearsed(lambda: shop.call("post", "/orders/A-1/receipt", body))


@fuzz
@given(body=spoilt(bodies.wish()))
def test_a_spoilt_wish(shop: Shop, case: str, body: Any) -> None:
    rehearsed(lambda: shop.call("post", "/orders/A-1/items/sku-2/terms", body))


@fuzz
@given(body=spoilt(bodies.dispute(item="sku-2")), key=st.none() | st.text("k \x00é", max_size=3))
def test_a_spoilt_dispute(shop: Shop, case: str, body: Any, key: str | None) -> None:
    rehearsed(lambda: shop.call("post", "/returns", body, key=key))


WAITING = {
    "answer": State.INFO_REQUESTED,
    "accept-offer": State.OFFER_MADE,
    "decline-offer": State.OFFER_MADE,
    "handover": State.AWAITING_RETURN,
    "shipped": State.AWAITING_RETURN,
    "escalate": State.DECLINED,
}


@pytest.mark.parametrize("action", BODIES)
def test_a_spoilt_action(shop: Shop, action: str) -> None:
    free = action != "shipped"
    case = make.case_at(WAITING.get(action, State.UNDER_REVIEW), free_return=free)
    full = dict(BODIES[action])
    if action == "handover":
        full |= {"point": "x", "window": {"date": "2026-03-04", "start": "09:00", "end": "12:00"}}
    if action == "shipped":
        full["cost"] = "1.00"

    @fuzz
    @given(body=spoilt(full))
    def spoil(body: Any) -> None:
        rehearsed(lambda: shop.call("post", f"/returns/{case.number}/{action}", body))

    spoil()


@fuzz
@given(
    number=st.text(max_size=70),
    sku=st.text(max_size=70),
    query=st.dictionaries(
        st.sampled_from(["buyer", "order", "state", "terms", "cursor", "limit", "x"]),
        st.text(max_size=40) | st.sampled_from(["cD0x", "bz0tMQ==", "cj0xJm89OTk5OTk5OTk5", "1"]),
        max_size=4,
    ),
)
def test_paths_and_queries_of_any_letters(
    shop: Shop, case: str, number: str, sku: str, query: dict[str, str]
) -> None:
    for path in (
        f"/orders/{httpx.QueryParams({'n': number})}"[:-2],
        f"/orders/{_quoted(number)}",
        f"/orders/A-1/items/{_quoted(sku)}/terms",
        f"/returns/{_quoted(number)}",
        f"/returns/{case}/evidence/{_quoted(sku)}",
    ):
        unharmed_path = shop.call("get", path)
        assert unharmed_path.status_code in (200, 404, 405), path
    answer = shop.client.get("/api/v1/returns", query)
    assert answer.status_code in (200, 422), answer.content
    if answer.status_code == 422:
        assert all(error["parameter"] in query for error in answer.json()["errors"])
    rehearsed(lambda: shop.call("put", f"/orders/{_quoted(number)}", bodies.order()))


def _quoted(text: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in raw)


@fuzz
@given(
    body=st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: text.encode("utf-16", "surrogatepass"))
    | st.integers(1, 80).map(lambda n: json.dumps(bodies.order()).encode()[:-n]),
    content_type=st.sampled_from(
        ["application/json", "application/json; charset=zip", "application/json; charset=utf-16",
         "application/xml", "text/plain", "", "a", "multipart/form-data; boundary=x",
         "application/x-www-form-urlencoded", "application/json; charset=hex"]
    ),
)  # fmt: skip
def test_bytes_that_are_no_json(shop: Shop, case: str, body: bytes, content_type: str) -> None:
    for method, path in (
        ("PUT", "/orders/A-1"),
        ("POST", "/returns"),
        ("POST", f"/returns/{case}/messages"),
        ("POST", f"/returns/{case}/evidence"),
        ("POST", f"/returns/{case}/cancel"),
    ):
        rehearsed(
            lambda method=method, path=path: shop.client.generic(  # type: ignore[misc]
                method, f"/api/v1{path}", body, content_type=content_type
            )
        )


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 100_000,
        b'{"quantity": 1e999}',
        b'{"quantity": NaN}',
        b'{"quantity": -Infinity}',
        b'{"currency": "\\ud800"}',
        b'{"currency": "\\u0000"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"{}{}",
        b"null",
        b'"text"',
        b"",
        b"{'a': 1}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_json_that_is_none_is_malformed_or_invalid(shop: Shop, body: bytes) -> None:
    answer = shop.client.generic("PUT", "/api/v1/orders/A-1", body, content_type="application/json")
    assert answer.status_code in (400, 422), answer.content
    unharmed(answer)
    assert not Order.objects.exists()


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_javascript_calls_a_number_is_no_json(shop: Shop, constant: str) -> None:
    body = f'{{"quantity": {constant}}}'.encode()
    answer = shop.client.generic("POST", "/api/v1/returns", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("number", ["%20A", "A%20", "%20", "%2E%2E"])
def test_an_order_is_not_given_a_name_that_no_body_could_say(shop: Shop, number: str) -> None:
    refused = shop.put(f"/orders/{number}", bodies.order(), status=422)
    assert refused["errors"][0]["pointer"] == "/number"


@pytest.mark.parametrize("size", [MAX_JSON_BYTES + 1, 10_000_000])
def test_a_body_too_large_is_refused(shop: Shop, size: int) -> None:
    body = b'{"currency": "' + b"x" * (size - 16) + b'"}'
    assert len(body) == size
    answer = shop.client.generic("PUT", "/api/v1/orders/A-1", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_thousand_mistakes_are_told_in_part(shop: Shop) -> None:
    items = [bodies.item(f"s{n}", quantity=0) for n in range(1_000)]
    refused = shop.put("/orders/A-1", bodies.order(items=items), status=422)
    assert len(refused["errors"]) == 50


@pytest.mark.parametrize("method", ["delete", "patch", "trace", "post"])
def test_a_method_that_is_not_there_is_refused(shop: Shop, method: str) -> None:
    answer = shop.client.generic(method.upper(), "/api/v1/orders/A-1", b"")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")


def test_an_answer_in_another_format_is_not_to_be_had(shop: Shop) -> None:
    answer = shop.client.get("/api/v1/returns", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [(OperationalError("locked"), 503, "try-again"), (ZeroDivisionError(), 500, "our-fault")],
)
def test_a_fault_of_ours_is_a_problem_too_and_tells_nothing(
    shop: Shop, fault: Exception, status: int, code: str
) -> None:
    def broken(*_: Any) -> Any:
        raise fault

    shop.client.raise_request_exception = False
    with connection.execute_wrapper(broken):
        answer = shop.call("get", "/returns")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "locked" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_the_same_over_a_real_wire(live_server: LiveServer) -> None:
    secret = keys.create("wire", at=make.T0)[1]
    head = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"{live_server.url}/api/v1", headers=head, timeout=30) as wire:
        assert wire.put("/orders/A-1", json=bodies.order()).status_code == 201
        number = wire.post("/returns", json=bodies.dispute()).json()["number"]
        whole = json.dumps(bodies.order()).encode()
        chunked = wire.put("/orders/A-1", content=iter([whole[:50], whole[50:]]))
        assert (chunked.status_code, chunked.json()["code"]) == (411, "length-required")
        for sent in (
            wire.put("/orders/A-1", content=b"x" * 10_000_000),
            wire.put("/orders/A-1", content=whole[:-20]),
            wire.put("/orders/A-1", content=b""),
            wire.put("/orders/A-1", content=whole, headers={"Content-Type": "text/x; charset=zip"}),
            wire.put("/orders/A-1", json=bodies.order(currency="\x00")),
            wire.put("/orders/%00", json=bodies.order()),
            wire.get("/returns", params={"buyer": "\x00", "cursor": "\x00"}),
            wire.get("/returns", headers={"Authorization": b"Bearer \xff\xfe"}),  # type: ignore[dict-item]
            wire.post("/returns", json=bodies.dispute(), headers={"Idempotency-Key": "a b"}),
            wire.post(f"/returns/{number}/evidence", files={"f": ("\x00/..\u202e.png", b"GIF89a")}),
            wire.post(f"/returns/{number}/cancel", content=b"\xff"),
        ):
            assert 400 <= sent.status_code < 500 or sent.request.url.path.endswith("cancel")
            if sent.status_code >= 400:
                assert sent.headers["Content-Type"] == "application/problem+json"
                assert sent.json()["code"]
    assert Case.objects.count() == 1
