"""The post to the back office: reports in batches, signed, tried again until they are taken."""

import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from couriers_sandbox.book import Message, Report
from couriers_sandbox.contract import MAX_BATCH, WAITS, moment, signed, told
from couriers_sandbox.dice import Dice

if TYPE_CHECKING:
    from couriers_sandbox.world import Courier, World

#: What will not be taken however often it is sent.
HOPELESS = frozenset({400, 403, 404, 405, 409, 410, 413, 415, 422})
AT_ONCE = 4  # couriers that are posted for at the same time
#: While the clock stands still, Retry-After is waited for in real seconds, so many times.
PATIENCE = 100
TRACKING = "tracking.updated"


class Post:
    """Writes messages, posts them, and knows what to try again when."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._lines: dict[str, HTTPConnection] = {}  # kept open; one thread a courier at a time

    # --- Writing

    def written(self, things: Sequence[Report | Message], now: datetime) -> list[Message]:
        """Messages of what is to be said, courier by courier; those it was decided to hold back
        are on the agenda instead. Under the world's lock."""
        old = [thing for thing in things if isinstance(thing, Message)]
        mine = self.world.couriers
        # Who has no secret to sign with is asked, and reports nothing by itself.
        reports = [
            one
            for one in things
            if isinstance(one, Report) and not one.lost and mine[one.courier].sign_with
        ]
        new = [
            self._message(courier, batch, now)
            for courier in sorted({report.courier for report in reports})
            for batch in _batches([one for one in reports if one.courier == courier])
        ]
        self.world.book.messages += new
        held = {message.id for message in new if self._is_held(message, now)}
        return [*old, *(message for message in new if message.id not in held)]

    def _message(self, courier: str, reports: list[Report], now: datetime) -> Message:
        world = self.world
        number = int(world.nth(courier, "message").rpartition(" ")[2])
        dice = Dice(world.seed, f"{courier}-m{number}")
        faults = {
            name
            for name in ("delay", "duplicate", "shuffle", "old key")
            if dice.roll(name) < world.faults.get(name, 0)
        }
        if "shuffle" in faults:
            reports = dice.shuffled("order", reports)
        kind = reports[0].type
        events = [report.data for report in reports]
        data: Any = {"events": events} if kind == TRACKING else events[0]
        body = json.dumps({"type": kind, "timestamp": told(now), "data": data}).encode()
        return Message(courier, f"{world.run}-{courier}-m{number}", kind, body, reports, faults)

    def _is_held(self, message: Message, now: datetime) -> bool:
        if "delay" not in message.faults:
            return False
        wait = Dice(self.world.seed, message.id.removeprefix(f"{self.world.run}-"))
        at = now + wait.days("held back", 0.05, 0.5)
        self.world.agenda.add(at, message.id, lambda _: [message])
        return True

    # --- Posting

    def send(self, messages: Iterable[Message], now: datetime) -> None:
        """Post them, each courier's in order, several couriers at once; back when all are tried."""
        by_courier = sorted(messages, key=lambda message: message.courier)
        lots = [list(lot) for _, lot in groupby(by_courier, key=lambda one: one.courier)]
        for done in [self._pool.submit(self._send_lot, lot, now) for lot in lots]:
            done.result()

    def _send_lot(self, lot: list[Message], now: datetime) -> None:
        for message in lot:
            self._deliver(message, now)

    def _deliver(self, message: Message, now: datetime) -> None:
        for _ in range(PATIENCE):
            status, answer, retry_after = self._try(message, now)
            if status != 429 or self.world.clock.speed:
                break
            time.sleep(retry_after.total_seconds() if retry_after else 1)
        with self.world.lock:
            self._record(message, status, answer, retry_after, now)
        if message.answer == "taken" and "duplicate" in message.faults:
            status, answer, _ = self._try(message, now)
            with self.world.lock:
                self.world.book.counts[f"sent twice, met {status}"] += 1

    def _try(self, message: Message, now: datetime) -> tuple[int, Any, timedelta | None]:
        """One POST. Status 0: nobody answered."""
        courier = self.world.couriers[message.courier]
        until = courier.old_until
        old = "old key" in message.faults and until and now < moment(until)
        secret = courier.sign_with[1] if old else courier.sign_with[0]
        self.world.book.counts["signed with the old key"] += bool(old)
        stamp = int((now if not self.world.clock.speed else self.world.clock.now()).timestamp())
        headers = signed(message.id, stamp, message.body, secret)
        message.tries += 1
        for _ in (1, 2):
            try:
                return self._post(courier, message.body, headers)
            except (HTTPException, OSError):
                # A kept line that the other side had just closed: told twice is told once.
                if line := self._lines.pop(courier.slug, None):
                    line.close()
        return 0, None, None

    def _post(
        self, courier: "Courier", body: bytes, headers: dict[str, str]
    ) -> tuple[int, Any, timedelta | None]:
        url = urlsplit(courier.url)
        line = self._lines.get(courier.slug)
        if line is None:
            kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
            line = self._lines[courier.slug] = kind(url.hostname or "", url.port, timeout=30)
        line.request("POST", f"{url.path}/events", body, headers)
        response = line.getresponse()
        said = response.read()
        wait = response.headers.get("Retry-After", "")
        try:
            answer = json.loads(said)
        except ValueError:
            answer = None
        return response.status, answer, timedelta(seconds=int(wait)) if wait.isdecimal() else None

    def _record(
        self,
        message: Message,
        status: int,
        answer: Any,
        retry_after: timedelta | None,
        now: datetime,
    ) -> None:
        """What came of a try, and when the next one is. Under the world's lock."""
        message.status = status
        self.world.book.counts[f"{message.type} met {status}"] += 1
        if 200 <= status < 300:
            message.answer = "taken"
            results = {one.get("event_id"): one for one in (answer or {}).get("results", ())}
            for report in message.reports:
                report.said += 1
                report.answer = results.get(report.event_id, {}).get("status", "")
        elif status in HOPELESS:
            message.answer = "refused"
            self.world.book.counts[f"refused: {(answer or {}).get('code', status)}"] += 1
        elif message.tries > len(WAITS):
            message.answer = "given up"
        else:
            wait = max(WAITS[message.tries - 1], retry_after or timedelta(0))
            self.world.agenda.add(now + wait, message.id, lambda _: [message])


def _batches(reports: list[Report]) -> Iterable[list[Report]]:
    """Up to a hundred events of parcels at a time; what is said of vans goes one by one."""
    events = [report for report in reports if report.type == TRACKING]
    for start in range(0, len(events), MAX_BATCH):
        yield events[start : start + MAX_BATCH]
    for report in reports:
        if report.type != TRACKING:
            yield [report]
