"""What a person at the logistics desk must look at, and what was done to a partner, by whom."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from logistics.models.deliveries import Delivery
from logistics.models.messages import TrackingEvent
from logistics.models.parcels import Parcel, PickupBooking
from logistics.models.partners import Courier
from returns.models.journal import AppendOnly

#: What closes an anomaly without a person; so closed, it is opened again when found again.
ITSELF = "by itself"


class Anomalies(models.QuerySet["Anomaly"]):
    """What does not fit, by what is asked of it."""

    def open(self) -> "Anomalies":
        """Nobody has closed it yet."""
        return self.filter(closed_at__isnull=True)

    def settled(self) -> "Anomalies":
        """A person has closed it: found again, it stays so."""
        return self.filter(closed_at__isnull=False).exclude(closed_by=ITSELF)


class Anomaly(models.Model):
    """Something that does not fit, waiting until a person closes it with a reason."""

    key = models.CharField(
        max_length=200,
        unique=True,
        help_text="What makes it this one: found again, also after it was closed, it is not new.",
    )
    code = models.CharField(max_length=40, help_text="after-delivered, unmatched, numbers-low, …")
    number = models.CharField(
        max_length=80, blank=True, help_text="Of reports that match nothing: what they are about."
    )
    text = models.CharField(max_length=300, help_text="What is the matter, in a sentence.")
    courier = models.ForeignKey(
        Courier, models.PROTECT, null=True, blank=True, related_name="anomalies"
    )
    parcel = models.ForeignKey(
        Parcel, models.PROTECT, null=True, blank=True, related_name="anomalies"
    )
    pickup = models.ForeignKey(
        PickupBooking, models.PROTECT, null=True, blank=True, related_name="anomalies"
    )
    event = models.ForeignKey(
        TrackingEvent, models.PROTECT, null=True, blank=True, related_name="anomalies"
    )
    delivery = models.ForeignKey(
        Delivery, models.PROTECT, null=True, blank=True, related_name="anomalies"
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who looks after it.",
    )
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)
    closed_why = models.CharField(max_length=300, blank=True)

    objects = Anomalies.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "anomalies"
        permissions = [("work_anomalies", "Can close, replay and assign anomalies")]
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by="", closed_why="")
                | (Q(closed_at__isnull=False) & ~Q(closed_by="") & ~Q(closed_why="")),
                name="anomaly_closed_by_somebody_with_a_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["code", "id"], condition=Q(closed_at__isnull=True), name="anomaly_open"
            ),
            models.Index(fields=["courier", "number"], name="anomaly_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class CourierEntry(models.Model):
    """What was done to a partner, by whom and why: secrets, suspensions, imports, redeliveries."""

    courier = models.ForeignKey(Courier, models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    by = models.CharField(max_length=200, help_text="A person's name, or what acted by itself.")
    what = models.CharField(max_length=40, help_text="secret_rotated, endpoint_disabled, …")
    text = models.CharField(max_length=500, help_text="In a sentence; never a secret.")
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "courier entries"

    def __str__(self) -> str:
        return self.text

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("what was done to a partner is never deleted")
