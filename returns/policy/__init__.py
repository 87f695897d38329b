"""The rules of POLICY.md as pure functions: plain values in, an explained decision out."""

from returns.policy.facts import Claim, Declaration, Finding, Numbers
from returns.policy.handover import (
    handover_extension,
    handover_methods,
    may_cancel,
    pickup_failed,
)
from returns.policy.postage import postage_covered, postage_may_follow
from returns.policy.review import (
    Lapse,
    after_inspection,
    deadline,
    lapse,
    may_escalate,
    piece_accepted,
)
from returns.policy.terms import (
    Terms,
    buyer_month,
    evidence_required,
    exchange_advice,
    seller_at_fault,
    terms,
)
from returns.policy.verdict import second_person_needed

__all__ = [
    "Claim",
    "Declaration",
    "Finding",
    "Lapse",
    "Numbers",
    "Terms",
    "after_inspection",
    "buyer_month",
    "deadline",
    "evidence_required",
    "exchange_advice",
    "handover_extension",
    "handover_methods",
    "lapse",
    "may_cancel",
    "may_escalate",
    "pickup_failed",
    "piece_accepted",
    "postage_covered",
    "postage_may_follow",
    "second_person_needed",
    "seller_at_fault",
    "terms",
]
