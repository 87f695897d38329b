"""Play a real shop's year through everything: its orders, and a dispute for every returned line."""

import time
from argparse import ArgumentParser
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from backoffice import invariants
from backoffice.management.commands.clock import span
from backoffice.management.commands.demo import add_own_arguments, on_a_stack_of_its_own
from backoffice.management.commands.simulate import FINISH, Result
from backoffice.processes import BASE_DIR, Stack
from backoffice.simulation import replay
from backoffice.simulation.driver import Driver
from backoffice.simulation.replay import Reconciliation, Year
from backoffice.simulation.report import Progress, print_summary, summary
from backoffice.simulation.stage import stage
from backoffice.tasks import handled
from returns import clock
from returns.models import Case


class Command(BaseCommand):
    """`manage.py replay FILE [--limit N]`: its own folder, database, broker, workers and end.

    Exit 0 only when every line is accounted for, every invariant holds and no case is stuck.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to play, and how finely."""
        parser.add_argument("file", type=Path, help="CSV, also gzipped; docs/replay.md says how")
        parser.add_argument("--limit", type=int, help="only the first returns, by their time")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--grid", type=span, default="6h", help="moments are rounded up to it")
        parser.add_argument("--port", type=int, default=8000, help="the first free one from there")
        add_own_arguments(parser, BASE_DIR / "var" / "replay")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, play, account for every line."""
        try:
            year = replay.read(options["file"], limit=options["limit"])
        except (OSError, replay.NotSuchAFile) as error:
            raise CommandError(str(error)) from error
        on_a_stack_of_its_own(
            options["root"],
            lambda stack, console: play(
                stack, console, year, seed=options["seed"], grid=options["grid"]
            ),
            start=year.begins,
            port=options["port"],
            stay=options["stay"],
        )


def play(stack: Stack, console: Console, year: Year, *, seed: int, grid: timedelta) -> Result:
    """Play the year against the stack and tell what came of it. Raises NobodyWorks."""
    began, before = time.monotonic(), Counter(handled())
    with stage(stack.url) as set_up:
        stories = replay.write(
            year,
            set_up.agenda,
            seed=seed,
            run=set_up.run,
            shop=set_up.shop,
            people=set_up.people,
        )
        title = f"{len(year.sales)} orders, {len(stories)} returns"
        with Progress(console, title=title, start=year.begins, until=year.ends) as progress:
            driver = Driver(
                stories,
                people=set_up.people,
                couriers=set_up.couriers,
                agenda=set_up.agenda,
                grid=grid,
                show=progress.show,
            )
            driver.run(year.ends, finish_until=year.ends + FINISH)
        ours = Case.objects.filter(order__number__startswith=f"{set_up.run}-")
        told = summary(ours, stories, set_up.people.too_late, set_up.couriers.statistics())
    told.real = {
        "seconds": round(time.monotonic() - began, 1),
        "jumps": driver.jumps,
        "tasks": dict(Counter(handled()) - before),
    }
    broken = list(invariants.violations(clock.now()))
    print_summary(console, told, broken)
    accounts = replay.reconciled(year, stories)
    _print_accounts(console, accounts)
    result = Result(told, broken)
    return result if accounts.holds else replace(result, unaccounted=True)


def _print_accounts(console: Console, accounts: Reconciliation) -> None:
    table = Table(title="Every line of the file", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("lines", justify="right")
    table.add_row("cases opened", str(accounts.opened))
    for rule, count in sorted(accounts.refused.items()):
        table.add_row(f"refused by {rule}", str(count))
    for reason, count in sorted(accounts.skipped.items()):
        table.add_row(f"skipped: {reason}", str(count))
    table.add_row("read", str(accounts.read), style="bold", end_section=True)
    console.print(table)
    if not accounts.holds:
        console.print("LINES ARE MISSING.", style="red")
