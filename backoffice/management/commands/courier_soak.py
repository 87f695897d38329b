"""Thousands of parcels through the couriers' sandbox, with every fault it knows; then the audit."""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from backoffice import invariants
from backoffice.management.commands.clock import span
from backoffice.management.commands.demo import (
    SURROUNDINGS,
    add_own_arguments,
    on_a_stack_of_its_own,
)
from backoffice.processes import BASE_DIR, Stack
from backoffice.simulation import soak
from backoffice.simulation.audit import Audit, audit, faults
from backoffice.simulation.driver import Driver
from backoffice.simulation.report import courier_table
from backoffice.simulation.stage import START, stage
from returns import clock

#: Letters, pages and money have queues of their own, which nobody serves here, and no reactions.
QUEUES = ("clock", "cases", "couriers")
REACTIONS = "backoffice.simulation.soak_reactions"
ROTATION = timedelta(days=8)
OVERLAP = timedelta(hours=24)
#: Three days of review, ten to hand over (R24) and a few that couriers cost, thirty without news.
PLAYED = timedelta(days=52)
LINE = 5.0  # real seconds between two lines of progress


@dataclass(frozen=True)
class Soak:
    """What came of it. Seconds and events a second are real, all else is the seed's."""

    audit: Audit
    broken: list[str]
    statistics: Mapping[str, Any]
    faults: Mapping[str, int]
    did: Mapping[str, int]
    seconds: Mapping[str, float]

    @property
    def well(self) -> bool:
        """No impossible state, no promise broken."""
        return not (self.audit.wrong or self.broken)

    def as_json(self) -> dict[str, Any]:
        return {
            "counts": self.audit.counts,
            "anomalies": self.audit.anomalies,
            "wrong": self.audit.wrong,
            "broken": self.broken,
            "statistics": dict(self.statistics),
            "faults": dict(self.faults),
            "buyers": dict(self.did),
            "seconds": dict(self.seconds),
        }


class Command(BaseCommand):
    """`manage.py courier_soak --parcels 10000 --seed 7 [--json]`: weeks on a stack of its own.

    On PostgreSQL with DATABASE_URL (an empty database), else embedded. Exit 0: every parcel is
    where a pure reading of the couriers' book puts it, nothing is impossible, all invariants hold.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many, and which of all possible weeks."""
        parser.add_argument("--parcels", type=int, default=10_000)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--grid", type=span, default="6h", help="moments are rounded up to it")
        parser.add_argument("--workers", type=int, default=2, help="processes of the worker")
        parser.add_argument("--port", type=int, default=8000, help="the first free one from there")
        parser.add_argument("--json", action="store_true", help="the result on stdout, as JSON")
        add_own_arguments(parser, BASE_DIR / "var" / "soak")
        parser.set_defaults(stay=False)

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, audit, tell."""
        settings.ROOT_REACTIONS = REACTIONS

        def tell(stack: Stack, console: Console) -> Soak:
            result = play(
                stack.url, console, options["parcels"], seed=options["seed"], grid=options["grid"]
            )
            print_soak(console, result)
            if options["json"]:
                sys.stdout.write(json.dumps(result.as_json(), indent=2) + "\n")
            return result

        on_a_stack_of_its_own(
            Path(options["root"]),
            tell,
            start=START,
            port=options["port"],
            stay=options["stay"],
            queues=QUEUES,
            workers=options["workers"],
            env={**SURROUNDINGS, "ROOT_REACTIONS": REACTIONS},
            console=Console(stderr=options["json"], highlight=False),
        )


def play(url: str, console: Console, parcels: int, *, seed: int, grid: timedelta) -> Soak:
    """Play so many returns against the stack at `url`. Raises NobodyWorks."""
    began = time.monotonic()
    with stage(url) as set_up:
        start, couriers, agenda = clock.now(), set_up.couriers, set_up.agenda
        couriers.arrange(seed=seed, faults=soak.FAULTS, vans=soak.VANS)
        buyers = soak.Buyers(agenda, couriers)
        stories = list(soak.opened_returns(parcels, seed=seed, run=set_up.run, at=start))
        agenda.add(start + ROTATION, -1, lambda now: couriers.rotate(at=now, overlap=OVERLAP))
        planted = time.monotonic()
        console.print(f"{parcels} returns opened in {planted - began:.0f} s.")
        driver = Driver(
            stories,
            people=buyers,
            couriers=couriers,
            agenda=agenda,
            grid=grid,
            show=_Lines(console),
            queues=QUEUES,
        )
        driver.run(start + PLAYED, finish_until=start + PLAYED)
        played = time.monotonic()
        book = couriers.book()
        result = audit(book, clock.now())
        broken = [str(violation) for violation in invariants.violations(clock.now())]
        seconds = {
            "planting": round(planted - began, 1),
            "playing": round(played - planted, 1),
            "looking": round(time.monotonic() - played, 1),
            "events a second": round(result.counts["events kept"] / (played - planted), 1),
        }
        return Soak(result, broken, couriers.statistics(), faults(book), buyers.did, seconds)


class _Lines:
    """A line of progress now and then."""

    def __init__(self, console: Console) -> None:
        self.console, self._began = console, time.monotonic()
        self._shown = self._began

    def __call__(self, driver: Driver) -> None:
        now = time.monotonic()
        if now - self._shown >= LINE:
            self._shown = now
            took = f"{now - self._began:.0f} s"
            self.console.print(f"{driver.now:%a %d %b %H:%M}  {driver.jumps} jumps, {took}")


def print_soak(console: Console, result: Soak) -> None:
    """The final tables."""
    console.print(courier_table(result.statistics))
    for title, counted in (
        ("What chance did", result.faults),
        ("What buyers did", result.did),
        ("What is kept", result.audit.counts),
        ("Anomalies raised", result.audit.anomalies),
        ("Seconds", result.seconds),
    ):
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("")
        table.add_column("", justify="right")
        for name, count in counted.items():
            table.add_row(name, str(count))
        console.print(table)
    for what in (*result.audit.wrong, *result.broken):
        console.print(f"WRONG {what}", style="red")
    if result.well:
        console.print("No impossible state; every invariant holds.", style="green")
