"""Where every choice of a simulation comes from: the seed, the case's place in it, and what for."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any


class Dice:
    """One case's choices. The same seed, index and question give the same answer on any machine.

    `script` answers questions beforehand, so that a story can be told on purpose.
    """

    def __init__(self, seed: int, index: int, script: Mapping[str, Any] | None = None) -> None:
        self.seed, self.index, self.script = seed, index, script or {}

    def one_of(self, what: str, **shares: float) -> str:
        """One of the names, as often as its share says."""
        if what in self.script:
            return str(self.script[what])
        return self._random(what).choices(list(shares), list(shares.values()))[0]

    def happens(self, what: str, share: float) -> bool:
        """Whether something happens that does so in this share of all cases."""
        if what in self.script:
            return bool(self.script[what])
        return self._random(what).random() < share

    def between(self, what: str, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return (
            int(self.script[what]) if what in self.script else self._random(what).randint(low, high)
        )

    def days(self, what: str, low: float, high: float) -> timedelta:
        """A time span, in days, to the minute."""
        if what in self.script:
            return timedelta(days=self.script[what])
        minutes = self._random(what).uniform(low, high) * 24 * 60
        return timedelta(minutes=round(minutes))

    def _random(self, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{self.index}:{what}")
