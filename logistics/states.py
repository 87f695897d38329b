"""A pick-up's life as one table, and the few words parcels are described with."""

from django.db.models import TextChoices

from returns.machine import Machine


class Carried(TextChoices):
    """R20–R22: on whose account the parcel travels."""

    FREE_LABEL = "free_label", "Free label"
    OWN = "own", "Own courier, at the buyer's cost"
    REIMBURSED = "reimbursed", "Own courier, postage reimbursed"


class LabelState(TextChoices):
    """R12: what became of the free label. A parcel by own courier has none."""

    NONE = "", "No label of ours"
    ORDERED = "ordered", "Ordered from the courier"
    LIVE = "live", "Live"
    USED = "used", "Used"
    VOIDED = "voided", "Voided"
    EXPIRED = "expired", "Expired"


class LabelSize(TextChoices):
    """The paper a label is printed on; `qr` is the code alone, for a counter that prints."""

    FOUR_BY_SIX = "4x6", "4 × 6 inches"
    A6 = "a6", "A6"
    A4 = "a4", "A4, with what to do"
    QR = "qr", "Code for the counter"


class LabelFormat(TextChoices):
    """How a page of a label is written down."""

    PDF = "pdf", "PDF"
    PNG = "png", "PNG"
    ZPL = "zpl", "ZPL"
    SVG = "svg", "SVG"


class CodeState(TextChoices):
    """What a counter learns of the code it scanned."""

    READY = "ready", "Ready"
    USED = "used", "Used"
    EXPIRED = "expired", "Expired"
    INVALID = "invalid", "Invalid"


class Bearer(TextChoices):
    """R29: who bears what the carriage costs."""

    MARKETPLACE = "marketplace", "Marketplace"
    SELLER = "seller", "Seller"
    BUYER = "buyer", "Buyer"


class Direction(TextChoices):
    """Which way the messages go that a secret signs."""

    IN = "in", "From the courier"
    OUT = "out", "To the courier"


class Mode(TextChoices):
    """What a credential is for: what is signed for testing is answered and touches nothing."""

    LIVE = "live", "Live"
    TEST = "test", "Test"


class Gateway(TextChoices):
    """How a courier is spoken to (logistics/couriers)."""

    PARTNER = "partner", "Signed webhooks to its endpoint"
    INTERNAL = "internal", "Nobody to call: our labels, vans ordered by a person"
    SIMULATOR = "simulator", "The sandbox's simulated courier"
    KARRIO = "karrio", "A carrier's own interface, through Karrio"


#: Ways of speaking by which the courier makes the label, and gives it a number of its own.
HANDS_OUT_NUMBERS = frozenset({Gateway.KARRIO})
#: Ways of speaking by which the courier is asked for news, and tells none by itself.
IS_ASKED = frozenset({Gateway.KARRIO})


class Carrier(TextChoices):
    """Carriers whose own interface we can speak (through Karrio, by its names)."""

    AUSTRALIA_POST = "australiapost", "Australia Post"
    CANADA_POST = "canadapost", "Canada Post"
    USPS = "usps", "USPS"


#: What an account with each needs, as the carrier calls it.
CARRIER_DETAILS: dict[Carrier, tuple[str, ...]] = {
    Carrier.AUSTRALIA_POST: ("api_key", "password", "account_number"),
    Carrier.CANADA_POST: ("username", "password", "customer_number"),
    Carrier.USPS: ("client_id", "client_secret", "account_number", "CRID", "MID"),
}


class PickupState(TextChoices):
    """Where a booked pick-up stands (R23)."""

    REQUESTED = "requested", "Requested"
    CONFIRMED = "confirmed", "Confirmed"
    MOVE_REQUESTED = "move_requested", "Confirmed, to be moved"
    CANCEL_REQUESTED = "cancel_requested", "To be cancelled"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    REJECTED = "rejected", "Rejected by the courier"
    CANCELLED = "cancelled", "Cancelled"


