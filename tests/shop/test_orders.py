"""The shop tells its orders: told twice, known once; what a return relies on stays."""

from typing import Any

import pytest

from returns import keys
from returns.models import Buyer, Order, OrderLine, Seller
from tests import make
from tests.shop import bodies
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db


def test_an_order_is_kept_as_it_was_told(shop: Shop) -> None:
    told = bodies.order()
    shop.put("/orders/A-1", told, status=201)
    read = shop.get("/orders/A-1")
    assert read.pop("number") == "A-1"
    assert [item.pop("returns") for item in read["items"]] == [[], []]
    assert read == told


def test_an_order_told_again_changes_nothing(shop: Shop) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)
    before = list(OrderLine.objects.order_by("id").values())
    shop.put("/orders/A-1", bodies.order(), status=200)
    assert list(OrderLine.objects.order_by("id").values()) == before
    assert (Order.objects.count(), Buyer.objects.count(), Seller.objects.count()) == (1, 1, 1)


def test_an_order_no_return_relies_on_may_change_in_everything(shop: Shop) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)
    other = bodies.order(
        currency="JPY",
        received_at="2026-03-01T12:00:00Z",
        items=[
            bodies.item("sku-2", quantity=1, unit_price="900", shipping_cost="0"),
            bodies.item("sku-3", unit_price="1", shipping_cost="0"),
        ],
        payment={"provider": "p", "reference": "r", "captured": "903", "method": "wallet"},
        buyer={**bodies.order()["buyer"], "ref": "b-2"},
    )
    shop.put("/orders/A-1", other)
    read = shop.get("/orders/A-1")
    assert [item["sku"] for item in read["items"]] == ["sku-2", "sku-3"]
    assert {**read, "items": 0} == {**other, "number": "A-1", "items": 0}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"currency": "USD"}, "/currency"),
        ({"placed_at": "2026-02-24T09:00:00Z"}, "/placed_at"),
        ({"received_at": "2026-03-01T11:00:00Z"}, "/received_at"),
        ({"buyer": {**bodies.order()["buyer"], "ref": "b-2"}}, "/buyer/ref"),
        ({"seller": {**bodies.order()["seller"], "ref": "s-2"}}, "/seller/ref"),
        ({"payment": {**bodies.order()["payment"], "captured": "251.00"}}, "/payment/captured"),
        ({"payment": {**bodies.order()["payment"], "reference": "x"}}, "/payment/reference"),
        ({"payment": {**bodies.order()["payment"], "method": "x"}}, "/payment/method"),
        ({"payment": {**bodies.order()["payment"], "provider": "x"}}, "/payment/provider"),
        ({"items": [bodies.item(unit_price="41.00")]}, "/items/0/unit_price"),
        ({"items": [bodies.item(shipping_cost="4.00")]}, "/items/0/shipping_cost"),
        ({"items": [bodies.item("x"), bodies.item(quantity=2)]}, "/items/1/quantity"),
        ({"items": [bodies.item(free_return=False)]}, "/items/0/free_return"),
        ({"items": [bodies.item("sku-2")]}, "/items"),
    ],
)
def test_what_a_return_relies_on_stays(shop: Shop, change: Any, place: str) -> None:
    """R28: the amount of a refund stands on the order as it was."""
    shop.put("/orders/A-1", bodies.order(), status=201)
    shop.post("/returns", bodies.dispute(), status=201)
    before = shop.get("/orders/A-1")
    refused = shop.put("/orders/A-1", bodies.order(**change), status=409)
    assert refused["code"] == "order-in-use"
    assert place in [error["pointer"] for error in refused["errors"]]
    assert shop.get("/orders/A-1") == before


def test_what_no_return_relies_on_may_still_change(shop: Shop) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)
    number = shop.post("/returns", bodies.dispute(), status=201)["number"]
    items = [bodies.item(title="Teapot, blue"), bodies.item("sku-9")]
    shop.put("/orders/A-1", bodies.order(items=items))
    read = shop.get("/orders/A-1")["items"]
    assert [(item["sku"], item["title"], item["returns"]) for item in read] == [
        ("sku-1", "Teapot, blue", [number]),
        ("sku-9", "Teapot", []),
    ]


def test_the_last_word_on_a_buyer_or_seller_is_true(shop: Shop) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)
    seller = {**bodies.order()["seller"], "name": "Kettle Ltd."}
    del seller["email"]
    shop.put("/orders/A-2", bodies.order(seller=seller), status=201)
    told = Seller.objects.get()
    assert (told.name, told.email) == ("Kettle Ltd.", "kettle@example.com")


def test_a_receipt_is_confirmed_once_and_not_taken_back(shop: Shop) -> None:
    """R01."""
    shop.put("/orders/A-1", bodies.order(received_at=None), status=201)
    moment = {"received_at": "2026-03-01T10:00:00Z"}
    assert shop.post("/orders/A-1/receipt", moment)["received_at"] == moment["received_at"]
    shop.post("/orders/A-1/receipt", moment)
    shop.put("/orders/A-1", bodies.order(received_at=None))
    assert shop.get("/orders/A-1")["received_at"] == moment["received_at"]
    shop.post("/returns", bodies.dispute(), status=201)
    later = {"received_at": "2026-03-01T10:00:01Z"}
    assert shop.post("/orders/A-1/receipt", later, status=409)["code"] == "order-in-use"


