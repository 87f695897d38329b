"""Support's door to our accounts with carriers: opened and replaced, their details never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from logistics import workflow
from logistics.models import CarrierAccount
from logistics.states import CARRIER_DETAILS, Carrier
from returns import clock

from .credentials import MAY


class AccountForm(forms.ModelForm[CarrierAccount]):
    """The account with its details as they are typed, once; left empty they are given anew."""

    details = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"}),
        help_text="One a line, name=value. "
        + " ".join(f"{c.label}: {', '.join(names)}." for c, names in CARRIER_DETAILS.items()),
    )

    class Meta:
        model = CarrierAccount
        fields = ("courier", "carrier", "service", "time_zone", "test_mode", "base_url")

    def clean(self) -> dict[str, Any]:
        """Every detail the carrier wants is there."""
        said = super().clean() or {}
        lines = [
            line.partition("=") for line in said.get("details", "").splitlines() if line.strip()
        ]
        said["details"] = {name.strip(): value.strip() for name, _, value in lines}
        needed = CARRIER_DETAILS.get(Carrier(said["carrier"]), ()) if said.get("carrier") else ()
        if missing := [name for name in needed if not said["details"].get(name)]:
            self.add_error("details", f"Missing: {', '.join(missing)}.")
        return said


@admin.register(CarrierAccount)
class CarrierAccountAdmin(admin.ModelAdmin[CarrierAccount]):
    form = AccountForm
    list_display = ("courier", "carrier", "service", "test_mode")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(MAY)

    has_add_permission = has_view_permission
    has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: CarrierAccount, form: forms.ModelForm[Any], change: bool
    ) -> None:
        """Through the verb, which seals the details and writes down who did it."""
        said = form.cleaned_data
        made = workflow.open_account(
            said["courier"],
            Carrier(said["carrier"]),
            said["details"],
            service=said["service"],
            time_zone=said["time_zone"],
            test_mode=said["test_mode"],
            base_url=said["base_url"],
            by=request.user.get_username(),
            at=clock.now(),
        )
        obj.pk = made.pk
