"""A label drawn by Typst, in its addresses' own scripts: PDF, PNG and SVG."""

import json
import os
import threading
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
from PIL import Image

from logistics.labels.content import LabelSpec, content
from logistics.states import LabelSize

TEMPLATE = Path(__file__).parents[1] / "templates" / "logistics" / "label.typ"
FONT_PACKAGES = (
    "fontpkg_noto_sans",
    "fontpkg_noto_sans_arabic",
    "pylopdf_fonts_he",
    "manimgx_fonts_cjk",
)
#: What is drawn without dots of its own lies on those that label printers have.
GRID = 203
_DARK = 150  # of 255: what is greyer than this is white on paper

_one_at_a_time = threading.Lock()


def pdf(spec: LabelSpec, size: LabelSize) -> bytes:
    """One page as PDF/A-2b; a plain PDF with a box in it where no font has a character."""
    try:
        return _compile(spec, size, GRID, format="pdf", pdf_standards="a-2b")
    except typst.TypstError:
        # PDF/A refuses a character that no font has. The codes carry the parcel all the same, so a
        # box on the paper is better than no label.
        return _compile(spec, size, GRID, format="pdf")


def svg(spec: LabelSpec, size: LabelSize) -> bytes:
    """One page whose letters are shapes: it looks the same wherever it is shown."""
    return _compile(spec, size, GRID, format="svg")


def png(spec: LabelSpec, size: LabelSize, dpi: int) -> bytes:
    """One page of black and white dots, as many to the inch as the printer has."""
    drawn = Image.open(BytesIO(_compile(spec, size, dpi, format="png", ppi=float(dpi))))
    dots = drawn.convert("L").point(lambda grey: 255 if grey > _DARK else 0, "1")
    out = BytesIO()
    # Without `optimize`: it takes as long as drawing the page, for 5 % of the bytes.
    dots.save(out, "PNG", dpi=(dpi, dpi))
    return out.getvalue()


def _compile(spec: LabelSpec, size: LabelSize, dpi: int, **options: Any) -> bytes:
    said = content(spec) | {"size": str(size), "dpi": dpi}
    inputs = {"label": json.dumps(said, ensure_ascii=False)}
    # The compiler holds the inputs of one label at a time.
    with _one_at_a_time:
        compiler, pid = _compiler()
        # Its threads do not survive a fork: the child would wait for them for ever.
        if pid != os.getpid():
            raise RuntimeError("this process was forked after its parent rendered a label")
        page = compiler.compile(sys_inputs=inputs, **options)
    if not isinstance(page, bytes):
        raise RuntimeError("a label is one page")
    return page


@cache
def _compiler() -> tuple[typst.Compiler, int]:
    fonts = [Path(str(files(package))) for package in FONT_PACKAGES]
    compiler = typst.Compiler(
        TEMPLATE, root=TEMPLATE.parent, font_paths=fonts, ignore_system_fonts=True
    )
    return compiler, os.getpid()
