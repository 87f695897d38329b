"""Plant what a demo needs: staff who can log in, sellers, and a key for the shop's door."""

import secrets
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Permission, User
from django.core.management.base import BaseCommand

from backoffice.simulation.cast import PLACES, SELLERS
from returns import clock, keys
from returns.models import ApiKey, Seller

#: Who logs in, and of which apps they may do everything; the rest they only see. A lead may all.
STAFF: Mapping[str, tuple[str, ...]] = {
    "support": ("returns", "logistics"),
    "lead": (),
    "finance": ("refunds",),
}
#: Who only has a hand scanner: the pages at /warehouse/, and no admin.
WAREHOUSE = "warehouse"
APPS = ("returns", "logistics", "refunds")
KEY = "demo shop"


class Command(BaseCommand):
    """`manage.py seed_demo`: repeatable; every run prints new passwords and a new key."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing, and say how to log in."""
        for line in plant():
            self.stdout.write(line)


def plant() -> list[str]:
    """Do it; returns the lines to tell: logins, and the key of the shop's door."""
    lines = [f"{name:<9} {_staff(name)}" for name in STAFF]
    lines.append(f"{WAREHOUSE} {_worker()}, at /warehouse/")
    for ref, name, country in SELLERS:
        address = PLACES[country].address(country, 1)
        email = f"{ref}@sellers.example"
        made = {"name": name, "email": email, "country": country, "address": address}
        Seller.objects.get_or_create(ref=ref, defaults=made)
    ApiKey.objects.filter(name=KEY).delete()
    _, secret = keys.create(KEY, at=clock.now())
    return [*lines, f"API key   {secret}"]


def _staff(name: str) -> str:
    """A staff user with a fresh password, which comes back."""
    password = secrets.token_urlsafe(9)
    user = _person(name, password, is_staff=True, is_superuser=not STAFF[name])
    seen = Permission.objects.filter(content_type__app_label__in=APPS, codename__startswith="view_")
    done = Permission.objects.filter(content_type__app_label__in=STAFF[name])
    user.user_permissions.set(seen | done)
    return password


def _worker() -> str:
    """Who receives and inspects parcels, with a fresh password, which comes back."""
    password = secrets.token_urlsafe(9)
    user = _person(WAREHOUSE, password)
    user.user_permissions.set(Permission.objects.filter(codename="receive_parcel"))
    return password


def _person(name: str, password: str, **rights: bool) -> User:
    user, _ = User.objects.update_or_create(username=name, defaults=rights)
    user.set_password(password)
    user.save()
    return user
