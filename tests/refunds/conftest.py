"""A real sandbox bank, in a thread."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from refunds.sandbox_bank import SandboxBank
from tests.refunds.make import Start


@pytest.fixture
def start_bank(settings: Settings) -> Iterator[Start]:
    """Start a bank as asked; the settings point at the last one. All are closed at the end."""
    banks: list[tuple[SandboxBank, threading.Thread]] = []
    settings.BANK_TIMEOUT = 0.4

    def start(port: int = 0, *, faults: str = "none", **more: object) -> SandboxBank:
        bank = SandboxBank(port, key=settings.BANK_KEY, faults=faults, slow=0.8, **more)  # type: ignore[arg-type]
        thread = threading.Thread(target=bank.serve_forever, args=(0.01,))
        thread.start()
        banks.append((bank, thread))
        settings.BANK_URL = bank.url
        return bank

    settings.BANK_KEY = "secret of this test"
    yield start
    for bank, thread in banks:
        bank.shutdown()
        thread.join()
        bank.server_close()


@pytest.fixture
def bank(start_bank: Start) -> SandboxBank:
    """A bank without faults, but for those that a payment reference asks for."""
    return start_bank()


@pytest.fixture
def book_file(tmp_path: Path) -> Path:
    """Where a bank may keep a book that outlives it."""
    return tmp_path / "book.sqlite3"
