"""What is told of a benchmark: its figures, when and where they were measured, a section each."""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from statistics import median
from textwrap import fill

from django.db import connection
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from backoffice.processes import BASE_DIR
from returns import clock

Row = tuple[str, ...]

HEAD = """# How fast

Each section is written by the command it names, not by hand. Ratios of one run count: the median of
the rounds, and their range. Absolute figures are that machine's of that hour.

"""


def seconds(run: Callable[[], object]) -> float:
    """How long it takes by the wall clock."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def span(figures: Sequence[float], form: str) -> str:
    """The median, and the range it is out of."""
    low, high = min(figures), max(figures)
    return f"{median(figures):,{form}} ({low:,{form}}–{high:,{form}})"


def tell(
    title: str, command: str, tables: Sequence[Sequence[Row]], report: Path | None, note: str = ""
) -> None:
    """Print the section of a benchmark (`make <command>`), and write it into `report` as well."""
    by = f"Written by `make {command} ARGS='--report docs/speed.md'`. {_here()}"
    texts = [fill(text, 100) for text in (by, note) if text]
    section = "\n\n".join([f"## {title}", *texts, *map(markdown, tables)]) + "\n\n"
    sys.stdout.write(section)
    if report:
        before = report.read_text() if report.exists() else HEAD
        report.write_text(with_section(before, section).rstrip() + "\n")


def with_section(report: str, section: str) -> str:
    """The report with this section in place of the one of its title, or at the end."""
    head, *sections = re.split("^(?=## )", report, flags=re.MULTILINE)
    by_title = {each.partition("\n")[0]: each.rstrip() + "\n\n" for each in (*sections, section)}
    return "".join([head, *by_title.values()])


def markdown(rows: Sequence[Row]) -> str:
    """A table that can be read in a terminal too."""
    head, *others = rows
    table = Table(*head, box=MARKDOWN)
    for row in others:
        table.add_row(*row)
    text = StringIO()
    Console(file=text, width=160).print(table)
    return "\n".join(line.strip() for line in text.getvalue().strip().splitlines())


def _here() -> str:
    """When and where: figures without their machine say nothing."""
    git = ["git", "-C", str(BASE_DIR), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = ("Django", "celery", "psycopg", "gunicorn", "typst")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgresql,) = cursor.fetchone()
    return (
        f"{clock.real_now():%Y-%m-%d %H:%M} UTC, commit {commit or 'unknown'}, "
        f"{os.cpu_count()} cores (load {os.getloadavg()[1]:.1f}), {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"PostgreSQL {postgresql}, {packages}."
    )
