"""Payment providers, one file each, all of one shape; `for_provider` finds one by its name."""

from refunds.gateways.contract import (
    GatewayAnswer,
    GatewayRefund,
    NoAnswer,
    Outcome,
    PaymentGateway,
    RefundRequest,
)
from refunds.gateways.sandbox import SandboxGateway

__all__ = [
    "GatewayAnswer",
    "GatewayRefund",
    "NoAnswer",
    "Outcome",
    "PaymentGateway",
    "RefundRequest",
    "UnknownProvider",
    "for_provider",
]

GATEWAYS: dict[str, type[PaymentGateway]] = {"sandbox": SandboxGateway}


class UnknownProvider(LookupError):
    """No gateway goes by this name."""


def for_provider(name: str) -> PaymentGateway:
    """The gateway of the provider through which an order was paid."""
    try:
        return GATEWAYS[name]()
    except KeyError:
        raise UnknownProvider(f"There is no gateway for the provider “{name}”.") from None
