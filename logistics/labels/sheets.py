"""Which pages there are of a label, and who draws each."""

from dataclasses import dataclass

from logistics.labels import page, zpl
from logistics.labels.content import LabelSpec
from logistics.states import LabelFormat, LabelSize

DPI = (203, 300)
#: In dots: how finely a format is drawn; one without dots is drawn at none.
_RESOLUTIONS = {
    LabelFormat.PDF: (0,),
    LabelFormat.SVG: (0,),
    LabelFormat.PNG: DPI,
    LabelFormat.ZPL: DPI,
}
_PAPER = frozenset({LabelSize.FOUR_BY_SIX, LabelSize.A6, LabelSize.A4})
_SIZES = {
    LabelFormat.PDF: _PAPER,
    LabelFormat.PNG: _PAPER | {LabelSize.QR},
    LabelFormat.ZPL: frozenset({LabelSize.FOUR_BY_SIX}),
    LabelFormat.SVG: frozenset({LabelSize.QR}),
}


@dataclass(frozen=True)
class Sheet:
    """One page that can be asked for. Raises ValueError for one that is not drawn."""

    size: LabelSize
    format: LabelFormat
    dpi: int = 0

    def __post_init__(self) -> None:
        sizes = sorted(_SIZES[self.format])
        if self.size not in sizes:
            raise ValueError(f"{self.format} is drawn in the sizes {', '.join(sizes)}")
        if self.dpi not in _RESOLUTIONS[self.format]:
            dots = " or ".join(str(dpi) for dpi in _RESOLUTIONS[self.format] if dpi)
            raise ValueError(f"{self.format} has {dots or 'no'} dpi")

    @property
    def name(self) -> str:
        """What tells it from the label's other pages: `4x6.pdf`, `a6-203.png`."""
        return f"{self.size}{f'-{self.dpi}' if self.dpi else ''}.{self.format}"

    @property
    def content_type(self) -> str:
        return {
            LabelFormat.PDF: "application/pdf",
            LabelFormat.PNG: "image/png",
            LabelFormat.SVG: "image/svg+xml",
            LabelFormat.ZPL: "application/zpl",
        }[self.format]


#: The page that is drawn before anybody asks.
FIRST = Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.PDF)
#: All there are, in the order they are offered.
SHEETS = tuple(
    Sheet(size, format_, dpi)
    for size in LabelSize
    for format_ in LabelFormat
    if size in _SIZES[format_]
    for dpi in _RESOLUTIONS[format_]
)


def render(spec: LabelSpec, sheet: Sheet = FIRST) -> bytes:
    """The page's bytes. ValueError when the number cannot be a Code 128.

    A character that none of our fonts has leaves a box, and a PDF that is not PDF/A (`is_whole`).

    The first label of a process reads the fonts (about 110 MB): render in workers that do not fork.
    """
    if sheet.format == LabelFormat.PDF:
        return page.pdf(spec, sheet.size)
    if sheet.format == LabelFormat.SVG:
        return page.svg(spec, sheet.size)
    if sheet.format == LabelFormat.PNG:
        return page.png(spec, sheet.size, sheet.dpi)
    return zpl.zpl(spec, sheet.dpi)


def is_whole(pdf: bytes) -> bool:
    """Whether a PDF of ours has every character: only then is it PDF/A."""
    return b"pdfaid:part" in pdf
