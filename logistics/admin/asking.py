"""A page that asks what a verb needs to know, calls it, and answers."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from returns.admin.case import WIDE
from returns.machine import NotNow


class Why(forms.Form):
    """A reason, and nothing else."""

    why = forms.CharField(label="Why", max_length=300, widget=forms.Textarea({"rows": 3}))


def ask(
    door: admin.ModelAdmin[Any],
    request: HttpRequest,
    about: models.Model | None,
    form: forms.Form,
    call: Callable[[dict[str, Any]], object],
    *,
    label: str,
    says: str,
    rows: list[str] | None = None,
    then: str = "",
) -> HttpResponse:
    """The form; when it is filled in, the verb; back to the page it was `about`, or `then`."""
    meta = door.opts
    back = then or reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    if about is not None:
        back = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[about.pk])
    if request.method == "POST" and form.is_valid():
        try:
            call(form.cleaned_data)
        except (NotNow, ValueError) as error:
            form.add_error(None, _why(error))
        else:
            door.message_user(request, f"Done: {label.lower()}.", messages.SUCCESS)
            return redirect(back)
    context = {
        **door.admin_site.each_context(request),
        **WIDE,
        "title": label,
        "opts": meta,
        "media": door.media,
        "about": about,
        "back": back,
        "label": label,
        "says": says,
        "rows": rows or [],
        "form": form,
    }
    return TemplateResponse(request, "admin/logistics/ask.html", context)


def _why(error: NotNow | ValueError) -> str:
    words = (error.why if isinstance(error, NotNow) else "") or str(error)
    return f"{words[:1].upper()}{words[1:]}".rstrip(".") + "."
