"""What couriers told us, kept as it came."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce, NullIf

from logistics.models.parcels import Parcel
from logistics.models.partners import Courier
from logistics.reports import PICKUPS, POINT, UPDATED, VOIDED
from logistics.states import Mode
from logistics.tracking import Scan, TrackingCode, TrackingReason
from returns.models.journal import AppendOnly

#: The types of reports that are about a parcel.
ABOUT = sorted(PICKUPS | {UPDATED, VOIDED})
#: What a report is about: a number, a van, or the report it takes back.
NAMED = Coalesce(NullIf("tracking_number", Value("")), NullIf("pickup_id", Value("")), "voids")
#: How long reports of a number we do not know wait for its label.
PARKED = timedelta(days=14)


def new_message_id() -> str:
    """An id that stays the same over all tries of a message of ours."""
    return f"msg_{uuid.uuid4().hex}"


class WebhookReceipt(models.Model):
    """One message taken from a courier, and what it was answered: the same again gets the same."""

    courier = models.ForeignKey(Courier, models.PROTECT, related_name="receipts")
    webhook_id = models.CharField(max_length=64)
    body_sha256 = models.CharField(max_length=64)
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.LIVE)
    received_at = models.DateTimeField()
    key_index = models.PositiveSmallIntegerField(help_text="0: signed with the newest secret.")
    status = models.PositiveSmallIntegerField(help_text="HTTP.")
    response = models.JSONField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["courier", "mode", "webhook_id"], name="receipt_once_a_mode"
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="receipt_mode_known"),
        ]
        indexes = [models.Index(fields=["received_at"], name="receipt_by_age")]

    def __str__(self) -> str:
        return self.webhook_id


class BadMessage(models.Model):
    """What came in a courier's name and was not believed: a count a day, and the first of them."""

    courier = models.ForeignKey(Courier, models.CASCADE, related_name="bad_messages")
    day = models.DateField()
    code = models.CharField(max_length=40, help_text="As it was answered.")
    count = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    sample = models.TextField(help_text="Headers and body of the first, at most 4 kB.")

    class Meta:
        ordering = ["-day", "code"]
        constraints = [
            models.UniqueConstraint(fields=["courier", "day", "code"], name="bad_message_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.code} on {self.day}"


class TrackingEvents(models.QuerySet["TrackingEvent"]):
    """Reports, by what is asked of them."""

    def due(self) -> "TrackingEvents":
        """Matched to a parcel and not yet told on."""
        return self.filter(projected_at__isnull=True, parcel__isnull=False)

    def parked(self, at: datetime) -> "TrackingEvents":
        """Of a number we do not know (yet)."""
        waiting = self.filter(projected_at__isnull=True, parcel__isnull=True)
        return waiting.filter(received_at__gt=at - PARKED).exclude(type=POINT).order_by("id")

    def unmatched(self) -> "TrackingEvents":
        """About a parcel, but of none; what a courier says of its points is not."""
        return self.filter(projected_at__isnull=True, parcel__isnull=True, type__in=ABOUT)

    def again(self) -> int:
        """Have them told on once more; what was said of a van counts once only."""
        return self.filter(type__startswith="tracking.").update(projected_at=None)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly("what a courier reported is never deleted")


class TrackingEvent(models.Model):
    """One report of a courier, kept once and as it came; only who it belongs to is added.

    A parcel that no partner of ours carries has its news typed in by a person (R22): then `told_by`
    says who, and `details` where it was read.
    """

    courier = models.ForeignKey(
        Courier, models.PROTECT, null=True, blank=True, related_name="events"
    )
    type = models.CharField(max_length=32, help_text="tracking.updated, pickup.attempted, …")
    event_id = models.CharField(max_length=80)
    tracking_number = models.CharField(max_length=40, blank=True)
    pickup_id = models.CharField(max_length=40, blank=True)
    code = models.CharField(max_length=24, choices=TrackingCode)
    reason = models.CharField(max_length=24, choices=TrackingReason, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    location = models.JSONField(default=dict, blank=True)
    details = models.JSONField(
        default=dict, blank=True, help_text="Of a pick-up, or where a person read it."
    )
    note = models.CharField(max_length=300, blank=True)
    voids = models.CharField(max_length=80, blank=True, help_text="The event it takes back.")
    raw = models.TextField(blank=True, help_text="As it came, in JSON; emptied in time.")
    told_by = models.CharField(
        max_length=200, blank=True, help_text="Who typed it in; empty: the courier's own message."
    )

    parcel = models.ForeignKey(Parcel, models.PROTECT, null=True, blank=True, related_name="events")
    projected_at = models.DateTimeField(null=True, blank=True)

    objects = TrackingEvents.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["courier", "event_id"], name="event_once_a_courier"),
            models.CheckConstraint(
                condition=Q(code__in=TrackingCode.values), name="event_code_known"
            ),
            models.CheckConstraint(
                condition=Q(projected_at__isnull=True) | Q(parcel__isnull=False),
                name="event_projected_on_a_parcel",
            ),
            models.CheckConstraint(
                condition=Q(courier__isnull=False) | (~Q(told_by="") & Q(parcel__isnull=False)),
                name="event_told_by_somebody",
            ),
        ]
        indexes = [
            # One column, as the foreign key's index has: with two PostgreSQL thinks less of its
            # order, and where many reports match nothing it reads them all by the other instead.
            models.Index(
                fields=["parcel"],
                condition=Q(projected_at__isnull=True, parcel__isnull=False),
                name="event_due",
            ),
            models.Index(
                fields=["received_at"],
                condition=Q(projected_at__isnull=True, parcel__isnull=True),
                name="event_parked",
            ),
            models.Index(
                fields=["courier", "tracking_number"],
                condition=Q(projected_at__isnull=True, parcel__isnull=True),
                name="event_unmatched",
            ),
            models.Index(fields=["received_at"], condition=~Q(raw=""), name="event_raw_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} {self.code}"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("what a courier reported is never deleted")

    @property
    def is_tracking(self) -> bool:
        """About the parcel, not about a van."""
        return self.type.startswith("tracking.")

    def scan(self) -> Scan:
        """The report as the pure projection reads it."""
        return Scan(
            event_id=self.event_id,
            code=TrackingCode(self.code),
            occurred_at=self.occurred_at,
            reason=TrackingReason(self.reason) if self.reason else None,
            voids=self.voids or None,
            point=str(self.location.get("point_code", "")),
        )
