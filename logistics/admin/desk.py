"""Support's desk: what does not fit and waits for a person."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from logistics import workflow
from logistics.models import Anomaly, Parcel
from logistics.workflow.unmatched import UNMATCHED, waiting
from returns import clock
from returns.admin.case import WIDE
from returns.admin.readonly import relative

from .asking import Why, ask
from .desk_filters import Stand, Whose
from .reading import ReadOnly

#: So many are closed or assigned in one go.
AT_ONCE = 200


class Assigning(Why):
    """To which parcel the reports belong, and how one knows."""

    field_order = ("parcel", "why")
    parcel = forms.CharField(
        max_length=40, label="Parcel", help_text="Its tracking number, or the number of its return."
    )


@admin.register(Anomaly)
class AnomalyAdmin(ReadOnly):
    """The worklist: the oldest first, closed with a reason, replayed, or given to a parcel."""

    list_display = ("found", "what", "courier", "assignee")
    list_display_links = ("found",)
    list_filter = (Stand, Whose, "code", "courier")
    list_select_related = ("courier", "parcel", "pickup", "delivery__courier", "assignee")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("id",)
    search_fields = ("text", "number", "parcel__tracking_number", "parcel__case__number")
    search_help_text = "Words, tracking number or number of the return"
    change_list_template = "admin/logistics/anomaly/change_list.html"
    actions = ("take", "close", "replay", "assign")
    fields = (
        *("text", "do", "about", "code", "courier", "reports", "found_at", "assignee"),
        *("closed_at", "closed_by", "closed_why"),
    )
    readonly_fields = ("about", "reports", "do")

    class Media:
        css = {"all": ["returns/case.css", "logistics/desk.css"]}

    def has_work_permission(self, request: HttpRequest) -> bool:
        """Who works at the desk."""
        return request.user.has_perm("logistics.work_anomalies")

    @admin.display(description="Found", ordering="id")
    def found(self, anomaly: Anomaly) -> SafeString:
        """How long it waits, exact on hover."""
        exact = f"{anomaly.found_at:%Y-%m-%d %H:%M} UTC"
        ago = relative(anomaly.found_at, clock.now())
        return format_html('<time title="{}">{}</time>', exact, ago)

    @admin.display(description="What")
    def what(self, anomaly: Anomaly) -> SafeString:
        """The sentence, what it is about, and its kind."""
        closed = f" · closed by {anomaly.closed_by}: {anomaly.closed_why}"
        return format_html(
            '{}<br>{} <span class="quiet">{}{}</span>',
            anomaly.text,
            self.about(anomaly),
            anomaly.code,
            closed if anomaly.closed_at else "",
        )

    @admin.display(description="About")
    def about(self, anomaly: Anomaly) -> SafeString | str:
        """One click to the parcel, or to what else it is about."""
        for row in (anomaly.parcel, anomaly.pickup, anomaly.delivery):
            if row is not None:
                meta = row._meta
                address = f"admin:{meta.app_label}_{meta.model_name}_change"
                return format_html('<a href="{}">{}</a>', reverse(address, args=[row.pk]), row)
        return anomaly.number

    @admin.display(description="Reports that wait")
    def reports(self, anomaly: Anomaly) -> SafeString | str:
        """Of a number nobody knows: what was told of it so far."""
        if anomaly.code != UNMATCHED:
            return "–"
        told = waiting(anomaly).order_by("-id")[:20]
        address = "admin:logistics_trackingevent_change"
        rows = (
            (reverse(address, args=[e.pk]), str(e), f"{e.occurred_at:%Y-%m-%d %H:%M}") for e in told
        )
        return format_html_join("", '<p><a href="{}">{}</a> {} UTC</p>', rows) or "–"

    @admin.display(description="What may be done")
    def do(self, anomaly: Anomaly) -> SafeString | str:
        """The doors; each looks at who comes."""
        if anomaly.closed_at:
            return "It is closed."
        link = '<a href="{}?ids={}">Close with a reason</a>'
        links = format_html(link, reverse("admin:logistics_anomaly_close"), anomaly.pk)
        if anomaly.code == UNMATCHED:
            link = '{} · <a href="{}?ids={}">Assign to a parcel</a>'
            links = format_html(link, links, reverse("admin:logistics_anomaly_assign"), anomaly.pk)
        return links

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, and above it how many of each kind are open."""
        counts = Anomaly.objects.open().order_by("code").values_list("code")
        extra = {
            "title": "What does not fit",
            "counts": list(counts.annotate(open=Count("id"))),
            "chosen": request.GET.get("code", ""),
        }
        return super().changelist_view(request, {**WIDE, **extra, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One of them. “Close” closes it, so the button that only leaves the page is not there."""
        extra = {**WIDE, "show_close": False, "title": "What does not fit", "subtitle": None}
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """The pages that ask for a reason."""
        guard = self.admin_site.admin_view
        return [
            path("close/", guard(self.close_page), name="logistics_anomaly_close"),
            path("assign/", guard(self.assign_page), name="logistics_anomaly_assign"),
            *super().get_urls(),
        ]

    @admin.action(description="Look after it myself", permissions=["work"])
    def take(self, request: HttpRequest, chosen: QuerySet[Anomaly]) -> None:
        """Whoever takes it is named in the list."""
        if isinstance(request.user, User):  # it is: the door is guarded
            workflow.take_anomalies(chosen, by=request.user)
            self.message_user(request, "Yours now.", messages.SUCCESS)

    @admin.action(description="Close with a reason", permissions=["work"])
    def close(self, request: HttpRequest, chosen: QuerySet[Anomaly]) -> HttpResponse:
        """Asks for the reason first."""
        return redirect(_with_ids("admin:logistics_anomaly_close", chosen))

    @admin.action(description="Work the parcel out again", permissions=["work"])
    def replay(self, request: HttpRequest, chosen: QuerySet[Anomaly]) -> None:
        """What does not come up again is resolved."""
        parcels = Parcel.objects.filter(anomalies__in=chosen).distinct()
        for parcel in parcels:
            workflow.project_again(parcel)
        said = f"{len(parcels)} parcels are worked out again."
        self.message_user(request, said, messages.SUCCESS if parcels else messages.WARNING)

    @admin.action(description="Assign reports to a parcel", permissions=["work"])
    def assign(self, request: HttpRequest, chosen: QuerySet[Anomaly]) -> HttpResponse:
        """Asks for the parcel first."""
        return redirect(_with_ids("admin:logistics_anomaly_assign", chosen.filter(code=UNMATCHED)))

    def close_page(self, request: HttpRequest) -> HttpResponse:
        """Why they are closed: one reason for all of them."""
        chosen = self._chosen(request)
        by = request.user.get_username()

        def call(said: dict[str, Any]) -> None:
            for anomaly in chosen:
                workflow.close_anomaly(anomaly, by=by, why=said["why"], at=clock.now())

        parcel = request.GET.get("parcel", "")
        then = "admin:logistics_parcel_change"
        return ask(
            self,
            request,
            None,
            Why(request.POST or None),
            call,
            label="Close",
            says=f"{len(chosen)} will be closed; they do not come again.",
            rows=[anomaly.text for anomaly in chosen],
            then=reverse(then, args=[parcel]) if parcel.isascii() and parcel.isdigit() else "",
        )

    def assign_page(self, request: HttpRequest) -> HttpResponse:
        """To which parcel, and how one knows."""
        chosen = [each for each in self._chosen(request) if each.code == UNMATCHED]
        by = request.user.get_username()

        def call(said: dict[str, Any]) -> None:
            for anomaly in chosen:
                parcel = _parcel(anomaly, said["parcel"])
                workflow.assign_reports(anomaly, parcel, by=by, why=said["why"], at=clock.now())

        return ask(
            self,
            request,
            None,
            Assigning(request.POST or None),
            call,
            label="Assign",
            says="All reports of these numbers will be those of one parcel.",
            rows=[anomaly.text for anomaly in chosen],
        )

    def _chosen(self, request: HttpRequest) -> list[Anomaly]:
        """Those that are open among the ones asked for."""
        if not (self.has_view_permission(request) and self.has_work_permission(request)):
            raise PermissionDenied
        told = request.GET.get("ids", "").split(",")[:AT_ONCE]
        ids = [int(each) for each in told if each.isascii() and each.isdigit() and len(each) < 19]
        return list(Anomaly.objects.open().filter(pk__in=ids).order_by("id"))


def _with_ids(name: str, chosen: QuerySet[Anomaly]) -> str:
    ids = chosen.order_by("id").values_list("pk", flat=True)[:AT_ONCE]
    return f"{reverse(name)}?ids={','.join(map(str, ids))}"


def _parcel(anomaly: Anomaly, told: str) -> Parcel:
    """The parcel of the anomaly's courier by its number or its return's. Raises ValueError."""
    number = "".join(told.split()).upper()
    named = Q(tracking_number=number) | Q(case__number=number)
    found = list(Parcel.objects.filter(named).order_by("-id")[:2])
    if not found:
        raise ValueError(f"no parcel and no return has the number {number}")
    if len(found) > 1:
        raise ValueError(f"several parcels have the number {number}: give the tracking number")
    return found[0]
