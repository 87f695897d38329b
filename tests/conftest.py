"""What every test stands on: a database file of its own, private folders, no hashing for show."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from backoffice.celery import app
from logistics import throttle

TESTS = Path(__file__).parent
REAL = {"races", "chaos"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Races and kills are shown where they can happen: SQLite knows one writer at a time."""
    here = connection.vendor == "postgresql" and bool(os.environ.get("REDIS_URL"))
    needs = pytest.mark.skip(reason="needs PostgreSQL and Redis: set DATABASE_URL and REDIS_URL")
    for item in items:
        if item.path.is_relative_to(TESTS) and REAL & set(item.path.relative_to(TESTS).parts):
            item.add_marker("real")
        if item.get_closest_marker("real") and not here:
            item.add_marker(needs)
        database = item.get_closest_marker("django_db")
        if database and database.kwargs.get("transaction"):
            # Such a test empties every table at its end; what migrations wrote is put back.
            whole = pytest.mark.django_db(transaction=True, serialized_rollback=True)
            item.add_marker(whole, append=False)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    tmp_path_factory: pytest.TempPathFactory, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """A file, as in real life: SQLite in memory locks by table, and threads would meet that."""
    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(autouse=True)
def _own_surroundings(settings: Settings, tmp_path: Path) -> None:
    """Uploads go into the test's own folder, and a password costs nothing."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _own_counters(settings: Settings) -> Iterator[None]:
    """What one test called is not counted against the next."""
    settings.COURIER_LIMITS_STORE = ""
    throttle.forget()
    yield
    throttle.forget()


@pytest.fixture(scope="session", autouse=True)
def _no_broker() -> None:
    """A ring in a test goes nowhere, also where REDIS_URL is set: real workers are not ours."""
    app.conf.broker_url = "memory://"
