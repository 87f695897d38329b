"""Builders: refunds that came about by the real verbs. All of it happens at NOON."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from refunds import workflow
from refunds.models import Refund
from refunds.sandbox_bank import SandboxBank
from returns import workflow as returns
from returns.models import Case, Entry, OrderLine, PolicyVersion
from returns.states import Event, Kind, Reason
from tests import make

NOON = make.T0
DAY = make.DAY

Start = Callable[..., SandboxBank]


def an_order(
    *,
    price: str = "30.00",
    quantity: int = 2,
    shipping: str = "6.00",
    captured: str = "",
    provider: str = "sandbox",
    **more: Any,
) -> OrderLine:
    """The first line of an order that arrived a day before NOON."""
    # A test with real transactions empties every table, the first policy's too.
    PolicyVersion.objects.get_or_create(
        name="of the tests", defaults={"valid_from": NOON - timedelta(days=1000)}
    )
    order = make.order(price=price, quantity=quantity, shipping=shipping, **more)
    order.payment_provider = provider
    order.captured = Decimal(captured) if captured else order.captured
    order.save(update_fields=["payment_provider", "captured"])
    return order.lines.get(sku="sku-1")


def an_approval(line: OrderLine, *, quantity: int = 1) -> Entry:
    """A Refund Only dispute on the line that the seller accepts: the entry that says so."""
    case = make.dispute(
        line,
        kind=Kind.REFUND_ONLY,
        reason=Reason.QUALITY_PROBLEMS,
        quantity=quantity,
        declaration={**make.DECLARED, "undamaged": False},
        at=NOON,
    )
    returns.accept(case, at=NOON, by="Seller")
    return case.entries.get(event=Event.REFUND_ACCEPTED)


def a_refund(**order: Any) -> Refund:
    """A promised refund of 33.00 EUR, due on day 5."""
    refund = workflow.open_refund(an_approval(an_order(**order)), at=NOON)
    assert refund is not None
    return refund


def case_of(refund: Refund) -> Case:
    """The refund's case as the database has it."""
    return Case.objects.get(pk=refund.case_id)
