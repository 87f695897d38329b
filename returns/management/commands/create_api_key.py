"""Make a key for the shop's door and print it: once, as only its hash is kept."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from returns import clock, keys


class Command(BaseCommand):
    help = "Make a bearer key for the shop's door and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Whose key it is; 1 to 80 characters, taken once.")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        if not name.strip() or len(name) > 80:
            raise CommandError("A key has a name of 1 to 80 characters.")
        try:
            _, secret = keys.create(name, at=clock.now())
        except IntegrityError as error:
            raise CommandError(f"There is a key of the name {name!r} already.") from error
        self.stdout.write(secret)
