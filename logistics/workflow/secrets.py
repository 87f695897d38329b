"""Signing secrets: made and shown once, or installed as given; kept encrypted."""

import hashlib
from datetime import datetime

from logistics import signatures, vault
from logistics.models import Courier, CourierSecret
from logistics.states import Direction


def give_secret(courier: Courier, direction: Direction, *, at: datetime) -> str:
    """Make a new secret, in force at once, and return it as `whsec_…`: nobody sees it again."""
    secret = signatures.new_secret()
    install_secret(courier, direction, secret, at=at)
    return secret


def install_secret(
    courier: Courier,
    direction: Direction,
    secret: str,
    *,
    at: datetime,
    expires_at: datetime | None = None,
) -> CourierSecret:
    """Keep a secret agreed elsewhere. Raises ValueError unless it is `whsec_…` of 24–64 bytes."""
    key = signatures.secret_bytes(secret)
    return CourierSecret.objects.create(
        courier=courier,
        direction=direction,
        ciphertext=vault.seal(key),
        fingerprint=hashlib.sha256(key).hexdigest()[:8],
        not_before=at,
        expires_at=expires_at,
    )
