"""Refunds, their attempts, the money that is still there to give back, and the books."""

from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Round

from refunds.gateways.contract import Outcome
from refunds.states import TERMINAL, RefundState
from returns.models import Case, Entry, Order, OrderLine


class Balance(models.Model):
    """What was paid, what of it went back, and what is promised. Lock it, then move it.

    R28 twice over: under the row lock one refund at a time looks, and the CHECK refuses what a look
    missed.
    """

    currency = models.CharField(max_length=3)
    paid = models.DecimalField(max_digits=15, decimal_places=3)
    refunded = models.DecimalField(max_digits=15, decimal_places=3, default=Decimal(0))
    reserved = models.DecimalField(
        max_digits=15,
        decimal_places=3,
        default=Decimal(0),
        help_text="Promised, and not yet known to be paid.",
    )

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    refunded__gte=0,
                    reserved__gte=0,
                    # SQLite adds in binary: 0.1 + 0.2 must not be more than 0.3.
                    paid__gte=Round(F("refunded") + F("reserved"), 3),
                ),
                name="%(class)s_never_more_than_paid",
            )
        ]

    @property
    def left(self) -> Decimal:
        """What may still be promised."""
        return self.paid - self.refunded - self.reserved

    def move(self, *, reserved: Decimal, refunded: Decimal = Decimal(0)) -> None:
        """Add to both counters in the database; raises IntegrityError beyond what was paid."""
        type(self)._default_manager.filter(pk=self.pk).update(
            reserved=Round(F("reserved") + reserved, 3),
            refunded=Round(F("refunded") + refunded, 3),
        )


