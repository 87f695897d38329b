"""Support's door to labels: print them, take them back, and confirm what postage is given back."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.http import content_disposition_header

from logistics import workflow
from logistics.labels import SHEETS
from logistics.models import Parcel
from logistics.states import Carried, LabelState
from returns import clock
from returns.money import display
from returns.states import Purpose, State

from .asking import Why, ask
from .reading import ReadOnly


class Postage(forms.Form):
    """R21: what the receipt says."""

    amount = forms.DecimalField(max_digits=15, decimal_places=3, min_value=0)


class LabelDoors(ReadOnly):
    """The part of a parcel's page that is about its label and its postage."""

    def get_urls(self) -> list[URLPattern]:
        """The doors of one parcel's label."""
        guard = self.admin_site.admin_view
        return [
            path("<int:pk>/label/<str:name>", guard(self.label), name="logistics_parcel_label"),
            path("<int:pk>/void/", guard(self.void), name="logistics_parcel_void"),
            path("<int:pk>/reissue/", guard(self.reissue), name="logistics_parcel_reissue"),
            path("<int:pk>/postage/", guard(self.postage), name="logistics_parcel_postage"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """With the pages there are to print, and what the carriage costs whom (R29)."""
        parcel = self.get_object(request, object_id)
        if parcel is not None:
            extra_context = {**(extra_context or {}), **_shown(parcel, request)}
        return super().change_view(request, object_id, form_url, extra_context)

    def label(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """One page of the label, as it was first handed out."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        sheet = next((sheet for sheet in SHEETS if sheet.name == name), None)
        parcel = get_object_or_404(self.get_queryset(request), pk=pk)
        try:
            page = workflow.label_page(parcel, sheet, at=clock.now()) if sheet else None
        except ValueError as undrawn:
            raise Http404(str(undrawn)) from undrawn
        if page is None or sheet is None:
            raise Http404
        with page.file.open() as drawn:
            answer = HttpResponse(drawn.read(), content_type=sheet.content_type)
        file = f"{parcel.case.number}-{sheet.name}"
        answer["Content-Disposition"] = content_disposition_header(True, file) or "attachment"
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-store"
        return answer

    def void(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take the label back."""
        parcel = self._allowed(request, pk, "logistics.take_back_label")
        says = "The courier is told, the code is worth nothing, and the buyer chooses again."

        def call(said: dict[str, Any]) -> None:
            by = request.user.get_username()
            workflow.void_by_staff(parcel, why=said["why"], by=by, at=clock.now())

        form = Why(request.POST or None)
        return ask(self, request, parcel, form, call, label="Take back the label", says=says)

    def reissue(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Replace the label by one with another number."""
        parcel = self._allowed(request, pk, "logistics.take_back_label")
        says = "The buyer gets a label with another number. A van has to be booked again."

        def call(said: dict[str, Any]) -> None:
            by = request.user.get_username()
            workflow.reissue_label(parcel, why=said["why"], by=by, at=clock.now())

        form = Why(request.POST or None)
        return ask(self, request, parcel, form, call, label="Issue it anew", says=says)

    def postage(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Confirm what the receipt shows (R21)."""
        parcel = self._allowed(request, pk, "logistics.confirm_postage")
        paid = f"{display(parcel.postage, parcel.currency)} {parcel.currency}"
        says = f"The buyer says it was {paid}. What you confirm is given back with the refund."

        def call(said: dict[str, Any]) -> None:
            by = request.user.get_username()
            workflow.confirm_postage(parcel, amount=said["amount"], by=by, at=clock.now())

        form = Postage(request.POST or None, initial={"amount": parcel.postage})
        return ask(self, request, parcel, form, call, label="Confirm the postage", says=says)

    def _allowed(self, request: HttpRequest, pk: int, permission: str) -> Parcel:
        if not (self.has_view_permission(request) and request.user.has_perm(permission)):
            raise PermissionDenied
        parcel: Parcel = get_object_or_404(self.get_queryset(request), pk=pk)
        return parcel


def _shown(parcel: Parcel, request: HttpRequest) -> dict[str, Any]:
    cost = None
    if parcel.label_cost is not None:
        cost = f"{display(parcel.label_cost, parcel.label_currency)} {parcel.label_currency}"
    case, live = parcel.case, parcel.label == LabelState.LIVE
    waits = live and case.state == State.AWAITING_RETURN
    owed = parcel.carried == Carried.REIMBURSED and not case.postage
    return {
        "sheets": SHEETS if parcel.label in (LabelState.LIVE, LabelState.USED) else (),
        "label_cost": cost,
        "postage_paid": display(parcel.postage, parcel.currency) if parcel.postage else "",
        "postage_back": display(case.postage, parcel.currency) if case.postage else "",
        "receipts": list(case.evidence.filter(purpose=Purpose.POSTAGE)),
        "may_take_back": waits and request.user.has_perm("logistics.take_back_label"),
        "may_confirm_postage": owed and request.user.has_perm("logistics.confirm_postage"),
    }
