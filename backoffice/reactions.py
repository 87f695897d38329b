"""The whole choreography: what must follow when something happened to a case.

Each follows in a worker, in a transaction of its own, until it is done (returns.journal). A
reaction only writes rows; banks, couriers and mail servers are called by the clock's tasks.
"""

from logistics.workflow import order_label, void_label
from refunds.workflow import book_label, open_refund
from returns.journal import Following
from returns.notices import TOLD, tell_parties
from returns.states import Event

_follow: dict[Event, list[Following]] = {
    # A free return gets its label, and loses it when nothing is sent (R12, R20).
    Event.ACCEPTED: [order_label],
    Event.RETURN_ORDERED: [order_label],
    Event.REOPENED: [order_label],
    Event.CANCELLED: [void_label],
    Event.NOT_HANDED_OVER: [void_label],
    # A label that is used costs us (R29).
    Event.HANDED_OVER: [book_label],
    # Each of these approves a refund (R18, R26, R31).
    Event.REFUND_ACCEPTED: [open_refund],
    Event.OFFER_ACCEPTED: [open_refund],
    Event.INSPECTION_PASSED: [open_refund],
    Event.INSPECTION_LAPSED: [open_refund],
    Event.REFUND_GRANTED: [open_refund],
    Event.REFUND_GRANTED_BY_LAPSE: [open_refund],
    Event.PART_APPROVED: [open_refund],
    Event.REFUND_ORDERED: [open_refund],
}

#: Everything that concerns a party is told to it (R34).
reactions: dict[Event, list[Following]] = {
    event: [*_follow.get(event, ()), *([tell_parties] if event in TOLD else ())]
    for event in (*_follow, *(event for event in TOLD if event not in _follow))
}