class PickupEvent(TextChoices):
    """What may happen to a pick-up."""

    REQUESTED = "requested", "Requested"
    CONFIRMED = "confirmed", "Confirmed by the courier"
    RESCHEDULED = "rescheduled", "Moved by the buyer"
    MOVE_REJECTED = "move_rejected", "Not moved by the courier"
    CANCEL_REQUESTED = "cancel_requested", "Cancellation asked for"
    CANCEL_REJECTED = "cancel_rejected", "Cancellation rejected"
    ATTEMPT_FAILED = "attempt_failed", "Attempt failed"
    FAILED = "failed", "Given up"
    COMPLETED = "completed", "Parcel collected"
    REJECTED = "rejected", "Rejected by the courier"
    CANCELLED = "cancelled", "Cancelled"


#: Couriers' messages arrive in any order: whoever attempted had confirmed, and of the ends that are
#: told of one van the weightiest stands, whichever came first: a parcel that was collected was
#: collected, whatever had been agreed.
PICKUP: Machine[PickupState, PickupEvent] = Machine(
    start=(PickupEvent.REQUESTED, PickupState.REQUESTED),
    moves={
        (PickupState.REQUESTED, PickupEvent.CONFIRMED): PickupState.CONFIRMED,
        (PickupState.REQUESTED, PickupEvent.RESCHEDULED): PickupState.REQUESTED,
        (PickupState.REQUESTED, PickupEvent.ATTEMPT_FAILED): PickupState.CONFIRMED,
        (PickupState.REQUESTED, PickupEvent.FAILED): PickupState.FAILED,
        (PickupState.REQUESTED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.REQUESTED, PickupEvent.REJECTED): PickupState.REJECTED,
        (PickupState.REQUESTED, PickupEvent.CANCEL_REQUESTED): PickupState.CANCEL_REQUESTED,
        (PickupState.REQUESTED, PickupEvent.CANCELLED): PickupState.CANCELLED,
        (PickupState.CONFIRMED, PickupEvent.CONFIRMED): PickupState.CONFIRMED,
        (PickupState.CONFIRMED, PickupEvent.RESCHEDULED): PickupState.MOVE_REQUESTED,
        (PickupState.CONFIRMED, PickupEvent.ATTEMPT_FAILED): PickupState.CONFIRMED,
        (PickupState.CONFIRMED, PickupEvent.FAILED): PickupState.FAILED,
        (PickupState.CONFIRMED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.CONFIRMED, PickupEvent.REJECTED): PickupState.REJECTED,
        (PickupState.CONFIRMED, PickupEvent.CANCEL_REQUESTED): PickupState.CANCEL_REQUESTED,
        (PickupState.CONFIRMED, PickupEvent.CANCELLED): PickupState.CANCELLED,
        (PickupState.MOVE_REQUESTED, PickupEvent.CONFIRMED): PickupState.CONFIRMED,
        (PickupState.MOVE_REQUESTED, PickupEvent.RESCHEDULED): PickupState.MOVE_REQUESTED,
        (PickupState.MOVE_REQUESTED, PickupEvent.MOVE_REJECTED): PickupState.CONFIRMED,
        (PickupState.MOVE_REQUESTED, PickupEvent.ATTEMPT_FAILED): PickupState.MOVE_REQUESTED,
        (PickupState.MOVE_REQUESTED, PickupEvent.FAILED): PickupState.FAILED,
        (PickupState.MOVE_REQUESTED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.MOVE_REQUESTED, PickupEvent.CANCEL_REQUESTED): PickupState.CANCEL_REQUESTED,
        (PickupState.MOVE_REQUESTED, PickupEvent.CANCELLED): PickupState.CANCELLED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.CONFIRMED): PickupState.CANCEL_REQUESTED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.ATTEMPT_FAILED): PickupState.CANCEL_REQUESTED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.FAILED): PickupState.FAILED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.REJECTED): PickupState.REJECTED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.CANCELLED): PickupState.CANCELLED,
        (PickupState.CANCEL_REQUESTED, PickupEvent.CANCEL_REJECTED): PickupState.CONFIRMED,
        (PickupState.CANCELLED, PickupEvent.REJECTED): PickupState.REJECTED,
        (PickupState.CANCELLED, PickupEvent.FAILED): PickupState.FAILED,
        (PickupState.CANCELLED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.REJECTED, PickupEvent.FAILED): PickupState.FAILED,
        (PickupState.REJECTED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.FAILED, PickupEvent.COMPLETED): PickupState.COMPLETED,
        (PickupState.COMPLETED, PickupEvent.COMPLETED): PickupState.COMPLETED,
    },
)
OPEN_PICKUPS = frozenset(
    {
        PickupState.REQUESTED,
        PickupState.CONFIRMED,
        PickupState.MOVE_REQUESTED,
        PickupState.CANCEL_REQUESTED,
    }
)


