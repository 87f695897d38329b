"""A courier's endpoint on the loopback: answers as told, remembers what it heard."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Partner:
    """What the endpoint answers, changed at will; `seconds` it thinks before."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    #: It answers when this holds; `gave_up` when it did not in ten seconds.
    until: Callable[[], bool] | None = None
    gave_up: bool = False
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def acted(self) -> set[str]:
        """What it did: the same id told twice counts once."""
        return {head["webhook-id"] for head, _ in self.heard}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Who hangs up on us is no error."""


@contextmanager
def partner_on_loopback() -> Iterator[Partner]:
    """A partner that is there for the length of the block."""
    told = Partner()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if told.seconds:
                told.over.wait(told.seconds)
            end = time.monotonic() + 10
            while told.until and not told.until() and not told.gave_up:
                told.gave_up = told.over.wait(0.01) or time.monotonic() > end
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
