"""What all of the couriers' paths share: one method, one caller, and a problem for all else."""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Protocol

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from logistics.problems import PROBLEMS
from logistics.throttle import Limited, Room
from returns.problems import problem

log = logging.getLogger(__name__)

#: Seconds after which a courier may come again while the database is away or does not keep up.
MAINTENANCE, OVERLOADED = 60, 5


class Refused(Exception):
    """A request that is answered with a problem of the list, `extra` being members of its own."""

    def __init__(
        self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.extra = code, detail, extra
        self.headers = headers or {}


class Known(Protocol):
    """Whoever was let in, and what is left of the limit."""

    @property
    def room(self) -> Room: ...


View = Callable[..., HttpResponse]


def door(method: str, admit: Callable[[HttpRequest, str], Known]) -> Callable[[View], View]:
    """A view for one method that is called with whom `admit` let in; all else is a problem."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def answer(request: HttpRequest, courier: str, **rest: Any) -> HttpResponse:
            try:
                if request.method != method:
                    allow = {"Allow": method}
                    raise Refused("method-not-allowed", f"Only {method} here.", headers=allow)
                caller = admit(request, courier)
                response = view(caller, **rest)
                _add(response, caller.room.headers())
            except (Refused, Limited, OperationalError, InterfaceError, UnreadablePostError) as no:
                response = _answer(request, _refusal(no))
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


def _refusal(no: Exception) -> Refused:
    """What a courier is told about it."""
    if isinstance(no, Refused):
        return no
    if isinstance(no, Limited):
        headers = {"Retry-After": str(no.room.wait), **no.room.headers()}
        detail = f"At most {no.room.quota} in {no.room.window} s: wait {no.room.wait} s."
        return Refused("rate-limited", detail, headers=headers)
    if isinstance(no, UnreadablePostError):
        return Refused("body-not-json", "The body did not arrive.")
    log.error("a courier's call was not served: %s", no)
    gone = connection.connection is None
    code, wait = ("maintenance", MAINTENANCE) if gone else ("overloaded", OVERLOADED)
    return Refused(code, f"Come again in {wait} s.", headers={"Retry-After": str(wait)})


def _answer(request: HttpRequest, no: Refused) -> HttpResponse:
    known = PROBLEMS[no.code]
    told = {
        "type": request.build_absolute_uri(f"/problems/{no.code}"),
        "instance": request.path,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
    }
    response = problem(known.status, no.code, known.title, no.detail, **told, **no.extra)
    return _add(response, no.headers)


def _add(response: HttpResponse, headers: Mapping[str, str]) -> HttpResponse:
    for name, value in headers.items():
        response[name] = value
    return response
