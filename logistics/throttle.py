"""How often who may call: counted in Redis where there is one, and in memory while it is away.

A limit is a moving window: "100 per 5 seconds" is 20 a second with a burst of 100.
"""

import logging
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, WindowStats, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from returns.clock import real_now

log = logging.getLogger(__name__)

#: Seconds a request waits for Redis, and seconds until it is asked again after it was away.
PATIENCE, AWAY = 0.2, 10.0
#: Of an IPv6 network so much is one caller.
ONE_CALLER = 64


@dataclass(frozen=True)
class Room:
    """What is left of a limit before a call: `left` of `quota` in `window` seconds."""

    name: str
    quota: int
    window: int
    left: int
    wait: int

    def headers(self) -> dict[str, str]:
        """What is left after it, as the draft of the HTTP working group says it (ratelimit-10)."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.quota};w={self.window}',
            "RateLimit": f'"{self.name}";r={max(0, self.left - 1)};t={self.wait}',
        }


class Limited(Exception):
    """Too many calls; `room` says until when."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.name)
        self.room = room


def count(name: str, *who: str) -> None:
    """Count a call. Raises Limited when it is one too many, which then is not counted."""
    item = _limit(name)
    if not _counters().hit(item, name, *who):
        raise Limited(_room(name, item, who))


def room(name: str, *who: str) -> Room:
    """What is left for `who`, counting nothing. Raises Limited when nothing is."""
    left = _room(name, _limit(name), who)
    if left.left < 1:
        raise Limited(left)
    return left


def caller(request: HttpRequest) -> IPv4Address | IPv6Address:
    """The address a request comes from; behind a proxy, the one the proxy saw."""
    told = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or told
    try:
        address = ip_address(told)
    except ValueError:
        return IPv4Address(0)
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def place(address: IPv4Address | IPv6Address) -> str:
    """Who counts as one caller: nobody gets round a limit with the addresses of his own network."""
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), ONE_CALLER), strict=False))
    return str(address)


def forget() -> None:
    """Begin to count anew in this process."""
    _counters.cache_clear()


class _Counters:
    """The counters of this process, and those all processes share."""

    def __init__(self, store: str) -> None:
        self.own = MovingWindowRateLimiter(MemoryStorage())
        self.shared = _shared(store) if store else None
        self.away_until = 0.0

    def hit(self, item: RateLimitItem, *who: str) -> bool:
        """Whether there was room."""
        if limiter := self._present():
            try:
                return limiter.hit(item, *who)
            except StorageError as error:
                self._lose(error)
        return self.own.hit(item, *who)

    def stats(self, item: RateLimitItem, *who: str) -> WindowStats:
        """When the oldest call is forgotten (Unix seconds), and how many are left."""
        if limiter := self._present():
            try:
                return limiter.get_window_stats(item, *who)
            except StorageError as error:
                self._lose(error)
        return self.own.get_window_stats(item, *who)

    def _present(self) -> MovingWindowRateLimiter | None:
        return self.shared if monotonic() >= self.away_until else None

    def _lose(self, error: StorageError) -> None:
        """Nobody waits for a Redis that is away, not even once a call."""
        self.away_until = monotonic() + AWAY
        log.warning("limits are counted in memory: %s", error.storage_error)


@cache
def _counters() -> _Counters:
    return _Counters(settings.COURIER_LIMITS_STORE)


def _shared(store: str) -> MovingWindowRateLimiter:
    options: dict[str, Any] = {
        "wrap_exceptions": True,
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        # The client's own default sleeps for seconds between its tries.
        "retry": Retry(NoBackoff(), 0),
    }
    return MovingWindowRateLimiter(storage_from_string(store, **options))


def _room(name: str, item: RateLimitItem, who: tuple[str, ...]) -> Room:
    until, left = _counters().stats(item, name, *who)
    window = item.get_expiry()
    return Room(
        name, item.amount, window, left, min(window, max(1, ceil(until - real_now().timestamp())))
    )


@cache
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)


def _limit(name: str) -> RateLimitItem:
    return _parsed(settings.COURIER_LIMITS[name])
