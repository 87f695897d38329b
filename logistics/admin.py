"""Support's door to logistics: partners are edited, what was reported and told is only read."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from logistics import outbox, workflow
from logistics.models import (
    Courier,
    CourierSecret,
    CourierService,
    Delivery,
    DropOffPoint,
    Inspection,
    NumberRange,
    Parcel,
    PickupBooking,
    TrackingEvent,
    WebhookReceipt,
)
from logistics.states import Direction
from returns import clock
from returns.machine import NotNow


class ReadOnly(admin.ModelAdmin[Any]):
    """Looked at and searched, never written here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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


@admin.register(DropOffPoint)
class DropOffPointAdmin(admin.ModelAdmin[DropOffPoint]):
    list_display = ("name", "courier", "code", "kind", "country", "city", "active", "takes_parcels")
    list_filter = ("country", "kind", "active", "courier")
    search_fields = ("code", "name", "city")


@admin.register(Parcel)
class ParcelAdmin(ReadOnly):
    list_display = ("tracking_number", "case", "courier_name", "carried", "label", "state")
    list_filter = ("state", "label", "carried", "courier")
    search_fields = ("tracking_number", "case__number", "order__number")
    actions = ("record_receipt", "work_out_again")

    @admin.action(description="Record receipt", permissions=["view"])
    def record_receipt(self, request: HttpRequest, queryset: models.QuerySet[Parcel]) -> None:
        """The parcel lies in the warehouse (R25)."""
        for parcel in queryset.select_related("case"):
            try:
                workflow.receive_parcel(parcel.case, at=clock.now(), by=request.user.get_username())
            except (NotNow, ValueError) as refused:
                self.message_user(request, f"{parcel}: {refused}", messages.ERROR)

    @admin.action(description="Work out its reports again", permissions=["view"])
    def work_out_again(self, request: HttpRequest, queryset: models.QuerySet[Parcel]) -> None:
        """After an anomaly was looked at."""
        for parcel in queryset:
            workflow.project_again(parcel)


@admin.register(PickupBooking)
class PickupBookingAdmin(ReadOnly):
    list_display = ("reference", "courier", "window_date", "window_start", "state", "attempts")
    list_filter = ("state", "courier")
    search_fields = ("reference", "case__number", "parcel__tracking_number")


class Unmatched(admin.SimpleListFilter):
    title = "parcel"
    parameter_name = "parcel_known"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Unmatched")]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[TrackingEvent]
    ) -> models.QuerySet[TrackingEvent]:
        return queryset.filter(parcel__isnull=True) if self.value() == "no" else queryset


@admin.register(TrackingEvent)
class TrackingEventAdmin(ReadOnly):
    list_display = ("occurred_at", "courier", "type", "code", "tracking_number", "pickup_id")
    list_filter = (Unmatched, "type", "code", "courier")
    search_fields = ("tracking_number", "event_id", "pickup_id")


@admin.register(WebhookReceipt)
class WebhookReceiptAdmin(ReadOnly):
    list_display = ("received_at", "courier", "webhook_id", "status", "key_index")
    list_filter = ("courier", "key_index")
    search_fields = ("webhook_id",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("created_at", "courier", "type", "parcel", "attempts", "told", "last_error")
    list_filter = (
        ("dead_at", admin.EmptyFieldListFilter),
        ("delivered_at", admin.EmptyFieldListFilter),
        "type",
        "courier",
    )
    search_fields = ("message_id", "parcel__tracking_number")
    actions = ("redeliver",)

    @admin.display(description="Delivered or dead")
    def told(self, delivery: Delivery) -> str:
        """Where it stands."""
        if delivery.delivered_at:
            return f"delivered {delivery.delivered_at:%Y-%m-%d %H:%M}"
        return f"dead {delivery.dead_at:%Y-%m-%d %H:%M}" if delivery.dead_at else "waiting"

    @admin.action(description="Redeliver", permissions=["view"])
    def redeliver(self, request: HttpRequest, queryset: models.QuerySet[Delivery]) -> None:
        """The same message under the same id, at once."""
        sent = sum(outbox.redeliver(delivery, at=clock.now()) for delivery in queryset)
        self.message_user(request, f"{sent} to be delivered again.")


@admin.register(Inspection)
class InspectionAdmin(ReadOnly):
    list_display = ("case", "parcel", "grade", "disposition", "by", "at")
    list_filter = ("grade", "disposition")
    search_fields = ("case__number", "parcel__tracking_number")
