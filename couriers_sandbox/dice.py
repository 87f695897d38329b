"""Where every choice of a courier comes from: the seed, whose parcel it is, and what for."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any


class Dice:
    """One parcel's choices. The same seed, name and question give the same answer anywhere.

    `script` answers questions beforehand, so that a story can be told on purpose.
    """

    def __init__(self, seed: int, name: str, script: Mapping[str, Any] | None = None) -> None:
        self.seed, self.name, self.script = seed, name, script or {}

    def one_of(self, what: str, shares: Mapping[str, float]) -> str:
        """One of the names, as often as its share says."""
        if what in self.script:
            return str(self.script[what])
        return self._random(what).choices(list(shares), list(shares.values()))[0]

    def happens(self, what: str, share: float) -> bool:
        """Whether something happens that does so in this share of all cases."""
        return bool(self.script[what]) if what in self.script else self.roll(what) < share

    def roll(self, what: str) -> float:
        """A number from 0 up to 1."""
        return self._random(what).random()

    def days(self, what: str, low: float, high: float) -> timedelta:
        """A time span, in days, to the minute."""
        if what in self.script:
            return timedelta(days=self.script[what])
        return timedelta(minutes=round(self._random(what).uniform(low, high) * 24 * 60))

    def shuffled(self, what: str, things: list[Any]) -> list[Any]:
        """The same things in another order."""
        return self._random(what).sample(things, len(things))

    def _random(self, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{self.name}:{what}")
