"""When a point is open, in its own time and in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics.hours import Hours, from_minutes, opening_hours
from logistics.models import DropOffPoint

SHOP = "Mo-Fr 09:00-12:00,14:00-18:00; Sa 10:00-12:00"
#: A Monday, 10:30 in Paris.
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_nine_oclock_is_nine_where_the_point_is() -> None:
    for zone, hour in (("Europe/Paris", 8), ("Asia/Tokyo", 0), ("America/New_York", 14)):
        opens = datetime(2026, 3, 2, hour, tzinfo=UTC)
        hours = Hours(SHOP, zone)
        assert hours.open_at(opens), zone
        assert not hours.open_at(opens - timedelta(minutes=1)), zone


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHOP, "open until 12:00"),
        ("Mo-Fr 14:00-18:00", "closed, opens 14:00"),
        ("Tu 09:00-18:00", "closed, opens tomorrow at 09:00"),
        ("We-Fr 09:00-18:00", "closed, opens Wednesday at 09:00"),
        ("Mar 20-31 10:00-11:00", "closed, opens 20 March at 10:00"),
        ("Mo-We 00:00-24:00", "open until Thursday at 00:00"),
        ("24/7", "always open"),
        ("off", "closed"),
        ("2999 Mo 10:00-11:00", "closed"),
        ("", "opening hours not known"),
        ("Mo 09:00-18:00 unknown", "opening hours not known"),
    ],
)
def test_a_buyer_reads_when_to_come(text: str, words: str) -> None:
    assert Hours(text, "Europe/Paris", "FR").in_words(MONDAY) == words


def test_the_week_begins_today_and_a_late_night_belongs_to_its_evening() -> None:
    week = Hours("Mo 18:00-02:00, Tu 09:00-17:00, We 00:00-24:00", "Europe/Paris").week(MONDAY)
    assert list(week.items())[:4] == [
        ("2026-03-02", "18:00–02:00"),
        ("2026-03-03", "09:00–17:00"),
        ("2026-03-04", "all day"),
        ("2026-03-05", "closed"),
    ]
    assert len(week) == 7
    assert Hours("", "Europe/Paris").week(MONDAY) == {}


def test_a_public_holiday_is_one_where_the_point_is() -> None:
    labour_day = datetime(2026, 5, 1, 10, tzinfo=UTC)
    text = "Mo-Fr 09:00-18:00; PH off"
    assert Hours(text, "Europe/Paris", "FR").open_at(labour_day) is False
    assert Hours(text, "Europe/Paris", "").open_at(labour_day) is True
    # A country whose holidays the library does not know has none, rather than an error.
    assert Hours(text, "Asia/Dubai", "AE").open_at(labour_day) is True


def test_midnights_that_a_zone_skips_are_no_trouble() -> None:
    """In Chile summer time begins at midnight: 6 September 2026 begins at 01:00."""
    saturday = datetime(2026, 9, 5, 20, tzinfo=UTC)
    hours = Hours("Su 00:00-24:00", "America/Santiago", "CL")
    opens = hours.next_opening(saturday)
    assert opens is not None
    assert opens.astimezone(UTC) == datetime(2026, 9, 6, 4, tzinfo=UTC)
    assert hours.week(saturday)["2026-09-06"] == "all day"


def test_a_point_closed_for_a_time_is_not_open_however_its_hours_read() -> None:
    point = DropOffPoint(opening_hours="24/7", time_zone="Europe/Paris")
    assert point.open_at(MONDAY) is True
    point.closed_until = MONDAY + timedelta(hours=1)
    assert point.open_at(MONDAY) is False
    assert point.open_at(MONDAY + timedelta(hours=1)) is True
    point.active = False
    assert point.open_at(MONDAY + timedelta(hours=1)) is False


@pytest.mark.parametrize("text", ["", "24/7", SHOP, "off", "Mo-Su 08:00-20:00; PH off"])
def test_hours_in_the_syntax_are_taken(text: str) -> None:
    opening_hours(text)


@pytest.mark.parametrize(
    "text", ["nine to five", " ", "Mo-Fr 25:00-99:00", "\x00", "24/7\n", "=1+1", "Mo" * 300, "٢٤/٧"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="such as Mo-Fr 09:00-18:00"):
        opening_hours(text)


@pytest.mark.parametrize(
    ("week", "text"),
    [
        ([[(0, 1440)]] * 7, "24/7"),
        ([[(480, 1200)]] * 5 + [[(540, 840)], []], "Mo-Fr 08:00-20:00; Sa 09:00-14:00"),
        ([[(480, 720), (780, 1080)], *[[]] * 6], "Mo 08:00-12:00,13:00-18:00"),
        ([[]] * 7, "off"),
        ([*[[]] * 5, [(1320, 1560)], []], "Sa 22:00-26:00"),
    ],
)
def test_minutes_become_hours(week: list[list[tuple[int, int]]], text: str) -> None:
    assert from_minutes(week) == text
    opening_hours(text)


@given(
    st.text(alphabet='MoTuWeFrSaPH0123456789:-,;/ +[]|off"()&', max_size=40),
    st.integers(0, 800 * 24 * 60),
)
@settings(max_examples=300, deadline=None)
def test_whatever_the_hours_are_there_is_an_answer(text: str, minutes: int) -> None:
    hours = Hours(text, "America/Santiago", "CL")
    at = MONDAY + timedelta(minutes=minutes)
    assert hours.in_words(at)
    assert len(hours.week(at)) in (0, 7)
    opens = hours.next_opening(at)
    assert opens is None or (
        opens > at.astimezone(ZoneInfo("America/Santiago")) - timedelta(hours=1)
    )
