"""Every problem a courier can be answered with: its code, status, title, and what to do about it.

The one list: answers are made from it, and so are the pages under /problems/.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One kind of refusal (RFC 9457). `todo` is for the courier's engineer, in a sentence or two.

    `retry`: the same message may be sent again, later or with a new signature.
    """

    code: str
    status: int
    title: str
    todo: str
    retry: bool = False


_ALL = (
    Problem(
        "header-missing",
        400,
        "Signature header missing",
        "Send webhook-id, webhook-timestamp and webhook-signature with every message.",
    ),
    Problem(
        "header-invalid",
        400,
        "Signature header invalid",
        "The id is 1 to 64 of A-Z a-z 0-9 _ -, the timestamp Unix seconds in digits, and there "
        "are at most 8 signatures, each v1, and base64, between blanks.",
    ),
    Problem(
        "body-not-json",
        400,
        "Body is not a JSON object",
        "Send one JSON object in UTF-8, and sign exactly the bytes that are sent.",
    ),
    Problem(
        "signature-mismatch",
        401,
        "Signature does not match",
        "Sign id.timestamp.body with the secret that is in force, over the raw bytes. The path "
        "may name another courier than the secret does. Put right, it may be sent again.",
        retry=True,
    ),
    Problem(
        "timestamp-out-of-tolerance",
        401,
        "Webhook timestamp outside tolerance",
        "Set your clock (server_time is ours) and sign each attempt with its own time.",
        retry=True,
    ),
    Problem(
        "read-key-unknown",
        401,
        "Read key unknown",
        "Send Authorization: Bearer and a read key of this courier that was not revoked.",
    ),
    Problem(
        "courier-suspended",
        403,
        "Courier suspended",
        "Your reports are not taken for now. Call us; keep them and send them again afterwards.",
        retry=True,
    ),
    Problem(
        "ip-not-allowed",
        403,
        "Address not allowed",
        "You call from outside the networks you named to us. Call us to add the new one.",
        retry=True,
    ),
    Problem(
        "unknown-parcel",
        404,
        "No such parcel",
        "Check the number: we gave it to no parcel of yours.",
    ),
    Problem(
        "method-not-allowed",
        405,
        "Method not allowed",
        "Use the method in the header Allow.",
    ),
    Problem(
        "webhook-id-reused",
        409,
        "webhook-id was used for another body",
        "Give a message with another content an id of its own; a repetition keeps id and body.",
    ),
    Problem(
        "credentials-retired",
        410,
        "Credentials retired",
        "The secret you sign with was ended for good and no other is in force. Stop sending; "
        "call us for a new one.",
    ),
    Problem(
        "body-too-large",
        413,
        "Body too large",
        "A message is at most 256 KiB and 100 events: send several.",
    ),
    Problem(
        "unsupported-media-type",
        415,
        "Not application/json",
        "Send Content-Type: application/json.",
    ),
    Problem(
        "validation-failed",
        422,
        "Nothing in the message can be taken",
        "errors says where (a JSON Pointer, or ?name for a parameter) and what would be right. "
        "Put right, it is a new message with a new webhook-id.",
    ),
    Problem(
        "occurred-at-in-future",
        422,
        "Events from the future",
        "occurred_at is more than 24 hours ahead of us. Check the clock and the offset of where "
        "the scan was made.",
    ),
    Problem(
        "rate-limited",
        429,
        "Too many requests",
        "Wait as many seconds as Retry-After says. Put several events into one message.",
        retry=True,
    ),
    Problem(
        "maintenance",
        503,
        "Closed for maintenance",
        "Nothing was kept. Send the same message again after Retry-After.",
        retry=True,
    ),
    Problem(
        "overloaded",
        503,
        "Overloaded",
        "Nothing was kept. Send the same message again after Retry-After.",
        retry=True,
    ),
)
PROBLEMS: Mapping[str, Problem] = {problem.code: problem for problem in _ALL}
