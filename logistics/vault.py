"""Secrets at rest, ours and our partners': encrypted with keys that come from the environment."""

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def seal(secret: bytes) -> bytes:
    """Encrypt with the newest key of settings.COURIER_SECRETS_KEYS."""
    return _keys().encrypt(secret)


def unseal(ciphertext: bytes | memoryview) -> bytes:
    """Decrypt with whichever key fits. Raises cryptography.fernet.InvalidToken when none does."""
    return _keys().decrypt(bytes(ciphertext))


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.COURIER_SECRETS_KEYS])
