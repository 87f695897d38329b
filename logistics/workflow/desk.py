"""Raising and closing what a person must look at, and keeping what was done to a partner."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from logistics.models import Anomaly, Courier, CourierEntry, Parcel, TrackingEvent
from logistics.models.desk import ITSELF
from logistics.oddities import RECOMPUTED, Finding
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


def take_anomalies(chosen: QuerySet[Anomaly], *, by: User) -> int:
    """A person looks after them from now on, whoever did before; returns how many were open."""
    return Anomaly.objects.open().filter(pk__in=chosen.values("pk")).update(assignee=by)


def found_key(parcel: Parcel, finding: Finding) -> str:
    """Under which a finding about a parcel is known: worked out again, it is the same one."""
    return f"parcel:{parcel.pk}:{finding.code}:{finding.about}"[:200]


def keep_findings(
    parcel: Parcel,
    findings: Collection[Finding],
    events: Mapping[str, TrackingEvent],
    *,
    at: datetime,
) -> None:
    """Bring the parcel's list in line with what was found in its reports; under its lock.

    What is found no more, or was about a report taken back since, is closed by itself, and opened
    again when it is found again; what a person closed stays closed. `events` are the parcel's
    reports by their ids.
    """
    found = {found_key(parcel, finding): finding for finding in findings}
    known = {anomaly.key: anomaly for anomaly in parcel.anomalies.select_related("event")}
    taken_back = {event.voids for event in events.values() if event.voids}
    for key in found.keys() - known.keys():
        code, text, about = found[key]
        event = events.get(about)
        about_it = {"courier": parcel.courier, "parcel": parcel, "event": event}
        raise_anomaly(key, code=code, text=text, at=at, **about_it)
    for key, anomaly in known.items():
        if key in found:
            _open_again(anomaly)
        elif anomaly.closed_at is None and _moot(anomaly, taken_back):
            close_anomaly(anomaly, by=ITSELF, why="Resolved by later reports.", at=at)


def _moot(anomaly: Anomaly, taken_back: Collection[str]) -> bool:
    """Whether nothing is left to look at, when it was not found again."""
    about = anomaly.event.event_id if anomaly.event else ""
    return anomaly.code in RECOMPUTED or about in taken_back


def _open_again(anomaly: Anomaly) -> None:
    again = Anomaly.objects.filter(pk=anomaly.pk, closed_by=ITSELF)
    again.update(closed_at=None, closed_by="", closed_why="")


def keep_entry(
    courier: Courier, what: str, text: str, *, by: str, at: datetime, **facts: Any
) -> None:
    """Write down what was done to a partner. `text` never holds a secret."""
    CourierEntry.objects.create(
        courier=courier, at=at, by=by[:200], what=what, text=text[:500], facts=facts
    )
