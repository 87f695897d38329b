"""Ring a worker: a message that says "look" and may be lost, doubled or never sent without harm."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def ring(task: str) -> None:
    """Send `task` (no arguments). A broker that is away is logged, not raised: beat rings again."""
    try:
        current_app.send_task(task)
    except (OperationalError, OSError) as error:
        log.warning("bell not rung: %s (%s)", task, error)


def ring_on_commit(task: str) -> None:
    """Ring when the surrounding transaction has committed; at once when there is none."""
    transaction.on_commit(lambda: ring(task), robust=True)
