"""What the ground floor remembers: shop, policy, case, journal, mail and keys."""

from returns.models.case import Case, Evidence, FreeReturnSlot, Message, Offer, Verdict
from returns.models.clock import SimulatedClock
from returns.models.journal import Entry, Notice, Reaction
from returns.models.keys import ApiKey, IdempotentAnswer
from returns.models.policy import PolicyVersion
from returns.models.shop import Buyer, Order, OrderLine, Seller

__all__ = [
    "ApiKey",
    "Buyer",
    "Case",
    "Entry",
    "Evidence",
    "FreeReturnSlot",
    "IdempotentAnswer",
    "Message",
    "Notice",
    "Offer",
    "Order",
    "OrderLine",
    "PolicyVersion",
    "Reaction",
    "Seller",
    "SimulatedClock",
    "Verdict",
]
