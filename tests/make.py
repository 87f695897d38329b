"""Builders for tests: they walk the real verbs, so that no fixture is impossible."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth.models import User

from logistics import workflow as logistics
from logistics.models import Courier
from logistics.signatures import secret_bytes, sign
from logistics.states import Direction
from returns import workflow
from returns.models import Buyer, Case, Order, OrderLine, Seller, Verdict
from returns.states import Actor, Event, InspectionOutcome, Kind, Reason, State

#: A Monday morning; the order arrived a day before.
T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)
DECLARED = {"unused": True, "undamaged": True, "original_packaging": True, "labels_intact": True}
ADDRESS = {
    "street": "12 rue de la Paix",
    "city": "Paris",
    "region": "",
    "postal_code": "75002",
    "country": "FR",
    "phone": "+33 1 00 00 00 00",
}
_number = count(1)


def buyer(country: str = "FR", **fields: Any) -> Buyer:
    n = next(_number)
    made = {"name": f"Buyer {n}", "email": f"buyer{n}@example.com", "country": country}
    return Buyer.objects.create(
        **{"ref": f"b{n}", "address": {**ADDRESS, "country": country}, **made, **fields}
    )


def seller(country: str = "DE", **fields: Any) -> Seller:
    n = next(_number)
    made = {"name": f"Seller {n}", "email": f"seller{n}@example.com", "country": country}
    return Seller.objects.create(
        **{"ref": f"s{n}", "address": {**ADDRESS, "country": country}, **made, **fields}
    )


def order(
    *,
    lines: int = 1,
    price: str = "40.00",
    shipping: str = "5.00",
    quantity: int = 1,
    free_return: bool = True,
    country: str = "FR",
    currency: str = "EUR",
    received_at: datetime | None = T0 - DAY,
    by: Buyer | None = None,
    sold_by: Seller | None = None,
    method: str = "card",
    reference: str = "",
) -> Order:
    """An order that arrived a day before T0, each line with the same price and shipping share."""
    n = next(_number)
    made = Order.objects.create(
        number=f"O-{n}",
        buyer=by or buyer(country),
        seller=sold_by or seller(),
        currency=currency,
        placed_at=(received_at or T0) - 5 * DAY,
        received_at=received_at,
        payment_provider="sandbox",
        payment_reference=reference or f"pay-{n}",
        payment_method=method,
        captured=(Decimal(price) * quantity + Decimal(shipping)) * lines,
    )
    for k in range(1, lines + 1):
        OrderLine.objects.create(
            order=made,
            sku=f"sku-{k}",
            title=f"Teapot no. {k}",
            quantity=quantity,
            unit_price=price,
            shipping_cost=shipping,
            free_return=free_return,
        )
    return made


def dispute(
    line: OrderLine | None = None,
    *,
    kind: Kind = Kind.RETURN_AND_REFUND,
    reason: Reason = Reason.PERSONAL_REASONS,
    quantity: int = 1,
    declaration: dict[str, bool] | None = None,
    at: datetime = T0,
    **of_order: Any,
) -> Case:
    """A dispute opened at `at` on the line given, or on the first of a new order."""
    line = line or order(**of_order).lines.get(sku="sku-1")
    return workflow.open_dispute(
        line,
        kind=kind,
        reason=reason,
        quantity=quantity,
        declaration=declaration or DECLARED,
        explanation="It is not what I hoped for.",
        at=at,
    )


def staff(name: str = "ann", *, superuser: bool = True) -> User:
    made, _ = User.objects.get_or_create(
        username=name, defaults={"is_staff": True, "is_superuser": superuser}
    )
    return made


#: The shortest way to each state that needs a parcel or a person, from `under_review`.
_PATHS: dict[State, tuple[Callable[[Case, datetime], object], ...]] = {}


def _path(state: State, *steps: Callable[[Case, datetime], object]) -> None:
    _PATHS[state] = steps


def _accept(case: Case, at: datetime) -> object:
    return workflow.accept(case, at=at, by="Seller")


def _hand_over(case: Case, at: datetime) -> object:
    return workflow.hand_over(case, at=at, actor=Actor.COURIER, by="La Poste")


def _receive(case: Case, at: datetime) -> object:
    return workflow.receive(case, at=at, actor=Actor.COURIER, by="La Poste")


def _inspect(outcome: InspectionOutcome) -> Callable[[Case, datetime], object]:
    return lambda case, at: workflow.inspect(
        case, outcomes=[outcome] * case.at_stake, at=at, by="Warehouse 1"
    )


def _refuse(case: Case, at: datetime) -> object:
    return workflow.refuse(case, why="It was worn.", at=at, by="Seller")


def _escalate(case: Case, at: datetime) -> object:
    return workflow.escalate(case, text="I disagree.", at=at)


def _paid(case: Case, at: datetime) -> object:
    return workflow.complete_refund(case, at=at, by="Bank")


_path(State.UNDER_REVIEW)
_path(
    State.INFO_REQUESTED, lambda case, at: workflow.ask(case, question="Why?", at=at, by="Seller")
)
_path(
    State.OFFER_MADE, lambda case, at: workflow.offer(case, amount=Decimal(10), at=at, by="Seller")
)
_path(State.AWAITING_RETURN, _accept)
_path(State.IN_TRANSIT, _accept, _hand_over)
_path(State.INSPECTING, _accept, _hand_over, _receive)
_path(
    State.INVESTIGATING,
    _accept,
    _hand_over,
    _receive,
    _inspect(InspectionOutcome.DAMAGED_UNDECLARED),
)
_path(State.REFUND_PENDING, _accept, _hand_over, _receive, _inspect(InspectionOutcome.AS_NEW))
_path(State.REFUNDED, _accept, _hand_over, _receive, _inspect(InspectionOutcome.AS_NEW), _paid)
_path(State.DECLINED, _refuse)
_path(State.ESCALATED, _refuse, _escalate)
_path(State.CLOSED, lambda case, at: workflow.cancel(case, at=at))


def walk(case: Case, to: State, *, at: datetime = T0) -> Case:
    """Lead a new case to a state by the shortest way of real verbs, all at `at`."""
    for step in _PATHS[to]:
        step(case, at)
    return case


def case_at(state: State, *, at: datetime = T0, **of_dispute: Any) -> Case:
    """A case in that state."""
    return walk(dispute(at=at, **of_dispute), state, at=at)


def events(case: Case) -> list[Event]:
    """What its journal says, without notes, in order."""
    return [
        Event(event)
        for event in case.entries.order_by("id").values_list("event", flat=True)
        if event not in (Event.NOTED, Event.MESSAGE_SENT, Event.EVIDENCE_ADDED)
    ]


FULL = Verdict.Outcome.FULL_REFUND
PART = Verdict.Outcome.PARTIAL_REFUND
SEND_BACK = Verdict.Outcome.RETURN_REQUIRED
UPHELD = Verdict.Outcome.REFUSAL_UPHELD


# Couriers ----------------------------------------------------------------------------------------

#: What every courier of a test signs with, so that messages can be signed anywhere.
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def courier(slug: str = "la-poste-fr", *, at: datetime = T0 - DAY) -> Courier:
    """A partner of R21 that signs with SECRET, and is signed to with it."""
    partner = Courier.objects.get(slug=slug)
    for direction in Direction:
        if not partner.secrets.filter(direction=direction).exists():
            logistics.install_secret(partner, direction, SECRET, at=at)
    return partner


def signed(
    body: bytes, *, at: datetime = T0, message_id: str = "", secret: str = SECRET
) -> dict[str, str]:
    """The headers a courier sends with these bytes at that moment."""
    message_id = message_id or f"evt_{next(_number)}"
    stamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(message_id, stamp, body, secret_bytes(secret)),
    }
