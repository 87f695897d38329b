"""Support's door to parcels: what was booked and reported."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from logistics import workflow
from logistics.models import Parcel, PickupBooking, TrackingEvent
from returns import clock
from returns.machine import NotNow

from .reading import ReadOnly


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
