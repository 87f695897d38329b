"""The doorbell: the Celery app, and what every worker does around a task and at its end of life."""

import os
from pathlib import Path
from typing import Any

from celery import Celery, signals
from django.conf import settings
from django.db import close_old_connections

from backoffice.parentage import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

app = Celery("backoffice")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_prerun.connect
def replace_dead_connections(**_: Any) -> None:
    """Let a task begin on a living database connection.

    Celery keeps connections between tasks (CELERY_DB_REUSE_MAX), and nothing else asks whether
    they still live: after a PostgreSQL restart a worker would fail every task from then on. This
    is what Django does at the start of a request: drop what is too old or has met an error, and
    have the next query ping first (CONN_HEALTH_CHECKS).
    """
    close_old_connections()


@signals.worker_process_init.connect
def end_with_the_main_process(**_: Any) -> None:
    """A pool process must not outlive the worker it belongs to, even when that was killed."""
    die_with_parent()


@signals.heartbeat_sent.connect
def show_life(**_: Any) -> None:
    """Touch a file whenever the worker is in touch with its broker; health checks read its age."""
    if settings.WORKER_ALIVE_FILE:
        Path(settings.WORKER_ALIVE_FILE).touch()
