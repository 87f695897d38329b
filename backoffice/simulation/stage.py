"""Sets the stage on a running stack: a shop with a key, couriers agreed with, people, a clock."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured

from backoffice.simulation.agenda import Agenda
from backoffice.simulation.couriers import Couriers
from backoffice.simulation.people import People, Staff
from backoffice.simulation.shop import Shop
from logistics.models import CourierService
from returns import clock, keys
from returns.models import ApiKey, SimulatedClock

#: Where simulated time begins, unless it has begun already.
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Stage:
    """Everything a simulation needs to be played."""

    run: str
    agenda: Agenda
    shop: Shop
    couriers: Couriers
    people: People


def begin(start: datetime) -> None:
    """Stop the clock, at `start` when it never ran. Raises ImproperlyConfigured."""
    if not settings.SIMULATION:
        raise ImproperlyConfigured("a simulation needs SIMULATION=1: it moves the clock")
    if SimulatedClock.objects.exists():
        clock.run_at(0)
    else:
        clock.set_to(start, speed=0)


@contextmanager
def stage(web_url: str) -> Iterator[Stage]:
    """A stage for as long as the block lasts. Raises ImproperlyConfigured without SIMULATION=1."""
    begin(START)
    # Two runs on one database must not take each other's keys and numbers for their own.
    run, agenda = f"S{secrets.token_hex(3)}", Agenda()
    key, secret = keys.create(f"simulation {run}", at=clock.now())
    shop = Shop(web_url, secret)
    couriers = Couriers()
    staff = Staff(support=_staff("support"), lead=_staff("lead"))
    people = People(
        run=run, shop=shop, couriers=couriers, agenda=agenda, staff=staff, services=_services()
    )
    try:
        couriers.set_clock(clock.now())
        couriers.arrange(run=run)
        couriers.agree(web_url, at=clock.now())
        yield Stage(run, agenda, shop, couriers, people)
    finally:
        shop.close()
        couriers.close()
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=clock.now())


def _staff(name: str) -> User:
    """A support person, who cannot log in unless the demo gave a password."""
    user, created = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def _services() -> dict[str, dict[str, str]]:
    """What couriers offer: country → way of handing over → time zone (R21)."""
    offered: dict[str, dict[str, str]] = {}
    for service in CourierService.objects.filter(active=True, courier__active=True):
        offered.setdefault(service.country, {})[service.method] = service.time_zone
    return offered
