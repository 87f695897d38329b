"""Every refusal of the shop's door as problem+json, and of whatever else answers under /api/."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views import defaults
from rest_framework import exceptions

from returns.problems import problem

log = logging.getLogger(__name__)

#: Errors of one answer; a body may hold thousands of mistakes.
MAX_ERRORS = 50


class Refused(Exception):
    """A door's no: HTTP status, stable code, title, one sentence, and members of its own."""

    def __init__(self, status: int, code: str, title: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.extra = extra


class TooLarge(Refused):
    """More than this door reads."""

    def __init__(self, detail: str) -> None:
        super().__init__(413, "too-large", "Too large", detail)


def invalid(*errors: Mapping[str, str]) -> Refused:
    """Understood, but not as it must be. An error has a JSON pointer, a code and a detail."""
    return Refused(
        422,
        "invalid",
        "Not as it must be",
        "; ".join(f"{_where(error)}: {error['detail']}" for error in errors[:3]),
        errors=list(errors[:MAX_ERRORS]),
    )


def error(pointer: str, code: str, detail: str) -> dict[str, str]:
    """One mistake in a body."""
    return {"pointer": pointer, "code": code, "detail": detail}


def handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """What DRF asks; None for what nobody foresaw, which then is a 500 in the log."""
    if isinstance(exc, Refused):
        return problem(exc.status, exc.code, exc.title, exc.detail, **exc.extra)
    if isinstance(exc, exceptions.ValidationError):
        return handler(invalid(*pointers(exc.detail)), context)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, RequestDataTooBig):
        return handler(TooLarge("The body is too large."), context)
    if isinstance(exc, SuspiciousOperation):
        return problem(400, "malformed", "Malformed request", "This request cannot be read.")
    if isinstance(exc, OperationalError):
        log.exception("the database did not answer")
        answer = problem(503, "try-again", "Not now", "The database is busy; please repeat.")
        answer["Retry-After"] = "2"
        return answer
    if isinstance(exc, exceptions.APIException):
        return _of_drf(exc)
    return None


def pointers(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested errors as a list, each with the JSON pointer (RFC 6901) to its place."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            own = key == "non_field_errors"
            yield from pointers(inner, pointer if own else f"{pointer}/{step}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            # A list of words belongs to its field; a list of dicts to the members of a list.
            leaf = isinstance(inner, str)
            yield from pointers(inner, pointer if leaf else f"{pointer}/{index}")
    else:
        code = getattr(detail, "code", "invalid").replace("_", "-")
        yield error(pointer, code, str(detail))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's 404: a problem under /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return problem(404, "not-found", "Not found", "There is nothing here.")
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's 400: a problem under /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return problem(400, "malformed", "Malformed request", "This request cannot be read.")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's 500, which is in the log: a problem under /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return problem(500, "our-fault", "Our fault", "This should not happen; we have noted it.")
    return defaults.server_error(request)


def _of_drf(exc: exceptions.APIException) -> HttpResponseBase:
    code = {
        "not_authenticated": "unauthenticated",
        "authentication_failed": "unauthenticated",
        "parse_error": "malformed",
    }.get(str(exc.get_codes()), str(exc.get_codes()).replace("_", "-"))
    answer = problem(exc.status_code, code, HTTPStatus(exc.status_code).phrase, str(exc.detail))
    if header := getattr(exc, "auth_header", None):
        answer["WWW-Authenticate"] = header
    return answer


def _where(found: Mapping[str, str]) -> str:
    return found.get("pointer") or found.get("parameter") or "/"
