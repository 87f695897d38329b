"""Everything up at once: weeks of returns played through, then yours to look at."""

import os
import shutil
import sys
import time
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from rich.console import Console

from backoffice.embedded import InUse, NoServer, only_one_in
from backoffice.management.commands.clock import span
from backoffice.management.commands.seed_demo import plant
from backoffice.management.commands.simulate import Result, play
from backoffice.processes import BASE_DIR, QUEUES, NotUp, Stack, in_own_folder, ring_through
from backoffice.simulation.couriers import keep_time
from backoffice.simulation.driver import NobodyWorks
from backoffice.simulation.report import print_summary
from backoffice.simulation.stage import START, begin
from returns import clock

#: What a stack that is played with has otherwise: a bank that is given up on after a second.
SURROUNDINGS = {"BANK_TIMEOUT": "1", "LOG_LEVEL": "WARNING"}


class Judged(Protocol):
    """What came of what was played."""

    @property
    def well(self) -> bool:
        """Nothing is broken."""
        ...


class Command(BaseCommand):
    """`manage.py demo`: its own folder, database, broker, bank, web server, worker and beat.

    With --no-stay it ends by itself: exit 0 only when every invariant holds and no case is stuck.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """As `simulate`, and whether to stay up."""
        parser.add_argument("--cases", type=int, default=200)
        parser.add_argument("--days", type=int, default=45)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--grid", type=span, default="1h", help="moments are rounded up to it")
        parser.add_argument("--port", type=int, default=8000, help="the first free one from there")
        add_own_arguments(parser, BASE_DIR / "var" / "demo")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, tell, stay."""

        def tell(stack: Stack, console: Console) -> Result:
            result = play(
                stack.url,
                console=console,
                cases=options["cases"],
                days=options["days"],
                seed=options["seed"],
                grid=options["grid"],
            )
            print_summary(console, result.summary, result.broken)
            return result

        on_a_stack_of_its_own(
            options["root"], tell, start=START, port=options["port"], stay=options["stay"]
        )


def add_own_arguments(parser: ArgumentParser, root: Path) -> None:
    """What every command with a stack of its own takes."""
    parser.add_argument("--stay", action=BooleanOptionalAction, default=True)
    parser.add_argument("--root", type=Path, default=root, help="its folder, emptied first")


def on_a_stack_of_its_own(
    root: Path,
    tell: Callable[[Stack, Console], Judged],
    *,
    start: datetime,
    port: int,
    stay: bool,
    queues: Sequence[str] = QUEUES,
    workers: int = 2,
    env: Mapping[str, str] = SURROUNDINGS,
    console: Console | None = None,
) -> None:
    """Start a stack on a fresh database, play on it, and stay up or judge (exit 0 or 1)."""
    in_own_folder(root, simulation=True)
    console = console or Console(highlight=False)
    try:
        with only_one_in(root):
            fresh(root)
            begin(start)
            lines = plant()
        alone = Stack(
            root,
            simulation=True,
            web_port=port,
            queues=queues,
            worker_concurrency=workers,
            migrate=False,
            env=env,
        )
        with alone as stack, as_part_of(stack):
            console.print(f"Up at {stack.url}/; logs in {root / 'log'}.")
            result = tell(stack, console)
            if stay:
                keep_time(clock.run_at(1), speed=1)
                _tell_how_to_go_on(console, stack, lines)
                while not stack.ended():
                    time.sleep(0.5)
                raise CommandError(f"Ended by itself: {stack.ended()}; see {root / 'log'}.")
        sys.exit(0 if result.well else 1)
    except (InUse, NoServer, NotUp, NobodyWorks) as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        console.print("Ended.")


def fresh(root: Path) -> None:
    """An empty database, migrated, and no mail or uploads of before.

    A database given by DATABASE_URL is migrated, and its contents are kept.
    """
    if not os.environ.get("DATABASE_URL"):
        connection.close()
        for name in ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"):
            (root / name).unlink(missing_ok=True)
        for folder in ("mail", "media", "log"):
            shutil.rmtree(root / folder, ignore_errors=True)
    call_command("migrate", verbosity=0, interactive=False)


@contextmanager
def as_part_of(stack: Stack) -> Iterator[None]:
    """This process rings the stack's bells and asks its bank and couriers while the block lasts."""
    ring_through(stack)
    before = settings.BANK_URL, settings.COURIERS_URL
    settings.BANK_URL, settings.COURIERS_URL = stack.bank_url, stack.couriers_url
    try:
        yield
    finally:
        settings.BANK_URL, settings.COURIERS_URL = before


def _tell_how_to_go_on(console: Console, stack: Stack, logins: list[str]) -> None:
    here = f"VAR_DIR={stack.root} SIMULATION=1 {sys.executable} manage.py"
    told = (
        f"Admin     {stack.url}/admin/",
        *(f"          {line}" for line in logins),
        f"API       {stack.url}/api/v1/docs/",
        f"Mail      {stack.root / 'mail'}",
        f"The clock runs on; step it: {here} clock --advance 3d",
        "Ctrl-C ends everything.",
    )
    console.print("\n".join(told), soft_wrap=True)
