"""Support's door to the couriers: who they are, where they go, what they sign with."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from logistics import workflow
from logistics.models import Courier, CourierSecret, CourierService, NumberRange
from logistics.states import Direction
from returns import clock


class Services(admin.TabularInline[CourierService, Courier]):
    model = CourierService
    extra = 0


class Ranges(admin.TabularInline[NumberRange, Courier]):
    model = NumberRange
    extra = 0


@admin.register(Courier)
class CourierAdmin(admin.ModelAdmin[Courier]):
    list_display = ("name", "slug", "country", "contact", "active", "endpoint_url")
    list_filter = ("active", "country")
    search_fields = ("name", "slug")
    inlines = (Services, Ranges)
    actions = ("new_secrets",)

    @admin.action(description="Make new signing secrets (shown once)", permissions=["change"])
    def new_secrets(self, request: HttpRequest, queryset: models.QuerySet[Courier]) -> None:
        """One for each direction; those before stay in force until they are given an end."""
        for courier in queryset:
            for direction in Direction:
                secret = workflow.give_secret(courier, direction, at=clock.now())
                self.message_user(request, f"{courier}, {direction.label.lower()}: {secret}")


@admin.register(CourierService)
class CourierServiceAdmin(admin.ModelAdmin[CourierService]):
    list_display = ("courier", "country", "method", "priority", "time_zone", "active")
    list_filter = ("country", "method", "active")


@admin.register(CourierSecret)
class CourierSecretAdmin(admin.ModelAdmin[CourierSecret]):
    """Only its end can be set: the secret itself is never seen again."""

    list_display = ("courier", "direction", "fingerprint", "not_before", "expires_at")
    fields = ("courier", "direction", "fingerprint", "not_before", "expires_at")
    readonly_fields = ("courier", "direction", "fingerprint", "not_before")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
