"""Show, step or run the simulated clock."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.processes import found_in
from backoffice.simulation.couriers import keep_time
from returns import clock
from returns.models import SimulatedClock

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """A time span such as 3d, 12h, 90m or 2w."""
    if not (read := re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", text)):
        raise ArgumentTypeError(f"{text!r} is no time span; write 3d, 12h, 90m or 2w")
    return timedelta(**{_UNITS[read[2]]: float(read[1])})


def speed(text: str) -> float:
    """Simulated seconds a real second, none or more."""
    if not re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", text):
        raise ArgumentTypeError(f"{text!r} is no speed; write 86400 for a day a second")
    return float(text)


class Command(BaseCommand):
    """`manage.py clock --show | --advance 3d | --speed 86400`."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Exactly one of the three."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--show", action="store_true", help="what time it is for all processes")
        what.add_argument("--advance", type=span, metavar="SPAN", help="step forward: 3d, 12h, 90m")
        what.add_argument(
            "--speed", type=speed, help="simulated seconds a real second; 0 stands still"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what the clock shows then."""
        if not options["show"] and not settings.SIMULATION:
            raise CommandError(
                "The clock is real and cannot be moved. Set SIMULATION=1, for this command and for"
                " every process of the stack; never where real money moves."
            )
        try:
            if options["advance"] is not None:
                clock.advance(options["advance"])
            elif options["speed"] is not None:
                clock.run_at(options["speed"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        stored = SimulatedClock.objects.first() if settings.SIMULATION else None
        if stored and not options["show"]:
            found = found_in(Path(settings.VAR_DIR))
            settings.COURIERS_URL = settings.COURIERS_URL or found.get("couriers_url", "")
            keep_time(clock.now(), speed=stored.speed)
        how = f"simulated, ×{stored.speed:g}" if stored else "real"
        self.stdout.write(f"{clock.now():%Y-%m-%d %H:%M:%S} UTC ({how})")
