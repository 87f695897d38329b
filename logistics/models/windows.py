"""When vans come: the windows of a week, the days without, and the places taken on a day (R23)."""

from datetime import time

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q

from logistics.models.partners import Courier, CourierService
from logistics.policy import Weekly
from returns.states import Handover


class PickupWindow(models.Model):
    """Hours in which a service's vans come every week, on the clocks of the address."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, "Monday"
        TUESDAY = 1, "Tuesday"
        WEDNESDAY = 2, "Wednesday"
        THURSDAY = 3, "Thursday"
        FRIDAY = 4, "Friday"
        SATURDAY = 5, "Saturday"
        SUNDAY = 6, "Sunday"

    service = models.ForeignKey(CourierService, models.CASCADE, related_name="windows")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    start = models.TimeField()
    end = models.TimeField()
    capacity = models.PositiveSmallIntegerField(
        default=40, help_text="Parcels a window. A day that was booked before keeps its own."
    )
    cut_off_days = models.PositiveSmallIntegerField(
        default=1,
        validators=[MaxValueValidator(14)],
        help_text="It can be booked until so many days before …",
    )
    cut_off_time = models.TimeField(default=time(17), help_text="… and this hour of that day.")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["service", "weekday", "start"]
        constraints = [
            models.UniqueConstraint(fields=["service", "weekday", "start"], name="window_once"),
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="window_in_order"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="window_weekday_known"),
            models.CheckConstraint(
                condition=Q(cut_off_days__gt=0) | Q(cut_off_time__lte=F("start")),
                name="window_cut_off_before_it",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.start:%H:%M}–{self.end:%H:%M}"

    def clean(self) -> None:
        """Vans come for pick-ups only."""
        if self.service_id and self.service.method != Handover.PICKUP:
            raise ValidationError("Only a service that picks up has windows.")

    def weekly(self) -> Weekly:
        """As the pure policy reads it."""
        return Weekly(
            key=self.pk,
            weekday=self.weekday,
            start=self.start,
            end=self.end,
            capacity=self.capacity,
            cut_off_days=self.cut_off_days,
            cut_off_time=self.cut_off_time,
        )


class CourierHoliday(models.Model):
    """A day on which no van of this courier comes."""

    courier = models.ForeignKey(Courier, models.CASCADE, related_name="holidays")
    date = models.DateField()
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["courier", "date"]
        constraints = [
            models.UniqueConstraint(fields=["courier", "date"], name="holiday_once_a_courier"),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.name}"


class PickupSlot(models.Model):
    """A window on one day, from its first booking on: `taken` counts the vans still expected."""

    window = models.ForeignKey(PickupWindow, models.PROTECT, related_name="slots")
    date = models.DateField()
    capacity = models.PositiveSmallIntegerField()
    taken = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["date", "window__start", "id"]
        constraints = [
            models.UniqueConstraint(fields=["window", "date"], name="slot_once"),
            models.CheckConstraint(condition=Q(taken__lte=F("capacity")), name="slot_not_oversold"),
        ]
        indexes = [models.Index(fields=["date"], name="slot_by_day")]

    def __str__(self) -> str:
        hours = f"{self.window.start:%H:%M}–{self.window.end:%H:%M}"
        return f"{self.window.service.courier} {self.date} {hours}"
