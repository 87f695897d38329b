"""Which windows are offered when, as truth tables, and on days when clocks change (R23, R24)."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics import policy
from logistics.policy import HORIZON, Slot, Weekly, Window, slots
from tests.make import DAY

PRAGUE, TOKYO, DUBAI = "Europe/Prague", "Asia/Tokyo", "Asia/Dubai"
#: A Monday, 11:00 in Prague.
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def weekly(weekday: int = 2, start: int = 9, end: int = 12, **fields: object) -> Weekly:
    """Wednesday morning, for forty, until five in the afternoon of the day before."""
    told: dict[str, object] = {"capacity": 40, "cut_off_days": 1, "cut_off_time": time(17)}
    return Weekly(weekday, weekday, time(start), time(end), **told | fields)  # type: ignore[arg-type]


def offered(
    *windows: Weekly,
    holidays: Collection[date] = (),
    left: dict[tuple[int, date], int] | None = None,
    zone: str = PRAGUE,
    now: datetime = NOW,
    until: datetime = NOW + 10 * DAY,
) -> list[Slot]:
    return slots(windows, holidays, left or {}, zone, now=now, until=until)


def test_a_weekly_window_is_offered_on_its_days_until_the_return_is_due() -> None:
    first, second = offered(weekly())
    assert [slot.window.date.day for slot in (first, second)] == [4, 11]
    assert first.starts_at == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert first.ends_at == datetime(2026, 3, 4, 11, tzinfo=UTC)
    assert first.cut_off_at == datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert first.left == 40


@pytest.mark.parametrize(
    ("seconds", "days"), [(0, [4, 11]), (-1, [4])], ids=["ends in time", "ends a second late"]
)
def test_a_van_comes_before_the_last_moment_to_hand_over_r24(seconds: int, days: list[int]) -> None:
    until = datetime(2026, 3, 11, 11, tzinfo=UTC) + timedelta(seconds=seconds)
    assert [slot.window.date.day for slot in offered(weekly(), until=until)] == days


@pytest.mark.parametrize(
    ("seconds", "days"), [(-1, [4, 11]), (0, [11])], ids=["a second before", "at the cut-off"]
)
def test_after_the_cut_off_it_is_not_offered_r23(seconds: int, days: list[int]) -> None:
    now = datetime(2026, 3, 3, 16, tzinfo=UTC) + timedelta(seconds=seconds)
    assert [slot.window.date.day for slot in offered(weekly(), now=now)] == days


def test_a_cut_off_on_the_same_day_lets_a_buyer_book_in_the_morning() -> None:
    evening = weekly(0, 17, 20, cut_off_days=0, cut_off_time=time(12))
    assert offered(evening)[0].window.date == date(2026, 3, 2)
    assert offered(evening, now=NOW + HOUR)[0].window.date == date(2026, 3, 9)


def test_on_a_holiday_no_van_comes() -> None:
    assert [slot.window.date.day for slot in offered(weekly(), holidays={date(2026, 3, 4)})] == [11]


def test_of_a_window_booked_before_the_places_left_count_and_a_full_one_is_shown() -> None:
    left = {(2, date(2026, 3, 4)): 0, (2, date(2026, 3, 11)): 7}
    assert [slot.left for slot in offered(weekly(), left=left)] == [0, 7]


def test_the_earliest_comes_first_whatever_the_order_of_the_windows() -> None:
    found = offered(weekly(4), weekly(2, 17, 20), weekly(2))
    assert found == sorted(found, key=lambda slot: slot.starts_at)
    assert [slot.window.start.hour for slot in found[:2]] == [9, 17]


def test_no_further_ahead_than_couriers_plan() -> None:
    late = offered(weekly(), until=NOW + 400 * DAY)
    assert late[-1].starts_at < NOW + HORIZON + DAY


def test_today_is_counted_where_the_buyer_lives() -> None:
    """At 16 h UTC it is the 3rd in Tokyo already, and five o'clock of the 3rd is to come."""
    now = NOW.replace(hour=16)
    assert offered(weekly(), zone=TOKYO, now=now)[0].window.date == date(2026, 3, 4)
    after = now.replace(day=3, hour=8)
    assert offered(weekly(), zone=TOKYO, now=after)[0].window.date == date(2026, 3, 11)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 3, 28), 8),
        (date(2026, 3, 29), 7),
        (date(2026, 10, 24), 7),
        (date(2026, 10, 25), 8),
    ],
    ids=["before spring", "spring", "before autumn", "autumn"],
)
def test_the_wall_time_is_kept_and_utc_follows_the_clocks(day: date, hours: int) -> None:
    now = datetime.combine(day, time(0), UTC) - 3 * DAY
    (slot,) = offered(weekly(day.weekday()), now=now, until=now + 5 * DAY)
    assert (slot.window.start, slot.starts_at.hour) == (time(9), hours)


