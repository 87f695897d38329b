"""The roof's own periodic work, and the count of what workers handled in a simulation."""

import logging
from collections.abc import Collection
from functools import cache

import redis
from celery import Task, shared_task, signals
from django.conf import settings

from backoffice import invariants
from backoffice.celery import app
from backoffice.processes import QUEUES
from returns import clock

log = logging.getLogger(__name__)

#: Where simulations count the messages that workers handled, by task.
HANDLED = "simulation:handled"


@shared_task
def daily_invariants() -> None:
    """Look whether every promise holds; an error in the log for each that does not."""
    for violation in invariants.violations(clock.now()):
        log.error("invariant broken: %s", violation)


@signals.task_postrun.connect
def count_in_simulation(sender: "Task[..., object]", **_: object) -> None:
    """Count a handled message, in a simulation only."""
    if settings.SIMULATION and sender.name and _broker():
        _redis().hincrby(HANDLED, sender.name, 1)


def handled() -> dict[str, int]:
    """How many messages workers have handled in simulations, by task; empty without a broker."""
    if not _broker():
        return {}
    return {str(name): int(count) for name, count in _redis().hgetall(HANDLED).items()}


def busy(queues: Collection[str] = QUEUES) -> bool:
    """Whether a message waits in one of these queues, or is in a worker's hands."""
    if not _broker():
        return False
    asked = _redis().pipeline(transaction=False)
    for queue in queues:
        asked.llen(queue)
    # Acknowledged late: what is being worked on is here until it is done.
    asked.hlen("unacked")
    return any(asked.execute())


def queue_of(task: str) -> str:
    """The queue whose workers hear a task."""
    return str(app.amqp.router.route({}, task)["queue"].name)


def _broker() -> bool:
    return str(app.conf.broker_url).startswith("redis")


@cache
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(app.conf.broker_url, socket_timeout=5, decode_responses=True)
