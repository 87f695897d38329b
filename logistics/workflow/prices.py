"""What couriers' services cost by contract (R29)."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from logistics.models import CourierService
from logistics.workflow.desk import keep_entry


def confirm_price(
    service: CourierService, *, price: Decimal, currency: str, by: str, at: datetime
) -> None:
    """Somebody says that this is the contract's price; labels issued from now on cost it.

    What was issued keeps its own.
    """
    with transaction.atomic():
        held = (
            CourierService.objects.select_for_update().select_related("courier").get(pk=service.pk)
        )
        was = f"{held.price} {held.currency}"
        held.price, held.currency, held.price_confirmed_at = price, currency, at
        held.save(update_fields=["price", "currency", "price_confirmed_at"])
        text = f"{held}: {price} {currency} is the contract's price (it was {was})."
        keep_entry(held.courier, "price_confirmed", text, by=by, at=at)
    service.price_confirmed_at = at
