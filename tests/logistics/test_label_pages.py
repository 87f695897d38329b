"""The pages of a label in all sizes and formats, for R21's 15 countries, as scanners read them."""

import re
import zlib
from base64 import b64decode
from binascii import crc_hqx
from contextlib import closing
from dataclasses import replace
from datetime import date
from io import BytesIO
from itertools import pairwise

import pypdfium2
import pytest
import typst
import zxingcpp
from PIL import Image, ImageChops

from logistics.labels import SHEETS, LabelSpec, Party, Sheet, is_whole, render
from logistics.labels.page import png
from logistics.labels.zpl import escaped
from logistics.states import LabelFormat, LabelSize

#: A buyer in each country of R21, as people there write their address; the number is made up.
BUYERS = {
    "AU": Party("Olivia O’Brien", ("14/222 Elizabeth St",), "Sydney", "NSW", "2000", "AU"),
    "CA": Party("Élise Côté", ("4005 rue St-Denis, app. 3",), "Montréal", "QC", "H2W 2M4", "CA"),
    "CL": Party("Ñusta Muñoz", ("Av. Providencia 1760, d. 81",), "Santiago", "", "7500000", "CL"),
    "FR": Party("Maëlle Lefèvre", ("12 bis, rue de l’Œillet",), "Besançon", "", "25000", "FR"),
    "IL": Party("יוסי כהן", ("רחוב הרצל 15, דירה 3",), "תל אביב-יפו", "", "6688312", "IL"),
    "IT": Party("Niccolò D’Aprà", ("Via dell’Università, 8",), "Forlì", "FC", "47121", "IT"),
    "MX": Party("Íñigo Núñez", ("Calle 5 de Mayo #20, Int. B",), "Mérida", "Yuc.", "97000", "MX"),
    "PL": Party("Zażółć Gęślą-Jaźń", ("Świętokrzyska 14/7",), "Łódź", "", "90-050", "PL"),
    "GB": Party("Siân Llŷr", ("Flat 2, 10 Heol y Tŵr",), "Cardiff", "", "CF10 1BH", "GB"),
    "US": Party("José Nuñez", ("350 5th Ave, Apt. 4-B",), "New York", "NY", "10118-0110", "US"),
    "CZ": Party("Růžena Dvořáková", ("Žitná 1670/42",), "Praha 2", "", "120 00", "CZ"),
    "JP": Party("山田 太郎", ("丸の内1-9-1", "パレス3号"), "千代田区", "東京", "100-0005", "JP"),
    "KR": Party("김민준", ("세종대로 110, 5층",), "중구", "서울특별시", "04524", "KR"),
    "CH": Party("Zoé Rüegg-Bœuf", ("Bahnhofstraße 12",), "Zürich", "", "8001", "CH"),
    "AE": Party("محمد عبد الله", ("شارع الشيخ زايد 15، شقة 203",), "دبي", "دبي", "12345", "AE"),
}  # fmt: skip
SELLER = Party("Kettle & Co.", ("Am Köllnischen Park 1",), "Berlin", "", "10179", "DE", "+49 30 1")