class MessageType(TextChoices):
    """What we tell couriers."""

    LABEL_ORDERED = "label.ordered", "Label to be made"
    LABEL_CREATED = "label.created", "Label created"
    LABEL_VOIDED = "label.voided", "Label voided"
    PICKUP_REQUESTED = "pickup.requested", "Pick-up requested"
    PICKUP_RESCHEDULE_REQUESTED = "pickup.reschedule_requested", "Pick-up to be moved"
    PICKUP_CANCEL_REQUESTED = "pickup.cancel_requested", "Pick-up to be cancelled"
    PING = "courier.ping", "Test message"


class ImportState(TextChoices):
    """Where a courier's file of drop-off points stands."""

    WAITING = "waiting", "Being read"
    STAGED = "staged", "To be looked at"
    CONFIRMED = "confirmed", "Being applied"
    APPLIED = "applied", "Applied"
    DISCARDED = "discarded", "Discarded"
    FAILED = "failed", "Could not be taken"


class ImportEvent(TextChoices):
    """What may happen to such a file."""

    RECEIVED = "received", "Received"
    READ = "read", "Read"
    CONFIRMED = "confirmed", "Confirmed"
    OUTDATED = "outdated", "The points changed meanwhile"
    APPLIED = "applied", "Applied"
    DISCARDED = "discarded", "Discarded"
    FAILED = "failed", "Could not be taken"


#: Nothing is applied that nobody looked at: when the points changed since, it is read again.
POINT_IMPORT: Machine[ImportState, ImportEvent] = Machine(
    start=(ImportEvent.RECEIVED, ImportState.WAITING),
    moves={
        (ImportState.WAITING, ImportEvent.READ): ImportState.STAGED,
        (ImportState.WAITING, ImportEvent.FAILED): ImportState.FAILED,
        (ImportState.WAITING, ImportEvent.DISCARDED): ImportState.DISCARDED,
        (ImportState.STAGED, ImportEvent.CONFIRMED): ImportState.CONFIRMED,
        (ImportState.STAGED, ImportEvent.OUTDATED): ImportState.WAITING,
        (ImportState.STAGED, ImportEvent.DISCARDED): ImportState.DISCARDED,
        (ImportState.CONFIRMED, ImportEvent.APPLIED): ImportState.APPLIED,
        (ImportState.CONFIRMED, ImportEvent.OUTDATED): ImportState.WAITING,
        (ImportState.CONFIRMED, ImportEvent.FAILED): ImportState.FAILED,
    },
)
IMPORTS_OVER = frozenset({ImportState.APPLIED, ImportState.DISCARDED, ImportState.FAILED})
IMPORTS_DUE = frozenset({ImportState.WAITING, ImportState.CONFIRMED})


class Fate(TextChoices):
    """What becomes of a message after a try."""

    TAKEN = "taken", "Taken"
    AGAIN = "again", "Not now: again by schedule"
    #: Two more tries, then a person looks.
    HOPELESS = "hopeless", "Not wanted like this"
    ABORTED = "aborted", "Asked not to try again"
    GONE = "gone", "Nobody is there any more"


class Ending(TextChoices):
    """Why a message is not tried any more without having been told."""

    EXHAUSTED = "exhausted", "Tried in vain"
    REFUSED = "refused", "Refused by the courier"
    ABORTED = "aborted", "The courier asked us to stop"
    GONE = "gone", "The endpoint is gone"
    EXPIRED = "expired", "Too late for the van"
    OVERTAKEN = "overtaken", "Taken back before it was told"
    DISCARDED = "discarded", "Discarded"


#: What a person must look at.
DEAD_LETTERS = (
    *(Ending.EXHAUSTED, Ending.REFUSED, Ending.ABORTED),
    *(Ending.GONE, Ending.EXPIRED),
)
