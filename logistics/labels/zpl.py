"""A label in a Zebra printer's language: its own letters where it has them, else a picture.

Every field is hex-escaped (`^FH`), so that a name made of printer code is printed, never obeyed.
"""

import re
import zlib
from base64 import b64encode
from binascii import crc_hqx
from collections.abc import Iterator
from io import BytesIO
from textwrap import wrap
from typing import Any

from PIL import Image, ImageChops

from logistics.labels import page
from logistics.labels.content import LabelSpec, content
from logistics.states import LabelSize

# Bytes a printer reads as themselves in any field; all others travel as _ and two hex digits.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,-/:")
# What the fonts built into printers have; their Greek, Arabic or Chinese cannot be relied on.
_LATIN = re.compile("[ -~\u00a0-\u017f–—‘’“”…€]*")
# The width of a letter against its height: on average, in the condensed font all printers have.
_ASPECT = 0.58
# The narrowest bars and modules, in dots at 203 and at 300 to the inch: about half a millimetre.
_BAR, _MODULE = {203: 4, 300: 6}, {203: 5, 300: 7}

_WIDTH, _HEIGHT = 101.6, 152.4  # mm


def zpl(spec: LabelSpec, dpi: int) -> bytes:
    """The 4 × 6 inch label as UTF-8 ZPL II. ValueError when the number cannot be a Code 128."""
    said = content(spec)
    printer = _Printer(dpi)
    drawn = _drawn(said, spec, printer) if _is_latin(said) else [_picture(spec, dpi)]
    paper = f"^PW{printer.dots(_WIDTH)}^LL{printer.dots(_HEIGHT)}^LH0,0"
    return "\n".join(["^XA^CI28", paper, *drawn, "^PQ1^XZ", ""]).encode()


def escaped(text: str) -> str:
    """Field data under `^FH`: `^XZ` → `_5EXZ`. Anything survives, control characters too."""
    raw = text.encode("utf-8", "replace")
    return "".join(chr(byte) if byte in _PLAIN else f"_{byte:02X}" for byte in raw)


def _is_latin(said: dict[str, Any]) -> bool:
    return all(_LATIN.fullmatch(text) for text in _texts(said))


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, dict):
        if "rtl" in said and "text" in said:
            yield _text(said)
        else:
            for each in said.values():
                yield from _texts(each)
    elif isinstance(said, list):
        for each in said:
            yield from _texts(each)


def _text(line: dict[str, Any]) -> str:
    """The line without the places where the page may break it."""
    return str(line["text"]).replace("\u200b", "")


