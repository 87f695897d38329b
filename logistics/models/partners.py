"""Who carries parcels where (R21): data that staff edit, never code."""

from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from logistics.states import Direction, Gateway, Mode
from returns.states import Handover

if TYPE_CHECKING:
    from logistics.models.credentials import CourierSecret

country = RegexValidator(r"^[A-Z]{2}\Z", "Two capital letters, ISO 3166.")


def known_zone(value: str) -> None:
    """Raise ValidationError unless it is an IANA time zone."""
    if value not in available_timezones():
        raise ValidationError("An IANA time zone, such as Europe/Prague.")


def known_networks(value: str) -> None:
    """Raise ValidationError unless it lists networks, between blanks or commas."""
    for told in value.replace(",", " ").split():
        try:
            ip_network(told)
        except ValueError as error:
            raise ValidationError(f"{told} is no network: {error}.") from error


class Courier(models.Model):
    """A partner that runs drop-off points or collects at the door, and reports by webhook."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    contact = models.CharField(max_length=120, blank=True, help_text="As the partner list has it.")
    country = models.CharField(
        max_length=2, validators=[country], help_text="Ends its tracking numbers."
    )
    active = models.BooleanField(default=True, help_text="A suspended one may not report (403).")
    allowed_networks = models.TextField(
        blank=True,
        validators=[known_networks],
        help_text="Where its messages may come from, such as 192.0.2.0/24; empty: from anywhere.",
    )
    gateway = models.CharField(max_length=12, choices=Gateway, default=Gateway.PARTNER)
    endpoint_url = models.URLField(
        blank=True, help_text="Where it is told of labels and pick-ups; empty: nobody to tell."
    )
    weight_limit_g = models.PositiveIntegerField(default=20_000)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_told(self) -> bool:
        """Whether there is anybody, or anything, to tell."""
        return bool(self.endpoint_url) or self.gateway in (Gateway.INTERNAL, Gateway.KARRIO)

    def lets_in(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether its messages may come from this address."""
        told = self.allowed_networks.replace(",", " ").split()
        return not told or any(address in ip_network(each) for each in told)

    def signing(
        self, direction: Direction, at: datetime, mode: Mode | None = None
    ) -> "list[CourierSecret]":
        """The secrets that sign or may have signed `at`, newest first; without a mode, of both."""
        return list(self.secrets.in_force(at).filter(direction=direction).of(mode))

    def keys(self, direction: Direction, at: datetime, mode: Mode = Mode.LIVE) -> list[bytes]:
        """What signs `at`, newest first. A secret that cannot be read is not among them."""
        return [secret.key for secret in self.signing(direction, at, mode) if secret.key]


class NumberRange(models.Model):
    """Tracking numbers a courier lets us give out. Several to a courier, so that nobody queues."""

    courier = models.ForeignKey(Courier, models.CASCADE, related_name="ranges")
    prefix = models.CharField(max_length=2, validators=[RegexValidator(r"^[A-Z]{2}\Z")])
    next_serial = models.PositiveIntegerField()
    last_serial = models.PositiveIntegerField(validators=[MaxValueValidator(99_999_999)])
    alarm_left = models.PositiveIntegerField(
        default=1_000, help_text="With so many left somebody is told to ask for more."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["courier", "prefix", "last_serial"], name="range_once_a_courier"
            ),
            models.CheckConstraint(
                condition=Q(next_serial__lte=F("last_serial") + 1, last_serial__lte=99_999_999),
                name="range_within_its_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} {self.next_serial}–{self.last_serial}"

    @property
    def left(self) -> int:
        """How many numbers can still be given out."""
        return self.last_serial + 1 - self.next_serial


class CourierService(models.Model):
    """What a courier offers in a country (R20, R21); with several, the lowest priority is first."""

    courier = models.ForeignKey(Courier, models.CASCADE, related_name="services")
    country = models.CharField(max_length=2, validators=[country])
    method = models.CharField(
        max_length=12,
        choices=[(way.value, way.label) for way in (Handover.DROP_OFF, Handover.PICKUP)],
    )
    priority = models.PositiveSmallIntegerField(default=10)
    time_zone = models.CharField(
        max_length=64, validators=[known_zone], help_text="IANA: of the windows of its pick-ups."
    )
    price = models.DecimalField(
        max_digits=9,
        decimal_places=3,
        default=Decimal(0),
        help_text="R29: what a return by it costs the marketplace by contract, in `currency`.",
    )
    currency = models.CharField(max_length=3, default="EUR")
    price_confirmed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When somebody said that this is the contract's price; empty: it is made up.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["country", "priority", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["courier", "country", "method"], name="service_once_a_country"
            ),
            models.CheckConstraint(
                condition=Q(method__in=[Handover.DROP_OFF, Handover.PICKUP]),
                name="service_method_known",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="service_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.courier}: {self.get_method_display()} in {self.country}"
