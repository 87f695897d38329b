"""What drawing a label costs: ours, from the parcel's facts to bytes, against Typst alone."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import typst

from logistics.labels import LabelSpec, Party, Sheet, render
from logistics.labels.content import content
from logistics.labels.page import FONT_PACKAGES, GRID, TEMPLATE
from logistics.states import LabelFormat, LabelSize
from tests.bench.report import Row, seconds, span

LABEL = LabelSpec(
    rma_number="R-2026-000123",
    order_number="ORD-8841-220",
    tracking_number="",
    courier_name="InPost",
    service="Locker drop-off 24/7",
    sender=Party("Zażółć Gęślą-Jaźń", ("Świętokrzyska 14/7",), "Warszawa", "", "00-050", "PL"),
    recipient=Party(
        "Returns Centre Poznań",
        ("ul. Żurawia 12", "Hala 3, rampa B"),
        "Poznań",
        "",
        "60-860",
        "PL",
        "+48 61 555 01 23",
    ),
    issued_on=date(2026, 11, 22),
    last_use_on=date(2026, 12, 2),
    qr_text="",
    code="K7Q2M-4XW9A",
    weight_limit_g=25_000,
)
_PNG = {"format": "png", "ppi": float(GRID)}
#: Each page, and what Typst alone is asked for beside it; ZPL is drawn without it.
PAGES: dict[str, tuple[Sheet, dict[str, Any]]] = {
    "PDF": (
        Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.PDF),
        {"format": "pdf", "pdf_standards": "a-2b"},
    ),
    "PNG, 203 dpi": (Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.PNG, GRID), _PNG),
    "ZPL, 203 dpi (beside the PNG)": (Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.ZPL, GRID), _PNG),
}


def run(*, labels: int, rounds: int) -> list[Row]:
    """Rows of a table: labels a second of one process, and of the compiler given the same text."""
    raw, specs = _compiler(), _specs()
    rows: list[Row] = [("A 4×6 label", "takes ×", "labels/s", "raw Typst/s")]
    for name, (sheet, options) in PAGES.items():
        ours, theirs = [], []
        for turn in range(rounds + 1):
            draw = [partial(render, next(specs), sheet) for _ in range(labels)]
            compile_ = [
                partial(raw.compile, sys_inputs=_inputs(next(specs)), **options)
                for _ in range(labels)
            ]
            times = _rate(compile_), _rate(draw)
            # The first reads fonts.
            if turn:
                theirs.append(times[0])
                ours.append(times[1])
        takes = [a / b for a, b in zip(theirs, ours, strict=True)]
        rows.append((name, span(takes, ".2f"), span(ours, ".1f"), span(theirs, ".1f")))
    return rows


def _rate(draws: list[Callable[[], object]]) -> float:
    return len(draws) / seconds(lambda: [draw() for draw in draws])


def _specs() -> Iterator[LabelSpec]:
    """Labels with a number of their own each: the compiler remembers what it has set."""
    for n in count(1):
        number = f"RX{n:09}PL"
        yield replace(
            LABEL, tracking_number=number, qr_text=f"https://r.shop.example/d/{number}?t=K7Q2M4XW9A"
        )


def _inputs(spec: LabelSpec) -> dict[str, str]:
    said = content(spec) | {"size": str(LabelSize.FOUR_BY_SIX), "dpi": GRID}
    return {"label": json.dumps(said, ensure_ascii=False)}


def _compiler() -> typst.Compiler:
    fonts = [Path(str(files(package))) for package in FONT_PACKAGES]
    return typst.Compiler(
        TEMPLATE, root=TEMPLATE.parent, font_paths=fonts, ignore_system_fonts=True
    )
