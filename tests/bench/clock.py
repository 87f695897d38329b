"""What waiting costs, and firing: the drain against one case, and one message, at a time.

Ratios of one run count; absolute figures are this machine's of that hour. On a database of its own,
which it makes and drops, with a broker and a worker of its own.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from django.db import connection, transaction

from backoffice.celery import app
from backoffice.processes import COMMANDS, Stack, ring_through
from returns import clock, workflow
from returns.models import Case
from returns.states import State
from tests import make
from tests.bench.database import own_database
from tests.bench.one_by_one import lapse_one
from tests.bench.report import Row, seconds, span, tell
from tests.copies import copies
from tests.make import DAY, T0

#: When everything waiting is far from due, and when what is to be fired has become due.
IDLE, DUE = T0 - DAY, T0 + 20 * DAY
CHUNK = 200
LOOKS = 200
SECOND = "interval '1 second'"
ROUNDS = 3


class ClockStack(Stack):
    """A stack whose worker hears the clock only, so that nothing that follows is measured too."""

    def _command(self, name: str) -> tuple[str, ...]:
        if name == "worker":
            command = COMMANDS["worker-clock"][1:]
            return (sys.executable, *command, "--include", lapse_one.__module__)
        return super()._command(name)


def main() -> None:
    options = _options()
    with own_database() as url, tempfile.TemporaryDirectory() as root:
        # A broker of its own, and nobody who rings by the clock.
        env = {"DATABASE_URL": url, "REDIS_URL": "", "BEAT_SECONDS": "86400"}
        with ClockStack(
            Path(root), simulation=True, web_port=None, migrate=False, env=env
        ) as stack:
            ring_through(stack)
            clock.set_to(DUE)
            tables = [_waiting(options.waiting), _firing(options.due, options.singles)]
    tell("Waiting and firing", "bench-clock", tables, options.report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-clock", description=__doc__)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=10_000, help="fired by the drain, a round")
    parser.add_argument("--singles", type=int, default=1_000, help="fired one by one, a round")
    parser.add_argument("--report", type=Path, help="write the figures to this file as well")
    return parser.parse_args()


# What waiting costs -------------------------------------------------------------------------------


def _waiting(most: int) -> list[Row]:
    """An idle look, by how many cases wait; they stay, so that firing happens among them."""
    case = make.dispute(at=T0 + 1000 * DAY, received_at=T0 + 999 * DAY)
    rows, there = [("An idle look", "ms", "ratio")], 0
    few = 0.0
    for count in (20_000, most):
        copies(
            case,
            count - there,
            number=f"'W{there}-' || n",
            line_id=f"-{there} - n",
            terms_explanation="'[]'",
            deadline_at=f"deadline_at + n * {SECOND}",
        )
        there, took = count, _look()
        few = few or took
        rows.append((f"{count:,} waiting", f"{took:.2f}", f"{took / few:.1f}"))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP INDEX case_due")
        cursor.execute("DROP INDEX case_queue")
        took = _look(times=5)
        rows.append((f"{most:,} waiting, without its indexes", f"{took:.2f}", f"{took / few:.1f}"))
        transaction.set_rollback(True)
    return rows


def _look(times: int = LOOKS) -> float:
    """The median of some looks that find nothing, in milliseconds."""
    return median(seconds(lambda: workflow.lapse_due(CHUNK, at=IDLE)) for _ in range(times)) * 1000


# What firing costs --------------------------------------------------------------------------------


def _firing(due: int, singles: int) -> list[Row]:
    """All ways in each of several rounds; the first is what the others are measured against."""
    ways: dict[str, tuple[Callable[[list[int]], None], int]] = {
        "lapse, one by one": (_by_hand, singles),
        f"lapse_due, {CHUNK} a commit": (_drain, due),
        "2 workers, one message a case": (_messages, singles),
        "2 workers, one ring that drains": (_ring, due),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, (fire, count) in ways.items():
            ids = _make_due(count)
            rates[way].append(count / seconds(partial(fire, ids)))
            if Case.objects.due(DUE).exists():
                sys.exit(f"{way}: some did not fire.")
    rows = [("Firing", "cases/s", "ratio")]
    for reference, drained in zip(list(ways)[::2], list(ways)[1::2], strict=True):
        for way in (reference, drained):
            ratios = [a / b for a, b in zip(rates[way], rates[reference], strict=True)]
            rows.append((way, span(rates[way], ".0f"), span(ratios, ".1f")))
    return rows


def _by_hand(ids: list[int]) -> None:
    for each in ids:
        workflow.lapse(Case(pk=each), at=DUE)


def _drain(ids: list[int]) -> None:
    while workflow.lapse_due(CHUNK, at=DUE) == CHUNK:
        pass


def _messages(ids: list[int]) -> None:
    for each in ids:
        app.send_task(lapse_one.name, [each], queue="clock")
    _until_none_is_due()


def _ring(ids: list[int]) -> None:
    app.send_task("returns.tasks.ring_cases", queue="clock")
    _until_none_is_due()


def _until_none_is_due() -> None:
    until = time.monotonic() + 300
    while Case.objects.due(DUE).exists():
        if time.monotonic() > until:
            sys.exit("The worker did not finish.")
        time.sleep(0.02)


def _make_due(count: int) -> list[int]:
    """Cases that are due, a third each: silent sellers, silent buyers, parcels without news.

    All are free returns, each of a buyer's own, with its slot; the kinds alternate.
    """
    newest = Case.objects.order_by("-id").values_list("pk", flat=True)[0]
    for kind, state in enumerate((State.UNDER_REVIEW, State.AWAITING_RETURN, State.IN_TRANSIT)):
        case = make.case_at(state)
        more = (count + kind) // 3 - 1
        tag = f"'{case.number}-' || n"
        theirs = {name: f"{name} + n" for name in ("buyer_id", "order_id", "line_id", "case_id")}
        # What was made last has the highest id, and its copies the next ones.
        copies(case.buyer, more, ref=tag)
        copies(case.order, more, number=tag, **theirs)
        copies(case.line, more, **theirs)
        copies(case, more, number=tag, deadline_at=f"opened_at + n * {SECOND}", **theirs)
        copies(case.slot, more, **theirs)
    return list(Case.objects.filter(pk__gt=newest).values_list("pk", flat=True))
