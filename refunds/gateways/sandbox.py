"""The sandbox bank, seen through the calls we need; the settings say where it is, and its key."""

import json
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from refunds.gateways.contract import (
    GatewayAnswer,
    GatewayRefund,
    NoAnswer,
    Outcome,
    RefundRequest,
)
from returns import outside

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
        reply = _call("POST", "/refunds", body, **{"Idempotency-Key": request.key})
        if reply.status is None:
            return GatewayAnswer(Outcome.UNKNOWN, reason=f"no answer: {reply.error}"[:200])
        return _read(reply, request)

    def find(self, reference: str) -> GatewayRefund | None:
        """Look into the bank's book. Two entries under one reference are a person's affair."""
        reply = _call("GET", f"/refunds?{urlencode({'reference': reference})}")
        if not reply.ok:
            raise NoAnswer(f"could not ask: {reply.status} {reply.error}")
        try:
            found = [_parse(entry) for entry in json.loads(reply.body)["refunds"]]
        except (ValueError, RecursionError, KeyError, TypeError, InvalidOperation) as error:
            raise NoAnswer(f"could not ask: {type(error).__name__}") from error
        if len(found) > 1:
            raise NoAnswer(f"{len(found)} refunds at the bank under {reference}")
        return found[0] if found else None


def _call(method: str, path: str, body: Any = None, **headers: str) -> outside.Reply:
    """A sandbox may stand on this machine; a bank elsewhere is called over https."""
    headers = {"Authorization": f"Bearer {settings.BANK_KEY}", **headers}
    return outside.call(
        method,
        settings.BANK_URL.rstrip("/") + path,
        body=json.dumps(body).encode() if body else b"",
        headers={"Content-Type": "application/json", **headers},
        loopback=True,
        most=64_000,
        connect=CONNECT,
        whole=settings.BANK_TIMEOUT,
    )


def _parse(entry: dict[str, str]) -> GatewayRefund:
    return GatewayRefund(
        bank_reference=str(entry["id"]),
        reference=entry["reference"],
        amount=Decimal(entry["amount"]),
        currency=entry["currency"],
    )


def _read(reply: outside.Reply, request: RefundRequest) -> GatewayAnswer:
    """Believe an answer only if it repeats what was asked: it is a stranger's word."""
    try:
        content = json.loads(reply.body)
        if reply.status == HTTPStatus.CREATED:
            if _parse(content).answers(request):
                return GatewayAnswer(Outcome.PAID, bank_reference=str(content["id"]))
            return GatewayAnswer(Outcome.UNKNOWN, reason="the bank paid something else")
        code = str(content["code"])
    except (ValueError, RecursionError, KeyError, TypeError, InvalidOperation):
        return GatewayAnswer(Outcome.UNKNOWN, reason=f"unreadable {reply.status}")
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY and code in DEFINITE_NO:
        return GatewayAnswer(Outcome.REFUSED, reason=code)
    return GatewayAnswer(
        Outcome.UNKNOWN,
        reason=f"{reply.status} {code}"[:200],
        retry_after=_retry_after(reply.headers.get("retry-after", "")),
    )


def _retry_after(header: str) -> timedelta | None:
    return timedelta(seconds=min(int(header), 86_400)) if header.isdecimal() else None