def test_nothing_is_received_before_it_is_ordered(shop: Shop) -> None:
    early = "2026-02-25T08:59:59Z"
    refused = shop.put("/orders/A-1", bodies.order(received_at=early), status=422)
    assert refused["errors"][0]["pointer"] == "/received_at"
    shop.put("/orders/A-1", bodies.order(), status=201)
    refused = shop.post("/orders/A-1/receipt", {"received_at": early}, status=422)
    assert refused["errors"][0] == {
        "pointer": "/received_at",
        "code": "before-placed",
        "detail": "Nothing is received before it is ordered.",
    }
    late = bodies.order(placed_at="2026-03-02T09:00:00Z", received_at=None)
    assert shop.put("/orders/A-1", late, status=422)["code"] == "invalid"


def test_two_thousand_items_are_told_in_few_statements(
    shop: Shop, django_assert_max_num_queries: Any
) -> None:
    items = [bodies.item(f"sku-{n}", title="T" * 300) for n in range(2_000)]
    with django_assert_max_num_queries(40):
        shop.put("/orders/A-1", bodies.order(items=items), status=201)
    with django_assert_max_num_queries(14):
        shop.put("/orders/A-1", bodies.order(items=items))
    assert OrderLine.objects.count() == 2_000
    too_many = bodies.order(items=[*items, bodies.item("one-more")])
    assert shop.put("/orders/A-2", too_many, status=422)["errors"][0]["code"] == "max-length"


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"items": [bodies.item(unit_price=40.0)]}, "/items/0/unit_price", "invalid"),
        ({"items": [bodies.item(unit_price="4e1")]}, "/items/0/unit_price", "invalid"),
        ({"items": [bodies.item(unit_price="-1.00")]}, "/items/0/unit_price", "invalid"),
        ({"items": [bodies.item(unit_price="１.00")]}, "/items/0/unit_price", "invalid"),
        ({"items": [bodies.item(unit_price="1.001")]}, "/items/0/unit_price", "decimals"),
        (
            {"items": [bodies.item(unit_price="999999999999.00")]},
            "/items/0/quantity",
            "max-value",
        ),
        ({"items": [bodies.item(), bodies.item()]}, "/items/1/sku", "duplicate"),
        ({"items": [bodies.item(quantity=0)]}, "/items/0/quantity", "min-value"),
        ({"items": [bodies.item(quantity=True)]}, "/items/0/quantity", "invalid"),
        ({"items": [bodies.item(quantity=10**30)]}, "/items/0/quantity", "max-value"),
        ({"items": [bodies.item(free_return="yes")]}, "/items/0/free_return", "invalid"),
        ({"items": [bodies.item("a/b")]}, "/items/0/sku", "invalid"),
        ({"items": [bodies.item("..")]}, "/items/0/sku", "invalid"),
        ({"items": []}, "/items", "min-length"),
        ({"items": {"0": bodies.item()}}, "/items", "not-a-list"),
        ({"items": [bodies.item(), 5]}, "/items/1", "invalid"),
        ({"currency": "eur"}, "/currency", "invalid"),
        ({"payment": {**bodies.order()["payment"], "captured": 1}}, "/payment/captured", "invalid"),
        ({"payment": None}, "/payment", "null"),
        ({"placed_at": "2026-02-25T09:00:00"}, "/placed_at", "naive"),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, "/placed_at", "overflow"),
        ({"placed_at": 1}, "/placed_at", "invalid"),
        ({"buyer": {**bodies.order()["buyer"], "email": "zoe"}}, "/buyer/email", "invalid"),
        (
            {"buyer": {**bodies.order()["buyer"], "name": "a\rb"}},
            "/buyer/name",
            "control-characters",
        ),
        (
            {"buyer": {**bodies.order()["buyer"], "name": "a\x00b"}},
            "/buyer/name",
            "null-characters-not-allowed",
        ),
        (
            {"buyer": {**bodies.order()["buyer"], "name": "\ud800"}},
            "/buyer/name",
            "surrogate-characters-not-allowed",
        ),
        ({"buyer": {**bodies.order()["buyer"], "country": "XX"}}, "/buyer/country", "unknown"),
        ({"recieved_at": None}, "/recieved_at", "unknown"),
        ({"a/b~c": None}, "/a~1b~0c", "unknown"),
    ],
)
def test_a_mistake_is_named_by_its_place(shop: Shop, change: Any, pointer: str, code: str) -> None:
    refused = shop.put("/orders/A-1", bodies.order(**change), status=422)
    assert refused["code"] == "invalid"
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in refused["errors"]]
    assert not Order.objects.exists()


def test_without_a_key_nobody_comes_in(stranger: Shop, shop: Shop) -> None:
    for caller in (
        stranger,
        Shop("shop_not-a-key"),
        Shop("é"),
        Shop("\x00"),
    ):
        answer = caller.call("put", "/orders/A-1", bodies.order())
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert answer["WWW-Authenticate"] == 'Bearer realm="shop"'
    assert not Order.objects.exists()


def test_a_revoked_key_is_refused_at_once() -> None:
    key, secret = keys.create("gone", at=make.T0)
    assert Shop(secret).call("get", "/returns").status_code == 200
    assert secret not in str(vars(key))
    key.revoked_at = make.T0
    key.save()
    assert Shop(secret).call("get", "/returns").status_code == 401
    wrong_scheme = Shop()
    wrong_scheme.client.credentials(HTTP_AUTHORIZATION=f"Basic {secret}")
    assert wrong_scheme.call("get", "/returns").status_code == 401


def test_an_order_nobody_told_us_is_not_found(shop: Shop) -> None:
    for path in ("/orders/A-9", "/nowhere", "/orders/a%2Fb", "/orders/a%00b"):
        assert shop.expect(404, "get", path)["code"] == "not-found"
