"""Have a running stack's sandbox play every active courier: new secrets, and where it is told."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from backoffice.management.commands.simulate import find_stack
from backoffice.simulation.couriers import Couriers
from returns import clock


class Command(BaseCommand):
    """`manage.py agree_with_sandbox`: couriers then answer, collect and report by themselves.

    The stack is found as `simulate` finds it. Repeatable: secrets of before end at once.
    """

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        url = find_stack()
        try:
            couriers = Couriers()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        if settings.SIMULATION:
            couriers.set_clock(clock.now(), speed=1)
        couriers.agree(url, at=clock.now())
        couriers.close()
