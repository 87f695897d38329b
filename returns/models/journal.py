"""The journal (R33), what must follow from it, and what the parties are told (R34)."""

from typing import Any

from django.db import models
from django.db.models import Q

from returns.models.case import Case
from returns.states import Actor, Event, State


class AppendOnly(Exception):
    """Somebody tried to change or delete what is only ever added to (R33)."""


class Entries(models.QuerySet["Entry"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnly("journal entries are never edited")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly("journal entries are never deleted")


class Entry(models.Model):
    """One line of a case's timeline: when, who, what and why. Triggers refuse UPDATE and DELETE."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    actor = models.CharField(max_length=16, choices=Actor)
    by = models.CharField(max_length=200, blank=True, help_text="Which person or partner.")
    event = models.CharField(max_length=32, choices=Event)
    state = models.CharField(max_length=20, choices=State, help_text="The state it led to.")
    text = models.TextField(blank=True)
    facts = models.JSONField(default=dict, blank=True)

    objects = Entries.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "journal"
        indexes = [models.Index(fields=["case", "id"], name="entry_timeline")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.get_event_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("journal entries are never edited")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("journal entries are never deleted")


class Reaction(models.Model):
    """What must follow elsewhere from an entry, kept until it is done; it rests after five
    failures.
    """

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="reactions")
    case = models.ForeignKey(Case, models.PROTECT, related_name="reactions")
    name = models.CharField(max_length=120, help_text="Dotted name, as on backoffice/reactions.py.")
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField(
        null=True, help_text="When a worker may look; null when done or resting."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "name"], name="reaction_once"),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(next_try_at__isnull=True),
                name="reaction_done_is_not_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(next_try_at__isnull=False),
                name="reaction_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} after {self.entry_id}"

    @property
    def resting(self) -> bool:
        """Not done and not tried again by itself: support runs it again."""
        return self.done_at is None and self.next_try_at is None


class Notice(models.Model):
    """An e-mail to a party of a case: what happened, what may be done, until when (R34)."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="notices")
    case = models.ForeignKey(Case, models.PROTECT, related_name="notices")
    party = models.CharField(
        max_length=8, choices=[(Actor.BUYER, "Buyer"), (Actor.SELLER, "Seller")]
    )
    address = models.EmailField(max_length=254)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry", "party"], name="notice_once_a_party")
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(next_try_at__isnull=False),
                name="notice_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} → {self.address}"
