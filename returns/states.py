"""A case's life as one table, and the words that go with it."""

from django.db.models import TextChoices

from returns.machine import Machine


class Kind(TextChoices):
    """R02: a dispute is one of two kinds. There is no exchange (R06)."""

    REFUND_ONLY = "refund_only", "Refund Only"
    RETURN_AND_REFUND = "return_and_refund", "Return & Refund"


class Reason(TextChoices):
    """R03: exactly this list."""

    EASY_LOCAL_RETURNS = "easy_local_returns", "Easy Local Returns"
    PERSONAL_REASONS = "personal_reasons", "Personal reasons"
    SHIPPING_METHOD = "shipping_method_not_as_described", "Shipping method was not as described"
    QUALITY_PROBLEMS = "quality_problems", "Quality problems"
    DAMAGED_GOODS = "damaged_goods", "Damaged goods"
    # The source prints "Quality shortage"; admin search knows both spellings.
    QUANTITY_SHORTAGE = "quantity_shortage", "Quantity shortage"
    COUNTERFEIT_GOODS = "counterfeit_goods", "Received counterfeit goods"
    ACCESSORIES_PROBLEMS = "accessories_problems", "Problems with the accessories"


class TermsOutcome(TextChoices):
    """R15: what a return costs, and who decides on it."""

    FREE = "free", "Free return"
    BUYER_PAYS = "buyer_pays", "At the buyer's cost"
    SELLER_DECIDES = "seller_decides", "The seller decides"
    NOT_POSSIBLE = "not_possible", "Not possible"


class Handover(TextChoices):
    """R20–R22: how the parcel leaves the buyer."""

    DROP_OFF = "drop_off", "Drop-off point"
    PICKUP = "pickup", "Door-to-door pick-up"
    OWN_COURIER = "own_courier", "Own courier, registered mail"


class InspectionOutcome(TextChoices):
    """R26: what the inspection finds of one piece; money follows from it."""

    AS_NEW = "as_new", "As new"
    OPENED = "opened", "Opened, in good condition"
    DAMAGED_AS_DESCRIBED = "damaged_as_described", "Damaged as the buyer described"
    DAMAGED_UNDECLARED = "damaged_undeclared", "Damaged and not declared"
    DAMAGED_IN_TRANSIT = "damaged_in_transit", "Damaged in transport"
    WRONG_ITEM = "wrong_item", "Not the item that was sold"
    MISSING = "missing", "Handed over, but not in the parcel"


class Grade(TextChoices):
    """R25: in what condition a piece is to be sold again; no money follows from it."""

    A = "A", "A: as new"
    B = "B", "B: opened, good"
    C = "C", "C: used or damaged, can be sold"
    D = "D", "D: cannot be sold"


class Disposition(TextChoices):
    """R25: where a piece goes after inspection."""

    RESTOCK = "restock", "Back into inventory"
    REFURBISH = "refurbish", "To be refurbished"
    RETURN_TO_SELLER = "return_to_seller", "Back to the seller"
    RETURN_TO_BUYER = "return_to_buyer", "Back to the buyer"
    RECYCLE = "recycle", "Recycle"
    DISCARD = "discard", "Discard"
    QUARANTINE = "quarantine", "Quarantine"
    MISSING = "missing", "Missing"


class Resolution(TextChoices):
    """What a case ended in."""

    REFUNDED = "refunded", "Refunded in full"
    PARTLY_REFUNDED = "partly_refunded", "Refunded in part"
    CANCELLED = "cancelled", "Cancelled by the buyer"
    DECLINED = "declined", "Declined by the seller"
    REFUSAL_UPHELD = "refusal_upheld", "Refusal upheld by support"
    NOT_HANDED_OVER = "not_handed_over", "Parcel not handed over"


class Purpose(TextChoices):
    """What a picture or video is to show."""

    EVIDENCE = "", "Evidence on the item"
    POSTAGE = "proof_of_postage", "Proof of postage"


class Actor(TextChoices):
    """R33: who did it."""

    BUYER = "buyer", "Buyer"
    SELLER = "seller", "Seller"
    SUPPORT = "support", "Support"
    COURIER = "courier", "Courier"
    WAREHOUSE = "warehouse", "Warehouse"
    PAYMENT = "payment", "Payment"
    POLICY = "policy", "The policy"
    CLOCK = "clock", "The clock"


class State(TextChoices):
    """What a case is waiting in."""

    UNDER_REVIEW = "under_review", "Under review"
    INFO_REQUESTED = "info_requested", "More information requested"
    OFFER_MADE = "offer_made", "Partial refund offered"
    AWAITING_RETURN = "awaiting_return", "Awaiting the return"
    IN_TRANSIT = "in_transit", "In transit"
    INSPECTING = "inspecting", "Being inspected"
    INVESTIGATING = "investigating", "Seller investigates"
    DECLINED = "declined", "Declined"
    ESCALATED = "escalated", "With support"
    REFUND_PENDING = "refund_pending", "Refund on its way"
    REFUNDED = "refunded", "Refunded"
    CLOSED = "closed", "Closed"


