"""The clock's door: each task looks for what is due and drains it. Messages carry nothing."""

from collections.abc import Callable

from celery import shared_task

from returns import clock, journal, notices, workflow
from returns.bell import ring
from returns.drain import drain


def drained(task: str, take: Callable[[int], int], *, chunk: int) -> None:
    """Drain what is due; a full chunk at the end of its time rings for one more worker."""
    if drain(take, chunk=chunk).more:
        ring(task)


@shared_task
def ring_cases() -> None:
    """Move every case whose deadline has passed (R35)."""
    drained("returns.tasks.ring_cases", lambda n: workflow.lapse_due(n, at=clock.now()), chunk=200)


@shared_task
def run_reactions() -> None:
    """Do what must follow from the journal."""
    drained("returns.tasks.run_reactions", lambda n: journal.run_due(n, at=clock.now()), chunk=50)


@shared_task
def send_notices() -> None:
    """Send the mail that is due (R34)."""
    drained("returns.tasks.send_notices", lambda n: notices.send_due(n, at=clock.now()), chunk=50)