class _Printer:
    """Fields at places in mm, as ZPL of so many dots to the inch."""

    def __init__(self, dpi: int) -> None:
        self.dpi = dpi

    def dots(self, mm: float) -> int:
        return round(mm * self.dpi / 25.4)

    def text(self, x: float, y: float, height: float, text: str, *, white: bool = False) -> str:
        font = f"^A0N,{self.dots(height)},{self.dots(height)}"
        return f"{self._at(x, y)}{'^FR' if white else ''}{font}^FH_^FD{escaped(text)}^FS"

    def fitted(self, x: float, y: float, width: float, height: float, text: str) -> str:
        """One line, smaller where it would be wider than this."""
        fits = min(height, width / max(1, len(text)) / _ASPECT)
        return self.text(x, y, fits, text)

    def box(self, x: float, y: float, width: float, height: float) -> str:
        wide, high = self.dots(width), self.dots(height)
        return f"{self._at(x, y)}^GB{wide},{high},{min(wide, high)}^FS"

    def bars(self, y: float, height: float, number: str, modules: int) -> str:
        """Code 128 in the middle of the paper; `>` would change its alphabet."""
        module = min(_BAR[self.dpi], (self.dots(_WIDTH) - 16) // modules)
        x = (self.dots(_WIDTH) - module * modules) // 2 + 10 * module
        data = escaped(number.replace(">", ">0"))
        return f"^FO{x},{self.dots(y)}^BY{module}^BCN,{self.dots(height)},N,N,N,A^FH_^FD{data}^FS"

    def qr(self, right: float, y: float, text: str, modules: int) -> str:
        """A QR code of level M whose dark part ends at `right`; printers lower it by ten dots."""
        module = min(_MODULE[self.dpi], self.dots(31) // modules)
        x = self.dots(right) - module * (modules - 8)
        return f"^FO{x},{self.dots(y) - 10}^BQN,2,{module}^FH_^FDMA,{escaped(text)}^FS"

    def _at(self, x: float, y: float) -> str:
        return f"^FO{self.dots(x)},{self.dots(y)}"


def _drawn(said: dict[str, Any], spec: LabelSpec, printer: _Printer) -> list[str]:
    """The same label as on the page, as the printer's own letters and symbols."""
    word = {name: _text(line) for name, line in said.items() if "rtl" in line and "text" in line}
    return [
        printer.text(4, 4, 11, "RETURN"),
        printer.fitted(56, 4, 41, 5.5, word["courier"]),
        printer.fitted(56, 10, 41, 3.5, word["service"]),
        printer.box(4, 15.6, 93.6, 6),
        printer.text(10, 16.8, 3.9, "POSTAGE PREPAID - NO STAMP NEEDED", white=True),
        printer.text(4, 24, 2.5, "FROM"),
        *_block(said["sender"], printer, x=4, y=27.5, width=58, room=27, height=3.6),
        printer.qr(97.6, 24.4, spec.qr_text, said["qr"]["modules"]),
        printer.fitted(75, 50.5, 22.6, 3, word["code"]),
        printer.box(4, 56, 93.6, 0.6),
        printer.box(4, 58.6, 8.6, 5),
        printer.text(5.4, 59.2, 4, "TO", white=True),
        *_block(said["recipient"], printer, x=16, y=58.2, width=81, room=37, height=5),
        printer.box(4, 97, 93.6, 0.6),
        *_fact(printer, 4, 99, 45, 5, "RETURN NO. (RMA)", word["rma"]),
        *_fact(printer, 52, 99, 45, 5, "ORDER", word["order"]),
        printer.box(4, 108.8, 93.6, 0.3),
        *_fact(printer, 4, 110, 28, 4.2, "USE BY", word["last_use"]),
        *_fact(printer, 52, 110, 24, 4.2, "ISSUED", word["issued"]),
        *_fact(printer, 79, 110, 18, 4.2, "MAX. WEIGHT", word["weight"]),
        printer.box(4, 118.8, 93.6, 0.6),
        printer.bars(121.2, 20, spec.tracking_number, said["bars"]["modules"]),
        printer.fitted(20, 143, 62, 6, word["tracking"]),
    ]


def _fact(
    printer: _Printer, x: float, y: float, width: float, height: float, title: str, value: str
) -> list[str]:
    return [printer.text(x, y, 2.2, title), printer.fitted(x, y + 3, width, height, value)]


def _block(
    party: dict[str, Any],
    printer: _Printer,
    *,
    x: float,
    y: float,
    width: float,
    room: float,
    height: float,
) -> Iterator[str]:
    """An address, set smaller until it fits; what does not fit even then is cut."""
    parts = [party["name"], *party["lines"], party["city"], party["country"], party["phone"]]
    texts = [text for part in parts if (text := _text(part))]
    while height > 2 and len(_lines(texts, width, height)) * height * 1.15 > room:
        height *= 0.93
    for n, line in enumerate(_lines(texts, width, height)[: int(room / height / 1.15)]):
        yield printer.text(x, y + n * height * 1.15, height, line)


def _lines(texts: list[str], width: float, height: float) -> list[str]:
    letters = max(8, int(width / height / _ASPECT))
    return [line for text in texts for line in wrap(text, letters)]


def _picture(spec: LabelSpec, dpi: int) -> str:
    """The page as dots: compressed, in base 64, with the check sum printers ask for."""
    drawn = Image.open(BytesIO(page.png(spec, LabelSize.FOUR_BY_SIX, dpi)))
    dots = ImageChops.invert(drawn.convert("1")).tobytes()
    data = b64encode(zlib.compress(dots, 9))
    row = (drawn.width + 7) // 8
    size = f"{len(dots)},{len(dots)},{row}"
    return f"^FO0,0^GFA,{size},:Z64:{data.decode()}:{crc_hqx(data, 0):04X}^FS"
