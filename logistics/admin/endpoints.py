"""Support's door to couriers' endpoints: how they fare, opened, closed and tried out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from logistics import outbox, workflow
from logistics.models import Courier, EndpointHealth
from logistics.states import Fate
from returns import clock
from returns.admin.case import WIDE

from .asking import Why, ask
from .deliveries import MAY, ago, pressed
from .reading import ReadOnly

KINDS = {"disabled": "is-declined", "degraded": "is-escalated", "failing": "is-escalated"}


@admin.register(EndpointHealth)
class EndpointHealthAdmin(ReadOnly):
    """Every courier's endpoint; the unwell ones say since when and why."""

    list_display = ("courier", "stand", "waiting", "failures", "since", "last_ok", "last_error")
    list_select_related = ("courier",)
    list_per_page = 50
    search_fields = ("courier__name", "courier__slug")
    fields = (
        *("courier", "stand", "endpoint", "waiting", "failures", "since", "last_ok", "last_error"),
        *("next_probe", "disabled_by", "disabled_why", "do"),
    )
    readonly_fields = ("stand", "endpoint", "waiting", "since", "last_ok", "next_probe", "do")

    class Media:
        css = {"all": ["returns/case.css", "logistics/desk.css", "logistics/deliveries.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[EndpointHealth]:
        told = Q(courier__deliveries__next_try_at__isnull=False)
        counted = super().get_queryset(request).annotate(to_tell=Count("pk", filter=told))
        found: QuerySet[EndpointHealth] = counted
        return found

    @admin.display(description="State")
    def stand(self, health: EndpointHealth) -> SafeString:
        """In a word."""
        word = health.state if health.last_ok_at or health.failures else "not tried yet"
        word = "disabled" if health.disabled_at else word
        return format_html('<span class="state {}">{}</span>', KINDS.get(word, ""), word)

    @admin.display(description="Waiting")
    def waiting(self, health: EndpointHealth) -> SafeString:
        """How many messages wait, and where they are."""
        address = reverse("admin:logistics_delivery_changelist")
        query = f"?stand=waiting&courier__id__exact={health.courier_id}"
        return format_html('<a href="{}{}">{}</a>', address, query, getattr(health, "to_tell", "–"))

    @admin.display(description="Failing since")
    def since(self, health: EndpointHealth) -> SafeString | str:
        """The first of the failures in a row."""
        return ago(health.failing_since)

    @admin.display(description="Last taken")
    def last_ok(self, health: EndpointHealth) -> SafeString | str:
        """To the minute."""
        return ago(health.last_ok_at)

    @admin.display(description="Tried again")
    def next_probe(self, health: EndpointHealth) -> SafeString | str:
        """When one message goes through to see."""
        return ago(health.probe_at)

    @admin.display(description="Endpoint")
    def endpoint(self, health: EndpointHealth) -> str:
        """Where messages go."""
        return health.courier.endpoint_url or "none"

    @admin.display(description="What may be done")
    def do(self, health: EndpointHealth) -> SafeString:
        """The doors; each looks at who comes."""
        verb = ("enable", "Enable") if health.disabled_at else ("disable", "Disable with a reason")
        doors = [verb, ("try", "Send a test message")]
        return format_html_join(
            " ",
            '<a class="button" href="{}">{}</a>',
            (
                (reverse(f"admin:logistics_endpointhealth_{name}", args=[health.pk]), label)
                for name, label in doors
            ),
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A courier that was never told anything has its line too."""
        new = Courier.objects.filter(health__isnull=True)
        rows = [EndpointHealth(courier=courier) for courier in new]
        EndpointHealth.objects.bulk_create(rows, ignore_conflicts=True)
        extra = {"title": "Couriers' endpoints"}
        return super().changelist_view(request, {**WIDE, **extra, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        name = "logistics_endpointhealth"
        return [
            path("<int:pk>/enable/", guard(self.enable), name=f"{name}_enable"),
            path("<int:pk>/disable/", guard(self.disable), name=f"{name}_disable"),
            path("<int:pk>/try/", guard(self.try_out), name=f"{name}_try"),
            *super().get_urls(),
        ]

    def enable(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What waits goes out."""
        health, by = _asked(request, pk)

        def call(said: dict[str, Any]) -> None:
            workflow.enable_endpoint(health.courier, by=by, at=clock.now())

        says = "Messages go there again, those that wait longest first."
        form = pressed(request)
        return ask(self, request, health, form, call, label="Enable", says=says)

    def disable(self, request: HttpRequest, pk: int) -> HttpResponse:
        """With a reason."""
        health, by = _asked(request, pk)

        def call(said: dict[str, Any]) -> None:
            workflow.disable_endpoint(health.courier, by=by, why=said["why"], at=clock.now())

        says = "Nothing is sent there until it is enabled again; what is written meanwhile waits."
        form = Why(request.POST or None)
        return ask(self, request, health, form, call, label="Disable", says=says)

    def try_out(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One `courier.ping`, now; the answer is on the page that follows."""
        health, by = _asked(request, pk)
        if request.method == "POST":
            answer = outbox.send_test_message(health.courier, by=by, at=clock.now())
            heard = f"{answer.status or 'no answer'} {answer.error} ({answer.milliseconds} ms)"
            level = messages.SUCCESS if answer.fate == Fate.TAKEN else messages.ERROR
            self.message_user(request, f"Test message: {heard}", level)
            return redirect("admin:logistics_endpointhealth_change", pk)
        says = "courier.ping is sent now, signed with the courier's test secret."
        form = forms.Form()
        return ask(self, request, health, form, str, label="Send a test message", says=says)


def _asked(request: HttpRequest, pk: int) -> tuple[EndpointHealth, str]:
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    health = get_object_or_404(EndpointHealth.objects.select_related("courier"), pk=pk)
    return health, request.user.get_username()
