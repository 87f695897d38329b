"""Starts, watches and ends the processes of one stack: broker, bank, couriers, web, workers, beat.

Every process lives in a session of its own, so that Ctrl-C reaches only us and we end them in
order, and dies with us by the kernel's hand however we end (Linux; see backoffice.parentage).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from backoffice.celery import app
from backoffice.embedded import (
    LOCALHOST,
    InUse,
    NoServer,
    free_port,
    only_one_in,
    server_command,
)
from backoffice.parentage import die_with_parent
from returns import outside

BASE_DIR = Path(__file__).resolve().parent.parent
QUEUES = ("clock", "cases", "money", "couriers", "media", "mail")

_WORKER = "python -m celery -A backoffice worker --without-gossip --without-mingle"
# Every command that anything of ours runs, docker-compose.yml included (a test compares). What
# varies is in the environment: GUNICORN_CMD_ARGS, WORKER_CONCURRENCY, BEAT_SCHEDULE.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(line.split())
    for name, line in {
        "migrate": "python manage.py migrate --noinput",
        "web": "python -m gunicorn backoffice.wsgi --worker-class gthread --threads 8"
        " --graceful-timeout 10 --no-control-socket --access-logfile -",
        "worker": f"{_WORKER} -n worker@%h -Q {','.join(QUEUES)}",
        **{f"worker-{queue}": f"{_WORKER} -n {queue}@%h -Q {queue}" for queue in QUEUES},
        "beat": "python -m celery -A backoffice beat",
        "bank": "python manage.py sandbox_bank --port 8790",
        "couriers": "python -m couriers_sandbox --port 8791",
        "agree": "python manage.py agree_with_sandbox",
    }.items()
}

START_SECONDS = 60
STOP_SECONDS = 15


class NotUp(Exception):
    """A process ended or did not answer in time; the message ends with its last lines."""


class Stack:
    """The whole back office as processes, for as long as a `with` block lasts.

    `root` is its var folder: database file (unless DATABASE_URL is set), logs, mail, uploads and
    run.json, by which others find it. With REDIS_URL in `env` or the environment there is no
    embedded broker, with BANK_URL no sandbox bank, with COURIERS_URL no couriers' sandbox. The
    block begins when everything answers.

    Start and stop it in the main thread: the kernel ends what a thread started with that thread.
    Raises embedded.InUse, embedded.NoServer, NotUp.
    """

    def __init__(
        self,
        root: Path,
        *,
        simulation: bool,
        web_port: int | None = 8000,
        worker_concurrency: int = 2,
        worker_by_queue: bool = False,
        queues: Sequence[str] = QUEUES,
        beats: int = 1,
        migrate: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`web_port`: the first free one from there up, None for any. `queues`: that are served."""
        self.root = root.absolute()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._held = ExitStack()
        self._migrate = migrate
        given = {**os.environ, **(env or {})}
        self._queues = queues
        workers = [f"worker-{queue}" for queue in queues] if worker_by_queue else ["worker"]
        beat_names = ["beat", *(f"beat{number}" for number in range(2, beats + 1))]

        self._ports = {"web": free_port(web_port or 0)}
        if not given.get("REDIS_URL"):
            self._ports["broker"] = free_port()
            given["REDIS_URL"] = f"redis://{LOCALHOST}:{self._ports['broker']}/0"
        if not given.get("BANK_URL"):
            self._ports["bank"] = free_port()
            given["BANK_URL"] = f"http://{LOCALHOST}:{self._ports['bank']}"
        if not given.get("COURIERS_URL"):
            self._ports["couriers"] = free_port()
            given["COURIERS_URL"] = f"http://{LOCALHOST}:{self._ports['couriers']}"
            given.setdefault("COURIERS_ON_LOOPBACK", "1")
        self.url = f"http://{LOCALHOST}:{self._ports['web']}"
        self.redis_url = given["REDIS_URL"]
        self.bank_url, self.couriers_url = given["BANK_URL"], given["COURIERS_URL"]
        first = [name for name in ("broker", "bank", "couriers") if name in self._ports]
        self.names = (*first, "web", *workers, *beat_names)
        self.env: dict[str, str] = {
            **given,
            "DJANGO_SETTINGS_MODULE": "backoffice.settings",
            "VAR_DIR": str(self.root),
            "SIMULATION": str(int(simulation)),
            "WORKER_CONCURRENCY": str(worker_concurrency),
            "GUNICORN_CMD_ARGS": f"--bind={LOCALHOST}:{self._ports['web']}",
            "PYTHONUNBUFFERED": "1",
        }

    # --- As a block

    def __enter__(self) -> Self:
        with ExitStack() as held:
            held.enter_context(only_one_in(self.root))
            held.enter_context(_ending_signals_raise())
            held.callback(self._stop_all)
            shutil.rmtree(self.root / "log", ignore_errors=True)
            (self.root / "log").mkdir()
            if self._migrate:
                self.run("migrate")
            # The broker first: what starts without one tries again only after seconds.
            for name in self.names:
                self.start(name, wait=name == "broker")
            for name in self.names:
                self.wait_for(name)
            self._write_run_file()
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    # --- One process

    @property
    def pids(self) -> dict[str, int]:
        """The main process of each part that runs; a worker's pool is its children."""
        return {name: process.pid for name, process in self._running()}

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start a part that is not running, on the port it had. Raises NotUp."""
        if name in self.pids:
            return
        self._alive_file(name).unlink(missing_ok=True)
        us = os.getpid()
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._command(name),
                cwd=BASE_DIR,
                env=self._env_of(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(us),  # noqa: PLW1509 - it imports nothing
            )
        if wait:
            self.wait_for(name)

    def stop(self, name: str) -> None:
        """End a part as its maker meant it: a worker finishes what it holds; killed when slow."""
        process = self._processes.get(name)
        if process is None:
            return
        process.terminate()
        self._reap(name, STOP_SECONDS)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a part's main process only, and wait when it is a deadly one."""
        process = self._processes[name]
        process.send_signal(number)
        if number == signal.SIGKILL:
            process.wait(timeout=STOP_SECONDS)

    def children(self, name: str) -> list[int]:
        """The process ids below a part's main process: a worker's pool (Linux)."""
        pid = self._processes[name].pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ended(self) -> dict[str, int]:
        """What ended by itself or was killed, with its exit code (negative: the signal)."""
        codes = {name: process.poll() for name, process in self._processes.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def wait_for(self, name: str) -> None:
        """Return when a part answers. Raises NotUp when it ended, or after a minute."""
        process = self._processes[name]
        until = time.monotonic() + START_SECONDS
        while not self._is_up(name):
            if process.poll() is not None:
                raise NotUp(f"{name} ended with {process.returncode}.\n{self._last_lines(name)}")
            if time.monotonic() > until:
                raise NotUp(f"{name} does not answer.\n{self._last_lines(name)}")
            time.sleep(0.05)

    def run(self, name: str) -> None:
        """Run a command of COMMANDS to its end. Raises NotUp unless it ends well."""
        with self._log(name).open("wb") as log:
            code = subprocess.call(
                _executable(COMMANDS[name]), cwd=BASE_DIR, env=self.env, stdout=log, stderr=log
            )
        if code:
            raise NotUp(f"{name} ended with {code}.\n{self._last_lines(name)}")

    # --- How

    def _command(self, name: str) -> tuple[str, ...]:
        if name == "broker":
            return server_command(self._ports["broker"], self.root)
        if name in ("bank", "couriers"):
            return _executable((*COMMANDS[name][:-1], str(self._ports[name])))
        if name == "worker":
            return _executable((*COMMANDS[name][:-1], ",".join(self._queues)))
        return _executable(COMMANDS["beat" if name.startswith("beat") else name])

    def _env_of(self, name: str) -> dict[str, str]:
        own = {"WORKER_ALIVE_FILE": str(self._alive_file(name))}
        if name.startswith("beat"):
            # Two beats on one schedule file would tear it.
            own["BEAT_SCHEDULE"] = str(self.root / f"{name}-schedule")
        return self.env | own

    def _alive_file(self, name: str) -> Path:
        return self.root / f"{name}.alive"

    def _log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"

    def _last_lines(self, name: str, count: int = 20) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-count:]
        return "\n".join([f"… {self._log(name)}:", *lines])

    def _is_up(self, name: str) -> bool:
        if name.startswith("beat"):
            return self._processes[name].poll() is None
        if name.startswith("worker"):
            return self._alive_file(name).exists()
        if name == "web":
            return _answers(f"{self.url}/healthz")
        return _listens(self._ports[name])

    def _running(self) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
        return ((name, one) for name, one in self._processes.items() if one.poll() is None)

    def _reap(self, name: str, seconds: float) -> None:
        process = self._processes[name]
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            # Its whole session: the pool of a worker that hangs hangs too.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=STOP_SECONDS)

    def _stop_all(self) -> None:
        """Who rings first, who is rung after, who is asked last; siblings at the same time."""
        (self.root / "run.json").unlink(missing_ok=True)
        for kinds in (("beat", "couriers"), ("worker", "web"), ("bank", "broker")):
            names = [name for name, _ in self._running() if name.startswith(kinds)]
            for name in names:
                self._processes[name].terminate()
            until = time.monotonic() + STOP_SECONDS
            for name in names:
                self._reap(name, max(0.1, until - time.monotonic()))

    def _write_run_file(self) -> None:
        found = {
            "url": self.url,
            "redis_url": self.redis_url,
            "bank_url": self.bank_url,
            "couriers_url": self.couriers_url,
            "pid": os.getpid(),
            "pids": self.pids,
        }
        part = self.root / "run.json.part"
        part.write_text(json.dumps(found, indent=2))
        part.replace(self.root / "run.json")


