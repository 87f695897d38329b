"""What the commands, the lock, the settings and the container files promise each other."""

import ast
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from celery import current_app
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError

from backoffice.celery import app, replace_dead_connections
from backoffice.embedded import free_port
from backoffice.processes import BASE_DIR, COMMANDS, QUEUES

REAL = {
    "HTTPS": "1",
    "SECRET_KEY": "0123456789" * 5,
    "COURIER_SECRETS_KEYS": "a2tr" * 10 + "a2s=",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "BANK_URL": "https://bank.example",
    "BANK_KEY": "key",
    "EMAIL_URL": "smtp://127.0.0.1:1",
    "SIMULATION": "0",
}


def pins(lock: str) -> dict[str, str]:
    """Name → version, of requirements/<lock>.txt."""
    text = (BASE_DIR / "requirements" / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", text, re.MULTILINE))


def deploy_check(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check --deploy` with only this environment."""
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **env},
        capture_output=True,
        text=True,
        check=False,
    )


# --- The lock and the commands


@pytest.mark.parametrize("lock", ["runtime", "s3", "dev"])
def test_every_pin_has_its_hash_and_no_address(lock: str) -> None:
    text = (BASE_DIR / "requirements" / f"{lock}.txt").read_text()
    entries = re.split(r"\n(?=[a-z])", text.strip())
    assert len(entries) > 50
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.search(r"https?:|--index|--find-links", text) is None


def test_the_locks_agree_with_each_other_and_with_what_is_asked_for() -> None:
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=; ]", one)[0].lower() for one in asked}
    assert names <= set(pins("dev"))
    assert pins("runtime").items() <= pins("dev").items()
    assert pins("runtime").items() <= pins("s3").items()


def test_the_bootstrap_parses_on_an_old_python_to_say_so() -> None:
    ast.parse((BASE_DIR / "bootstrap.py").read_text(), feature_version=(3, 8))


def test_every_target_is_in_help_and_makes_the_environment_first() -> None:
    text = (BASE_DIR / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):([^#\n]*)(##)?", text, re.MULTILINE)
    assert {name for name, _, said in targets if not said} == set()
    assert {name for name, needs, _ in targets if "setup" not in needs} == {"help", "setup"}
    shown = subprocess.check_output(["make", "help"], cwd=BASE_DIR, text=True)
    assert [name for name, _, _ in targets if f"make {name} " not in shown] == []


# --- The container files


def composed() -> dict[str, dict[str, object]]:
    text = (BASE_DIR / "docker-compose.yml").read_text()
    services: dict[str, dict[str, object]] = yaml.safe_load(text)["services"]
    return services


def test_compose_runs_the_commands_that_the_process_runner_runs() -> None:
    ours = {name: one for name, one in composed().items() if "build" in one}
    assert set(ours) == {"migrate", "web", "beat", *(f"worker-{queue}" for queue in QUEUES)}
    assert {name: tuple(one["command"]) for name, one in ours.items()} == {  # type: ignore[arg-type]
        name: COMMANDS[name] for name in ours
    }


def test_the_image_serves_by_itself_what_compose_has_it_serve() -> None:
    text = (BASE_DIR / "Dockerfile").read_text()
    assert tuple(ast.literal_eval(text.rpartition("CMD ")[2])) == COMMANDS["web"]


def test_every_service_that_stays_shows_its_health() -> None:
    stays = {name: one for name, one in composed().items() if name != "migrate"}
    assert [name for name, one in stays.items() if "healthcheck" not in one] == []


# --- The doorbell


def test_every_ring_of_beat_is_a_task_in_a_queue_that_somebody_hears() -> None:
    app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        queue = entry["options"].get("queue") or app.amqp.router.route({}, entry["task"])["queue"]
        assert getattr(queue, "name", queue) in QUEUES
        assert entry["options"]["expires"] <= 3_600


def test_every_task_goes_to_a_queue_that_somebody_hears() -> None:
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert {app.amqp.router.route({}, name)["queue"].name for name in ours} <= set(QUEUES)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody listens, and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("broker", ["refuses", "is silent"])
def test_a_ring_gives_up_soon_when_the_broker(
    broker: str, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port() if broker == "refuses" else silent_port
    monkeypatch.setattr(app.conf, "broker_url", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    start = time.monotonic()
    with pytest.raises((OperationalError, OSError)):
        current_app.send_task("returns.tasks.ring_cases")
    assert time.monotonic() - start < (1 if broker == "refuses" else 6)


@pytest.mark.real
@pytest.mark.django_db(transaction=True)
def test_a_task_begins_on_a_living_connection_after_postgresql_went_away() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    rival = connection.copy()
    with rival.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    rival.close()
    replace_dead_connections()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (pid,)


# --- Fit to deploy


def test_real_settings_pass_the_deploy_check(tmp_path: Path) -> None:
    checked = deploy_check(tmp_path, **REAL)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SIMULATION": "1"}, "backoffice.E101"),
        ({"REDIS_URL": ""}, "backoffice.E103"),
        ({"DATABASE_URL": ""}, "backoffice.W104"),
        ({"BANK_URL": ""}, "backoffice.E105"),
        ({"EMAIL_URL": ""}, "backoffice.W106"),
        ({"COURIERS_ON_LOOPBACK": "1"}, "backoffice.E107"),
        ({"SECRET_KEY": ""}, "Set SECRET_KEY"),
        ({"COURIER_SECRETS_KEYS": ""}, "Set COURIER_SECRETS_KEYS"),
    ],
)
def test_the_deploy_check_says(tmp_path: Path, wrong: dict[str, str], said: str) -> None:
    checked = deploy_check(tmp_path, **REAL | wrong)
    assert checked.returncode != 0
    assert said in checked.stderr


def test_secrets_made_up_for_the_embedded_default_are_kept(tmp_path: Path) -> None:
    for _ in range(2):
        deploy_check(tmp_path)
    kept = [(tmp_path / name) for name in ("secret_key", "courier_secrets_keys")]
    assert [oct(file.stat().st_mode & 0o777) for file in kept] == ["0o600", "0o600"]
    assert {file.name for file in tmp_path.iterdir()} == {"static", *(file.name for file in kept)}
