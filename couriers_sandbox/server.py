"""The sandbox's doors: the couriers' own, which the back office calls, and the control door.

    POST /couriers/{slug}     signed by the back office (Standard Webhooks) → 204; 200 with a
                              confirmation; 401; or a fault of chance: 503, 429, no answer
    GET  /healthz             204, to anybody
    …    /carrier/{slug}/…    the same couriers asked as a carrier's interface is: see carrier.py

With `Authorization: Bearer TOKEN`, JSON both ways, moments in RFC 3339:

    PUT  /control/couriers    {slug: {country, url, sign_with: [newest, old], verify_with: […],
                              old_until?}}
    GET  /control/couriers    the slugs it plays
    PUT  /control/world       {seed, run, faults: {…}, answers: {…}, journeys: {…}, vans: {…}}
    PUT  /control/clock       {reads, speed}; without it time is real
    PUT  /control/stories     {rma: {seed, name, script}}: what a return is to meet on purpose
    POST /control/acts        [{act: "hand_over", courier, tracking_number, rma, at?} |
                              {act: "door", courier, pickup_id, answer: "home" | a reason}]
    PUT  /control/says        {slug: {status, body, headers} | "rejected" | "pending" | … | null}:
                              what its carrier's interface answers, whatever is asked
    POST /control/advance     {to} → {done, next_at, refused: […]}, when all due till then is posted
    GET  /control/parcels/{rma}   the parcels of a return, as they really fare
    GET  /control/statistics  the book in numbers
    GET  /control/book        the whole book
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from couriers_sandbox.book import Book
from couriers_sandbox.contract import is_signed, moment, told
from couriers_sandbox.world import Answer, Courier, World

MOST_BYTES = 32 * 1024 * 1024


class Sandbox(ThreadingHTTPServer):
    """The server, on the loopback only. `port` 0 takes a free one; see `url`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: World, *, token: str, port: int = 0) -> None:
        if not token:
            raise ValueError("An empty token would let anybody in.")
        self.world, self.token = world, token
        super().__init__(("127.0.0.1", port), Clerk)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Clerk(BaseHTTPRequestHandler):
    """One request, one answer."""

    protocol_version = "HTTP/1.1"
    server: Sandbox
    timeout = 60
    # Head and body are two writes: the second would wait for an acknowledgement of the first.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Look."""
        self._serve("GET")

    def do_PUT(self) -> None:
        """Arrange."""
        self._serve("PUT")

    def do_POST(self) -> None:
        """Tell, or have something happen."""
        self._serve("POST")

    def _serve(self, method: str) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(int(length))
        first, *rest = self.path.partition("?")[0].strip("/").split("/")
        if (first, rest) == ("healthz", []):
            self._send(HTTPStatus.NO_CONTENT)
        elif first == "couriers" and len(rest) == 1 and method == "POST":
            self._told(rest[0], body)
        elif first == "carrier" and len(rest) > 1:
            self._asked(method, rest[0], "/".join(rest[1:]), body)
        elif first == "control" and rest:
            self._controlled(method, rest, body)
        else:
            self._send(HTTPStatus.NOT_FOUND)
        return None

    # --- The couriers' own door

    def _told(self, slug: str, body: bytes) -> None:
        world = self.server.world
        courier = world.couriers.get(slug)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if courier is None:
            return self._send(HTTPStatus.NOT_FOUND)
        if not is_signed(body, headers, courier.verify_with, world.clock.now()):
            world.book.counts["not signed by the back office"] += 1
            return self._send(HTTPStatus.UNAUTHORIZED)
        try:
            message = json.loads(body)
        except ValueError:
            return self._send(HTTPStatus.BAD_REQUEST)
        return self._answer(world.hear(slug, headers["webhook-id"], message))

    def _answer(self, answer: Answer) -> None:
        if answer.hangs_up:
            self.close_connection = True
            return
        headers = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
        self._send(answer.status, answer.body, headers)

    # --- The carrier's interface

    def _asked(self, method: str, slug: str, what: str, body: bytes) -> None:
        world = self.server.world
        if not self._is_known():
            return self._send(HTTPStatus.UNAUTHORIZED)
        if answer := world.says.get(slug):
            return self._raw(answer)
        if slug not in world.couriers:
            return self._send(HTTPStatus.NOT_FOUND)
        courier, key = world.couriers[slug], self.headers.get("Idempotency-Key", "")
        try:
            if method == "GET":
                said = world.carrier.look(courier, what, parse_qs(urlsplit(self.path).query))
            else:
                said = world.carrier.ask(courier, what, key, json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self._send(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)})
        return self._send(HTTPStatus.NOT_FOUND if said is None else HTTPStatus.OK, said)

    def _raw(self, answer: Mapping[str, Any]) -> None:
        self.send_response(answer["status"])
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        content = base64.b64decode(answer.get("body", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # --- The control door

    def _is_known(self) -> bool:
        given = self.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self.server.token}".encode())

    def _controlled(self, method: str, path: list[str], body: bytes) -> None:
        if not self._is_known():
            return self._send(HTTPStatus.UNAUTHORIZED)
        control = Control(self.server.world)
        act = control.find(method, path)
        if act is None:
            return self._send(HTTPStatus.NOT_FOUND)
        try:
            said = act(json.loads(body)) if method != "GET" else act()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self._send(HTTPStatus.BAD_REQUEST, {"error": f"{type(error).__name__}: {error}"})
        return self._send(HTTPStatus.OK, said if said is not None else {})

    def _send(
        self, status: int, content: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        told_as = b"" if content is None else json.dumps(content).encode()
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if told_as:
                self.send_header("Content-Type", "application/json")
            if status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(told_as)))
            self.end_headers()
            self.wfile.write(told_as)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the other side did not wait: the book stands

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the book is the log."""


class Control:
    """What can be asked of the sandbox itself. Raises ValueError, KeyError or TypeError."""

    def __init__(self, world: World) -> None:
        self.world = world

    def find(self, method: str, path: list[str]) -> Callable[..., Any] | None:
        """The act at a path, None where there is none."""
        if (method, path[0], len(path)) == ("GET", "parcels", 2):
            return partial(self.parcels, path[1])
        acts: Mapping[tuple[str, ...], Callable[..., Any]] = {
            ("PUT", "couriers"): self.put_couriers,
            ("GET", "couriers"): lambda: sorted(self.world.couriers),
            ("PUT", "world"): self.put_world,
            ("PUT", "clock"): self.put_clock,
            ("PUT", "stories"): self.put_stories,
            ("PUT", "says"): self.put_says,
            ("POST", "acts"): self.acts,
            ("POST", "advance"): self.advance,
            ("GET", "statistics"): partial(self.read, Book.statistics),
            ("GET", "book"): partial(self.read, Book.as_json),
        }
        return acts.get((method, *path))

    def read(self, page: Callable[[Book], Any]) -> Any:
        """A page of the book, while nobody writes in it."""
        with self.world.lock:
            return page(self.world.book)

    def put_couriers(self, told_of: Mapping[str, Mapping[str, Any]]) -> None:
        """Play these couriers, from now on with these secrets."""
        couriers = {slug: Courier(slug=slug, **about) for slug, about in told_of.items()}
        with self.world.lock:
            self.world.couriers |= couriers

    def put_world(self, wanted: Mapping[str, Any]) -> None:
        """How things fare from now on; shares that are not given stay."""
        world = self.world
        with world.lock:
            world.seed, world.run = wanted.get("seed", world.seed), wanted.get("run", world.run)
            world.faults |= wanted.get("faults", {})
            world.answers |= wanted.get("answers", {})
            world.journeys |= wanted.get("journeys", {})
            world.vans_fare |= wanted.get("vans", {})

    def put_clock(self, wanted: Mapping[str, Any]) -> None:
        """What time it is, and how fast it goes."""
        self.world.clock.set_to(moment(wanted["reads"]), speed=float(wanted["speed"]))

    def put_stories(self, stories: Mapping[str, Mapping[str, Any]]) -> None:
        """What returns are to meet."""
        for rma, story in stories.items():
            self.world.tell_story(rma, **story)

    def put_says(self, answers: Mapping[str, Any]) -> None:
        """What carriers' interfaces answer from now on; a body is base64."""
        world = self.world
        for slug, answer in answers.items():
            if isinstance(answer, str):
                world.carrier.says[slug] = answer
                world.says.pop(slug, None)
            elif answer is None:
                world.carrier.says.pop(slug, None)
                world.says.pop(slug, None)
            else:
                world.says[slug] = dict(answer)

    def acts(self, acts: list[Mapping[str, Any]]) -> None:
        """Somebody does something to a parcel, or opens a door."""
        for act in acts:
            if act["act"] == "hand_over":
                self._hand_over(act)
            elif act["act"] == "door":
                self.world.vans.all[act["courier"], act["pickup_id"]].answer = act["answer"]
            else:
                raise ValueError(f"nobody can {act['act']}")

    def _hand_over(self, act: Mapping[str, Any]) -> None:
        world = self.world
        courier, number, rma = (act[name] for name in ("courier", "tracking_number", "rma"))
        if courier not in world.couriers:
            raise ValueError(f"{courier} is played by nobody")
        at = moment(act["at"]) if "at" in act else world.clock.now()

        def bring(now: object) -> tuple[()]:
            world.hand_over(courier, number, rma, "dropped_off", at)
            return ()

        with world.lock:
            world.agenda.add(at, world.dice(rma).name, bring)

    def advance(self, wanted: Mapping[str, Any]) -> Any:
        """Have everything due till then posted."""
        done = self.world.advance(moment(wanted["to"]))
        with self.world.lock:
            next_at = self.world.agenda.next_at
        refused = [message.as_json() for message in self.world.refused()]
        return {"done": done, "next_at": told(next_at) if next_at else None, "refused": refused}

    def parcels(self, rma: str) -> Any:
        """The truth about a return's parcels, whatever was reported."""
        with self.world.lock:
            known = list(self.world.book.parcels.values())
        return [parcel.as_json() for parcel in known if parcel.rma == rma]
