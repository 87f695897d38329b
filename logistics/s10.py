"""S10 numbers: the thirteen characters the world's posts put on a parcel (UPU standard S10)."""

import re

_S10 = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_SERIAL = re.compile(r"[0-9]{8}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def check_digit(serial: str) -> str:
    """The ninth digit for eight digits. ValueError for anything else than eight ASCII digits."""
    if not _SERIAL.fullmatch(serial):
        raise ValueError(f"an S10 serial is eight digits, not {serial!r}")
    digit = 11 - sum(w * int(d) for w, d in zip(_WEIGHTS, serial, strict=True)) % 11
    return {10: "0", 11: "5"}.get(digit, str(digit))


def tracking_number(prefix: str, serial: int, country: str) -> str:
    """`RX`, 47312482, `PL` → `RX473124829PL`. ValueError when they make no S10 number."""
    digits = f"{serial:08d}"
    number = f"{prefix}{digits}{check_digit(digits)}{country}"
    if not _S10.fullmatch(number):
        raise ValueError(f"{prefix!r} and {country!r} must each be two capital letters")
    return number


def is_valid(number: str) -> bool:
    """Whether it is written as S10 says and its check digit agrees."""
    return bool(_S10.fullmatch(number)) and number[10] == check_digit(number[2:10])


def grouped(number: str) -> str:
    """`RX 473 124 829 PL`, as people read it aloud. ValueError when it is not an S10 number."""
    if not is_valid(number):
        raise ValueError(f"{number!r} is not an S10 number")
    return " ".join((number[:2], number[2:5], number[5:8], number[8:11], number[11:]))
