"""Support's door to couriers' files of points: brought, looked at, applied or discarded."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache

from logistics import workflow
from logistics.models import Courier, PointChange, PointImport
from logistics.points.drawing import draw
from logistics.points.reading import COLUMNS, MAX_BYTES, MORE_COLUMNS
from logistics.states import IMPORTS_DUE, ImportState
from returns import clock

from .asking import ask
from .reading import ReadOnly

PER_PAGE = 50
APPLY = "logistics.apply_pointimport"


class Bringing(forms.Form):
    """A file, whose it is, and whether it is all there is."""

    courier = forms.ModelChoiceField(Courier.objects.all())
    mode = forms.ChoiceField(choices=PointImport.Mode.choices, widget=forms.RadioSelect)
    file = forms.FileField(
        help_text=f"CSV ({', '.join(COLUMNS)}; {', '.join(MORE_COLUMNS)}), GeoJSON, or JSON in "
        f"InPost's way; UTF-8, at most {MAX_BYTES // 2**20} MB."
    )

    def clean_file(self) -> Any:
        """Too large a file is not read at all."""
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(f"At most {MAX_BYTES // 2**20} MB.")
        return file


class Applying(forms.Form):
    """Nothing to say, unless many points are dropped: then exactly that."""

    def __init__(self, found: PointImport, *args: Any) -> None:
        super().__init__(*args)
        if workflow.drops_too_many(found):
            self.fields["drop"] = forms.BooleanField(
                label=f"Yes, drop {found.dropped:,} of the {found.offered:,} points in use.",
                label_suffix="",
            )


@admin.register(PointImport)
class PointImportAdmin(ReadOnly):
    list_display = (
        *("file_name", "courier", "mode", "state", "at", "by"),
        *("new", "changed", "missing", "rejected", "unchanged"),
    )
    list_filter = ("state", "mode", "courier")
    search_fields = ("file_name", "by", "sha256")
    list_select_related = ("courier",)
    change_form_template = "admin/logistics/pointimport/change_form.html"

    class Media:
        css = {"all": ["returns/case.css", "logistics/points.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may bring a file."""
        return request.user.has_perm("logistics.add_pointimport")

    def get_urls(self) -> list[URLPattern]:
        """The doors of one file."""
        guard = self.admin_site.admin_view
        name = "logistics_pointimport"
        return [
            path("<int:pk>/apply/", guard(self.apply), name=f"{name}_apply"),
            path("<int:pk>/discard/", guard(self.discard), name=f"{name}_discard"),
            path("<int:pk>/map.svg", guard(never_cache(self.map)), name=f"{name}_map"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Bring a file. Nothing is changed by that."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = Bringing(request.POST or None, request.FILES or None)
        says = (
            "It is read and compared with the points we have; nothing is changed before you look."
        )
        return ask(
            self,
            request,
            None,
            form,
            lambda said: workflow.receive_points(
                said["courier"],
                said["file"].read(),
                file_name=said["file"].name,
                mode=said["mode"],
                by=request.user.get_username(),
                at=clock.now(),
            ),
            label="Bring a file of points",
            says=says,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What the file would change, or has changed: figures, a map, and point by point."""
        found = self.get_object(request, object_id)
        page = {**_page(found, request), "may_apply": request.user.has_perm(APPLY)} if found else {}
        return super().change_view(request, object_id, form_url, {**page, **(extra_context or {})})

    def apply(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Confirm the changes; a worker makes them, all or none."""
        found = _guarded(request, pk)
        form = Applying(found, request.POST if request.method == "POST" else None)
        says = (
            f"{found.new:,} new points, {found.changed:,} changed, {found.missing:,} taken out of "
            f"use. {found.rejected:,} of the file are left out."
        )
        return ask(
            self,
            request,
            found,
            form,
            lambda said: workflow.confirm_points(
                found,
                by=request.user.get_username(),
                at=clock.now(),
                allow_drop=said.get("drop", False),
            ),
            label="Apply these changes",
            says=says,
        )

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Nobody wants these changes."""
        found = _guarded(request, pk)
        by = request.user.get_username()
        return ask(
            self,
            request,
            found,
            forms.Form(request.POST if request.method == "POST" else None),
            lambda said: workflow.discard_points(found, by=by, at=clock.now()),
            label="Discard these changes",
            says="The points stay as they are, and the file is forgotten.",
        )

    def map(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Where it changes something, as a picture."""
        found = get_object_or_404(PointImport, pk=pk)
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return HttpResponse(draw(found), content_type="image/svg+xml")


def _guarded(request: HttpRequest, pk: int) -> PointImport:
    if not request.user.has_perm(APPLY):
        raise PermissionDenied
    return get_object_or_404(PointImport.objects.select_related("courier"), pk=pk)


def _page(found: PointImport, request: HttpRequest) -> dict[str, Any]:
    sort = request.GET.get("what", "")
    rows = found.changes.filter(what=sort) if sort in PointChange.What else found.changes.all()
    what = PointChange.What
    counts = [
        (what.NEW, found.new),
        (what.CHANGED, found.changed),
        (what.MISSING, found.missing),
        (what.REJECTED, found.rejected),
    ]
    return {
        "found": found,
        "waiting": found.state in IMPORTS_DUE,
        "staged": found.state == ImportState.STAGED,
        "counts": [(sort.value, sort.label, count) for sort, count in counts],
        "sort": sort,
        "too_many": workflow.drops_too_many(found),
        "rows": Paginator(rows, PER_PAGE).get_page(request.GET.get("p")),
    }
