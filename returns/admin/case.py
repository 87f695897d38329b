"""The queue of cases, the page of one, and the doors of its verbs."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from returns import clock, journal, private
from returns.admin.page import page
from returns.admin.readonly import ReadOnly, when
from returns.admin.verbs import VERBS, money, offered
from returns.machine import NotNow
from returns.models import Case, Reaction
from returns.states import WAITS_FOR, Actor, Event, Reason, State

#: Cases need the room more than the list of everything else does.
WIDE = {"is_nav_sidebar_enabled": False}
#: R03: the source prints the sixth reason like this.
MISPRINTS = {"quality shortage": Reason.QUANTITY_SHORTAGE}


class CaseFilter(admin.SimpleListFilter):
    """One question with a few answers; nonsense chooses nothing."""

    answers: dict[str, tuple[str, Q]] = {}

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Case]
    ) -> list[tuple[str, str]]:
        """The answers in words."""
        return [(value, words) for value, (words, _) in self.answers.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        """Those the answer is true for."""
        _, condition = self.answers.get(self.value() or "", ("", Q()))
        return queryset.filter(condition)


class WaitsFor(CaseFilter):
    """R35: whose turn it is."""

    title, parameter_name = "waits for", "waits_for"
    answers = {
        actor.value: (
            str(actor.label),
            Q(state__in=[state for state, (who, _) in WAITS_FOR.items() if who == actor]),
        )
        for actor in dict.fromkeys(who for who, _ in WAITS_FOR.values())
    }


class Alarm(CaseFilter):
    """What needs eyes."""

    title, parameter_name = "alarm", "alarm"
    answers = {
        "rang": ("Was overdue", Q(alarms__gt=0)),
        "stuck": ("The clock objects", Q(clock_attempts__gt=0)),
        "resting": (
            "Something rests",
            Q(
                pk__in=Reaction.objects.filter(
                    done_at__isnull=True, next_try_at__isnull=True
                ).values("case")
            ),
        ),
    }


class Assigned(CaseFilter):
    """R31: who has it."""

    title, parameter_name = "assigned", "assigned"
    answers = {
        "me": ("To me", Q()),
        "nobody": ("To nobody", Q(assignee__isnull=True, deadline_at__isnull=False)),
    }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        """Mine is who asks."""
        if self.value() == "me":
            return queryset.filter(assignee_id=request.user.pk)
        return super().queryset(request, queryset)


@admin.register(Case)
class CaseAdmin(ReadOnly, admin.ModelAdmin[Case]):
    """Support's view of the cases: what waits longest comes first, and verbs are buttons."""

    list_display = (
        *("number", "badge", "waits", "deadline", "money", "terms", "item"),
        *("parties", "assignee"),
    )
    list_filter = (
        *(WaitsFor, Alarm, Assigned, "state", "terms", "kind", "reason", "resolution"),
        *("final", "opened_at"),
    )
    list_per_page = 50
    show_full_result_count = False
    search_help_text = "Number, order, SKU, buyer, seller, e-mail, tracking number or reason"
    change_form_template = "admin/returns/case/change_form.html"
    fields = ("number",)

    class Media:
        css = {"all": ["returns/case.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """With all that a line shows, and the time it is read at."""
        at = Value(clock.now(), output_field=DateTimeField())
        return (
            super()
            .get_queryset(request)
            .select_related("order", "line", "buyer", "seller", "policy", "assignee")
            .annotate(read_at=at)
        )

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Longest due first; on support's own desk what alarmed and what nobody has (R31)."""
        due = F("deadline_at").asc(nulls_last=True)
        if request.GET.get(WaitsFor.parameter_name) == Actor.SUPPORT:
            return F("alarms").desc(), F("assignee_id").asc(nulls_first=True), due, "-id"
        return due, "-id"

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """By the parcel's number too, where somebody carries parcels."""
        fields = (
            *("number", "order__number", "line__sku", "line__title"),
            *("buyer__name", "buyer__email", "buyer__ref"),
            *("seller__name", "seller__email", "seller__ref"),
        )
        parcels = {each.name: each.related_model for each in Case._meta.related_objects}.get(
            "parcels"
        )
        if parcels and any(each.name == "tracking_number" for each in parcels._meta.get_fields()):
            return (*fields, "parcels__tracking_number")
        return fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Case], search_term: str
    ) -> tuple[QuerySet[Case], bool]:
        """Also by what people call the reason, in both spellings (R03)."""
        found, doubled = super().get_search_results(request, queryset, search_term)
        term = search_term.strip().lower()
        reasons = [reason for reason in Reason if len(term) > 3 and term in reason.label.lower()]
        reasons += [
            reason for words, reason in MISPRINTS.items() if len(term) > 3 and term in words
        ]
        if not reasons:
            return found, doubled
        return queryset.filter(Q(pk__in=found.values("pk")) | Q(reason__in=reasons)), False

    @admin.display(description="State", ordering="state")
    def badge(self, case: Case) -> SafeString:
        """The state as a badge."""
        return format_html(
            '<span class="state is-{}">{}</span>', case.state, case.get_state_display()
        )

    @admin.display(description="Waits for")
    def waits(self, case: Case) -> str:
        """Whom it waits for, or what it ended in."""
        return case.waits_for.label if case.waits_for else case.get_resolution_display()

    @admin.display(description="Until", ordering="deadline_at")
    def deadline(self, case: Case) -> SafeString | str:
        """When it moves by itself."""
        return when(case.deadline_at, case.read_at) if case.deadline_at else ""  # type: ignore[attr-defined]

    @admin.display(description="Amount", ordering="amount")
    def money(self, case: Case) -> SafeString:
        """What it is about."""
        return format_html('<span class="nowrap">{}</span>', money(case))

    @admin.display(description="Item", ordering="line__sku")
    def item(self, case: Case) -> SafeString:
        """What is to come back."""
        return format_html('<span class="nowrap">{} × {}</span>', case.quantity, case.line.sku)

    @admin.display(description="Seller, buyer", ordering="seller__name")
    def parties(self, case: Case) -> SafeString:
        """Between whom it is."""
        return format_html("{}<br>{}", case.seller.name, case.buyer.name)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The queue."""
        return super().changelist_view(request, {**WIDE, "title": "Cases", **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """The doors of one case."""
        guard = self.admin_site.admin_view
        return [
            path("<int:pk>/do/<slug:name>/", guard(self.do), name="returns_case_do"),
            path("<int:pk>/evidence/<int:of>/", guard(self.show), name="returns_case_evidence"),
            path("<int:pk>/run/<int:of>/", guard(require_POST(self.run)), name="returns_case_run"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one case."""
        case = self.get_object(request, object_id)
        if case is not None and self.has_view_permission(request, case):
            shown = page(case, _person(request), self.admin_site, at=clock.now())
            extra_context = {**(extra_context or {}), **WIDE, **shown, "subtitle": None}
        return super().change_view(request, object_id, form_url, extra_context)

    def do(self, request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
        """Ask what a verb needs to know, call it, and answer."""
        if name not in VERBS:
            raise Http404
        verb, user = VERBS[name], _person(request)
        if not (self.has_view_permission(request) and verb.may(user)):
            raise PermissionDenied
        case = get_object_or_404(self.get_queryset(request), pk=pk)
        if request.method != "POST":
            if not verb.offered(case):
                return self._refused(request, case, f"“{verb.label}” is not possible now.")
            return self._ask(request, case, name, verb.form(initial=dict(verb.initial(case))))
        form = verb.form(request.POST)
        if not form.is_valid():
            return self._ask(request, case, name, form)
        try:
            verb.call(case, form.cleaned_data, user, clock.now())
        except NotNow as error:
            return self._refused(request, case, _why(error))
        except PermissionError as error:
            return self._refused(request, case, f"Not by you: {error}.")
        except ValueError as error:
            form.add_error(None, f"Not like this: {error}.")
            return self._ask(
                request, get_object_or_404(self.get_queryset(request), pk=pk), name, form
            )
        self.message_user(request, f"Done: {verb.label.lower()}.", messages.SUCCESS)
        return redirect("admin:returns_case_change", pk)

    def show(self, request: HttpRequest, pk: int, of: int) -> HttpResponseBase:
        """A picture or video (R04): private, never run, and never kept, as admin_view says."""
        if not (
            self.has_view_permission(request) and request.user.has_perm("returns.view_evidence")
        ):
            raise PermissionDenied
        evidence = get_object_or_404(get_object_or_404(Case, pk=pk).evidence, pk=of)
        return private.answer(evidence.file, evidence.name, evidence.content_type)

    def run(self, request: HttpRequest, pk: int, of: int) -> HttpResponse:
        """Run what rests again (POST only)."""
        if not (
            self.has_view_permission(request) and request.user.has_perm("returns.change_reaction")
        ):
            raise PermissionDenied
        reaction = get_object_or_404(Reaction, pk=of, case=pk)
        if reaction.resting:
            journal.run_again(reaction, at=clock.now())
            self.message_user(request, f"{reaction.name} runs again.", messages.SUCCESS)
        else:
            self.message_user(request, f"{reaction.name} does not rest.", messages.WARNING)
        return redirect("admin:returns_case_change", pk)

    def _ask(
        self, request: HttpRequest, case: Case, name: str, form: forms.Form
    ) -> TemplateResponse:
        verb = VERBS[name]
        context = {
            **self.admin_site.each_context(request),
            **WIDE,
            "title": f"On the seller's behalf: {verb.label.lower()}"
            if verb.for_seller
            else verb.label,
            "opts": self.opts,
            "media": self.media,
            "case": case,
            "verb": verb,
            "says": verb.says(case),
            "form": form,
        }
        return TemplateResponse(request, "admin/returns/case/verb.html", context)

    def _refused(self, request: HttpRequest, case: Case, why: str) -> HttpResponse:
        case = get_object_or_404(self.get_queryset(request), pk=case.pk)
        now = ", ".join(verb.label.lower() for verb in offered(case, _person(request)).values())
        self.message_user(request, f"{why} Possible now: {now or 'nothing'}.", messages.ERROR)
        return redirect("admin:returns_case_change", case.pk)


def _person(request: HttpRequest) -> User:
    """Who asks. The doors are guarded, so it is never a stranger."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _why(error: NotNow) -> str:
    if error.why:
        return error.why
    event, state = Event(str(error.event)).label, State(str(error.state)).label
    return f"“{event}” is not possible while the case is “{state}”."
