"""What the policy must know before a dispute is opened: facts gathered, free slots claimed and
freed.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from returns import pieces, policy
from returns.models import Case, FreeReturnSlot, Order, OrderLine, PolicyVersion
from returns.states import Kind, Reason


class NotPossible(Exception):
    """The policy allows no dispute like this (R01–R09). `terms` explains why."""

    def __init__(self, terms: policy.Terms) -> None:
        self.terms = terms
        super().__init__("; ".join(finding.text for finding in terms.findings if not finding.holds))


def claim(
    line: OrderLine,
    *,
    kind: Kind,
    reason: Reason,
    quantity: int,
    declaration: Mapping[str, bool],
    at: datetime,
    numbers: policy.Numbers,
    evidence: int = 0,
) -> policy.Claim:
    """The facts of this wish as the policy wants them. Reads only; true under the buyer's lock."""
    order = line.order
    month = policy.buyer_month(at, numbers.time_zone)
    held = FreeReturnSlot.objects.filter(released_at__isnull=True)
    return policy.Claim(
        kind=kind,
        reason=reason,
        quantity=quantity,
        declaration=policy.Declaration(**declaration),
        evidence=evidence,
        at=at,
        received_at=order.received_at,
        bought=line.quantity,
        taken=pieces.taken(line),
        open_case=Case.objects.filter(line=line).open().exists(),
        unit_price=line.unit_price,
        shipping_cost=line.shipping_cost,
        currency=order.currency,
        free_return=line.free_return,
        free_used=held.filter(buyer=order.buyer_id, month=month).count(),
        label_used=held.filter(order=order).exists(),
    )


def quote(
    line: OrderLine,
    *,
    kind: Kind,
    reason: Reason,
    quantity: int,
    declaration: Mapping[str, bool],
    at: datetime,
) -> policy.Terms:
    """The terms the buyer would get now (R15). Promises nothing, changes nothing."""
    numbers = PolicyVersion.current(at).numbers
    facts = claim(
        line,
        kind=kind,
        reason=reason,
        quantity=quantity,
        declaration=declaration,
        at=at,
        numbers=numbers,
    )
    return policy.terms(facts, numbers)


def claim_slot(case: Case, *, at: datetime) -> FreeReturnSlot | None:
    """Claim the month's lowest free slot and the order's label (R10, R12); None when there is none.

    Under the buyer's lock the choice is right; the unique constraints see to it without.
    """
    numbers = case.policy.numbers
    month = policy.buyer_month(case.opened_at, numbers.time_zone)
    held = FreeReturnSlot.objects.filter(released_at__isnull=True)
    used = set(held.filter(buyer=case.buyer_id, month=month).values_list("number", flat=True))
    free = [number for number in range(1, numbers.free_per_month + 1) if number not in used]
    if not free or held.filter(order=case.order_id).exists():
        return None
    slot, _ = FreeReturnSlot.objects.update_or_create(
        case=case,
        defaults={
            "buyer_id": case.buyer_id,
            "order_id": case.order_id,
            "month": month,
            "number": free[0],
            "claimed_at": at,
            "released_at": None,
        },
    )
    return slot


def regain_slot(case: Case, *, at: datetime) -> bool:
    """When support orders or reopens a return: claim a slot it gave back, if one is left."""
    lock_parties(case.order)
    kept = FreeReturnSlot.objects.filter(case=case, released_at__isnull=True).exists()
    return kept or claim_slot(case, at=at) is not None


def release_slots(cases: Iterable[Case], *, at: datetime) -> None:
    """Give their slots back, but those whose label was issued (R10)."""
    FreeReturnSlot.objects.filter(
        case__in=cases, released_at__isnull=True, label_issued_at__isnull=True
    ).update(released_at=at)


def use_slot(case: Case, *, at: datetime) -> None:
    """The label exists: from here on the slot is not given back."""
    FreeReturnSlot.objects.filter(case=case, label_issued_at__isnull=True).update(
        label_issued_at=at
    )


def lock_parties(order: Order) -> None:
    """Lock the buyer, then the order: whoever opens a free return waits here for the one before."""
    type(order.buyer).objects.select_for_update().get(pk=order.buyer_id)
    Order.objects.select_for_update().get(pk=order.pk)
