"""Import a courier's drop-off points from a file: print what would change, and apply it if told."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from logistics import workflow
from logistics.models import Courier, PointChange, PointImport
from logistics.states import ImportState
from returns import clock
from returns.machine import NotNow

#: Of each sort so many changes are printed; all of them are in the admin.
SHOWN = 20
#: Seconds without a word before progress is shown.
PATIENCE = 2.0
BY = "manage.py import_points"


class Command(BaseCommand):
    help = "Import drop-off points from CSV, GeoJSON or JSON in InPost's way."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="At most 64 MB, in UTF-8.")
        parser.add_argument("--courier", required=True, help="The courier's slug: inpost-pl.")
        parser.add_argument(
            "--mode",
            required=True,
            choices=PointImport.Mode.values,
            help="full: points the file is without are taken out of use.",
        )
        parser.add_argument("--apply", action="store_true", help="Make the changes at once.")
        parser.add_argument(
            "--allow-drop",
            action="store_true",
            help="Apply even if more than 20 %% of the points in use are dropped.",
        )

    def handle(self, *args: Any, file: Path, courier: str, mode: str, **options: Any) -> None:
        found = self._received(file, courier, mode)
        self._until_done(workflow.read_points, found)
        if found.state == ImportState.FAILED:
            raise CommandError(found.trouble)
        self._print(found)
        if not options["apply"]:
            self.stdout.write(f"Nothing was applied. It is kept as import {found.pk}.")
            return
        try:
            workflow.confirm_points(found, by=BY, at=clock.now(), allow_drop=options["allow_drop"])
        except ValueError as error:
            raise CommandError(
                f"{error} (--allow-drop). It is kept as import {found.pk}."
            ) from error
        except NotNow as error:
            raise CommandError(str(error)) from error
        self._until_done(workflow.apply_points, found)
        if found.state != ImportState.APPLIED:
            raise CommandError(found.trouble or f"It is {found.get_state_display().lower()}.")
        self.stdout.write("Applied.")

    def _received(self, file: Path, slug: str, mode: str) -> PointImport:
        courier = Courier.objects.filter(slug=slug).first()
        if courier is None:
            known = ", ".join(Courier.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no courier {slug!r}. There are {known}.")
        try:
            data = file.read_bytes()
            return workflow.receive_points(
                courier, data, file_name=file.name, mode=mode, by=BY, at=clock.now()
            )
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _until_done(self, verb: Callable[..., None], found: PointImport) -> None:
        started = monotonic()

        def progress(what: str, count: int) -> None:
            if monotonic() - started > PATIENCE and sys.stderr.isatty():
                self.stderr.write(f"\r{what} {count:,} …", ending="")
                self.stderr.flush()

        # A worker that was faster has done it as well.
        with suppress(NotNow):
            verb(found, at=clock.now(), progress=progress)
        found.refresh_from_db()

    def _print(self, found: PointImport) -> None:
        counts = ("new", "changed", "missing", "unchanged", "rejected")
        told = ", ".join(f"{getattr(found, name):,} {name}" for name in counts)
        self.stdout.write(f"{found.format}, {found.get_mode_display().split(':')[0]}: {told}.")
        for what in PointChange.What:
            rows = found.changes.filter(what=what)
            for row in rows[:SHOWN]:
                self.stdout.write(f"  {what.label} {row.code or '?'}{_in_words(row)}")
            if (more := rows.count() - SHOWN) > 0:
                self.stdout.write(f"  … and {more:,} more {what.label.lower()}")


def _in_words(row: PointChange) -> str:
    if row.what == PointChange.What.REJECTED:
        return f" ({row.place}): {row.why}"
    if row.what == PointChange.What.CHANGED:
        return ": " + "; ".join(f"{name} {was!r} → {now!r}" for name, was, now in row.fields())
    facts = row.after or row.before or {}
    return f": {facts.get('name')}, {facts.get('city')}"
