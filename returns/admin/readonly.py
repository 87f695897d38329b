"""What is looked at and never edited: the permission to see is all there is."""

from datetime import datetime

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil


class ReadOnly:
    """Nobody adds, changes or deletes, whatever their permissions say: that is for verbs."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """No."""
        return False


def relative(moment: datetime, at: datetime) -> str:
    """How far off the moment is `at` that time, in words: "in 2 days", "3 hours ago"."""
    if moment > at:
        return f"in {timeuntil(moment, at, depth=1)}"
    return f"{timesince(moment, at, depth=1)} ago"


def when(moment: datetime, at: datetime) -> SafeString:
    """The moment in relative words, exact on hover."""
    return format_html(
        '<time datetime="{}" title="{} UTC" class="{}">{}</time>',
        moment.isoformat(),
        f"{moment:%Y-%m-%d %H:%M}",
        "overdue" if moment <= at else "",
        relative(moment, at),
    )


class WithCases(ReadOnly):
    """A buyer, a seller or an order: with a link to its cases."""

    @admin.display(description="Cases")
    def cases(self, row: models.Model) -> SafeString:
        """The queue of cases, of this one only."""
        address = reverse("admin:returns_case_changelist")
        query = f"{row._meta.model_name}__id__exact={row.pk}"
        return format_html('<a href="{}?{}">Cases</a>', address, query)