class Event(TextChoices):
    """What happened: past participles. Those that stay in a state are on the timeline too."""

    OPENED = "opened", "Dispute opened"
    ACCEPTED = "accepted", "Return accepted"
    REFUND_ACCEPTED = "refund_accepted", "Refund without return accepted"
    REFUSED = "refused", "Refused by the seller"
    REFUSED_FINALLY = "refused_finally", "Refused by the seller, finally"
    LAPSED = "lapsed", "Declined by lapse"
    LAPSED_FINALLY = "lapsed_finally", "Declined by lapse, finally"
    INFO_REQUESTED = "info_requested", "More information requested"
    INFO_GIVEN = "info_given", "Information given"
    INFO_LAPSED = "info_lapsed", "No information given in time"
    OFFERED = "offered", "Partial refund offered"
    OFFER_ACCEPTED = "offer_accepted", "Offer accepted"
    OFFER_DECLINED = "offer_declined", "Offer declined"
    OFFER_LAPSED = "offer_lapsed", "Offer not answered in time"
    HANDED_TO_SUPPORT = "handed_to_support", "Handed to support"
    CANCELLED = "cancelled", "Cancelled by the buyer"
    HANDOVER_CHOSEN = "handover_chosen", "Way of return chosen"
    HANDOVER_EXTENDED = "handover_extended", "More time to hand over"
    HANDED_OVER = "handed_over", "Parcel handed over"
    NOT_HANDED_OVER = "not_handed_over", "Not handed over in time"
    SCANNED = "scanned", "News of the parcel"
    LOST = "lost", "Parcel lost"
    RECEIVED = "received", "Parcel received"
    INSPECTION_PASSED = "inspection_passed", "Inspection passed"
    INSPECTION_LAPSED = "inspection_lapsed", "Passed, not inspected in time"
    INSPECTION_DISPUTED = "inspection_disputed", "Inspection found damage"
    REFUND_GRANTED = "refund_granted", "Refund granted by the seller"
    REFUND_GRANTED_BY_LAPSE = "refund_granted_by_lapse", "Refund granted, no answer in time"
    PART_APPROVED = "part_approved", "Refund of the accepted pieces approved"
    ESCALATED = "escalated", "Escalated by the buyer"
    ESCALATION_LAPSED = "escalation_lapsed", "Not escalated in time"
    ALARMED = "alarmed", "Overdue, support alarmed"
    VERDICT_PROPOSED = "verdict_proposed", "Verdict waits for a second person"
    VERDICT_REJECTED = "verdict_rejected", "Second person sent the verdict back"
    REFUND_ORDERED = "refund_ordered", "Support decided: refund"
    RETURN_ORDERED = "return_ordered", "Support decided: return required"
    REFUSAL_UPHELD = "refusal_upheld", "Support decided: refusal upheld"
    REFUND_PAID = "refund_paid", "Refund paid"
    REFUND_REFUSED = "refund_refused", "Bank refused the refund"
    REOPENED = "reopened", "Reopened by support"
    # These never move a case; they stand on its timeline in any state.
    MESSAGE_SENT = "message_sent", "Message"
    EVIDENCE_ADDED = "evidence_added", "Evidence added"
    NOTED = "noted", "Note"


#: Entries that are written in any state and move nothing (R33).
NOTES = frozenset({Event.MESSAGE_SENT, Event.EVIDENCE_ADDED, Event.NOTED})

