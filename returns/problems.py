"""How every door says no to a machine: RFC 9457 problem details with a stable `code`."""

from typing import Any

from django.http import JsonResponse


def problem(status: int, code: str, title: str, detail: str, **extra: Any) -> JsonResponse:
    """An `application/problem+json` answer; `extra` are members next to the standard ones."""
    body = {
        "type": f"urn:backoffice:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")
