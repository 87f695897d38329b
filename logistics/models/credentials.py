"""What a courier proves with who it is: signing secrets each way, and keys to read with."""

import logging
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property

from logistics import vault
from logistics.models.partners import Courier
from logistics.signatures import MIN_SECRET
from logistics.states import Direction, Mode

log = logging.getLogger(__name__)

#: How exactly the last use is known: written no more often than this.
USE_EVERY = timedelta(minutes=1)


class CourierSecrets(models.QuerySet["CourierSecret"]):
    """Signing secrets, by what is asked of them."""

    def in_force(self, at: datetime) -> "CourierSecrets":
        """Those that sign then, newest first."""
        begun = self.filter(not_before__lte=at)
        lasting = begun.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
        return lasting.order_by("-not_before", "-id")

    def of(self, mode: Mode | None) -> "CourierSecrets":
        """Those of one mode; None: of both."""
        return self if mode is None else self.filter(mode=mode)


class CourierSecret(models.Model):
    """A signing secret, readable with the environment's key only; people see its fingerprint."""

    courier = models.ForeignKey(Courier, models.CASCADE, related_name="secrets")
    direction = models.CharField(max_length=3, choices=Direction)
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.LIVE)
    ciphertext = models.BinaryField()
    fingerprint = models.CharField(max_length=8, help_text="First 8 hex digits of SHA-256.")
    created_by = models.CharField(max_length=200, blank=True)
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    uses = models.PositiveIntegerField(default=0, help_text="In how many minutes it was used.")

    objects = CourierSecrets.as_manager()

    class Meta:
        ordering = ["-not_before", "-id"]
        permissions = [("manage_credentials", "Can make, change and end couriers' credentials")]
        constraints = [
            models.CheckConstraint(
                condition=Q(direction__in=Direction.values), name="secret_direction_known"
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="secret_mode_known"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("not_before")),
                name="secret_expires_after_it_begins",
            ),
            models.UniqueConstraint(
                fields=["courier", "direction", "mode"],
                condition=Q(expires_at__isnull=True),
                name="one_secret_without_an_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(expires_at__isnull=False),
                name="secret_ending",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier} {self.direction} {self.mode} {self.fingerprint}"

    @cached_property
    def key(self) -> bytes:
        """The bytes that sign; empty when they cannot be read or are too few to be believed."""
        try:
            key = vault.unseal(self.ciphertext)
        except InvalidToken:
            log.exception("secret %s cannot be read: no key of ours fits it", self.fingerprint)
            return b""
        return key if len(key) >= MIN_SECRET else b""

    def used(self, at: datetime) -> None:
        """Write down the use, at most once a minute; outside of any transaction."""
        if self.last_used_at is None or self.last_used_at <= at - USE_EVERY:
            earlier = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - USE_EVERY)
            fresh = CourierSecret.objects.filter(earlier, pk=self.pk)
            fresh.update(last_used_at=at, uses=F("uses") + 1)


class CourierReadKeys(models.QuerySet["CourierReadKey"]):
    """Read keys, by what is asked of them."""

    def in_force(self, at: datetime) -> "CourierReadKeys":
        """Those that open something then."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))


class CourierReadKey(models.Model):
    """A bearer key with which a courier looks at its own parcels and pick-ups: kept as SHA-256."""

    courier = models.ForeignKey(Courier, models.CASCADE, related_name="read_keys")
    sha256 = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=8, help_text="First 8 hex digits of SHA-256.")
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Revoked: its moment.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")

    objects = CourierReadKeys.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("created_at")),
                name="read_key_expires_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier} read key {self.fingerprint}"

    def used(self, at: datetime) -> None:
        """Write down the use, at most once a minute."""
        if self.last_used_at is None or self.last_used_at <= at - USE_EVERY:
            CourierReadKey.objects.filter(pk=self.pk).update(last_used_at=at)
