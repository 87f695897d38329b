"""What we tell couriers, kept until it is told; every try; and how each endpoint fares."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from logistics.models.messages import new_message_id
from logistics.models.parcels import Parcel, PickupBooking
from logistics.models.partners import Courier
from logistics.states import DEAD_LETTERS, Ending, Fate, MessageType
from returns.models.journal import AppendOnly


class Deliveries(models.QuerySet["Delivery"]):
    """Messages to couriers, by what is asked of them."""

    def due(self, at: datetime, real: datetime) -> "Deliveries":
        """What may be said now, longest waiting first.

        `at` is the marketplace's time, `real` the machine's: a lease that ran out is due again.
        What is behind another message, or waits for an endpoint to be well, is not due.
        """
        return self.filter(_due(at, real)).order_by("next_try_at", "id")

    def in_hand(self, at: datetime, real: datetime) -> "Deliveries":
        """What workers have to do, or are doing."""
        return self.filter(_due(at, real) | Q(leased_until__gt=real))

    def late(self, at: datetime, real: datetime) -> "Deliveries":
        """What cannot be told in time any more, and is not being told at this moment."""
        waiting = self.filter(next_try_at__isnull=False, deliver_before__lte=at)
        return waiting.exclude(leased_until__gt=real).order_by("deliver_before", "id")

    def untold(self) -> "Deliveries":
        """Neither told nor given up."""
        return self.filter(delivered_at__isnull=True, dead_at__isnull=True)

    def dead_letters(self) -> "Deliveries":
        """What a person must look at: given up, and neither taken back nor discarded."""
        return self.filter(dead_at__isnull=False, ending__in=DEAD_LETTERS)

    def on_the_wire(self, real: datetime) -> "Deliveries":
        """What is being told now."""
        return self.filter(leased_until__gt=real)


class Delivery(models.Model):
    """A message to a courier, written with the change it tells of and tried until told or dead."""

    courier = models.ForeignKey(Courier, models.PROTECT, related_name="deliveries")
    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="deliveries")
    pickup = models.ForeignKey(
        PickupBooking, models.PROTECT, null=True, blank=True, related_name="deliveries"
    )
    type = models.CharField(max_length=32, choices=MessageType)
    payload = models.JSONField()
    message_id = models.CharField(max_length=64, unique=True, default=new_message_id)
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField(
        null=True, blank=True, help_text="Null: told, dead, or nobody to tell."
    )
    deliver_before = models.DateTimeField(
        null=True, blank=True, help_text="A van cannot be asked to come later than this."
    )
    leased_until = models.DateTimeField(
        null=True, blank=True, help_text="In the machine's time: somebody is telling it."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    forgiven = models.PositiveSmallIntegerField(
        default=0, help_text="Tries before the last Redeliver: the schedule does not count them."
    )
    delivered_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=12, choices=Ending, blank=True)
    ended_by = models.CharField(max_length=200, blank=True, help_text="Who discarded it.")
    ended_why = models.CharField(max_length=300, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)

    objects = Deliveries.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        permissions = [("redeliver", "Can send messages to couriers again, or discard them")]
        constraints = [
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(dead_at__isnull=True),
                name="delivery_told_or_dead",
            ),
            models.CheckConstraint(
                condition=Q(next_try_at__isnull=True)
                | Q(delivered_at__isnull=True, dead_at__isnull=True),
                name="delivery_over_is_not_due",
            ),
            models.CheckConstraint(
                condition=Q(ending="") | Q(dead_at__isnull=False), name="delivery_ended_is_dead"
            ),
            models.CheckConstraint(
                condition=~Q(ending=Ending.DISCARDED) | (~Q(ended_by="") & ~Q(ended_why="")),
                name="delivery_discarded_by_somebody_with_a_reason",
            ),
            models.UniqueConstraint(
                fields=["parcel", "type"],
                condition=Q(
                    type__in=[
                        *(MessageType.LABEL_ORDERED, MessageType.LABEL_CREATED),
                        MessageType.LABEL_VOIDED,
                    ],
                    replaces__isnull=True,
                ),
                name="delivery_of_a_label_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["courier", "next_try_at", "id"],
                condition=Q(next_try_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(
                fields=["deliver_before", "id"],
                condition=Q(next_try_at__isnull=False, deliver_before__isnull=False),
                name="delivery_late",
            ),
            models.Index(
                fields=["courier", "leased_until"],
                condition=Q(leased_until__isnull=False),
                name="delivery_on_the_wire",
            ),
            models.Index(
                fields=["dead_at", "id"],
                condition=Q(ending__in=DEAD_LETTERS),
                name="delivery_dead_letter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} → {self.courier}"

    @property
    def tries(self) -> int:
        """How often it was tried since it was written or sent again."""
        return self.attempts - self.forgiven


def _due(at: datetime, real: datetime) -> Q:
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=real)
    health = EndpointHealth.objects.filter(courier=OuterRef("courier"))
    held = health.filter(Q(disabled_at__isnull=False) | Q(probe_at__gt=at))
    return Q(free & ~_behind(real), ~Q(Exists(held)), next_try_at__lte=at)


def _behind(real: datetime) -> Q:
    """Whether something must be said, or come back, before: of a pick-up, of a label, in order.

    What was taken back while it was on the wire still goes first: it may arrive.
    """
    ahead = Delivery.objects.filter(
        Q(next_try_at__isnull=False) | Q(leased_until__gt=real), pk__lt=OuterRef("pk")
    )
    labels = ahead.filter(parcel=OuterRef("parcel"), pickup__isnull=True)
    return (
        Q(Exists(ahead.filter(pickup=OuterRef("pickup"))))
        | Q(Exists(labels), pickup__isnull=True)
        | Q(Exists(labels.filter(type=MessageType.LABEL_ORDERED)))
    )


class DeliveryAttempt(models.Model):
    """One try of a message, kept as it went: also one whose worker had lost the message."""

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="tried")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    fate = models.CharField(max_length=12, choices=Fate)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP.")
    error = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField()
    answer = models.TextField(blank=True, help_text="What was answered, 4 kB at most.")

    class Meta:
        ordering = ["delivery", "number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.delivery.message_id}, try {self.number}"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("what was tried is never deleted")


class EndpointHealth(models.Model):
    """How a courier's endpoint fares; its row is also the turnstile of those who tell it something.

    All moments are the marketplace's time, as the messages' are. A clock that is moved adds no
    failure: nothing is concluded from time alone (`DISABLED_FAILURES`).
    """

    #: In a row, or for so long: then it is tried with one message at a time, every so often.
    DEGRADED_FAILURES, DEGRADED_AFTER = 20, timedelta(hours=1)
    PROBE_EVERY = timedelta(minutes=10)
    #: For so long, and not just twice with a jump of the clock between: then not at all.
    DISABLED_FAILURES, DISABLED_AFTER = 20, timedelta(days=5)

    courier = models.OneToOneField(Courier, models.CASCADE, related_name="health")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True, blank=True)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    degraded_at = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True, help_text="When the next may go.")
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_by = models.CharField(max_length=200, blank=True)
    disabled_why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["courier__name"]
        verbose_name_plural = "endpoint health"
        constraints = [
            models.CheckConstraint(
                condition=Q(failures=0, failing_since__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False),
                name="endpoint_fails_since_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(degraded_at__isnull=True, probe_at__isnull=True)
                | Q(degraded_at__isnull=False, probe_at__isnull=False),
                name="endpoint_degraded_is_probed",
            ),
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True, disabled_by="", disabled_why="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_by="") & ~Q(disabled_why="")),
                name="endpoint_disabled_by_somebody_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier}: {self.state}"

    @property
    def state(self) -> str:
        """In a word."""
        if self.disabled_at:
            return "disabled"
        return "degraded" if self.degraded_at else "failing" if self.failures else "well"
