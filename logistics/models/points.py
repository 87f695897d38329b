"""Where parcels are taken in, and the cities and time zones those places lie in."""

from typing import Self

from django.db import models
from django.db.models import Q

from logistics.cities import between_bars, plain
from logistics.models.partners import country, known_zone


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
