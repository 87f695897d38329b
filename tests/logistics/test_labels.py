"""Labels as a scanner, a courier and a printer meet them (R20): codes, scripts, bytes, one page."""

import os
import re
from contextlib import closing
from dataclasses import replace
from datetime import date
from io import BytesIO
from itertools import pairwise

import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from logistics.barcodes import code128
from logistics.labels import LabelSpec, Party, Sheet, is_whole, render
from logistics.states import LabelFormat, LabelSize

CENTRE = Party(
    "Returns Centre Poznań",
    ("ul. Żurawia 12", "Hala 3, rampa B"),
    "Poznań",
    "",
    "60-860",
    "PL",
    "+48 61 555 01 23",
)
BUYER = Party(
    "Zażółć Gęślą-Jaźń", ("Świętokrzyska 14/7",), "Warszawa", "", "00-050", "PL", "+48 500 100 200"
)
LABEL = LabelSpec(
    rma_number="R-2026-000123",
    order_number="ORD-8841-220",
    tracking_number="RX473124829PL",
    courier_name="InPost",
    service="Locker drop-off 24/7",
    sender=BUYER,
    recipient=CENTRE,
    issued_on=date(2026, 11, 22),
    last_use_on=date(2026, 12, 2),
    qr_text="https://r.shop.example/d/RX473124829PL?t=K7Q2M4XW9A",
    code="K7Q2M-4XW9A",
    weight_limit_g=25_000,
)
ABROAD = {
    "arabic": Party("محمد عبد الله", ("شارع الشيخ زايد 15، شقة 203",), "دبي", "دبي", "12345", "AE"),
    "hebrew": Party("יוסי כהן", ("רחוב הרצל 15, דירה 3",), "תל אביב-יפו", "", "6688312", "IL"),
    "japanese": Party(
        "山田 太郎", ("丸の内1-9-1", "パレスビル 302号室"), "千代田区", "東京都", "100-0005", "JP"
    ),
    "korean": Party("김민준", ("세종대로 110, 5층",), "중구", "서울특별시", "04524", "KR"),
    "chinese": Party("王小明", ("建国路88号 3单元1502室",), "朝阳区", "北京市", "100022", "CN"),
    "taiwanese": Party("陳怡君", ("忠孝東路四段553巷2號",), "信義區", "台北市", "110", "TW"),
    "greek": Party("Γιώργος Παπαδόπουλος", ("Ερμού 44",), "Αθήνα", "", "105 63", "GR"),
    "cyrillic": Party("Олена Шевченко", ("вул. Хрещатик, 22",), "Київ", "", "01001", "UA"),
    "vietnamese": Party("Nguyễn Thị Ánh", ("Lê Lợi 5",), "Đà Nẵng", "", "550000", "VN"),
}
MM = 72 / 25.4  # points
PICTURE = Sheet(LabelSize.FOUR_BY_SIX, LabelFormat.PNG, 203)
scripts = pytest.mark.parametrize("party", ABROAD.values(), ids=ABROAD.keys())


def text(spec: LabelSpec) -> str:
    """All that can be read on the page, without spaces: where lines break does not matter."""
    with closing(pypdfium2.PdfDocument(render(spec))) as pdf:
        read = pdf[0].get_textpage().get_text_bounded()
    return "".join(c for c in read if not c.isspace() and c not in "\u200b\ufffe\x02")


def squeezed(expected: str) -> str:
    return "".join(expected.split())


def page(spec: LabelSpec, dpi: int = 203) -> Image.Image:
    with closing(pypdfium2.PdfDocument(render(spec))) as pdf:
        assert len(pdf) == 1
        picture: Image.Image = pdf[0].render(scale=dpi / 72).to_pil().convert("L")
    return picture


def codes(picture: Image.Image) -> dict[str, str]:
    return {str(code.format): code.text for code in zxingcpp.read_barcodes(picture)}


EXPECTED = {"Code 128": LABEL.tracking_number, "QR Code": LABEL.qr_text}


