"""How much, and when (R27, R28): pure arithmetic, no database, no settings, no clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from returns.money import quantum

# R27: the day after approval on which a refund is sent, by how the buyer paid.
DUE_DAYS = {"wallet": 3, "voucher": 3, "card": 5, "bank_transfer": 7, "postal_order": 13}
DUE_DAYS_ELSE = 5

# R27: attempts that fail are repeated inside the window, so at least these days are left for them.
REPEAT_DAYS = 5

BACKOFF = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
BACKOFF_ELSE = timedelta(days=1)

# The last send keeps this distance from the end: a call and its lease must be over before it.
LAST_TRY = timedelta(hours=1)


def apportion(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split `total` by `weights`, largest remainder first; the parts sum to `total` exactly.

    No part is negative, or a quantum or more from its exact share; of equal remainders the first
    gets more. Raises ValueError for weights that sum to 0 and totals the currency cannot pay.
    """
    unit = quantum(currency)
    units, weight = total / unit, sum(weights, Decimal(0))
    if units != int(units) or total < 0 or weight <= 0 or min(weights) < 0:
        raise ValueError("Only a payable amount can be split, by weights that are something.")
    # Integers, so that no context precision can round: weights are scaled by the same power of ten.
    scale = 10 ** max(0, *(-int(w.as_tuple().exponent) for w in weights))
    scaled = [int(w * scale) for w in weights]
    parts = [divmod(int(units) * w, sum(scaled)) for w in scaled]
    missing = int(units) - sum(whole for whole, _ in parts)
    first = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))[:missing]
    return [(whole + (i in first)) * unit for i, (whole, _) in enumerate(parts)]


def due_at(
    approved_at: datetime, method: str, from_days: int, to_days: int, zone: tzinfo
) -> datetime:
    """R27: when a refund is sent, in UTC: the days of its method, same time of day in `zone`.

    Never before `from_days` of 24 hours, and REPEAT_DAYS before the end of `to_days` where the
    window is that long.
    """
    days = DUE_DAYS.get(method, DUE_DAYS_ELSE)
    wanted = (approved_at.astimezone(zone) + timedelta(days=days)).astimezone(UTC)
    earliest = approved_at + timedelta(days=from_days)
    latest = approved_at + timedelta(days=max(from_days, to_days - REPEAT_DAYS))
    return max(earliest, min(wanted, latest)).astimezone(UTC)


def retry_at(attempt: int, now: datetime, window_end: datetime) -> datetime | None:
    """When to try again after failed `attempt` (from 1): 1 min, 10 min, 1 h, 6 h, then daily.

    The last try is LAST_TRY before `window_end` (R27); None once that has passed.
    """
    wait = BACKOFF[attempt - 1] if attempt <= len(BACKOFF) else BACKOFF_ELSE
    last = window_end - LAST_TRY
    return min(now + wait, last) if now < last else None
