"""All courier partners: a server that is told of labels and vans, and reports signed and posted.

What they report comes late, doubled, shuffled and in batches, as from real ones. An event is dated
by when it happened and sent when the courier gets round to it.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

import httpx

from backoffice.simulation.agenda import Agenda
from logistics import signatures
from logistics import workflow as logistics
from logistics.models import Courier, Parcel
from logistics.states import Direction, LabelState

if TYPE_CHECKING:
    from backoffice.simulation.people import Story

#: A parcel's stations: code, days since it was handed over (least and most).
ROAD = (
    ("in_transit", 0.3, 1.2),
    ("out_for_delivery", 1.5, 3.5),
    ("delivered", 3.6, 5),
)
FIRST_SCAN = {"drop_off": "dropped_off", "pickup": "picked_up"}


@dataclass(frozen=True)
class Told:
    """A message of ours, as the courier got it."""

    courier: str
    type: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What a courier has to say: what happened when, and when it says so."""

    says_at: datetime
    occurred_at: datetime
    code: str
    reason: str = ""


class Couriers:
    """Every active courier of the database, played by one server and one client."""

    #: How a parcel fares, and how its courier reports it.
    JOURNEYS: ClassVar[Mapping[str, float]] = {
        "smooth": 0.6,
        "late": 0.1,
        "shuffled": 0.1,
        "doubled": 0.08,
        "batched": 0.03,
        "damaged": 0.04,
        "lost": 0.03,
        "silent": 0.02,
    }
    VANS: ClassVar[Mapping[str, float]] = {
        "comes": 0.78,
        "fails once": 0.1,
        "fails twice": 0.08,
        "rejects": 0.04,
    }

    def __init__(self, web_url: str, *, run: str, agenda: Agenda) -> None:
        """`run` keeps one run's message ids from another's."""
        self.run, self.agenda = run, agenda
        self.stories: dict[str, Story] = {}  # by the case's number
        self.now = datetime.min.replace(tzinfo=UTC)  # for the server, which reads no clock
        self.answers = Counter[str]()
        self._client = httpx.Client(base_url=web_url, timeout=30, trust_env=False)
        self._keys_in: dict[str, bytes] = {}
        self._keys_out: dict[str, bytes] = {}
        self._told: list[Told] = []
        self._down_once = set[str]()
        self._lock = threading.Lock()
        self._called_off = set[str]()
        self._said = Counter[int]()

    @contextmanager
    def open(self, at: datetime) -> Iterator[None]:
        """Agree on secrets, be reachable while the block lasts, and not after it."""
        server = _Counter(self)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        couriers = Courier.objects.filter(active=True)
        before = {courier.pk: courier.endpoint_url for courier in couriers}
        for courier in couriers:
            self._keys_in[courier.slug] = _agree(courier, Direction.IN, at)
            self._keys_out[courier.slug] = _agree(courier, Direction.OUT, at)
            courier.endpoint_url = f"http://127.0.0.1:{server.server_address[1]}/{courier.slug}"
            courier.save(update_fields=["endpoint_url"])
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            self._client.close()
            for pk, url in before.items():
                Courier.objects.filter(pk=pk).update(endpoint_url=url)

    # --- What we tell them

    def receive(self, slug: str, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Take a message in (any thread), if we signed it. Now and then nobody is in."""
        if slug not in self._keys_out:
            return HTTPStatus.NOT_FOUND
        try:
            signatures.verify(body, headers, [self._keys_out[slug]], self.now.timestamp())
        except signatures.BadSignature as bad:
            return HTTPStatus(bad.status)
        message = json.loads(body)
        story = self.stories.get(message["data"]["rma"])
        with self._lock:
            if story and story.dice.happens("courier is down", 0.08):
                first = headers["webhook-id"] not in self._down_once
                self._down_once.add(headers["webhook-id"])
                if first:
                    return HTTPStatus.SERVICE_UNAVAILABLE
            self._told.append(Told(slug, message["type"], message["data"]))
        return HTTPStatus.NO_CONTENT

    def listen(self, now: datetime) -> None:
        """Plan what follows from the messages that came in, in an order of the stories' own."""
        with self._lock:
            told, self._told = self._told, []
        known = [
            (self.stories[one.data["rma"]], one) for one in told if one.data["rma"] in self.stories
        ]
        for story, one in sorted(
            known, key=lambda pair: (pair[0].index, pair[1].type, pair[1].data.get("pickup_id", ""))
        ):
            if one.type in ("pickup.requested", "pickup.reschedule_requested"):
                self._send_van(story, one, now)
            elif one.type == "pickup.cancel_requested":
                self._call_off(story, one, now)

    def _send_van(self, story: "Story", told: Told, now: datetime) -> None:
        pickup, window = told.data["pickup_id"], told.data["window"]
        start, end = _moments(window)
        self._called_off.discard(pickup)
        again = story.nth("van")
        how = story.dice.one_of(again, **self.VANS)
        answers = now + story.dice.days(f"{again} answers", 0.05, 0.2)
        if how == "rejects":
            no = {"pickup_id": pickup, "reason": "capacity"}
            self._say_later(story, told.courier, answers, "pickup.rejected", **no)
            return
        self._say_later(
            story,
            told.courier,
            answers,
            "pickup.confirmed",
            pickup_id=pickup,
            confirmation_number=f"C{story.index}-{story.been['van']}",
            window_start=start.isoformat(),
            window_end=end.isoformat(),
        )
        fails = {"comes": 0, "fails once": 1, "fails twice": 2}[how]
        reason = story.dice.one_of(f"{again} why", not_home=0.7, courier_missed=0.3)
        for attempt in range(fails + (how != "fails twice")):
            rings = start + timedelta(days=attempt, hours=1)
            act = partial(
                self._ring_at_door, story, told, attempt + 1, reason if attempt < fails else ""
            )
            self.agenda.add(rings, story.index, act)

    def _ring_at_door(
        self, story: "Story", told: Told, attempt: int, reason: str, now: datetime
    ) -> None:
        pickup = told.data["pickup_id"]
        if pickup in self._called_off:
            return
        if reason:
            data = {"pickup_id": pickup, "attempt": attempt, "reason": reason}
            self._say(story, told.courier, "pickup.attempted", data, now)
            return
        numbers = told.data["tracking_numbers"]
        done = {"pickup_id": pickup, "tracking_numbers": numbers, "occurred_at": now.isoformat()}
        self._say(story, told.courier, "pickup.completed", done, now)
        self._travel(story, told.courier, numbers[0], "picked_up", now)

    def _call_off(self, story: "Story", told: Told, now: datetime) -> None:
        pickup = told.data["pickup_id"]
        self._called_off.add(pickup)
        data = {"pickup_id": pickup, "by": "customer"}
        self._say(story, told.courier, "pickup.cancelled", data, now)

    # --- What they report

    def take(self, story: "Story", now: datetime) -> bool:
        """A buyer brings a parcel; False when it has no label to go by."""
        parcel = (
            Parcel.objects.filter(case__number=story.number, label=LabelState.LIVE)
            .select_related("courier")
            .last()
        )
        if parcel is None or parcel.courier is None:
            return False
        self._travel(story, parcel.courier.slug, parcel.tracking_number, "dropped_off", now)
        return True

    def _travel(self, story: "Story", courier: str, number: str, first: str, now: datetime) -> None:
        journey = story.dice.one_of("journey", **self.JOURNEYS)
        reports = _reported(story, journey, first, now)
        for says_at in sorted({report.says_at for report in reports}):
            said = [report for report in reports if report.says_at == says_at]
            events = [
                {
                    "event_id": f"{self.run}-{story.index}-{self._number(story)}",
                    "tracking_number": number,
                    "code": report.code,
                    "reason": report.reason or None,
                    "occurred_at": report.occurred_at.isoformat(),
                    "location": {"kind": "hub", "country": story.country},
                }
                for report in said
            ]
            times = 2 if journey == "doubled" else 1
            self._say_later(story, courier, says_at, "tracking.updated", times=times, events=events)

    def _say_later(
        self,
        story: "Story",
        courier: str,
        at: datetime,
        kind: str,
        *,
        times: int = 1,
        **data: Any,
    ) -> None:
        self.agenda.add(
            at, story.index, lambda now: self._say(story, courier, kind, data, now, times=times)
        )

    def _say(
        self,
        story: "Story",
        courier: str,
        kind: str,
        data: dict[str, Any],
        now: datetime,
        *,
        times: int = 1,
    ) -> None:
        """Sign and post a message, several times when the courier stutters."""
        body = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data}).encode()
        message_id = f"{self.run}-{story.index}-m{self._number(story)}"
        stamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signatures.sign(message_id, stamp, body, self._keys_in[courier]),
        }
        for _ in range(times):
            answer = self._post(f"/api/couriers/v1/{courier}/events", body, headers)
            self.answers[f"{answer.status_code}"] += 1
            if answer.status_code not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
                raise AssertionError(f"{kind} of {courier} met {answer.status_code}: {answer.text}")

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        try:
            return self._client.post(path, content=body, headers=headers)
        except httpx.RemoteProtocolError:
            # A kept connection that the server had just closed; told twice is told once.
            return self._client.post(path, content=body, headers=headers)

    def _number(self, story: "Story") -> int:
        self._said[story.index] += 1
        return self._said[story.index]


