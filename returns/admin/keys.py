"""The shop's keys, answers kept for them, and the simulated clock; a key can be revoked."""

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from returns import clock
from returns.admin.readonly import ReadOnly
from returns.models import ApiKey, IdempotentAnswer, SimulatedClock


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, admin.ModelAdmin[ApiKey]):
    """A key is made by `manage.py create_api_key`, which prints it once; here it is revoked."""

    list_display = ("name", "prefix", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix")
    fields = ("name", "prefix", "created_at", "revoked_at")
    actions = ("revoke",)

    @admin.action(description="Revoke for good", permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: models.QuerySet[ApiKey]) -> None:
        """Whoever holds the key is a stranger from here on."""
        live = list(keys.filter(revoked_at__isnull=True))
        ApiKey.objects.filter(pk__in=[key.pk for key in live], revoked_at__isnull=True).update(
            revoked_at=clock.now()
        )
        for key in live:
            self.log_change(request, key, "Revoked.")
        names = ", ".join(key.name for key in live) or "nothing"
        self.message_user(request, f"Revoked: {names}.", messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change keys, though nobody may edit them."""
        return request.user.has_perm("returns.change_apikey")


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnly, admin.ModelAdmin[IdempotentAnswer]):
    """What was answered to a request that came with an `Idempotency-Key`."""

    list_display = ("key", "api_key", "status", "created_at")
    list_filter = ("status",)
    search_fields = ("key",)
    list_select_related = ("api_key",)
    list_per_page = 50


@admin.register(SimulatedClock)
class SimulatedClockAdmin(ReadOnly, admin.ModelAdmin[SimulatedClock]):
    """Moved by `manage.py clock` only."""

    list_display = ("reads", "set_at", "speed")
