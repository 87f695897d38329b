"""The sandbox bank, seen through the calls we need; the settings say where it is, and its key."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from http import HTTPStatus

import httpx
from django.conf import settings

from refunds.gateways.contract import (
    GatewayAnswer,
    GatewayRefund,
    NoAnswer,
    Outcome,
    RefundRequest,
)

CONNECT = 3.0  # seconds
DEFINITE_NO = frozenset({"account-closed"})


class SandboxGateway:
    """Speaks the contract at the head of refunds/sandbox_bank.py."""

    key_lifetime = timedelta(days=30)
    read_after_write_lag = timedelta(0)
    find_by_reference = True
    caches_errors = False
    late_failures = False

    def refund(self, request: RefundRequest) -> GatewayAnswer:
        """Send it. Whatever is not plainly paid or plainly refused is UNKNOWN."""
        body = {
            "reference": request.reference,
            "amount": str(request.amount),
            "currency": request.currency,
            "payment_reference": request.payment_reference,
        }
        try:
            response = _client().post(
                "/refunds", json=body, headers={"Idempotency-Key": request.key}
            )
        except httpx.HTTPError as error:
            return GatewayAnswer(Outcome.UNKNOWN, reason=f"no answer: {type(error).__name__}")
        return _read(response, request)

    def find(self, reference: str) -> GatewayRefund | None:
        """Look into the bank's book. Two entries under one reference are a person's affair."""
        try:
            response = _client().get("/refunds", params={"reference": reference})
            response.raise_for_status()
            found = [_parse(entry) for entry in response.json()["refunds"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, InvalidOperation) as error:
            raise NoAnswer(f"could not ask: {type(error).__name__}") from error
        if len(found) > 1:
            raise NoAnswer(f"{len(found)} refunds at the bank under {reference}")
        return found[0] if found else None


def _client() -> httpx.Client:
    return _client_for(settings.BANK_URL, settings.BANK_KEY, settings.BANK_TIMEOUT)


@cache  # making one costs more than a call: it reads every certificate authority
def _client_for(url: str, key: str, timeout: float) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(timeout, connect=CONNECT),
        # A kept connection that the bank has closed would look like an unknown outcome.
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,  # a proxy from the environment must not see money
    )


def _parse(entry: dict[str, str]) -> GatewayRefund:
    return GatewayRefund(
        bank_reference=str(entry["id"]),
        reference=entry["reference"],
        amount=Decimal(entry["amount"]),
        currency=entry["currency"],
    )


def _read(response: httpx.Response, request: RefundRequest) -> GatewayAnswer:
    """Believe an answer only if it repeats what was asked: it is a stranger's word."""
    try:
        content = response.json()
        if response.status_code == HTTPStatus.CREATED:
            if _parse(content).answers(request):
                return GatewayAnswer(Outcome.PAID, bank_reference=str(content["id"]))
            return GatewayAnswer(Outcome.UNKNOWN, reason="the bank paid something else")
        code = str(content["code"])
    except (ValueError, KeyError, TypeError, InvalidOperation):
        return GatewayAnswer(Outcome.UNKNOWN, reason=f"unreadable {response.status_code}")
    if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and code in DEFINITE_NO:
        return GatewayAnswer(Outcome.REFUSED, reason=code)
    return GatewayAnswer(
        Outcome.UNKNOWN,
        reason=f"{response.status_code} {code}"[:200],
        retry_after=_retry_after(response.headers.get("Retry-After", "")),
    )


def _retry_after(header: str) -> timedelta | None:
    return timedelta(seconds=min(int(header), 86_400)) if header.isdecimal() else None