def _reported(story: "Story", journey: str, first: str, now: datetime) -> list[Report]:
    """What happens to a parcel that is handed over now, and when its courier says so."""
    happened = [(first, "", now)]
    happened += [
        (code, "", now + story.dice.days(f"{code} after", least, most))
        for code, least, most in ROAD
    ]
    if journey == "silent":
        happened = happened[:2]
    elif journey == "lost":
        happened = [*happened[:2], ("lost", "lost", now + story.dice.days("lost after", 5, 9))]
    elif journey == "damaged":
        happened.insert(2, ("exception", "damaged", happened[1][2] + timedelta(hours=2)))
    told = [at for _, _, at in happened]
    if journey == "shuffled":
        # Each second report overtakes the one before it.
        for place in range(0, len(told) - 1, 2):
            told[place] = told[place + 1] + timedelta(hours=2)
    elif journey == "late":
        told = [at + story.dice.days("reports late", 0.5, 2.5) for at in told]
    elif journey == "batched":
        told = [told[-1]] * len(told)
    return [
        Report(says_at, at, code, reason)
        for (code, reason, at), says_at in zip(happened, told, strict=True)
    ]


def _agree(courier: Courier, direction: Direction, at: datetime) -> bytes:
    return signatures.secret_bytes(logistics.give_secret(courier, direction, at=at))


def _moments(window: Mapping[str, str]) -> tuple[datetime, datetime]:
    """A window as we tell it, a day and hours on the wall, in UTC."""
    day, zone = datetime.fromisoformat(window["date"]).date(), ZoneInfo(window["tz"])
    start, end = (
        datetime.combine(day, time.fromisoformat(window[name]), zone).astimezone(UTC)
        for name in ("start", "end")
    )
    return start, end


class _Counter(ThreadingHTTPServer):
    """Where couriers are told things, on the loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, couriers: Couriers) -> None:
        self.couriers = couriers
        super().__init__(("127.0.0.1", 0), _Clerk)


class _Clerk(BaseHTTPRequestHandler):
    """One message, one answer."""

    server: _Counter
    timeout = 30

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.server.couriers.receive(self.path.strip("/"), headers, body)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