def test_a_scanner_reads_both_codes_from_the_printed_page() -> None:
    assert codes(page(LABEL)) == EXPECTED


def test_a_scanner_reads_both_codes_in_pure_black_and_white_askew_and_upside_down() -> None:
    black_and_white = page(LABEL).point(lambda grey: 255 if grey > 127 else 0)
    assert codes(black_and_white) == EXPECTED
    assert codes(page(LABEL).rotate(4, expand=True, fillcolor=255)) == EXPECTED
    assert codes(page(LABEL).rotate(180)) == EXPECTED


def test_the_picture_is_what_a_203_dpi_printer_prints() -> None:
    picture = Image.open(BytesIO(render(LABEL, PICTURE)))
    assert picture.size == (812, 1218)
    assert codes(picture.convert("L")) == EXPECTED


def test_the_modules_of_the_qr_code_are_whole_printer_dots_too() -> None:
    picture = Image.open(BytesIO(render(LABEL, PICTURE))).convert("L").crop((580, 196, 781, 390))
    assert set(picture.tobytes()) == {0, 255}


def test_every_bar_is_a_whole_number_of_printer_dots() -> None:
    picture = Image.open(BytesIO(render(LABEL, PICTURE))).convert("L")
    row = [picture.getpixel((x, 1030)) for x in range(picture.width)]
    assert set(row) == {0, 255}
    edges = [x for x in range(1, len(row)) if row[x] != row[x - 1]]
    assert {(b - a) % 4 for a, b in pairwise(edges)} == {0}


@pytest.mark.parametrize(
    "number", ["RX100000017PL", "BA000000005CZ", "520000012680041086770098", "1Z999AA10123456784"]
)
def test_numbers_of_other_lengths_are_read_too(number: str) -> None:
    spec = replace(LABEL, tracking_number=number, qr_text=f"https://r.shop.example/{number}" * 3)
    assert codes(page(spec)) == {"Code 128": number, "QR Code": spec.qr_text}
    assert number in text(spec)


@pytest.mark.parametrize("number", ["", "RX٤٧٣١٢٤٨٢٩PL", "RX\n1"])
def test_a_number_that_no_scanner_could_read_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="Code 128"):
        code128(number)


def test_the_label_says_all_that_people_need() -> None:
    said = text(LABEL)
    for words in (
        "RETURN", "POSTAGE PREPAID", "K7Q2M-4XW9A", "InPost", "Locker drop-off 24/7",
        "R-2026-000123",
        "ORD-8841-220", "25 kg", "2026-11-22", "2026-12-02", "RX 473 124 829 PL",
        "Zażółć Gęślą-Jaźń", "Świętokrzyska 14/7", "00-050 Warszawa", "Returns Centre Poznań",
        "ul. Żurawia 12", "Hala 3, rampa B", "60-860 Poznań", "POLAND", "+48 61 555 01 23",
    ):  # fmt: skip
        assert squeezed(words) in said


def test_the_buyers_phone_is_not_for_everybody_to_read() -> None:
    assert squeezed(BUYER.phone) not in text(LABEL)


def test_it_is_one_page_of_four_by_six_inches() -> None:
    assert page(LABEL, dpi=100).size == (400, 600)


@scripts
def test_no_glyph_of_a_foreign_address_is_missing(party: Party) -> None:
    # Typst writes PDF/A only when the fonts have every character.
    assert is_whole(render(replace(LABEL, sender=party, recipient=party)))


@scripts
def test_a_foreign_address_keeps_its_letters_and_digits(party: Party) -> None:
    said = text(replace(LABEL, sender=party)).split("FROM")[1].split("SCANATDROP-OFF")[0]
    for line in (party.name, *party.lines, party.city, party.postal_code):
        assert not set(squeezed(line)) - set(said)
        for number in re.findall(r"\d+", line):
            assert number in said


@scripts
def test_a_label_with_a_foreign_address_is_read_by_scanners(party: Party) -> None:
    assert codes(page(replace(LABEL, sender=party, recipient=party))) == EXPECTED


