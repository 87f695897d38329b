"""A real shop's year as a simulation: its orders, and a dispute for every line that went back.

What such a file does not say follows the fixed rules of docs/replay.md, the same for every file.
What cannot be a dispute is counted by reason; no line is lost on the way.
"""

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TextIO
from zlib import crc32
from zoneinfo import ZoneInfo

from backoffice.simulation.agenda import Agenda
from backoffice.simulation.cast import PLACES, Place
from backoffice.simulation.dice import Dice
from backoffice.simulation.people import People, Story
from backoffice.simulation.shop import Json, Shop
from backoffice.simulation.weeks import BANK
from logistics.countries import COUNTRY_NAMES
from refunds.policy import apportion
from returns.money import rounded
from returns.policy import seller_at_fault
from returns.states import Kind, Reason

ZONE, CURRENCY, HOME = ZoneInfo("Europe/London"), "GBP", "GB"
COLUMNS = (
    *("invoice", "stock_code", "description", "quantity", "unit_price", "customer", "country"),
    *("purchased_at", "returned_quantity", "returned_at", "cancel_invoice"),
)
#: What such shops book as lines, but nobody can send back: postage, discounts, fees, by hand.
NOT_GOODS = frozenset(
    {"POST", "DOT", "M", "C2", "D", "S", "B", "CRUK", "BANK CHARGES", "AMAZONFEE"}
)
COUNTRIES = {name: code for code, name in COUNTRY_NAMES.items()} | {
    "EIRE": "IE",
    "RSA": "ZA",
    "USA": "US",
    "Channel Islands": "JE",
}
#: At home and abroad: days until a parcel has arrived, and what shipping an order costs.
DAYS = {True: 4, False: 8}
SHIPPING = {True: Decimal("4.95"), False: Decimal("12.50")}

NOT_RETURNED, BEYOND_LIMIT = "not returned", "beyond --limit"


class NotSuchAFile(Exception):
    """The file has not the columns it needs."""


@dataclass(frozen=True)
class Line:
    """One line of the file that can be sold: read, checked, in our own types."""

    place: int  # in the file, from 1
    invoice: str
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    customer: str
    country: str
    bought_at: datetime
    returned: int
    returned_at: datetime | None


@dataclass
class Sale:
    """An order with its goods, as the shop would tell it."""

    number: str
    lines: list[Line] = field(default_factory=list)

    @property
    def at_home(self) -> bool:
        return self.lines[0].country == HOME

    @property
    def bought_at(self) -> datetime:
        return self.lines[0].bought_at

    @property
    def received_at(self) -> datetime:
        """By the fixed rule, or an hour before the first return; never before it was bought."""
        arrives = self.bought_at + timedelta(days=DAYS[self.at_home])
        returns = [line.returned_at - timedelta(hours=1) for line in self.lines if line.returned_at]
        return max(self.bought_at, min([arrives, *returns]))


@dataclass(frozen=True)
class Year:
    """What was read: every line is in `sales`, or counted under a reason in `skipped`."""

    read: int
    sales: list[Sale]
    returned: list[Line]
    skipped: Counter[str]

    @property
    def begins(self) -> datetime:
        return min(sale.bought_at for sale in self.sales)

    @property
    def ends(self) -> datetime:
        return max(line.returned_at or line.bought_at for line in self.returned)


