"""Support's door to drop-off points."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from logistics.models import City, DropOffPoint
from returns import clock


@admin.register(DropOffPoint)
class DropOffPointAdmin(admin.ModelAdmin[DropOffPoint]):
    list_display = ("name", "courier", "code", "kind", "country", "city", "in_use", "open_now")
    list_filter = (
        "country",
        "kind",
        "active",
        "takes_parcels",
        ("closed_until", admin.EmptyFieldListFilter),
        ("missing_since", admin.EmptyFieldListFilter),
        "courier",
    )
    search_fields = ("code", "name", "city", "postal_code", "address")
    list_select_related = ("courier",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: parcels point at it. It is taken out of use instead."""
        return False

    @admin.display(description="In use", boolean=True)
    def in_use(self, point: DropOffPoint) -> bool:
        """Whether a buyer may be sent there at all."""
        return point.active and point.takes_parcels

    @admin.display(description="Now")
    def open_now(self, point: DropOffPoint) -> str:
        """Its opening hours, as a buyer reads them now."""
        at = clock.now()
        return point.closed_in_words(at) or point.hours.in_words(at)


@admin.register(City)
class CityAdmin(admin.ModelAdmin[City]):
    list_display = ("name", "country", "region", "time_zone", "lat", "lon")
    list_filter = ("country", "time_zone")
    search_fields = ("name", "names")
