"""The books: double entry, append-only, each booking once. Who bears what (R29).

Debit is above zero, credit below: a seller in debit owes us, a buyer in credit is owed by us.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from refunds.models import LedgerEntry, Refund
from returns.models import Case

Account = LedgerEntry.Account
Kind = LedgerEntry.Kind


def refund_owed(refund: Refund, *, at: datetime) -> None:
    """Promised: the seller bears the item, the marketplace the postage that the buyer laid out."""
    sides = {
        Account.SELLER: refund.amount,
        Account.MARKETPLACE: refund.postage,
        Account.BUYER: -refund.total,
    }
    _book(Kind.REFUND_OWED, refund.case, sides, refund=refund, at=at)


def refund_paid(refund: Refund, *, at: datetime) -> None:
    """Paid: the buyer is owed no more, the bank's account has less."""
    sides = {Account.BUYER: refund.total, Account.BANK: -refund.total}
    _book(Kind.REFUND_PAID, refund.case, sides, refund=refund, at=at)


def courier_claimed(refund: Refund, amount: Decimal, *, at: datetime) -> None:
    """R26: what is lost or damaged in transport is the courier's to pay, not the seller's."""
    sides = {Account.COURIER_CLAIM: amount, Account.SELLER: -amount}
    _book(Kind.COURIER_CLAIMED, refund.case, sides, refund=refund, at=at)


def refund_withdrawn(refund: Refund, *, at: datetime) -> None:
    """Not paid after all: every account that this refund moved is moved back."""
    sides: defaultdict[LedgerEntry.Account, Decimal] = defaultdict(Decimal)
    for account, amount in refund.ledger.values_list("account", "amount"):
        sides[Account(account)] -= amount
    _book(Kind.REFUND_WITHDRAWN, refund.case, sides, refund=refund, at=at)


def label_bought(case: Case, cost: Decimal, currency: str, *, at: datetime) -> None:
    """R29: the marketplace bears the label of a free return, and owes it to the courier."""
    sides = {Account.MARKETPLACE: cost, Account.COURIER: -cost}
    _book(Kind.LABEL, case, sides, currency=currency, at=at)


def _book(
    kind: LedgerEntry.Kind,
    case: Case,
    sides: Mapping[LedgerEntry.Account, Decimal],
    *,
    at: datetime,
    refund: Refund | None = None,
    currency: str = "",
) -> None:
    """Write one journal; told twice, booked once. Raises ValueError when it does not balance."""
    if sum(sides.values()) != 0:
        raise ValueError(f"{kind} of {case} does not balance: {sides}")
    source = refund.reference if refund else case.number
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                journal=f"{kind}:{source}",
                kind=kind,
                case=case,
                refund=refund,
                account=account,
                amount=amount,
                currency=currency or case.currency,
                at=at,
            )
            for account, amount in sides.items()
            if amount
        ],
        ignore_conflicts=True,
    )
