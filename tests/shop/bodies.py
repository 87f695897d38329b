"""What a shop sends when it has nothing to hide."""

from typing import Any

from tests import make

ADDRESS = {
    "street": "12 rue de la Paix",
    "city": "Paris",
    "region": "",
    "postal_code": "75002",
    "country": "FR",
    "phone": "+33 1 00 00 00 00",
}


def item(sku: str = "sku-1", **changes: Any) -> dict[str, Any]:
    return {
        "sku": sku,
        "title": "Teapot",
        "quantity": 3,
        "unit_price": "40.00",
        "shipping_cost": "5.00",
        "free_return": True,
        **changes,
    }


def order(**changes: Any) -> dict[str, Any]:
    return {
        "seller": {
            "ref": "s-1",
            "name": "Kettle & Co.",
            "email": "kettle@example.com",
            "country": "DE",
            "address": {**ADDRESS, "country": "DE"},
        },
        "buyer": {
            "ref": "b-1",
            "name": "Zoë Müller",
            "email": "zoe@example.com",
            "country": "FR",
            "address": ADDRESS,
        },
        "currency": "EUR",
        "placed_at": "2026-02-25T09:00:00Z",
        "received_at": "2026-03-01T10:00:00Z",
        "items": [item(), item("sku-2", free_return=False)],
        "payment": {
            "provider": "sandbox",
            "reference": "pay-1",
            "captured": "250.00",
            "method": "card",
        },
        **changes,
    }


def wish(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "return_and_refund",
        "reason": "personal_reasons",
        "quantity": 1,
        "declaration": make.DECLARED,
        **changes,
    }


def dispute(**changes: Any) -> dict[str, Any]:
    return {
        **wish(),
        "order": "A-1",
        "item": "sku-1",
        "explanation": "Too small.\nSorry.",
        **changes,
    }
