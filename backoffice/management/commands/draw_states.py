"""Draw docs/states.md from the tables of moves; --check says whether it is still what they say."""

from argparse import ArgumentParser
from difflib import unified_diff
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.states import page


class Command(BaseCommand):
    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when stale")
        parser.add_argument("--file", type=Path, default=settings.BASE_DIR / "docs" / "states.md")

    def handle(self, *args: Any, file: Path, check: bool, **options: Any) -> None:
        drawn = page()
        if not check:
            file.write_text(drawn, encoding="utf-8")
            return
        there = file.read_text(encoding="utf-8") if file.exists() else ""
        if there != drawn:
            lines = unified_diff(
                there.splitlines(), drawn.splitlines(), str(file), "as the tables say", lineterm=""
            )
            self.stdout.write("\n".join(lines))
            raise CommandError("stale: run manage.py draw_states", returncode=1)
