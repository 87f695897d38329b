"""Standard Webhooks v1: is this message really from whom it says, and signing our own."""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence

TOLERANCE = 300  # seconds, either way
MAX_SIGNATURES = 8
MIN_SECRET, MAX_SECRET = 24, 64  # bytes, as the standard says

_PREFIX = "whsec_"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIMESTAMP = re.compile(r"[0-9]{1,15}")


class BadSignature(Exception):
    """A message that is not to be believed: HTTP status, stable problem code, one sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[bytes], now: float) -> int:
    """The index in `keys` (newest first) of the key that signed the raw `body`.

    `now` is in Unix seconds. Raises BadSignature: 400 `header-missing` or `header-invalid`,
    401 `timestamp-out-of-tolerance` or `signature-mismatch`. Without keys nothing is believed.
    Whether the message came before is not looked at.
    """
    msg_id, timestamp, given = _read(headers)
    drift = abs(now - timestamp)
    if drift > TOLERANCE:
        raise BadSignature(
            401,
            "timestamp-out-of-tolerance",
            f"webhook-timestamp differs from our clock by {drift:.0f} s; "
            f"at most {TOLERANCE} s is allowed.",
        )
    hit = None
    # Every key is compared with every signature, so that the time taken does not tell which fits.
    for index, key in enumerate(keys):
        expected = sign(msg_id, timestamp, body, key).encode()
        for signature in given:
            if hmac.compare_digest(expected, signature) and hit is None:
                hit = index
    if hit is None:
        raise BadSignature(
            401, "signature-mismatch", "No signature matches the message and an active key."
        )
    return hit


def sign(msg_id: str, timestamp: int, body: bytes, key: bytes) -> str:
    """`v1,…` for the header `webhook-signature`; `timestamp` in Unix seconds.

    ValueError for an id that could be mistaken for the rest of the signed text.
    """
    if not _ID.fullmatch(msg_id):
        raise ValueError(f"{msg_id!r} cannot be a webhook-id")
    signed = hmac.digest(key, f"{msg_id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(signed).decode()


def new_secret() -> str:
    """A fresh `whsec_…` of 32 random bytes, to be shown to the courier once."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key in `whsec_…`. ValueError unless it is base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is base64") from error
    if not secret.startswith(_PREFIX) or not MIN_SECRET <= len(key) <= MAX_SECRET:
        raise ValueError(f"a webhook secret is {_PREFIX} and {MIN_SECRET} to {MAX_SECRET} bytes")
    return key


def _read(headers: Mapping[str, str]) -> tuple[str, int, list[bytes]]:
    named = {name.lower(): value for name, value in headers.items()}
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    missing = [name for name in names if name not in named]
    if missing:
        raise BadSignature(400, "header-missing", f"Missing: {', '.join(missing)}.")
    msg_id, timestamp, signature = (named[name] for name in names)
    if not _ID.fullmatch(msg_id):
        raise BadSignature(400, "header-invalid", "webhook-id is 1 to 64 of A-Z a-z 0-9 _ -.")
    # "007" would be signed as "7" by us: leading zeros are refused by the signature, not here.
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature(400, "header-invalid", "webhook-timestamp is Unix seconds, digits only.")
    given = [part.encode("utf-8", "surrogatepass") for part in signature.split()]
    if not 1 <= len(given) <= MAX_SIGNATURES:
        raise BadSignature(
            400, "header-invalid", f"webhook-signature holds 1 to {MAX_SIGNATURES} signatures."
        )
    return msg_id, int(timestamp), given
