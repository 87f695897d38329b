"""Support's and finance's door to the money: everything to be seen, nothing to be edited."""

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest

from refunds import workflow
from refunds.models import LedgerEntry, PaidLine, Payment, Refund, RefundAttempt
from returns import clock
from returns.bell import ring
from returns.machine import NotNow


class ReadOnly:
    """Money changes by verbs only."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """No."""
        return False


class AttemptInline(ReadOnly, admin.TabularInline[RefundAttempt, Refund]):
    """What was tried, and what came of it."""

    model = RefundAttempt
    fields = ("n", "started_at", "sends", "finished_at", "outcome", "detail")


class LedgerInline(ReadOnly, admin.TabularInline[LedgerEntry, Refund]):
    """What was booked."""

    model = LedgerEntry
    fields = ("at", "journal", "account", "amount", "currency")


@admin.register(Refund)
class RefundAdmin(ReadOnly, admin.ModelAdmin[Refund]):
    """A refund with its attempts and bookings; *Run again* has a worker look at once."""

    list_display = (
        *("reference", "case", "state", "amount", "currency", "due_at", "latest_at"),
        *("paid_at", "attempts", "next_try_at", "last_error"),
    )
    list_filter = ("state", "provider", "currency")
    search_fields = ("reference", "bank_reference", "payment_reference", "case__number")
    date_hierarchy = "due_at"
    list_select_related = ("case",)
    inlines = (AttemptInline, LedgerInline)
    actions = ("run_again",)

    @admin.action(description="Run again", permissions=["run_again"])
    def run_again(self, request: HttpRequest, refunds: models.QuerySet[Refund]) -> None:
        """Look at once; the money goes no earlier than promised (R27)."""
        for refund in refunds:
            try:
                workflow.run_again(refund, at=clock.now())
            except NotNow as error:
                self.message_user(request, f"{refund}: {error}", messages.WARNING)
        ring("refunds.tasks.pay_due")

    def has_run_again_permission(self, request: HttpRequest) -> bool:
        """Whoever may change refunds, though nobody may edit them."""
        return request.user.has_perm("refunds.change_refund")


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin[Payment]):
    """What was paid for an order, and what of it is left."""

    list_display = ("order", "currency", "paid", "reserved", "refunded")
    search_fields = ("order__number",)
    list_select_related = ("order",)


@admin.register(PaidLine)
class PaidLineAdmin(ReadOnly, admin.ModelAdmin[PaidLine]):
    """What was paid for an item, and what of it is left."""

    list_display = ("line", "currency", "paid", "reserved", "refunded")
    search_fields = ("line__order__number", "line__sku")
    list_select_related = ("line__order",)


@admin.register(RefundAttempt)
class RefundAttemptAdmin(ReadOnly, admin.ModelAdmin[RefundAttempt]):
    """Every try at the bank."""

    list_display = ("refund", "n", "started_at", "sends", "finished_at", "outcome", "detail")
    list_filter = ("outcome",)
    search_fields = ("refund__reference",)
    list_select_related = ("refund",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly, admin.ModelAdmin[LedgerEntry]):
    """The books."""

    list_display = ("at", "journal", "case", "account", "amount", "currency")
    list_filter = ("kind", "account", "currency")
    search_fields = ("journal", "case__number")
    date_hierarchy = "at"
    list_select_related = ("case",)
