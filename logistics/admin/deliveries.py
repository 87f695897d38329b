"""Support's door to what couriers are told: every try is seen, dead letters are dealt with."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from logistics import workflow
from logistics.models import Courier, Delivery
from logistics.states import Ending
from returns import clock
from returns.admin.case import WIDE
from returns.admin.readonly import relative
from returns.machine import NotNow

from .asking import Why, ask
from .reading import ReadOnly

MAY = "logistics.redeliver"
#: So much of a person is shown: enough to tell two apart, not enough to visit one.
PRIVATE = frozenset({"name", "street", "phone"})
#: A page has no more tries than this; a van is asked for hourly at most.
TRIES = 200


class Stand(admin.SimpleListFilter):
    """Where a message stands."""

    title, parameter_name = "state", "stand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("dead", "Dead letters"),
            ("waiting", "Waiting"),
            ("told", "Told"),
            ("ended", "Taken back or discarded"),
            ("nobody", "Nobody to tell"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        untold = {"delivered_at__isnull": True, "dead_at__isnull": True}
        chosen: dict[str | None, dict[str, Any]] = {
            "dead": {"pk__in": Delivery.objects.dead_letters()},
            "waiting": {"next_try_at__isnull": False},
            "told": {"delivered_at__isnull": False},
            "ended": {"dead_at__isnull": False, "ending__in": ["", *_CLOSED]},
            "nobody": {**untold, "next_try_at__isnull": True},
        }
        return queryset.filter(**chosen.get(self.value(), {}))


_CLOSED = (Ending.OVERTAKEN, Ending.DISCARDED)


class Since(forms.Form):
    """Whose dead letters, and from when on; sent at the second press, when they were counted."""

    courier = forms.ModelChoiceField(Courier.objects.all())
    since = forms.DateTimeField(
        help_text="UTC, as 2026-03-02 10:00: written then or later.",
        widget=forms.DateTimeInput({"type": "datetime-local"}),
    )
    count = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError with their number, until just that number was confirmed."""
        said = super().clean() or {}
        if not self.errors:
            found = workflow.redeliverable(said["courier"], since=said["since"], at=clock.now())
            count = found.count()
            if not count:
                raise forms.ValidationError("There are no dead letters of this courier since then.")
            if said.get("count") != count:
                self.data = {**dict(self.data.items()), "count": str(count)}
                raise forms.ValidationError(
                    f"{count} dead letters would be sent again. Press once more to send them."
                )
        return said


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    """The messages, newest first; what is done with one is on its page."""

    list_display = ("written", "what", "courier", "about", "stand", "tries")
    list_display_links = ("what",)
    list_filter = (Stand, "type", "courier")
    list_select_related = ("courier", "parcel", "pickup")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("message_id", "parcel__tracking_number", "parcel__case__number")
    search_help_text = "Message id, tracking number or number of the return"
    change_list_template = "admin/logistics/delivery/change_list.html"
    change_form_template = "admin/logistics/delivery/change_form.html"
    fields = ()

    class Media:
        css = {"all": ["returns/case.css", "logistics/desk.css", "logistics/deliveries.css"]}

    @admin.display(description="Written", ordering="id")
    def written(self, delivery: Delivery) -> SafeString | str:
        """How long ago."""
        return ago(delivery.created_at)

    @admin.display(description="Message")
    def what(self, delivery: Delivery) -> str:
        """What it says."""
        return str(delivery.get_type_display())

    @admin.display(description="About")
    def about(self, delivery: Delivery) -> str:
        """The van, or the parcel."""
        return str(delivery.pickup or delivery.parcel.tracking_number)

    @admin.display(description="State")
    def stand(self, delivery: Delivery) -> SafeString:
        """In a word, and what went wrong last."""
        word, kind = stand(delivery)
        return format_html(
            '<span class="state {}">{}</span> <span class="quiet">{}</span>',
            *(kind, word, "" if delivery.delivered_at else delivery.last_error[:80]),
        )

    @admin.display(description="Tries", ordering="attempts")
    def tries(self, delivery: Delivery) -> int:
        """All of them."""
        return delivery.attempts

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        extra = {
            "title": "Messages to couriers",
            "dead": Delivery.objects.dead_letters().count(),
            "may": request.user.has_perm(MAY),
        }
        return super().changelist_view(request, {**WIDE, **extra, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One message: what is said, with the person masked, and every try."""
        delivery = self.get_object(request, object_id)
        extra = page(delivery, may=request.user.has_perm(MAY)) if delivery else {}
        return super().change_view(
            request, object_id, form_url, {**WIDE, **extra, **(extra_context or {})}
        )

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        name = "logistics_delivery"
        return [
            path("redeliver-all/", guard(self.redeliver_all), name=f"{name}_redeliver_all"),
            path("<int:pk>/redeliver/", guard(self.redeliver), name=f"{name}_redeliver"),
            path("<int:pk>/redo/", guard(self.redo), name=f"{name}_redo"),
            path("<int:pk>/discard/", guard(self.discard), name=f"{name}_discard"),
            *super().get_urls(),
        ]

    def redeliver_all(self, request: HttpRequest) -> HttpResponse:
        """Counted first, then sent."""
        by = _who(request)

        def call(said: dict[str, Any]) -> None:
            workflow.redeliver_all(said["courier"], since=said["since"], by=by, at=clock.now())

        says = "All dead letters of a courier since a moment are sent again, under their ids."
        form = Since(request.POST or None)
        return ask(self, request, None, form, call, label="Redeliver all", says=says)

    def redeliver(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Under its id; the courier that had it does nothing."""
        delivery, by = get_object_or_404(Delivery, pk=pk), _who(request)
        says = "The same message goes out again under the same id, at once."
        form = pressed(request)

        def call(said: dict[str, Any]) -> None:
            workflow.redeliver(delivery, by=by, at=clock.now())

        return ask(self, request, delivery, form, call, label="Redeliver", says=says)

    def redo(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Under a new id; the courier acts once more."""
        delivery, by = get_object_or_404(Delivery, pk=pk), _who(request)
        if request.method == "POST":
            try:
                anew = workflow.redo(delivery, by=by, at=clock.now())
            except NotNow as error:
                self.message_user(request, error.why, messages.ERROR)
                return redirect("admin:logistics_delivery_change", pk)
            self.message_user(request, f"Said anew as {anew.message_id}.", messages.SUCCESS)
            return redirect("admin:logistics_delivery_change", anew.pk)
        says = "A new message with an id of its own: the courier is to act once more."
        return ask(self, request, delivery, forms.Form(), str, label="Say it anew", says=says)

    def discard(self, request: HttpRequest, pk: int) -> HttpResponse:
        """With a reason."""
        delivery, by = get_object_or_404(Delivery, pk=pk), _who(request)
        says = "The courier is not told. A van that was asked for so is not coming."
        form = Why(request.POST or None)

        def call(said: dict[str, Any]) -> None:
            workflow.discard(delivery, by=by, why=said["why"], at=clock.now())

        return ask(self, request, delivery, form, call, label="Discard", says=says)


def page(delivery: Delivery, *, may: bool) -> dict[str, Any]:
    """What one message's page shows."""
    over = delivery.ending in _CLOSED
    doors = [("Say it anew", "redo", "second")] if delivery.delivered_at else []
    if not delivery.delivered_at and delivery.ending != Ending.OVERTAKEN:
        doors = [("Redeliver", "redeliver", "")]
        doors += [] if over else [("Discard", "discard", "second")]
    links = (
        (label, reverse(f"admin:logistics_delivery_{verb}", args=[delivery.pk]), second)
        for label, verb, second in doors
    )
    word, kind = stand(delivery)
    return {
        "title": str(delivery),
        "delivery": delivery,
        "word": word,
        "kind": kind,
        "request_shown": json.dumps(masked(delivery.payload), indent=2, ensure_ascii=False),
        "tries": list(delivery.tried.order_by("-number")[:TRIES]),
        "doors": list(links) if may else [],
    }


def stand(delivery: Delivery) -> tuple[str, str]:
    """Where it stands in a word, and the word's class."""
    if delivery.delivered_at:
        return "Told", "is-refunded"
    if delivery.dead_at:
        ending = Ending(delivery.ending).label if delivery.ending else "Given up"
        return ending, "is-closed" if delivery.ending in _CLOSED else "is-declined"
    if delivery.next_try_at is None:
        return "Nobody to tell", "is-closed"
    return ("Waiting", "") if not delivery.tries else ("To be tried again", "is-escalated")


def masked(told: Any) -> Any:
    """A message as staff see it: of a person's name, street and phone the first letter."""
    if isinstance(told, Mapping):
        return {key: _hidden(key, value) for key, value in told.items()}
    if isinstance(told, list):
        return [masked(each) for each in told]
    return told


def _hidden(key: str, value: Any) -> Any:
    if key in PRIVATE and isinstance(value, str):
        return f"{value[:1]}…" if value else ""
    return masked(value)


def pressed(request: HttpRequest) -> forms.Form:
    """A form that asks nothing but to be sent."""
    return forms.Form(request.POST if request.method == "POST" else None)


def _who(request: HttpRequest) -> str:
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    return request.user.get_username()


def ago(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return "–"
    exact = f"{moment:%Y-%m-%d %H:%M} UTC"
    return format_html('<time title="{}">{}</time>', exact, relative(moment, clock.now()))
