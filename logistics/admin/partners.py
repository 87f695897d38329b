"""Support's door to the couriers: who they are, where they go, what they sign with."""

from django.contrib import admin

from logistics.models import Courier, CourierEntry, CourierService, NumberRange

from .credentials import CredentialsPage
from .reading import ReadOnly


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


@admin.register(CourierEntry)
class CourierEntryAdmin(ReadOnly):
    """The journal of the partners, the newest first."""

    list_display = ("at", "courier", "what", "text", "by")
    list_filter = ("what", "courier")
    list_select_related = ("courier",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("text", "by")
