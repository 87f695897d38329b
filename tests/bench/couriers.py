"""What couriers cost us: taking their messages, drawing their labels, finding their points.

Each beside a reference in the same minute; ratios count, absolute figures are this machine's of
that hour. On a database of its own, which it makes and drops, with a broker of its own.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from backoffice.celery import app
from tests.bench import accepting, finder, labels
from tests.bench.database import own_database
from tests.bench.report import Row, tell

NOTE = (
    f"The door: {accepting.CALLERS} callers that never rest, on the machine of the web server (2 "
    "processes), PostgreSQL and broker; so p50 to p99 hold the wait for a core. `takes ×` is how "
    "many times as long as the reference. Labels are drawn by one process; the finder's CPU is "
    "this process's only, without the database's."
)


def main() -> None:
    options = parsed(sys.argv[1:])
    # What is planted rings nobody's workers.
    app.conf.broker_url = "memory://"
    with own_database() as url, tempfile.TemporaryDirectory() as root:
        tables = measured(Path(root), url, options)
    tell("Couriers", "bench-couriers", tables, options.report, NOTE)


def measured(root: Path, database_url: str, options: argparse.Namespace) -> list[list[Row]]:
    """The three tables; what is planted in the database stays there."""
    return [
        accepting.run(root, database_url, calls=options.calls, rounds=options.rounds),
        labels.run(labels=options.labels, rounds=options.rounds),
        finder.run(points=options.points, queries=options.queries),
    ]


def parsed(words: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench-couriers", description=__doc__)
    parser.add_argument("--calls", type=int, default=400, help="messages a round and way")
    parser.add_argument("--labels", type=int, default=10, help="a round and way")
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="write the figures into this file as well")
    return parser.parse_args(words)
