"""Builders: refunds that came about by the real verbs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from refunds import workflow
from refunds.models import Refund
from refunds.sandbox_bank import SandboxBank
from returns import workflow as returns
from returns.models import Buyer, Case, Entry, Order, OrderLine, PolicyVersion, Seller
from returns.states import Event, Kind, Reason

NOON = datetime(2025, 11, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)

Start = Callable[..., SandboxBank]


def an_order(
    number: str = "O-1",
    *,
    price: str = "30.00",
    quantity: int = 2,
    shipping: str = "6.00",
    captured: str | None = None,
    currency: str = "EUR",
    method: str = "card",
    payment_reference: str = "pay-1",
    provider: str = "sandbox",
) -> OrderLine:
    """An order of one line, received on NOON's day."""
    address = {
        "street": "1 rue de la Paix",
        "city": "Paris",
        "region": "",
        "postal_code": "75002",
        "country": "FR",
        "phone": "",
    }
    PolicyVersion.objects.get_or_create(
        name="first", defaults={"valid_from": datetime(2020, 1, 1, tzinfo=UTC)}
    )
    buyer, _ = Buyer.objects.get_or_create(
        ref="b",
        defaults={"name": "Ann", "email": "ann@example.com", "country": "FR", "address": address},
    )
    seller, _ = Seller.objects.get_or_create(
        ref="s", defaults={"name": "Shop", "country": "FR", "address": address}
    )
    paid = Decimal(price) * quantity + Decimal(shipping)
    order = Order.objects.create(
        number=number,
        buyer=buyer,
        seller=seller,
        currency=currency,
        placed_at=NOON - timedelta(days=5),
        received_at=NOON - timedelta(days=1),
        payment_provider=provider,
        payment_reference=payment_reference,
        payment_method=method,
        captured=Decimal(captured) if captured else paid,
    )
    return OrderLine.objects.create(
        order=order,
        sku="A",
        title="Teapot",
        quantity=quantity,
        unit_price=Decimal(price),
        shipping_cost=Decimal(shipping),
        free_return=True,
    )


def an_approval(line: OrderLine, *, quantity: int = 1) -> Entry:
    """A Refund Only dispute on the line that the seller accepts at NOON: the entry that says so."""
    case = returns.open_dispute(
        line,
        kind=Kind.REFUND_ONLY,
        reason=Reason.QUALITY_PROBLEMS,
        quantity=quantity,
        declaration={
            "unused": True,
            "undamaged": False,
            "original_packaging": True,
            "labels_intact": True,
        },
        explanation="It leaks.",
        at=NOON,
    )
    returns.accept(case, at=NOON, by="Shop")
    return case.entries.get(event=Event.REFUND_ACCEPTED)


def a_refund(**order: str) -> Refund:
    """A promised refund of 33.00 EUR, due on day 5."""
    refund = workflow.open_refund(an_approval(an_order(**order)), at=NOON)  # type: ignore[arg-type]
    assert refund is not None
    return refund


def case_of(refund: Refund) -> Case:
    """The refund's case as the database has it."""
    return Case.objects.get(pk=refund.case_id)
