"""Deliveries to couriers: claim, call, record. No lock while the world thinks."""

import ipaddress
import json
import logging
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from time import monotonic
from typing import Any

import httpx
from django.conf import settings
from django.db import transaction

from logistics import workflow
from logistics.models import Delivery
from logistics.signatures import sign
from logistics.states import Direction, MessageType
from logistics.workflow.holding import hold
from returns.drain import locked

log = logging.getLogger(__name__)

CONNECT, READ, WHOLE = 3.0, 10.0, 15.0  # seconds
MAX_ANSWER = 4_096  # bytes
LEASE = timedelta(minutes=2)

_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
#: Waits after each failure; after the last one it is dead. 75 h in all.
WAITS = tuple(timedelta(seconds=wait) for wait in _SECONDS)
#: For a van: soon, then hourly until it is too late to come.
SOON = tuple(timedelta(seconds=wait) for wait in (5, 30, 120, 300, 900, 1_800, 3_600))
#: What will not get better by itself: two more tries, then a person looks.
HOPELESS = frozenset({400, 401, 403, 404, 422})
HOPELESS_TRIES = 3
RETRY_AFTER_AT_MOST = timedelta(hours=24)


class Forbidden(Exception):
    """A target that must not be called: not https, or not on the public internet."""


@dataclass(frozen=True)
class Answer:
    """What came back: HTTP status (none without an answer), error, body, seconds to wait."""

    status: int | None
    error: str = ""
    body: bytes = b""
    retry_after: timedelta | None = None

    @property
    def taken(self) -> bool:
        """The courier has it."""
        return self.status is not None and 200 <= self.status < 300


def deliver_due(limit: int, *, at: datetime) -> int:
    """Tell couriers up to `limit` messages that are due; returns how many were tried."""
    claimed = _claim(limit, at)
    for delivery in claimed:
        if delivery.deliver_before and delivery.deliver_before <= at:
            record(delivery, Answer(None, "too late for the van"), at=at)
        else:
            record(delivery, call(delivery, at=at), at=at)
    return len(claimed)


def redeliver(delivery: Delivery, *, at: datetime) -> bool:
    """Support's *Redeliver*: the same message, the same id, its tries counted anew."""
    again = Delivery.objects.filter(pk=delivery.pk, delivered_at__isnull=True)
    return bool(again.update(dead_at=None, next_try_at=at, leased_until=None, attempts=0))


def _claim(limit: int, at: datetime) -> list[Delivery]:
    """Lease what is due: a worker that dies is found out when the lease runs out."""
    with transaction.atomic():
        due = Delivery.objects.due(at).select_related("courier", "pickup__case", "parcel")
        claimed = list(locked(due)[:limit])
        for delivery in claimed:
            delivery.attempts += 1
            delivery.leased_until = delivery.next_try_at = at + LEASE
        Delivery.objects.bulk_update(claimed, ["attempts", "leased_until", "next_try_at"])
    return claimed


def call(delivery: Delivery, *, at: datetime) -> Answer:
    """One POST, signed with every key in force. Never raises for what the other side does."""
    body = json.dumps(delivery.payload, ensure_ascii=False).encode()
    keys = delivery.courier.keys(Direction.OUT, at)
    if not keys:
        return Answer(None, "no secret to sign with")
    stamp = int(at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(sign(delivery.message_id, stamp, body, key) for key in keys),
    }
    try:
        return _post(delivery.courier.endpoint_url, body, headers)
    except (httpx.HTTPError, httpx.InvalidURL, Forbidden, OSError, ValueError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:300])


