"""A courier that nobody can call: its numbers and labels are ours, and a person rings for vans."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

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
from logistics.states import Fate, Mode

_TAKEN = Answer(Fate.TAKEN)


class InternalLabelGateway:
    """Takes everything at once and calls nobody."""

    slug = "internal"
    capabilities = frozenset({Capability.LABEL, Capability.VOID})

    def __init__(self, courier: Courier, *, at: datetime, mode: Mode = Mode.LIVE) -> None:
        """Nobody is called: nothing of it is needed."""

    def create_label(self, spec: LabelSpec, key: str) -> LabelResult:
        return LabelResult(_TAKEN, number=spec.number)

    def void_label(self, spec: LabelSpec, key: str) -> Answer:
        return _TAKEN

    def book_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        return PickupOutcome(_TAKEN, PickupSaid.BY_HAND)

    def move_pickup(self, spec: PickupSpec, key: str) -> PickupOutcome:
        return PickupOutcome(_TAKEN, PickupSaid.BY_HAND)

    def cancel_pickup(self, spec: PickupSpec, key: str) -> CancelOutcome:
        return CancelOutcome(_TAKEN, CancelSaid.BY_HAND)

    def ping(self, message: Mapping[str, Any], key: str) -> Answer:
        return _TAKEN

    def poll_tracking(self, numbers: Sequence[str]) -> list[TrackingRecord]:
        return []

    def points(self, since: datetime | None = None) -> Iterable[PointRecord]:
        return ()
