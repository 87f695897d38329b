"""Encrypt couriers' secrets with the newest key of COURIER_SECRETS_KEYS; repeatable."""

from typing import Any

from django.core.management.base import BaseCommand

from logistics import workflow


class Command(BaseCommand):
    """`manage.py reseal_secrets`: afterwards the older keys may be taken out."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say how many."""
        done = workflow.reseal_secrets()
        self.stdout.write(", ".join(f"{count} {what}" for what, count in done.items()) + ".")
