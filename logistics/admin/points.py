"""Support's door to drop-off points."""

from django.contrib import admin

from logistics.models import City, DropOffPoint


@admin.register(DropOffPoint)
class DropOffPointAdmin(admin.ModelAdmin[DropOffPoint]):
    list_display = ("name", "courier", "code", "kind", "country", "city", "active", "takes_parcels")
    list_filter = ("country", "kind", "active", "courier")
    search_fields = ("code", "name", "city")


@admin.register(City)
class CityAdmin(admin.ModelAdmin[City]):
    list_display = ("name", "country", "region", "time_zone", "lat", "lon")
    list_filter = ("country", "time_zone")
    search_fields = ("name", "names")
