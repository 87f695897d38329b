"""Thousands of free returns at once, whose buyers hand their parcels over: nothing but couriers.

Warehouse, money and letters are left out: what comes in stays where it was received.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.db.models.base import ModelState

from backoffice.simulation.agenda import Agenda
from backoffice.simulation.cast import PLACES, SELLERS
from backoffice.simulation.couriers import Couriers
from backoffice.simulation.dice import Dice
from backoffice.simulation.people import Heard, Story
from logistics import workflow as logistics
from logistics.models import CourierService
from returns import workflow as returns
from returns.journal import record
from returns.machine import NotNow
from returns.models import (
    Buyer,
    Case,
    FreeReturnSlot,
    Order,
    OrderLine,
    PolicyVersion,
    Seller,
)
from returns.states import Handover, Kind, Reason, State

#: What chance does to couriers here: more than in any real year.
FAULTS: Mapping[str, float] = {
    "lose": 0.01,
    "delay": 0.1,
    "duplicate": 0.1,
    "shuffle": 0.3,
    "old key": 0.3,
}
VANS: Mapping[str, float] = {
    "comes": 0.6,
    "fails once": 0.1,
    "fails twice": 0.08,
    "rejects": 0.05,
    "double-books": 0.06,
    "misses": 0.06,
    "never comes": 0.02,
    "cancels late": 0.03,
}
#: What buyers do with their label.
WISHES: Mapping[str, float] = {
    "sends": 0.9,
    "never sends": 0.04,
    "cancels": 0.03,
    "cancels and sends": 0.03,  # on a label that was taken back
}
DECLARED = {"unused": True, "undamaged": True, "original_packaging": True, "labels_intact": True}
#: What is noted of a pick-up for which nobody will come.
NO_VAN = ("failed", "rejected", "cancelled")
ROWS = 1_000  # at a time
Row = TypeVar("Row", bound=Model)


class Buyers:
    """All buyers: when they send what, and what they do when no van came."""

    def __init__(self, agenda: Agenda, couriers: Couriers) -> None:
        self.agenda, self.couriers = agenda, couriers
        collected = CourierService.objects.filter(active=True, method=Handover.PICKUP)
        self._collected = set(collected.values_list("country", flat=True))
        self.did = Counter[str]()

    def hear(self, story: Story, heard: Heard) -> None:
        """A case goes on; a buyer whose van did not come asks for another (R23)."""
        if heard.state == State.AWAITING_RETURN and not story.been["label"]:
            story.been["label"] += 1
            self._plan(story, heard.at)
        story.state = heard.state
        if "pickup" in heard.facts and heard.facts.get("state") in NO_VAN:
            self._book_later(story, heard.at)

    def _plan(self, story: Story, start: datetime) -> None:
        """What this buyer will do from the acceptance on."""
        wish = story.dice.one_of("wish", **WISHES)
        sends_at = start + story.dice.days("sends after", 0.3, 7)
        if wish.startswith("cancels"):
            cancels_at = start + story.dice.days("cancels after", 0.2, 3)
            self.agenda.add(cancels_at, story.index, partial(self._cancel, story))
        if wish == "sends" and story.country in self._collected:
            self._book_later(story, start)
        elif wish in ("sends", "cancels and sends"):
            self.agenda.add(sends_at, story.index, partial(self._drop_off, story))

    def _book_later(self, story: Story, at: datetime) -> None:
        again = story.nth("van")
        after = at + story.dice.days(f"{again} asked after", 0.1, 2)
        self.agenda.add(after, story.index, partial(self._book, story, again))

    def _book(self, story: Story, again: str, now: datetime) -> None:
        case = Case.objects.get(number=story.number)
        if case.state != State.AWAITING_RETURN:
            self.did["books a van: too late"] += 1
            return
        free = [slot.window for slot in logistics.pickup_slots(case, at=now) if slot.left]
        if not free:
            self.did["finds no free window"] += 1
            self._book_later(story, now)
            return
        window = free[story.dice.between(f"{again} window", 0, min(5, len(free) - 1))]
        self._do(
            "books a van",
            lambda case: logistics.book_pickup(case, window=window, at=now),
            story,
        )

    def _cancel(self, story: Story, now: datetime) -> None:
        self._do("cancels", lambda case: returns.cancel(case, at=now), story)

    def _drop_off(self, story: Story, now: datetime) -> None:
        """The box is brought, whatever became of its label."""
        brought = self.couriers.take(story.number, now, live=False)
        self.did["brings a parcel" if brought else "has no label"] += 1

    def _do(self, what: str, verb: Any, story: Story) -> None:
        case = Case.objects.get(number=story.number)
        try:
            verb(case)
        except (NotNow, ValueError):
            self.did[f"{what}: too late"] += 1
        else:
            self.did[what] += 1


def opened_returns(count: int, *, seed: int, run: str, at: datetime) -> Iterator[Story]:
    """So many free returns of R21's countries: the first of a country opened by the verb, the
    others copies of what that wrote. No seller answers, so that the clock accepts all (R17).
    """
    _without_an_end(at)
    offered = CourierService.objects.filter(active=True).order_by("country")
    served = list(offered.values_list("country", flat=True).distinct())
    first: dict[str, Case] = {}
    for start in range(0, count, ROWS):
        indexes = range(start, min(start + ROWS, count))
        lines = _bought([(index, served[index % len(served)]) for index in indexes], run, at)
        others = []
        for line in lines:
            country = line.order.buyer.country
            if country in first:
                others.append(line)
            else:
                first[country] = _opened(line, at)
        numbers = {case.line_id: case.number for case in first.values()}
        copied = _copies([(first[line.order.buyer.country], line) for line in others])
        numbers |= {case.line_id: case.number for case in copied}
        for index, line in zip(indexes, lines, strict=True):
            country = line.order.buyer.country
            yield Story(index, Dice(seed, index), {}, country, at, number=numbers[line.pk])


def _opened(line: OrderLine, at: datetime) -> Case:
    return returns.open_dispute(
        line,
        kind=Kind.RETURN_AND_REFUND,
        reason=Reason.PERSONAL_REASONS,
        quantity=1,
        declaration=DECLARED,
        explanation="",
        at=at,
    )


def _copies(wanted: list[tuple[Case, OrderLine]]) -> list[Case]:
    """Cases on these lines, with slot and journal, as the verb wrote the first of their country."""
    if not wanted:
        return []
    with transaction.atomic():
        cases = [
            _like(
                case, number=f"new-{line.pk}", line=line, order=line.order, buyer=line.order.buyer
            )
            for case, line in wanted
        ]
        Case.objects.bulk_create(cases)
        for case in cases:
            case.number = f"RMA{case.pk:08d}"
        Case.objects.bulk_update(cases, ["number"], batch_size=ROWS)
        FreeReturnSlot.objects.bulk_create(
            _like(first.slot, case=case, order=case.order, buyer=case.buyer)
            for (first, _), case in zip(wanted, cases, strict=True)
        )
        record(
            [
                _like(first.entries.get(), case=case, by=case.buyer.name)
                for (first, _), case in zip(wanted, cases, strict=True)
            ]
        )
    return cases


def _like(row: Row, **differing: Any) -> Row:
    """An unsaved copy of a row."""
    made = copy(row)
    made.pk, made._state = None, ModelState()
    for name, value in differing.items():
        setattr(made, name, value)
    return made


def _without_an_end(at: datetime) -> None:
    """A policy under which nobody waits for the warehouse: only couriers are looked at."""
    version = PolicyVersion.current(at)
    version.pk, version.name, version.valid_from = None, "Soak", at
    version.inspection_days = version.support_days = 1_000
    version._state.adding = True
    version.save()


def _bought(wanted: list[tuple[int, str]], run: str, at: datetime) -> list[OrderLine]:
    """An order each, with one item that came three days ago: what the shop told us."""
    sellers = [_seller(*each) for each in SELLERS]
    buyers = Buyer.objects.bulk_create(
        Buyer(
            ref=f"{run}-{index}",
            name=f"Buyer {index}",
            email=f"{run}-{index}@buyers.example",
            country=country,
            address=PLACES[country].address(country, index + 1),
        )
        for index, country in wanted
    )
    orders = Order.objects.bulk_create(
        Order(
            number=f"{run}-{index}",
            buyer=buyer,
            seller=sellers[index % len(sellers)],
            currency="EUR",
            placed_at=at - timedelta(days=8),
            received_at=at - timedelta(days=3),
            payment_provider="sandbox",
            payment_reference=f"always-pays-{run}-{index}",
            payment_method="card",
            captured=Decimal(45),
        )
        for (index, _), buyer in zip(wanted, buyers, strict=True)
    )
    return OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            sku="lamp",
            title="Desk lamp",
            quantity=1,
            unit_price=Decimal(40),
            shipping_cost=Decimal(5),
            free_return=True,
        )
        for order in orders
    )


def _seller(ref: str, name: str, country: str) -> Seller:
    told = {"name": name, "email": f"{ref}@sellers.example", "country": country}
    address = PLACES[country].address(country, 1)
    return Seller.objects.get_or_create(ref=ref, defaults={**told, "address": address})[0]
