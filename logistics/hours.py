"""When a point is open: hours in OpenStreetMap's syntax, read in the point's own time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from opening_hours import OpeningHours, ParserError, State, UnknownCountryError  # type: ignore[attr-defined]

LONGEST = 500
#: A point that does not open within this time is closed for good, as far as a buyer is concerned.
AHEAD = timedelta(days=60)
_DAY = timedelta(days=1)


def opening_hours(value: str) -> None:
    """Raise ValidationError unless it is empty (unknown) or hours in OpenStreetMap's syntax."""
    if value and (len(value) > LONGEST or not value.isprintable() or not _parsed(value, "")):
        raise ValidationError(
            "Opening hours in OpenStreetMap's syntax, such as Mo-Fr 09:00-18:00; Sa 09:00-12:00."
        )


@dataclass(frozen=True)
class Hours:
    """When a place is open. Without `text` nobody knows. Its time zone decides what 09:00 means."""

    text: str
    time_zone: str
    country: str = ""

    def open_at(self, at: datetime) -> bool | None:
        """Whether it is open at that moment; None where nobody knows."""
        if (parsed := _parsed(self.text, self.country)) is None:
            return None
        return _known(parsed.state(self._local(at))[0])

    def next_opening(self, at: datetime) -> datetime | None:
        """When it opens next, in its own time; None while it is open, for good, or unknown."""
        if self.open_at(at) is not False:
            return None
        begins = self._local(at)
        opens = (start for start, _, state in self._spans(begins, begins + AHEAD) if state)
        found = next(opens, None)
        return found.replace(tzinfo=ZoneInfo(self.time_zone)) if found else None

    def in_words(self, at: datetime) -> str:
        """Now, for a buyer to read: "open until 18:00", "closed, opens Monday at 09:00"."""
        is_open = self.open_at(at)
        if is_open is None:
            return "opening hours not known"
        if not is_open:
            opens = self.next_opening(at)
            return f"closed, opens {_when(opens, self._local(at))}" if opens else "closed"
        begins = self._local(at)
        _, ends, _ = next(self._spans(begins, begins + 8 * _DAY))
        if ends >= begins + 7 * _DAY:
            return "always open"
        return f"open until {_when(ends, begins)}"

    def week(self, at: datetime) -> dict[str, str]:
        """The next seven days of its calendar: {"2026-03-02": "09:00–12:00, 14:00–18:00", …}.

        A time after midnight belongs to the day it began on. Empty where nobody knows.
        """
        if _parsed(self.text, self.country) is None:
            return {}
        begins = self._local(at).replace(hour=0, minute=0, second=0, microsecond=0)
        days: dict[str, list[str]] = {f"{begins + n * _DAY:%Y-%m-%d}": [] for n in range(7)}
        for start, end, state in self._spans(begins, begins + 7 * _DAY):
            for day, said in _by_day(start, end) if state else ():
                days[day].append(said)
        return {day: ", ".join(said) or "closed" for day, said in days.items()}

    def _local(self, at: datetime) -> datetime:
        """What the clock on its wall shows, so that an hour a zone skips is nobody's trouble."""
        return at.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)

    def _spans(
        self, begins: datetime, ends: datetime
    ) -> Iterator[tuple[datetime, datetime, bool | None]]:
        parsed = _parsed(self.text, self.country)
        for start, end, state, _ in parsed.intervals(begins, ends) if parsed else ():
            yield start, min(end, ends), _known(state)


def from_minutes(week: list[list[tuple[int, int]]]) -> str:
    """OpenStreetMap's syntax for seven days (Monday first) of spans in minutes after midnight."""
    told = [",".join(f"{_clock(start)}-{_clock(end)}" for start, end in day) for day in week]
    if set(told) == {"00:00-24:00"}:
        return "24/7"
    names = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    rules, first = [], 0
    for day in range(1, 8):
        if day == 7 or told[day] != told[first]:
            days = names[first] if first == day - 1 else f"{names[first]}-{names[day - 1]}"
            rules += [f"{days} {told[first]}"] if told[first] else []
            first = day
    return "; ".join(rules) or "off"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _known(state: State) -> bool | None:
    return None if state == State.UNKNOWN else bool(state == State.OPEN)


def _by_day(start: datetime, end: datetime) -> Iterator[tuple[str, str]]:
    """A span of open time, cut at midnights unless it ends in the small hours."""
    while start < end:
        midnight = start.replace(hour=0, minute=0) + _DAY
        until = end if end - midnight <= timedelta(hours=5) else midnight
        told = "24:00" if until == midnight else f"{until:%H:%M}"
        whole = start.hour == start.minute == 0 and until == midnight
        yield f"{start:%Y-%m-%d}", "all day" if whole else f"{start:%H:%M}–{told}"
        start = until


def _when(moment: datetime, now: datetime) -> str:
    days = (moment.date() - now.date()).days
    if days == 0:
        return f"{moment:%H:%M}"
    day = "tomorrow" if days == 1 else f"{moment:%A}" if days < 7 else f"{moment.day} {moment:%B}"
    return f"{day} at {moment:%H:%M}" if days != 1 else f"tomorrow at {moment:%H:%M}"


@lru_cache(maxsize=4096)
def _parsed(text: str, country: str) -> OpeningHours | None:
    """What the hours mean there, public holidays included; None for none, and for nonsense."""
    if not text.strip():
        return None
    try:
        return OpeningHours(text, country=country or None, max_interval_days=366)
    except UnknownCountryError:
        return _parsed(text, "")
    except ParserError:
        return None
