"""What is still to be done in a simulation, in an order that depends on nothing but the seed."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

Act = Callable[[datetime], object]


class Agenda:
    """Acts by moment, then by the story's place, then as that story made them."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, int, Act]] = []
        self._made = Counter[int]()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: datetime, index: int, act: Act) -> None:
        """Have `act(now)` called when it is `at` or later."""
        self._made[index] += 1
        heapq.heappush(self._heap, (at, index, self._made[index], act))

    @property
    def next_at(self) -> datetime | None:
        """The earliest moment; None when nothing is left to do."""
        return self._heap[0][0] if self._heap else None

    def due(self, at: datetime) -> Iterator[Act]:
        """Take out, one after the other, what is due; also what is added meanwhile."""
        while self._heap and self._heap[0][0] <= at:
            yield heapq.heappop(self._heap)[3]
