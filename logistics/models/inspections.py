"""What was found in a parcel: piece by piece, with photos, and what nobody had announced."""

from django.db import models
from django.db.models import Q

from logistics.models.parcels import Parcel
from returns.models import Case
from returns.states import Disposition, Grade, InspectionOutcome


class Inspection(models.Model):
    """R25: who looked at what came in a parcel, and when. Once a parcel."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="inspections")
    parcel = models.OneToOneField(Parcel, models.PROTECT, related_name="inspection")
    note = models.TextField(blank=True)
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    token = models.UUIDField(
        null=True, blank=True, unique=True, help_text="Of the form: sent twice, it is done once."
    )

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return ", ".join(str(item) for item in self.items.all())


class InspectedItem(models.Model):
    """One piece: what was found, its condition for resale, and where it goes."""

    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="items")
    n = models.PositiveSmallIntegerField(help_text="Which piece, from 1.")
    outcome = models.CharField(max_length=24, choices=InspectionOutcome)
    grade = models.CharField(max_length=1, choices=Grade, blank=True)
    disposition = models.CharField(max_length=20, choices=Disposition)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["inspection", "n"]
        constraints = [
            models.UniqueConstraint(fields=["inspection", "n"], name="inspected_item_once"),
            models.CheckConstraint(
                condition=Q(
                    outcome__in=InspectionOutcome.values,
                    disposition__in=Disposition.values,
                    grade__in=["", *Grade.values],
                    n__gte=1,
                ),
                name="inspected_item_words_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome=InspectionOutcome.MISSING, grade="", disposition=Disposition.MISSING
                )
                | (
                    ~Q(outcome=InspectionOutcome.MISSING)
                    & ~Q(disposition=Disposition.MISSING)
                    & ~Q(grade="")
                ),
                name="inspected_item_missing_or_graded",
            ),
            models.CheckConstraint(
                condition=~Q(disposition=Disposition.RESTOCK)
                | (~Q(grade=Grade.D) & ~Q(outcome=InspectionOutcome.WRONG_ITEM)),
                name="inspected_item_restocked_can_be_sold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} → {self.get_disposition_display()}"


class InspectionPhoto(models.Model):
    """What a piece looked like; checked and made anew by evidence.py, and private."""

    item = models.ForeignKey(InspectedItem, models.PROTECT, related_name="photos")
    file = models.FileField(upload_to="evidence/%Y/%m")
    name = models.CharField(max_length=120, help_text="As the uploader called it. Never a path.")
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField(help_text="Bytes as stored.")
    sha256 = models.CharField(max_length=64, help_text="Of the bytes as they were uploaded.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "sha256"], name="inspection_photo_once_an_item")
        ]

    def __str__(self) -> str:
        return self.name


class UnexpectedItem(models.Model):
    """Something in a parcel that no case announced. The anomaly raised with it is the task."""

    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="unexpected_items")
    description = models.CharField(max_length=300)
    file = models.FileField(upload_to="evidence/%Y/%m", blank=True)
    content_type = models.CharField(max_length=40, blank=True)
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    token = models.UUIDField(unique=True, help_text="Of the form: sent twice, it is done once.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.description
