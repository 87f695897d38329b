"""What the drain is measured against: one message for each case that is due."""

from celery import shared_task

from returns import clock, workflow
from returns.models import Case


@shared_task
def lapse_one(case_id: int) -> None:
    workflow.lapse(Case(pk=case_id), at=clock.now())