MACHINE: Machine[State, Event] = Machine(
    start=(Event.OPENED, State.UNDER_REVIEW),
    moves={
        (State.UNDER_REVIEW, Event.ACCEPTED): State.AWAITING_RETURN,
        (State.UNDER_REVIEW, Event.REFUND_ACCEPTED): State.REFUND_PENDING,
        (State.UNDER_REVIEW, Event.REFUSED): State.DECLINED,
        (State.UNDER_REVIEW, Event.REFUSED_FINALLY): State.CLOSED,
        (State.UNDER_REVIEW, Event.LAPSED): State.DECLINED,
        (State.UNDER_REVIEW, Event.LAPSED_FINALLY): State.CLOSED,
        (State.UNDER_REVIEW, Event.INFO_REQUESTED): State.INFO_REQUESTED,
        (State.UNDER_REVIEW, Event.OFFERED): State.OFFER_MADE,
        (State.UNDER_REVIEW, Event.HANDED_TO_SUPPORT): State.ESCALATED,
        (State.UNDER_REVIEW, Event.CANCELLED): State.CLOSED,
        (State.INFO_REQUESTED, Event.INFO_GIVEN): State.UNDER_REVIEW,
        (State.INFO_REQUESTED, Event.INFO_LAPSED): State.UNDER_REVIEW,
        (State.INFO_REQUESTED, Event.CANCELLED): State.CLOSED,
        (State.OFFER_MADE, Event.OFFER_ACCEPTED): State.REFUND_PENDING,
        (State.OFFER_MADE, Event.OFFER_DECLINED): State.UNDER_REVIEW,
        (State.OFFER_MADE, Event.OFFER_LAPSED): State.UNDER_REVIEW,
        (State.OFFER_MADE, Event.HANDED_TO_SUPPORT): State.ESCALATED,
        (State.OFFER_MADE, Event.CANCELLED): State.CLOSED,
        (State.AWAITING_RETURN, Event.HANDOVER_CHOSEN): State.AWAITING_RETURN,
        (State.AWAITING_RETURN, Event.HANDOVER_EXTENDED): State.AWAITING_RETURN,
        (State.AWAITING_RETURN, Event.HANDED_OVER): State.IN_TRANSIT,
        (State.AWAITING_RETURN, Event.NOT_HANDED_OVER): State.CLOSED,
        (State.AWAITING_RETURN, Event.CANCELLED): State.CLOSED,
        (State.IN_TRANSIT, Event.SCANNED): State.IN_TRANSIT,
        (State.IN_TRANSIT, Event.RECEIVED): State.INSPECTING,
        (State.IN_TRANSIT, Event.LOST): State.ESCALATED,
        (State.IN_TRANSIT, Event.HANDED_TO_SUPPORT): State.ESCALATED,
        (State.INSPECTING, Event.INSPECTION_PASSED): State.REFUND_PENDING,
        (State.INSPECTING, Event.INSPECTION_LAPSED): State.REFUND_PENDING,
        (State.INSPECTING, Event.INSPECTION_DISPUTED): State.INVESTIGATING,
        (State.INVESTIGATING, Event.REFUND_GRANTED): State.REFUND_PENDING,
        (State.INVESTIGATING, Event.REFUND_GRANTED_BY_LAPSE): State.REFUND_PENDING,
        (State.INVESTIGATING, Event.REFUSED): State.DECLINED,
        (State.INVESTIGATING, Event.REFUSED_FINALLY): State.CLOSED,
        # Whatever is refused, the pieces that the inspection accepted are paid.
        (State.INVESTIGATING, Event.PART_APPROVED): State.REFUND_PENDING,
        (State.DECLINED, Event.ESCALATED): State.ESCALATED,
        (State.DECLINED, Event.ESCALATION_LAPSED): State.CLOSED,
        (State.DECLINED, Event.PART_APPROVED): State.REFUND_PENDING,
        (State.DECLINED, Event.CANCELLED): State.CLOSED,
        (State.ESCALATED, Event.ALARMED): State.ESCALATED,
        (State.ESCALATED, Event.VERDICT_PROPOSED): State.ESCALATED,
        (State.ESCALATED, Event.VERDICT_REJECTED): State.ESCALATED,
        (State.ESCALATED, Event.REFUND_ORDERED): State.REFUND_PENDING,
        (State.ESCALATED, Event.RETURN_ORDERED): State.AWAITING_RETURN,
        (State.ESCALATED, Event.REFUSAL_UPHELD): State.CLOSED,
        (State.ESCALATED, Event.PART_APPROVED): State.REFUND_PENDING,
        (State.ESCALATED, Event.RECEIVED): State.INSPECTING,
        (State.ESCALATED, Event.CANCELLED): State.CLOSED,
        (State.REFUND_PENDING, Event.ALARMED): State.REFUND_PENDING,
        (State.REFUND_PENDING, Event.REFUND_PAID): State.REFUNDED,
        (State.REFUND_PENDING, Event.REFUND_REFUSED): State.ESCALATED,
        (State.CLOSED, Event.REOPENED): State.AWAITING_RETURN,
    },
)

#: Nobody is waited for here, and no clock runs. `closed` can be reopened by support (R24) only.
TERMINAL = frozenset({State.REFUNDED, State.CLOSED})

#: R35: whom a waiting case waits for, and what then happens by itself, in words for everybody.
WAITS_FOR: dict[State, tuple[Actor, str]] = {
    State.UNDER_REVIEW: (Actor.SELLER, "the policy decides"),
    State.INFO_REQUESTED: (Actor.BUYER, "the review goes on with what is there"),
    State.OFFER_MADE: (Actor.BUYER, "the offer falls and the review goes on"),
    State.AWAITING_RETURN: (Actor.BUYER, "the case is closed"),
    State.IN_TRANSIT: (Actor.COURIER, "support looks for the parcel"),
    State.INSPECTING: (Actor.WAREHOUSE, "the refund is approved"),
    State.INVESTIGATING: (Actor.SELLER, "the refund is granted"),
    State.DECLINED: (Actor.BUYER, "the case is closed"),
    State.ESCALATED: (Actor.SUPPORT, "support is alarmed"),
    State.REFUND_PENDING: (Actor.PAYMENT, "support is alarmed"),
}
