"""The clock's door: each task looks for what is due and drains it. Messages carry nothing."""

from celery import shared_task

from logistics import outbox, workflow
from returns import clock
from returns.bell import ring
from returns.drain import drain


@shared_task
def project_events() -> None:
    """Work out what couriers reported."""
    if drain(lambda n: workflow.project_due(n, at=clock.now()), chunk=100).more:
        ring("logistics.tasks.project_events")


@shared_task
def deliver_outbox() -> None:
    """Tell couriers what they must know."""
    if outbox.deliver(clock.now).more:
        ring("logistics.tasks.deliver_outbox")


@shared_task
def render_labels() -> None:
    """Print the labels that have no page yet."""
    if drain(lambda n: workflow.render_due_labels(n, at=clock.now()), chunk=50).more:
        ring("logistics.tasks.render_labels")


@shared_task
def watch_unmatched() -> None:
    """Put reports that match nothing before the desk."""
    if drain(lambda n: workflow.watch_unmatched(n, at=clock.now()), chunk=50).more:
        ring("logistics.tasks.watch_unmatched")


@shared_task
def import_points() -> None:
    """Read couriers' files of drop-off points, and apply those that somebody confirmed."""
    if drain(lambda n: workflow.import_due(n, at=clock.now()), chunk=1).more:
        ring("logistics.tasks.import_points")


@shared_task
def watch_pickups() -> None:
    """Look after pick-ups that nobody speaks of."""
    if drain(lambda n: workflow.watch_due(n, at=clock.now()), chunk=50).more:
        ring("logistics.tasks.watch_pickups")
