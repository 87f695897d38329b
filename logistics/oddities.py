"""What does not fit about a parcel, in sentences for the person who must look at it."""

from datetime import datetime
from typing import NamedTuple


class Finding(NamedTuple):
    """Something for the list: which kind, its sentence, and the event (or thing) it is about."""

    code: str
    text: str
    about: str


#: `{what}` is a report in words: "“Delivered” of 3 March 2026, 10:00 UTC, Lyon".
SENTENCES = {
    "after-delivered": "{what} came after the delivery. It moves nothing: ask where the parcel is.",
    "after-returned-to-customer": (
        "{what} came after the parcel was brought back to the buyer. It moves nothing: "
        "ask the courier who holds it."
    ),
    "after-cancelled": "{what} is a scan of a cancelled label: the parcel travels all the same.",
    "after-expired": "{what} is a scan of an expired label: the parcel travels all the same.",
    "before-label": "{what} is dated before the label was made: a wrong clock, or a used number.",
    "unknown-code": "{what}: the courier sent a code that is none of the twenty. Read it.",
    "event-id-reused": "The courier gave one id to two reports. The first counts: {what}.",
    "void-of-unknown": "The courier takes back a report we never got: nothing changed. {what}.",
    "final-voided": (
        "The courier takes back {what}. Whatever was decided or paid on it stands: "
        "nothing is taken back by itself."
    ),
    "first-scan-voided": (
        "The courier takes back its only scan, but the return counts as handed over since "
        "{since}. Refund: {money}. Nothing is taken back by itself."
    ),
    "not-handed-over": "{what} says handed over, but the return is “{state}”.",
    "not-received": "{what} says it arrived, but the return is “{state}”.",
    "not-now": "{what} does not fit: {why}.",
    "not-projected": "The reports cannot be worked out and wait for a developer: {why}.",
}
#: Found anew whenever the parcel is worked out: found no more, it is resolved. What is not here
#: was told once and stays until a person closes it or the courier takes the report back.
RECOMPUTED = SENTENCES.keys() - {"not-now"}


def finding(code: str, about: str, **facts: str) -> Finding:
    """The finding with its sentence."""
    text = SENTENCES[code].format(**facts)
    return Finding(code, text[:1].upper() + text[1:], about)


def in_words(label: str, occurred_at: datetime, place: str) -> str:
    """A report in words, its time in UTC."""
    where = f", {place}" if place else ""
    return f"“{label}” of {moment(occurred_at)}{where}"


def moment(at: datetime) -> str:
    """A moment in words, as the desk reads it everywhere: in UTC."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
