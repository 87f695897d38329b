"""Support's door to parcels: what was booked and reported."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from logistics import workflow
from logistics.models import Parcel, TrackingEvent
from logistics.tracking import TrackingCode
from logistics.workflow.typing_in import NEWS
from returns import clock
from returns.admin.case import WIDE
from returns.machine import NotNow

from .asking import Why, ask
from .labels import LabelDoors
from .parcel_page import page
from .reading import ReadOnly


class News(forms.Form):
    """What a carrier's page says, typed in (R22)."""

    code = forms.ChoiceField(
        label="What happened", choices=[(code.value, code.label) for code in NEWS]
    )
    occurred_at = forms.DateTimeField(
        label="When",
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        help_text="In UTC, as year-month-day and hour:minute.",
    )
    place = forms.CharField(label="Where", max_length=80, required=False)
    source = forms.CharField(
        label="Read where", max_length=300, help_text="The carrier's page, or whom you spoke to."
    )
    why = forms.CharField(label="Why you type it in", max_length=300)


@admin.register(Parcel)
class ParcelAdmin(LabelDoors):
    """Parcels, and on the page of one: why it is stuck, and what may be done about it."""

    list_display = ("tracking_number", "case", "courier_name", "carried", "label", "state")
    list_filter = ("state", "label", "carried", "courier")
    search_fields = ("tracking_number", "case__number", "order__number")
    list_select_related = ("case",)
    list_per_page = 50
    show_full_result_count = False
    actions = ("record_receipt", "work_out_again")
    change_form_template = "admin/logistics/parcel/change_form.html"
    fields = ("tracking_number",)

    class Media:
        css = {"all": ["returns/case.css", "logistics/desk.css"]}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Parcel]:
        """With all that its page shows of its case."""
        parcels = super().get_queryset(request)
        return parcels.select_related(
            *("courier__health", "inspection", "drop_off_point"),
            *("case__policy", "case__buyer", "case__seller"),
        )

    @admin.action(description="Record receipt", permissions=["receive"])
    def record_receipt(self, request: HttpRequest, queryset: models.QuerySet[Parcel]) -> None:
        """The parcel lies in the warehouse (R25)."""
        for parcel in queryset.select_related("case"):
            self._receive(request, parcel)

    @admin.action(description="Work out its reports again", permissions=["work"])
    def work_out_again(self, request: HttpRequest, queryset: models.QuerySet[Parcel]) -> None:
        """After an anomaly was looked at."""
        for parcel in queryset:
            workflow.project_again(parcel)

    def has_work_permission(self, request: HttpRequest) -> bool:
        """Who works at the desk."""
        return request.user.has_perm("logistics.work_anomalies")

    def has_receive_permission(self, request: HttpRequest) -> bool:
        """Who may say that a parcel lies in the warehouse."""
        return request.user.has_perm("logistics.receive_parcel")

    def get_urls(self) -> list[URLPattern]:
        """The doors of one parcel."""
        guard = self.admin_site.admin_view
        return [
            path("<int:pk>/again/", guard(require_POST(self.again)), name="logistics_parcel_again"),
            path(
                "<int:pk>/receive/",
                guard(require_POST(self.receive)),
                name="logistics_parcel_receive",
            ),
            path("<int:pk>/report/", guard(self.report), name="logistics_parcel_report"),
            path(
                "<int:pk>/take-back/<int:of>/",
                guard(self.take_back),
                name="logistics_parcel_take_back",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one parcel."""
        parcel = self.get_object(request, object_id)
        if parcel is not None and self.has_view_permission(request, parcel):
            shown = page(parcel, request.user, at=clock.now())
            extra_context = {**(extra_context or {}), **WIDE, **shown, "subtitle": None}
        return super().change_view(request, object_id, form_url, extra_context)

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Work its reports out once more (POST only)."""
        parcel = self._worked(request, pk)
        workflow.project_again(parcel)
        workflow.project_parcel(parcel.pk, at=clock.now())
        self.message_user(request, "Worked out again.", messages.SUCCESS)
        return redirect("admin:logistics_parcel_change", pk)

    def receive(self, request: HttpRequest, pk: int) -> HttpResponse:
        """It lies in the warehouse (POST only)."""
        if not self.has_receive_permission(request):
            raise PermissionDenied
        self._receive(request, get_object_or_404(self.get_queryset(request), pk=pk))
        return redirect("admin:logistics_parcel_change", pk)

    def report(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Type in what a carrier says."""
        parcel = self._worked(request, pk)
        form = News(request.POST or None, initial={"occurred_at": clock.now()})
        says = "It is kept for good, with your name, and the return follows it at once."

        def call(said: dict[str, Any]) -> None:
            workflow.report_by_hand(
                parcel,
                **{**said, "code": TrackingCode(said["code"])},
                by=request.user.get_username(),
                at=clock.now(),
            )

        return ask(self, request, parcel, form, call, label="Report by hand", says=says)

    def take_back(self, request: HttpRequest, pk: int, of: int) -> HttpResponse:
        """Take back what was typed in."""
        parcel = self._worked(request, pk)
        event = get_object_or_404(parcel.events, pk=of)
        says = f"“{event.get_code_display()}”, typed in by {event.told_by}, never happened."

        def call(said: dict[str, Any]) -> None:
            by = request.user.get_username()
            workflow.void_by_hand(event, why=said["why"], by=by, at=clock.now())

        return ask(
            self, request, parcel, Why(request.POST or None), call, label="Take back", says=says
        )

    def _worked(self, request: HttpRequest, pk: int) -> Parcel:
        """The parcel, for whoever may work at the desk."""
        if not (self.has_view_permission(request) and self.has_work_permission(request)):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=pk)

    def _receive(self, request: HttpRequest, parcel: Parcel) -> None:
        try:
            workflow.receive_parcel(parcel.case, at=clock.now(), by=request.user.get_username())
        except (NotNow, ValueError) as refused:
            self.message_user(request, f"{parcel}: {refused}", messages.ERROR)
        else:
            self.message_user(request, f"{parcel} is received.", messages.SUCCESS)


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
    list_display = (
        *("occurred_at", "courier", "type", "code"),
        *("tracking_number", "pickup_id", "told_by"),
    )
    list_select_related = ("courier",)
    list_per_page = 50
    show_full_result_count = False
    list_filter = (Unmatched, "type", "code", "courier")
    search_fields = ("tracking_number", "event_id", "pickup_id")