def read(path: Path, *, limit: int | None = None) -> Year:
    """Read a file (CSV, also gzipped); with `limit` only the first returns, and their orders.

    Raises NotSuchAFile, OSError.
    """
    skipped, sales, count = Counter[str](), dict[str, Sale](), 0
    with _opened(path) as file:
        rows = csv.DictReader(file)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise NotSuchAFile(f"{path} has no column {', '.join(missing)}")
        for count, row in enumerate(rows, 1):
            line = _line(count, row)
            if isinstance(line, str):
                skipped[line] += 1
            else:
                sales.setdefault(line.invoice, Sale(line.invoice)).lines.append(line)
    for sale in sales.values():
        _name_apart(sale)
    lines = [line for sale in sales.values() for line in sale.lines]
    returned = sorted(
        (line for line in lines if line.returned_at),
        key=lambda line: (line.returned_at or line.bought_at, line.place),
    )
    skipped[NOT_RETURNED] += len(lines) - len(returned)
    if limit is not None and len(returned) > limit:
        skipped[BEYOND_LIMIT] += len(returned) - limit
        returned = returned[:limit]
        wanted = {line.invoice for line in returned}
        sales = {number: sale for number, sale in sales.items() if number in wanted}
    if not returned:
        raise NotSuchAFile(f"{path} has no line that can be returned: {dict(skipped)}")
    return Year(count, list(sales.values()), returned, skipped)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    opener = gzip.open if packed else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
        yield text


def _line(place: int, row: dict[str, str | None]) -> Line | str:
    """The line, or why it cannot be a dispute."""
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    try:
        quantity, price = int(told["quantity"]), Decimal(told["unit_price"])
        bought_at = _moment(told["purchased_at"])
        returned = int(told["returned_quantity"] or 0)
        returned_at = _moment(told["returned_at"]) if returned > 0 else None
    except (ValueError, InvalidOperation):
        return "unreadable"
    if reason := _unfit(told, quantity, price, bought_at, returned, returned_at):
        return reason
    return Line(
        place=place,
        invoice=_ref(told["invoice"]),
        sku=_ref(told["stock_code"]),
        title=_printable(told["description"])[:300] or told["stock_code"],
        quantity=quantity,
        unit_price=rounded(price, CURRENCY),
        customer=_ref(told["customer"]),
        country=COUNTRIES[told["country"]],
        bought_at=bought_at,
        returned=returned,
        returned_at=returned_at,
    )


def _unfit(
    told: dict[str, str],
    quantity: int,
    price: Decimal,
    bought_at: datetime,
    returned: int,
    returned_at: datetime | None,
) -> str:
    """Why this line cannot be a dispute; empty when it can. The first reason counts."""
    reasons = {
        "no customer": not told["customer"],
        "unknown country": told["country"] not in COUNTRIES,
        "no invoice or article": not (_ref(told["invoice"]) and _ref(told["stock_code"])),
        "postage, fee or by hand": told["stock_code"].upper() in NOT_GOODS,
        "quantity 0": quantity <= 0,
        "free item": not price.is_finite() or rounded(price, CURRENCY) <= 0,
        "returned more than bought": returned > quantity,
        "returned before bought": returned_at is not None and returned_at < bought_at,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _moment(text: str) -> datetime:
    """The shop's own wall time, in UTC."""
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=ZONE)).astimezone(UTC)


def _ref(text: str) -> str:
    """The shop's name for a thing in characters that the door takes and a URL leaves alone."""
    return re.sub(r"[^A-Za-z0-9._~-]+", "-", text)[:48].strip(".")


