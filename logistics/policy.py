"""When a van may be asked to come: a window in the wall time of the address (R23)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

#: A courier that has not heard of a pick-up this long before the window cannot come any more.
CUT_OFF = timedelta(hours=2)
SHORTEST = timedelta(hours=1)


@dataclass(frozen=True)
class Window:
    """A day and the hours of it, local to the address."""

    date: date
    start: time
    end: time

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> "Window":
        """Read {"date": "2026-12-01", "start": "09:00", "end": "12:00"}. Raises ValueError."""
        try:
            day, start, end = (str(told[key]) for key in ("date", "start", "end"))
            read = cls(date.fromisoformat(day), time.fromisoformat(start), time.fromisoformat(end))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("a window is a date, a start and an end, local time") from error
        if read.start.tzinfo or read.end.tzinfo:
            raise ValueError("a window is in the local time of the address, without offset")
        return read

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """Its start and end in UTC, where `zone` (IANA) is the zone of the address."""
        here = ZoneInfo(zone)
        start, end = (datetime.combine(self.date, at, here) for at in (self.start, self.end))
        return start.astimezone(UTC), end.astimezone(UTC)

    def check(self, zone: str, *, at: datetime, until: datetime) -> None:
        """Raise ValueError unless it starts tomorrow at the earliest and before the return is due.

        `at` is now and `until` the last moment to hand the parcel over (R24).
        """
        starts, ends = self.moments(zone)
        if ends - starts < SHORTEST:
            raise ValueError("a window is at least an hour long")
        if self.date <= at.astimezone(ZoneInfo(zone)).date() or starts - CUT_OFF <= at:
            raise ValueError("a pick-up can be booked from the next day on")
        if ends > until:
            raise ValueError(f"the parcel must be handed over until {until:%Y-%m-%d %H:%M} UTC")