def label(country: str, **changes: object) -> LabelSpec:
    number = f"BA100000007{country}"
    made = LabelSpec(
        rma_number="RMA2026000123",
        order_number="ORD-8841-220",
        tracking_number=number,
        courier_name="The post",
        service="Return parcel",
        sender=BUYERS[country],
        recipient=SELLER,
        issued_on=date(2026, 11, 22),
        last_use_on=date(2026, 12, 2),
        qr_text=f"https://returns.shop.example/d/{number}?t=K7Q2M4XW9A",
        code="K7Q2M-4XW9A",
        weight_limit_g=20_000,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def expected(spec: LabelSpec) -> dict[str, str]:
    return {"Code 128": spec.tracking_number, "QR Code": spec.qr_text}


def codes(picture: Image.Image) -> dict[str, str]:
    return {str(code.format): code.text for code in zxingcpp.read_barcodes(picture.convert("L"))}


def printed(pdf: bytes, dpi: int = 203) -> Image.Image:
    """What a printer of that resolution makes of it: dots that are black or white."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        assert len(document) == 1
        grey: Image.Image = document[0].render(scale=dpi / 72).to_pil().convert("L")
    return grey.point(lambda value: 255 if value > 127 else 0)


countries = pytest.mark.parametrize("country", BUYERS)
papers = pytest.mark.parametrize("size", [LabelSize.FOUR_BY_SIX, LabelSize.A6, LabelSize.A4])


@countries
@papers
def test_a_scanner_reads_both_codes_of_every_page(country: str, size: LabelSize) -> None:
    """PDF printed at 203 dpi, and PNG; and no letter is missing, or the build fails."""
    spec = label(country)
    pdf = render(spec, Sheet(size, LabelFormat.PDF))
    assert is_whole(pdf)
    assert codes(printed(pdf)) == expected(spec)
    picture = Image.open(BytesIO(render(spec, Sheet(size, LabelFormat.PNG, 203))))
    assert (picture.mode, round(picture.info["dpi"][0])) == ("1", 203)
    assert codes(picture) == expected(spec)


@papers
def test_a_letter_that_no_font_has_is_found_out(size: LabelSize) -> None:
    """The detector of the test above: Thai is not among our fonts."""
    spec = label("FR", sender=replace(BUYERS["FR"], name="สมชาย"))
    assert not is_whole(render(spec, Sheet(size, LabelFormat.PDF)))


@pytest.mark.parametrize(
    ("size", "dpi", "dots"),
    [
        ("4x6", 203, (812, 1218)),
        ("4x6", 300, (1200, 1800)),
        ("a6", 300, (1240, 1748)),
        ("a4", 203, (1678, 2374)),
    ],
)
def test_a_picture_has_the_dots_of_its_paper(size: str, dpi: int, dots: tuple[int, int]) -> None:
    spec = label("CZ")
    picture = Image.open(BytesIO(png(spec, LabelSize(size), dpi)))
    assert picture.size == dots
    assert codes(picture) == expected(spec)


@pytest.mark.parametrize("dpi", [203, 300])
def test_every_bar_is_a_whole_number_of_the_printers_dots(dpi: int) -> None:
    picture = Image.open(BytesIO(png(label("CZ"), LabelSize.A6, dpi))).convert("L")
    row = [picture.getpixel((x, int(picture.height * 0.85))) for x in range(picture.width)]
    edges = [x for x in range(1, len(row)) if row[x] != row[x - 1]]
    widths = {b - a for a, b in pairwise(edges)}
    assert {width % min(widths) for width in widths} == {0}
    assert len(widths) <= 4


def test_the_code_for_the_counter_is_read_from_png_and_from_svg() -> None:
    spec = label("PL")
    code = {"QR Code": spec.qr_text}
    for dpi in (203, 300):
        picture = Image.open(BytesIO(render(spec, Sheet(LabelSize.QR, LabelFormat.PNG, dpi))))
        assert codes(picture) == code
    svg = render(spec, Sheet(LabelSize.QR, LabelFormat.SVG))
    shown = typst.compile(
        b"#set page(width: 60mm, height: 76mm, margin: 0pt)\n#image(bytes(sys.inputs.svg))",
        sys_inputs={"svg": svg.decode()},
        format="png",
        ppi=203.0,
    )
    picture = Image.open(BytesIO(shown))
    assert codes(picture) == code
    (found,) = zxingcpp.read_barcodes(picture.convert("L"))
    wide = found.position.top_right.x - found.position.top_left.x
    assert wide / 203 * 25.4 >= 20
    assert str(found.ec_level) == "M"


def test_the_code_for_the_counter_knows_nobody() -> None:
    """No personal data: the QR says an address of ours, and the page around it no name."""
    one, other = (label("PL", sender=BUYERS[who], recipient=BUYERS[who]) for who in ("PL", "US"))
    sheet = Sheet(LabelSize.QR, LabelFormat.SVG)
    assert render(one, sheet) == render(other, sheet)


@pytest.mark.parametrize(
    ("size", "format_", "dpi"),
    [
        ("qr", "pdf", 0),
        ("a4", "zpl", 203),
        ("4x6", "svg", 0),
        ("4x6", "png", 96),
        ("4x6", "pdf", 300),
    ],
)
def test_a_page_that_is_not_drawn_is_refused_in_words(size: str, format_: str, dpi: int) -> None:
    with pytest.raises(ValueError, match=r"sizes|dpi"):
        Sheet(LabelSize(size), LabelFormat(format_), dpi)


def test_every_page_is_the_same_bytes_twice() -> None:
    spec = label("AE")
    first = [render(spec, sheet) for sheet in SHEETS]
    render(label("JP"))
    assert [render(spec, sheet) for sheet in SHEETS] == first
    assert len(SHEETS) == len({sheet.name for sheet in SHEETS})


# ZPL


FIELD = re.compile(r"\^FH_\^FD(.*?)\^FS", re.DOTALL)
COMMANDS = {
    *("^XA", "^CI", "^PW", "^LL", "^LH", "^FO", "^A0", "^FH", "^FD", "^FS", "^GB", "^FR", "^BY"),
    *("^BC", "^BQ", "^GF", "^PQ", "^XZ"),
}


def unescaped(data: str) -> str:
    """As a printer reads field data after `^FH_`: `_` and two hex digits are a byte of UTF-8."""
    raw = re.sub(rb"_([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), data.encode("ascii"))
    return raw.decode()


def fields(zpl: str) -> list[str]:
    return [unescaped(data) for data in FIELD.findall(zpl)]


def check_program(zpl: str) -> None:
    """One label, of commands we know, with nothing between them."""
    assert zpl.startswith("^XA^CI28\n")
    assert zpl.endswith("^PQ1^XZ\n")
    found = re.findall(r"[\^~]..", zpl)
    assert set(found) <= COMMANDS
    assert (found.count("^XA"), found.count("^XZ")) == (1, 1)
    assert found.count("^FO") == found.count("^FS")


def picture_of(zpl: str) -> Image.Image:
    """The dots that `^GFA` and `:Z64:` bring."""
    found = re.search(r"\^GFA,(\d+),(\d+),(\d+),:Z64:([A-Za-z0-9+/=]+):([0-9A-F]{4})\^FS", zpl)
    assert found
    total, again, row = (int(found[n]) for n in (1, 2, 3))
    assert crc_hqx(found[4].encode(), 0) == int(found[5], 16)
    dots = zlib.decompress(b64decode(found[4]))
    assert total == again == len(dots)
    return ImageChops.invert(Image.frombytes("1", (row * 8, len(dots) // row), dots))


@countries
@pytest.mark.parametrize("dpi", [203, 300])
def test_the_printers_own_language_says_the_same(country: str, dpi: int) -> None:
    """In the printer's letters, or as dots where it has none: for JP, KR, IL and AE."""
    spec = label(country)
    zpl = render(spec, Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.ZPL, dpi)).decode("ascii")
    check_program(zpl)
    if country in {"JP", "KR", "IL", "AE"}:
        assert fields(zpl) == []
        assert codes(picture_of(zpl)) == expected(spec)
        return
    said = fields(zpl)
    assert spec.tracking_number in said
    assert f"MA,{spec.qr_text}" in said
    # Where a long line was broken does not matter.
    text = "".join(said).replace(" ", "")
    for words in (spec.sender.name, *spec.sender.lines, "RETURN", spec.rma_number, spec.code):
        assert words.replace(" ", "") in text


