"""How a worker looks for what is due: chunk after chunk, the row lock being the claim."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def locked(queryset: models.QuerySet[M]) -> models.QuerySet[M]:
    """The rows nobody else holds, locked until the transaction ends.

    On SQLite the IMMEDIATE transaction is the lock: there is one writer at a time.
    """
    if connection.features.has_select_for_update_skip_locked:
        return queryset.select_for_update(skip_locked=True, of=("self",))
    return queryset


@dataclass(frozen=True)
class Drained:
    """How many rows were handled, and whether more may be due."""

    handled: int
    more: bool


def drain(take: Callable[[int], int], *, chunk: int = 200, seconds: float = 20.0) -> Drained:
    """Call `take(chunk)` (lock, look again, write, commit; returns how many) until a chunk is
    short.
    """
    handled, started = 0, monotonic()
    while True:
        count = take(chunk)
        handled += count
        if count < chunk:
            return Drained(handled, more=False)
        if monotonic() - started > seconds:
            return Drained(handled, more=True)
