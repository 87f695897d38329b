"""Vans: what a courier answers when one is asked for, and what happens at the door."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from couriers_sandbox.book import Heard, Report
from couriers_sandbox.contract import hours, told
from couriers_sandbox.fate import CANCELS

if TYPE_CHECKING:
    from couriers_sandbox.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: By what the dice say of a van: why each of its rings was in vain, and when that is told.
IN_VAIN = {"comes": 0, "fails once": 1, "fails twice": 2, "double-books": 1, "misses": 1}


@dataclass
class Van:
    """A van that was asked for. A later request for the same pick-up makes another of it."""

    courier: str
    pickup_id: str
    rma: str
    numbers: list[str]
    start: datetime
    end: datetime
    asked: int = 0  # how often; what was planned for an earlier request is void
    gone: bool = False  # called off, rejected or cancelled
    answer: str = ""  # what somebody set the door to say: a reason, or `home`


class Vans:
    """All vans of all couriers, by pick-up."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.all: dict[tuple[str, str], Van] = {}

    def asked(self, heard: Heard, now: datetime, *, confirmed: bool) -> None:
        """A van is asked for, or at another time; `confirmed`: that was said in the answer."""
        data = heard.data
        start, end = hours(data["window"])
        key = (heard.courier, data["pickup_id"])
        van = self.all.setdefault(
            key, Van(*key, data.get("rma", ""), data["tracking_numbers"], start, end)
        )
        van.asked, van.start, van.end, van.gone = van.asked + 1, start, end, False
        dice = self.world.dice(van.rma)
        again = self.world.nth(dice.name, "van")
        how = dice.one_of(again, self.world.vans_fare)
        answers = now + dice.days(f"{again} answers", 0.05, 0.2)
        if how == "rejects" and not confirmed:
            self._later(answers, van, "pickup.rejected", goes=True, reason="capacity")
            return
        if not confirmed:
            window: dict[str, Any] = {"window_start": told(start), "window_end": told(end)}
            number = f"C{dice.name}-{van.asked}"
            self._later(answers, van, "pickup.confirmed", confirmation_number=number, **window)
        if how == "cancels late":
            late = max(answers, start - timedelta(hours=3))
            self._later(late, van, "pickup.cancelled", goes=True, by="courier", reason="capacity")
        elif how in IN_VAIN:
            self._rings(van, how, IN_VAIN[how], again)

    def called_off(self, heard: Heard, now: datetime) -> list[Report]:
        """The back office takes a pick-up back."""
        van = self.all.get((heard.courier, heard.data["pickup_id"]))
        if van is None:
            # It never heard of it: whatever the request was, it will not be served.
            key = (heard.courier, heard.data["pickup_id"])
            numbers = heard.data.get("tracking_numbers", [])
            van = self.all[key] = Van(*key, heard.data.get("rma", ""), numbers, now, now)
        dice = self.world.dice(van.rma)
        if dice.one_of(self.world.nth(dice.name, "cancel"), CANCELS) == "refuses" and van.asked:
            # It is on its way already.
            return [self._report(van, "pickup.cancel_rejected", now, reason="other")]
        van.gone = True
        return [self._report(van, "pickup.cancelled", now, by="customer")]

    def _rings(self, van: Van, how: str, in_vain: int, again: str) -> None:
        dice = self.world.dice(van.rma)
        why = dice.one_of(f"{again} why", {"not_home": 0.7, "courier_missed": 0.3})
        why = {"double-books": "capacity", "misses": "courier_missed"}.get(how, why)
        for attempt in range(in_vain + (how != "fails twice")):
            rings = van.start + attempt * DAY + HOUR
            if how == "misses" and attempt < in_vain:
                rings += DAY - HOUR  # found out on the next day
            reason = why if attempt < in_vain else ""
            self._add(rings, van, partial(self._ring, van, attempt + 1, reason))

    def _ring(self, van: Van, attempt: int, reason: str, now: datetime) -> Iterable[Report]:
        reason = van.answer if van.answer not in ("", "home") else reason
        if van.answer == "home":
            reason = ""
        if reason:
            told_of = {"attempt": attempt, "reason": reason}
            return [self._report(van, "pickup.attempted", now, **told_of)]
        van.gone = True
        numbers = van.numbers
        report = self._report(van, "pickup.completed", now, tracking_numbers=numbers)
        for number in numbers:
            self.world.hand_over(van.courier, number, van.rma, "picked_up", now)
        return [report]

    def _later(self, at: datetime, van: Van, kind: str, *, goes: bool = False, **data: Any) -> None:
        """Say something of a van then, unless it was asked for anew or called off; or it `goes`."""

        def say(now: datetime) -> Iterable[Report]:
            van.gone = van.gone or goes
            return [self._report(van, kind, now, **data)]

        self._add(at, van, say)

    def _add(self, at: datetime, van: Van, act: Any) -> None:
        asked = van.asked
        self.world.agenda.add(
            at,
            self.world.dice(van.rma).name,
            lambda now: () if van.gone or van.asked != asked else act(now),
        )

    def _report(self, van: Van, kind: str, now: datetime, **data: Any) -> Report:
        data = {"pickup_id": van.pickup_id, **data}
        if kind in ("pickup.completed", "pickup.attempted"):
            data["occurred_at"] = told(now)
        return self.world.saw(van.courier, kind, van.rma, now, pickup_id=van.pickup_id, data=data)
