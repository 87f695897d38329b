"""How many pieces of an item a case is about, and what they are worth (R05, R28)."""

from decimal import Decimal

from django.db.models import Case as Either
from django.db.models import F, Sum, When
from django.db.models.functions import Coalesce

from returns import policy
from returns.models import Case, OrderLine
from returns.money import paid_for
from returns.states import Reason, State

#: What an item's case took: all that is claimed while it is open, what was paid for once it is
#: over. A Refund Only, and a parcel that was lost, have nothing that was inspected.
TAKEN = Either(
    When(
        state=State.REFUNDED,
        then=Coalesce(
            F("quantity_accepted") + F("quantity_granted"), F("quantity_handed_over"), F("quantity")
        ),
    ),
    default=F("quantity"),
)


def taken(line: OrderLine, *, besides: Case | None = None) -> int:
    """The pieces of the line that went back, or are in an open case (R05)."""
    cases = Case.objects.filter(line=line).taking()
    if besides:
        cases = cases.exclude(pk=besides.pk)
    found: int | None = cases.aggregate(pieces=Sum(TAKEN))["pieces"]
    return found or 0


def amount(
    line: OrderLine, *, quantity: int, reason: Reason, besides: Case | None = None
) -> Decimal:
    """What is refunded for so many more pieces of the line, in the order's currency (R28)."""
    return paid_for(
        unit_price=line.unit_price,
        shipping_cost=line.shipping_cost,
        bought=line.quantity,
        before=taken(line, besides=besides),
        quantity=quantity,
        with_shipping=policy.seller_at_fault(reason),
        currency=line.order.currency,
    )


def worth(case: Case, quantity: int) -> Decimal:
    """What is refunded for so many of the case's pieces."""
    return amount(case.line, quantity=quantity, reason=Reason(case.reason), besides=case)


def owed(case: Case) -> Decimal:
    """What is refunded whatever anybody decides: the accepted pieces; nothing, once approved."""
    return worth(case, case.quantity_accepted or 0) if case.owes_accepted else Decimal(0)
