"""The simulated clock, as one row that every process reads."""

from django.db import models
from django.db.models import Q


class SimulatedClock(models.Model):
    """Simulated time = `reads` + (real time − `set_at`) × `speed`. One row, SIMULATION=1 only."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    reads = models.DateTimeField(help_text="What the clock showed when it was set.")
    set_at = models.DateTimeField(help_text="Real time when it was set.")
    speed = models.FloatField(
        default=0.0, help_text="Simulated seconds a real second; 0 stands still."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1, speed__gte=0), name="one_simulated_clock")
        ]

    def __str__(self) -> str:
        return f"{self.reads:%Y-%m-%d %H:%M} ×{self.speed:g}"
