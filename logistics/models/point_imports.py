"""A courier's file of drop-off points, and what it would change: looked at before it is applied."""

from typing import Any

from django.db import models
from django.db.models import Q

from logistics.models.partners import Courier
from logistics.states import IMPORTS_DUE, IMPORTS_OVER, ImportState


class PointImports(models.QuerySet["PointImport"]):
    """Files, by what is asked of them."""

    def due(self) -> "PointImports":
        """A worker has to read or to apply these, oldest first."""
        return self.filter(state__in=IMPORTS_DUE).order_by("id")


class PointImport(models.Model):
    """One file. `state` is written in workflow only; what it would change are its changes."""

    class Mode(models.TextChoices):
        FULL = "full", "Full: what is missing is taken out of use"
        INCREMENTAL = "incremental", "Incremental: what is missing stays"

    courier = models.ForeignKey(Courier, models.PROTECT, related_name="point_imports")
    mode = models.CharField(max_length=12, choices=Mode)
    state = models.CharField(max_length=12, choices=ImportState, default=ImportState.WAITING)
    file = models.FileField(upload_to="points/%Y/%m", blank=True)
    file_name = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    by = models.CharField(max_length=200)
    at = models.DateTimeField(help_text="When it came.")
    trouble = models.CharField(
        max_length=300, blank=True, help_text="Why it is unreadable, or was read again."
    )

    format = models.CharField(max_length=12, blank=True)
    complete = models.BooleanField(default=True, help_text="No: a page of several.")
    points_seen = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the courier's points it was compared with."
    )
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    offered = models.PositiveIntegerField(default=0, help_text="Points in use before.")
    dropped = models.PositiveIntegerField(default=0, help_text="Of those, no longer in use after.")

    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    drop_allowed = models.BooleanField(default=False)
    applied_at = models.DateTimeField(null=True, blank=True)

    objects = PointImports.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "import of points"
        verbose_name_plural = "imports of points"
        permissions = [("apply_pointimport", "Can apply or discard an import of points")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ImportState.values), name="point_import_state_known"
            ),
            models.CheckConstraint(
                condition=Q(mode__in=["full", "incremental"]), name="point_import_mode_known"
            ),
            models.CheckConstraint(
                condition=Q(state=ImportState.APPLIED, applied_at__isnull=False)
                | (~Q(state=ImportState.APPLIED) & Q(applied_at__isnull=True)),
                name="point_import_applied_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(state__in=sorted(IMPORTS_DUE)), name="point_import_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.courier}: {self.file_name}"

    @property
    def over(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in IMPORTS_OVER


class PointChange(models.Model):
    """What a file would do to one point; for a rejected one, why nothing."""

    class What(models.TextChoices):
        NEW = "new", "New"
        CHANGED = "changed", "Changed"
        MISSING = "missing", "Missing"
        REJECTED = "rejected", "Rejected"

    of = models.ForeignKey(PointImport, models.CASCADE, related_name="changes")
    what = models.CharField(max_length=8, choices=What)
    code = models.CharField(max_length=32, blank=True)
    place = models.CharField(max_length=40, blank=True, help_text="A line or a JSON Pointer.")
    before: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    after: models.JSONField[Any, Any] = models.JSONField(null=True, blank=True)
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(what__in=["new", "changed", "missing", "rejected"]),
                name="point_change_known",
            ),
        ]
        indexes = [models.Index(fields=["of", "what", "id"], name="point_change_listed")]

    def __str__(self) -> str:
        return f"{self.get_what_display()} {self.code}"

    def fields(self) -> list[tuple[str, Any, Any]]:
        """What differs, field by field: its name, before and after."""
        before, after = self.before or {}, self.after or {}
        return [
            (name.replace("_", " "), before.get(name), after.get(name))
            for name in dict.fromkeys([*after, *before])
            if before.get(name) != after.get(name)
        ]
