"""The return case and what belongs to it."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from returns.models.policy import PolicyVersion
from returns.models.shop import Buyer, Order, OrderLine, Seller
from returns.states import (
    TERMINAL,
    WAITS_FOR,
    Actor,
    Handover,
    Kind,
    Purpose,
    Reason,
    Resolution,
    State,
    TermsOutcome,
)


class Cases(models.QuerySet["Case"]):
    def due(self, at: datetime) -> "Cases":
        """Waiting cases whose deadline has passed, longest due first, without those set aside."""
        return (
            self.filter(deadline_at__lte=at)
            .filter(Q(clock_retry_at__isnull=True) | Q(clock_retry_at__lte=at))
            .order_by("deadline_at", "id")
        )

    def open(self) -> "Cases":
        return self.exclude(state__in=TERMINAL)

    def taking(self) -> "Cases":
        """Cases that hold or held pieces of their item: all but those closed without a refund."""
        return self.exclude(state=State.CLOSED)


class Case(models.Model):
    """A return case: one dispute on one order item (R05). `state` is written in workflow/ only."""

    number = models.CharField(max_length=20, unique=True, help_text="The RMA number.")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="cases")
    order = models.ForeignKey(Order, models.PROTECT, related_name="cases")
    buyer = models.ForeignKey(Buyer, models.PROTECT, related_name="cases")
    seller = models.ForeignKey(Seller, models.PROTECT, related_name="cases")
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="cases")

    kind = models.CharField(max_length=20, choices=Kind)
    reason = models.CharField(max_length=40, choices=Reason)
    # The four counts of pieces; money follows the last.
    quantity = models.PositiveIntegerField(help_text="R05: how many pieces are claimed.")
    quantity_handed_over = models.PositiveIntegerField(
        null=True, blank=True, help_text="By the buyer's word; all that are claimed, unless told."
    )
    quantity_received = models.PositiveIntegerField(
        null=True, blank=True, help_text="R25: counted by the warehouse."
    )
    quantity_accepted = models.PositiveIntegerField(
        null=True, blank=True, help_text="R26: passed at inspection; these are paid in any case."
    )
    quantity_granted = models.PositiveIntegerField(
        default=0, help_text="R26, R31: paid beyond those, by the seller's or support's decision."
    )
    explanation = models.TextField(blank=True, help_text="R04: in the buyer's words.")
    declaration = models.JSONField(
        default=dict, help_text="R09: unused, undamaged, original_packaging, labels_intact."
    )
    terms = models.CharField(max_length=16, choices=TermsOutcome)
    terms_explanation = models.JSONField(default=list, help_text="R15: every rule looked at.")
    final = models.BooleanField(
        default=False, help_text="R13: the seller's decision cannot be escalated."
    )

    state = models.CharField(max_length=20, choices=State)
    state_since = models.DateTimeField()
    deadline_at = models.DateTimeField(
        null=True, blank=True, help_text="R35: when it moves by itself."
    )
    review_left = models.DurationField(
        null=True, blank=True, help_text="R16: the paused review clock."
    )
    info_asked = models.BooleanField(default=False, help_text="R16: once.")
    resolution = models.CharField(max_length=20, choices=Resolution, blank=True)

    opened_at = models.DateTimeField()
    declined_at = models.DateTimeField(null=True, blank=True)
    decline_reason = models.TextField(blank=True, help_text="R30: always with a reason.")
    handover = models.CharField(max_length=12, choices=Handover, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(
        null=True, blank=True, help_text="R27: when the refund was approved."
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    amount = models.DecimalField(
        max_digits=15, decimal_places=3, help_text="To be refunded for the item, in `currency`."
    )
    currency = models.CharField(max_length=3)
    postage = models.DecimalField(
        max_digits=15,
        decimal_places=3,
        default=Decimal(0),
        help_text="R22: the buyer's postage, reimbursed on top.",
    )

    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_cases",
    )
    alarms = models.PositiveSmallIntegerField(
        default=0, help_text="R27, R31: how often it was overdue."
    )

    clock_attempts = models.PositiveSmallIntegerField(default=0)
    clock_retry_at = models.DateTimeField(
        null=True, blank=True, help_text="Set aside until then: it objected."
    )
    clock_error = models.TextField(blank=True)

    objects = Cases.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("handle_case", "Can take a case, write on it and hand it to support"),
            ("decide_case", "Can give, confirm and send back a verdict"),
            ("reopen_case", "Can reopen a case"),
            ("act_for_seller", "Can answer on a seller's behalf"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="case_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=TERMINAL, deadline_at__isnull=True, closed_at__isnull=False)
                | (~Q(state__in=TERMINAL) & Q(deadline_at__isnull=False, closed_at__isnull=True)),
                name="case_waits_with_a_deadline_or_is_over",
            ),
            models.CheckConstraint(
                condition=(Q(state__in=TERMINAL) & ~Q(resolution=""))
                | (~Q(state__in=TERMINAL) & Q(resolution="")),
                name="case_resolution_when_over",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, amount__gte=0, postage__gte=0), name="case_amounts"
            ),
            models.CheckConstraint(
                condition=Q(quantity_handed_over__isnull=True)
                | Q(quantity_handed_over__gte=1, quantity_handed_over__lte=F("quantity")),
                name="case_handed_over_at_most_claimed",
            ),
            models.CheckConstraint(
                condition=Q(quantity_received__isnull=True)
                | Q(quantity_received__lte=F("quantity")),
                name="case_received_at_most_claimed",
            ),
            models.CheckConstraint(
                condition=Q(quantity_accepted__isnull=True, quantity_granted=0)
                | Q(
                    quantity_received__isnull=False,
                    quantity_accepted__lte=F("quantity_received"),
                    quantity_granted__lte=F("quantity") - F("quantity_accepted"),
                ),
                name="case_accepted_at_most_received",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.REFUND_PENDING) | Q(approved_at__isnull=False),
                name="case_refund_has_approval",
            ),
            models.UniqueConstraint(
                fields=["line"], condition=~Q(state__in=TERMINAL), name="one_open_case_an_item"
            ),
        ]
        indexes = [
            models.Index(
                fields=["deadline_at", "id"],
                condition=Q(deadline_at__isnull=False),
                name="case_due",
            ),
            models.Index(fields=["state", "deadline_at"], name="case_queue"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def over(self) -> bool:
        return self.state in TERMINAL

    @property
    def waits_for(self) -> Actor | None:
        """Whom the case waits for; None when it is over (R35)."""
        return None if self.over else WAITS_FOR[State(self.state)][0]

    @property
    def what_then(self) -> str:
        """What happens by itself at the deadline, in words; empty when the case is over."""
        if self.state == State.DECLINED and self.owes_accepted:
            return "the accepted pieces are refunded"
        return "" if self.over else WAITS_FOR[State(self.state)][1]

    @property
    def at_stake(self) -> int:
        """The pieces that are decided on: what was handed over, or more where more arrived."""
        handed_over = self.quantity_handed_over or self.quantity
        return max(handed_over, self.quantity_received or 0)

    @property
    def owes_accepted(self) -> bool:
        """Pieces passed inspection whose refund was never approved: it is, whatever is refused."""
        return bool(self.quantity_accepted) and self.approved_at is None

    @property
    def is_free(self) -> bool:
        return self.terms == TermsOutcome.FREE


class FreeReturnSlot(models.Model):
    """R10 and R12 as rows: one of a buyer-month's free returns, and the order's one free label.

    Claimed when a free dispute is opened, released (never deleted) when the case is cancelled or
    refused before its label was issued.
    """

    case = models.OneToOneField(Case, models.PROTECT, related_name="slot")
    buyer = models.ForeignKey(Buyer, models.PROTECT, related_name="slots")
    order = models.ForeignKey(Order, models.PROTECT, related_name="slots")
    month = models.DateField(help_text="First day of the month in the marketplace's time zone.")
    number = models.PositiveSmallIntegerField(help_text="1 … free returns a month.")
    claimed_at = models.DateTimeField()
    label_issued_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["buyer", "month", "number"],
                condition=Q(released_at__isnull=True),
                name="free_slot_once",
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(released_at__isnull=True),
                name="free_label_once_an_order",
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(label_issued_at__isnull=True),
                name="slot_with_label_is_not_released",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="slot_number_counts_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.buyer_id} {self.month:%Y-%m} #{self.number}"


class Offer(models.Model):
    """R16: a partial refund offered instead. `answer` is empty while it stands."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="offers")
    amount = models.DecimalField(max_digits=15, decimal_places=3)
    made_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(
        max_length=10,
        blank=True,
        choices=[("accepted", "Accepted"), ("declined", "Declined"), ("lapsed", "Lapsed")],
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(answer=""), name="one_standing_offer"
            ),
            models.CheckConstraint(condition=Q(amount__gt=Decimal(0)), name="offer_is_something"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.case_id}"


