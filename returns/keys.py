"""Keys of the shop's door: made once, shown once, found again by their hash."""

import hashlib
import secrets
from datetime import datetime

from returns.models import ApiKey


def create(name: str, *, at: datetime) -> tuple[ApiKey, str]:
    """A new key and its secret, never to be read again. IntegrityError when the name is taken."""
    secret = f"shop_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        name=name, prefix=secret[:12], sha256=_hashed(secret), created_at=at
    )
    return key, secret


def holder(secret: str) -> ApiKey | None:
    """Whose secret it is; None for an unknown or revoked one.

    Found by the index over its hash: how long that takes tells nothing about any secret.
    """
    return ApiKey.objects.filter(sha256=_hashed(secret), revoked_at__isnull=True).first()


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
