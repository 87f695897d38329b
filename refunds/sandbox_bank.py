"""The sandbox bank: a real HTTP server with its own book of effects and faults on order.

It knows nothing of Django or of our database, so that its book can judge ours. The contract, JSON
both ways, `Authorization: Bearer KEY`:

    POST /refunds             {reference, amount, currency, payment_reference} as texts, with an
                              Idempotency-Key → 201 {id, status, reference, amount, currency, …}
    GET  /refunds?reference=  {"refunds": [...]}
    GET  /refunds?since=N     {"refunds": [...], "next": N}, 1,000 a page, to reconcile
    GET  /book                {"refunds": [...], "attempts": {reference: n}}, for tests
    GET  /healthz             204, to anybody

The same key with the same body gives the same answer for `key_ttl` seconds; with another body 422
`key-reused`. Only what was paid is kept under a key, errors are not. After that time the key is
forgotten and the bank pays again, as real ones do.
"""

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

THIRTY_DAYS = 30 * 24 * 3600
PAGE = 1000
MOST_BYTES = 64 * 1024
FIELDS = ("reference", "amount", "currency", "payment_reference")


class Fault(StrEnum):
    """What may go wrong with one attempt, by the name that `--faults` takes."""

    NONE = "none"
    DROPPED = "dropped"  # paid, then the connection is cut without an answer
    UNAVAILABLE = "unavailable"  # 503, nothing paid
    TOO_MANY = "too-many"  # 429 with Retry-After, nothing paid
    SLOW = "slow"  # paid, and answered after the client has hung up
    GARBAGE = "garbage"  # paid, and answered 200 with something that is not JSON
    IN_PROGRESS = "in-progress"  # 409, nothing paid
    CLOSED_ACCOUNT = "closed-account"  # 422, the definite no


# The share of attempts that meet each fault under `--faults default`; the rest are paid.
DEFAULT_SHARES = {
    Fault.DROPPED: 0.05,
    Fault.UNAVAILABLE: 0.06,
    Fault.TOO_MANY: 0.03,
    Fault.SLOW: 0.01,
    Fault.GARBAGE: 0.03,
    Fault.IN_PROGRESS: 0.02,
}

# What a payment reference that starts so meets, attempt by attempt; then it is paid.
SCRIPTS: Mapping[str, Sequence[Fault]] = {
    "fails-five-times-": [Fault.UNAVAILABLE] * 5,
    "never-available-": [Fault.UNAVAILABLE] * 1000,
    "closed-account-": [Fault.CLOSED_ACCOUNT] * 1000,
    "always-pays-": [],
} | {f"{fault}-": [fault] for fault in DEFAULT_SHARES}


def fault_for(faults: str, seed: int, reference: str, payment_reference: str, n: int) -> Fault:
    """What attempt `n` (from 1) at `reference` meets: for one seed the same on any machine."""
    for prefix, script in SCRIPTS.items():
        if payment_reference.startswith(prefix):
            return script[n - 1] if n <= len(script) else Fault.NONE
    if faults != "default":
        return Fault(faults) if n == 1 else Fault.NONE
    digest = hashlib.sha256(f"{seed}:{reference}:{n}".encode()).digest()
    draw = int.from_bytes(digest[:8]) / 2**64
    for fault, share in DEFAULT_SHARES.items():
        if draw < share:
            return fault
        draw -= share
    return Fault.NONE


@dataclass(frozen=True)
class Paid:
    """One effect: money that left."""

    position: int
    id: str
    reference: str
    amount: str
    currency: str
    payment_reference: str
    key: str
    status: str = "paid"


class KeyReused(Exception):
    """The key was seen with another body."""


