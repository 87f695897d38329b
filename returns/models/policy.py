"""The settings of the policy, as dated versions."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from returns import policy


class PolicyVersions(models.QuerySet["PolicyVersion"]):
    def in_force(self, at: datetime) -> "PolicyVersion":
        """The version in force at `at`. Raises DoesNotExist before the first."""
        return self.filter(valid_from__lte=at).latest("valid_from")


class PolicyVersion(models.Model):
    """The numbers marked † in POLICY.md. A case keeps the version it was opened under.

    Days are days of 24 hours. `exchange_rates` maps a currency to its units per one unit of
    `currency`, as decimal strings; a currency without a rate always needs a second person (R32).
    """

    name = models.CharField(max_length=80)
    valid_from = models.DateTimeField(unique=True)
    free_window_days = models.PositiveSmallIntegerField(default=15, help_text="R08")
    free_per_month = models.PositiveSmallIntegerField(default=3, help_text="R10")
    review_days = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1)], help_text="R16"
    )
    info_days = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1)], help_text="R16"
    )
    offer_days = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1)], help_text="R16"
    )
    handover_days = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1)], help_text="R24"
    )
    transit_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1)], help_text="R24"
    )
    inspection_days = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1)], help_text="R26"
    )
    investigation_days = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1)], help_text="R26"
    )
    escalation_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1)], help_text="R30"
    )
    support_days = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1)], help_text="R31"
    )
    refund_from_days = models.PositiveSmallIntegerField(default=3, help_text="R27")
    refund_to_days = models.PositiveSmallIntegerField(default=20, help_text="R27")
    refund_alarm_days = models.PositiveSmallIntegerField(default=15, help_text="R27")
    pickup_attempts = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(1)], help_text="R23"
    )
    postage_cap = models.DecimalField(
        max_digits=15,
        decimal_places=3,
        default=Decimal(30),
        validators=[MinValueValidator(0)],
        help_text="R21: up to this, in `currency`, proved postage is given back by itself.",
    )
    four_eyes_limit = models.DecimalField(
        max_digits=15, decimal_places=3, default=Decimal(500), help_text="R32"
    )
    currency = models.CharField(max_length=3, default="EUR")
    exchange_rates = models.JSONField(default=dict, blank=True)
    time_zone = models.CharField(
        max_length=64, default="Europe/Paris", help_text="R10: whose month it is."
    )

    objects = PolicyVersions.as_manager()

    class Meta:
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(refund_from_days__lt=F("refund_alarm_days"))
                & Q(refund_alarm_days__lt=F("refund_to_days")),
                name="policy_refund_window_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls, at: datetime) -> Self:
        """The version in force at `at`."""
        return cls.objects.in_force(at)  # type: ignore[return-value]

    @property
    def numbers(self) -> policy.Numbers:
        """These settings as the plain values the pure policy reads."""
        return policy.Numbers(
            free_window_days=self.free_window_days,
            free_per_month=self.free_per_month,
            review_days=self.review_days,
            info_days=self.info_days,
            offer_days=self.offer_days,
            handover_days=self.handover_days,
            transit_days=self.transit_days,
            inspection_days=self.inspection_days,
            investigation_days=self.investigation_days,
            escalation_days=self.escalation_days,
            support_days=self.support_days,
            refund_from_days=self.refund_from_days,
            refund_to_days=self.refund_to_days,
            refund_alarm_days=self.refund_alarm_days,
            pickup_attempts=self.pickup_attempts,
            postage_cap=self.postage_cap,
            four_eyes_limit=self.four_eyes_limit,
            currency=self.currency,
            exchange_rates={code: Decimal(rate) for code, rate in self.exchange_rates.items()},
            time_zone=self.time_zone,
        )
