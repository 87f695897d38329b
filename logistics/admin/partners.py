"""Support's door to the couriers: who they are, where they go, what they sign with."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from logistics import workflow
from logistics.models import (
    Courier,
    CourierEntry,
    CourierHoliday,
    CourierService,
    NumberRange,
    PickupWindow,
)
from returns import clock
from returns.money import display

from .credentials import CredentialsPage
from .reading import ReadOnly


class Services(admin.TabularInline[CourierService, Courier]):
    model = CourierService
    extra = 0
    # A price is confirmed on the service's own page.
    readonly_fields = ("price", "currency", "price_confirmed_at")


class Ranges(admin.TabularInline[NumberRange, Courier]):
    """Looked at; a range is added and prolonged on a page of its own."""

    model = NumberRange
    extra = 0
    can_delete = False
    show_change_link = True
    readonly_fields = ("prefix", "next_serial", "last_serial", "alarm_left")

    def has_add_permission(self, request: HttpRequest, obj: Courier | None = None) -> bool:
        return False


class Holidays(admin.TabularInline[CourierHoliday, Courier]):
    model = CourierHoliday
    extra = 0


class Windows(admin.TabularInline[PickupWindow, CourierService]):
    """One that was booked before cannot be deleted: it is made inactive."""

    model = PickupWindow
    extra = 0


@admin.register(Courier)
class CourierAdmin(CredentialsPage):
    list_display = ("name", "slug", "country", "contact", "active", "endpoint_url")
    list_filter = ("active", "country")
    search_fields = ("name", "slug")
    readonly_fields = ("active",)
    inlines = (Services, Ranges, Holidays)


@admin.register(CourierService)
class CourierServiceAdmin(admin.ModelAdmin[CourierService]):
    """Saving the page of one confirms its price: the planted ones are made up (R29)."""

    list_display = ("courier", "country", "method", "cost", "confirmed", "priority", "active")
    list_filter = (
        ("price_confirmed_at", admin.EmptyFieldListFilter),
        "method",
        "active",
        "country",
    )
    list_select_related = ("courier",)
    readonly_fields = ("price_confirmed_at",)
    actions = ("confirm_prices",)
    inlines = (Windows,)

    @admin.display(description="Price by contract", ordering="price")
    def cost(self, service: CourierService) -> str:
        """In its currency."""
        return f"{display(service.price, service.currency)} {service.currency}"

    @admin.display(description="Confirmed", boolean=True)
    def confirmed(self, service: CourierService) -> bool:
        """Whether somebody said that it is the contract's."""
        return service.price_confirmed_at is not None

    @admin.action(description="These are the contract's prices", permissions=["change"])
    def confirm_prices(self, request: HttpRequest, queryset: QuerySet[CourierService]) -> None:
        """Without changing them."""
        for service in queryset:
            self._confirm(request, service)

    def save_model(
        self, request: HttpRequest, obj: CourierService, form: ModelForm[Any], change: bool
    ) -> None:
        """A price that somebody typed in is confirmed by it."""
        super().save_model(request, obj, form, change)
        if not change or {"price", "currency"} & set(form.changed_data):
            self._confirm(request, obj)

    def _confirm(self, request: HttpRequest, service: CourierService) -> None:
        workflow.confirm_price(
            service,
            price=service.price,
            currency=service.currency,
            by=request.user.get_username(),
            at=clock.now(),
        )


@admin.register(NumberRange)
class NumberRangeAdmin(admin.ModelAdmin[NumberRange]):
    """How many tracking numbers there are, and how long they last."""

    list_display = ("courier", "prefix", "left_now", "used_now", "alarm_left", "lasts")
    list_filter = ("courier",)
    list_select_related = ("courier",)
    list_per_page = 50

    def get_readonly_fields(
        self, request: HttpRequest, obj: NumberRange | None = None
    ) -> tuple[str, ...]:
        """Nobody sends a range back: what was given out would be given out twice."""
        return ("courier", "prefix", "next_serial") if obj else ()

    @admin.display(description="Left")
    def left_now(self, range_: NumberRange) -> str:
        """How many can still be given out."""
        low = "" if range_.left > range_.alarm_left else " (low)"
        return f"{range_.left:,}{low}"

    @admin.display(description="Last given out")
    def used_now(self, range_: NumberRange) -> str:
        """The serial that was taken last."""
        return f"{range_.next_serial - 1:08d}"

    @admin.display(description="Lasts")
    def lasts(self, range_: NumberRange) -> str:
        """At the pace of the last 30 days."""
        days = workflow.days_left(range_, at=clock.now())
        return "not in use" if days is None else f"{days:,} days"


@admin.register(CourierEntry)
class CourierEntryAdmin(ReadOnly):
    """The journal of the partners, the newest first."""

    list_display = ("at", "courier", "what", "text", "by")
    list_filter = ("what", "courier")
    list_select_related = ("courier",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("text", "by")