class Book:
    """The bank's own append-only book, in SQLite: what it says has happened, has happened."""

    def __init__(self, path: Path | None, key_ttl: float) -> None:
        self.lock = threading.Lock()
        self.key_ttl = key_ttl
        self.db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        # A killed process loses nothing under NORMAL; only a power cut could.
        self.db.executescript("""
            PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
            CREATE TABLE IF NOT EXISTS paid (
                position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, reference TEXT,
                amount TEXT, currency TEXT, payment_reference TEXT, key TEXT, body_sha256 TEXT,
                paid_at REAL);
            CREATE INDEX IF NOT EXISTS paid_reference ON paid (reference);
            CREATE INDEX IF NOT EXISTS paid_key ON paid (key);
            CREATE TABLE IF NOT EXISTS attempts (reference TEXT PRIMARY KEY, n INTEGER NOT NULL);
        """)

    def attempt(self, reference: str) -> int:
        """Count one more attempt at `reference` and say which it is."""
        with self.lock:
            (n,) = self.db.execute(
                "INSERT INTO attempts VALUES (?, 1) "
                "ON CONFLICT (reference) DO UPDATE SET n = n + 1 RETURNING n",
                [reference],
            ).fetchone()
            return int(n)

    def pay(self, key: str, body: dict[str, str]) -> Paid:
        """Pay once a living key; raise KeyReused when it came with another body."""
        sha = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self.lock:
            known = self.db.execute(
                "SELECT id, body_sha256 FROM paid WHERE key = ? AND paid_at > ? "
                "ORDER BY position DESC LIMIT 1",
                [key, _now() - self.key_ttl],
            ).fetchone()
            if known is None:
                known = (self._new_id(body["reference"]), sha)
                self.db.execute(
                    "INSERT INTO paid (id, reference, amount, currency, payment_reference, key, "
                    "body_sha256, paid_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    [known[0], *(body[field] for field in FIELDS), key, sha, _now()],
                )
        if known[1] != sha:
            raise KeyReused(key)
        (paid,) = self.select("id = ?", known[0])
        return paid

    def _new_id(self, reference: str) -> str:
        """Unique in the book, and the same in every run, in whatever order the refunds came."""
        (before,) = self.db.execute(
            "SELECT count(*) FROM paid WHERE reference = ?", [reference]
        ).fetchone()
        return f"BK{hashlib.sha256(f'{reference}:{before}'.encode()).hexdigest()[:14].upper()}"

    def select(
        self, where: str = "position > ?", value: str | int = 0, limit: int = -1
    ) -> list[Paid]:
        """What the book says, in its own order. `where` is a condition of ours."""
        columns = "position, id, reference, amount, currency, payment_reference, key"
        query = f"SELECT {columns} FROM paid WHERE {where} ORDER BY position LIMIT ?"  # noqa: S608
        with self.lock:
            rows = self.db.execute(query, [value, limit]).fetchall()
        return [Paid(*row) for row in rows]

    def attempts(self) -> dict[str, int]:
        """How often each reference was tried."""
        with self.lock:
            return dict(self.db.execute("SELECT reference, n FROM attempts").fetchall())


def _now() -> float:
    """The bank has a clock of its own, and it is real."""
    return time.time()  # noqa: TID251