CODE = [
    "^XZ^XA^FO0,0^FDmine^FS",
    "~JA",
    "_5EXZ",
    r"\^~_",
    "^FS^XZ",
    "a\nb\x00c\x1b",
    "\u202eevil\u2066",
    "Zoë \U0001f600",
    "x" * 300,
    ">;>8",
]


@pytest.mark.parametrize("name", CODE)
def test_a_name_that_is_printer_code_stays_a_name(name: str) -> None:
    spec = label("US", sender=Party(name, (name,), name, "", "", "US"), order_number=name)
    zpl = render(spec, Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.ZPL, 203)).decode("ascii")
    check_program(zpl)
    honest = render(label("US"), Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.ZPL, 203)).decode()
    assert zpl.count("^XZ") == honest.count("^XZ") == 1
    told = "".join(fields(zpl)).replace(" ", "")
    printable = re.sub("[\x00-\x1f\u202e\u2066\U0001f600 ]", "", name)
    assert printable[:80] in told


@pytest.mark.parametrize("text", [*CODE, *"^~_\\", "é", "山"])
def test_field_data_comes_back_as_it_went(text: str) -> None:
    written = escaped(text)
    assert unescaped(written) == text
    assert not set(written) & set("^~\\\n\x00\x1b")
    assert re.sub("_[0-9A-F]{2}", "", written).count("_") == 0


def test_the_lines_of_a_long_address_stay_inside_their_room() -> None:
    crowd = Party("W" * 200, ("W" * 90,) * 40, "W" * 90, "", "", "US")
    spec = label("US", sender=crowd, recipient=crowd)
    zpl = render(spec, Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.ZPL, 203)).decode("ascii")
    ys = [int(y) for y in re.findall(r"\^FO\d+,(\d+)\^A0N,\d+,\d+\^FH_\^FDW", zpl)]
    sender, recipient = [y for y in ys if y < 460], [y for y in ys if y >= 460]
    assert min(sender) >= 220
    assert max(sender) < 448 - 16
    assert len(recipient) > 4
    assert max(recipient) < 775 - 16
