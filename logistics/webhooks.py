"""The couriers' door: who says it, is it new, keep it, answer."""

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from logistics import reports, workflow
from logistics.models import Courier, WebhookReceipt
from logistics.reports import Report, Wrong
from logistics.signatures import BadSignature, verify
from logistics.states import Direction
from logistics.workflow.holding import told
from returns import clock
from returns.problems import problem

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024  # bytes
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,40}", re.ASCII)
_NUMBER = re.compile(r"[0-9A-Za-z-]{1,40}", re.ASCII)

TITLES = {
    "method-not-allowed": "Method not allowed",
    "unsupported-media-type": "Not application/json",
    "body-too-large": "Body too large",
    "header-missing": "Signature header missing",
    "header-invalid": "Signature header invalid",
    "timestamp-out-of-tolerance": "Webhook timestamp outside tolerance",
    "signature-mismatch": "Signature does not match",
    "courier-suspended": "Courier suspended",
    "body-not-json": "Body is not a JSON object",
    "validation-failed": "Nothing in the message can be taken",
    "webhook-id-reused": "webhook-id was used for another body",
    "unknown-parcel": "No such parcel",
}


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, code: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.extra = status, code, detail, extra


@dataclass(frozen=True)
class Signed:
    """A message of which we know who sent it."""

    courier: Courier
    body: bytes
    key_index: int
    message_id: str
    at: datetime


def signed(method: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view for one method that is called with what was signed; all else is a problem."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @csrf_exempt
        @wraps(view)
        def door(request: HttpRequest, courier: str, **rest: str) -> HttpResponse:
            try:
                return view(_authenticated(request, courier, method), **rest)
            except Refused as no:
                title = TITLES[no.code]
                extra = {"instance": request.path, **no.extra}
                response = problem(no.status, no.code, title, no.detail, **extra)
                if no.code == "method-not-allowed":
                    response["Allow"] = method
                return response

        return door

    return decorate


@signed("POST")
def events(message: Signed) -> HttpResponse:
    """Take a courier's reports: 202, or 200 when the very same message came before."""
    try:
        said = reports.parse(message.body)
    except ValueError as error:
        raise Refused(400, "body-not-json", "The body is not a JSON object.") from error
    digest = hashlib.sha256(message.body).hexdigest()
    taken = _read(said, message)
    try:
        with transaction.atomic():
            return _taken(message, taken, digest)
    except IntegrityError:
        # The receipt is there already; of two copies at the same moment, one waited for it.
        before = message.courier.receipts.filter(webhook_id=message.message_id).first()
        if before is None:
            raise
        return _repeated(before, digest)


@signed("POST")
def ping(message: Signed) -> HttpResponse:
    """Say that the signature is right, and which key it was made with (0 is the newest)."""
    return JsonResponse({"status": "ok", "key_index": message.key_index, "at": told(message.at)})


@signed("GET")
def parcel(message: Signed, tracking: str) -> HttpResponse:
    """Where a parcel of this courier stands; nothing of the people it travels between."""
    number = tracking.upper() if _NUMBER.fullmatch(tracking) else ""
    found = message.courier.parcels.filter(tracking_number=number).order_by("-id").first()
    if found is None:
        raise Refused(404, "unknown-parcel", "We gave this number to no parcel.")
    last_use = found.last_use_on.isoformat() if found.last_use_on else None
    return JsonResponse(
        {
            "tracking_number": found.tracking_number,
            "status": found.state,
            "label": found.label,
            "last_use_on": last_use,
            "destination": found.case.seller.country,
        }
    )


def _authenticated(request: HttpRequest, slug: str, method: str) -> Signed:
    """The message and its courier. An unknown courier is told what a wrong signature is told."""
    at = clock.now()
    if request.method != method:
        raise Refused(405, "method-not-allowed", f"Only {method} here.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise Refused(413, "body-too-large", f"At most {MAX_BODY} bytes.")
    if method == "POST" and request.content_type != "application/json":
        raise Refused(415, "unsupported-media-type", "Send application/json.")
    courier = Courier.objects.filter(slug=slug).first() if _SLUG.fullmatch(slug) else None
    secrets = courier.signing(Direction.IN, at) if courier else []
    secrets = [secret for secret in secrets if secret.key]
    try:
        keys = [secret.key for secret in secrets]
        key_index = verify(request.body, request.headers, keys, at.timestamp())
    except BadSignature as bad:
        raise Refused(bad.status, bad.code, bad.detail, server_time=int(at.timestamp())) from bad
    if courier is None:
        raise Refused(401, "signature-mismatch", "No active key.")
    secrets[key_index].used(at)
    if not courier.active:
        raise Refused(403, "courier-suspended", "Your reports are not taken now: call us.")
    return Signed(courier, request.body, key_index, request.headers["webhook-id"], at)


def _read(said: Mapping[str, Any], message: Signed) -> list[Report | Wrong] | None:
    try:
        taken = reports.read(said, message_id=message.message_id, at=message.at)
    except Wrong as wrong:
        raise _invalid([wrong]) from wrong
    wrongs = [each for each in taken or () if isinstance(each, Wrong)]
    if taken and len(wrongs) == len(taken):
        raise _invalid(wrongs)
    return taken


def _invalid(wrongs: list[Wrong]) -> Refused:
    errors = [wrong.as_json() for wrong in wrongs]
    return Refused(422, "validation-failed", "No event can be taken.", errors=errors)


def _taken(message: Signed, taken: list[Report | Wrong] | None, digest: str) -> HttpResponse:
    """Keep receipt and reports together; the receipt first, so that one of two copies waits."""
    receipt = WebhookReceipt.objects.create(
        courier=message.courier,
        webhook_id=message.message_id,
        body_sha256=digest,
        received_at=message.at,
        key_index=message.key_index,
        status=202,
        response={},
    )
    good = [each for each in taken or () if isinstance(each, Report)]
    answers = iter(workflow.accept_reports(message.courier, good, at=message.at))
    receipt.response = {
        "id": message.message_id,
        "status": "ignored" if taken is None else "accepted",
        "received_at": told(message.at),
        "results": [
            {"event_id": each.event_id, "status": "rejected", **each.as_json()}
            if isinstance(each, Wrong)
            else {"event_id": each.event_id, "status": next(answers)}
            for each in taken or ()
        ],
    }
    receipt.save(update_fields=["response"])
    return JsonResponse(receipt.response, status=202)


def _repeated(before: WebhookReceipt, digest: str) -> HttpResponse:
    if not hmac.compare_digest(before.body_sha256, digest):
        log.error("%s sent another body under %s", before.courier, before.webhook_id)
        raise Refused(409, "webhook-id-reused", "This webhook-id came with another body before.")
    return JsonResponse({**before.response, "status": "duplicate"})
