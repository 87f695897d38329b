"""A stack comes up whole, and nothing of it is left however it ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from redis import Redis

from backoffice.embedded import InUse
from backoffice.processes import BASE_DIR, NotUp, Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, relies on PR_SET_PDEATHSIG"),
]


def session_of(pids: Mapping[str, int]) -> set[int]:
    """Every process in the sessions that these began: their pools and servers too."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) in pids.values():
            found.add(int(folder.name))
    return found


def gone(pids: Mapping[str, int], within: float) -> bool:
    until = time.monotonic() + within
    while left := session_of(pids):
        if time.monotonic() > until:
            return not left
        time.sleep(0.05)
    return True


def surroundings(root: Path) -> dict[str, str]:
    """A stack without bank and couriers, on SQLite and its own broker wherever these tests run."""
    mine = {**os.environ, "VAR_DIR": str(root), "BANK_URL": "http://127.0.0.1:1"}
    mine["COURIERS_URL"] = "http://127.0.0.1:1"
    return mine | {"DATABASE_URL": "", "REDIS_URL": "", "SIMULATION": "0"}


@contextmanager
def supervisor(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, int]]]:
    """`python -m backoffice.processes` as another process, and what it runs once it is up."""
    with subprocess.Popen(
        [sys.executable, "-m", "backoffice.processes"],
        cwd=BASE_DIR,
        env=surroundings(root),
        stdout=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 60
        while not (root / "run.json").exists() and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.1)
        pids = json.loads((root / "run.json").read_text())["pids"]
        try:
            yield process, pids
        finally:
            process.kill()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("stack")
    with Stack(root, simulation=False, web_port=None, beats=2, env=surroundings(root)) as stack:
        yield stack


def test_a_stack_answers_and_says_where_it_is(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/healthz").text == "ok"
    assert set(stack.pids) == {"broker", "web", "worker", "beat", "beat2"}
    run = json.loads((stack.root / "run.json").read_text())
    assert (run["url"], run["redis_url"]) == (stack.url, stack.redis_url)
    assert len(stack.children("worker")) == 2


def test_a_second_stack_in_one_folder_is_refused(stack: Stack) -> None:
    with pytest.raises(InUse), Stack(stack.root, simulation=False):
        pass


def test_a_pool_dies_with_its_killed_worker_and_a_new_one_takes_over(stack: Stack) -> None:
    before = {"worker": stack.pids["worker"]}
    assert len(session_of(before)) == 3
    stack.kill("worker")
    assert gone(before, within=5)
    assert stack.ended() == {"worker": -signal.SIGKILL}
    stack.start("worker")
    assert len(stack.children("worker")) == 2
    assert stack.ended() == {}


def test_a_pool_process_that_is_busy_dies_with_its_worker_too() -> None:
    """An idle one would see its pipe close; one in the middle of a task sees nothing."""
    worker = (
        "import os, time\n"
        "from celery.signals import worker_process_init\n"
        "from backoffice.celery import app\n"
        "if not os.fork():\n"
        "    worker_process_init.send(sender=None)\n"
        "    print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", worker], cwd=BASE_DIR, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        try:
            assert gone({"worker": process.pid}, within=5)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_web_answers_while_the_broker_is_away_and_the_broker_returns_where_it_was(
    stack: Stack,
) -> None:
    stack.kill("broker")
    assert httpx.get(f"{stack.url}/healthz").text == "ok"
    stack.start("broker")
    with Redis.from_url(stack.redis_url) as broker:
        assert broker.ping()
    # The worker found its way back too: it touches the file at a heartbeat to the broker.
    (stack.root / "worker.alive").unlink(missing_ok=True)
    stack.wait_for("worker")


def test_a_command_begins_anew_in_a_folder_of_its_own(tmp_path: Path) -> None:
    command = (
        "import os, pathlib, sys; from backoffice.processes import in_own_folder\n"
        "in_own_folder(pathlib.Path(sys.argv[1]), simulation=True)\n"
        "print(os.environ['VAR_DIR'], os.environ['SIMULATION'], sys.argv[2])"
    )
    said = subprocess.check_output(
        [sys.executable, "-c", command, tmp_path / "mine", "argument"],
        cwd=BASE_DIR,
        env=surroundings(tmp_path),
        text=True,
    )
    assert said.split() == [str(tmp_path / "mine"), "1", "argument"]


def test_what_does_not_come_up_is_said_with_its_last_lines(tmp_path: Path) -> None:
    env = surroundings(tmp_path) | {"DATABASE_URL": "nonsense://"}
    with pytest.raises(NotUp, match=r"(?s)migrate ended with 1.*nonsense"):
        Stack(tmp_path, simulation=False, web_port=None, env=env).__enter__()


def test_everything_ends_with_a_killed_supervisor(tmp_path: Path) -> None:
    with supervisor(tmp_path) as (process, pids):
        assert len(session_of(pids)) >= len(pids) + 3  # two in the pool, one that serves
        process.send_signal(signal.SIGKILL)
        assert gone(pids, within=5)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stack_is_taken_down_tidily(tmp_path: Path, ending: signal.Signals) -> None:
    with supervisor(tmp_path) as (process, pids):
        process.send_signal(ending)
        assert process.wait(timeout=30) == 128 + ending
        assert session_of(pids) == set()
        assert not (tmp_path / "run.json").exists()
    assert "Warm shutdown" in (tmp_path / "log" / "worker.log").read_text()
