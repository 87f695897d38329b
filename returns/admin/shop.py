"""Buyers, sellers and orders as the shop told us; only the shop changes them."""

from django.contrib import admin

from returns.admin.readonly import ReadOnly, WithCases
from returns.models import Buyer, Entry, Order, OrderLine, Seller
from returns.states import Event


@admin.register(Buyer)
class BuyerAdmin(WithCases, admin.ModelAdmin[Buyer]):
    """Who bought, and what they returned."""

    list_display = ("name", "ref", "email", "country", "cases")
    list_filter = ("country",)
    search_fields = ("name", "ref", "email")
    fields = ("name", "ref", "email", "country", "address", "cases")
    readonly_fields = ("cases",)
    list_per_page = 50


@admin.register(Seller)
class SellerAdmin(WithCases, admin.ModelAdmin[Seller]):
    """Who sold, and how often they let a review lapse."""

    list_display = ("name", "ref", "email", "country", "cases")
    list_filter = ("country",)
    search_fields = ("name", "ref", "email")
    fields = ("name", "ref", "email", "country", "address", "lapses", "cases")
    readonly_fields = ("lapses", "cases")
    list_per_page = 50

    @admin.display(description="Reviews left to lapse (R17)")
    def lapses(self, seller: Seller) -> int:
        """The seller's record: disputes declined because nobody answered."""
        lapsed = (Event.LAPSED, Event.LAPSED_FINALLY)
        return Entry.objects.filter(case__seller=seller, event__in=lapsed).count()


class LineInline(ReadOnly, admin.TabularInline[OrderLine, Order]):
    """What was bought."""

    model = OrderLine
    fields = ("sku", "title", "quantity", "unit_price", "shipping_cost", "free_return")


@admin.register(Order)
class OrderAdmin(WithCases, admin.ModelAdmin[Order]):
    """What was bought, paid and received."""

    list_display = (
        *("number", "buyer", "seller", "captured", "currency"),
        *("placed_at", "received_at", "cases"),
    )
    list_filter = ("currency", "payment_provider")
    search_fields = ("number", "buyer__name", "buyer__email", "seller__name", "payment_reference")
    list_select_related = ("buyer", "seller")
    date_hierarchy = "placed_at"
    readonly_fields = ("cases",)
    inlines = (LineInline,)
    list_per_page = 50


@admin.register(OrderLine)
class OrderLineAdmin(ReadOnly, admin.ModelAdmin[OrderLine]):
    """Items, to be found by what they are."""

    list_display = ("sku", "title", "order", "quantity", "unit_price", "free_return")
    list_filter = ("free_return",)
    search_fields = ("sku", "title", "order__number")
    list_select_related = ("order",)
    list_per_page = 50
