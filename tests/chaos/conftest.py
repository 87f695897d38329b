"""A PostgreSQL of the test's own that may be crashed, and a stack of real processes on it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from backoffice.embedded import LOCALHOST, free_port
from backoffice.processes import Stack
from returns import clock
from tests.make import T0


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL server with a database `chaos`, on loopback; fsync on, as in real life."""

    binaries: Path
    data: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgres://postgres@{LOCALHOST}:{self.port}/chaos"

    def control(self, *words: str) -> None:
        """pg_ctl, as a user who is not root: PostgreSQL refuses to run as root."""
        command = [str(self.binaries / "pg_ctl"), "-D", str(self.data), "-w", *words]
        done = subprocess.run(
            _as_postgres(command), capture_output=True, timeout=60, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def crash_and_restart(self) -> None:
        """Every server process ends at once, without a word and without a checkpoint."""
        self.control("stop", "-m", "immediate")
        self.control("start", "-l", str(self.data / "log"))


def _as_postgres(command: list[str]) -> list[str]:
    if os.geteuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    return command


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Made for one test and crashed at its end. Outside pytest's folders: those are root's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL server binaries here: the crash cannot be shown")
    home = Path(tempfile.mkdtemp(prefix="chaos-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres")
    made = Cluster(found[-1], home / "data", free_port())
    initdb = [str(made.binaries / "initdb"), "-D", str(made.data), "-A", "trust", "-U", "postgres"]
    subprocess.run(_as_postgres(initdb), check=True, capture_output=True, timeout=120)
    own = {"port": made.port, "listen_addresses": LOCALHOST, "unix_socket_directories": ""}
    with made.data.joinpath("postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in own.items())
    made.control("start", "-l", str(made.data / "log"))
    createdb = [str(made.binaries / "createdb"), "-h", LOCALHOST, "-p", str(made.port)]
    subprocess.run([*createdb, "-U", "postgres", "chaos"], check=True, timeout=60)
    yield made
    made.control("stop", "-m", "immediate")
    shutil.rmtree(home)


@contextmanager
def _pointed_at(cluster: Cluster) -> Iterator[None]:
    """This process's own connection goes to the cluster too, so that a test can look."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        NAME="chaos", HOST=LOCALHOST, PORT=str(cluster.port), USER="postgres", PASSWORD=""
    )
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)


@pytest.fixture
def stack(
    cluster: Cluster,
    tmp_path: Path,
    settings: Settings,
    django_db_blocker: DjangoDbBlocker,
    _no_broker: None,
) -> Iterator[Stack]:
    """Broker, bank, web, worker with two children, and two beats that ring every second."""
    settings.SIMULATION = True
    env = {"DATABASE_URL": cluster.url, "REDIS_URL": "", "BANK_URL": ""} | {
        "COURIERS_URL": "http://127.0.0.1:1",
        "BEAT_SECONDS": "1",
    }
    with (
        django_db_blocker.unblock(),
        _pointed_at(cluster),
        Stack(tmp_path / "var", simulation=True, web_port=None, beats=2, env=env) as running,
    ):
        clock.set_to(T0)
        yield running


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait for it; returns how many seconds that took. Fails the test when it does not come."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            pytest.fail(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - started