class Payment(Balance):
    """The money of one order, over all its items."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="payment")

    class Meta(Balance.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"payment of {self.order}"


class PaidLine(Balance):
    """The money of one item, with its share of shipping, over all its cases."""

    line = models.OneToOneField(OrderLine, models.PROTECT, related_name="paid")

    class Meta(Balance.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"paid for {self.line}"


class Refunds(models.QuerySet["Refund"]):
    """Refunds, by what is asked of them."""

    def due(self, at: datetime) -> "Refunds":
        """What a worker must look at, longest waiting first; a lease that ran out is due again."""
        return self.filter(next_try_at__lte=at).order_by("next_try_at", "id")

    def open(self) -> "Refunds":
        """Neither paid nor refused."""
        return self.exclude(state__in=TERMINAL)

    def resting(self) -> "Refunds":
        """Open, and no clock will look at them again: support must (R35)."""
        return self.open().filter(next_try_at__isnull=True)

    def late(self, at: datetime) -> "Refunds":
        """Open past their alarm day (R27)."""
        return self.open().filter(alarm_at__lte=at)


class Refund(models.Model):
    """Money promised to a buyer, until the bank's word. `state` is written in workflow.py only.

    The row, the key and the due moment are there before any call, and never change (R28).
    """

    entry = models.OneToOneField(
        Entry, models.PROTECT, related_name="refund", help_text="The approval it follows from."
    )
    case = models.ForeignKey(Case, models.PROTECT, related_name="refunds")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    paid_line = models.ForeignKey(PaidLine, models.PROTECT, related_name="refunds")

    reference = models.CharField(max_length=40, unique=True, help_text="Ours, at the bank.")
    key_generation = models.PositiveSmallIntegerField(default=1)
    amount = models.DecimalField(
        max_digits=15, decimal_places=3, help_text="Given back of what was paid for the item (R28)."
    )
    postage = models.DecimalField(
        max_digits=15,
        decimal_places=3,
        default=Decimal(0),
        help_text="Paid by the buyer, given back on top (R22).",
    )
    currency = models.CharField(max_length=3)
    provider = models.CharField(max_length=32)
    payment_reference = models.CharField(max_length=128)

    state = models.CharField(max_length=10, choices=RefundState)
    approved_at = models.DateTimeField()
    not_before = models.DateTimeField(help_text="R27: day 3.")
    due_at = models.DateTimeField(help_text="R27: by the way the buyer paid.")
    alarm_at = models.DateTimeField(help_text="R27: day 15.")
    latest_at = models.DateTimeField(help_text="R27: day 20.")

    next_try_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a worker looks; while being sent, the end of the lease.",
    )
    lease_token = models.UUIDField(
        null=True, blank=True, help_text="Whose word counts while being sent."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    paid_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was sent that is now paid."
    )
    bank_reference = models.CharField(max_length=64, null=True, blank=True, unique=True)

    objects = Refunds.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RefundState.values), name="refund_state_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, postage__gte=0), name="refund_is_something"
            ),
            models.CheckConstraint(
                condition=Q(
                    approved_at__lte=F("not_before"),
                    not_before__lte=F("due_at"),
                    due_at__lt=F("latest_at"),
                    alarm_at__lt=F("latest_at"),
                ),
                name="refund_window_in_order",
            ),
            models.CheckConstraint(
                condition=Q(
                    state=RefundState.PAID, paid_at__isnull=False, bank_reference__isnull=False
                )
                | (
                    ~Q(state=RefundState.PAID)
                    & Q(paid_at__isnull=True, bank_reference__isnull=True)
                ),
                name="refund_paid_with_proof",
            ),
            models.CheckConstraint(
                condition=Q(paid_at__isnull=True)
                | Q(paid_at__gte=F("not_before"), paid_at__lte=F("latest_at")),
                name="refund_paid_inside_the_window",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=TERMINAL) | Q(next_try_at__isnull=True),
                name="refund_settled_is_not_due",
            ),
            models.CheckConstraint(
                condition=~Q(state=RefundState.SENDING)
                | Q(next_try_at__isnull=False, lease_token__isnull=False),
                name="refund_sending_has_a_lease",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=~Q(state__in=TERMINAL), name="one_open_refund_a_case"
            ),
            # R05: a case is paid once, whatever is decided on it later.
            models.UniqueConstraint(
                fields=["case"], condition=Q(state=RefundState.PAID), name="one_paid_refund_a_case"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(next_try_at__isnull=False),
                name="refund_due",
            ),
            models.Index(fields=["alarm_at"], condition=~Q(state__in=TERMINAL), name="refund_late"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def total(self) -> Decimal:
        """What the bank is to send."""
        return self.amount + self.postage

    @property
    def key(self) -> str:
        """The idempotency key: the same for every attempt of this generation."""
        return f"{self.reference}:{self.key_generation}"


class RefundAttempt(models.Model):
    """One try, committed before the bank is called: a crash then means unknown, never not sent.

    Triggers refuse DELETE, and UPDATE of an attempt that has its outcome.
    """

    refund = models.ForeignKey(Refund, models.PROTECT, related_name="tries")
    n = models.PositiveSmallIntegerField()
    token = models.UUIDField(unique=True, help_text="The lease it was made under.")
    key = models.CharField(max_length=50)
    sends = models.BooleanField(help_text="Whether it might send, or only asks.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=10, blank=True, choices=[(o.value, o.value.replace("_", " ")) for o in Outcome]
    )
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["refund", "n"], name="attempt_once"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, outcome="")
                | (Q(finished_at__isnull=False) & ~Q(outcome="")),
                name="attempt_finished_with_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.refund.reference} #{self.n}"


class LedgerEntry(models.Model):
    """One side of a booking, debit above zero, credit below; a journal sums to zero (R29).

    Triggers refuse UPDATE and DELETE: what is wrong is booked back.
    """

    class Account(models.TextChoices):
        BUYER = "buyer", "Buyer"
        SELLER = "seller", "Seller"
        BANK = "bank", "Bank"
        MARKETPLACE = "marketplace", "Marketplace's cost"
        COURIER = "courier", "Courier, to be paid"
        COURIER_CLAIM = "courier_claim", "Claim against the courier"

    class Kind(models.TextChoices):
        REFUND_OWED = "refund_owed", "Refund owed"
        REFUND_PAID = "refund_paid", "Refund paid"
        REFUND_WITHDRAWN = "refund_withdrawn", "Refund not paid, owed no more"
        COURIER_CLAIMED = "courier_claimed", "Claimed from the courier"
        LABEL = "label", "Free label"

    journal = models.CharField(
        max_length=64, help_text="Kind and source; the same booking never twice."
    )
    kind = models.CharField(max_length=20, choices=Kind)
    case = models.ForeignKey(Case, models.PROTECT, related_name="ledger")
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, blank=True, related_name="ledger")
    account = models.CharField(max_length=16, choices=Account)
    amount = models.DecimalField(
        max_digits=15, decimal_places=3, help_text="Debit above zero, credit below."
    )
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["journal", "account"], name="booked_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="booking_is_something"),
        ]

    def __str__(self) -> str:
        return f"{self.journal} {self.account} {self.amount} {self.currency}"
