"""What the shop tells us about its orders: told twice, known once; what a case relies on stays."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from returns.models import Buyer, Order, OrderLine, Seller

P = TypeVar("P", Buyer, Seller)

#: Where each column of an order and of an item stands in what the shop sent (JSON pointers).
_PLACES = {
    "seller_id": "/seller/ref",
    "buyer_id": "/buyer/ref",
    "currency": "/currency",
    "placed_at": "/placed_at",
    "received_at": "/received_at",
    "payment_provider": "/payment/provider",
    "payment_reference": "/payment/reference",
    "payment_method": "/payment/method",
    "captured": "/payment/captured",
}
_ITEM = ("title", "quantity", "unit_price", "shipping_cost", "free_return")


class InUse(Exception):
    """A return case relies on what was to be changed; `places` are JSON pointers."""

    def __init__(self, places: list[str]) -> None:
        super().__init__(f"A return case relies on {', '.join(places)}.")
        self.places = places


class TooEarly(Exception):
    """The order would have been received before it was placed."""


def put(number: str, told: Mapping[str, Any]) -> tuple[Order, bool]:
    """The order as the shop tells it, and whether it is new. Raises InUse, TooEarly.

    `told` is shaped as `PUT /orders/{number}`, with Decimals and aware datetimes in it. A receipt
    once confirmed is not taken back by telling the order again without it.
    """
    with transaction.atomic():
        # Seller, buyer, order: whoever opens a dispute locks in the same order.
        columns = {
            "seller_id": _party(Seller, told["seller"]).pk,
            "buyer_id": _party(Buyer, told["buyer"]).pk,
            "currency": told["currency"],
            "placed_at": told["placed_at"],
            "received_at": told["received_at"],
            "payment_provider": told["payment"]["provider"],
            "payment_reference": told["payment"]["reference"],
            "payment_method": told["payment"]["method"],
            "captured": told["payment"]["captured"],
        }
        order, created = Order.objects.select_for_update().get_or_create(
            number=number, defaults=columns
        )
        if created:
            OrderLine.objects.bulk_create(_line(order, item) for item in told["items"])
        else:
            _change(order, columns, told["items"])
        return order, created


def confirm_receipt(number: str, *, received_at: datetime) -> Order:
    """The buyer confirmed the receipt (R01).

    Raises Order.DoesNotExist, TooEarly, and InUse when a case relies on another day.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(number=number)
        if received_at < order.placed_at:
            raise TooEarly
        if order.received_at != received_at:
            if order.cases.exists():
                raise InUse(["/received_at"])
            order.received_at = received_at
            order.save(update_fields=["received_at"])
        return order


def _party(model: type[P], told: Mapping[str, Any]) -> P:
    """Buyer or seller by the shop's name for them; what is told last is true."""
    facts = {name: value for name, value in told.items() if name != "ref"}
    party, created = model.objects.get_or_create(ref=told["ref"], defaults=facts)
    if not created and (changed := _differing(party, facts)):
        for name in changed:
            setattr(party, name, facts[name])
        party.save(update_fields=changed)
    return party


def _line(order: Order, item: Mapping[str, Any]) -> OrderLine:
    return OrderLine(order=order, **item)


def _change(order: Order, columns: dict[str, Any], items: list[Mapping[str, Any]]) -> None:
    if columns["received_at"] is None:
        del columns["received_at"]
    received_at = columns.get("received_at", order.received_at)
    if received_at and received_at < columns["placed_at"]:
        raise TooEarly
    changed = _differing(order, columns)
    known = {line.sku: line for line in order.lines.all()}
    relied = set(order.cases.values_list("line_id", flat=True))
    places = [_PLACES[name] for name in changed] if relied else []
    places += _places_of_items(known, relied, items)
    if places:
        raise InUse(places)
    if changed:
        for name in changed:
            setattr(order, name, columns[name])
        order.save(update_fields=changed)
    _replace(order, known, items)


def _places_of_items(
    known: Mapping[str, OrderLine], relied: set[int], items: list[Mapping[str, Any]]
) -> Iterator[str]:
    """Where items that a case relies on would change: all of an item but its title."""
    places = {item["sku"]: place for place, item in enumerate(items)}
    for sku, line in known.items():
        if line.pk not in relied:
            continue
        if sku not in places:
            yield "/items"
            continue
        for name in _differing(line, items[places[sku]]):
            if name != "title":
                yield f"/items/{places[sku]}/{name}"


def _replace(order: Order, known: Mapping[str, OrderLine], items: list[Mapping[str, Any]]) -> None:
    changed = []
    for item in items:
        line = known.get(item["sku"])
        if line and _differing(line, item):
            for name in _ITEM:
                setattr(line, name, item[name])
            changed.append(line)
    gone = known.keys() - {item["sku"] for item in items}
    if gone:
        order.lines.filter(sku__in=gone).delete()
    if changed:
        OrderLine.objects.bulk_update(changed, _ITEM)
    OrderLine.objects.bulk_create(_line(order, item) for item in items if item["sku"] not in known)


def _differing(row: Any, told: Mapping[str, Any]) -> list[str]:
    return [name for name, value in told.items() if getattr(row, name) != value]
