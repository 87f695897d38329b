"""What a courier is asked for, whatever it speaks, and what its answers mean: one shape for all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Protocol, Self

from logistics.policy import Window
from logistics.states import Fate
from logistics.tracking import TrackingCode, TrackingReason
from returns.outside import Reply

#: What will not get better by itself.
HOPELESS = frozenset({400, 401, 403, 404, 422})
RETRY_AFTER_AT_MOST = timedelta(hours=24)


class Capability(StrEnum):
    """What a gateway can do beyond taking a message."""

    NUMBERS = "numbers"  # hands out tracking numbers, and their labels' pages, of its own
    LABEL = "label"
    VOID = "void"
    PICKUP = "pickup"
    MOVE = "pickup.reschedule"
    CANCEL = "pickup.cancel"
    TRACK = "track"  # can be asked; others report by themselves
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try. `status` is HTTP's, where there was an answer in HTTP.

    `body` is what is kept of it, 4 kB at most; `milliseconds` what the try took.
    """

    fate: Fate
    status: int | None = None
    error: str = ""
    body: bytes = b""
    retry_after: timedelta | None = None
    milliseconds: int = 0

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """An answer over HTTP, read as Standard Webhooks has it: 410, Retry-After, abort."""
        return cls(
            fate=_fate(reply),
            status=reply.status,
            error=reply.error or ("" if reply.ok else _phrase(reply)),
            body=reply.body,
            retry_after=_retry_after(reply.headers),
            milliseconds=reply.milliseconds,
        )


@dataclass(frozen=True, slots=True)
class Address:
    """Where a door is. `country` is ISO 3166 alpha-2; `street` may have several lines."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str
    region: str = ""
    phone: str = ""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """From a message; what is not there is empty."""
        return cls(**{name: str(told.get(name) or "") for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """A label of ours to tell of, or one to be made where the courier hands out the numbers.

    `message` is the whole as it was written down once: partners are sent exactly that. The rest is
    read from it. `number` is empty, and `sender` and `recipient` are given, where it is to be made.
    """

    message: Mapping[str, Any]
    number: str
    rma: str
    last_use_on: date | None
    weight_limit_g: int
    sender: Address
    recipient: Address

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """From a message `label.…`."""
        data = message["data"]
        until = data.get("last_use_on")
        return cls(
            message=message,
            number=_number(data),
            rma=str(data.get("rma", "")),
            last_use_on=date.fromisoformat(until) if until else None,
            weight_limit_g=int(data.get("weight_limit_g") or 0),
            sender=Address.read(data.get("sender") or {}),
            recipient=Address.read(data.get("recipient") or {}),
        )


@dataclass(frozen=True, slots=True)
class PickupSpec:
    """A van to come, to come at another time, or not to come.

    `message` as with labels. `window` is the wall time of the address, `zone` its IANA zone; a
    cancellation has neither, nor an address. `confirmation_number` is what the courier called it,
    where it did. After `deliver_before` nothing can be asked any more.
    """

    message: Mapping[str, Any]
    reference: str
    numbers: tuple[str, ...]
    confirmation_number: str = ""
    address: Address | None = None
    window: Window | None = None
    zone: str = ""
    parcels: int = 1
    weight_g: int | None = None
    package_location: str = ""
    instructions: str = ""
    deliver_before: datetime | None = None

    @classmethod
    def read(cls, message: Mapping[str, Any], *, confirmation_number: str = "") -> Self:
        """From a message `pickup.…`."""
        data = message["data"]
        window, before = data.get("window"), data.get("deliver_before")
        return cls(
            message=message,
            reference=str(data["pickup_id"]),
            numbers=tuple(map(str, data.get("tracking_numbers") or ())),
            confirmation_number=confirmation_number,
            address=Address.read(data["address"]) if data.get("address") else None,
            window=Window.parse(window) if window else None,
            zone=str((window or {}).get("tz") or ""),
            parcels=int(data.get("parcels") or 1),
            weight_g=data.get("weight_g"),
            package_location=str(data.get("package_location") or ""),
            instructions=str(data.get("instructions") or ""),
            deliver_before=datetime.fromisoformat(before) if before else None,
        )


@dataclass(frozen=True, slots=True)
class LabelResult:
    """The number (and page, and cost) where the courier made the label; else the answer alone."""

    answer: Answer
    number: str = ""
    page: bytes = b""
    page_type: str = "application/pdf"
    cost: Decimal | None = None
    currency: str = ""


class PickupSaid(StrEnum):
    """What the courier said of a van, once it had the message."""

    ACCEPTED = "accepted"
    PENDING = "pending"  # it will report
    REJECTED = "rejected"
    BY_HAND = "by_hand"  # nobody was asked: a person rings the courier


@dataclass(frozen=True, slots=True)
class PickupOutcome:
    """`said` counts only where the answer's fate is TAKEN. Moments are aware."""

    answer: Answer
    said: PickupSaid = PickupSaid.PENDING
    confirmation_number: str = ""
    window_start: datetime | None = None
    window_end: datetime | None = None
    reason: str = ""


