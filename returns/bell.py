"""Ring a worker: a message that says "look" and may be lost, doubled or never sent without harm."""

import logging
from functools import partial

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: str) -> None:
    """Send `task` (no arguments). A broker that is away is logged, not raised: beat rings again."""
    try:
        current_app.send_task(task)
    except (OperationalError, OSError) as error:
        log.warning("bell not rung: %s (%s)", task, error)


def ring_on_commit(task: str) -> None:
    """Ring once when the surrounding transaction has committed; at once when there is none."""
    # Whatever rollback takes the earlier ring away would take this one too.
    if not any(_rings(task, told) for _, told, *_ in connection.run_on_commit):
        transaction.on_commit(partial(ring, task), robust=True)


def _rings(task: str, told: object) -> bool:
    return isinstance(told, partial) and told.func is ring and told.args == (task,)
