"""Which parcel a tracking number means: numbers come back, and buyers type what they like."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

#: A report may be this much ahead of its label: so long does it wait for it.
AHEAD_OF_LABEL = timedelta(days=14)
#: Numbers come back: within a year of its label a number means that parcel (S10), later no more.
NUMBER_LIVES = timedelta(days=365)


class Bearer(NamedTuple):
    """A parcel that bears a number: given out by us, or typed by a buyer who has it since then."""

    ours: bool
    issued_at: datetime
    pk: int


def bearer(parcels: Iterable[Bearer], occurred_at: datetime) -> int | None:
    """Which of the parcels with one courier's number this happened to; None: to none of them.

    The number must be within its life then. A label of ours beats what a buyer typed; of several
    the newest that had begun by then, else the one that began first.
    """
    alive = [
        each
        for each in parcels
        if each.issued_at - AHEAD_OF_LABEL <= occurred_at <= each.issued_at + NUMBER_LIVES
    ]
    alive = [each for each in alive if each.ours] or alive
    begun = [each for each in alive if each.issued_at <= occurred_at]
    if begun:
        return max(begun).pk
    return min(alive).pk if alive else None
