"""When a message is tried again, as moments that can be computed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.retries import LAST_CALL, SOON, WAITS, jitter, next_try, wait_after
from tests.make import T0

HOUR = timedelta(hours=1)
NAMES = st.text("0123456789abcdef", min_size=1, max_size=40)


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    """The spec's example: 0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    hours = [wait / HOUR for wait in WAITS[3:]]
    assert [wait.total_seconds() for wait in WAITS[:3]] == [5, 300, 1_800]
    assert hours == [2, 5, 10, 14, 20, 24]
    assert timedelta(hours=75) < sum(WAITS, timedelta()) < timedelta(hours=76)


@given(NAMES, st.integers(1, 12))
def test_jitter_is_a_tenth_and_always_the_same(name: str, tries: int) -> None:
    assert 0.9 <= jitter(name, tries) <= 1.1
    assert jitter(name, tries) == jitter(name, tries)


def test_jitter_spreads() -> None:
    found = [jitter(f"msg_{n}", 1) for n in range(1_000)]
    assert min(found) < 0.91
    assert max(found) > 1.09
    assert 0.99 < sum(found) / 1_000 < 1.01


@given(NAMES)
def test_after_ten_tries_it_is_over(name: str) -> None:
    assert wait_after(name, 9, soon=False) is not None
    assert wait_after(name, 10, soon=False) is None


@given(NAMES, st.integers(1, 200))
def test_a_van_is_asked_for_hourly_until_it_is_too_late(name: str, tries: int) -> None:
    wait = wait_after(name, tries, soon=True)
    assert wait is not None
    assert wait == SOON[min(tries, 7) - 1] * jitter(name, tries)
    before = T0 + wait
    assert next_try(name, tries, at=T0, before=before, retry_after=None) is None
    later = before + timedelta(microseconds=1)
    assert next_try(name, tries, at=T0, before=later, retry_after=None) == T0 + wait


@pytest.mark.parametrize(
    ("retry_after", "before", "expected"),
    [
        (HOUR, None, HOUR),
        (timedelta(seconds=1), None, None),
        (HOUR, 2 * HOUR, HOUR),
        (24 * HOUR, 2 * HOUR, 2 * HOUR - LAST_CALL),
        (24 * HOUR, timedelta(seconds=4), "never"),
    ],
    ids=["later", "sooner than planned", "in time", "past the van", "no time left"],
)
def test_the_couriers_wish_counts_within_the_vans_time(
    retry_after: timedelta, before: timedelta | None, expected: timedelta | str | None
) -> None:
    limit = T0 + before if before else None
    again = next_try("m", 1, at=T0, before=limit, retry_after=retry_after)
    if expected == "never":
        assert again is None
    else:
        planned = wait_after("m", 1, soon=limit is not None)
        assert again == T0 + (expected or planned)  # type: ignore[operator]
