"""The broker of the embedded default: which one, where, and alone."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from backoffice import embedded
from backoffice.embedded import InUse, NoServer, free_port, only_one_in, server_command
from backoffice.processes import BASE_DIR


def test_a_broker_runs_on_a_free_port_and_writes_nothing_to_disk(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(server_command(port, tmp_path), stdout=subprocess.DEVNULL) as server:
        try:
            with Redis(port=port, retry=Retry(ConstantBackoff(0.1), 50)) as client:
                client.set("case", 1)
                assert client.config_get("save") == {"save": ""}
                assert client.config_get("appendonly") == {"appendonly": "no"}
        finally:
            server.terminate()
        assert server.wait(timeout=5) == 0
    assert list(tmp_path.iterdir()) == []


def test_without_the_wheel_a_server_on_path_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.server_binary() == str(server)
    server.unlink()
    with pytest.raises(NoServer, match="REDIS_URL"):
        embedded.server_binary()


def test_a_port_where_somebody_listens_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(port) > port


def test_one_folder_serves_one_stack_until_its_process_ends(tmp_path: Path) -> None:
    holder = (
        "import sys, pathlib; from backoffice.embedded import only_one_in\n"
        "with only_one_in(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, tmp_path],
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InUse), only_one_in(tmp_path):
            pass
        process.kill()
    with only_one_in(tmp_path):
        pass
