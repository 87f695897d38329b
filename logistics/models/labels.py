"""The pages of labels, as they were handed out."""

from django.db import models
from django.db.models import Q

from logistics.models.parcels import Parcel
from logistics.states import LabelFormat, LabelSize


class LabelPage(models.Model):
    """A page of a label as it was first handed out, and is ever after: the same bytes."""

    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="pages")
    size = models.CharField(max_length=4, choices=LabelSize)
    format = models.CharField(max_length=4, choices=LabelFormat)
    dpi = models.PositiveSmallIntegerField(default=0, help_text="0: it has no dots of its own.")
    file = models.FileField(upload_to="labels/%Y/%m")
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["parcel", "size", "format", "dpi"], name="label_page_once"
            ),
            models.CheckConstraint(
                condition=Q(size__in=LabelSize.values, format__in=LabelFormat.values),
                name="label_page_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_size_display()}, {self.get_format_display()}"
