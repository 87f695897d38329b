"""What belongs to a case, each as a list of its own: offers, messages, evidence, …"""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from returns.admin.readonly import ReadOnly
from returns.models import Evidence, FreeReturnSlot, Message, Offer, Verdict


@admin.register(Offer)
class OfferAdmin(ReadOnly, admin.ModelAdmin[Offer]):
    """Partial refunds offered (R16)."""

    list_display = ("case", "amount", "made_at", "answer", "answered_at")
    list_filter = ("answer",)
    search_fields = ("case__number",)
    list_select_related = ("case",)
    list_per_page = 50


@admin.register(Message)
class MessageAdmin(ReadOnly, admin.ModelAdmin[Message]):
    """What was written on cases."""

    list_display = ("case", "at", "author", "by", "__str__")
    list_filter = ("author",)
    search_fields = ("case__number", "text")
    list_select_related = ("case",)
    list_per_page = 50


@admin.register(Evidence)
class EvidenceAdmin(ReadOnly, admin.ModelAdmin[Evidence]):
    """Pictures and videos (R04), seen through the case's own door only."""

    list_display = ("case", "name", "author", "at", "content_type", "size")
    list_filter = ("author", "content_type")
    search_fields = ("case__number", "name", "sha256")
    fields = ("case", "name", "author", "at", "content_type", "size", "sha256", "look")
    readonly_fields = ("look",)
    list_select_related = ("case",)
    list_per_page = 50

    @admin.display(description="File")
    def look(self, evidence: Evidence) -> SafeString:
        """A link to the private view."""
        address = reverse("admin:returns_case_evidence", args=[evidence.case_id, evidence.pk])
        return format_html('<a href="{}">Look at it</a>', address)


@admin.register(Verdict)
class VerdictAdmin(ReadOnly, admin.ModelAdmin[Verdict]):
    """What support decided, and who approved it (R31, R32)."""

    list_display = (
        *("case", "outcome", "amount", "status"),
        *("proposed_by", "proposed_at", "decided_by", "decided_at"),
    )
    list_filter = ("status", "outcome")
    search_fields = ("case__number", "proposed_by__username", "decided_by__username")
    list_select_related = ("case", "proposed_by", "decided_by")
    list_per_page = 50


@admin.register(FreeReturnSlot)
class FreeReturnSlotAdmin(ReadOnly, admin.ModelAdmin[FreeReturnSlot]):
    """Free returns of a buyer and month (R10), the one label of an order (R12)."""

    list_display = ("case", "buyer", "month", "number", "order", "label_issued_at", "released_at")
    list_filter = ("month", ("released_at", admin.EmptyFieldListFilter))
    search_fields = ("case__number", "buyer__name", "buyer__email", "order__number")
    list_select_related = ("case", "buyer", "order")
    list_per_page = 50
