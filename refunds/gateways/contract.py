"""What a payment provider must be able to do, and say of itself, before money goes through it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What one attempt is known to have done."""

    PAID = "paid"
    REFUSED = "refused"  # a definite no: nothing was paid, and nothing will be by trying again
    UNKNOWN = "unknown"  # everything else. Never a no: ask before sending again
    NOT_FOUND = "not_found"  # asked, not sent: nothing is in the provider's book


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What is sent, every time with the same key and the same words."""

    reference: str
    key: str
    amount: Decimal
    currency: str
    payment_reference: str


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """What came back: `bank_reference` with PAID, `reason` otherwise.

    `found` says that the money was not sent now: asking found what an earlier attempt had sent.
    """

    outcome: Outcome
    bank_reference: str = ""
    reason: str = ""
    retry_after: timedelta | None = None
    found: bool = False


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund in the provider's own book."""

    bank_reference: str
    reference: str
    amount: Decimal
    currency: str

    def answers(self, request: RefundRequest) -> bool:
        """Whether this is the very refund that was asked for."""
        return (self.reference, self.amount, self.currency) == (
            request.reference,
            request.amount,
            request.currency,
        )


class NoAnswer(Exception):
    """The provider could not be asked, or said nothing that can be read."""


class PaymentGateway(Protocol):
    """One payment provider. Its properties decide what may be done about an unknown outcome.

    `key_lifetime`: how long the same key pays once; after it only asking helps.
    `read_after_write_lag`: how long after sending a "not found" proves nothing.
    `find_by_reference`: whether `find` can be trusted at all.
    `caches_errors`: whether an error is replayed under its key.
    `late_failures`: whether a paid refund may still come back.
    """

    key_lifetime: timedelta
    read_after_write_lag: timedelta
    find_by_reference: bool
    caches_errors: bool
    late_failures: bool

    def refund(self, request: RefundRequest) -> GatewayAnswer:
        """Ask for the money to be sent. Never raises for what the provider or the network did."""
        ...

    def find(self, reference: str) -> GatewayRefund | None:
        """What the provider has under our reference; raises NoAnswer when it cannot be asked."""
        ...
