"""The default: a partner told by signed webhooks (Standard Webhooks v1), who reports back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

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
from logistics.signatures import sign
from logistics.states import Direction, Fate, Mode
from returns import outside

LARGEST = 20_000  # bytes: what we send


class PartnerWebhookGateway:
    """POSTs each message as it was written down, signed with every key in force."""

    slug = "partner"
    capabilities = frozenset(
        {
            *(Capability.LABEL, Capability.VOID),
            *(Capability.PICKUP, Capability.MOVE, Capability.CANCEL),
        }
    )

    def __init__(self, courier: Courier, *, at: datetime, mode: Mode = Mode.LIVE) -> None:
        self._url, self._at = courier.endpoint_url, at
        self._keys = courier.keys(Direction.OUT, at, mode)

    def create_label(self, spec: LabelSpec, key: str) -> LabelResult:
        return LabelResult(self._post(spec.message, key), number=spec.number)

    def void_label(self, spec: LabelSpec, key: str) -> Answer:
        return self._post(spec.message, key)

    def book_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        answer = self._post(spec.message, key)
        said = _content(answer)
        match said.get("status"):
            case "confirmed":
                number = _text(said.get("confirmation_number"))
                return PickupOutcome(answer, PickupSaid.ACCEPTED, confirmation_number=number)
            case "rejected":
                return PickupOutcome(answer, PickupSaid.REJECTED, reason=_text(said.get("reason")))
        return PickupOutcome(answer)

    def move_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        return self.book_pickup(spec, key)

    def cancel_pickup(self, spec: PickupSpec, key: str) -> CancelOutcome:
        answer = self._post(spec.message, key)
        said = _content(answer)
        match said.get("status"):
            case "cancelled":
                return CancelOutcome(answer, CancelSaid.CANCELLED)
            case "rejected":
                return CancelOutcome(answer, CancelSaid.REJECTED, _text(said.get("reason")))
        return CancelOutcome(answer)

    def ping(self, message: Mapping[str, Any], key: str) -> Answer:
        return self._post(message, key)

    def poll_tracking(self, numbers: Sequence[str]) -> list[TrackingRecord]:
        return []

    def points(self, since: datetime | None = None) -> Iterable[PointRecord]:
        return ()

    def _post(self, message: Mapping[str, Any], key: str) -> Answer:
        body = json.dumps(message, ensure_ascii=False).encode()
        if not self._keys:
            return Answer(Fate.AGAIN, error="no secret to sign with")
        if len(body) > LARGEST:
            return Answer(Fate.ABORTED, error=f"{len(body)} bytes: more than {LARGEST}")
        stamp = int(self._at.timestamp())
        signatures = (sign(key, stamp, body, secret) for secret in self._keys)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(stamp),
            "webhook-signature": " ".join(signatures),
        }
        reply = outside.call(
            "POST", self._url, body=body, headers=headers, loopback=settings.COURIERS_ON_LOOPBACK
        )
        return Answer.of(reply)


def _content(answer: Answer) -> dict[str, Any]:
    """What a courier that took the message said in its answer; nothing where it cannot be read."""
    try:
        said = json.loads(answer.body) if answer.fate == Fate.TAKEN else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _text(said: object) -> str:
    return said[:200] if isinstance(said, str) and said.isprintable() else ""
