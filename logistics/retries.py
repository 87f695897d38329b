"""When a message to a courier is tried again: pure, so that a test can compute each moment."""

import hashlib
from datetime import datetime, timedelta

_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
#: Waits after each failure, as Standard Webhooks has them; after the last it is dead. 75 h in all.
WAITS = tuple(timedelta(seconds=wait) for wait in _SECONDS)
#: For a van: soon, then hourly until it is too late to come.
SOON = tuple(timedelta(seconds=wait) for wait in (5, 30, 120, 300, 900, 1_800, 3_600))
#: What a courier does not want like this is tried so often in all, then a person looks.
HOPELESS_TRIES = 3
#: Before it is too late, for a courier that asked us to wait longer than that.
LAST_CALL = timedelta(minutes=1)


def jitter(message_id: str, tries: int) -> float:
    """0.9 to 1.1, the same for the same message and try: so that not all come back at once."""
    digest = hashlib.sha256(f"{message_id}:{tries}".encode()).digest()
    return 0.9 + int.from_bytes(digest[:4]) / 0xFFFF_FFFF / 5


def wait_after(message_id: str, tries: int, *, soon: bool) -> timedelta | None:
    """How long to wait after this many tries; None when there were enough."""
    waits = SOON if soon else WAITS
    if tries > len(waits) and not soon:
        return None
    return waits[min(tries, len(waits)) - 1] * jitter(message_id, tries)


def next_try(
    message_id: str,
    tries: int,
    *,
    at: datetime,
    before: datetime | None,
    retry_after: timedelta | None,
) -> datetime | None:
    """When to try again after `tries` tries, the last `at`; None when it is over.

    Never sooner than the courier asked for, unless it would be too late then: `before` is the
    moment after which nothing is said any more.
    """
    wait = wait_after(message_id, tries, soon=before is not None)
    if wait is None:
        return None
    planned = at + wait
    again = max(planned, at + (retry_after or timedelta(0)))
    if before is None:
        return again
    if again >= before:
        again = max(planned, before - LAST_CALL)
    return again if again < before else None
