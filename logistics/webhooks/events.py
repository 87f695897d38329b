"""What couriers report: read, kept once and answered, each event of a batch by itself."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, JsonResponse

from logistics import reports, workflow
from logistics.reports import FUTURE, Report, Wrong
from logistics.webhooks.callers import Signed, pinger, signer
from logistics.webhooks.door import Refused, door
from logistics.workflow.holding import told


@door("POST", signer)
def events(message: Signed) -> HttpResponse:
    """Take a courier's reports: 202, or 200 when the very same message came before."""
    try:
        said = reports.parse(message.body)
    except ValueError as error:
        raise Refused("body-not-json", "The body is not a JSON object.") from error
    try:
        status, answer = workflow.take_message(
            message.courier,
            _read(said, message),
            mode=message.mode,
            message_id=message.message_id,
            digest=hashlib.sha256(message.body).hexdigest(),
            key_index=message.key_index,
            at=message.at,
        )
    except workflow.IdReused as reused:
        raise Refused("webhook-id-reused", str(reused)) from reused
    return JsonResponse(answer, status=status)


@door("POST", pinger)
def ping(message: Signed) -> HttpResponse:
    """Say that the signature is right, and which key it was made with (0 is the newest)."""
    return JsonResponse(
        {
            "status": "ok",
            "mode": message.mode,
            "key_index": message.key_index,
            "key_fingerprint": message.fingerprint,
            "at": told(message.at),
            "server_time": int(message.at.timestamp()),
        }
    )


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
    code = FUTURE if {wrong.code for wrong in wrongs} == {FUTURE} else "validation-failed"
    return Refused(code, "No event can be taken.", errors=[wrong.as_json() for wrong in wrongs])