def test_a_script_without_a_font_still_gets_a_label() -> None:
    spec = replace(LABEL, sender=replace(BUYER, name="สมชาย ใจดี"))
    assert not is_whole(render(spec))
    assert codes(page(spec)) == EXPECTED


def test_the_same_label_has_the_same_bytes() -> None:
    first = [render(LABEL), render(LABEL, PICTURE)]
    other = replace(LABEL, sender=ABROAD["japanese"])
    assert render(other) != first[0]
    assert [render(LABEL), render(LABEL, PICTURE)] == first


@pytest.mark.parametrize(
    "words",
    ['#include "x"', "*bold* _em_ $x$ `raw`", "= head @ref <lab> [x] // c /* d */", "\\n ~ --- ...",
     "#pagebreak()", "{city} #sys.inputs", "https://x.example", '", "rtl": true'],
)  # fmt: skip
def test_an_address_is_printed_as_it_is_written(words: str) -> None:
    spec = replace(LABEL, sender=Party(words, (words,), words, "", "", "US"))
    assert text(spec).count(squeezed(words)) == 3
    assert codes(page(spec)) == EXPECTED


def test_line_breaks_and_reordering_marks_and_emoji_are_not_printed() -> None:
    spec = replace(LABEL, sender=replace(BUYER, name="Zo\u202eë\n\x00\tKo\u2066wal \U0001f600"))
    assert squeezed("Zoë Kowal Świętokrzyska") in text(spec)
    assert is_whole(render(spec))


ENDLESS = Party(
    "Wolfeschlegelsteinhausenbergerdorff-" * 9,
    ("A" * 400, "very long " * 60, "x " * 200, "東京" * 200),
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
    "R" * 99,
    "9" * 50,
    "GB",
    "1" * 90,
)


def test_endless_names_are_set_smaller_until_they_fit() -> None:
    spec = replace(
        LABEL,
        sender=ENDLESS,
        recipient=ENDLESS,
        rma_number="R" * 60,
        order_number="0" * 200,
        courier_name="Courier " * 20,
        service="Service" * 20,
    )
    assert codes(page(spec)) == EXPECTED
    with closing(pypdfium2.PdfDocument(render(spec))) as pdf:
        read = pdf[0].get_textpage()
        boxes = [read.get_charbox(n) for n in range(read.count_chars())]
        country = read.search("UNITED KINGDOM")
        heights = [boxes[found[0]][1] for found in iter(country.get_next, None)]
    margin = 4 * MM - 1
    assert min(left for left, _, _, _ in boxes) >= margin
    assert max(right for _, _, right, _ in boxes) <= 4 * 72 - margin
    sender, recipient = sorted(heights, reverse=True)  # measured from the page's foot
    assert sender > 6 * 72 - 56 * MM
    assert recipient > 6 * 72 - 97 * MM


def test_an_address_of_a_hundred_lines_is_cut_before_it_reaches_the_codes() -> None:
    crowd = replace(CENTRE, lines=("Hala 3, rampa B",) * 100)
    crowded = page(replace(LABEL, sender=crowd, recipient=crowd))
    below_the_addresses = (0, 780, 812, 1218)
    assert crowded.crop(below_the_addresses) == page(LABEL).crop(below_the_addresses)
    assert codes(crowded) == EXPECTED


def test_shared_characters_are_drawn_as_the_country_draws_them() -> None:
    drawn = {
        country: render(replace(LABEL, sender=Party("直骨", (), "", "", "", country)))
        for country in ("JP", "KR", "CN", "TW", "HK")
    }
    for country, font in zip(drawn, ("jp", "kr", "sc", "tc", "hk"), strict=True):
        assert f"NotoSansCJK{font}".encode() in drawn[country]


def test_a_process_forked_after_a_label_is_told_so_and_does_not_hang() -> None:
    render(LABEL, PICTURE)
    child = os.fork()
    if child == 0:
        try:
            render(LABEL, PICTURE)
        except RuntimeError:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