def _post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    target = httpx.URL(url)
    address = _address(target)
    # The address that was looked at is the address that is called: DNS is not asked twice.
    pinned = target.copy_with(host=address)
    headers = {**headers, "Host": target.netloc.decode()}
    extensions = {"sni_hostname": target.host}
    started, answer = monotonic(), b""
    with _client().stream(
        "POST", pinned, content=body, headers=headers, extensions=extensions
    ) as response:
        for chunk in response.iter_bytes():
            answer += chunk
            if len(answer) > MAX_ANSWER or monotonic() - started > WHOLE:
                break
    return Answer(
        response.status_code,
        "" if response.is_success else response.reason_phrase,
        answer[:MAX_ANSWER],
        _retry_after(response),
    )


def _address(url: httpx.URL) -> str:
    """The address to call. Raises Forbidden unless all the name stands for are public.

    With settings.COURIERS_ON_LOOPBACK the loopback, and plain http to it, may be called too.
    """
    loopback = settings.COURIERS_ON_LOOPBACK
    if url.userinfo or url.scheme not in ("https", "http"):
        raise Forbidden("only https, without credentials")
    found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(each[4][0]) for each in found]
    if loopback and addresses and all(address.is_loopback for address in addresses):
        return str(addresses[0])
    if url.scheme != "https":
        raise Forbidden("only https, without credentials")
    if not addresses or not all(_public(address) for address in addresses):
        raise Forbidden("not on the public internet")
    return str(addresses[0])


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)


@cache  # making one costs more than a call: it reads every certificate authority
def _client() -> httpx.Client:
    return httpx.Client(
        timeout=httpx.Timeout(READ, connect=CONNECT),
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
    )


def record(delivery: Delivery, answer: Answer, *, at: datetime) -> None:
    """Write down what came of a try, unless somebody else holds the message by now."""
    fields: dict[str, Any] = {
        "last_status": answer.status,
        "last_error": answer.error[:300],
        "leased_until": None,
        "next_try_at": None,
    }
    if answer.taken:
        fields["delivered_at"] = at
    else:
        fields["next_try_at"] = again = _again(delivery, answer, at)
        fields["dead_at"] = None if again else at
    mine = Delivery.objects.untold().filter(pk=delivery.pk, attempts=delivery.attempts)
    with transaction.atomic():
        if delivery.pickup:
            # Parcel and Case first, as whoever takes a pick-up back has them.
            hold(delivery.pickup.case)
        if mine.update(**fields):
            _follow(delivery, answer, dead=fields.get("dead_at") is not None, at=at)


def _again(delivery: Delivery, answer: Answer, at: datetime) -> datetime | None:
    """When to try again; None when it is hopeless or too late."""
    tried = delivery.attempts
    if answer.status == HTTPStatus.GONE or (answer.status in HOPELESS and tried >= HOPELESS_TRIES):
        return None
    before = delivery.deliver_before
    waits = SOON if before else WAITS
    if tried > len(waits) and not before:
        return None
    wait = max(waits[min(tried, len(waits)) - 1], answer.retry_after or timedelta(0))
    again = at + wait
    return again if before is None or again < before else None


def _follow(delivery: Delivery, answer: Answer, *, dead: bool, at: datetime) -> None:
    """What an answer means for the van."""
    asks = delivery.type in (
        MessageType.PICKUP_REQUESTED,
        MessageType.PICKUP_RESCHEDULE_REQUESTED,
    )
    if delivery.pickup is None or not asks:
        return
    if dead:
        workflow.fail_untold_pickup(delivery.pickup, at=at)
    elif (number := _confirmation(answer)) is not None:
        workflow.confirm_pickup(delivery.pickup, number=number, at=at)


def _confirmation(answer: Answer) -> str | None:
    """The confirmation number when the courier confirmed in its answer."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if not answer.taken or not isinstance(said, dict) or said.get("status") != "confirmed":
        return None
    number = said.get("confirmation_number")
    return number if isinstance(number, str) and number.isprintable() else ""


def _retry_after(response: httpx.Response) -> timedelta | None:
    header = response.headers.get("Retry-After", "")
    if not (header.isascii() and header.isdecimal() and len(header) < 9):
        return None
    return min(timedelta(seconds=int(header)), RETRY_AFTER_AT_MOST)
