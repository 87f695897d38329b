"""A request told twice is done once: the answer is kept with the effect, in one transaction."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.problems import Refused
from returns import clock
from returns.models import ApiKey, IdempotentAnswer

#: Real time after which a request that never answered is taken for dead; no request lives so long.
LEASE = timedelta(minutes=2)

_KEY = re.compile(r"[!-~]{1,128}", re.ASCII)


def once(
    request: Request,
    effect: Callable[[], Response],
    refused: Callable[[Exception], HttpResponseBase],
) -> HttpResponseBase:
    """The answer of `effect`, run in a transaction; or the one kept under this `Idempotency-Key`.

    The key is taken and committed first, so that a twin meets it. The answer commits with the
    effect: after a crash in between there is neither, and the key is free again after the lease.
    What `refused` makes of an exception is kept too, but not a 5xx: that may be tried again.
    """
    name = request.headers.get("Idempotency-Key")
    if name is None:
        with transaction.atomic():
            return effect()
    kept = _take(request, name)
    if kept.status is not None:
        return _again(kept)
    answer: HttpResponseBase
    try:
        with transaction.atomic():
            answer = effect()
            _keep(kept, answer.status_code, answer.data)
    except Exception as error:
        try:
            answer = refused(error)
        except Exception:
            _release(kept)
            raise
        if answer.status_code >= 500 or not isinstance(answer, HttpResponse):
            _release(kept)
        else:
            _keep(kept, answer.status_code, json.loads(answer.content))
    return answer


def _take(request: Request, name: str) -> IdempotentAnswer:
    """The row of this key: ours to answer when its status is null. Raises Refused."""
    if not _KEY.fullmatch(name):
        raise Refused(
            400, "idempotency-key-invalid", "Bad key", "1 to 128 printable ASCII characters."
        )
    now, fingerprint = clock.real_now(), _fingerprint(request)
    try:
        kept, mine = IdempotentAnswer.objects.get_or_create(
            api_key=cast(ApiKey, request.auth),
            key=name,
            defaults={"fingerprint": fingerprint, "created_at": now},
        )
    except IntegrityError as error:
        # The twin let go of it in this very moment.
        raise _running() from error
    if kept.fingerprint != fingerprint:
        raise Refused(
            422,
            "idempotency-key-reused",
            "Key used before",
            "This Idempotency-Key came with another request.",
        )
    if mine or kept.status is not None or _take_over(kept, now):
        return kept
    raise _running()


def _take_over(kept: IdempotentAnswer, now: datetime) -> bool:
    """Whoever held it is dead. Of several who find out, one gets it."""
    abandoned = _held(kept).filter(created_at__lt=now - LEASE)
    kept.created_at = now
    return abandoned.update(created_at=now) == 1


def _keep(kept: IdempotentAnswer, status: int, body: Any) -> None:
    """Write the answer down; raises Refused when somebody took the key over in the meantime."""
    if not _held(kept).update(status=status, body=body):
        raise _running()


def _release(kept: IdempotentAnswer) -> None:
    _held(kept).delete()


def _held(kept: IdempotentAnswer) -> QuerySet[IdempotentAnswer]:
    """The row, while it is held since then: `created_at` fences out who came too late."""
    return IdempotentAnswer.objects.filter(
        pk=kept.pk, status__isnull=True, created_at=kept.created_at
    )


def _again(kept: IdempotentAnswer) -> HttpResponse:
    status = kept.status or 200
    kind = "application/problem+json" if status >= 400 else "application/json"
    answer = JsonResponse(kept.body, status=status, content_type=kind, safe=False)
    answer["Idempotent-Replayed"] = "true"
    return answer


def _running() -> Refused:
    return Refused(
        409, "idempotency-key-in-use", "Still running", "The first request is not answered yet."
    )


def _fingerprint(request: Request) -> str:
    """What was asked, whatever the order of members or the boundary between files."""
    files = [
        (name, file.name, hashlib.file_digest(file, "sha256").hexdigest())
        for name, list_ in sorted(request.FILES.lists())
        for file in map(_rewound, list_)
    ]
    said = [files, sorted(request.POST.lists())] if files else request.data
    text = json.dumps([request.method, request.path, said], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _rewound(file: Any) -> Any:
    file.seek(0)
    return file
