"""Look whether every promise holds for all cases; exit 1 when one does not."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from backoffice import invariants
from returns import clock


class Command(BaseCommand):
    """`manage.py check_invariants`: prints each violation with the case's number."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Print and count them."""
        broken = 0
        for violation in invariants.violations(clock.now()):
            broken += 1
            self.stdout.write(str(violation))
        if broken:
            self.stderr.write(f"{broken} broken.")
            sys.exit(1)
        self.stdout.write(f"{len(invariants.INVARIANTS)} invariants hold.")