class SandboxBank(ThreadingHTTPServer):
    """The server, on the loopback only. `port` 0 takes a free one; see `url`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int = 0,
        *,
        key: str,
        seed: int = 0,
        faults: str = "none",
        book: Path | None = None,
        key_ttl: float = THIRTY_DAYS,
        slow: float = 1.5,
    ) -> None:
        if faults != "default":
            Fault(faults)
        if not key:
            raise ValueError("An empty key would let anybody in.")
        self.key, self.seed, self.faults, self.slow = key, seed, faults, slow
        self.book = Book(book, key_ttl)
        self.busy: set[str] = set()
        self.busy_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Counter)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def begin(self, key: str) -> bool:
        """Take the key in hand; False while another request has it."""
        with self.busy_lock:
            if key in self.busy:
                return False
            self.busy.add(key)
            return True

    def end(self, key: str) -> None:
        """Let the key go."""
        with self.busy_lock:
            self.busy.discard(key)


class Counter(BaseHTTPRequestHandler):
    """The bank's counter: one request, one answer, unless a fault says otherwise."""

    protocol_version = "HTTP/1.1"
    server: SandboxBank
    timeout = 60

    def do_GET(self) -> None:
        """Look into the book."""
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        book = self.server.book
        if url.path == "/healthz":
            self._send(HTTPStatus.NO_CONTENT, b"", "text/plain", {})
        elif not self._known():
            return
        elif url.path == "/book":
            entries = [asdict(paid) for paid in book.select()]
            self._answer(HTTPStatus.OK, {"refunds": entries, "attempts": book.attempts()})
        elif url.path == "/refunds" and "reference" in query:
            found = book.select("reference = ?", query["reference"][0])
            self._answer(HTTPStatus.OK, {"refunds": [asdict(paid) for paid in found]})
        elif url.path == "/refunds" and query.get("since", ["0"])[0].isdecimal():
            since = int(query.get("since", ["0"])[0])
            page = book.select("position > ?", since, PAGE)
            last = page[-1].position if page else since
            self._answer(HTTPStatus.OK, {"refunds": [asdict(paid) for paid in page], "next": last})
        else:
            self._no(HTTPStatus.NOT_FOUND, "not-found")

    def do_POST(self) -> None:
        """Pay, or fail in the way the faults ask for."""
        body = self._body()
        if not self._known():
            return
        key = self.headers.get("Idempotency-Key", "")
        if urlsplit(self.path).path != "/refunds":
            self._no(HTTPStatus.NOT_FOUND, "not-found")
        elif body is None or not key:
            self._no(HTTPStatus.BAD_REQUEST, "malformed")
        elif not self.server.begin(key):
            self._no(HTTPStatus.CONFLICT, "in-progress")
        else:
            try:
                self._refund(key, body)
            finally:
                self.server.end(key)

    def _refund(self, key: str, body: dict[str, str]) -> None:
        bank = self.server
        n = bank.book.attempt(body["reference"])
        fault = fault_for(bank.faults, bank.seed, body["reference"], body["payment_reference"], n)
        if fault is Fault.UNAVAILABLE:
            self._no(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable")
        elif fault is Fault.TOO_MANY:
            self._no(HTTPStatus.TOO_MANY_REQUESTS, "too-many", {"Retry-After": "120"})
        elif fault is Fault.IN_PROGRESS:
            self._no(HTTPStatus.CONFLICT, "in-progress")
        elif fault is Fault.CLOSED_ACCOUNT:
            self._no(HTTPStatus.UNPROCESSABLE_ENTITY, "account-closed")
        else:
            self._pay(key, body, fault)

    def _pay(self, key: str, body: dict[str, str], fault: Fault) -> None:
        try:
            paid = self.server.book.pay(key, body)
        except KeyReused:
            self._no(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused")
            return
        if fault is Fault.DROPPED:
            self.close_connection = True
        elif fault is Fault.GARBAGE:
            self._send(HTTPStatus.OK, b"<html>It works!", "text/html", {})
        else:
            if fault is Fault.SLOW:
                time.sleep(self.server.slow)
            self._answer(HTTPStatus.CREATED, asdict(paid))

    def _known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.server.key}":
            return True
        self._no(HTTPStatus.UNAUTHORIZED, "unauthorised")
        return False

    def _body(self) -> dict[str, str] | None:
        """The four fields as text, or None for anything else."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return None
        try:
            body = json.loads(self.rfile.read(int(length)))
            texts = {field: body[field] for field in FIELDS}
            amount = Decimal(texts["amount"])
        except (ValueError, KeyError, TypeError, InvalidOperation):
            return None
        good = all(isinstance(text, str) and text for text in texts.values())
        return texts if good and amount.is_finite() and amount > 0 else None

    def _no(self, status: HTTPStatus, code: str, headers: dict[str, str] | None = None) -> None:
        self._answer(status, {"code": code}, headers)

    def _answer(
        self, status: HTTPStatus, content: dict[str, object], headers: dict[str, str] | None = None
    ) -> None:
        self._send(status, json.dumps(content).encode(), "application/json", headers or {})

    def _send(self, status: HTTPStatus, content: bytes, kind: str, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in (headers | {"Content-Type": kind}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client did not wait: its affair, the book stands

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the book is the log."""
