"""What accepting a courier's message costs: the door against a view that only inserts a row.

The web server is the one that serves everything, 2 workers, with broker and limits; nobody works
out what was reported meanwhile. Callers and server share the machine.
"""

import sys
from collections import defaultdict
from itertools import product
from pathlib import Path
from statistics import quantiles

from django.conf import settings

from backoffice.processes import Stack
from logistics.models import Courier, TrackingEvent
from returns import clock
from tests import make
from tests.bench.callers import Answered, Calls, callers
from tests.bench.report import Row, span
from tests.copies import copies
from tests.logistics import story

CALLERS = 4
SIZES = (1, 10, 100)
#: Of each courier.
PARCELS = 1_000
#: The first turn: connections are made and code is read; it is not measured.
WARM = "warm"
DOOR, REFERENCE = "the door", "verify, insert one row"


class WebStack(Stack):
    """Broker and web server only; the limits wide enough for four callers who never rest."""

    def __init__(self, root: Path, database_url: str) -> None:
        env = {
            "DATABASE_URL": database_url,
            "REDIS_URL": "",
            "BEHIND_PROXY": "1",
            "COURIER_LIMITS_TIMES": "10",
            "COURIER_SECRETS_KEYS": ",".join(settings.COURIER_SECRETS_KEYS),
        }
        super().__init__(root, simulation=False, web_port=None, migrate=False, env=env)
        self.names = ("broker", "web")
        # As the image starts it.
        self.env["GUNICORN_CMD_ARGS"] += " --workers=2 --worker-tmp-dir=/dev/shm"

    @property
    def port(self) -> int:
        """Where it answers."""
        return self._ports["web"]

    def _command(self, name: str) -> tuple[str, ...]:
        command = super()._command(name)
        return tuple("tests.bench.wsgi" if word == "backoffice.wsgi" else word for word in command)


def run(root: Path, database_url: str, *, calls: int, rounds: int) -> list[Row]:
    """Rows of a table: `calls` messages a round and size, fewer of the largest, both ways by turns.

    Everything in the database stays.
    """
    couriers = plant()
    ways = {
        REFERENCE: tuple(f"/reference/{courier.pk}" for courier in couriers),
        DOOR: tuple(f"/api/couriers/v1/{courier.slug}/events" for courier in couriers),
    }
    heard: dict[tuple[int, str], list[list[Answered]]] = defaultdict(list)
    with WebStack(root, database_url) as stack, callers(CALLERS) as call:
        for turn in (WARM, *range(rounds)):
            for size, (way, paths) in product(SIZES, ways.items()):
                count = max(1, calls // (16 if size == SIZES[-1] or turn == WARM else 4))
                name = f"{turn}-{size}-{len(way)}"
                heard[size, way].append(call(_calls(stack.port, paths, size, count, name)))
    _look_again(heard)
    return _told(heard)


def plant() -> list[Courier]:
    """All partners sign with the same secret, and each carries parcels that are on their way."""
    now = clock.real_now()
    case = story.awaiting(at=now, received_at=now - make.DAY)
    parcel = story.parcel_of(case)
    couriers = [make.courier(each.slug, at=now - make.DAY) for each in Courier.objects.all()]
    for index, courier in enumerate(couriers):
        copies(
            parcel,
            PARCELS,
            courier_id=str(courier.pk),
            courier_name=f"'{courier.slug}'",
            tracking_number=f"'B{index}X' || n",
            order_id=f"order_id + {index * PARCELS} + n",
        )
    return couriers


def _calls(port: int, paths: tuple[str, ...], size: int, count: int, name: str) -> list[Calls]:
    """What each caller is to send."""
    return [
        Calls(
            port=port,
            paths=paths,
            size=size,
            count=count,
            parcels=PARCELS,
            name=f"{name}-{caller}",
            secret=make.SECRET,
        )
        for caller in range(CALLERS)
    ]


def _look_again(heard: dict[tuple[int, str], list[list[Answered]]]) -> None:
    """What was answered 202 is there, each event once and with its parcel."""
    said = sum(
        size * len(caller.took)
        for (size, way), turns in heard.items()
        for turn in turns
        for caller in turn
        if way == DOOR
    )
    kept = TrackingEvent.objects.filter(parcel__isnull=False).count()
    if kept != said:
        sys.exit(f"{said} events were accepted, {kept} are there.")


def _told(heard: dict[tuple[int, str], list[list[Answered]]]) -> list[Row]:
    head = ("Batches of", "", "takes ×", "p99 ×", "batches/s", "events/s", "p50", "p95", "p99 (ms)")
    rows: list[Row] = [head]
    for size in SIZES:
        measured = {way: heard[size, way][1:] for way in (REFERENCE, DOOR)}
        rates = {way: [_rate(turn) for turn in measured[way]] for way in (REFERENCE, DOOR)}
        times = {way: _milliseconds(measured[way]) for way in (REFERENCE, DOOR)}
        for way in (REFERENCE, DOOR):
            takes = [a / b for a, b in zip(rates[REFERENCE], rates[way], strict=True)]
            cuts, theirs = (quantiles(times[one], n=100) for one in (way, REFERENCE))
            rows.append(
                (
                    f"{size}",
                    way,
                    span(takes, ".1f"),
                    f"{cuts[98] / theirs[98]:.1f}",
                    span(rates[way], ".0f"),
                    span([rate * size for rate in rates[way]], ".0f"),
                    *(f"{cuts[at]:.1f}" for at in (49, 94, 98)),
                )
            )
    return rows


def _rate(turn: list[Answered]) -> float:
    """Messages a second, from the first caller's beginning to the last one's end."""
    took = max(each.ended for each in turn) - min(each.began for each in turn)
    return sum(len(each.took) for each in turn) / took


def _milliseconds(turns: list[list[Answered]]) -> list[float]:
    return [took * 1000 for turn in turns for caller in turn for took in caller.took]
