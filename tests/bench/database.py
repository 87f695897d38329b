"""A PostgreSQL database of a benchmark's own, made, migrated and dropped."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import OperationalError, connection


@contextmanager
def own_database() -> Iterator[str]:
    """Lead this process's connection to a new database for the block; gives its URL."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        sys.exit(f"No PostgreSQL at DATABASE_URL: {error}")
    if connection.vendor != "postgresql":
        sys.exit("This is measured on PostgreSQL: set DATABASE_URL.")
    usual = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name = f"bench_{os.getpid()}"
    base = settings.DATABASE_URL.rpartition("/")[0]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield f"{base}/{name}"
    finally:
        connection.creation.destroy_test_db(usual, verbosity=0)
