"""The terms before the buyer commits: explained, and nothing is promised or changed (R15)."""

from typing import Any

import pytest

from returns.models import Case, Entry, FreeReturnSlot
from tests.shop import bodies
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db
TERMS = "/orders/A-1/items/sku-1/terms"


@pytest.fixture(autouse=True)
def _an_order(shop: Shop) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)


def test_a_free_return_is_explained_rule_by_rule(shop: Shop) -> None:
    """R08–R12, R20, R28."""
    terms = shop.post(TERMS, bodies.wish(quantity=2))
    assert terms["terms"] == "free"
    assert terms["handover"] == ["drop_off"]
    assert terms["refund"] == {"amount": "80.00", "currency": "EUR"}
    assert [found["rule"] for found in terms["explanation"]] == [
        "R01", "R05", "R08", "R09", "R10", "R11", "R12",
    ]  # fmt: skip
    month = terms["explanation"][4]
    assert month["facts"]["used"] == 0
    assert month["text"] == "You have used 0 of 3 free returns in March 2026."
    assert all(found["holds"] for found in terms["explanation"])


def test_at_the_buyers_cost_the_parcel_goes_by_own_courier(shop: Shop) -> None:
    """R14, R22."""
    terms = shop.post("/orders/A-1/items/sku-2/terms", bodies.wish())
    assert (terms["terms"], terms["handover"]) == ("seller_decides", ["own_courier"])


def test_where_the_item_stays_nothing_is_handed_over(shop: Shop) -> None:
    """R07; with the share of shipping where the seller is at fault (R28)."""
    terms = shop.post(TERMS, bodies.wish(kind="refund_only", reason="quality_problems", quantity=3))
    assert (terms["terms"], terms["handover"]) == ("seller_decides", [])
    assert terms["refund"] == {"amount": "125.00", "currency": "EUR"}


def test_what_is_not_possible_says_why_and_offers_nothing(shop: Shop) -> None:
    """R05."""
    terms = shop.post(TERMS, bodies.wish(quantity=4))
    assert terms["terms"] == "not_possible"
    assert terms["refund"] == {"amount": "0.00", "currency": "EUR"}
    assert terms["handover"] == []
    assert [found["rule"] for found in terms["explanation"] if not found["holds"]] == ["R05"]


def test_asking_changes_nothing(shop: Shop) -> None:
    for _ in range(5):
        shop.post(TERMS, bodies.wish())
    assert not Case.objects.exists()
    assert not FreeReturnSlot.objects.exists()
    assert not Entry.objects.exists()


def test_there_is_no_exchange(shop: Shop) -> None:
    """R06."""
    refused = shop.post(TERMS, bodies.wish(kind="exchange"), status=422)
    assert refused["code"] == "no-exchange"
    assert "order again" in refused["detail"]


def test_terms_of_what_we_do_not_know_are_not_found(shop: Shop, stranger: Shop) -> None:
    assert shop.post("/orders/A-1/items/x/terms", bodies.wish(), status=404)["code"] == "not-found"
    assert shop.post("/orders/A-9/items/sku-1/terms", bodies.wish(), status=404)
    assert stranger.call("post", TERMS, bodies.wish()).status_code == 401


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"reason": "because"}, "/reason"),
        ({"reason": None}, "/reason"),
        ({"kind": ["refund_only"]}, "/kind"),
        ({"declaration": {"unused": True}}, "/declaration/undamaged"),
        ({"declaration": {**bodies.wish()["declaration"], "unused": 1}}, "/declaration/unused"),
        ({"declaration": []}, "/declaration"),
        ({"quantity": -1}, "/quantity"),
        ({"quantity": 1.5}, "/quantity"),
        ({"quantity": "1"}, "/quantity"),
    ],
)
def test_a_wish_that_makes_no_sense_is_told_where(
    shop: Shop, change: dict[str, Any], pointer: str
) -> None:
    refused = shop.post(TERMS, bodies.wish(**change), status=422)
    assert pointer in [error["pointer"] for error in refused["errors"]]
