"""What is still to be done, in an order that depends on nothing but the seed; and the time."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from couriers_sandbox.book import Message, Report

Act = Callable[[datetime], Iterable[Report | Message]]


class Agenda:
    """Acts by moment, then by whose they are, then as they were made."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str, int, Act]] = []
        self._made = Counter[str]()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: datetime, name: str, act: Act) -> None:
        """Have `act(now)` called when it is `at` or later; what it returns is said."""
        self._made[name] += 1
        heapq.heappush(self._heap, (at, name, self._made[name], act))

    @property
    def next_at(self) -> datetime | None:
        """The earliest moment; None when nothing is left to do."""
        return self._heap[0][0] if self._heap else None

    def due(self, at: datetime) -> Iterator[Act]:
        """Take out, one after the other, what is due; also what is added meanwhile."""
        while self._heap and self._heap[0][0] <= at:
            yield heapq.heappop(self._heap)[3]


class Clock:
    """Real time, until it is set; then it stands still or runs at a speed."""

    def __init__(self) -> None:
        self._reads: datetime | None = None
        self._set_at, self.speed = 0.0, 1.0

    def now(self) -> datetime:
        """What it shows, in UTC."""
        if self._reads is None:
            return datetime.fromtimestamp(time.time(), UTC)
        return self._reads + timedelta(seconds=(time.monotonic() - self._set_at) * self.speed)

    def set_to(self, moment: datetime, *, speed: float) -> None:
        """Show `moment` from now on, which may be earlier too: a new play begins."""
        self._reads, self._set_at, self.speed = moment, time.monotonic(), speed
