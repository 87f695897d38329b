"""Play weeks of returns against a running stack, in simulated time."""

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from backoffice import invariants
from backoffice.celery import app
from backoffice.invariants import Violation
from backoffice.management.commands.clock import span
from backoffice.processes import found_in
from backoffice.simulation import weeks
from backoffice.simulation.driver import Driver, NobodyWorks
from backoffice.simulation.report import Progress, Summary, print_summary, summary
from backoffice.simulation.stage import stage
from backoffice.tasks import handled
from returns import clock
from returns.models import Case

#: How long after the last day an open case may take to end.
FINISH = timedelta(days=60)


@dataclass(frozen=True)
class Result:
    """What came of a simulation, what is broken, and whether anything got lost on the way in."""

    summary: Summary
    broken: list[Violation]
    unaccounted: bool = False

    @property
    def well(self) -> bool:
        """No promise broken, no case stuck, nothing lost."""
        return not (self.broken or self.summary.still_open or self.unaccounted)


class Command(BaseCommand):
    """`manage.py simulate --cases N --days D --seed S [--json]`.

    The stack is found by run.json in VAR_DIR, or by WEB_URL, REDIS_URL, BANK_URL and COURIERS_URL;
    it must run with SIMULATION=1, and this command too. Exit 0: all invariants hold, no case is
    stuck; else 1.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much, how long, and which of all possible weeks."""
        parser.add_argument("--cases", type=int, default=200)
        parser.add_argument("--days", type=int, default=45)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--grid", type=span, default="1h", help="moments are rounded up to it")
        parser.add_argument("--json", action="store_true", help="the result on stdout, as JSON")
        parser.add_argument(
            "--no-finish", action="store_true", help="stop on the last day, cases open or not"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, tell, and judge."""
        console = Console(stderr=options["json"], highlight=False)
        try:
            result = play(
                find_stack(),
                console=console,
                cases=options["cases"],
                days=options["days"],
                seed=options["seed"],
                grid=options["grid"],
                finish=not options["no_finish"],
            )
        except (ImproperlyConfigured, NobodyWorks) as error:
            raise CommandError(str(error)) from error
        print_summary(console, result.summary, result.broken)
        if options["json"]:
            broken = [str(violation) for violation in result.broken]
            told = result.summary.as_json() | {"broken": broken}
            sys.stdout.write(json.dumps(told, indent=2) + "\n")
        if result.broken or (result.summary.still_open and not options["no_finish"]):
            sys.exit(1)


def find_stack() -> str:
    """The address of the running stack; this process will ring and ask as it does."""
    found = found_in(Path(settings.VAR_DIR))
    url = os.environ.get("WEB_URL") or found.get("url")
    if not url:
        raise CommandError(
            f"No stack runs in {settings.VAR_DIR}. Start one with SIMULATION=1, or set WEB_URL,"
            " REDIS_URL, BANK_URL and COURIERS_URL."
        )
    app.conf.update(broker_url=os.environ.get("REDIS_URL") or found.get("redis_url"))
    settings.BANK_URL = os.environ.get("BANK_URL") or found.get("bank_url", "")
    settings.COURIERS_URL = os.environ.get("COURIERS_URL") or found.get("couriers_url", "")
    return str(url)


def play(
    url: str,
    *,
    console: Console,
    cases: int,
    days: int,
    seed: int,
    grid: timedelta,
    finish: bool = True,
) -> Result:
    """Play made-up weeks against the stack at `url`. Raises NobodyWorks, ImproperlyConfigured."""
    began, before = time.monotonic(), Counter(handled())
    with stage(url) as set_up:
        start = clock.now()
        until = start + timedelta(days=days)
        stories = weeks.write(
            set_up.agenda,
            seed=seed,
            cases=cases,
            days=days,
            start=start,
            run=set_up.run,
            shop=set_up.shop,
            people=set_up.people,
        )
        title = f"{cases} disputes, {days} days, seed {seed}"
        with Progress(console, title=title, start=start, until=until) as progress:
            driver = Driver(
                stories,
                people=set_up.people,
                couriers=set_up.couriers,
                agenda=set_up.agenda,
                grid=grid,
                show=progress.show,
            )
            driver.run(until, finish_until=until + FINISH if finish else until)
        ours = Case.objects.filter(order__number__startswith=f"{set_up.run}-")
        told = summary(ours, stories, set_up.people.too_late, set_up.couriers.statistics())
    told.real = {
        "seconds": round(time.monotonic() - began, 1),
        "jumps": driver.jumps,
        "tasks": dict(Counter(handled()) - before),
    }
    return Result(told, list(invariants.violations(clock.now())))
