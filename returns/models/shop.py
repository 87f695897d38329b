"""What the shop told us: buyers, sellers, orders and their lines."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q


class Buyer(models.Model):
    """Who bought. `address` is {"street","city","region","postal_code","country","phone"}, all
    strings.
    """

    ref = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(max_length=254)
    country = models.CharField(max_length=2)
    address = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} ({self.ref})"


class Seller(models.Model):
    """Who sold, and takes the item back. `address` has the same keys as a buyer's."""

    ref = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(max_length=254, blank=True)
    country = models.CharField(max_length=2)
    address = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} ({self.ref})"


class Order(models.Model):
    """One order of one buyer at one seller. Money is in `currency`; `captured` is what was paid."""

    number = models.CharField(max_length=64, unique=True)
    buyer = models.ForeignKey(Buyer, models.PROTECT, related_name="orders")
    seller = models.ForeignKey(Seller, models.PROTECT, related_name="orders")
    currency = models.CharField(max_length=3)
    placed_at = models.DateTimeField()
    received_at = models.DateTimeField(
        null=True, blank=True, help_text="R01: confirmed by the buyer."
    )
    payment_provider = models.CharField(max_length=32)
    payment_reference = models.CharField(max_length=128)
    payment_method = models.CharField(max_length=32)
    captured = models.DecimalField(max_digits=15, decimal_places=3)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(captured__gte=0), name="order_captured_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(received_at__isnull=True) | Q(received_at__gte=F("placed_at")),
                name="order_received_after_placed",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """One item of an order. `shipping_cost` is the line's share of shipping, for its whole
    quantity.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    sku = models.CharField(max_length=64)
    title = models.CharField(max_length=300)
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    unit_price = models.DecimalField(max_digits=15, decimal_places=3)
    shipping_cost = models.DecimalField(max_digits=15, decimal_places=3)
    free_return = models.BooleanField(help_text="R08: carries the Free Return option.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="line_once_an_order"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, unit_price__gte=0, shipping_cost__gte=0),
                name="line_amounts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order.number} / {self.sku}"
