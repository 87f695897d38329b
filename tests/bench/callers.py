"""Couriers that call at the same time: each a process of its own with one connection kept open."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

from logistics.signatures import secret_bytes, sign

PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Calls:
    """`count` messages of `size` events each, to each of `paths` in turn; `name` begins their ids.

    The numbers of a path are `B<path's index>X<n>`, n counting from 1 to `parcels`.
    """

    port: int
    paths: tuple[str, ...]
    size: int
    count: int
    parcels: int
    name: str
    secret: str


@dataclass(frozen=True)
class Answered:
    """When a caller began and ended (monotonic seconds, of all processes), and each answer's."""

    began: float
    ended: float
    took: list[float]


Request = tuple[str, bytes, dict[str, str]]
#: Where the callers of this process's pool meet.
_meeting: list[Barrier] = []


@contextmanager
def callers(count: int) -> Iterator[Callable[[list[Calls]], list[Answered]]]:
    """So many processes for the block; what it gives has each make one of the calls.

    They begin together, once all of them have signed what they will send.
    """
    spawned = get_context("spawn")
    start = spawned.Barrier(count)
    with spawned.Pool(count, initializer=_meet_at, initargs=(start,)) as pool:
        yield lambda calls: pool.map(_call, calls, chunksize=1)


def _meet_at(start: Barrier) -> None:
    _meeting.append(start)


def _call(calls: Calls) -> Answered:
    requests = [_request(calls, n) for n in range(calls.count)]
    line = http.client.HTTPConnection("127.0.0.1", calls.port, timeout=PATIENCE)
    _meeting[0].wait(PATIENCE)
    times = [time.monotonic()]
    for path, body, headers in requests:
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        said = answer.read()
        times.append(time.monotonic())
        if answer.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{path}: {answer.status} {said!r}")
    line.close()
    took = [end - begin for begin, end in pairwise(times)]
    return Answered(times[0], times[-1], took)


def _request(calls: Calls, n: int) -> Request:
    which = n % len(calls.paths)
    message_id, now = f"{calls.name}-{n}", datetime.now(UTC)
    events = [_event(calls, which, n * calls.size + k, now) for k in range(calls.size)]
    said = {"type": "tracking.updated", "timestamp": now.isoformat(), "data": {"events": events}}
    body, stamp = json.dumps(said).encode(), int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(message_id, stamp, body, secret_bytes(calls.secret)),
        # Each courier calls from an address of its own, as the proxy before us sees it.
        "x-forwarded-for": f"10.0.0.{which + 1}",
    }
    return calls.paths[which], body, headers


def _event(calls: Calls, which: int, n: int, now: datetime) -> dict[str, object]:
    return {
        "event_id": f"{calls.name}-{n}",
        "tracking_number": f"B{which}X{n % calls.parcels + 1}",
        "code": "in_transit",
        "occurred_at": now.isoformat(),
        "location": {"kind": "hub", "city": "Lyon", "country": "FR"},
        "note": "Arrived at the sorting centre.",
    }
