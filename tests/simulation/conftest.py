"""The couriers' sandbox, in this process: what a stack has as a process of its own."""

import threading
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from couriers_sandbox.server import Sandbox
from couriers_sandbox.world import World


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[Sandbox]:
    """A sandbox that answers, found where a simulation looks for it."""
    served = Sandbox(World(7), token="token")
    settings.COURIERS_URL, settings.COURIERS_TOKEN = served.url, "token"
    thread = threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
