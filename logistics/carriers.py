"""Couriers that buyers post with: what they are called, and which tracking numbers can be wrong.

A number is refused only where its format is known and its check digit disagrees. Digits alone are
a format only together with the courier's name: any twelve digits might be somebody's number.

Formats and check digits: UPU S10, and github.com/jkeen/tracking_number_data (MIT), whose valid and
invalid numbers are the tests' vectors.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from logistics import s10
from logistics.countries import COUNTRY_NAMES

UPS, USPS, FEDEX, DHL = "UPS", "United States Postal Service", "FedEx", "DHL"
# What buyers write → what it is called here; in lower case, letters and digits only.
_NAMES = {
    "auspost": "Australia Post",
    "australiapost": "Australia Post",
    "canadapost": "Canada Post",
    "chronopost": "La Poste",
    "colissimo": "La Poste",
    "correosdechile": "Correos de Chile",
    "deutschepost": "Deutsche Post",
    "dhl": DHL,
    "dhlexpress": DHL,
    "dpd": "DPD",
    "evri": "Evri",
    "federalexpress": FEDEX,
    "fedex": FEDEX,
    "gls": "GLS",
    "inpost": "InPost",
    "israelpost": "Israel Post",
    "japanpost": "Japan Post",
    "koreapost": "Korea Post",
    "laposte": "La Poste",
    "parcelforce": "Royal Mail",
    "postch": "Swiss Post",
    "posteitaliane": "Poste Italiane",
    "ppl": "PPL",
    "royalmail": "Royal Mail",
    "swisspost": "Swiss Post",
    "unitedparcelservice": UPS,
    "unitedstatespostalservice": USPS,
    "ups": UPS,
    "usps": USPS,
    "uspostalservice": USPS,
}


class WrongNumber(ValueError):
    """The format is known, and the number was mistyped."""


@dataclass(frozen=True)
class Posted:
    """With whom, under which number, and in which format the number was recognised: "" for none."""

    courier: str
    number: str
    format: str


@dataclass(frozen=True)
class _Format:
    name: str
    courier: str  # empty: it cannot be mistaken, whatever courier was named
    written: re.Pattern[str]
    holds: Callable[[str], bool]


def posted(courier: str, number: str) -> Posted:
    """What the buyer typed, in one spelling. WrongNumber when its check digit is wrong.

    ValueError when either is missing; what nobody knows is kept as it was typed.
    """
    name = courier_name(courier)
    typed = "".join(number.split()).upper()
    if not name or not 4 <= len(typed) <= 40 or not typed.isascii() or not typed.isprintable():
        raise ValueError("the courier's name and the tracking number are needed (R22)")
    bare = re.sub(r"[-./]", "", typed)
    for known in _FORMATS:
        if known.courier in ("", name) and known.written.fullmatch(bare):
            if not known.holds(bare):
                raise WrongNumber(
                    f"the check digit of this {known.name} number is wrong: you typed {typed}. "
                    "Please compare it with your receipt."
                )
            return Posted(name, bare, known.name)
    return Posted(name, typed, "")


def courier_name(typed: str) -> str:
    """One name for a courier we know, in whatever way it was typed; else as typed."""
    spaced = " ".join(typed.split())[:80]
    return _NAMES.get(re.sub(r"[^a-z0-9]", "", spaced.casefold()), spaced)


def _ups(number: str) -> bool:
    """1Z and 16 letters and digits: those in even places count twice."""
    values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in number[2:]]
    total = sum(value * (2 if place % 2 else 1) for place, value in enumerate(values[:-1]))
    return -total % 10 == values[-1]


def _mod_10(number: str) -> bool:
    """As on GS1's numbers: from the right, every other digit counts three times."""
    digits = [int(c) for c in reversed(number)]
    return sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


def _usps_20(number: str) -> bool:
    # A number printed without its first two digits is checked with them.
    return _mod_10(number) or _mod_10(f"91{number}")


def _fedex_12(number: str) -> bool:
    weights = (3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)
    total = sum(int(c) * weight for c, weight in zip(number[:-1], weights, strict=True))
    return total % 11 % 10 == int(number[-1])


def _dhl(number: str) -> bool:
    return int(number[:-1]) % 7 == int(number[-1])


_FORMATS = (
    # Letters and digits that end in no country's code are another format's.
    _Format(
        "S10", "", re.compile(f"[A-Z]{{2}}[0-9]{{9}}(?:{'|'.join(COUNTRY_NAMES)})"), s10.is_valid
    ),
    _Format("UPS", "", re.compile(r"1Z[A-Z0-9]{15}[0-9]"), _ups),
    _Format("USPS", USPS, re.compile(r"[0-9]{20}"), _usps_20),
    _Format("USPS", USPS, re.compile(r"9[1-5][0-9]{20}"), _mod_10),
    _Format("FedEx", FEDEX, re.compile(r"[0-9]{12}"), _fedex_12),
    _Format("FedEx", FEDEX, re.compile(r"[0-9]{15}"), _mod_10),
    _Format("FedEx", FEDEX, re.compile(r"[0-9]{20}"), lambda number: _mod_10(f"92{number}")),
    _Format("DHL", DHL, re.compile(r"[0-9]{10}"), _dhl),
)
