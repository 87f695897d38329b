"""Support's door to a courier's credentials: seen as fingerprints, made, changed and ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.views.decorators.debug import sensitive_post_parameters

from logistics import workflow
from logistics.models import Courier, CourierReadKey, CourierSecret
from logistics.states import Direction, Mode
from returns import clock
from returns.admin.readonly import relative
from returns.machine import NotNow

MAY = "logistics.manage_credentials"
OVERLAPS = {1: "1 hour", 24: "24 hours", 72: "3 days", 168: "7 days"}
#: Of what is over, so much is shown.
PAST, LATELY = 3, 20


class Asked(forms.Form):
    """One act; who asks says the password again, so that no open screen changes a key."""

    act = forms.ChoiceField(
        choices=[(act, act) for act in ("rotate", "leaked", "retire", "suspend", "resume")]
        + [("read-key", "read-key"), ("revoke", "revoke")]
    )
    direction = forms.ChoiceField(choices=Direction.choices, required=False)
    mode = forms.ChoiceField(choices=Mode.choices, required=False)
    overlap = forms.ChoiceField(choices=list(OVERLAPS.items()), required=False)
    key = forms.IntegerField(required=False)
    why = forms.CharField(max_length=200, required=False)
    password = forms.CharField(strip=False)

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST)
        self.user = request.user

    def clean_password(self) -> str:
        """Raise ValidationError unless it is that of who asks."""
        if not self.user.check_password(self.cleaned_data["password"]):
            raise forms.ValidationError("This is not your password. Nothing was changed.")
        return ""

    def clean(self) -> dict[str, Any]:
        """What an act is about must be said with it."""
        said = super().clean() or {}
        of_a_secret = said.get("act") in ("rotate", "leaked")
        if of_a_secret and not (said.get("direction") and said.get("mode")):
            raise forms.ValidationError("Say which way and for which mode.")
        return said


@dataclass(frozen=True)
class Shown:
    """A secret on its only page."""

    words: str
    secret: str


@dataclass(frozen=True)
class Key:
    """A secret as staff may see it."""

    fingerprint: str
    state: str
    made: str
    used: str
    stale: bool


@dataclass(frozen=True)
class Place:
    """The secrets of one direction and mode, and what can be done with them now."""

    direction: Direction
    mode: Mode
    keys: list[Key]
    past: list[Key]
    overlapping: bool


class CredentialsPage(admin.ModelAdmin[Courier]):
    """The page of a courier's credentials, below the courier's own."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.credentials)
        name = "logistics_courier_credentials"
        return [path("<int:courier_id>/credentials/", view, name=name), *super().get_urls()]

    @method_decorator(sensitive_post_parameters("password"))
    def credentials(self, request: HttpRequest, courier_id: int) -> HttpResponse:
        """Look, or do one act; a secret that was made is on this answer and nowhere else.

        The admin forbids every cache to keep its pages.
        """
        if not request.user.has_perm(MAY):
            raise PermissionDenied
        courier = get_object_or_404(Courier, pk=courier_id)
        form, shown = None, None
        if request.method == "POST":
            form = Asked(request)
            if form.is_valid():
                try:
                    shown = _do(courier, form.cleaned_data, by=request.user.get_username())
                except NotNow as refused:
                    form.add_error(None, str(refused))
                else:
                    if shown is None:
                        self.message_user(request, "Done.", messages.SUCCESS)
                        return redirect("admin:logistics_courier_credentials", courier_id)
        context = self.admin_site.each_context(request) | _page(courier, at=clock.now())
        context |= {"form": form, "shown": shown, "media": CSS, "opts": self.opts}
        template = "admin/logistics/courier/credentials.html"
        status = 409 if form and form.errors else 200
        return TemplateResponse(request, template, context, status=status)


CSS = forms.Media(css={"all": ["returns/case.css", "logistics/credentials.css"]})


def _do(courier: Courier, said: dict[str, Any], *, by: str) -> Shown | None:
    """One act; what it made, if it is to be shown. Raises NotNow."""
    at, act = clock.now(), said["act"]
    if act in ("rotate", "leaked"):
        direction, mode = Direction(said["direction"]), Mode(said["mode"])
        overlap = (
            timedelta(hours=int(said["overlap"] or 24)) if act == "rotate" else workflow.LEAKED
        )
        secret = workflow.give_secret(courier, direction, mode=mode, by=by, at=at, overlap=overlap)
        return Shown(f"The new {mode} secret {direction.label.lower()}", secret)
    if act == "read-key":
        return Shown("The new read key", workflow.give_read_key(courier, by=by, at=at))
    if act == "revoke":
        key = get_object_or_404(CourierReadKey, pk=said["key"], courier=courier)
        workflow.revoke_read_key(key, by=by, at=at)
    elif act == "retire":
        workflow.retire_secrets(courier, mode=Mode(said["mode"] or Mode.LIVE), by=by, at=at)
    elif act == "suspend":
        workflow.suspend(courier, by=by, at=at, why=said["why"])
    else:
        workflow.resume(courier, by=by, at=at)
    return None


def _page(courier: Courier, *, at: datetime) -> dict[str, Any]:
    """All the template wants. `at` is now."""
    secrets = list(courier.secrets.all())
    return {
        "title": f"Credentials of {courier}",
        "courier": courier,
        "places": [_place(secrets, way, mode, at) for mode in Mode for way in Direction],
        "read_keys": list(_read_keys(courier, at)),
        "choices": OVERLAPS,
        "entries": courier.entries.all()[:LATELY],
        "refused": courier.bad_messages.all()[:LATELY],
        "back": reverse("admin:logistics_courier_change", args=[courier.pk]),
    }


def _place(secrets: list[CourierSecret], way: Direction, mode: Mode, at: datetime) -> Place:
    mine = [one for one in secrets if (one.direction, one.mode) == (way, mode)]
    counting = [one for one in mine if one.expires_at is None or one.expires_at > at]
    past = [one for one in mine if one not in counting]
    return Place(
        direction=way,
        mode=mode,
        keys=[_key(one, at) for one in counting],
        past=[_key(one, at) for one in past[:PAST]],
        overlapping=any(one.expires_at for one in counting),
    )


def _key(one: CourierSecret, at: datetime) -> Key:
    made = f"made {relative(one.not_before, at)}" + (
        f" by {one.created_by}" if one.created_by else ""
    )
    old = one.expires_at is not None and one.expires_at > at
    used = "never used"
    if one.last_used_at:
        used = f"last signed with {'the old key' if old else 'it'} {relative(one.last_used_at, at)}"
    return Key(one.fingerprint, _state(one.expires_at, at), made, used, old and bool(one.uses))


def _state(expires_at: datetime | None, at: datetime) -> str:
    if expires_at is None:
        return "in force"
    if expires_at > at:
        return f"old, counts {timesince(at, expires_at, depth=1)} longer"
    return f"ended {relative(expires_at, at)}"


def _read_keys(courier: Courier, at: datetime) -> Iterator[tuple[CourierReadKey, str, str]]:
    for key in courier.read_keys.all():
        used = f"last used {relative(key.last_used_at, at)}" if key.last_used_at else "never used"
        yield key, _state(key.expires_at, at), used