class Message(models.Model):
    """What the parties and support write to one another on a case."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="messages")
    at = models.DateTimeField()
    author = models.CharField(max_length=16, choices=Actor)
    by = models.CharField(max_length=200, blank=True)
    text = models.TextField(max_length=4000)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.text[:60]


class Evidence(models.Model):
    """R04: a picture or video, checked and re-encoded by evidence.py before anyone sees it."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="evidence")
    at = models.DateTimeField()
    author = models.CharField(max_length=16, choices=Actor)
    file = models.FileField(upload_to="evidence/%Y/%m")
    name = models.CharField(
        max_length=120, help_text="As the uploader called it, cleaned. Never a path."
    )
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField(help_text="Bytes as stored.")
    sha256 = models.CharField(max_length=64, help_text="Of the bytes as they were uploaded.")
    purpose = models.CharField(
        max_length=16, choices=Purpose, blank=True, help_text="R21: or what the postage cost."
    )

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(fields=["case", "sha256"], name="evidence_once_a_case")
        ]

    def __str__(self) -> str:
        return self.name


class Verdict(models.Model):
    """R31, R32: what a support person decided, and who approved it where a second person must."""

    class Outcome(models.TextChoices):
        FULL_REFUND = "full_refund", "Full refund"
        PARTIAL_REFUND = "partial_refund", "Partial refund"
        RETURN_REQUIRED = "return_required", "Return required"
        REFUSAL_UPHELD = "refusal_upheld", "Refusal upheld"

    class Status(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        GIVEN = "given", "Given"
        REJECTED = "rejected", "Sent back"
        OVERTAKEN = "overtaken", "Overtaken by what happened"

    case = models.ForeignKey(Case, models.PROTECT, related_name="verdicts")
    outcome = models.CharField(max_length=20, choices=Outcome)
    amount = models.DecimalField(max_digits=15, decimal_places=3, default=Decimal(0))
    explanation = models.TextField(help_text="R31: written, to both sides.")
    status = models.CharField(max_length=10, choices=Status)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(status="proposed"), name="one_proposed_verdict"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="verdict_second_person_is_another",
            ),
            models.CheckConstraint(condition=~Q(explanation=""), name="verdict_is_explained"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} on {self.case_id}"