def found_in(root: Path) -> dict[str, str]:
    """Where the stack that runs in a folder answers: url, redis_url, bank_url, couriers_url."""
    try:
        found = json.loads((root / "run.json").read_text())
    except FileNotFoundError:
        return {}
    return {name: str(value) for name, value in found.items() if name.endswith("url")}


def in_own_folder(root: Path, *, simulation: bool) -> None:
    """Run this very command again with `root` as its var folder, unless that is so already.

    Settings are read once, so a command that wants a database of its own has to begin with it.
    """
    wanted = {"VAR_DIR": str(root.absolute()), "SIMULATION": str(int(simulation))}
    if os.environ.items() >= wanted.items():
        return
    # -m and manage.py alike: the interpreter's own arguments, whatever started it.
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | wanted)  # noqa: S606


def ring_through(stack: Stack) -> None:
    """Have this process publish to a stack's broker too; call it before this process rings."""
    app.conf.update(broker_url=stack.redis_url)


def _executable(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command with this interpreter for `python`, whatever PATH says."""
    return (sys.executable, *command[1:])


def _answers(url: str) -> bool:
    return outside.call("GET", url, loopback=True, whole=2).status == HTTPStatus.OK


def _listens(port: int) -> bool:
    try:
        socket.create_connection((LOCALHOST, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def _ending_signals_raise() -> Iterator[None]:
    """End tidily on SIGTERM and a closed terminal too; a job begun with & ignores even SIGINT."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: leave,
        signal.SIGHUP: leave,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """Everything up until Ctrl-C: real time, and whatever the database holds."""
    simulation = os.environ.get("SIMULATION") == "1"
    root = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))
    try:
        with Stack(root, simulation=simulation) as stack:
            if "couriers" in stack.names:
                stack.run("agree")
            sys.stdout.write(f"Up at {stack.url}/ (logs in {stack.root}/log). Ctrl-C ends it.\n")
            sys.stdout.flush()
            while not stack.ended():
                time.sleep(1)
            sys.exit(f"Ended by itself: {stack.ended()}; see {stack.root}/log.")
    except (InUse, NoServer, NotUp) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
