"""Support's door to what the warehouse found in parcels."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from logistics.models import InspectedItem, Inspection, UnexpectedItem

from .reading import ReadOnly


class Items(admin.TabularInline[InspectedItem, Inspection]):
    model = InspectedItem
    fields = ("n", "outcome", "grade", "disposition", "note")


@admin.register(Inspection)
class InspectionAdmin(ReadOnly):
    list_display = ("case", "parcel", "found", "by", "at")
    list_filter = ("items__outcome", "items__grade", "items__disposition")
    search_fields = ("case__number", "parcel__tracking_number")
    inlines = (Items,)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Inspection]:
        """With its pieces."""
        return super().get_queryset(request).prefetch_related("items")

    @admin.display(description="Found")
    def found(self, inspection: Inspection) -> str:
        """Piece by piece."""
        return str(inspection)


@admin.register(UnexpectedItem)
class UnexpectedItemAdmin(ReadOnly):
    list_display = ("description", "parcel", "by", "at")
    search_fields = ("description", "parcel__tracking_number", "parcel__case__number")
