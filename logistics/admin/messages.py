"""Support's door to the messages couriers sent us."""

from django.contrib import admin

from logistics.models import WebhookReceipt

from .reading import ReadOnly


@admin.register(WebhookReceipt)
class WebhookReceiptAdmin(ReadOnly):
    list_display = ("received_at", "courier", "mode", "webhook_id", "status", "key_index")
    list_filter = ("courier", "mode", "key_index")
    search_fields = ("webhook_id",)
