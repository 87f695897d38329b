"""Support's door to vans: what was booked, for whom staff may act, and the plan of the day."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from logistics import workflow
from logistics.models import (
    CourierService,
    Delivery,
    PickupAttempt,
    PickupBooking,
    PickupSlot,
)
from logistics.policy import Window
from returns import clock
from returns.machine import NotNow
from returns.states import Handover

from .asking import ask
from .reading import ReadOnly


class Sure(forms.Form):
    """Nothing to fill in."""


class AnotherWindow(forms.Form):
    """One of the windows that are free."""

    window = forms.ChoiceField(label="Window, local time of the address", widget=forms.RadioSelect)

    def __init__(self, *args: Any, free: list[Window]) -> None:
        super().__init__(*args)
        self.free = {str(window): window for window in free}
        field = self.fields["window"]
        field.choices = [(name, name) for name in self.free]  # type: ignore[attr-defined]


class Tries(admin.TabularInline[PickupAttempt, PickupBooking]):
    model = PickupAttempt
    fields = readonly_fields = ("n", "at", "reason")
    extra = 0
    can_delete = False
    verbose_name_plural = "Attempts that failed"


class Told(admin.TabularInline[Delivery, PickupBooking]):
    model = Delivery
    fields = readonly_fields = (
        "type",
        "created_at",
        "deliver_before",
        "delivered_at",
        "last_error",
    )
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "What its courier was told"


@admin.register(PickupBooking)
class PickupBookingAdmin(ReadOnly):
    """A van: the window that was asked for and the one confirmed, attempts, messages."""

    list_display = (
        *("reference", "courier", "window_date", "window_start", "state", "attempts", "due_at"),
    )
    list_filter = ("state", "courier")
    list_select_related = ("courier",)
    list_per_page = 50
    search_fields = ("reference", "case__number", "parcel__tracking_number")
    inlines = (Tries, Told)
    change_form_template = "admin/logistics/pickupbooking/change_form.html"
    fieldsets = (
        (None, {"fields": ("reference", "case", "parcel", "courier", "state", "reason")}),
        (
            "Asked for",
            {
                "fields": (
                    *("window_date", "window_start", "window_end", "time_zone"),
                    *("starts_at", "ends_at", "cut_off_at", "asked_at", "slot"),
                )
            },
        ),
        (
            "Confirmed",
            {
                "fields": (
                    *("confirmed_start_at", "confirmed_end_at", "confirmed_told_at"),
                    *("confirmation_number", "kept_slot"),
                )
            },
        ),
        (
            "Its life",
            {
                "fields": (
                    *("requested_at", "attempts", "cancel_asked_at", "completed_at"),
                    *("changed_at", "due_at"),
                )
            },
        ),
    )

    class Media:
        css = {"all": ["returns/case.css", "logistics/desk.css"]}

    def get_urls(self) -> list[URLPattern]:
        """What staff may do for the buyer."""
        guard = self.admin_site.admin_view
        return [
            path("<int:pk>/cancel/", guard(self.cancel), name="logistics_pickupbooking_cancel"),
            path("<int:pk>/rebook/", guard(self.rebook), name="logistics_pickupbooking_rebook"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one van, with buttons for who may press them."""
        extra = {**(extra_context or {}), "may_act": self._may_act(request)}
        return super().change_view(request, object_id, form_url, extra)

    def cancel(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Call the van off for the buyer (R23)."""
        booking = self._acted_on(request, pk)
        says = f"The van of {booking.words()} is not to come; a courier that knows may refuse."

        def call(said: dict[str, Any]) -> None:
            by = request.user.get_username()
            workflow.cancel_pickup(booking.case, at=clock.now(), by=by)

        form = Sure(request.POST)  # told by the button alone
        return ask(self, request, booking, form, call, label="Cancel the pick-up", says=says)

    def rebook(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Book a van for the buyer, or move the one that is booked (R23)."""
        booking = self._acted_on(request, pk)
        try:
            slots = workflow.pickup_slots(booking.case, at=clock.now())
        except (NotNow, ValueError) as refused:
            says = f"Not now: {refused}."
            slots = []
        else:
            says = "The van comes in this window instead, once its courier confirms it."
        free = [slot.window for slot in slots if slot.left]

        def call(said: dict[str, Any]) -> None:
            by, window = request.user.get_username(), form.free[said["window"]]
            workflow.book_pickup(booking.case, window=window, at=clock.now(), by=by)

        form = AnotherWindow(request.POST or None, free=free)
        return ask(self, request, booking, form, call, label="Book this window", says=says)

    def _may_act(self, request: HttpRequest) -> bool:
        return request.user.has_perm("logistics.act_for_buyer")

    def _acted_on(self, request: HttpRequest, pk: int) -> PickupBooking:
        """The booking, for whoever may act for buyers."""
        if not (self.has_view_permission(request) and self._may_act(request)):
            raise PermissionDenied
        bookings = PickupBooking.objects.select_related("case__buyer", "case__policy", "courier")
        return get_object_or_404(bookings, pk=pk)


class Day(admin.SimpleListFilter):
    """Today and tomorrow, as the clocks of each service show them."""

    title = "day"
    parameter_name = "day"
    DAYS = {"today": 0, "tomorrow": 1}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("today", "Today"), ("tomorrow", "Tomorrow")]

    def queryset(
        self, request: HttpRequest, queryset: models.QuerySet[PickupSlot]
    ) -> models.QuerySet[PickupSlot]:
        ahead = self.DAYS.get(self.value() or "")
        if ahead is None:
            return queryset
        services = CourierService.objects.filter(method=Handover.PICKUP)
        wanted = Q(pk__in=[])
        for zone in services.values_list("time_zone", flat=True).distinct().order_by("time_zone"):
            day = clock.now().astimezone(ZoneInfo(zone)).date() + timedelta(days=ahead)
            wanted |= Q(window__service__time_zone=zone, date=day)
        return queryset.filter(wanted)


@admin.register(PickupSlot)
class PickupSlotAdmin(ReadOnly):
    """The plan of a day: how many vans are expected in each window, of how many there can be."""

    list_display = ("date", "hours", "courier", "places")
    list_filter = (Day, "window__service__courier")
    date_hierarchy = "date"
    list_select_related = ("window__service__courier",)
    list_per_page = 100
    ordering = ("date", "window__start", "id")

    @admin.display(description="Window", ordering="window__start")
    def hours(self, slot: PickupSlot) -> str:
        """Local time."""
        return f"{slot.window.start:%H:%M}–{slot.window.end:%H:%M}"

    @admin.display(description="Courier", ordering="window__service__courier__name")
    def courier(self, slot: PickupSlot) -> str:
        """Whose van."""
        return slot.window.service.courier.name

    @admin.display(description="Taken", ordering="taken")
    def places(self, slot: PickupSlot) -> str:
        """Of its capacity."""
        return f"{slot.taken} of {slot.capacity}"
