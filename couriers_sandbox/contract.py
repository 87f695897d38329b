"""The contract with the back office, as a partner's engineer would write it down."""

import base64
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

TOLERANCE = 300  # seconds, either way
MAX_BATCH = 100  # events a message
#: Waits after each failed try of a message; after the last it is given up (75 h in all).
WAITS = tuple(
    timedelta(seconds=wait)
    for wait in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)


def signature(message_id: str, stamp: int, body: bytes, secret: str) -> str:
    """`v1,…` of Standard Webhooks, with a secret as it was handed over (`whsec_…`)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def signed(message_id: str, stamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers of a message of ours."""
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(message_id, stamp, body, secret),
    }


def is_signed(
    body: bytes, headers: Mapping[str, str], secrets: Iterable[str], now: datetime
) -> bool:
    """Whether a message is from the back office: names of headers in small letters."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()
    if not (stamp.isascii() and stamp.isdecimal() and given):
        return False
    if abs(now.timestamp() - int(stamp)) > TOLERANCE:
        return False
    wanted = [signature(message_id, int(stamp), body, secret) for secret in secrets]
    # Both as bytes: a header may hold anything.
    return any(
        hmac.compare_digest(one.encode(), other.encode()) for one in wanted for other in given
    )


def told(moment: datetime) -> str:
    """A moment as messages carry it: RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat()


def moment(text: str) -> datetime:
    """A moment that a message carries. Raises ValueError without an offset."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return read.astimezone(UTC)


def hours(window: Mapping[str, str]) -> tuple[datetime, datetime]:
    """A pick-up's window in UTC: it is told as a day and hours on the wall, with their zone."""
    day, zone = datetime.fromisoformat(window["date"]).date(), ZoneInfo(window["tz"])
    start, end = (
        datetime.combine(day, time.fromisoformat(window[name]), zone).astimezone(UTC)
        for name in ("start", "end")
    )
    return start, end
