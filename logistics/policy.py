"""When a van may come, in the wall time of the address, and when it is too late to ask (R23)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

#: So far ahead couriers plan their vans.
HORIZON = timedelta(days=28)
#: With so few places left a buyer is told to hurry.
FEW = 5
#: A courier that has not answered by then, before the cut-off, is a matter for the desk.
UNANSWERED = timedelta(hours=2)
#: One that was asked later than that has at least so long.
TIME_TO_ANSWER = timedelta(minutes=30)
#: After its window, or an attempt in vain, a van that nobody speaks of is a matter for the desk.
SILENT = timedelta(hours=36)
#: A van is said to have collected a parcel that nobody scanned by then.
UNSCANNED = timedelta(hours=24)
#: How far a courier's clock may be behind ours.
SKEW = timedelta(minutes=5)


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

    def __str__(self) -> str:
        return f"{self.date.day} {self.date:%B %Y}, {self.start:%H:%M}–{self.end:%H:%M}"

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """Its start and end in UTC, where `zone` (IANA) is the zone of the address.

        An hour that comes twice, when clocks go back, is within the window both times.
        """
        here = ZoneInfo(zone)
        start = datetime.combine(self.date, self.start, here)
        end = datetime.combine(self.date, self.end, here).replace(fold=1)
        return start.astimezone(UTC), end.astimezone(UTC)

    def exists(self, zone: str) -> bool:
        """Whether clocks there show its start and its end that day: they skip an hour in spring."""
        here = ZoneInfo(zone)
        return all(_shown(datetime.combine(self.date, at, here)) for at in (self.start, self.end))


@dataclass(frozen=True)
class Weekly:
    """A window a courier offers every week (Monday is 0), for so many parcels.

    It can be booked until `cut_off_time` on the day `cut_off_days` before.
    """

    key: int
    weekday: int
    start: time
    end: time
    capacity: int
    cut_off_days: int
    cut_off_time: time


@dataclass(frozen=True)
class Slot:
    """A window on a day: its moments in UTC, until when it can be booked, how many places left."""

    key: int
    window: Window
    starts_at: datetime
    ends_at: datetime
    cut_off_at: datetime
    left: int


def slots(
    windows: Iterable[Weekly],
    holidays: Collection[date],
    left: Mapping[tuple[int, date], int],
    zone: str,
    *,
    now: datetime,
    until: datetime,
) -> list[Slot]:
    """R23, R24: what can be booked `now`, full ones too, the earliest first.

    A slot starts after its cut-off, which has not come yet, and ends before the parcel must be
    handed over (`until`). `left` counts the places of slots somebody has booked before, by the
    window's key and the day; of others all are left. `zone` (IANA) is the zone of the address.
    """
    here, weekly = ZoneInfo(zone), list(windows)
    days = _days(now.astimezone(here).date(), min(until, now + HORIZON).astimezone(here).date())
    offered = [
        slot
        for day in days
        if day not in holidays
        for each in weekly
        if each.weekday == day.weekday()
        if (slot := _slot(each, day, zone, left))
        if now < slot.cut_off_at <= slot.starts_at and slot.ends_at <= until
    ]
    return sorted(offered, key=lambda slot: (slot.starts_at, slot.ends_at, slot.key))


def answer_due(asked_at: datetime, cut_off_at: datetime) -> datetime:
    """When a courier asked at that moment should have answered."""
    return max(cut_off_at - UNANSWERED, asked_at + TIME_TO_ANSWER)


def cancellation_counts(
    at: datetime, *, cut_off_at: datetime, starts_at: datetime, ends_at: datetime
) -> datetime | None:
    """Until when a courier may refuse a cancellation asked for now; None: no van comes any more.

    Its silence counts as consent: at the cut-off, for one later than that when the van sets out,
    for one in between when the window is over.
    """
    return next((each for each in (cut_off_at, starts_at, ends_at) if each > at), None)


def _slot(
    weekly: Weekly, day: date, zone: str, left: Mapping[tuple[int, date], int]
) -> Slot | None:
    window = Window(day, weekly.start, weekly.end)
    if not window.exists(zone):
        return None
    last_day = day - timedelta(days=weekly.cut_off_days)
    cut_off = datetime.combine(last_day, weekly.cut_off_time, ZoneInfo(zone))
    places = left.get((weekly.key, day), weekly.capacity)
    return Slot(weekly.key, window, *window.moments(zone), cut_off.astimezone(UTC), places)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _shown(local: datetime) -> bool:
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)
