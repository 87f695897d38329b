"""What follows which event where only couriers are looked at: labels, and no letters or bookings.

In place of backoffice.reactions, by settings.ROOT_REACTIONS.
"""

from logistics.workflow import order_label, void_label
from returns.journal import Following
from returns.states import Event

reactions: dict[Event, list[Following]] = {
    Event.ACCEPTED: [order_label],
    Event.CANCELLED: [void_label],
    Event.NOT_HANDED_OVER: [void_label],
}
