"""Simulated time: jump to the next moment that matters, let everybody act, wait for the workers.

Nothing moves here by our hand but the clock. What is due is done by whatever workers run; we ring
for them and look into the tables until nothing due is left.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db import connection
from django.db.models import Q, QuerySet

from backoffice.processes import QUEUES
from backoffice.simulation.agenda import Agenda
from backoffice.simulation.couriers import Couriers
from backoffice.simulation.people import Heard, Story
from backoffice.tasks import busy, queue_of
from logistics.models import Delivery, EndpointHealth, Parcel, PointImport, TrackingEvent
from refunds.models import Refund
from refunds.states import RefundState
from returns import clock
from returns.bell import ring
from returns.models import Case, Entry, Notice, Reaction
from returns.states import TERMINAL

Rows = QuerySet[Any]
Due = Callable[[datetime], Rows]

#: What the clock asks, by the task that answers: the rows due at a moment, leased ones too.
DUE: dict[str, Due] = {
    "returns.tasks.ring_cases": Case.objects.due,
    "returns.tasks.run_reactions": lambda at: Reaction.objects.filter(next_try_at__lte=at),
    "returns.tasks.send_notices": lambda at: Notice.objects.filter(next_try_at__lte=at),
    "refunds.tasks.pay_due": lambda at: Refund.objects.filter(
        Q(next_try_at__lte=at) | Q(state=RefundState.SENDING)
    ),
    "logistics.tasks.deliver_outbox": lambda at: Delivery.objects.in_hand(at, clock.real_now()),
    "logistics.tasks.project_events": lambda at: TrackingEvent.objects.due(),
    "logistics.tasks.import_points": lambda at: PointImport.objects.due(),
    "logistics.tasks.render_labels": lambda at: Parcel.objects.unprinted(),
}
#: The columns in which the next moment stands.
MOMENTS: tuple[tuple[Callable[[], Rows], str], ...] = (
    (Case.objects.all, "deadline_at"),
    (Case.objects.all, "clock_retry_at"),
    (Reaction.objects.all, "next_try_at"),
    (Notice.objects.all, "next_try_at"),
    (Refund.objects.all, "next_try_at"),
    (Delivery.objects.all, "next_try_at"),
    (EndpointHealth.objects.all, "probe_at"),
)
#: Real seconds: before a bell is rung again, and without a row less before nobody seems to work.
RING_AGAIN, STALLED = 1.0, 90.0
#: Real seconds for workers to put down what they hold; a broker may be shared, so not for ever.
IDLE = 1.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _asking(asked: Mapping[str, Due], at: datetime) -> Callable[[], list[str]]:
    """A function that says which tasks have rows due at that moment: one statement, built once."""
    parts, params = [], list[Any]()
    for task, rows in asked.items():
        sql, values = rows(at).order_by().values("pk")[:1].query.sql_with_params()
        # Our own words and Django's; what varies travels as parameters.
        parts.append(f"SELECT '{task}' WHERE EXISTS ({sql})")
        params += values
    statement = " UNION ALL ".join(parts)

    def ask() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return [task for (task,) in cursor.fetchall()]

    return ask


class Hearing(Protocol):
    """Who acts when something happens to a case."""

    def hear(self, story: Story, heard: Heard) -> None:
        """A line of a case's journal."""
        ...


class NobodyWorks(Exception):
    """Something stays due although it was rung for: no worker runs, or it cannot do its work."""


