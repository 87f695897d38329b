"""How much and when, as tables and properties. No database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refunds import policy
from returns.money import quantum

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2025, 11, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("total", "weights", "currency", "parts"),
    [
        ("10.00", ["1", "1", "1"], "EUR", ["3.34", "3.33", "3.33"]),
        ("100", ["1", "1", "1"], "JPY", ["34", "33", "33"]),
        ("1.000", ["2", "1"], "KWD", ["0.667", "0.333"]),
        ("0.01", ["1", "99"], "EUR", ["0.00", "0.01"]),
        ("0.00", ["1", "2"], "EUR", ["0.00", "0.00"]),
        ("5.00", ["0", "7.25"], "EUR", ["0.00", "5.00"]),
    ],
)
def test_the_largest_remainder_gets_what_is_left_over(
    total: str, weights: list[str], currency: str, parts: list[str]
) -> None:
    """R28: exact decimal money in the currency's own digits."""
    got = policy.apportion(Decimal(total), [Decimal(w) for w in weights], currency)
    assert got == [Decimal(part) for part in parts]


@pytest.mark.parametrize(
    ("total", "weights", "currency"),
    [
        ("1.005", ["1"], "EUR"),
        ("0.5", ["1"], "JPY"),
        ("-1.00", ["1"], "EUR"),
        ("1.00", ["0", "0"], "EUR"),
        ("1.00", ["-1", "2"], "EUR"),
        ("1.00", [], "EUR"),
    ],
)
def test_what_cannot_be_split_fairly_is_refused(
    total: str, weights: list[str], currency: str
) -> None:
    with pytest.raises(ValueError, match="split"):
        policy.apportion(Decimal(total), [Decimal(w) for w in weights], currency)


@given(
    units=st.integers(0, 10**12),
    weights=st.lists(st.decimals(0, 10**9, places=3), min_size=1, max_size=12).filter(any),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_the_parts_are_the_whole_and_none_is_unfair(
    units: int, weights: list[Decimal], currency: str
) -> None:
    """R28: the sum is exact, no part is negative or a whole quantum away from its exact share."""
    unit = quantum(currency)
    total = units * unit
    parts = policy.apportion(total, weights, currency)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert part >= 0
        assert abs(part * sum(weights) - total * weight) < unit * sum(weights)
        assert part == part.quantize(unit)


@given(
    weights=st.lists(st.integers(1, 1000), min_size=2, max_size=8, unique=True),
    units=st.integers(0, 10**6),
)
def test_the_order_of_the_items_does_not_change_who_gets_more(
    weights: list[int], units: int
) -> None:
    heavier_first = sorted(weights, reverse=True)
    total = units * quantum("EUR")
    parts = policy.apportion(total, [Decimal(w) for w in heavier_first], "EUR")
    # Nobody with less weight gets more than a cent above somebody with more.
    assert all(a + quantum("EUR") >= b for a, b in pairwise(parts))


@pytest.mark.parametrize(
    ("method", "days"),
    [
        ("wallet", 3),
        ("voucher", 3),
        ("card", 5),
        ("bank_transfer", 7),
        ("postal_order", 13),
        ("barter", 5),
    ],
)
def test_the_due_day_goes_by_the_way_the_buyer_paid(method: str, days: int) -> None:
    """R27."""
    assert policy.due_at(NOON, method, 3, 20, PARIS) == NOON + days * DAY


def test_the_due_moment_keeps_the_time_of_day_when_the_clocks_change() -> None:
    """R27: approved at noon in Paris, due at noon in Paris, which is an hour more or less apart."""
    before_autumn = datetime(2025, 10, 24, 10, tzinfo=UTC)
    assert policy.due_at(before_autumn, "card", 3, 20, PARIS) == before_autumn + timedelta(
        hours=121
    )


def test_a_shortened_day_does_not_bring_the_money_before_day_three() -> None:
    """R27: never earlier than three times 24 hours, also over the night that has 23."""
    before_spring = datetime(2026, 3, 28, 10, tzinfo=UTC)
    assert policy.due_at(before_spring, "wallet", 3, 20, PARIS) == before_spring + 3 * DAY


@given(
    approved=st.integers(0, 8 * 10**9).map(lambda s: datetime.fromtimestamp(s / 10, UTC)),
    method=st.sampled_from([*policy.DUE_DAYS, "barter", ""]),
    from_days=st.integers(0, 30),
    length=st.integers(1, 30),
)
def test_the_due_day_is_inside_the_window_with_days_left_to_repeat(
    approved: datetime, method: str, from_days: int, length: int
) -> None:
    """R27, for any window that staff may set."""
    due = policy.due_at(approved, method, from_days, from_days + length, PARIS)
    assert approved + from_days * DAY <= due < approved + (from_days + length) * DAY
    if length >= policy.REPEAT_DAYS:
        assert due <= approved + (from_days + length - policy.REPEAT_DAYS) * DAY


@pytest.mark.parametrize(
    ("attempt", "wait"),
    [
        (1, timedelta(minutes=1)),
        (2, timedelta(minutes=10)),
        (3, timedelta(hours=1)),
        (4, timedelta(hours=6)),
        (5, DAY),
        (12, DAY),
    ],
)
def test_tries_come_closer_together_at_first(attempt: int, wait: timedelta) -> None:
    """R27: attempts that fail are repeated inside the window."""
    assert policy.retry_at(attempt, NOON, NOON + 10 * DAY) == NOON + wait


def test_the_last_try_is_an_hour_before_the_window_ends_and_then_there_is_none() -> None:
    """R27: never later than day 20."""
    end = NOON + timedelta(hours=5)
    assert policy.retry_at(9, NOON, end) == end - policy.LAST_TRY
    assert policy.retry_at(9, end - policy.LAST_TRY, end) is None