def _printable(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _name_apart(sale: Sale) -> None:
    """Several lines of one article in an order: the second is another item, named apart."""
    seen = Counter[str]()
    for place, line in enumerate(sale.lines):
        seen[line.sku] += 1
        if (nth := seen[line.sku]) > 1:
            sale.lines[place] = Line(**(vars(line) | {"sku": f"{line.sku}~{nth}"}))


# As a play ----------------------------------------------------------------------------------------


def write(
    year: Year, agenda: Agenda, *, seed: int, run: str, shop: Shop, people: People
) -> list[Story]:
    """The stories of the year's returns; orders and receipts on the agenda when they happened."""
    for place, sale in enumerate(year.sales):
        index = -1 - place
        bank = Dice(seed, index).one_of("bank", **BANK)
        agenda.add(sale.bought_at, index, partial(_tell, shop, sale, run, bank))
        agenda.add(sale.received_at, index, partial(_confirm, shop, sale, run))
    stories = []
    for index, line in enumerate(year.returned):
        opens_at = line.returned_at or line.bought_at
        wish = _wish(line, run)
        story = Story(index, Dice(seed, index, SCRIPT), wish, line.country, opens_at)
        agenda.add(opens_at, index, partial(people.open, story))
        stories.append(story)
    return stories


#: A year of thousands is about what happened: nobody asks for exchanges or sends twice.
SCRIPT = {"asks for an exchange": False, "asks first": False, "sends twice": False}


def _tell(shop: Shop, sale: Sale, run: str, bank: str, now: datetime) -> None:
    shop.put_order(f"{run}-{sale.number}", _order(sale, run, bank, now))


def _confirm(shop: Shop, sale: Sale, run: str, now: datetime) -> None:
    shop.confirm_receipt(f"{run}-{sale.number}", sale.received_at.isoformat())


def _order(sale: Sale, run: str, bank: str, now: datetime) -> Json:
    """The order as `PUT /orders/{number}` takes it."""
    first, shipping = sale.lines[0], SHIPPING[sale.at_home]
    values = [line.unit_price * line.quantity for line in sale.lines]
    shares = apportion(shipping, values, CURRENCY)
    received = sale.received_at <= now
    return {
        "seller": {
            "ref": f"{run}-shop",
            "name": "The shop",
            "email": "shop@sellers.example",
            "country": HOME,
            "address": _address(HOME),
        },
        "buyer": {
            "ref": f"{run}-{first.customer}",
            "name": f"Customer {first.customer}",
            "email": f"{first.customer}@buyers.example",
            "country": first.country,
            "address": _address(first.country),
        },
        "currency": CURRENCY,
        "placed_at": sale.bought_at.isoformat(),
        "received_at": sale.received_at.isoformat() if received else None,
        "items": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": str(line.unit_price),
                "shipping_cost": str(share),
                "free_return": _hash("free", line.sku) % 4 != 0,
            }
            for line, share in zip(sale.lines, shares, strict=True)
        ],
        "payment": {
            "provider": "sandbox",
            "reference": f"{bank}-{run}-{sale.number}",
            "captured": str(sum(values, shipping)),
            "method": ("card", "card", "wallet", "bank_transfer")[_hash("pays", sale.number) % 4],
        },
    }


def _wish(line: Line, run: str) -> Json:
    """The dispute on a returned line, as `POST /returns` takes it."""
    reason = list(Reason)[_hash("reason", line.sku) % len(Reason)]
    alone = seller_at_fault(reason) and _hash("kind", line.sku) % 5 == 0
    return {
        "order": f"{run}-{line.invoice}",
        "item": line.sku,
        "kind": (Kind.REFUND_ONLY if alone else Kind.RETURN_AND_REFUND).value,
        "reason": reason.value,
        "quantity": line.returned,
        "declaration": {
            "unused": _hash("used", f"{line.invoice} {line.sku}") % 40 != 0,
            "undamaged": reason not in (Reason.DAMAGED_GOODS, Reason.QUALITY_PROBLEMS),
            "original_packaging": True,
            "labels_intact": True,
        },
        "explanation": "",
    }


def _address(country: str) -> dict[str, str]:
    """The file knows no addresses: one a country."""
    place = PLACES.get(country) or Place(CURRENCY, 1, "Main Street", COUNTRY_NAMES[country], "")
    return place.address(country, 1)


def _hash(what: str, of: str) -> int:
    """A number that depends on nothing but the words, on any machine."""
    return crc32(f"{what}:{of}".encode())


# What became of the lines -------------------------------------------------------------------------


@dataclass(frozen=True)
class Reconciliation:
    """Lines read = cases opened + refused with a rule + skipped with a reason."""

    read: int
    opened: int
    refused: Counter[str]
    skipped: Counter[str]

    @property
    def holds(self) -> bool:
        return self.read == self.opened + self.refused.total() + self.skipped.total()


def reconciled(year: Year, stories: Iterable[Story]) -> Reconciliation:
    """Account for every line of the file; one that never came to the door is missing here."""
    stories = list(stories)
    return Reconciliation(
        year.read,
        sum(1 for story in stories if story.number),
        Counter(story.refused for story in stories if story.refused),
        year.skipped,
    )
