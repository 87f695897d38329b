"""The one way out: what it will not call, and what no other side can do to us."""

import ast
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from returns import outside

ROOT = Path(__file__).parents[2]
PUBLIC = "93.184.216.34"

INSIDE = [
    "https://127.0.0.1/",
    "https://127.8.8.8/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::]/",
    "https://0.0.0.0/",
    "https://0/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2001:0:a00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25lo]/",
    "https://[fc00::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
]
NOT_HTTPS = [
    f"http://{PUBLIC}/",
    f"ftp://{PUBLIC}/",
    f"file:///{PUBLIC}/etc/passwd",
    f"gopher://{PUBLIC}/",
    f"//{PUBLIC}/",
    f"https://user:pass@{PUBLIC}/",
    f"https://user@{PUBLIC}/",
    f"https://{PUBLIC}@127.0.0.1/",
    f"https://127.0.0.1\\@{PUBLIC}/",
    f"https://127.0.0.1:80#@{PUBLIC}/",
    "https:///",
    "https://",
    "",
    "nonsense",
    "https://[::1/",
    "https://exa mple.com/",
    "https://example.com:99999/",
    "https://ex\nample.com/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 200,
    "https://\ud800/",
]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was really connected to; connections to the public internet go nowhere in a test."""
    called: list[str] = []

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        called.append(address[0])
        raise ConnectionRefusedError("nobody is called from a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    return called


@pytest.mark.parametrize("url", INSIDE)
def test_nothing_inside_is_called(url: str, dialled: list[str]) -> None:
    reply = outside.call("POST", url)
    assert (reply.status, dialled) == (None, [])
    assert reply.error.startswith(("Forbidden: not on", "gaierror", "InvalidURL")), reply


@pytest.mark.parametrize("url", NOT_HTTPS)
def test_only_https_without_credentials_is_called(url: str, dialled: list[str]) -> None:
    reply = outside.call("POST", url)
    assert (reply.status, dialled) == (None, [])
    assert reply.error, reply


LOOPBACK = ("127", "１２７", "localhost", "[::1]", "2130706433", "0x7f", "017")


@pytest.mark.parametrize(
    "url", [each for each in INSIDE if not any(mark in each for mark in LOOPBACK)]
)
def test_the_setting_for_sandboxes_opens_the_loopback_and_nothing_else(
    url: str, dialled: list[str]
) -> None:
    assert outside.call("POST", url, loopback=True).status is None
    assert dialled == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        (f"64:ff9b::{PUBLIC}", True),
        ("64:ff9b::10.0.0.1", False),
        ("2002:5db8:d822::1", False),
        (f"::ffff:{PUBLIC}", False),
    ],
)
def test_what_is_public(address: str, *, public: bool) -> None:
    """RFC 6052 (NAT64), 3056 (6to4, ended by 7526), 4291 (mapped)."""
    assert outside.is_public(ipaddress.ip_address(address)) is public


# Names --------------------------------------------------------------------------------------------


def answering(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A name server that gives one answer after the other; the names it was asked for."""
    asked: list[str] = []
    left = list(answers)

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        kind = socket.SOCK_STREAM
        return [(socket.AF_INET, kind, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_name_that_changes_its_mind_is_called_where_it_was_looked_at(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    """DNS rebinding: public when looked at, the loopback a moment later."""
    asked = answering(monkeypatch, [PUBLIC], ["127.0.0.1"])
    outside.call("POST", "https://partner.example/")
    assert (asked, dialled) == (["partner.example"], [PUBLIC])
    outside.call("POST", "https://partner.example/")
    assert dialled == [PUBLIC]


def test_a_name_with_one_address_inside_is_not_called_at_all(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    answering(monkeypatch, [PUBLIC, "10.0.0.1"])
    assert outside.call("POST", "https://partner.example/").error.startswith("Forbidden")
    answering(monkeypatch, ["127.0.0.1", PUBLIC])
    assert outside.call("POST", "https://partner.example/", loopback=True).status is None
    assert dialled == []


def test_the_next_address_is_called_when_the_first_does_not_listen(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    answering(monkeypatch, [PUBLIC, "93.184.216.35"])
    outside.call("POST", "https://partner.example/")
    assert dialled == [PUBLIC, "93.184.216.35"]


# Partners on the loopback -------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler], None]
Start = Callable[[Answer], str]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a server that answers so; gives its address."""
    with ExitStack() as open_servers:

        def begin(answer: Answer, tls: ssl.SSLContext | None = None) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    answer(self)

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.handle_error = lambda *_: None  # type: ignore[method-assign]
            if tls:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            open_servers.callback(server.server_close)
            open_servers.callback(thread.join)
            open_servers.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}/hooks?a=b"

        yield begin


def say(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name.replace("_", "-"), value)
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return answer


def raw(*parts: bytes, pause: float = 0.0) -> Answer:
    """Bytes as they are, with a pause between them."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        for part in parts:
            to.wfile.write(part)
            to.wfile.flush()
            time.sleep(pause)
        to.close_connection = True

    return answer


def call(url: str, **more: Any) -> outside.Reply:
    return outside.call("POST", url, body=b"{}", loopback=True, **more)


def test_what_was_answered_comes_back(start: Start) -> None:
    heard: list[tuple[str, str | None]] = []

    def answer(to: BaseHTTPRequestHandler) -> None:
        heard.append((to.path, to.headers["Host"]))
        say(201, b'{"id":1}', Retry_After="7")(to)

    url = start(answer)
    reply = call(url)
    assert (reply.status, reply.ok, reply.body, reply.error) == (201, True, b'{"id":1}', "")
    assert reply.headers["retry-after"] == "7"
    assert heard == [("/hooks?a=b", url.removeprefix("http://").partition("/")[0])]


def test_plain_http_stays_shut_without_the_setting(start: Start) -> None:
    assert outside.call("POST", start(say(200))).error == "Forbidden: only https"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_leads_nowhere(start: Start, status: int) -> None:
    reached: list[int] = []
    inside = start(lambda to: reached.append(1))
    reply = call(start(say(status, Location=inside)))
    assert (reply.status, reply.ok, reached) == (status, False, [])


def test_proxies_of_the_environment_see_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    proxy = start(lambda to: seen.append(1))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    assert call(start(say(204))).status == 204
    assert seen == []


def test_an_endless_answer_is_read_up_to_the_limit(start: Start) -> None:
    huge = raw(b"HTTP/1.1 200 OK\r\n\r\n", *([b"x" * 65_536] * 400))
    reply = call(start(huge))
    assert (reply.status, len(reply.body)) == (200, outside.ANSWER)
    assert len(call(start(huge), most=100_000).body) == 100_000


def test_a_packed_answer_is_not_unpacked(start: Start) -> None:
    """A few bytes of gzip can be gigabytes."""
    assert call(start(say(200, b"\x1f\x8b", Content_Encoding="gzip"))).body == b"\x1f\x8b"


@pytest.mark.parametrize(
    "answer",
    [
        raw(b""),
        raw(b"\x00\xff\r\n\r\n"),
        raw(b"HTTP/1.1 abc OK\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000 + b"\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    ],
)
def test_garbage_is_no_answer_and_no_error_of_ours(start: Start, answer: Answer) -> None:
    reply = call(start(answer))
    assert reply.status is None
    assert 0 < len(reply.error) <= 300


@pytest.mark.parametrize(
    "answer",
    [
        raw(*[b"H"] * 100, pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 100, pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.05),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n", *[b"HTTP/1.1 100 Go\r\n\r\n"] * 100, pause=0.05),
    ],
    ids=["status", "headers", "body", "interim answers"],
)
def test_a_byte_now_and_then_does_not_keep_a_call_open(start: Start, answer: Answer) -> None:
    began = time.monotonic()
    reply = call(start(answer), whole=0.4)
    assert reply.status is None
    assert "Timeout" in reply.error
    assert time.monotonic() - began < 1.5
    assert 350 <= reply.milliseconds < 1_500


def test_who_does_not_take_our_call_has_the_time_to_connect_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full backlog: the machine is there and nobody picks up."""
    with socket.socket() as deaf, ExitStack() as callers:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(8):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        began = time.monotonic()
        reply = call(f"http://127.0.0.1:{deaf.getsockname()[1]}/", connect=0.3, whole=5)
    assert reply.error.startswith("ConnectTimeout")
    assert time.monotonic() - began < 2


# The name on the certificate ----------------------------------------------------------------------


def authority(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for this name, and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.fromisoformat("2020-01-01")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=20_000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both = folder / "both.pem"
    both.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, *plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cafile=str(both))


@pytest.mark.parametrize(
    ("name", "status"), [("partner.example", 204), ("other.example", None), ("127.0.0.1", None)]
)
def test_the_certificate_is_held_against_the_name_not_the_address(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int | None
) -> None:
    """No authority signs for a test: this one is trusted in place of all others."""
    server, trust = authority(tmp_path, "partner.example")
    monkeypatch.setattr(outside, "_trust", lambda: trust)
    port = start(say(204), server).split(":")[2].partition("/")[0]
    answering(monkeypatch, ["127.0.0.1"])
    reply = outside.call("POST", f"https://{name}:{port}/", loopback=True)
    assert reply.status == status
    assert status or "CERTIFICATE_VERIFY_FAILED" in reply.error


def test_a_certificate_of_an_unknown_authority_is_refused(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = authority(tmp_path, "partner.example")
    port = start(say(204), server).split(":")[2].partition("/")[0]
    answering(monkeypatch, ["127.0.0.1"])
    reply = outside.call("POST", f"https://partner.example:{port}/", loopback=True)
    assert "CERTIFICATE_VERIFY_FAILED" in reply.error


# The only one -------------------------------------------------------------------------------------

CLIENTS = {"httpx", "httpcore", "requests", "urllib3", "aiohttp", "urllib.request", "http.client"}
#: Other programs, played or shown: they speak to us, and to nobody else.
PLAYED = ("backoffice/simulation/", "logistics/handbook/files/")
#: Ports of our own processes on this machine.
OWN_PORTS = {"backoffice/processes.py", "backoffice/embedded.py"}


def imported(module: Path) -> Iterator[str]:
    """The modules a file imports, at its head or anywhere else in it."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Call):  # importlib.import_module("requests")
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def reaches_out(name: str) -> bool:
    top = name.partition(".")[0]
    return name in CLIENTS or top in CLIENTS or name.rpartition(".")[0] in CLIENTS


def test_no_other_module_calls_the_outside_world() -> None:
    found = []
    for folder in ("backoffice", "logistics", "refunds", "returns"):
        for module in sorted((ROOT / folder).rglob("*.py")):
            path = str(module.relative_to(ROOT))
            if path == "returns/outside.py" or path.startswith(PLAYED):
                continue
            names = set(imported(module))
            found += [f"{path}: {name}" for name in names if reaches_out(name)]
            if "socket" in names and path not in OWN_PORTS:
                found.append(f"{path}: socket")
    assert found == []


def test_the_tree_is_really_walked() -> None:
    assert "httpx" in set(imported(ROOT / "returns/outside.py"))
    assert reaches_out("urllib.request.urlopen")
    assert not reaches_out("urllib.parse")
