"""The one way out: every HTTP call to the world goes through here, and not where it must not go."""

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any

import httpcore
import httpx

CONNECT, WHOLE = 5.0, 15.0  # seconds
ANSWER = 4_096  # bytes

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """A target that must not be called: not https, or not on the public internet."""


#: What the other side, its name server or its address can do to us.
_TROUBLE = (
    *(Forbidden, httpx.InvalidURL, OSError, ValueError, httpcore.UnsupportedProtocol),
    *(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Without an answer `status` is None and `error` says why, in a sentence.

    `body` ends where the caller's limit is; `headers` have lower-case names.
    """

    status: int | None
    error: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    milliseconds: int = 0

    @property
    def ok(self) -> bool:
        """Answered with a 2xx."""
        return self.status is not None and 200 <= self.status < 300


def call(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    loopback: bool = False,
    most: int = ANSWER,
    connect: float = CONNECT,
    whole: float = WHOLE,
) -> Reply:
    """One call over https, answered within `whole` seconds and read up to `most` bytes.

    Never raises for what the other side, its name server or its address does. Redirects are
    answers and not followed; proxies, credentials and cookies are not used. The name is looked up
    once, all it stands for must be public, and what was looked at is what is called. `loopback`
    (a setting for sandboxes) opens this machine too, there without TLS as well.
    """
    started = monotonic()
    wire = _Wire(loopback=loopback, connect=connect, ends=started + whole)
    try:
        target = httpx.URL(url)
        reply = wire.exchange(method, target, body, headers or {}, most)
    except _TROUBLE as error:
        reply = Reply(None, f"{type(error).__name__}: {error}"[:300])
    spent = round((monotonic() - started) * 1000)
    return Reply(reply.status, reply.error, reply.body, reply.headers, spent)


class _Wire(httpcore.NetworkBackend):
    """A connection to an address that was looked at, cut when the time is over."""

    def __init__(self, *, loopback: bool, connect: float, ends: float) -> None:
        self._loopback, self._connect, self._ends = loopback, connect, ends
        self._plain = False

    def exchange(
        self, method: str, url: httpx.URL, body: bytes, headers: Mapping[str, str], most: int
    ) -> Reply:
        if url.userinfo or url.scheme not in ("https", "http") or not url.host:
            raise Forbidden("only https, without credentials")
        self._plain = url.scheme == "http"
        # Read once: what is checked and what is called cannot be two readings of one address.
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        head = {"Host": url.netloc.decode(), "Accept-Encoding": "identity", **headers}
        with (
            httpcore.ConnectionPool(ssl_context=_trust(), network_backend=self) as pool,
            pool.stream(method, target, headers=_encoded(head), content=body) as response,
        ):
            content = b""
            for chunk in response.iter_stream():
                content += chunk
                if len(content) >= most:
                    break
            return Reply(response.status, body=content[:most], headers=_decoded(response.headers))

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Connect to the first of its addresses that listens. Raises Forbidden."""
        ends = min(self._ends, monotonic() + self._connect)
        trouble: Exception = httpcore.ConnectTimeout("nobody listens")
        for address in self._addresses(host, port):
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, _left(ends))
            except (httpcore.TimeoutException, httpcore.NetworkError) as error:
                trouble = error
            else:
                return _Stream(stream, self._ends)
        raise trouble

    def _addresses(self, host: str, port: int) -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(each[4][0]) for each in found]
        here = self._loopback and all(address.is_loopback for address in addresses)
        if not here and (self._plain or not all(map(is_public, addresses))):
            what = "only https" if self._plain else "not on the public internet"
            raise Forbidden(what)
        return list(dict.fromkeys(map(str, addresses)))


def is_public(address: _Address) -> bool:
    """Whether it is a machine on the public internet, and not a way round to one of ours."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if address not in _UNICAST or address.sixtofour or address.teredo:
            return False
    return address.is_global and not address.is_multicast


class _Stream(httpcore.NetworkStream):
    """A socket that nobody can keep open by sending a byte now and then."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, _left(self._ends))
        return _Stream(inner, self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for the whole call is over")
    return left


@cache  # making one costs more than a call: it reads every certificate authority
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
