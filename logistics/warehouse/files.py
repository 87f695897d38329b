"""Pictures for whoever inspects: what the buyer showed, and what was photographed here."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from logistics.models import InspectionPhoto, UnexpectedItem
from logistics.warehouse.guard import warehouse_only
from returns import private
from returns.models import Evidence


@require_safe
@warehouse_only
def evidence(request: HttpRequest, pk: int) -> HttpResponseBase:
    """R04: of cases that travel in a parcel; others are none of the warehouse's business."""
    cases = Evidence.objects.filter(case__parcels__isnull=False).distinct()
    kept = get_object_or_404(cases, pk=pk)
    return private.answer(kept.file, kept.name, kept.content_type)


@require_safe
@warehouse_only
def photo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What a piece looked like when it was inspected."""
    kept = get_object_or_404(InspectionPhoto, pk=pk)
    return private.answer(kept.file, kept.name, kept.content_type)


@require_safe
@warehouse_only
def unexpected(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What nobody had announced."""
    kept = get_object_or_404(UnexpectedItem.objects.exclude(file=""), pk=pk)
    return private.answer(kept.file, f"unexpected-{kept.pk}", kept.content_type)
