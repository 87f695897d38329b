"""Secrets at rest, ours and our partners': encrypted with keys that come from the environment."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def seal(secret: bytes) -> bytes:
    """Encrypt with the newest key of settings.COURIER_SECRETS_KEYS."""
    return _keys().encrypt(secret)


def unseal(ciphertext: bytes | memoryview) -> bytes:
    """Decrypt with whichever key fits. Raises cryptography.fernet.InvalidToken when none does."""
    return _keys().decrypt(bytes(ciphertext))


def reseal(ciphertext: bytes | memoryview) -> bytes | None:
    """The same encrypted with the newest key; None when it is already. Raises InvalidToken."""
    try:
        Fernet(settings.COURIER_SECRETS_KEYS[0]).decrypt(bytes(ciphertext))
    except InvalidToken:
        return _keys().rotate(bytes(ciphertext))
    return None


def flaws() -> list[str]:
    """What is wrong with the keys themselves, in sentences that do not name them."""
    keys = settings.COURIER_SECRETS_KEYS
    found = [] if keys else ["there is none"]
    for place, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            found.append(f"the {place}. is not 32 bytes in url-safe base64")
    return found


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.COURIER_SECRETS_KEYS])
