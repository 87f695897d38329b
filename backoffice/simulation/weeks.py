"""Made-up weeks: who buys what, and what becomes of it."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from backoffice.simulation.agenda import Agenda
from backoffice.simulation.cast import ITEMS, OFTEN, PLACES, SCRIPTS, SELLERS, Place
from backoffice.simulation.dice import Dice
from backoffice.simulation.people import People, Story
from backoffice.simulation.shop import Shop
from refunds.sandbox_bank import DEFAULT_SHARES
from returns.money import rounded
from returns.states import Kind, Reason

#: Cases come in groups of so many; a group may share a buyer, or two of it an order.
GROUP = 4
#: What the bank does to a payment whose reference begins so (refunds.sandbox_bank.SCRIPTS).
BANK = {
    "always-pays": 0.78,
    "fails-five-times": 0.02,
    **{str(fault): share for fault, share in DEFAULT_SHARES.items()},
}


def write(
    agenda: Agenda,
    *,
    seed: int,
    cases: int,
    days: int,
    start: datetime,
    run: str,
    shop: Shop,
    people: People,
) -> list[Story]:
    """The stories of so many disputes within so many days, their beginnings on the agenda."""
    plans = [_Plan(seed, index, days, start, run) for index in range(cases)]
    orders: dict[str, list[_Plan]] = {}
    for plan in plans:
        orders.setdefault(plan.order, []).append(plan)
    for number, sharing in orders.items():
        first = sharing[0]
        tell = partial(_tell, shop, number, sharing)
        agenda.add(max(first.placed_at, start), first.index, tell)
        if first.received_at > start:
            moment = first.received_at.isoformat()
            receipt = partial(_confirm, shop, number, moment)
            agenda.add(first.received_at, first.index, receipt)
    stories = [plan.story() for plan in plans]
    for story in stories:
        agenda.add(story.opens_at, story.index, partial(people.open, story))
    return stories


def _tell(shop: Shop, number: str, sharing: "list[_Plan]", now: datetime) -> None:
    shop.put_order(number, sharing[0].told(sharing, now))


def _confirm(shop: Shop, number: str, received_at: str, now: datetime) -> None:
    shop.confirm_receipt(number, received_at)


class _Plan:
    """One dispute as the dice want it, with the order it is about."""

    def __init__(self, seed: int, index: int, days: int, start: datetime, run: str) -> None:
        self.index, self.run = index, run
        self.dice = dice = Dice(seed, index, SCRIPTS[index] if index < len(SCRIPTS) else None)
        family = _family(seed, index)
        leader = index - index % GROUP if family == "buyer" else index
        if family == "order":
            leader = index - index % 2
        first = Dice(seed, leader, SCRIPTS[leader] if leader < len(SCRIPTS) else None)
        self.buyer, self.order = f"{run}-b{leader}", f"{run}-{index}"
        self.country = first.one_of("country", **{code: OFTEN.get(code, 1.0) for code in PLACES})
        opens_at = start + first.days("opens", 0.1, max(days - 6, 0.2))
        late = first.one_of("late", no=0.86, yes=0.14) == "yes"
        since = timedelta(days=first.between("since_receipt", *((16, 30) if late else (1, 12))))
        self.received_at = opens_at - since
        self.placed_at = self.received_at - timedelta(days=first.between("delivery", 2, 6))
        if leader != index:
            opens_at += dice.days("opens after", 0.2, 5)
            self.order = f"{run}-{leader}" if family == "order" else self.order
        self.opens_at = opens_at
        self.item = dice.between("item", 0, len(ITEMS) - 1)
        self.sku = f"item-{self.item}-{index - leader}"

    @property
    def place(self) -> Place:
        return PLACES[self.country]

    def story(self) -> Story:
        dice = self.dice
        kind = Kind(dice.one_of("kind", return_and_refund=0.8, refund_only=0.2))
        reason = Reason(dice.one_of("reason", **{str(each.value): 1.0 for each in Reason}))
        unused = dice.happens("declares", 0.94)
        wish = {
            "order": self.order,
            "item": self.sku,
            "kind": kind.value,
            "reason": reason.value,
            "quantity": dice.between("returns", 1, self._pieces()),
            "declaration": {
                "unused": unused,
                "undamaged": reason not in (Reason.DAMAGED_GOODS, Reason.QUALITY_PROBLEMS),
                "original_packaging": True,
                "labels_intact": True,
            },
            "explanation": f"{reason.label}.",
        }
        return Story(self.index, dice, wish, self.country, self.opens_at)

    def told(self, sharing: "list[_Plan]", now: datetime) -> dict[str, Any]:
        """The order with all its items, as `PUT /orders/{number}` takes it."""
        items = [plan.bought() for plan in sharing]
        ref, name, country = SELLERS[self.index % len(SELLERS)]
        place, currency = self.place, self.place.currency
        captured = sum(
            (Decimal(i["unit_price"]) * i["quantity"] + Decimal(i["shipping_cost"]) for i in items),
            Decimal(0),
        )
        return {
            "seller": {
                "ref": ref,
                "name": name,
                "email": f"{ref}@sellers.example",
                "country": country,
                "address": PLACES[country].address(country, 1),
            },
            "buyer": {
                "ref": self.buyer,
                "name": f"Buyer {self.buyer.rpartition('b')[2]}",
                "email": f"{self.buyer}@buyers.example",
                "country": self.country,
                "address": place.address(self.country, int(self.buyer.rpartition("b")[2]) + 1),
            },
            "currency": currency,
            "placed_at": self.placed_at.isoformat(),
            "received_at": self.received_at.isoformat() if self.received_at <= now else None,
            "items": items,
            "payment": {
                "provider": "sandbox",
                "reference": f"{self.dice.one_of('bank', **BANK)}-{self.order}",
                "captured": str(captured),
                "method": self.dice.one_of(
                    "pays by", card=0.6, wallet=0.15, bank_transfer=0.15, postal_order=0.1
                ),
            },
        }

    def bought(self) -> dict[str, Any]:
        """The item, in the currency of the buyer's country."""
        title, euros = ITEMS[self.item]
        dice, place = self.dice, self.place
        shipping = Decimal(dice.between("shipping", 3, 8)) * place.rate
        return {
            "sku": self.sku,
            "title": title,
            "quantity": self._pieces(),
            "unit_price": str(rounded(Decimal(euros) * place.rate, place.currency)),
            "shipping_cost": str(rounded(shipping, place.currency)),
            "free_return": dice.happens("free_return", 0.75),
        }

    def _pieces(self) -> int:
        return int(self.dice.one_of("pieces", **{"1": 0.7, "2": 0.2, "3": 0.1}))


def _family(seed: int, index: int) -> str:
    """What the cases of a group share: nothing, the buyer, or by twos the order."""
    if index < len(SCRIPTS):
        return str(SCRIPTS[index]["family"])
    return Dice(seed, -1 - index // GROUP).one_of("family", none=0.76, buyer=0.14, order=0.1)