class CancelSaid(StrEnum):
    """What the courier said of a cancellation, once it had the message."""

    CANCELLED = "cancelled"
    REQUESTED = "requested"  # it will report
    REJECTED = "rejected"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """`said` counts only where the answer's fate is TAKEN."""

    answer: Answer
    said: CancelSaid = CancelSaid.REQUESTED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrackingRecord:
    """One report, where the courier is asked for them. `occurred_at` is aware."""

    event_id: str
    tracking_number: str
    code: TrackingCode
    occurred_at: datetime
    reason: TrackingReason | None = None
    city: str = ""
    country: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PointRecord:
    """One drop-off point, where the courier is asked for them. Degrees are WGS 84."""

    code: str
    name: str
    kind: str
    country: str
    city: str
    address: str
    lat: float
    lon: float
    opening_hours: str = ""
    takes_parcels: bool = True


class CourierGateway(Protocol):
    """One way to speak to a courier, made for one courier and one moment.

    No method raises for what the courier or the network does: the answer says it. `key` is the
    same over all tries of a message, and told twice the courier acts once.
    """

    slug: str
    capabilities: frozenset[Capability]

    def create_label(self, spec: LabelSpec, key: str) -> LabelResult:
        """Tell of a label, or have it made (NUMBERS)."""
        ...

    def void_label(self, spec: LabelSpec, key: str) -> Answer:
        """The label is not going to be used."""
        ...

    def book_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        """Ask for a van."""
        ...

    def move_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        """Ask the van to come in another window."""
        ...

    def cancel_pickup(self, spec: PickupSpec, key: str) -> CancelOutcome:
        """Ask the van not to come."""
        ...

    def ping(self, message: Mapping[str, Any], key: str) -> Answer:
        """Say something that means nothing, to see whether it is heard."""
        ...

    def poll_tracking(self, numbers: Sequence[str]) -> list[TrackingRecord]:
        """What happened to these parcels (TRACK); nothing where the courier reports by itself."""
        ...

    def points(self, since: datetime | None = None) -> Iterable[PointRecord]:
        """Its drop-off points (POINTS), of late those that changed."""
        ...


def _number(data: Mapping[str, Any]) -> str:
    numbers = data.get("tracking_numbers") or [""]
    return str(numbers[0])


def _fate(reply: Reply) -> Fate:
    if reply.ok:
        return Fate.TAKEN
    if reply.status == HTTPStatus.GONE:
        return Fate.GONE
    if reply.headers.get("webhook-delivery", "").strip().lower() == "abort-message":
        return Fate.ABORTED
    return Fate.HOPELESS if reply.status in HOPELESS else Fate.AGAIN


def _phrase(reply: Reply) -> str:
    try:
        return f"{reply.status} {HTTPStatus(reply.status or 0).phrase}"
    except ValueError:
        return str(reply.status)


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """RFC 9110 §10.2.3, a day at most: seconds, or a date on the courier's own clock."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal() and len(said) < 9:
        wait = timedelta(seconds=int(said))
    else:
        try:
            # Against its own Date: how wrong its clock is, or ours, does not matter.
            here = parsedate_to_datetime(headers.get("date", ""))
            wait = parsedate_to_datetime(said) - here
        except (ValueError, TypeError, OverflowError):
            return None
    return max(timedelta(0), min(wait, RETRY_AFTER_AT_MOST))
