"""The clock's door to the refunds: pay what is due."""

import logging

from celery import shared_task

from refunds import workflow
from returns import clock
from returns.bell import ring
from returns.drain import drain

log = logging.getLogger(__name__)


@shared_task
def pay_due() -> None:
    """Pay one refund after the other until nothing is due or the time is up."""
    # One at a time: a lease covers one call, and a bank that is away holds up no more than that.
    if drain(_pay, chunk=1).more:
        ring("refunds.tasks.pay_due")


def _pay(limit: int) -> int:
    claims = workflow.claim_due(limit, at=clock.now())
    for claim in claims:
        try:
            answer = workflow.call(claim, at=clock.now())
            workflow.record(claim.refund_id, claim.token, answer, at=clock.now())
        except Exception:
            # One refund's affair: its lease will end, and whoever takes it then asks first.
            log.exception("refund %s was not recorded", claim.request.reference)
    return len(claims)
