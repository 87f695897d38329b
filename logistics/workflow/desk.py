"""Raising and closing what a person must look at, and keeping what was done to a partner."""

from datetime import datetime
from typing import Any

from logistics.models import Anomaly, Courier, CourierEntry
from returns.machine import NotNow


def raise_anomaly(key: str, *, code: str, text: str, at: datetime, **about: Any) -> None:
    """Put something before a person, once: under a key known already nothing happens.

    `about` is any of courier, parcel, pickup, event and delivery.
    """
    found = Anomaly(key=key[:200], code=code, text=text[:300], found_at=at, **about)
    Anomaly.objects.bulk_create([found], ignore_conflicts=True)


def close_anomaly(anomaly: Anomaly, *, by: str, why: str, at: datetime) -> None:
    """A person (or what resolved it) closes it with a reason. Raises NotNow when it is closed."""
    why = " ".join(why.split())[:300]
    if not why:
        raise ValueError("an anomaly is closed with a reason")
    rows = Anomaly.objects.open().filter(pk=anomaly.pk)
    if not rows.update(closed_at=at, closed_by=by[:200], closed_why=why):
        raise NotNow("closed", "close", (), "It was closed already.")


def keep_entry(
    courier: Courier, what: str, text: str, *, by: str, at: datetime, **facts: Any
) -> None:
    """Write down what was done to a partner. `text` never holds a secret."""
    CourierEntry.objects.create(
        courier=courier, at=at, by=by[:200], what=what, text=text[:500], facts=facts
    )
