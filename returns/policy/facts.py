"""What the rules look at, and what they say: the claim, the numbers of the policy, a finding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from returns.states import Kind, Reason

Fact = str | int | bool | None

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


@dataclass(frozen=True)
class Numbers:
    """The † numbers of one policy version. Days are days of 24 hours.

    `exchange_rates` holds the units of a currency that are worth one unit of `currency`.
    `time_zone` is the marketplace's: it says which month it is (R10) and how a moment is written.
    """

    free_window_days: int = 15
    free_per_month: int = 3
    review_days: int = 3
    info_days: int = 2
    offer_days: int = 3
    handover_days: int = 10
    transit_days: int = 30
    inspection_days: int = 5
    investigation_days: int = 5
    escalation_days: int = 7
    support_days: int = 5
    refund_from_days: int = 3
    refund_to_days: int = 20
    refund_alarm_days: int = 15
    pickup_attempts: int = 2
    postage_cap: Decimal = Decimal(30)
    four_eyes_limit: Decimal = Decimal(500)
    currency: str = "EUR"
    exchange_rates: Mapping[str, Decimal] = field(default_factory=dict)
    time_zone: str = "Europe/Paris"


@dataclass(frozen=True)
class Declaration:
    """R09: what the buyer declares about the item on opening."""

    unused: bool
    undamaged: bool
    original_packaging: bool
    labels_intact: bool


@dataclass(frozen=True)
class Claim:
    """What a buyer asks for, `at` that moment, and what is known about the item and its order.

    `bought` and `taken` count pieces: of this item in the order, and of those the ones returned
    or in another open case. `unit_price` is for one piece, `shipping_cost` the item's share for
    all `bought` pieces, both in `currency`. `evidence` counts pictures and videos. `free_used`
    counts the free returns the buyer has used in the month of `at` (R10); `label_used` says that
    the order has its free label (R12).
    """

    kind: Kind
    reason: Reason
    quantity: int
    declaration: Declaration
    evidence: int
    at: datetime
    received_at: datetime | None
    bought: int
    taken: int
    open_case: bool
    unit_price: Decimal
    shipping_cost: Decimal
    currency: str
    free_return: bool
    free_used: int
    label_used: bool


@dataclass(frozen=True)
class Finding:
    """R15: one rule that was looked at, what it saw, and what it concluded, told to the buyer.

    `holds` is True when the facts meet the rule, so that it speaks for what is asked. Facts are
    plain JSON: money as decimal strings, moments in ISO 8601 and UTC.
    """

    rule: str
    facts: Mapping[str, Fact]
    holds: bool
    text: str

    def as_json(self) -> dict[str, object]:
        """The finding as the API and the case's row hold it."""
        return {
            "rule": self.rule,
            "facts": dict(self.facts),
            "holds": self.holds,
            "text": self.text,
        }


def utc(at: datetime) -> datetime:
    """The moment in UTC, where a day always has 24 hours; raises ValueError for a naive one."""
    if at.utcoffset() is None:
        raise ValueError(f"{at} has no time zone.")
    return at.astimezone(UTC)


def iso(at: datetime) -> str:
    """The moment as a fact. Raises ValueError for a naive one."""
    return utc(at).isoformat()


def moment(at: datetime, time_zone: str) -> str:
    """The moment as a reader in `time_zone` writes it: "5 November 2025, 14:30"."""
    local = utc(at).astimezone(ZoneInfo(time_zone))
    return f"{local.day} {month(local)}, {local:%H:%M}"


def month(day: date) -> str:
    """The month in words: "November 2025"."""
    return f"{MONTHS[day.month - 1]} {day.year}"


def counted(number: int, noun: str) -> str:
    """ "1 day", "3 days"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
