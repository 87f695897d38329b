"""What a courier's message says: read, checked, and never trusted."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.tracking import TrackingCode, TrackingReason

MAX_EVENTS = 100
#: How far a courier's clock may be ahead of ours.
AHEAD = timedelta(hours=24)
FUTURE = "occurred-at-in-future"
_EARLIEST, _LATEST = 2000, 2100
#: Nobody rings at a door more often.
MOST_ATTEMPTS = 99

UPDATED, VOIDED = "tracking.updated", "tracking.voided"
CONFIRMED, RESCHEDULED = "pickup.confirmed", "pickup.rescheduled"
ATTEMPTED, COMPLETED = "pickup.attempted", "pickup.completed"
REJECTED, CANCELLED = "pickup.rejected", "pickup.cancelled"
CANCEL_REJECTED = "pickup.cancel_rejected"
POINT = "point.updated"
PICKUPS = frozenset(
    {CONFIRMED, RESCHEDULED, ATTEMPTED, COMPLETED, REJECTED, CANCELLED, CANCEL_REJECTED}
)
#: What a courier says of its point: it takes parcels, it does not, it is full for now.
OPEN, CLOSED, FULL = "open", "closed", "full"
POINT_STATUSES = frozenset({OPEN, CLOSED, FULL})
TYPES = PICKUPS | {UPDATED, VOIDED, POINT}

# What reads as text but cannot be kept as such, or would turn a line around in a log.
_UNKEEPABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# RFC 3339, with an offset: what datetime reads besides is nobody's timestamp.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


@dataclass(frozen=True)
class Report:
    """One report as it can be kept. `occurred_at` is in UTC; `raw` is what came, as JSON."""

    type: str
    event_id: str
    occurred_at: datetime
    tracking_number: str = ""
    pickup_id: str = ""
    code: TrackingCode = TrackingCode.UNKNOWN
    reason: str = ""
    location: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    note: str = ""
    voids: str = ""
    raw: str = ""


class Wrong(Exception):
    """Something in a message that cannot be taken: where (a JSON Pointer), a stable code, why."""

    def __init__(self, pointer: str, code: str, detail: str, event_id: str = "") -> None:
        super().__init__(detail)
        self.pointer, self.code, self.detail, self.event_id = pointer, code, detail, event_id

    def as_json(self) -> dict[str, str]:
        """The member of `errors` in a problem."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


def parse(body: bytes) -> Mapping[str, Any]:
    """The message as an object. Raises ValueError for any bytes that are not one."""
    try:
        message = json.loads(body.decode())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message


def read(
    message: Mapping[str, Any], *, message_id: str, at: datetime
) -> list[Report | Wrong] | None:
    """Each report in the message, or what is wrong with it; None for a type we do not know.

    `message_id` stands in for the id of a report that is alone in its message and has none. Raises
    Wrong when the message as a whole cannot be taken. `at` is now.
    """
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        return None
    data = message.get("data")
    if not isinstance(data, dict):
        raise Wrong("/data", "not-an-object", "data is an object.")
    if kind != UPDATED:
        return [_one(kind, data, "/data", message_id, at)]
    if "events" not in data:
        alone = "tracking_number" in data or "event_id" in data
        return [_one(kind, data, "/data", "", at)] if alone else []
    events = data["events"]
    if not isinstance(events, list) or len(events) > MAX_EVENTS:
        raise Wrong("/data/events", "not-a-batch", f"A list of at most {MAX_EVENTS} events.")
    return [
        _one(kind, event, f"/data/events/{index}", "", at) for index, event in enumerate(events)
    ]


def _one(kind: str, event: Any, pointer: str, message_id: str, at: datetime) -> Report | Wrong:
    if not isinstance(event, dict):
        return Wrong(pointer, "not-an-object", "An event is an object.")
    try:
        return _report(kind, event, pointer, message_id, at)
    except Wrong as wrong:
        told = event.get("event_id")
        wrong.event_id = told if isinstance(told, str) and not _UNKEEPABLE.search(told) else ""
        return wrong
    except RecursionError:
        return Wrong(pointer, "too-deep", "Nested too deeply.")


