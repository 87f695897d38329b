"""Who calls: a courier that signed its message, or one that shows a key to read with."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address
from zlib import crc32

from django.http import HttpRequest, QueryDict

from logistics import throttle, workflow
from logistics.models import Courier, CourierReadKey, CourierSecret
from logistics.signatures import BadSignature, verify
from logistics.states import Direction, Mode
from logistics.throttle import Room
from logistics.webhooks.door import Refused
from returns import clock

MAX_BODY = 256 * 1024  # bytes
MAX_SAMPLE = 3_000  # characters of a body that was not believed
#: A caller's bad signatures are counted in so many drawers of names: made-up ones fill no store.
DRAWERS = 1_024
#: Secrets that are over and still recognised, to tell who uses them to stop.
REMEMBERED = 4
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,40}", re.ASCII)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="couriers"'}


@dataclass(frozen=True)
class Signed:
    """A message of which we know who sent it. `key_index`: 0 is the newest of its mode."""

    courier: Courier
    mode: Mode
    body: bytes
    key_index: int
    fingerprint: str
    message_id: str
    at: datetime
    room: Room


@dataclass(frozen=True)
class Reader:
    """A courier that may look at what is its own."""

    courier: Courier
    query: QueryDict
    at: datetime
    room: Room


def signer(request: HttpRequest, slug: str, *, limit: str = "courier") -> Signed:
    """The message and its courier. An unknown courier is told what a wrong signature is told.

    What costs nothing is looked at first, and only what was signed right uses up the courier's
    own limit: a forger cannot close the door to it.
    """
    address = _counted(request, slug)
    body, at = _body(request), clock.now()
    courier, secrets = _known(slug, at)
    left = throttle.room(limit, slug if courier else "")
    try:
        keys = [secret.key for secret in secrets]
        used = secrets[verify(body, request.headers, keys, at.timestamp())]
    except BadSignature as bad:
        raise _disbelieved(bad, request, courier, slug, address, at) from bad
    if courier is None:
        raise Refused("signature-mismatch", "No active key.")
    throttle.count(limit, slug)
    used.used(at)
    _may_report(courier, address)
    alike = [secret.pk for secret in secrets if secret.mode == used.mode]
    return Signed(
        courier=courier,
        mode=Mode(used.mode),
        body=body,
        key_index=alike.index(used.pk),
        fingerprint=used.fingerprint,
        message_id=request.headers["webhook-id"],
        at=at,
        room=left,
    )


pinger = partial(signer, limit="ping")


def reader(request: HttpRequest, slug: str) -> Reader:
    """The holder of a read key; an unknown one, an ended one and another courier's are alike."""
    address = _counted(request, slug)
    at = clock.now()
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    key = _read_key(slug, shown.strip(), at) if scheme.lower() == "bearer" else None
    if key is None:
        _penalise(slug, address)
        raise Refused("read-key-unknown", "No read key of this courier.", headers=_CHALLENGE)
    left = throttle.room("read", key.sha256)
    throttle.count("read", key.sha256)
    key.used(at)
    if not key.courier.lets_in(address):
        raise Refused("ip-not-allowed", f"You call from {address}.")
    return Reader(key.courier, request.GET, at, left)


def _counted(request: HttpRequest, slug: str) -> IPv4Address | IPv6Address:
    """The caller's address, after its call was counted. Raises Limited."""
    address = throttle.caller(request)
    throttle.count("call", throttle.place(address))
    throttle.room("penalty", _drawer(slug), throttle.place(address))
    return address


def _body(request: HttpRequest) -> bytes:
    """The raw bytes, if they are few and said to be JSON."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch("[0-9]{1,9}", length) or int(length) > MAX_BODY:
        raise Refused("body-too-large", f"At most {MAX_BODY} bytes.")
    if request.content_type != "application/json":
        raise Refused("unsupported-media-type", "Send application/json.")
    return request.body


def _known(slug: str, at: datetime) -> tuple[Courier | None, list[CourierSecret]]:
    """The courier and the readable secrets it signs with: one query where there are any."""
    if not _SLUG.fullmatch(slug):
        return None, []
    signing = CourierSecret.objects.in_force(at).filter(direction=Direction.IN)
    found = list(signing.filter(courier__slug=slug).select_related("courier"))
    courier = found[0].courier if found else Courier.objects.filter(slug=slug).first()
    return courier, [secret for secret in found if secret.key]


def _disbelieved(
    bad: BadSignature,
    request: HttpRequest,
    courier: Courier | None,
    slug: str,
    address: IPv4Address | IPv6Address,
    at: datetime,
) -> Refused:
    """What to answer; it counts against who called from there in this name, and is sampled."""
    _penalise(slug, address)
    now = int(at.timestamp())
    if courier is None:
        return Refused(bad.code, bad.detail, server_time=now)
    workflow.keep_bad_message(courier, bad.code, _sample(request), at=at)
    if _is_retired(courier, request, at):
        return Refused("credentials-retired", "The secret was ended and no other is in force.")
    return Refused(bad.code, bad.detail, server_time=now)


def _is_retired(courier: Courier, request: HttpRequest, at: datetime) -> bool:
    """Whether it signed with a secret that was ended, and has no other now or to come."""
    ways = courier.secrets.filter(direction=Direction.IN)
    over = ways.filter(expires_at__lte=at)
    if ways.exclude(pk__in=over).exists():
        return False
    keys = [secret.key for secret in over[:REMEMBERED] if secret.key]
    try:
        verify(request.body, request.headers, keys, at.timestamp())
    except BadSignature:
        return False
    return True


def _may_report(courier: Courier, address: IPv4Address | IPv6Address) -> None:
    if not courier.lets_in(address):
        raise Refused("ip-not-allowed", f"You call from {address}.")
    if not courier.active:
        raise Refused("courier-suspended", "Your reports are not taken now: call us.")


def _penalise(slug: str, address: IPv4Address | IPv6Address) -> None:
    """Count what was not believed; one too many closes the door to this caller for a while."""
    who = (_drawer(slug), throttle.place(address))
    try:
        throttle.count("bad", *who)
    except throttle.Limited:
        throttle.count("penalty", *who)
        throttle.room("penalty", *who)


def _drawer(slug: str) -> str:
    return str(crc32(slug.encode("utf-8", "surrogatepass")) % DRAWERS)


def _sample(request: HttpRequest) -> str:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature", "user-agent")
    told = {name: request.headers[name][:200] for name in names if name in request.headers}
    body = request.body[:MAX_SAMPLE].decode("latin-1")
    return json.dumps({"headers": told, "body": body})


def _read_key(slug: str, shown: str, at: datetime) -> CourierReadKey | None:
    """Found by the index over its hash: how long that takes tells nothing about any key."""
    digest = sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()
    if not _SLUG.fullmatch(slug):
        return None
    keys = CourierReadKey.objects.filter(sha256=digest, courier__slug=slug)
    return keys.in_force(at).select_related("courier").first()
