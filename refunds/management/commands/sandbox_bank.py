"""Run the sandbox bank in the foreground until it is ended."""

import os
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from refunds.sandbox_bank import THIRTY_DAYS, Fault, SandboxBank


class Command(BaseCommand):
    """`manage.py sandbox_bank --port N [--seed S] [--faults default|none|NAME] [--book PATH]`."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is not given comes from BANK_SEED, BANK_FAULTS and BANK_BOOK in the environment."""
        env = os.environ
        parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
        parser.add_argument("--seed", type=int, default=int(env.get("BANK_SEED", "0")))
        parser.add_argument(
            "--faults",
            default=env.get("BANK_FAULTS", "default"),
            help=f"default, or one that every first attempt meets: {', '.join(Fault)}",
        )
        parser.add_argument(
            "--book",
            type=Path,
            default=env.get("BANK_BOOK"),
            help="a file that outlives the process; without one the book does not",
        )
        parser.add_argument("--key-ttl", type=float, default=THIRTY_DAYS, help="seconds")
        parser.add_argument(
            "--slow",
            type=float,
            default=settings.BANK_TIMEOUT + 1,
            help="seconds that a slow answer takes; by default longer than we wait",
        )

    def handle(self, *args: object, **options: object) -> None:
        """Serve for ever."""
        given = {name: options[name] for name in ("seed", "faults", "book", "key_ttl", "slow")}
        try:
            bank = SandboxBank(options["port"], key=settings.BANK_KEY, **given)  # type: ignore[arg-type]
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"sandbox bank on {bank.url}")
        self.stdout.flush()
        bank.serve_forever()
