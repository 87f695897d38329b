"""The verbs: all that may happen to a case, and the only place where its state is written.

Every verb locks the case, asks the table of moves, and writes state and journal in one transaction
(`hand.py`). `at` is when it happened (aware); `by` names the person or partner. A verb that the
state forbids raises NotNow, one with senseless facts ValueError; either way nothing is written.
"""

from returns.workflow.deadlines import (
    lapse,
    lapse_due,
    set_aside,
)
from returns.workflow.parcel import (
    choose_handover,
    count_received,
    extend_handover,
    grant,
    hand_over,
    hand_to_support,
    inspect,
    issue_label,
    lose,
    pack,
    receive,
    reimburse_postage,
    scan,
)
from returns.workflow.review import (
    accept,
    accept_offer,
    answer,
    ask,
    cancel,
    decline_offer,
    offer,
    open_dispute,
    refuse,
)
from returns.workflow.support import (
    assign,
    complete_refund,
    confirm_verdict,
    decide,
    escalate,
    refuse_refund,
    reject_verdict,
    reopen,
)
from returns.workflow.words import (
    add_evidence,
    add_message,
    note,
)

__all__ = [
    "accept",
    "accept_offer",
    "add_evidence",
    "add_message",
    "answer",
    "ask",
    "assign",
    "cancel",
    "choose_handover",
    "complete_refund",
    "confirm_verdict",
    "count_received",
    "decide",
    "decline_offer",
    "escalate",
    "extend_handover",
    "grant",
    "hand_over",
    "hand_to_support",
    "inspect",
    "issue_label",
    "lapse",
    "lapse_due",
    "lose",
    "note",
    "offer",
    "open_dispute",
    "pack",
    "receive",
    "refuse",
    "refuse_refund",
    "reimburse_postage",
    "reject_verdict",
    "reopen",
    "scan",
    "set_aside",
]
