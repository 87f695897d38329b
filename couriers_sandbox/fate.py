"""How parcels and vans fare, how their couriers report it, and what goes wrong meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from couriers_sandbox.dice import Dice

Shares = Mapping[str, float]

#: A parcel's stations: code, days since it was handed over (least and most).
ROAD = (
    ("in_transit", 0.3, 1.2),
    ("out_for_delivery", 1.5, 3.5),
    ("delivered", 3.6, 5),
)
#: How a parcel fares, and how its courier reports it.
JOURNEYS: Shares = {
    "smooth": 0.6,
    "late": 0.1,
    "shuffled": 0.1,
    "doubled": 0.08,
    "batched": 0.03,
    "damaged": 0.04,
    "lost": 0.03,
    "silent": 0.02,
}
#: What becomes of a van that was asked for.
VANS: Shares = {
    "comes": 0.72,
    "fails once": 0.1,
    "fails twice": 0.06,
    "rejects": 0.04,
    "double-books": 0.03,  # the van serves somebody else in that hour, and comes a day later
    "misses": 0.03,  # nobody comes, which is said a day later
    "never comes": 0.01,  # nobody comes, and nothing is ever said
    "cancels late": 0.01,
}
#: What becomes of a wish that a van does not come.
CANCELS: Shares = {"cancels": 0.9, "refuses": 0.1}
#: How a courier's own door takes a message the first time; told again, it takes it.
ANSWERS: Shares = {
    "takes it": 0.9,
    "is down": 0.05,  # 503
    "is busy": 0.02,  # 429 with Retry-After
    "hangs up": 0.02,  # it has it, and the connection is cut without an answer
    "confirms at once": 0.01,
}
#: What happens to messages on their way to the back office; `lose` is for good, a report each.
FAULTS: Shares = {
    "lose": 0.0,
    "delay": 0.03,
    "duplicate": 0.05,
    "shuffle": 0.1,
    "old key": 0.05,
}


@dataclass(frozen=True)
class Happening:
    """Something that happens to a parcel, and when its courier says so."""

    code: str
    reason: str
    occurred_at: datetime
    says_at: datetime


def happenings(dice: Dice, journey: str, first: str, now: datetime) -> list[Happening]:
    """All that happens to a parcel which is handed over now; nothing is told before it happened."""
    happened = [(first, "", now)]
    happened += [
        (code, "", now + dice.days(f"{code} after", least, most)) for code, least, most in ROAD
    ]
    if journey == "silent":
        happened = happened[:2]
    elif journey == "lost":
        happened = [*happened[:2], ("lost", "lost", now + dice.days("lost after", 5, 9))]
    elif journey == "damaged":
        happened.insert(2, ("exception", "damaged", happened[1][2] + timedelta(hours=2)))
    says = [at for _, _, at in happened]
    if journey == "shuffled":
        # Each second report overtakes the one before it.
        for place in range(0, len(says) - 1, 2):
            says[place] = says[place + 1] + timedelta(hours=2)
    elif journey == "late":
        says = [at + dice.days("reports late", 0.5, 2.5) for at in says]
    elif journey == "batched":
        says = [says[-1]] * len(says)
    return [Happening(*what, at) for what, at in zip(happened, says, strict=True)]
