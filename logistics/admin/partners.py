"""Support's door to the couriers: who they are, where they go, what they sign with."""

from django.contrib import admin

from logistics.models import Courier, CourierService, NumberRange

from .credentials import CredentialsPage


class Services(admin.TabularInline[CourierService, Courier]):
    model = CourierService
    extra = 0


class Ranges(admin.TabularInline[NumberRange, Courier]):
    model = NumberRange
    extra = 0


@admin.register(Courier)
class CourierAdmin(CredentialsPage):
    list_display = ("name", "slug", "country", "contact", "active", "endpoint_url")
    list_filter = ("active", "country")
    search_fields = ("name", "slug")
    readonly_fields = ("active",)
    inlines = (Services, Ranges)


@admin.register(CourierService)
class CourierServiceAdmin(admin.ModelAdmin[CourierService]):
    list_display = ("courier", "country", "method", "priority", "time_zone", "active")
    list_filter = ("country", "method", "active")
