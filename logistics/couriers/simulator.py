"""The sandbox's simulated courier, spoken to as a carrier's own interface would be: it has all."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from logistics.couriers.contract import (
    Answer,
    CancelOutcome,
    CancelSaid,
    Capability,
    LabelResult,
    LabelSpec,
    PickupOutcome,
    PickupSaid,
    PickupSpec,
    PointRecord,
    TrackingRecord,
)
from logistics.models import Courier
from logistics.states import Mode
from logistics.tracking import TrackingCode, TrackingReason
from returns import outside
from returns.outside import Reply

#: Bytes: pages, scans and points are longer than what is kept of an answer.
MOST = 1_000_000
KEPT = 4_096


class SimulatorGateway:
    """POSTs JSON with an Idempotency-Key to `endpoint_url` (couriers_sandbox/carrier.py)."""

    slug = "simulator"
    capabilities = frozenset(Capability)

    def __init__(self, courier: Courier, *, at: datetime, mode: Mode = Mode.LIVE) -> None:
        self._url = courier.endpoint_url.rstrip("/")

    def create_label(self, spec: LabelSpec, key: str) -> LabelResult:
        wanted = {"rma": spec.rma, "tracking_number": spec.number}
        answer, said = self._ask("labels", wanted, key)
        return LabelResult(
            answer,
            number=spec.number or _text(said.get("tracking_number")),
            page=_bytes(said.get("page")),
            cost=_amount(said.get("cost")),
            currency=_text(said.get("currency")),
        )

    def void_label(self, spec: LabelSpec, key: str) -> Answer:
        return self._ask("labels/void", {"tracking_number": spec.number}, key)[0]

    def book_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        return self._asked_for("pickups", spec, key)

    def move_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        return self._asked_for("pickups/move", spec, key)

    def cancel_pickup(self, spec: PickupSpec, key: str) -> CancelOutcome:
        answer, said = self._ask("pickups/cancel", {"pickup_id": spec.reference}, key)
        match said.get("status"):
            case "cancelled":
                return CancelOutcome(answer, CancelSaid.CANCELLED)
            case "rejected":
                return CancelOutcome(answer, CancelSaid.REJECTED, _text(said.get("reason")))
        return CancelOutcome(answer)

    def ping(self, message: Mapping[str, Any], key: str) -> Answer:
        return self._ask("ping", message, key)[0]

    def poll_tracking(self, numbers: Sequence[str]) -> list[TrackingRecord]:
        events = self._look(f"tracking?{urlencode({'numbers': ','.join(numbers)})}", "events")
        return [record for event in events if (record := _record(event))]

    def points(self, since: datetime | None = None) -> Iterable[PointRecord]:
        for told in self._look("points", "points"):
            try:
                yield PointRecord(**told)
            except TypeError:
                continue  # not a point as it was agreed

    def _asked_for(self, what: str, spec: PickupSpec, key: str) -> PickupOutcome:
        answer, said = self._ask(what, spec.message.get("data") or {}, key)
        match said.get("status"):
            case "confirmed":
                return PickupOutcome(
                    answer,
                    PickupSaid.ACCEPTED,
                    confirmation_number=_text(said.get("confirmation_number")),
                    window_start=_moment(said.get("window_start")),
                    window_end=_moment(said.get("window_end")),
                )
            case "rejected":
                return PickupOutcome(answer, PickupSaid.REJECTED, reason=_text(said.get("reason")))
        return PickupOutcome(answer)

    def _ask(self, what: str, data: Mapping[str, Any], key: str) -> tuple[Answer, dict[str, Any]]:
        body = json.dumps(data, ensure_ascii=False).encode()
        reply = self._call("POST", what, body=body, key=key)
        said = _content(reply) if reply.ok else {}
        kept = Reply(
            reply.status, reply.error, reply.body[:KEPT], reply.headers, reply.milliseconds
        )
        return Answer.of(kept), said

    def _look(self, what: str, name: str) -> list[dict[str, Any]]:
        """Nothing where the courier cannot be reached: it is asked again another time."""
        found = _content(self._call("GET", what)).get(name)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def _call(self, method: str, what: str, *, body: bytes = b"", key: str = "") -> Reply:
        headers = {
            "Authorization": f"Bearer {settings.COURIERS_TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        return outside.call(
            method,
            f"{self._url}/{what}",
            body=body,
            headers=headers,
            loopback=settings.COURIERS_ON_LOOPBACK,
            most=MOST,
        )


def _content(reply: Reply) -> dict[str, Any]:
    try:
        said = json.loads(reply.body) if reply.body else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(said: object) -> str:
    return said[:200] if isinstance(said, str) and said.isprintable() else ""


def _bytes(said: object) -> bytes:
    try:
        return base64.b64decode(said, validate=True) if isinstance(said, str) else b""
    except binascii.Error:
        return b""


def _amount(said: object) -> Decimal | None:
    try:
        amount = Decimal(said) if isinstance(said, str) else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() else None


def _moment(said: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return read if read and read.tzinfo else None


def _record(event: Mapping[str, Any]) -> TrackingRecord | None:
    """A scan as the contract has it; None for what cannot be read."""
    at = _moment(event.get("occurred_at"))
    code, reason = _text(event.get("code")), _text(event.get("reason"))
    place = event.get("location")
    where = place if isinstance(place, dict) else {}
    if at is None or not _text(event.get("event_id")):
        return None
    return TrackingRecord(
        event_id=_text(event.get("event_id")),
        tracking_number=_text(event.get("tracking_number")),
        code=TrackingCode(code) if code in TrackingCode else TrackingCode.UNKNOWN,
        occurred_at=at,
        reason=TrackingReason(reason) if reason in TrackingReason else None,
        city=_text(where.get("city")),
        country=_text(where.get("country")),
    )
