"""What a label says, cleaned and broken into lines: the same for every size and format."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Any

from logistics import barcodes, s10
from logistics.countries import COUNTRY_NAMES

# Chinese, Japanese and Korean share characters but draw them differently.
_CJK = {"JP": "JP", "KR": "KR", "TW": "TC", "HK": "HK", "MO": "HK"}
# Where the post code follows the town; elsewhere it leads.
_CODE_LAST = frozenset({"AU", "CA", "GB", "IE", "IN", "NZ", "US", "SA", "AE"})
# Where, in the local script, the province stands before the town.
_LARGE_FIRST = frozenset({"CN", "JP", "KR", "TW"})
_LONGEST_LINE = 90  # characters; what is longer could only be printed unreadably small
_LONGEST_WORD = 18
# Characters that reorder the text after them: an address must not be able to turn a line around.
_BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
_EMOJI = "\U0001f000-\U0001faff\ufe0f"
_UNPRINTED = re.compile(f"[{_BIDI_CONTROLS}{_EMOJI}]")


@dataclass(frozen=True)
class Party:
    """Who sends or receives. `country` is ISO 3166 alpha-2; a sender's phone is not printed."""

    name: str
    lines: tuple[str, ...]
    city: str
    region: str
    postal_code: str
    country: str
    phone: str = ""


@dataclass(frozen=True)
class LabelSpec:
    """What one label says. `tracking_number` and `qr_text` are what the scanners read.

    `code` is what a clerk types when the scan of the QR code fails.
    """

    rma_number: str
    order_number: str
    tracking_number: str
    courier_name: str
    service: str
    sender: Party
    recipient: Party
    issued_on: date
    last_use_on: date
    qr_text: str
    code: str
    weight_limit_g: int


def content(spec: LabelSpec) -> dict[str, Any]:
    """All that is printed, as plain data: a line is its `text` and whether it reads `rtl`.

    Raises ValueError when the number cannot be a Code 128.
    """
    bars, qr = barcodes.code128(spec.tracking_number), barcodes.qr(spec.qr_text)
    return {
        "courier": _line(spec.courier_name),
        "service": _line(spec.service),
        "sender": _address(spec.sender, phone=""),
        "recipient": _address(spec.recipient, phone=spec.recipient.phone),
        "rma": _line(spec.rma_number),
        "order": _line(spec.order_number),
        "weight": _line(f"{spec.weight_limit_g / 1000:g} kg"),
        "issued": _line(spec.issued_on.isoformat()),
        "last_use": _line(spec.last_use_on.isoformat()),
        "tracking": _line(_readable(spec.tracking_number)),
        "bars": {"svg": bars.svg, "modules": bars.modules},
        "code": _line(spec.code),
        "qr": {"svg": qr.svg, "modules": qr.modules},
        "issued_on": [spec.issued_on.year, spec.issued_on.month, spec.issued_on.day],
    }


def _readable(number: str) -> str:
    if s10.is_valid(number):
        return s10.grouped(number)
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _address(party: Party, phone: str) -> dict[str, Any]:
    town = [party.city, party.region] if party.region != party.city else [party.city]
    if party.country in _LARGE_FIRST and not party.city.isascii():
        town.reverse()
    parts = (
        [*town, party.postal_code] if party.country in _CODE_LAST else [party.postal_code, *town]
    )
    lines = [_line(line) for line in party.lines if line.strip()]
    return {
        "name": _line(party.name),
        "lines": lines,
        "city": _line(" ".join(part for part in parts if part)),
        "country": _line(COUNTRY_NAMES.get(party.country, party.country).upper()),
        "phone": _line(f"Tel. {phone}" if phone else ""),
        "rtl": bool(lines) and lines[0]["rtl"],
        "cjk": f"Noto Sans CJK {_CJK.get(party.country, 'SC')}",
    }


def _line(text: str) -> dict[str, Any]:
    """One printable line that can be broken anywhere sensible, and which way it reads."""
    text = " ".join(_UNPRINTED.sub("", text).split())
    text = "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"})
    if len(text) > _LONGEST_LINE:
        text = text[: _LONGEST_LINE - 1] + "…"
    strong = (unicodedata.bidirectional(c) for c in text)
    rtl = next((kind in {"R", "AL"} for kind in strong if kind in {"L", "R", "AL"}), False)
    return {"text": re.sub(rf"(\S{{{_LONGEST_WORD}}})(?=\S)", "\\1\u200b", text), "rtl": rtl}
