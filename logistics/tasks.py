"""The clock's door: each task looks for what is due and drains it. Messages carry nothing."""

from celery import shared_task

from logistics import outbox, polling, workflow
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
def ask_carriers() -> None:
    """Ask after the parcels of carriers that report nothing by themselves."""
    if drain(lambda n: polling.poll_due(n, at=clock.now()), chunk=20).more:
        ring("logistics.tasks.ask_carriers")


@shared_task
def watch_pickups() -> None:
    """Look after pick-ups that nobody speaks of."""
    if drain(lambda n: workflow.watch_due(n, at=clock.now()), chunk=50).more:
        ring("logistics.tasks.watch_pickups")


@shared_task
def warn_of_ending_secrets() -> None:
    """Say which couriers still sign with a key that is about to end."""
    workflow.warn_of_ending_secrets(at=clock.now())


@shared_task
def purge_messages() -> None:
    """Forget receipts and raw texts whose time is over."""
    if drain(lambda n: workflow.purge_messages(n, at=clock.now()), chunk=1_000).more:
        ring("logistics.tasks.purge_messages")


@shared_task
def watch_numbers() -> None:
    """Tell the desk which tracking numbers run out."""
    workflow.watch_numbers(at=clock.now())
