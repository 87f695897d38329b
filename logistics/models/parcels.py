"""Parcels, and the vans booked for them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q

from logistics.models.partners import Courier
from logistics.models.points import DropOffPoint
from logistics.models.windows import PickupSlot
from logistics.policy import Window
from logistics.states import OPEN_PICKUPS, Bearer, Carried, LabelState, PickupState
from logistics.tracking import ParcelState, TrackingReason
from returns.models import Case, Order

#: Neither here nor taken back.
_UNTOLD: dict[str, Any] = {
    "label__in": [LabelState.LIVE, LabelState.USED],
    "delivered_at__isnull": True,
    "received_at__isnull": True,
}


class Parcels(models.QuerySet["Parcel"]):
    """Parcels, by what is asked of them."""

    def unprinted(self) -> "Parcels":
        """Live labels whose first page was not drawn yet and did not refuse to be."""
        return self.filter(label=LabelState.LIVE, printed=False, label_error="").order_by("id")

    def to_ask_after(self, before: datetime) -> "Parcels":
        """Label out or on the way, and not asked after since; longest not asked after first."""
        since = Q(asked_at__isnull=True) | Q(asked_at__lte=before)
        return self.filter(since, **_UNTOLD).order_by(F("asked_at").asc(nulls_first=True), "id")

    def heading_nowhere(self) -> "Parcels":
        """Not handed over yet, and to be brought to a point that takes no parcels any more."""
        unfit = Q(drop_off_point__active=False) | Q(drop_off_point__takes_parcels=False)
        waiting = self.filter(unfit, label=LabelState.LIVE, first_scan_at__isnull=True)
        return waiting.select_related("drop_off_point").order_by("id")


class Parcel(models.Model):
    """One box of one case. `state`, the label and the milestones are written in workflow only.

    `state` is what all of the courier's reports mean together (tracking.project).
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="parcels")
    order = models.ForeignKey(Order, models.PROTECT, related_name="parcels")
    carried = models.CharField(max_length=12, choices=Carried)
    courier = models.ForeignKey(
        Courier, models.PROTECT, null=True, blank=True, related_name="parcels"
    )
    courier_name = models.CharField(max_length=80)
    tracking_number = models.CharField(max_length=40)
    found_in = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="also_inside",
        help_text="Another case's parcel, in whose box this case's item lay.",
    )
    drop_off_point = models.ForeignKey(DropOffPoint, models.PROTECT, null=True, blank=True)

    label = models.CharField(max_length=8, choices=LabelState, blank=True)
    token = models.CharField(
        max_length=10, blank=True, help_text="Proves to a counter that its code is ours; base 32."
    )
    printed = models.BooleanField(default=False, help_text="Its first page is drawn.")
    label_error = models.CharField(max_length=300, blank=True, help_text="Why it has no page.")
    issued_at = models.DateTimeField(help_text="Of the label, or when the buyer registered it.")
    last_use_on = models.DateField(null=True, blank=True)
    label_cost = models.DecimalField(
        max_digits=9,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="R29: by contract, frozen when the label was issued; due once it is used.",
    )
    label_currency = models.CharField(max_length=3, blank=True)
    borne_by = models.CharField(
        max_length=12, choices=Bearer, default=Bearer.BUYER, help_text="R29: who pays the carriage."
    )

    state = models.CharField(max_length=20, choices=ParcelState, default=ParcelState.LABELLED)
    first_scan_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_news_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True, help_text="By the warehouse.")
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When its carrier was last asked for news."
    )
    damaged = models.BooleanField(default=False, help_text="As the courier reported.")
    claim_opened_at = models.DateTimeField(
        null=True, blank=True, help_text="R26: damaged in transport, claimed from the courier."
    )

    postage = models.DecimalField(
        max_digits=15, decimal_places=3, default=0, help_text="R22: what the buyer paid."
    )
    currency = models.CharField(max_length=3)

    objects = Parcels.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("receive_parcel", "Can receive and inspect parcels in the warehouse"),
            ("take_back_label", "Can take back a label and issue it anew"),
            ("confirm_postage", "Can confirm what postage is given back"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ParcelState.values), name="parcel_state_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(carried=Carried.FREE_LABEL, courier__isnull=False, last_use_on__isnull=False)
                    & Q(label__in=[state for state in LabelState.values if state])
                )
                | Q(
                    carried__in=[Carried.OWN, Carried.REIMBURSED],
                    label="",
                    last_use_on__isnull=True,
                ),
                name="parcel_label_is_the_free_one",
            ),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(first_scan_at__lte=F("delivered_at")),
                name="parcel_delivered_after_first_scan",
            ),
            models.CheckConstraint(condition=Q(postage__gte=0), name="parcel_postage"),
            models.CheckConstraint(
                condition=Q(label_cost__isnull=True, label_currency="")
                | (Q(label_cost__gte=0) & ~Q(label_currency="")),
                name="parcel_label_cost_in_a_currency",
            ),
            models.CheckConstraint(
                condition=Q(borne_by__in=Bearer.values), name="parcel_bearer_known"
            ),
            # R12, whatever cases the order has.
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(label__in=[LabelState.ORDERED, LabelState.LIVE, LabelState.USED]),
                name="one_free_label_an_order",
            ),
            models.UniqueConstraint(
                fields=["courier", "tracking_number"],
                condition=Q(label__in=[LabelState.LIVE, LabelState.USED]),
                name="tracking_number_once_a_courier",
            ),
            # R22: a buyer's own parcel that a partner reports about.
            models.UniqueConstraint(
                fields=["courier", "tracking_number"],
                condition=Q(label=""),
                name="own_number_once_a_courier",
            ),
        ]
        indexes = [
            models.Index(fields=["courier", "tracking_number"], name="parcel_by_number"),
            models.Index(
                fields=["courier", "asked_at"], condition=Q(**_UNTOLD), name="parcel_to_ask_after"
            ),
            # A scanner does not tell which courier's number it reads.
            models.Index(fields=["tracking_number"], name="parcel_by_scan"),
            models.Index(
                fields=["id"],
                condition=Q(label=LabelState.LIVE, printed=False, label_error=""),
                name="parcel_unprinted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier_name} {self.tracking_number}"


class PickupBookings(models.QuerySet["PickupBooking"]):
    """Pick-ups, by what is asked of them."""

    def open(self) -> "PickupBookings":
        """A van is still expected."""
        return self.filter(state__in=OPEN_PICKUPS)

    def due(self, at: datetime) -> "PickupBookings":
        """The clock has to look at it, longest waiting first."""
        return self.filter(due_at__lte=at).order_by("due_at", "id")


class PickupBooking(models.Model):
    """A van booked for a window (R23), kept as the buyer's wall time and as moments in UTC.

    `window_…` is what the buyer asked for last, `confirmed_…` what the courier agreed to last; both
    stay, also while a move is asked for. `slot` and `kept_slot` are the places it holds: of the one
    and, until a move is answered, of the other. A van that is not expected any more holds none.
    """

    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="pickups")
    case = models.ForeignKey(Case, models.PROTECT, related_name="pickups")
    courier = models.ForeignKey(Courier, models.PROTECT, related_name="pickups")
    reference = models.CharField(max_length=40, unique=True, help_text="The courier's pickup_id.")

    window_date = models.DateField()
    window_start = models.TimeField()
    window_end = models.TimeField()
    time_zone = models.CharField(max_length=64, help_text="IANA: of the address.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    cut_off_at = models.DateTimeField(help_text="The courier must have heard of it by then.")
    slot = models.ForeignKey(
        PickupSlot, models.PROTECT, null=True, blank=True, related_name="bookings"
    )
    confirmed_start_at = models.DateTimeField(null=True, blank=True)
    confirmed_end_at = models.DateTimeField(null=True, blank=True)
    confirmed_told_at = models.DateTimeField(
        null=True, blank=True, help_text="When the courier said so: what it said before is old."
    )
    confirmation_number = models.CharField(max_length=64, blank=True)
    kept_slot = models.ForeignKey(
        PickupSlot, models.PROTECT, null=True, blank=True, related_name="kept_by"
    )

    state = models.CharField(max_length=20, choices=PickupState)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="That failed (R23).")
    reason = models.CharField(max_length=200, blank=True, help_text="Of the last failure.")
    requested_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="When its courier could last see something new.")
    asked_at = models.DateTimeField(help_text="For the window as it is now.")
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the clock looks whether all is well."
    )

    objects = PickupBookings.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=PickupState.values), name="pickup_state_known"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="pickup_window_in_order"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_start_at__isnull=True, confirmed_end_at__isnull=True)
                | Q(confirmed_start_at__lt=F("confirmed_end_at")),
                name="pickup_confirmed_window_in_order",
            ),
            models.CheckConstraint(
                condition=Q(state=PickupState.COMPLETED, completed_at__isnull=False)
                | (~Q(state=PickupState.COMPLETED) & Q(completed_at__isnull=True)),
                name="pickup_completed_at",
            ),
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(state__in=sorted(OPEN_PICKUPS)),
                name="one_open_pickup_a_case",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(OPEN_PICKUPS))
                | Q(slot__isnull=True, kept_slot__isnull=True),
                name="pickup_over_holds_no_place",
            ),
            models.CheckConstraint(
                condition=~Q(state=PickupState.CANCEL_REQUESTED)
                | Q(cancel_asked_at__isnull=False, due_at__isnull=False),
                name="pickup_cancellation_is_answered_by",
            ),
        ]
        indexes = [
            models.Index(fields=["courier", "changed_at", "id"], name="pickup_changed_since"),
            models.Index(
                fields=["due_at", "id"], condition=Q(due_at__isnull=False), name="pickup_due"
            ),
        ]
        permissions = [("act_for_buyer", "Can book, move and cancel pick-ups for the buyer")]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        """Whether a van is still expected."""
        return self.state in OPEN_PICKUPS

    def window(self) -> dict[str, str]:
        """The window as couriers and buyers are told it."""
        return {
            "date": self.window_date.isoformat(),
            "start": f"{self.window_start:%H:%M}",
            "end": f"{self.window_end:%H:%M}",
            "tz": self.time_zone,
        }

    def words(self) -> str:
        """When the van is to come, for people: as confirmed, else as asked for."""
        if self.confirmed_start_at is None or self.state == PickupState.MOVE_REQUESTED:
            return str(Window(self.window_date, self.window_start, self.window_end))
        return self.confirmed_words()

    def confirmed_words(self) -> str:
        """When the courier said that it comes, for people; empty when it said nothing."""
        if self.confirmed_start_at is None or self.confirmed_end_at is None:
            return ""
        here = ZoneInfo(self.time_zone)
        start, end = (
            at.astimezone(here) for at in (self.confirmed_start_at, self.confirmed_end_at)
        )
        return str(Window(start.date(), start.time(), end.time()))


class PickupAttempt(models.Model):
    """A van that came in vain, as its courier told it: the nth of a booking, once (R23)."""

    booking = models.ForeignKey(PickupBooking, models.PROTECT, related_name="tries")
    n = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(max_length=24, choices=TrackingReason)

    class Meta:
        ordering = ["booking", "n"]
        constraints = [
            models.UniqueConstraint(fields=["booking", "n"], name="pickup_attempt_once"),
            models.CheckConstraint(condition=Q(n__gte=1), name="pickup_attempt_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.n}: {self.get_reason_display()}"