def _report(
    kind: str, event: Mapping[str, Any], pointer: str, message_id: str, at: datetime
) -> Report:
    text = _Texts(event, pointer)
    tracking = kind == UPDATED
    number = text("tracking_number", 40, needed=tracking)
    number = "".join(number.split()).upper()
    code = text("code", 64, needed=tracking)
    told = event.get("occurred_at")
    occurred = at if told is None and not tracking else moment(told, f"{pointer}/occurred_at")
    if occurred - at > AHEAD:
        raise Wrong(f"{pointer}/occurred_at", FUTURE, "More than 24 h ahead.")
    place = event.get("location")
    given = place if isinstance(place, dict) else {}
    where = {key: free(given[key], 80) for key in _PLACE if given.get(key)}
    event_id = text("event_id", 80) or message_id
    if not event_id:
        told_as = json.dumps([number, code, occurred.isoformat(), where])
        event_id = f"sha256-{hashlib.sha256(told_as.encode()).hexdigest()}"
    reason = text("reason", 64)
    return Report(
        type=kind,
        event_id=event_id,
        occurred_at=occurred,
        tracking_number=number,
        pickup_id=text("pickup_id", 40, needed=kind in PICKUPS),
        code=TrackingCode(code) if code in TrackingCode else TrackingCode.UNKNOWN,
        reason=reason if not reason or reason in TrackingReason else TrackingReason.OTHER,
        location=where,
        details=_details(kind, event, text, pointer),
        note=free(event.get("note"), 300),
        voids=text("voids", 80, needed=kind == VOIDED),
        # In ASCII, so that whatever came can be kept.
        raw=json.dumps(event)[:8_000],
    )


_PLACE = ("kind", "point_code", "city", "country")


def free(value: Any, longest: int) -> str:
    """Words for people: cut and cleaned, never a reason to refuse a report."""
    words = _UNKEEPABLE.sub(" ", value) if isinstance(value, str) else ""
    return " ".join(words.split())[:longest]


def _details(kind: str, event: Mapping[str, Any], text: "_Texts", pointer: str) -> dict[str, str]:
    """What only a pick-up or a point has. A window is kept in UTC."""
    if kind == POINT:
        return _point(event, text, pointer)
    details = {key: text(key, 64) for key in ("confirmation_number", "by") if event.get(key)}
    if kind in (CONFIRMED, RESCHEDULED) and event.get("window_start") is not None:
        start, end = (
            moment(event.get(key), f"{pointer}/{key}") for key in ("window_start", "window_end")
        )
        if not start < end:
            raise Wrong(f"{pointer}/window_end", "window-not-in-order", "It ends after it starts.")
        details |= {"window_start": start.isoformat(), "window_end": end.isoformat()}
    if kind == ATTEMPTED and event.get("attempt") is not None:
        details["attempt"] = _counted(event["attempt"], f"{pointer}/attempt")
    return details if kind in PICKUPS else {}


def _point(event: Mapping[str, Any], text: "_Texts", pointer: str) -> dict[str, str]:
    """Its code, its status, and until when it is closed or full, if that is known."""
    code, status = text("point_code", 32, needed=True), text("status", 20, needed=True)
    if status not in POINT_STATUSES:
        allowed = ", ".join(sorted(POINT_STATUSES))
        raise Wrong(f"{pointer}/status", "unknown-status", f"One of {allowed}.")
    if status == OPEN or event.get("until") is None:
        return {"point_code": code, "status": status}
    until = moment(event["until"], f"{pointer}/until")
    return {"point_code": code, "status": status, "until": until.isoformat()}


def _counted(told: Any, pointer: str) -> str:
    """Which attempt it was, as the courier counts them. Raises Wrong."""
    if type(told) is not int or not 1 <= told <= MOST_ATTEMPTS:
        raise Wrong(pointer, "not-a-count", f"attempt is a whole number, 1 to {MOST_ATTEMPTS}.")
    return str(told)


def moment(told: Any, pointer: str) -> datetime:
    """An RFC 3339 timestamp with its offset, in UTC. Raises Wrong."""
    if isinstance(told, str) and _MOMENT.fullmatch(told):
        try:
            read = datetime.fromisoformat(told.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            read = None
        if read and _EARLIEST <= read.year < _LATEST:
            return read
    raise Wrong(pointer, "not-a-timestamp", "An RFC 3339 timestamp with its offset.")


@dataclass(frozen=True)
class _Texts:
    """The text members of an object: short, and of characters that can be kept."""

    given: Mapping[str, Any]
    pointer: str

    def __call__(self, key: str, longest: int, *, needed: bool = False) -> str:
        value = self.given.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or (needed and not value.strip()):
            raise Wrong(f"{self.pointer}/{key}", "not-text", f"{key} is text.")
        if len(value) > longest or _UNKEEPABLE.search(value):
            detail = f"{key} is at most {longest} printable characters."
            raise Wrong(f"{self.pointer}/{key}", "unfit-text", detail)
        return value.strip()
