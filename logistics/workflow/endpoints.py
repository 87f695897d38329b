"""How couriers' endpoints fare: told by every try, closed when nobody is there, opened by staff."""

from datetime import datetime, timedelta

from django.db import transaction

from logistics.couriers import Answer
from logistics.models import Anomaly, Courier, EndpointHealth
from logistics.models.desk import ITSELF
from logistics.states import Fate
from logistics.workflow.desk import close_anomaly, keep_entry, raise_anomaly
from returns.bell import ring_on_commit
from returns.machine import NotNow

CLOSED = "endpoint-disabled"
#: Success is written down so often at most: the row is everybody's.
FRESH = timedelta(minutes=1)
_WELL = frozenset({Fate.TAKEN, Fate.ABORTED})


def heard(courier: Courier, answer: Answer, *, at: datetime) -> None:
    """A try of any message says how its endpoint fares."""
    well = answer.fate in _WELL
    known = EndpointHealth.objects.filter(courier=courier, failures=0, last_ok_at__gt=at - FRESH)
    if well and known.exists():
        return
    with transaction.atomic():
        health = _hold(courier)
        if well:
            _recover(health, at)
        else:
            _fail(health, answer, at)
        health.save()


def disable_endpoint(courier: Courier, *, by: str, why: str, at: datetime) -> None:
    """Nothing is sent there until it is enabled; messages wait. NotNow when it is disabled."""
    why = " ".join(why.split())[:300]
    if not why:
        raise ValueError("an endpoint is disabled with a reason")
    with transaction.atomic():
        health = _hold(courier)
        if health.disabled_at:
            raise NotNow("disabled", "disable", (), "It is disabled already.")
        _disable(health, by=by, why=why, at=at)
        health.save()


def enable_endpoint(courier: Courier, *, by: str, at: datetime) -> None:
    """What waits is sent, beginning with what waits longest. NotNow when it is not disabled."""
    with transaction.atomic():
        health = _hold(courier)
        if not health.disabled_at:
            raise NotNow("enabled", "enable", (), "It is not disabled.")
        health.disabled_at, health.disabled_by, health.disabled_why = None, "", ""
        _recover(health, health.last_ok_at)
        health.save()
        keep_entry(courier, "endpoint_enabled", "The endpoint was enabled.", by=by, at=at)
        for anomaly in Anomaly.objects.open().filter(courier=courier, code=CLOSED):
            close_anomaly(anomaly, by=by, why="The endpoint was enabled again.", at=at)
        ring_on_commit("logistics.tasks.deliver_outbox")


def _hold(courier: Courier) -> EndpointHealth:
    EndpointHealth.objects.get_or_create(courier=courier)
    return EndpointHealth.objects.select_for_update(of=("self",)).get(courier=courier)


def _recover(health: EndpointHealth, at: datetime | None) -> None:
    """One that was taken is enough: the rest follows."""
    if health.degraded_at and at and not health.disabled_at:
        text = f"The endpoint answers again after {health.failures} failures."
        keep_entry(health.courier, "endpoint_recovered", text, by=ITSELF, at=at)
        ring_on_commit("logistics.tasks.deliver_outbox")
    health.failures, health.failing_since = 0, None
    health.degraded_at = health.probe_at = None
    health.last_ok_at, health.last_error = at, ""


def _fail(health: EndpointHealth, answer: Answer, at: datetime) -> None:
    health.failures += 1
    health.failing_since = since = min(health.failing_since or at, at)
    health.last_error = answer.error[:300]
    if health.disabled_at:
        return
    if answer.fate == Fate.GONE:
        _disable(health, by=ITSELF, why="It answered 410: nobody is there any more.", at=at)
    elif (
        health.failures >= EndpointHealth.DISABLED_FAILURES
        and at - since >= EndpointHealth.DISABLED_AFTER
    ):
        why = f"{health.failures} failures in a row since {since:%Y-%m-%d %H:%M} UTC."
        _disable(health, by=ITSELF, why=why, at=at)
    elif health.degraded_at is None and (
        health.failures >= EndpointHealth.DEGRADED_FAILURES
        or at - since >= EndpointHealth.DEGRADED_AFTER
    ):
        health.degraded_at, health.probe_at = at, at + EndpointHealth.PROBE_EVERY
        text = f"The endpoint is tried now and then only, after {health.failures} failures."
        keep_entry(health.courier, "endpoint_degraded", text, by=ITSELF, at=at)


def _disable(health: EndpointHealth, *, by: str, why: str, at: datetime) -> None:
    courier = health.courier
    health.disabled_at, health.disabled_by, health.disabled_why = at, by[:200], why
    keep_entry(courier, "endpoint_disabled", f"The endpoint was disabled: {why}", by=by, at=at)
    raise_anomaly(
        f"{CLOSED}:{courier.slug}:{at.isoformat()}",
        code=CLOSED,
        text=f"{courier} is told nothing: {why}",
        at=at,
        courier=courier,
    )
