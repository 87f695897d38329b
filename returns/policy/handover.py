"""How a parcel may leave the buyer, how often it may fail, and until when it may not (R19–R24)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from returns.policy.facts import Finding, Numbers, iso
from returns.states import Handover, TermsOutcome

#: R24: the reasons of a failed pick-up that are the courier's own, as couriers report them.
COURIERS_FAILURES = frozenset({"courier_missed", "capacity", "weather"})


def may_cancel(handed_over_at: datetime | None) -> Finding:
    """R19: whether the buyer may cancel: until the handover. ValueError for a naive datetime."""
    if handed_over_at is None:
        return Finding("R19", {"handed_over_at": None}, True, "You can still cancel your return.")
    return Finding(
        "R19",
        {"handed_over_at": iso(handed_over_at)},
        False,
        "You have handed the parcel over, so your return can no longer be cancelled.",
    )


def handover_methods(outcome: TermsOutcome, services: Collection[str]) -> tuple[Handover, ...]:
    """R20–R22: the ways to hand a parcel over under these terms.

    `services` are the handovers that couriers offer in the buyer's country. A free return without
    any goes by the buyer's own courier, postage reimbursed (R21).
    """
    if outcome == TermsOutcome.NOT_POSSIBLE:
        return ()
    if outcome == TermsOutcome.FREE:
        free = tuple(way for way in (Handover.DROP_OFF, Handover.PICKUP) if way in services)
        return free or (Handover.OWN_COURIER,)
    return (Handover.OWN_COURIER,)


def pickup_failed(attempts: int, numbers: Numbers) -> bool:
    """R23: whether so many failed attempts are enough that the buyer has to choose again."""
    return attempts >= numbers.pickup_attempts


def handover_extension(reason: str) -> timedelta:
    """R24: how much longer the buyer has after a failed pick-up: a day where the courier failed."""
    return timedelta(days=1 if reason in COURIERS_FAILURES else 0)