class Driver:
    """Plays stories until a day, then on until no case is open."""

    def __init__(
        self,
        stories: Iterable[Story],
        *,
        people: Hearing,
        couriers: Couriers,
        agenda: Agenda,
        grid: timedelta,
        show: Callable[["Driver"], None],
        queues: Collection[str] = QUEUES,
    ) -> None:
        """`grid`: moments are rounded up to it; `show` is called now and then.

        `queues`: those that are served; what is due in others is not waited for.
        """
        self.stories = list(stories)
        self.people, self.couriers, self.agenda = people, couriers, agenda
        self.grid, self.show = grid, show
        self.now = clock.now()
        self.jumps = 0
        self._queues = queues
        self._due = {task: rows for task, rows in DUE.items() if queue_of(task) in queues}
        self._by_number: dict[str, Story] = {}
        self._seen = Entry.objects.order_by("id").values_list("id", flat=True).last() or 0

    @property
    def open_cases(self) -> int:
        """Cases of ours that are not over."""
        return sum(1 for story in self.stories if story.number and story.state not in TERMINAL)

    def run(self, until: datetime, *, finish_until: datetime) -> None:
        """Play until a day; then on while a case is open or somebody means to act, within bounds.

        Raises NobodyWorks.
        """
        self._live_through_now()
        while next_at := self._next_at():
            going_on = self.open_cases or self.agenda
            if next_at > (finish_until if going_on else until):
                break
            self._jump(next_at)
            self._live_through_now()
        if self.now < until:
            self._jump(until)
            self._live_through_now()

    def _jump(self, moment: datetime) -> None:
        # A worker that has read the clock, and not yet its rows, would do new work at the old time.
        until = time.monotonic() + IDLE
        while busy(self._queues) and time.monotonic() < until:
            time.sleep(0.002)
        self.now = clock.set_to(moment)
        self.couriers.set_clock(self.now)
        self.jumps += 1

    def _live_through_now(self) -> None:
        """Workers, then people, then workers again, until this moment has nothing left in it."""
        self._settle(jumped=True)
        while True:
            self._listen()
            acts = list(self.agenda.due(self.now))
            for act in acts:
                act(self.now)
                self.show(self)
            if not self.couriers.advance(self.now) and not acts:
                break
            self._settle(jumped=False)
        self.show(self)

    def _settle(self, *, jumped: bool) -> None:
        """Wait until the workers have done all that is due.

        After a jump nobody but us knows that something is due; else whoever wrote it has rung.
        """
        wait, ask = 0.002, _asking(self._due, self.now)
        rung = moved = time.monotonic()
        left: list[int] = []
        while due := ask():
            now = time.monotonic()
            if jumped or now - rung >= RING_AGAIN:
                for task in due:
                    ring(task)
                # By task: a row done that makes another row due is work, too.
                still = [DUE[task](self.now).count() for task in due]
                rung, moved = now, moved if still == left else now
                left, jumped = still, False
            if now - moved > STALLED:
                what = f"{sum(left)} rows still due after {STALLED:.0f} s: {', '.join(due)}"
                raise NobodyWorks(f"At {self.now:%Y-%m-%d %H:%M} {what}")
            time.sleep(wait)
            wait = min(wait * 1.5, 0.04)
            self.show(self)

    def _listen(self) -> None:
        """Let people hear what happened, story by story, and couriers which stories there are."""
        if len(self._by_number) < len(self.stories):
            self._by_number = {story.number: story for story in self.stories if story.number}
            self.couriers.tell_stories(
                {number: story.told() for number, story in self._by_number.items()}
            )
        for story, heard in sorted(self._news(), key=lambda pair: pair[0].index):
            self.people.hear(story, heard)

    def _news(self) -> Iterator[tuple[Story, Heard]]:
        rows = Entry.objects.filter(id__gt=self._seen).order_by("id")
        for pk, number, *told in rows.values_list(
            "id", "case__number", "event", "state", "at", "facts"
        ):
            self._seen = pk
            if story := self._by_number.get(number):
                yield story, Heard(*told)

    def _next_at(self) -> datetime | None:
        """The next moment at which anything is due or anybody acts, on the grid."""
        moments = [
            rows()
            .filter(**{f"{column}__gt": self.now})
            .order_by(column)
            .values_list(column, flat=True)
            .first()
            for rows, column in MOMENTS
        ]
        others = (self.agenda.next_at, self.couriers.next_at)
        known = [moment for moment in (*moments, *others) if moment]
        if not known:
            return None
        steps = -((EPOCH - max(min(known), self.now)) // self.grid)
        return EPOCH + steps * self.grid
