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
    lines = [f"{name:<8} {_staff(name)}" for name in STAFF]
    for ref, name, country in SELLERS:
        address = PLACES[country].address(country, 1)
        email = f"{ref}@sellers.example"
        made = {"name": name, "email": email, "country": country, "address": address}
        Seller.objects.get_or_create(ref=ref, defaults=made)
    ApiKey.objects.filter(name=KEY).delete()
    _, secret = keys.create(KEY, at=clock.now())
    return [*lines, f"API key  {secret}"]


def _staff(name: str) -> str:
    """A staff user with a fresh password, which comes back."""
    password = secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=name)
    user.is_staff, user.is_superuser = True, not STAFF[name]
    user.set_password(password)
    user.save()
    seen = Permission.objects.filter(content_type__app_label__in=APPS, codename__startswith="view_")
    done = Permission.objects.filter(content_type__app_label__in=STAFF[name])
    user.user_permissions.set(seen | done)
    return password
