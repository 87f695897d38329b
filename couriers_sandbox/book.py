"""The couriers' own book: what they were told, what they saw, what they said and what came back."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from couriers_sandbox.contract import told

Json = dict[str, Any]


@dataclass
class Heard:
    """A message of the back office: kept once, however often it came."""

    courier: str
    id: str
    type: str
    timestamp: str
    data: Json
    heard_at: datetime
    times: int = 1

    def as_json(self) -> Json:
        return asdict(self) | {"heard_at": told(self.heard_at)}


@dataclass
class Report:
    """What a courier saw: one event of a parcel, or one of a van. `answer` is the back office's."""

    courier: str
    type: str
    event_id: str
    tracking_number: str
    pickup_id: str
    code: str
    reason: str
    occurred_at: datetime
    data: Json
    lost: bool = False
    said: int = 0  # in how many messages that were acknowledged
    answer: str = ""

    def as_json(self) -> Json:
        kept = asdict(self)
        del kept["data"]
        return kept | {"occurred_at": told(self.occurred_at)}


@dataclass
class Message:
    """What is posted: one report of a van, or up to a hundred of parcels. `status` is HTTP's."""

    courier: str
    id: str
    type: str
    body: bytes
    reports: list[Report]
    faults: set[str] = field(default_factory=set)
    tries: int = 0
    status: int | None = None
    answer: str = ""

    def as_json(self) -> Json:
        return {
            "courier": self.courier,
            "id": self.id,
            "type": self.type,
            "events": [report.event_id for report in self.reports],
            "faults": sorted(self.faults),
            "tries": self.tries,
            "status": self.status,
            "answer": self.answer,
        }


@dataclass
class Parcel:
    """A parcel as its courier knows it; `journey` is how it fares once it was handed over."""

    courier: str
    tracking_number: str
    rma: str = ""
    voided: bool = False
    journey: str = ""
    first: str = ""
    handed_over_at: datetime | None = None

    def as_json(self) -> Json:
        at = self.handed_over_at
        return asdict(self) | {"handed_over_at": told(at) if at else None}


class Book:
    """Everything, in the order it happened. Its owner locks it."""

    def __init__(self) -> None:
        self.heard: dict[tuple[str, str], Heard] = {}  # by courier and webhook-id
        self.parcels: dict[tuple[str, str], Parcel] = {}  # by courier and tracking number
        self.reports: list[Report] = []
        self.messages: list[Message] = []
        self.counts = Counter[str]()

    def parcel(self, courier: str, number: str) -> Parcel:
        """The courier's parcel with this number, known from now on."""
        return self.parcels.setdefault((courier, number), Parcel(courier, number))

    def refused(self) -> Iterator[Message]:
        """What the back office would not have, and nobody will send again."""
        return (one for one in self.messages if one.answer in ("refused", "given up"))

    def as_json(self) -> Json:
        return {
            "heard": [one.as_json() for one in self.heard.values()],
            "parcels": [one.as_json() for one in self.parcels.values()],
            "reports": [one.as_json() for one in self.reports],
            "messages": [one.as_json() for one in self.messages],
            "counts": dict(sorted(self.counts.items())),
        }

    def statistics(self) -> Json:
        """What was told, seen, said and answered, in numbers."""
        return {
            "heard": dict(sorted(Counter(one.type for one in self.heard.values()).items())),
            "heard_again": sum(one.times - 1 for one in self.heard.values()),
            "parcels": len(self.parcels),
            "journeys": dict(
                sorted(Counter(one.journey for one in self.parcels.values() if one.journey).items())
            ),
            "reports": dict(sorted(Counter(one.code or one.type for one in self.reports).items())),
            "reports_lost": sum(one.lost for one in self.reports),
            "reports_told": sum(one.said > 0 for one in self.reports),
            "messages": len(self.messages),
            "events": dict(sorted(self.counts.items())),
        }
