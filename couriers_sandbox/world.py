"""All couriers and what they have to do: what they hear makes plans, plans make reports."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from couriers_sandbox import fate
from couriers_sandbox.agenda import Agenda, Clock
from couriers_sandbox.book import Book, Heard, Message, Parcel, Report
from couriers_sandbox.carrier import Carrier
from couriers_sandbox.contract import told
from couriers_sandbox.dice import Dice
from couriers_sandbox.post import Post
from couriers_sandbox.vans import Vans

#: In which order messages of the same second are taken up.
RANK = (
    "label.created",
    "pickup.requested",
    "pickup.reschedule_requested",
    "pickup.cancel_requested",
    "label.voided",
)


@dataclass
class Courier:
    """A partner: where its reports go, and the secrets it signs and verifies with, newest first."""

    slug: str
    country: str
    url: str
    sign_with: list[str]
    verify_with: list[str]
    old_until: str = ""  # until when the second secret counts


@dataclass(frozen=True)
class Answer:
    """How a courier's door answers: HTTP status, what it says, and whether it hangs up instead."""

    status: int
    body: Mapping[str, str] | None = None
    retry_after: int | None = None
    hangs_up: bool = False


class World:
    """One seed's couriers. Doors call it from any thread; `lock` is held while it changes."""

    def __init__(self, seed: int = 0, run: str = "S") -> None:
        """`run` keeps one play's message ids from another's on the same database."""
        self.seed, self.run = seed, run
        self.clock, self.agenda, self.book = Clock(), Agenda(), Book()
        self.couriers: dict[str, Courier] = {}
        self.journeys, self.vans_fare = dict(fate.JOURNEYS), dict(fate.VANS)
        self.answers, self.faults = dict(fate.ANSWERS), dict(fate.FAULTS)
        self.lock, self._advancing = threading.RLock(), threading.Lock()
        self.vans, self.post, self.carrier = Vans(self), Post(self), Carrier(self)
        self.says: dict[str, dict[str, Any]] = {}  # a raw answer, by slug of a carrier's interface
        self._stories: dict[str, Dice] = {}
        self._heard: list[tuple[Heard, Answer]] = []
        self._numbers, self._been = Counter[str](), Counter[tuple[str, str]]()

    def dice(self, rma: str) -> Dice:
        """The choices about a return's parcel: its story's, else by the return's number."""
        return self._stories.get(rma) or Dice(self.seed, rma)

    def tell_story(self, rma: str, *, seed: int, name: str, script: Mapping[str, Any]) -> None:
        """Have a return fare as a story wants it."""
        with self.lock:
            self._stories[rma] = Dice(seed, name, script)

    def nth(self, name: str, what: str) -> str:
        """`van 1`, `van 2`, …: the same question asked again is another roll of the dice."""
        self._been[name, what] += 1
        return f"{what} {self._been[name, what]}"

    # --- What the back office tells us

    def hear(self, courier: str, message_id: str, message: Mapping[str, Any]) -> Answer:
        """Take a message in that was signed; what follows is planned when time goes on."""
        kind, data = str(message.get("type")), dict(message.get("data") or {})
        with self.lock:
            if known := self.book.heard.get((courier, message_id)):
                known.times += 1
                return Answer(204)
            answer = self._answer(message_id, kind, data)
            self.book.counts[f"answered {answer.status}"] += 1
            if answer.status >= 400:
                return answer
            at, timestamp = self.clock.now(), str(message.get("timestamp", ""))
            heard = Heard(courier, message_id, kind, timestamp, data, at)
            self.book.heard[courier, message_id] = heard
            self._heard.append((heard, answer))
        return answer

    def _answer(self, message_id: str, kind: str, data: Mapping[str, Any]) -> Answer:
        """As the dice say of the first time; told again it is taken."""
        if self._been["told", message_id]:
            return Answer(204)
        self._been["told", message_id] += 1
        dice = self.dice(str(data.get("rma", "")))
        how = dice.one_of(self.nth(dice.name, kind), self.answers)
        if how == "is down":
            return Answer(503)
        if how == "is busy":
            return Answer(429, retry_after=60)
        if how == "confirms at once" and "window" in data:
            number = f"N{dice.name}-{self.nth(dice.name, 'at once')[-1]}"
            return Answer(200, {"status": "confirmed", "confirmation_number": number})
        return Answer(204, hangs_up=how == "hangs up")

    def _listen(self) -> int:
        """Plan what follows from the messages that came in; returns how many there were."""
        heard, self._heard = self._heard, []

        def order(pair: tuple[Heard, Answer]) -> tuple[str, str, int, str]:
            one = pair[0]
            rank = RANK.index(one.type) if one.type in RANK else len(RANK)
            name = self.dice(one.data.get("rma", "")).name
            return name, one.timestamp, rank, str(one.data.get("pickup_id", ""))

        for one, answer in sorted(heard, key=order):
            if one.type in ("pickup.requested", "pickup.reschedule_requested"):
                self.vans.asked(one, one.heard_at, confirmed=answer.body is not None)
            elif one.type == "pickup.cancel_requested":
                name = self.dice(one.data.get("rma", "")).name
                self.agenda.add(one.heard_at, name, partial(self.vans.called_off, one))
            for number in one.data.get("tracking_numbers", ()):
                parcel = self.book.parcel(one.courier, number)
                parcel.rma = one.data.get("rma", parcel.rma)
                parcel.voided = parcel.voided or one.type == "label.voided"
        return len(heard)

    # --- What happens

    def hand_over(self, courier: str, number: str, rma: str, first: str, now: datetime) -> Parcel:
        """A parcel is in the courier's hands, by `first` scan; from then on its journey goes on."""
        with self.lock:
            parcel = self.book.parcel(courier, number)
            if parcel.handed_over_at:
                return parcel
            parcel.rma, parcel.first, parcel.handed_over_at = rma or parcel.rma, first, now
            dice = self.dice(parcel.rma)
            parcel.journey = dice.one_of("journey", self.journeys)
            for each in fate.happenings(dice, parcel.journey, first, now):
                see = partial(self._see, parcel, each)
                self.agenda.add(each.says_at, dice.name, see)
        return parcel

    def _see(self, parcel: Parcel, each: fate.Happening, now: datetime) -> Iterable[Report]:
        where = {"kind": "hub", "country": self.couriers[parcel.courier].country}
        report = self.saw(
            parcel.courier,
            "tracking.updated",
            parcel.rma,
            each.occurred_at,
            tracking_number=parcel.tracking_number,
            code=each.code,
            reason=each.reason,
            data={
                "tracking_number": parcel.tracking_number,
                "code": each.code,
                "reason": each.reason or None,
                "occurred_at": told(each.occurred_at),
                "location": where,
            },
        )
        if parcel.journey == "doubled":
            # Told again under the same event id, by a clerk who did not know.
            name = self.dice(parcel.rma).name
            self.agenda.add(now + timedelta(hours=2), name, lambda _: [report])
        return [report]

    def saw(
        self,
        courier: str,
        kind: str,
        rma: str,
        occurred_at: datetime,
        *,
        data: Mapping[str, Any],
        **about: str,
    ) -> Report:
        """A line in the book. Chance may lose it for good, but not in a story told on purpose."""
        dice = self.dice(rma)
        self._numbers[dice.name] += 1
        number = self._numbers[dice.name]
        report = Report(
            courier=courier,
            type=kind,
            event_id=f"{self.run}-{dice.name}-{number}",
            tracking_number=about.get("tracking_number", ""),
            pickup_id=about.get("pickup_id", ""),
            code=about.get("code", ""),
            reason=about.get("reason", ""),
            occurred_at=occurred_at,
            data=dict(data),
        )
        report.data["event_id"] = report.event_id
        report.lost = not dice.script and dice.roll(f"report {number}") < self.faults["lose"]
        self.book.reports.append(report)
        return report

    # --- Time goes on

    def advance(self, to: datetime) -> int:
        """Do and say everything that is due until then; returns how much that was."""
        with self._advancing:
            done = 0
            with self.lock:
                done += self._listen()
            while True:
                with self.lock:
                    said = [list(act(to)) for act in self.agenda.due(to)]
                    things = [thing for each in said for thing in each]
                    messages = self.post.written(things, to)
                if not said:
                    return done
                done += len(said)
                self.post.send(messages, to)

    def refused(self) -> list[Message]:
        """What the back office would not have, and nobody will send again."""
        with self.lock:
            return list(self.book.refused())
