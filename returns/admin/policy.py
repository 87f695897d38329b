"""The policy's settings: a new dated version is added, what cases rely on is never touched."""

from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm, model_to_dict
from django.http import HttpRequest

from returns import clock
from returns.admin.readonly import relative
from returns.models import Case, PolicyVersion


class PolicyVersionForm(ModelForm[PolicyVersion]):
    """A version that begins later, with numbers that make sense."""

    def clean_valid_from(self) -> Any:
        """What is in force is not changed behind anybody's back."""
        valid_from = self.cleaned_data["valid_from"]
        if valid_from <= clock.now():
            raise forms.ValidationError(
                "A version begins later than now; nothing changes the past."
            )
        return valid_from

    def clean_time_zone(self) -> str:
        """A zone that a month can be told in (R10)."""
        name: str = self.cleaned_data["time_zone"]
        try:
            return ZoneInfo(name).key
        # Whatever is no zone: unknown, a folder, a path that leads outside.
        except (KeyError, ValueError, OSError):
            raise forms.ValidationError(
                f"“{name}” is no time zone; write one like Europe/Paris."
            ) from None

    def clean_currency(self) -> str:
        """Three capital letters."""
        return _currency(self.cleaned_data["currency"])

    def clean_exchange_rates(self) -> dict[str, str]:
        """Decimals as text: a number in JSON is a float, and no money is."""
        rates = self.cleaned_data["exchange_rates"] or {}
        if not isinstance(rates, dict):
            raise forms.ValidationError('Write rates like {"USD": "1.10", "JPY": "165"}.')
        for code, rate in rates.items():
            _currency(code)
            if not isinstance(rate, str) or not _positive(rate):
                raise forms.ValidationError(
                    f'The rate of {code} is a number above zero in quotes, like "1.10".'
                )
        return rates

    def clean_four_eyes_limit(self) -> Decimal:
        """Zero has a second person look at everything; less than that means nothing."""
        limit: Decimal = self.cleaned_data["four_eyes_limit"]
        if limit < 0:
            raise forms.ValidationError("The limit is zero or more.")
        return limit

    def clean(self) -> dict[str, Any] | None:
        """R27: the alarm rings inside the window."""
        said = super().clean() or self.cleaned_data
        names = ("refund_from_days", "refund_alarm_days", "refund_to_days")
        days: list[int] = [said[name] for name in names if said.get(name) is not None]
        if len(days) == len(names) and not days[0] < days[1] < days[2]:
            why = f"The alarm comes after day {days[0]} and before day {days[2]} (R27)."
            self.add_error("refund_alarm_days", why)
        return said


@admin.register(PolicyVersion)
class PolicyVersionAdmin(admin.ModelAdmin[PolicyVersion]):
    """Added, never changed; deleted only before it has begun."""

    form = PolicyVersionForm
    list_display = ("name", "valid_from", "begins", "used")
    fieldsets = (
        (None, {"fields": ("name", "valid_from")}),
        ("Free returns", {"fields": ("free_window_days", "free_per_month", "time_zone")}),
        (
            "Deadlines, in days",
            {
                "fields": (
                    *("review_days", "info_days", "offer_days", "handover_days", "transit_days"),
                    *("inspection_days", "investigation_days", "escalation_days", "support_days"),
                )
            },
        ),
        ("Pick-up", {"fields": ("pickup_attempts",)}),
        ("Postage given back", {"fields": ("postage_cap",)}),
        ("Refund", {"fields": ("refund_from_days", "refund_alarm_days", "refund_to_days")}),
        ("Second person", {"fields": ("four_eyes_limit", "currency", "exchange_rates")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        """With whether a case relies on it."""
        relying = Case.objects.filter(policy=OuterRef("pk"))
        return super().get_queryset(request).annotate(relied_on=Exists(relying))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new version begins as a copy of the one in force."""
        current = PolicyVersion.objects.in_force(clock.now())
        return model_to_dict(current, exclude=["id", "name", "valid_from"])

    def has_change_permission(self, request: HttpRequest, obj: PolicyVersion | None = None) -> bool:
        """No: cases keep the version they were opened under."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PolicyVersion | None = None) -> bool:
        """One that has not begun and that no case relies on."""
        if obj is None or not super().has_delete_permission(request, obj):
            return False
        return obj.valid_from > clock.now() and not obj.cases.exists()

    @admin.display(description="In force")
    def begins(self, version: PolicyVersion) -> str:
        """Since when or from when on, in words."""
        return relative(version.valid_from, clock.now())

    @admin.display(description="Cases rely on it", boolean=True)
    def used(self, version: PolicyVersion) -> bool:
        """Whether a case was opened under it."""
        return bool(version.relied_on)  # type: ignore[attr-defined]


def _currency(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise forms.ValidationError(f"“{code}” is no currency; write three capitals, like EUR.")
    return code


def _positive(text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    return number.is_finite() and number > 0
