"""Where parcels are taken in, and the cities and time zones those places lie in."""

from datetime import UTC, datetime
from typing import Self

from django.db import models
from django.db.models import Q

from logistics.cities import between_bars, plain
from logistics.hours import LONGEST, Hours, opening_hours
from logistics.models.partners import Courier, country, known_zone


class Cities(models.QuerySet["City"]):
    """Cities, by what people call them."""

    def called(self, country: str, name: str) -> Self:
        """Those of a country known by this name: in its language or another, marks left out."""
        return self.filter(country=country, names__contains=f"|{plain(name[:80])}|")


class City(models.Model):
    """A city: where it lies and which time zone it keeps. About ten a country of R21, and more."""

    country = models.CharField(max_length=2, validators=[country])
    name = models.CharField(max_length=80, help_text="As the country writes it, in Latin letters.")
    names = models.CharField(
        max_length=200, blank=True, help_text="All it is called, between bars: |warszawa|warsaw|"
    )
    region = models.CharField(
        max_length=4,
        blank=True,
        help_text="ISO 3166-2 of the region whose time it keeps, where a country has several.",
    )
    lat = models.FloatField(help_text="Degrees, WGS 84.")
    lon = models.FloatField(help_text="Degrees, WGS 84.")
    time_zone = models.CharField(max_length=64, validators=[known_zone], help_text="IANA.")

    objects = Cities.as_manager()

    class Meta:
        ordering = ["country", "name"]
        verbose_name_plural = "cities"
        constraints = [
            models.UniqueConstraint(fields=["country", "name"], name="city_once_a_country"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lon__gte=-180, lon__lte=180),
                name="city_is_on_earth",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.country}"

    def clean(self) -> None:
        """Writes `names` as they are looked for, its own name first."""
        self.names = between_bars(self.name, *self.names.split("|"))


#: When a closure ends of which nobody said when it ends.
UNTIL_IT_SAYS = datetime(2100, 1, 1, tzinfo=UTC)


class Points(models.QuerySet["DropOffPoint"]):
    """Drop-off points, by what a buyer can do there."""

    def usable(self, at: datetime) -> Self:
        """Parcels are taken in there: it is in use, and not closed for a time."""
        open_again = Q(closed_until__isnull=True) | Q(closed_until__lte=at)
        return self.filter(open_again, active=True, takes_parcels=True)


class DropOffPoint(models.Model):
    """A counter or locker that takes parcels in. Never deleted: parcels point at it."""

    class Kind(models.TextChoices):
        POST_OFFICE = "post_office", "Post office"
        SHOP = "shop", "Shop"
        LOCKER = "locker", "Locker"
        DEPOT = "depot", "Courier's depot"

    courier = models.ForeignKey(Courier, models.PROTECT, related_name="points")
    code = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=Kind)
    country = models.CharField(max_length=2, validators=[country])
    city = models.CharField(max_length=80)
    address = models.CharField(max_length=200)
    postal_code = models.CharField(max_length=16, blank=True)
    lat = models.FloatField(help_text="Degrees, WGS 84.")
    lon = models.FloatField(help_text="Degrees, WGS 84.")
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[known_zone], help_text="IANA: of its hours."
    )
    opening_hours = models.CharField(
        max_length=LONGEST,
        blank=True,
        validators=[opening_hours],
        help_text="OpenStreetMap syntax, such as Mo-Fr 09:00-18:00; empty where nobody knows.",
    )
    active = models.BooleanField(default=True)
    takes_parcels = models.BooleanField(default=True, help_text="Some lockers only hand out.")
    closed_until = models.DateTimeField(
        null=True, blank=True, help_text="Closed for a time, by its courier or by staff."
    )
    said_at = models.DateTimeField(
        null=True, blank=True, help_text="Of when its courier's latest word on it is."
    )
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when its courier's full list is without it."
    )

    objects = Points.as_manager()

    class Meta:
        ordering = ["country", "city", "code"]
        constraints = [
            models.UniqueConstraint(fields=["courier", "code"], name="point_once_a_courier"),
            models.CheckConstraint(
                condition=Q(lat__gte=-90, lat__lte=90, lon__gte=-180, lon__lte=180),
                name="point_is_on_earth",
            ),
            models.CheckConstraint(
                condition=Q(missing_since__isnull=True) | Q(active=False),
                name="point_missing_is_not_in_use",
                violation_error_message="A point its courier does not list is not in use.",
            ),
        ]
        indexes = [
            models.Index(fields=["country", "active", "lat", "lon"], name="point_nearby"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.city}"

    @property
    def hours(self) -> Hours:
        """When it is open, a closure for a time aside."""
        return Hours(self.opening_hours, self.time_zone, self.country)

    def open_at(self, at: datetime) -> bool | None:
        """Whether somebody or a machine takes a parcel in at that moment; None: nobody knows."""
        if not self.active or (self.closed_until and at < self.closed_until):
            return False
        return self.hours.open_at(at)

    def closed_in_words(self, at: datetime) -> str:
        """Until when it is closed for a time; empty where it is not."""
        if self.closed_until is None or self.closed_until <= at:
            return ""
        if self.closed_until >= UNTIL_IT_SAYS:
            return "closed until further notice"
        return f"closed until {self.closed_until:%Y-%m-%d %H:%M} UTC"
