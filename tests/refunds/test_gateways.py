"""What every gateway must keep, shown on a real sandbox bank; and what the bank itself keeps."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from pytest_django import Settings

from refunds.gateways import NoAnswer, Outcome, RefundRequest, UnknownProvider, for_provider
from refunds.sandbox_bank import DEFAULT_SHARES, Fault, SandboxBank, fault_for
from tests.refunds.make import Start

BEFORE = [Fault.UNAVAILABLE, Fault.TOO_MANY, Fault.IN_PROGRESS]
AFTER = [Fault.DROPPED, Fault.SLOW, Fault.GARBAGE]


def request_for(payment_reference: str = "pay-1", amount: str = "33.00") -> RefundRequest:
    return RefundRequest(
        reference="RMA1-1",
        key="RMA1-1:1",
        amount=Decimal(amount),
        currency="EUR",
        payment_reference=payment_reference,
    )


def test_paid_comes_with_the_banks_own_reference_and_stands_in_its_book(bank: SandboxBank) -> None:
    gateway = for_provider("sandbox")
    answer = gateway.refund(request_for())
    assert answer.outcome == Outcome.PAID
    (paid,) = bank.book.select()
    assert (paid.id, paid.amount, paid.currency) == (answer.bank_reference, "33.00", "EUR")
    found = gateway.find("RMA1-1")
    assert found is not None
    assert found.answers(request_for())
    assert found.bank_reference == answer.bank_reference


def test_the_same_key_pays_once_and_answers_the_same(bank: SandboxBank) -> None:
    """R28."""
    gateway = for_provider("sandbox")
    assert gateway.refund(request_for()) == gateway.refund(request_for())
    assert len(bank.book.select()) == 1


def test_the_same_key_with_other_words_is_never_taken_for_a_no(bank: SandboxBank) -> None:
    gateway = for_provider("sandbox")
    gateway.refund(request_for())
    answer = gateway.refund(request_for(amount="3.00"))
    assert answer.outcome == Outcome.UNKNOWN
    assert "key-reused" in answer.reason
    assert len(bank.book.select()) == 1


@pytest.mark.parametrize("fault", BEFORE)
def test_a_fault_before_paying_is_unknown_and_the_next_try_pays(
    bank: SandboxBank, fault: Fault
) -> None:
    gateway = for_provider("sandbox")
    assert gateway.refund(request_for(f"{fault}-1")).outcome == Outcome.UNKNOWN
    assert gateway.find("RMA1-1") is None
    assert gateway.refund(request_for(f"{fault}-1")).outcome == Outcome.PAID


@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_after_paying_is_unknown_and_asking_finds_the_money(
    bank: SandboxBank, fault: Fault
) -> None:
    gateway = for_provider("sandbox")
    assert gateway.refund(request_for(f"{fault}-1")).outcome == Outcome.UNKNOWN
    found = gateway.find("RMA1-1")
    assert found is not None
    assert found.answers(request_for())


def test_too_many_says_when_to_come_back(bank: SandboxBank) -> None:
    answer = for_provider("sandbox").refund(request_for("too-many-1"))
    assert answer.retry_after == timedelta(seconds=120)


def test_only_a_closed_account_is_a_definite_no(bank: SandboxBank) -> None:
    answer = for_provider("sandbox").refund(request_for("closed-account-1"))
    assert (answer.outcome, answer.reason) == (Outcome.REFUSED, "account-closed")
    assert bank.book.select() == []


def test_a_bank_that_is_away_is_unknown_and_cannot_be_asked(
    start_bank: Start, settings: Settings
) -> None:
    settings.BANK_URL = "http://127.0.0.1:1"
    gateway = for_provider("sandbox")
    assert gateway.refund(request_for()).outcome == Outcome.UNKNOWN
    with pytest.raises(NoAnswer):
        gateway.find("RMA1-1")


def test_the_wrong_key_opens_nothing(bank: SandboxBank, settings: Settings) -> None:
    settings.BANK_KEY = "a guess"
    gateway = for_provider("sandbox")
    assert gateway.refund(request_for()).outcome == Outcome.UNKNOWN
    with pytest.raises(NoAnswer):
        gateway.find("RMA1-1")
    assert bank.book.select() == []


def test_a_provider_without_a_gateway_is_named() -> None:
    with pytest.raises(UnknownProvider, match="paybyfax"):
        for_provider("paybyfax")


def test_the_book_outlives_the_bank(start_bank: Start, book_file: Path) -> None:
    first = start_bank(book=book_file)
    answer = for_provider("sandbox").refund(request_for())
    first.shutdown()
    start_bank(book=book_file)
    assert for_provider("sandbox").refund(request_for()) == answer


def test_a_key_older_than_its_lifetime_pays_again(start_bank: Start) -> None:
    """Why a key is not trusted for ever: real banks forget it."""
    bank = start_bank(key_ttl=0)
    gateway = for_provider("sandbox")
    gateway.refund(request_for())
    gateway.refund(request_for())
    assert len(bank.book.select()) == 2
    with pytest.raises(NoAnswer, match="2 refunds"):
        gateway.find("RMA1-1")


def test_the_list_goes_on_where_it_was_left(bank: SandboxBank, settings: Settings) -> None:
    for_provider("sandbox").refund(request_for())
    headers = {"Authorization": f"Bearer {settings.BANK_KEY}"}
    page = httpx.get(f"{bank.url}/refunds?since=0", headers=headers).json()
    assert [entry["reference"] for entry in page["refunds"]] == ["RMA1-1"]
    rest = httpx.get(f"{bank.url}/refunds?since={page['next']}", headers=headers).json()
    assert rest == {"refunds": [], "next": page["next"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"reference": "x"}',
        b'{"reference":"x","amount":"-1","currency":"EUR","payment_reference":"p"}',
        b'{"reference":"x","amount":"NaN","currency":"EUR","payment_reference":"p"}',
        b'{"reference":"x","amount":5,"currency":"EUR","payment_reference":"p"}',
    ],
)
def test_nonsense_is_a_bad_request_and_pays_nothing(
    bank: SandboxBank, settings: Settings, content: bytes
) -> None:
    headers = {"Authorization": f"Bearer {settings.BANK_KEY}", "Idempotency-Key": "k"}
    assert httpx.post(f"{bank.url}/refunds", content=content, headers=headers).status_code == 400
    assert bank.book.select() == []


def test_the_same_seed_meets_the_same_faults_and_about_a_fifth_of_all_tries() -> None:
    met = [fault_for("default", 7, f"RMA{n}-1", "pay", 1) for n in range(5000)]
    assert met == [fault_for("default", 7, f"RMA{n}-1", "pay", 1) for n in range(5000)]
    assert met != [fault_for("default", 8, f"RMA{n}-1", "pay", 1) for n in range(5000)]
    share = sum(fault != Fault.NONE for fault in met) / 5000
    assert share == pytest.approx(sum(DEFAULT_SHARES.values()), abs=0.02)


def test_five_failures_and_then_the_money() -> None:
    met = [fault_for("none", 0, "r", "fails-five-times-1", n) for n in range(1, 8)]
    assert met == [Fault.UNAVAILABLE] * 5 + [Fault.NONE] * 2


def test_the_command_serves_on_the_port_it_prints(settings: Settings) -> None:
    command = [sys.executable, "manage.py", "sandbox_bank", "--port", "0", "--faults", "none"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            assert httpx.get(f"{url}/healthz").status_code == 204
            assert httpx.get(f"{url}/book").status_code == 401
        finally:
            process.terminate()


Told = Callable[..., str]


class Liar(BaseHTTPRequestHandler):
    """A counter that says what it was told to say."""

    status, content, location = 201, b"", ""

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Location", self.location)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def told() -> Iterator[Told]:
    """Start a counter that says this, and perhaps sends elsewhere; gives its address."""
    with ExitStack() as open_counters:

        def say(status: int, content: object, location: str = "") -> str:
            said = {"status": status, "content": json.dumps(content).encode()}
            kind = type("Told", (Liar,), said | {"location": f"{location}/refunds"})
            liar = open_counters.enter_context(HTTPServer(("127.0.0.1", 0), kind))
            thread = threading.Thread(target=liar.serve_forever, args=(0.01,))
            thread.start()
            open_counters.callback(thread.join)
            open_counters.callback(liar.shutdown)
            return f"http://127.0.0.1:{liar.server_address[1]}"

        yield say


GOOD = {"id": "BK1", "reference": "RMA1-1", "amount": "33.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("status", "content", "outcome"),
    [
        (201, GOOD, Outcome.PAID),
        (201, GOOD | {"amount": "3.00"}, Outcome.UNKNOWN),
        (201, GOOD | {"amount": "NaN"}, Outcome.UNKNOWN),
        (201, GOOD | {"currency": "USD"}, Outcome.UNKNOWN),
        (201, GOOD | {"reference": "RMA2-1"}, Outcome.UNKNOWN),
        (201, {"id": "BK1"}, Outcome.UNKNOWN),
        (201, ["paid"], Outcome.UNKNOWN),
        (200, GOOD, Outcome.UNKNOWN),
        (400, {"code": "account-closed"}, Outcome.UNKNOWN),
        (422, {"code": "something-new"}, Outcome.UNKNOWN),
        (500, {"code": "account-closed"}, Outcome.UNKNOWN),
    ],
)
def test_an_answer_is_believed_only_when_it_repeats_what_was_asked(
    told: Told, settings: Settings, status: int, content: object, outcome: Outcome
) -> None:
    """A provider's answer is a stranger's word."""
    settings.BANK_URL = told(status, content)
    assert for_provider("sandbox").refund(request_for()).outcome == outcome


def test_nobody_follows_where_a_provider_redirects(told: Told, settings: Settings) -> None:
    settings.BANK_URL = told(307, {}, told(201, GOOD))
    assert for_provider("sandbox").refund(request_for()).outcome == Outcome.UNKNOWN
