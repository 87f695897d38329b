"""A courier's message as a whole: taken once, whatever is in it, and forgotten in time."""

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from logistics.models import BadMessage, Courier, TrackingEvent, WebhookReceipt
from logistics.reports import Report, Wrong
from logistics.states import Mode
from logistics.workflow.desk import raise_anomaly
from logistics.workflow.holding import told
from logistics.workflow.reporting import judge_reports, keep_reports

#: Longer than any courier repeats a message; and as long as the text of a report may be asked for.
RECEIPTS_KEPT, RAW_KEPT = timedelta(days=30), timedelta(days=90)
MAX_SAMPLE = 4_096  # characters


class IdReused(Exception):
    """A webhook-id came a second time with another body."""


def take_message(
    courier: Courier,
    said: Sequence[Report | Wrong] | None,
    *,
    mode: Mode,
    message_id: str,
    digest: str,
    key_index: int,
    at: datetime,
) -> tuple[int, dict[str, Any]]:
    """Keep receipt and reports together, and answer: 202, or 200 to the very same again.

    `said` is None for a type we do not know. In test mode nothing but the receipt is kept. Raises
    IdReused when the id came with another body (`digest`, SHA-256 in hex) before.
    """
    good = [each for each in said or () if isinstance(each, Report)]
    answers, rows = judge_reports(courier, good, at=at)
    answer = {
        "id": message_id,
        "status": "ignored" if said is None else "accepted",
        "mode": mode,
        "received_at": told(at),
        "results": list(_results(said or (), iter(answers))),
    }
    try:
        with transaction.atomic():
            # The receipt first: of two copies at the same moment, one waits for it.
            WebhookReceipt.objects.create(
                courier=courier,
                webhook_id=message_id,
                mode=mode,
                body_sha256=digest,
                received_at=at,
                key_index=key_index,
                status=202,
                response=answer,
            )
            if mode == Mode.LIVE:
                keep_reports(courier, rows, at=at)
    except IntegrityError:
        before = courier.receipts.filter(webhook_id=message_id, mode=mode).first()
        if before is None:
            raise
        return 200, _again(before, digest, at)
    return 202, answer


def keep_bad_message(courier: Courier, code: str, sample: str, *, at: datetime) -> None:
    """Count what was not believed: one row a courier, day and code, with the first as a sample."""
    row, new = BadMessage.objects.get_or_create(
        courier=courier,
        day=at.date(),
        code=code,
        defaults={"first_at": at, "sample": sample[:MAX_SAMPLE]},
    )
    if not new:
        BadMessage.objects.filter(pk=row.pk).update(count=F("count") + 1)


def purge_messages(limit: int, *, at: datetime) -> int:
    """Forget up to `limit` receipts, and as many reports' raw texts, whose time is over.

    Returns how many there were of the one there was more of.
    """
    receipts = WebhookReceipt.objects.filter(received_at__lt=at - RECEIPTS_KEPT)
    old = list(receipts.order_by("received_at").values_list("pk", flat=True)[:limit])
    WebhookReceipt.objects.filter(pk__in=old).delete()
    raw = TrackingEvent.objects.filter(received_at__lt=at - RAW_KEPT).exclude(raw="")
    full = list(raw.order_by("received_at").values_list("pk", flat=True)[:limit])
    TrackingEvent.objects.filter(pk__in=full).update(raw="")
    BadMessage.objects.filter(day__lt=(at - RECEIPTS_KEPT).date()).delete()
    return max(len(old), len(full))


def _results(said: Sequence[Report | Wrong], answers: Iterator[str]) -> Iterator[dict[str, str]]:
    for each in said:
        if isinstance(each, Wrong):
            yield {"event_id": each.event_id, "status": "rejected", **each.as_json()}
        else:
            yield {"event_id": each.event_id, "status": next(answers)}


def _again(before: WebhookReceipt, digest: str, at: datetime) -> dict[str, Any]:
    if hmac.compare_digest(before.body_sha256, digest):
        return {**before.response, "status": "duplicate"}
    if before.mode == Mode.LIVE:
        raise_anomaly(
            f"webhook-id-reused:{before.pk}",
            code="webhook-id-reused",
            text=f"Another body came under the webhook-id {before.webhook_id}.",
            courier=before.courier,
            at=at,
        )
    raise IdReused("This webhook-id came with another body before.")
