"""A refund's life as one table."""

from django.db.models import TextChoices

from returns.machine import Machine


class RefundState(TextChoices):
    """Where a refund's money is, as far as we know."""

    SCHEDULED = "scheduled", "Scheduled"
    SENDING = "sending", "Being sent"
    UNKNOWN = "unknown", "Being confirmed"  # sent, or perhaps sent: never shown as failed
    PAID = "paid", "Paid"
    REFUSED = "refused", "Not paid"


class RefundEvent(TextChoices):
    """What happened to it."""

    SCHEDULED = "scheduled", "Scheduled"
    CLAIMED = "claimed", "Taken in hand"
    UNANSWERED = "unanswered", "No clear answer"
    PAID = "paid", "Paid by the bank"
    REFUSED = "refused", "Refused by the bank"
    LAPSED = "lapsed", "Not paid inside the window"


MACHINE: Machine[RefundState, RefundEvent] = Machine(
    start=(RefundEvent.SCHEDULED, RefundState.SCHEDULED),
    moves={
        (RefundState.SCHEDULED, RefundEvent.CLAIMED): RefundState.SENDING,
        (RefundState.SCHEDULED, RefundEvent.LAPSED): RefundState.REFUSED,
        (RefundState.SENDING, RefundEvent.UNANSWERED): RefundState.UNKNOWN,
        (RefundState.SENDING, RefundEvent.PAID): RefundState.PAID,
        (RefundState.SENDING, RefundEvent.REFUSED): RefundState.REFUSED,
        (RefundState.SENDING, RefundEvent.LAPSED): RefundState.REFUSED,
        # Whoever held it is gone, perhaps after sending: the next one asks first.
        (RefundState.SENDING, RefundEvent.CLAIMED): RefundState.SENDING,
        (RefundState.UNKNOWN, RefundEvent.CLAIMED): RefundState.SENDING,
        # Told by the bank, not asked.
        (RefundState.UNKNOWN, RefundEvent.PAID): RefundState.PAID,
    },
)

#: Nothing more happens to these. A case that is to be paid after all gets a refund of its own.
TERMINAL = frozenset({RefundState.PAID, RefundState.REFUSED})
