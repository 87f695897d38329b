"""The door for whoever integrates a courier: pages anyone may read, and files to take along."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from logistics import retries
from logistics.handbook import contract
from logistics.handbook.words import CODES, REASONS
from logistics.problems import PROBLEMS
from logistics.tracking import SCANS, STATES

#: Files of the contract that may be taken along, and what they are.
FILES = {
    "openapi.yaml": "application/yaml",
    "openapi.json": "application/json",
    "vectors.json": "application/json",
    "client.py": "text/x-python",
    "verify.py": "text/x-python",
    "ping.sh": "text/x-shellscript",
}


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """From a slug and a secret to the first report taken."""
    code = {name.partition(".")[0]: _own(request, name) for name in ("client.py", "ping.sh")}
    first = next(each for each in contract.reports() if each.type == "tracking.updated")
    limits = settings.COURIER_LIMITS
    return _page(request, "start", code=code, first=first.examples[0], limits=limits)


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Every message a courier may send, each with its members and an example."""
    codes = [
        {"code": code, "means": means, "scan": code in SCANS, "state": STATES.get(code)}
        for code, means in CODES.items()
    ]
    return _page(request, "events", messages=contract.reports(), codes=codes, reasons=REASONS)


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Every message we send, how to believe it, and how often it comes."""
    schedules = {"labels": _waits(retries.WAITS), "pickups": _waits(retries.SOON)}
    code = _own(request, "verify.py")
    return _page(request, "told", messages=contract.requests(), code=code, schedules=schedules)


@require_safe
def signing(request: HttpRequest) -> HttpResponse:
    """How messages are signed, how secrets change, and vectors to try it on."""
    return _page(request, "signing")


@require_safe
def file(request: HttpRequest, name: str) -> HttpResponse:
    """A file of the contract, as it is."""
    if name not in FILES:
        raise Http404
    if name == "openapi.json":
        text = json.dumps(contract.document(), ensure_ascii=False, indent=1)
    else:
        text = (contract.FOLDER / name).read_text("utf-8")
    return HttpResponse(text, content_type=f"{FILES[name]}; charset=utf-8")


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Every problem a courier can be answered with."""
    return _page(request, "problems", problems=PROBLEMS.values())


@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """What one problem means and what to do about it: its `type` leads here (RFC 9457)."""
    if code not in PROBLEMS:
        raise Http404
    return _page(request, "problem", problem=PROBLEMS[code])


def _page(request: HttpRequest, name: str, **facts: Any) -> HttpResponse:
    base = request.build_absolute_uri("/").rstrip("/")
    context = {"here": name, "base": base, **facts}
    return render(request, f"logistics/handbook/{name}.html", context)


def _own(request: HttpRequest, name: str) -> str:
    """The file with this house's address in place of the made-up one."""
    text = (contract.FOLDER / name).read_text("utf-8")
    return text.replace("https://returns.example", request.build_absolute_uri("/").rstrip("/"))


def _waits(waits: Iterable[timedelta]) -> str:
    """`5 s, 5 min, 2 h`."""
    return ", ".join(_spoken(round(wait.total_seconds())) for wait in waits)


def _spoken(seconds: int) -> str:
    if seconds >= 3_600:
        return f"{seconds // 3_600} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
