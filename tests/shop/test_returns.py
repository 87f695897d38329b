"""Opening a dispute and reading cases."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from logistics.models import Courier, Parcel, PickupBooking
from logistics.states import LabelState, PickupState
from refunds.workflow import open_refund
from returns import clock, workflow
from returns.models import Case, Entry
from returns.states import Actor, Event, State
from tests import make
from tests.shop import bodies
from tests.shop.conftest import Shop

pytestmark = pytest.mark.django_db


def test_a_dispute_is_opened_and_told_back(shop: Shop) -> None:
    """R04, R15, R35."""
    shop.put("/orders/A-1", bodies.order(), status=201)
    case = shop.post("/returns", bodies.dispute(quantity=2), status=201)
    number = case["number"]
    expected = {
        "order": "A-1",
        "item": "sku-1",
        "buyer": "b-1",
        "state": "under_review",
        "resolution": "",
        "kind": "return_and_refund",
        "reason": "personal_reasons",
        "terms": "free",
        "quantity": 2,
        "amount": "80.00",
        "postage": "0.00",
        "currency": "EUR",
        "opened_at": "2026-03-02T10:00:00Z",
        "deadline": {
            "at": "2026-03-05T10:00:00Z",
            "waits_for": "seller",
            "then": "the policy decides",
        },
        "actions": ["evidence", "cancel", "messages"],
        "handover": "",
        "offer": None,
        "label": None,
        "parcel": None,
        "refund": None,
        "evidence": [],
        "journal": [
            {
                "at": "2026-03-02T10:00:00Z",
                "actor": "buyer",
                "event": "opened",
                "text": "Too small.\nSorry.",
            }
        ],
    }
    assert {name: case[name] for name in expected} == expected
    assert case["explanation"] == shop.get(f"/returns/{number}")["explanation"]
    assert [found["rule"] for found in case["explanation"]][:2] == ["R01", "R05"]
    assert shop.get(f"/returns/{number}") == case


def test_there_is_no_exchange(shop: Shop) -> None:
    """R06."""
    shop.put("/orders/A-1", bodies.order(), status=201)
    refused = shop.post("/returns", bodies.dispute(kind="exchange"), status=422)
    assert refused["code"] == "no-exchange"
    assert refused["detail"].startswith("Items cannot be exchanged: return the item")
    assert not Case.objects.exists()


def test_one_case_an_item_at_a_time(shop: Shop) -> None:
    """R05."""
    shop.put("/orders/A-1", bodies.order(), status=201)
    shop.post("/returns", bodies.dispute(), status=201)
    refused = shop.post("/returns", bodies.dispute(), status=422)
    assert (refused["code"], refused["terms"]) == ("not-possible", "not_possible")
    assert (
        refused["detail"] == "You already have an open case for this item, and it has to end first."
    )
    assert {found["rule"] for found in refused["explanation"]} >= {"R01", "R05"}


def test_an_item_not_received_cannot_be_returned(shop: Shop) -> None:
    """R01."""
    shop.put("/orders/A-1", bodies.order(received_at=None), status=201)
    assert shop.post("/returns", bodies.dispute(), status=422)["code"] == "not-possible"
    shop.post("/orders/A-1/receipt", {"received_at": "2026-03-02T09:00:00Z"})
    shop.post("/returns", bodies.dispute(), status=201)


@pytest.mark.parametrize(
    ("change", "pointer"), [({"order": "A-9"}, "/order"), ({"item": "x"}, "/item")]
)
def test_an_unknown_order_or_item_is_named(shop: Shop, change: Any, pointer: str) -> None:
    shop.put("/orders/A-1", bodies.order(), status=201)
    refused = shop.post("/returns", bodies.dispute(**change), status=422)
    assert [(e["pointer"], e["code"]) for e in refused["errors"]] == [(pointer, "unknown")]


def test_a_case_is_found_by_buyer_order_state_and_terms(shop: Shop) -> None:
    first = make.dispute()
    second = make.dispute(free_return=False)
    make.walk(second, State.CLOSED)

    def found(query: str) -> list[str]:
        return [case["number"] for case in shop.get(f"/returns?{query}")["results"]]

    assert found("") == [second.number, first.number]
    assert found(f"buyer={first.buyer.ref}") == [first.number]
    assert found(f"order={second.order.number}") == [second.number]
    assert found("state=closed") == [second.number]
    assert found("terms=free") == [first.number]
    assert found("terms=free&state=closed") == []
    assert found("buyer=nobody") == []


def test_pages_follow_each_other_without_gaps_while_cases_are_opened(shop: Shop) -> None:
    numbers = [make.dispute().number for _ in range(5)]
    page = shop.get("/returns?limit=2")
    read = [case["number"] for case in page["results"]]
    assert page["previous"] is None
    make.dispute()
    while page["next"]:
        page = shop.get(page["next"].partition("/api/v1")[2])
        read += [case["number"] for case in page["results"]]
    assert read == numbers[::-1]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("state=lost", "state"),
        ("terms=", "terms"),
        ("buyer=%00", "buyer"),
        ("order=a/b", "order"),
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=cD1ub25zZW5zZQ==", "cursor"),  # p=nonsense
        ("cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", "cursor"),  # p=9…9
        ("sort=up", "sort"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_where(shop: Shop, query: str, parameter: str) -> None:
    refused = shop.expect(422, "get", f"/returns?{query}")
    assert {error["parameter"] for error in refused["errors"]} == {parameter}


def test_fifty_cases_cost_as_many_queries_as_one(
    shop: Shop, django_assert_max_num_queries: Any
) -> None:
    courier = Courier.objects.create(slug="post", name="Post", country="FR")
    for n in range(50):
        case = make.case_at([State.REFUND_PENDING, State.OFFER_MADE, State.AWAITING_RETURN][n % 3])
        workflow.add_message(case, text="Hello", at=make.T0, actor=Actor.BUYER)
        parcel = Parcel.objects.create(
            case=case, order=case.order, carried="free_label", courier=courier, courier_name="Post",
            tracking_number=f"X{n}", label=LabelState.LIVE, issued_at=make.T0,
            last_use_on=make.T0.date(), currency="EUR",
        )  # fmt: skip
        PickupBooking.objects.create(
            parcel=parcel, case=case, courier=courier, reference=f"pk-{n}",
            window_date=make.T0.date(), window_start="09:00", window_end="12:00",
            time_zone="Europe/Paris", starts_at=make.T0, ends_at=make.T0 + timedelta(hours=3),
            state=PickupState.REQUESTED, requested_at=make.T0, changed_at=make.T0,
            asked_at=make.T0, cut_off_at=make.T0,
        )  # fmt: skip
    for entry in Entry.objects.filter(event=Event.INSPECTION_PASSED):
        open_refund(entry, at=make.T0)
    with django_assert_max_num_queries(13):
        page = shop.get("/returns?limit=50")
    assert len(page["results"]) == 50
    newest = page["results"][-1]
    assert newest["label"]["tracking_number"] == "X0"
    assert newest["parcel"]["pickup"]["window"]["start"] == "09:00"
    assert newest["refund"]["amount"] == "40.00"


def test_a_refund_on_its_way_says_when_it_is_due(shop: Shop) -> None:
    """R27."""
    case = make.case_at(State.REFUND_PENDING)
    open_refund(case.entries.get(event=Event.INSPECTION_PASSED), at=make.T0)
    refund = shop.get(f"/returns/{case.number}")["refund"]
    assert refund["amount"] == "40.00"
    assert refund["paid_at"] is None
    assert "2026-03-05T10:00:00Z" <= refund["due_at"] <= "2026-03-22T10:00:00Z"


def test_an_offer_is_told_with_its_amount(shop: Shop) -> None:
    """R16."""
    case = make.case_at(State.OFFER_MADE)
    told = shop.get(f"/returns/{case.number}")
    assert told["offer"] == {"amount": "10.00", "made_at": "2026-03-02T10:00:00Z", "answer": ""}
    assert told["deadline"]["waits_for"] == "buyer"


def test_what_support_people_say_among_themselves_is_not_told(shop: Shop) -> None:
    """R32: a verdict is told when it is given."""
    case = make.case_at(State.ESCALATED, price="900.00")
    workflow.decide(
        case, outcome=make.FULL, amount=None, explanation="Secret.", by=make.staff("a"), at=make.T0
    )
    told = shop.get(f"/returns/{case.number}")
    assert told["journal"][-1]["event"] == "verdict_proposed"
    assert "Secret." not in str(told)
    workflow.confirm_verdict(case, by=make.staff("b"), at=make.T0)
    assert shop.get(f"/returns/{case.number}")["journal"][-1]["text"] == "Secret."


def test_money_is_told_in_the_digits_of_its_currency(shop: Shop) -> None:
    case = make.dispute(currency="JPY", price="900", shipping="100")
    assert shop.get(f"/returns/{case.number}")["amount"] == "900"
    assert Case.objects.get().amount == Decimal(900)


def test_the_door_reads_the_clock_once_for_all(shop: Shop) -> None:
    clock.advance(timedelta(days=1, seconds=1))
    shop.put("/orders/A-1", bodies.order(), status=201)
    case = shop.post("/returns", bodies.dispute(), status=201)
    assert case["opened_at"] == "2026-03-03T10:00:01Z"


def test_strangers_read_and_open_nothing(stranger: Shop) -> None:
    case = make.dispute()
    for method, path in (
        ("get", "/returns"),
        ("post", "/returns"),
        ("get", f"/returns/{case.number}"),
        ("get", f"/returns/{case.number}/label.pdf"),
        ("get", f"/returns/{case.number}/label"),
        ("get", f"/returns/{case.number}/qr"),
        ("post", f"/returns/{case.number}/messages"),
    ):
        assert stranger.call(method, path, {}).status_code == 401


def test_a_case_that_is_not_there_is_not_found(shop: Shop) -> None:
    for path in ("RMA99999999", "RMA1", "x", "RMA99999999/label.pdf", "RMA99999999/evidence/1"):
        assert shop.expect(404, "get", f"/returns/{path}")["code"] == "not-found"
