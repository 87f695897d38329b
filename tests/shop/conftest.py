"""A shop that calls from outside: with a key, over the whole stack of middleware and routes."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from pytest_django import Settings
from rest_framework.test import APIClient

from returns import clock, keys
from tests import make


class Shop:
    """Speaks JSON to /api/v1 and reads the answer."""

    def __init__(self, secret: str = "") -> None:
        self.client = APIClient()
        if secret:
            self.client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> HttpResponse:
        """The raw answer; `key` is the Idempotency-Key."""
        if key := options.pop("key", None):
            options["headers"] = {"Idempotency-Key": key}
        if method != "get" and not options.keys() & {"format", "content_type"}:
            body, options["content_type"] = json.dumps(body), "application/json"
        answer: HttpResponse = getattr(self.client, method)(f"/api/v1{path}", body, **options)
        return answer

    def get(self, path: str, **options: Any) -> Any:
        return self.expect(200, "get", path, **options)

    def post(self, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        return self.expect(status, "post", path, body, **options)

    def put(self, path: str, body: Any, *, status: int = 200, **options: Any) -> Any:
        return self.expect(status, "put", path, body, **options)

    def expect(self, status: int, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.call(method, path, {} if body is None else body, **options)
        assert answer.status_code == status, (answer.status_code, answer.content[:2000])
        kind = "application/problem+json" if status >= 400 else "application/json"
        assert answer["Content-Type"].startswith(kind), answer["Content-Type"]
        return answer.json()


@pytest.fixture(autouse=True)
def _monday_morning(settings: Settings, db: None) -> None:
    settings.SIMULATION = True
    clock.set_to(make.T0)


@pytest.fixture
def shop(db: None) -> Shop:
    _, secret = keys.create("shop", at=make.T0)
    return Shop(secret)


@pytest.fixture
def stranger() -> Shop:
    return Shop()
