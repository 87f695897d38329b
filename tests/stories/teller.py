"""Tells what happens to a return day by day, through the real doors.

The shop speaks to the API over HTTP with its key, couriers sign and post their webhooks, and the
money leaves a real sandbox bank. Sellers, warehouse and support, who have no door of their own yet,
use the verbs. Only the workers are played here: their tasks are called in this process, so that a
story of forty days takes a second and stands still wherever the test looks. Real workers, killed
and restarted, are shown in tests/chaos, weeks of them in tests/simulation.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from textwrap import dedent
from typing import Any

import httpx
from django.core import mail
from django.db.models import Min, Model, Sum
from PIL import Image

from backoffice.invariants import violations
from logistics import signatures
from logistics import tasks as logistics_tasks
from logistics import workflow as logistics
from logistics.inspection import usual
from logistics.models import Courier, Delivery, Parcel, PickupBooking, TrackingEvent
from logistics.states import Direction
from refunds import tasks as refunds_tasks
from refunds.models import LedgerEntry, Refund
from refunds.sandbox_bank import SandboxBank
from returns import clock
from returns import tasks as returns_tasks
from returns.models import Case, Notice, Reaction
from returns.states import Actor, InspectionOutcome
from tests import make

#: Day 0 of every story: a Monday morning, far from a change of the clocks.
START = datetime(2026, 5, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)
#: What the workers of all queues do, each until nothing of its own is due.
WORK: tuple[Callable[[], object], ...] = (
    returns_tasks.ring_cases,
    returns_tasks.run_reactions,
    logistics_tasks.project_events,
    logistics_tasks.render_labels,
    logistics_tasks.watch_unmatched,
    refunds_tasks.pay_due,
    logistics_tasks.deliver_outbox,
    logistics_tasks.watch_pickups,
    returns_tasks.send_notices,
)
#: Where a worker looks for what is due.
TIMERS: tuple[tuple[type[Model], str], ...] = (
    (Case, "deadline_at"),
    (Reaction, "next_try_at"),
    (Notice, "next_try_at"),
    (Refund, "next_try_at"),
    (Delivery, "next_try_at"),
    (PickupBooking, "due_at"),
)
#: More rounds than any moment of a story needs; one that needs more is never done.
ROUNDS = 20

Json = dict[str, Any]


def until(moment: datetime) -> None:
    """Let time pass, stopping wherever something is due, and have the workers do it."""
    while (due := _next_due()) is not None and due <= moment:
        clock.set_to(max(due, clock.now()))
        work()
    clock.set_to(moment)


def work() -> None:
    """All that workers would do at this moment."""
    for _ in range(ROUNDS):
        for task in WORK:
            task()
        due = _next_due()
        if (due is None or due > clock.now()) and not TrackingEvent.objects.due().exists():
            return
    raise AssertionError(f"something is still due since {due}")


def _next_due() -> datetime | None:
    """The next moment at which a worker will find something to do."""
    found = (
        model._default_manager.aggregate(first=Min(column))["first"] for model, column in TIMERS
    )
    return min(filter(None, found), default=None)


class Story:
    """The simulated clock, and everybody who acts between one of its days and the next."""

    def __init__(self, url: str, key: str, bank: SandboxBank) -> None:
        self.bank = bank
        self.shop = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )
        self.courier_door = httpx.Client(base_url=f"{url}/api/couriers/v1", trust_env=False)
        self.courier_keys: dict[str, bytes] = {}
        self.numbers = count(1)

    def day(self, day: float) -> None:
        """Let time pass until that day, 10 in the morning."""
        until(START + day * DAY)

    # The shop

    def order(
        self,
        *,
        items: int = 1,
        price: str = "40.00",
        shipping: str = "5.00",
        quantity: int = 1,
        free_return: bool = True,
        buyer: str = "alice",
        country: str = "FR",
        currency: str = "EUR",
        received_on: float = -1,
        bank: str = "always-pays",
        method: str = "card",
    ) -> str:
        """An order of `items` teapots, sku-1 …; `bank` is what the bank will do to its refunds."""
        number = f"O-{next(self.numbers)}"
        paid = (Decimal(price) * quantity + Decimal(shipping)) * items
        address = {**make.ADDRESS, "country": country}
        told = {
            "seller": {
                "ref": "teapots",
                "name": "Teapots & Co",
                "email": "seller@example.com",
                "country": "DE",
                "address": {**make.ADDRESS, "country": "DE"},
            },
            "buyer": {
                "ref": buyer,
                "name": buyer.title(),
                "email": "buyer@example.com",
                "country": country,
                "address": address,
            },
            "currency": currency,
            "placed_at": _iso(START + (received_on - 6) * DAY),
            "received_at": _iso(START + received_on * DAY),
            "items": [
                {
                    "sku": f"sku-{n}",
                    "title": f"Teapot no. {n}",
                    "quantity": quantity,
                    "unit_price": price,
                    "shipping_cost": shipping,
                    "free_return": free_return,
                }
                for n in range(1, items + 1)
            ],
            "payment": {
                "provider": "sandbox",
                "reference": f"{bank}-{number}",
                "captured": str(paid),
                "method": method,
            },
        }
        assert self.shop.put(f"/orders/{number}", json=told).status_code == 201
        return number

    def wish(self, order: str, item: str = "sku-1", **wish: Any) -> Json:
        """What a dispute is opened with, unless the story says otherwise."""
        return {
            "order": order,
            "item": item,
            "kind": "return_and_refund",
            "reason": "personal_reasons",
            "quantity": 1,
            "declaration": make.DECLARED,
            "explanation": "It is not what I hoped for.",
            **wish,
        }

    def opens(self, order: str | None = None, item: str = "sku-1", **wish: Any) -> "Told":
        """The buyer opens a dispute; on a new order, when none is given."""
        opened = self._open(order or self.order(), item, wish)
        assert opened.status_code == 201, opened.text
        work()
        return Told(self, opened.json()["number"])

    def may_not_open(self, order: str, item: str = "sku-1", **wish: Any) -> Json:
        """The buyer tries to, and is told why not."""
        refused = self._open(order, item, wish)
        assert refused.status_code == 422, refused.text
        return dict(refused.json())

    def _open(self, order: str, item: str, wish: Mapping[str, Any]) -> httpx.Response:
        body, key = self.wish(order, item, **wish), f"open-{next(self.numbers)}"
        return self.shop.post("/returns", json=body, headers={"Idempotency-Key": key})

    # Couriers and bank

    def courier_says(
        self, slug: str, kind: str, data: Json, *, message: str = ""
    ) -> httpx.Response:
        """A courier signs a message and posts it to its door."""
        if slug not in self.courier_keys:
            courier = Courier.objects.get(slug=slug)
            secret = logistics.give_secret(courier, Direction.IN, at=clock.now())
            self.courier_keys[slug] = signatures.secret_bytes(secret)
        stamp, name = int(clock.now().timestamp()), message or f"m{next(self.numbers)}"
        body = json.dumps({"type": kind, "data": data}).encode()
        signed = signatures.sign(name, stamp, body, self.courier_keys[slug])
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signed,
        }
        answer = self.courier_door.post(f"/{slug}/events", content=body, headers=headers)
        assert answer.status_code in (200, 202), answer.text
        work()
        return answer

    def close(self) -> None:
        """The story is told: every promise is kept, whatever happened in it."""
        assert list(violations(clock.now())) == []
        self.shop.close()
        self.courier_door.close()


@dataclass(frozen=True)
class Told:
    """One return case, with all who have a say in it."""

    story: Story
    number: str
    keys: Iterator[int] = field(default_factory=lambda: count(1))

    # Who acts

    def buyer(self, action: str, **body: Any) -> Json:
        """The buyer does something through the shop's door."""
        answer = self._post(action, body)
        assert answer.status_code == 200, answer.text
        work()
        return dict(answer.json())

    def may_not(self, action: str, **body: Any) -> str:
        """The buyer tries to, and is told why not."""
        answer = self._post(action, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "not-now"), answer.text
        return str(answer.json()["detail"])

    def shows_a_picture(self) -> None:
        """The buyer adds evidence (R04)."""
        picture = io.BytesIO()
        Image.new("RGB", (16, 16), (200, 30, 30)).save(picture, "PNG")
        files = {"file": ("broken.png", picture.getvalue(), "image/png")}
        answer = self.story.shop.post(f"/returns/{self.number}/evidence", files=files)
        assert answer.status_code == 201, answer.text
        work()

    def shows_the_receipt(self, cost: str) -> None:
        """The buyer proves what the postage was (R21)."""
        picture = io.BytesIO()
        Image.new("RGB", (16, 16), (250, 250, 250)).save(picture, "PNG")
        answer = self.story.shop.post(
            f"/returns/{self.number}/evidence",
            files={"file": ("receipt.png", picture.getvalue(), "image/png")},
            data={"purpose": "proof_of_postage", "cost": cost},
        )
        assert answer.status_code == 201, answer.text
        work()

    def seller(self, verb: Callable[..., object], **facts: Any) -> None:
        """The seller uses a verb."""
        self._do(verb, by="Teapots & Co", **facts)

    def support(self, verb: Callable[..., object], *, by: str = "ann", **facts: Any) -> None:
        """A support person uses a verb."""
        self._do(verb, by=make.staff(by), **facts)

    def courier(self, code: str, *, on: float | None = None, **more: Any) -> Json:
        """The courier reports where the parcel is; `on` another day than today."""
        parcel = self._parcel()
        assert parcel.courier is not None
        at = clock.now() if on is None else START + on * DAY
        event = {"tracking_number": parcel.tracking_number, "code": code, "occurred_at": _iso(at)}
        answer = self.story.courier_says(
            parcel.courier.slug, "tracking.updated", {"events": [{**event, **more}]}
        )
        return dict(answer.json()["results"][0])

    def van(self, kind: str, **more: Any) -> None:
        """The courier reports what became of the pick-up that was booked."""
        booking = self._parcel().pickups.latest("id")
        data = {"pickup_id": booking.reference, "occurred_at": _iso(clock.now()), **more}
        self.story.courier_says(booking.courier.slug, f"pickup.{kind}", data)

    def warehouse_receives(self) -> None:
        """The parcel is in the warehouse's hands, whatever a courier says."""
        logistics.receive_parcel(self.case, at=clock.now(), by="Warehouse 1")
        work()

    def warehouse_finds(self, *outcomes: InspectionOutcome, note: str = "") -> None:
        """What it finds of each piece."""
        items = [usual(outcome) for outcome in outcomes]
        self._do(logistics.inspect, items=items, note=note, by="Warehouse")

    # What there is to see

    @property
    def case(self) -> Case:
        """The row, as it is now."""
        return Case.objects.select_related("buyer", "seller").get(number=self.number)

    @property
    def json(self) -> Json:
        """The case, as the shop reads it now."""
        answer = self.story.shop.get(f"/returns/{self.number}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def journal(self) -> list[str]:
        """Line by line: the day, who, what, and who got mail about it."""
        told = self._mailed()
        return [
            f"day {(entry.at - START) // DAY}: {entry.actor} {entry.event}"
            + (f" → {', '.join(told[entry.pk])}" if entry.pk in told else "")
            for entry in self.case.entries.all()
        ]

    @property
    def paid(self) -> list[str]:
        """What the bank's own book says was paid for this case's order."""
        reference = self.case.order.payment_reference
        book = self.story.bank.book.select("payment_reference = ?", reference)
        return [f"{paid.amount} {paid.currency}" for paid in book]

    @property
    def books(self) -> dict[str, str]:
        """Who bears the refund in the end, but for the label: debit above zero, credit below."""
        refund = self.case.ledger.exclude(kind=LedgerEntry.Kind.LABEL).order_by("account")
        sums = refund.values_list("account").annotate(Sum("amount"))
        return {account: f"{amount:.2f}" for account, amount in sums if amount}

    def ends(self, journal: str, *, paid: Sequence[str] = (), **shown: object) -> None:
        """All that happened, the money that left the bank, and what the shop's door shows."""
        assert "\n".join(self.journal) == dedent(journal).strip()
        assert self.paid == list(paid)
        final = self.json
        lines = [f"{entry['actor']} {entry['event']}" for entry in final["journal"]]
        assert lines == [line.partition(": ")[2].partition(" →")[0] for line in self.journal]
        final["refund"] = final["refund"] and _refund(final["refund"])
        assert {name: final[name] for name in shown} == shown
        if final["state"] in ("refunded", "closed"):
            assert (final["deadline"], final["actions"]) == (None, ["messages"])
        else:
            assert final["deadline"]["at"] > _iso(clock.now())

    # By which hands

    def _post(self, action: str, body: Json) -> httpx.Response:
        headers = {"Idempotency-Key": f"{self.number}-{next(self.keys)}"}
        path = f"/returns/{self.number}/{action}"
        return self.story.shop.post(path, json=body or None, headers=headers)

    def _do(self, verb: Callable[..., object], **facts: Any) -> None:
        verb(self.case, at=clock.now(), **facts)
        work()

    def _parcel(self) -> Parcel:
        return (
            Parcel.objects.select_related("courier").filter(case__number=self.number).latest("id")
        )

    def _mailed(self) -> dict[int, list[str]]:
        """Entry → the parties to whom a mail about it was really sent, once for each mail."""
        parties = {"buyer@example.com": Actor.BUYER, "seller@example.com": Actor.SELLER}
        notices = {f"<notice-{notice.pk}@": notice.entry_id for notice in self.case.notices.all()}
        told: dict[int, list[str]] = {}
        for message in mail.outbox:
            about = notices.get(str(message.extra_headers["Message-ID"]).partition("@")[0] + "@")
            if about is not None:
                told.setdefault(about, []).extend(parties[to] for to in message.to)
        return {entry: sorted(who) for entry, who in told.items()}


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _refund(refund: Mapping[str, Any]) -> str:
    """Amount, state, and the day on which it was sent, or will be."""
    day = (datetime.fromisoformat(refund["paid_at"] or refund["due_at"]) - START) // DAY
    return f"{refund['amount']} {refund['state']} on day {day}"
