"""Code 128 and QR as SVG: one path each, so that no renderer leaves hairlines between modules."""

from collections.abc import Iterable
from dataclasses import dataclass

import segno
from barcode import Code128

QUIET_BARS, QUIET_QR = 10, 4  # modules of white the standards ask for around the symbol


@dataclass(frozen=True)
class Symbol:
    """A drawing `modules` wide, quiet zone included, to be stretched to a whole number of dots."""

    svg: str
    modules: int


def code128(text: str) -> Symbol:
    """Bars for printable ASCII; ValueError for anything else, as it could not be scanned back."""
    if not text or not (text.isascii() and text.isprintable()):
        raise ValueError(f"{text!r} cannot be written in Code 128")
    (modules,) = Code128(text).build()
    return _symbol([[module == "1" for module in modules]], QUIET_BARS, 0)


def qr(text: str) -> Symbol:
    """A QR code that survives losing 15 % of itself (level M)."""
    matrix = segno.make(text, error="m", micro=False, boost_error=False).matrix
    return _symbol([[bool(module) for module in row] for row in matrix], QUIET_QR, QUIET_QR)


def _symbol(rows: list[list[bool]], quiet_x: int, quiet_y: int) -> Symbol:
    width, height = len(rows[0]) + 2 * quiet_x, len(rows) + 2 * quiet_y
    path = "".join(
        f"M{start + quiet_x} {y + quiet_y}h{end - start}v1h{start - end}z"
        for y, row in enumerate(rows)
        for start, end in _runs(row)
    )
    return Symbol(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'preserveAspectRatio="none"><path d="{path}"/></svg>',
        width,
    )


def _runs(row: list[bool]) -> Iterable[tuple[int, int]]:
    """Where each stretch of dark modules starts and ends."""
    edges = [x for x, (a, b) in enumerate(zip([False, *row], [*row, False], strict=True)) if a != b]
    return zip(edges[::2], edges[1::2], strict=True)
