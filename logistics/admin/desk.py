"""Support's desk: what does not fit and waits for a person, and what was done to a partner."""

from django.contrib import admin

from logistics.models import Anomaly, CourierEntry

from .reading import ReadOnly


@admin.register(Anomaly)
class AnomalyAdmin(ReadOnly):
    list_display = ("found_at", "code", "text", "courier", "parcel", "closed_by")
    list_filter = ("code", ("closed_at", admin.EmptyFieldListFilter), "courier")
    search_fields = ("text", "parcel__tracking_number")


@admin.register(CourierEntry)
class CourierEntryAdmin(ReadOnly):
    list_display = ("at", "courier", "what", "text", "by")
    list_filter = ("what", "courier")
    search_fields = ("text",)
