"""The journal: write what happened, keep what must follow from it until it is done (R33)."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction
from django.utils.module_loading import import_string

from returns.bell import ring_on_commit
from returns.drain import locked
from returns.models import Entry, Reaction
from returns.states import Event

log = logging.getLogger(__name__)

#: Waits after the first … fourth failure; after the fifth a reaction rests and support sees it.
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))


class Following(Protocol):
    """What stands on the page of reactions. It only writes rows; it calls nobody outside."""

    __module__: str
    __qualname__: str

    def __call__(self, entry: Entry, *, at: datetime) -> object: ...


def record(entries: Sequence[Entry]) -> None:
    """Write entries and, in the same transaction, a Reaction for all that must follow from them."""
    Entry.objects.bulk_create(entries)
    reactions = [
        Reaction(
            entry=entry, case_id=entry.case_id, name=name, created_at=entry.at, next_try_at=entry.at
        )
        for entry in entries
        for name in _page()[0].get(Event(entry.event), ())
    ]
    if reactions:
        Reaction.objects.bulk_create(reactions)
        ring_on_commit("returns.tasks.run_reactions")


def run_due(limit: int, *, at: datetime) -> int:
    """Run up to `limit` due reactions, effect and done-mark in one commit; returns how many.

    One that fails is rolled back alone, keeps its error and comes again later.
    """
    try:
        with transaction.atomic():
            return _run(_due(at, limit), at)
    except DatabaseError:
        log.exception("a chunk of reactions failed; going one by one")
    handled = 0
    for _ in range(limit):
        with transaction.atomic():
            if not _run(_due(at, 1), at):
                break
        handled += 1
    return handled


def run_again(reaction: Reaction, *, at: datetime) -> None:
    """Support's *Run again*: a resting reaction is due at once, with its attempts counted anew."""
    with transaction.atomic():
        Reaction.objects.filter(pk=reaction.pk, done_at__isnull=True).update(
            next_try_at=at, attempts=0
        )
        ring_on_commit("returns.tasks.run_reactions")


def _due(at: datetime, limit: int) -> list[Reaction]:
    due = Reaction.objects.filter(next_try_at__lte=at).order_by("next_try_at", "id")
    found = list(locked(due.select_related("entry__case"))[:limit])
    # One order of locks whoever runs: two workers with the same orders in their chunks never cross.
    return sorted(
        found, key=lambda reaction: (reaction.entry.case.order_id, reaction.case_id, reaction.pk)
    )


def _run(reactions: list[Reaction], at: datetime) -> int:
    for reaction in reactions:
        try:
            with transaction.atomic():
                _page()[1][reaction.name](reaction.entry, at=at)
        except Exception as error:
            if isinstance(error, OperationalError) and len(reactions) > 1:
                # A deadlock with another chunk: one at a time holds less, and nobody has failed.
                raise
            log.exception("reaction %s of %s failed", reaction.name, reaction.case_id)
            reaction.attempts += 1
            reaction.last_error = f"{type(error).__name__}: {error}"[:2000]
            rests = reaction.attempts > len(BACKOFF)
            reaction.next_try_at = None if rests else at + BACKOFF[reaction.attempts - 1]
        else:
            reaction.done_at, reaction.next_try_at = at, None
    if reactions:
        Reaction.objects.bulk_update(
            reactions, ["attempts", "last_error", "next_try_at", "done_at"]
        )
    return len(reactions)


@cache
def _page() -> tuple[Mapping[Event, tuple[str, ...]], Mapping[str, Callable[..., object]]]:
    """The page of reactions, looked up by name as ROOT_URLCONF is: by event, and by dotted name."""
    page: Mapping[Event, Sequence[Following]] = import_string(
        f"{settings.ROOT_REACTIONS}.reactions"
    )
    names = {
        event: tuple(_dotted(function) for function in follow) for event, follow in page.items()
    }
    return names, {_dotted(function): function for follow in page.values() for function in follow}


def _dotted(function: Following) -> str:
    return f"{function.__module__}.{function.__qualname__}"
