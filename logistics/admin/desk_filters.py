"""How the worklist is narrowed down: open or closed, and whose."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from logistics.models import Anomaly


class Stand(admin.SimpleListFilter):
    """Open unless something else is asked for; nonsense is open too."""

    title, parameter_name = "stand", "stand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("closed", "Closed"), ("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for n, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "Open"} if n == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Anomaly]) -> QuerySet[Anomaly]:
        if self.value() == "all":
            return queryset
        return queryset.filter(closed_at__isnull=self.value() != "closed")


class Whose(admin.SimpleListFilter):
    """Who looks after it."""

    title, parameter_name = "whose", "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("nobody", "Nobody's")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Anomaly]) -> QuerySet[Anomaly]:
        if self.value() == "mine":
            return queryset.filter(assignee=request.user.pk)
        return queryset.filter(assignee=None) if self.value() == "nobody" else queryset
