"""A shop with its key, a courier door, a bank: what every story is told on."""

import threading
from collections.abc import Iterator

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from refunds.sandbox_bank import SandboxBank
from returns import clock, keys
from tests.stories.teller import START, Story


@pytest.fixture
def bank(settings: Settings) -> Iterator[SandboxBank]:
    """A bank that does to a refund what the payment's reference says."""
    settings.BANK_KEY, settings.BANK_TIMEOUT = "secret of this test", 2.0
    bank = SandboxBank(key=settings.BANK_KEY)
    thread = threading.Thread(target=bank.serve_forever, args=(0.01,))
    thread.start()
    settings.BANK_URL = bank.url
    yield bank
    bank.shutdown()
    thread.join()
    bank.server_close()


@pytest.fixture
def story(
    transactional_db: None, live_server: LiveServer, bank: SandboxBank, settings: Settings
) -> Iterator[Story]:
    """Day 0; at its end every invariant holds."""
    settings.SIMULATION = True
    clock.set_to(START)
    _, key = keys.create("the shop of the stories", at=START)
    told = Story(live_server.url, key, bank)
    yield told
    told.close()