@pytest.mark.parametrize(
    ("start", "end"), [(time(2), time(4)), (time(1), time(2, 30))], ids=["its start", "its end"]
)
def test_a_window_whose_hour_clocks_skip_does_not_exist_that_day(start: time, end: time) -> None:
    """On 29 March 2026 Prague's clocks show 01:59, then 03:00."""
    night = Weekly(6, 6, start, end, 40, 1, time(17))
    days = [
        slot.window.date.day for slot in offered(night, now=NOW + 20 * DAY, until=NOW + 36 * DAY)
    ]
    assert days == [5]
    assert Window(date(2026, 3, 29), time(1), time(3)).exists(PRAGUE)


def test_an_hour_that_comes_twice_is_within_the_window_both_times() -> None:
    starts, ends = Window(date(2026, 10, 25), time(2), time(2, 30)).moments(PRAGUE)
    assert ends - starts == timedelta(hours=1, minutes=30)


@given(
    day=st.dates(date(2020, 1, 1), date(2037, 12, 31)),
    start=st.integers(0, 47),
    length=st.integers(1, 10),
    zone=st.sampled_from([PRAGUE, TOKYO, DUBAI, "America/Santiago", "Asia/Jerusalem", "UTC"]),
)
def test_whatever_is_offered_is_what_the_clocks_there_show(
    day: date, start: int, length: int, zone: str
) -> None:
    """R23: the wall time is kept, the cut-off is before, and only a skipped hour is left out."""
    begins, ends = (time(n // 2, n % 2 * 30) for n in (start, min(start + length, 47)))
    if begins >= ends:
        return
    each = Weekly(1, day.weekday(), begins, ends, 40, 1, time(17))
    now = datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC) - 2 * DAY
    found = [
        s for s in offered(each, zone=zone, now=now, until=now + 5 * DAY) if s.window.date == day
    ]
    if not found:
        naive = datetime.combine(day, begins), datetime.combine(day, ends)
        shown = [n.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for n in naive]
        back = [s.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for s in shown]
        assert tuple(back) != naive
        assert zone not in (TOKYO, DUBAI, "UTC")
        return
    (slot,) = found
    here = ZoneInfo(zone)
    assert slot.starts_at.astimezone(here).time() == begins
    assert slot.ends_at.astimezone(here).time() == ends
    assert slot.starts_at < slot.ends_at
    assert slot.cut_off_at <= slot.starts_at
    assert slot.cut_off_at.astimezone(here).time() == time(17)


@pytest.mark.parametrize(
    ("asked", "due"),
    [(-5 * HOUR, -2 * HOUR), (-2 * HOUR, -1.5 * HOUR), (-HOUR / 2, 0 * HOUR)],
    ids=["in good time", "two hours before", "at the last moment"],
)
def test_a_courier_answers_two_hours_before_the_cut_off_or_within_half_an_hour(
    asked: timedelta, due: timedelta
) -> None:
    assert policy.answer_due(NOW + asked, NOW) == NOW + due


@pytest.mark.parametrize(
    ("hours", "counts"), [(-1, 0), (0, 10), (9, 10), (10, 13), (12, 13), (13, None)]
)
def test_a_cancellation_that_nobody_answers_counts_r23(hours: int, counts: int | None) -> None:
    moments = {"cut_off_at": NOW, "starts_at": NOW + 10 * HOUR, "ends_at": NOW + 13 * HOUR}
    found = policy.cancellation_counts(NOW + hours * HOUR, **moments)
    assert found == (None if counts is None else NOW + counts * HOUR)
