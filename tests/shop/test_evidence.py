"""What an upload must survive: of a picture only pixels are kept, and none is shown as a page."""

import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import FileResponse
from PIL import Image

from returns import evidence, workflow
from returns.models import Evidence
from returns.states import Actor, State
from returns.workflow.words import MAX_EVIDENCE
from tests import make
from tests.races.together import failed, succeeded, together
from tests.shop import pictures
from tests.shop.conftest import Shop
from tests.shop.pictures import MARKER


def check(content: bytes, name: str = "a.jpg") -> evidence.Checked:
    return evidence.check(SimpleUploadedFile(name, content))


def jpeg_of_16_bit_grey() -> bytes:
    out = io.BytesIO()
    Image.new("I;16", (8, 8), 0x8000).save(out, "PNG")
    return out.getvalue()


GOOD: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg": (pictures.jpeg, "image/jpeg"),
    "progressive jpeg": (partial(pictures.jpeg, progressive=True), "image/jpeg"),
    "cmyk jpeg": (partial(pictures.jpeg, mode="CMYK", colour=(0, 255, 255, 0)), "image/jpeg"),
    "grey jpeg": (partial(pictures.jpeg, mode="L", colour=128), "image/jpeg"),
    "jpeg with a second view": (partial(pictures.animation, "MPO"), "image/jpeg"),
    "jpeg with metadata": (pictures.jpeg_with_metadata, "image/jpeg"),
    "png": (partial(pictures.picture, "PNG"), "image/png"),
    "png with text": (pictures.png_with_text, "image/png"),
    "png with palette": (partial(pictures.picture, "PNG", mode="P", colour=3), "image/png"),
    "black and white png": (partial(pictures.picture, "PNG", mode="1", colour=1), "image/png"),
    "16-bit png": (jpeg_of_16_bit_grey, "image/png"),
    "transparent png": (
        partial(pictures.picture, "PNG", mode="RGBA", colour=(255, 0, 0, 128)),
        "image/png",
    ),
    "webp": (partial(pictures.picture, "WEBP"), "image/webp"),
    "lossless webp": (partial(pictures.picture, "WEBP", lossless=True), "image/webp"),
    "png and html": (lambda: pictures.picture("PNG") + MARKER, "image/png"),
    "jpeg and zip": (lambda: pictures.jpeg() + b"PK\x03\x04" + MARKER, "image/jpeg"),
    "mp4": (pictures.mp4, "video/mp4"),
    "mp4 with its place": (pictures.mp4_with_place, "video/mp4"),
    "mp4 with html in free space": (
        lambda: pictures.mp4(pictures.box(b"free", MARKER), pictures.box(b"uuid", MARKER)),
        "video/mp4",
    ),
    "mov": (partial(pictures.mp4, brand=b"qt  "), "video/quicktime"),
    "webm": (pictures.webm, "video/webm"),
    "live webm": (partial(pictures.webm, unknown_size=True), "video/webm"),
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_file_passes_and_nothing_but_its_picture_is_kept(kind: str) -> None:
    made, content_type = GOOD[kind]
    checked = check(made())
    assert checked.content_type == content_type
    assert MARKER not in checked.content
    assert b"+48.8583" not in checked.content
    if content_type.startswith("image/"):
        with Image.open(io.BytesIO(checked.content)) as kept:
            kept.load()
            assert not kept.getexif()
            assert not {"comment", "exif", "xmp", "icc_profile", "Comment"} & kept.info.keys()
    else:
        assert len(checked.content) == len(made())


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_colours_survive(format_: str) -> None:
    with Image.open(io.BytesIO(check(pictures.picture(format_)).content)) as kept:
        red, green, blue = kept.convert("RGB").getpixel((20, 20))  # type: ignore[misc]
    assert red > 240
    assert green < 15
    assert blue < 15


def test_transparency_survives_and_sixteen_bits_are_scaled() -> None:
    half = pictures.picture("PNG", mode="RGBA", colour=(255, 0, 0, 128))
    with Image.open(io.BytesIO(check(half).content)) as kept:
        assert kept.getpixel((0, 0)) == (255, 0, 0, 128)
    with Image.open(io.BytesIO(check(jpeg_of_16_bit_grey()).content)) as kept:
        assert kept.convert("L").getpixel((0, 0)) == 128


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_taken_on_its_side_is_turned_upright(orientation: int) -> None:
    checked = check(pictures.jpeg_with_metadata(orientation))
    with Image.open(io.BytesIO(checked.content)) as kept:
        assert kept.size == ((64, 48) if orientation < 5 else (48, 64))


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "svg": (lambda: SVG, "type"),
    "svg after an xml declaration": (lambda: b'<?xml version="1.0"?>' + SVG, "type"),
    "html": (lambda: b"<html>" + MARKER, "type"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "type"),
    "pdf with javascript": (lambda: b"%PDF-1.7\n/JS (app.alert(1))", "type"),
    "xml with an entity": (
        lambda: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        "type",
    ),
    "mht": (lambda: b"MIME-Version: 1.0\nContent-Type: multipart/related\n", "type"),
    "zip": (lambda: b"PK\x03\x04" + bytes(60), "type"),
    "eicar": (
        # In two parts: a scanner on a developer's machine must not take this file away.
        lambda: rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!$H+H*",
        "type",
    ),
    "gif as javascript": (lambda: b"GIF89a=1;alert(1)", "type"),
    "gif": (partial(pictures.picture, "GIF"), "type"),
    "gif animation": (partial(pictures.animation, "GIF"), "type"),
    "bmp": (partial(pictures.picture, "BMP"), "type"),
    "tiff": (partial(pictures.picture, "TIFF"), "type"),
    "ico": (partial(pictures.picture, "ICO"), "type"),
    "heic": (lambda: pictures.box(b"ftyp", b"heic" + bytes(4)) + bytes(99), "type"),
    "wave sound": (lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "broken"),
    "matroska": (lambda: pictures.webm().replace(b"webm", b"mkv!"), "type"),
    "noise": (lambda: random.Random(7).randbytes(100_000), "type"),
    "jpeg noise": (lambda: b"\xff\xd8\xff" + random.Random(7).randbytes(100_000), "broken"),
    "png noise": (lambda: b"\x89PNG\r\n\x1a\n" + random.Random(7).randbytes(9_999), "broken"),
    "webp noise": (lambda: b"RIFF\x99\x00\x00\x00WEBPVP8 " + bytes(99), "broken"),
    "half a jpeg": (lambda: pictures.jpeg(size=(400, 400))[:2_000], "broken"),
    "half a png": (lambda: pictures.picture("PNG", size=(400, 400))[:400], "broken"),
    "half a webp": (lambda: pictures.picture("WEBP", size=(400, 400))[:90], "broken"),
    "png with a wrong checksum": (
        lambda: pictures.picture("PNG").replace(b"IDAT", b"IDAT", 1)[:-20] + bytes(20),
        "broken",
    ),
    "apng": (partial(pictures.animation, "PNG"), "animated"),
    "webp animation": (partial(pictures.animation, "WEBP"), "animated"),
    "bomb 12000": (partial(pictures.bomb, 12_000), "too-many-pixels"),
    "bomb 30000": (partial(pictures.bomb, 30_000, rows=1), "too-many-pixels"),
    "jpeg of 25 megapixels": (partial(pictures.jpeg, size=(5_000, 5_000)), "too-many-pixels"),
    "mp4 and html": (lambda: pictures.mp4() + MARKER, "broken"),
    "mp4 with a part of no video": (lambda: pictures.mp4(pictures.box(b"html", MARKER)), "broken"),
    "half an mp4": (lambda: pictures.mp4()[:-9], "broken"),
    "mp4 without a film": (lambda: pictures.box(b"ftyp", b"isom" + bytes(4)), "broken"),
    "mp4 with a part without end": (lambda: pictures.mp4(bytes(4) + b"free" + MARKER), "broken"),
    "mp4 nested without end": (
        lambda: pictures.mp4(inside=_nested(b"trak", 5_000)),
        "broken",
    ),
    "webm and html": (lambda: pictures.webm(tail=MARKER), "broken"),
    "half a webm": (lambda: pictures.webm()[:-3], "broken"),
    "webm header only": (lambda: pictures.webm()[:12], "broken"),
}


def _nested(kind: bytes, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = pictures.box(kind, content)
    return content


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".mp4", ""])
def test_a_bad_file_is_refused_whatever_it_is_called(kind: str, suffix: str) -> None:
    made, code = BAD[kind]
    content = _made(kind, made)
    with pytest.raises(evidence.Unacceptable) as refused:
        check(content, f"holiday{suffix}")
    assert refused.value.code == code
    assert refused.value.detail


_CACHE: dict[str, bytes] = {}


def _made(kind: str, made: Callable[[], bytes]) -> bytes:
    if kind not in _CACHE:
        _CACHE[kind] = made()
    return _CACHE[kind]


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    """17 KB that would be 144 megapixels: nothing is decoded, in time nor in memory."""
    program = (
        "import resource, sys, django; django.setup();"
        "from django.core.files.uploadedfile import SimpleUploadedFile;"
        "from returns import evidence;"
        "content = sys.stdin.buffer.read();"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: evidence.check(SimpleUploadedFile('a.png', content))\n"
        "except evidence.Unacceptable as no: print(no.code, end=' ')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=pictures.bomb(12_000),
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "backoffice.settings"},
    )
    code, grown = ran.stdout.split()
    assert code == b"too-many-pixels"
    assert int(grown) < 50_000  # KiB
    content, started = pictures.bomb(12_000), time.monotonic()
    with pytest.raises(evidence.Unacceptable):
        check(content)
    assert time.monotonic() - started < 0.5


def test_the_largest_picture_passes() -> None:
    assert check(pictures.jpeg(size=(6_000, 4_000))).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("magic", "size"), [(b"\xff\xd8\xff", 15_000_001), (b"\0\0\0\x10ftypisom", 50_000_001)]
)
def test_a_file_too_large_is_refused(magic: bytes, size: int) -> None:
    with pytest.raises(evidence.Unacceptable) as refused:
        check(magic + bytes(size - len(magic)))
    assert refused.value.code == "too-large"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("holiday.jpg", "holiday.png"),
        ("../../etc/passwd", "passwd.png"),
        ("..\\..\\windows\\x.jpg", "x.png"),
        ("/etc/cron.d/x", "x.png"),
        ("a\x00.html", "a.png"),
        ("\u202egpj.exe", "gpj.png"),
        ("a\u2066b\u2069c\u200b.jpg", "abc.png"),
        ("a\r\nContent-Type: text/html", "html.png"),
        ('"><img src=x onerror=alert(1)>.jpg', "___img src=x onerror=alert(1)_.png"),
        (".htaccess", "htaccess.png"),
        ("=HYPERLINK(1).jpg", "HYPERLINK(1).png"),
        ("x" * 300 + ".jpg", "x" * 116 + ".png"),
        ("cafe\u0301.jpg", "café.png"),
        ("写真🫖.jpg", "写真🫖.png"),
        ("\udcff.jpg", "jpg.png"),
        ("...", "file.png"),
        ("", "file.png"),
        ("evil.php.jpg", "evil.php.png"),
        ("CON.jpg", "CON.png"),
    ],
)
def test_a_name_is_cleaned_and_gets_its_true_suffix(told: str, shown: str) -> None:
    assert evidence.clean_name(told, ".png") == shown
    assert len(shown) <= 120


# The door -----------------------------------------------------------------------------------------


def upload(shop: Shop, number: str, *files: SimpleUploadedFile, status: int = 201) -> Any:
    path = f"/returns/{number}/evidence"
    return shop.post(path, {"file": list(files)}, status=status, format="multipart")


def picture(n: int = 0, name: str = "a.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, pictures.picture("PNG", colour=(n, n, n)), "text/html")


@pytest.mark.django_db
def test_each_of_several_files_has_its_own_answer(shop: Shop) -> None:
    """R04."""
    case = make.dispute()
    told = upload(
        shop,
        case.number,
        picture(name="../x.html"),
        SimpleUploadedFile("b.jpg", SVG, "image/jpeg"),
        SimpleUploadedFile("c.mp4", pictures.mp4(), "video/mp4"),
    )["files"]
    assert [(file["name"], file["accepted"], file.get("code")) for file in told] == [
        ("x.png", True, None),
        ("b", False, "type"),
        ("c.mp4", True, None),
    ]
    kept = shop.get(f"/returns/{case.number}")
    assert [file["content_type"] for file in kept["evidence"]] == ["image/png", "video/mp4"]
    assert [entry["event"] for entry in kept["journal"]] == ["opened"] + ["evidence_added"] * 2


@pytest.mark.django_db
def test_what_is_kept_is_read_through_the_door_only_and_never_as_a_page(
    shop: Shop, stranger: Shop
) -> None:
    case, other = make.dispute(), make.dispute()
    kept = upload(shop, case.number, picture(name='a"\u202e.html'))["files"][0]["evidence"]
    path = kept["url"].removeprefix("/api/v1")
    answer = shop.call("get", path)
    assert isinstance(answer, FileResponse)
    assert b"".join(answer.streaming_content).startswith(b"\x89PNG")  # type: ignore[arg-type]
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Disposition"] == 'attachment; filename="a_.png"'
    assert stranger.call("get", path).status_code == 401
    elsewhere = path.replace(case.number, other.number)
    assert shop.call("get", elsewhere).status_code == 404
    stored = Evidence.objects.get()
    assert stored.file.name.startswith("evidence/")
    assert oct(Path(stored.file.path).stat().st_mode & 0o777) == "0o600"
    assert not hasattr(settings, "MEDIA_URL") or settings.MEDIA_URL in ("", "/")


@pytest.mark.django_db
def test_nothing_kept_is_a_refusal_that_says_why_of_each(shop: Shop) -> None:
    case = make.dispute()
    bad = [SimpleUploadedFile("a.jpg", SVG), SimpleUploadedFile("b.jpg", pictures.jpeg()[:99])]
    refused = upload(shop, case.number, *bad, status=422)
    assert refused["code"] == "evidence-unacceptable"
    assert [file["code"] for file in refused["files"]] == ["type", "broken"]
    empty = shop.post(f"/returns/{case.number}/evidence", {}, status=422, format="multipart")
    assert empty["errors"][0]["code"] == "no-file"
    assert not Evidence.objects.exists()


@pytest.mark.django_db
def test_the_same_file_twice_is_kept_once(shop: Shop) -> None:
    case = make.dispute()
    first = upload(shop, case.number, picture())["files"][0]["evidence"]["id"]
    again = upload(shop, case.number, picture(), picture())["files"]
    assert [file["evidence"]["id"] for file in again] == [first, first]
    assert Evidence.objects.count() == 1


@pytest.mark.django_db
def test_the_eleventh_file_of_a_case_is_refused(shop: Shop) -> None:
    case = make.dispute()
    told = upload(shop, case.number, *[picture(n) for n in range(MAX_EVIDENCE + 1)])["files"]
    assert [file["accepted"] for file in told] == [True] * MAX_EVIDENCE + [False]
    refused = upload(shop, case.number, picture(99), status=409)
    assert refused["code"] == "quota-reached"
    assert upload(shop, case.number, picture(0))["files"][0]["accepted"]
    assert Evidence.objects.count() == MAX_EVIDENCE


@pytest.mark.django_db
def test_what_no_case_came_to_use_does_not_stay_in_storage(shop: Shop) -> None:
    """A file over the quota, and one that came before, were stored before anything was locked."""
    case = make.dispute()
    upload(shop, case.number, *[picture(n) for n in range(MAX_EVIDENCE)])
    upload(shop, case.number, picture(99), status=409)
    upload(shop, case.number, picture(0))
    _, files = default_storage.listdir("evidence")
    assert sorted(f"evidence/{name}" for name in files) == sorted(
        Evidence.objects.values_list("file", flat=True)
    )


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_do_not_overrun_the_quota() -> None:
    case = make.dispute()

    def add(n: int) -> Evidence:
        return workflow.add_evidence(
            type(case).objects.get(pk=case.pk), file=f"evidence/{n}", size=1, name="x",
            sha256=f"{n:064}", content_type="image/png", at=make.T0, actor=Actor.BUYER,
        )  # fmt: skip

    for n in range(MAX_EVIDENCE - 2):
        add(n)
    added = together([partial(add, 100 + n) for n in range(8)])
    assert len(succeeded(added)) == 2
    assert {type(error).__name__ for error in failed(added)} == {"QuotaReached"}
    assert Evidence.objects.count() == MAX_EVIDENCE


@pytest.mark.django_db
def test_a_case_that_is_over_takes_nothing_more(shop: Shop) -> None:
    case = make.case_at(State.CLOSED)
    assert upload(shop, case.number, picture(), status=409)["actions"] == ["messages"]
    missing = shop.call(
        "post", "/returns/RMA99999999/evidence", {"f": picture()}, format="multipart"
    )
    assert missing.status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"--x\r\n", "multipart/form-data", 400, "malformed"),
        (b"nonsense", "multipart/form-data; boundary=x", 422, "invalid"),
        (b"--x", "multipart/form-data; boundary=" + "x" * 500, 415, "unsupported-media-type"),
        (b"{}", "application/json", 415, "unsupported-media-type"),
        (b"\x00", "", 415, "unsupported-media-type"),
        (
            (
                b"--x\r\nContent-Disposition: form-data; name=f; filename=a.jpg\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n\xff\xff!!!!a\r\n--x--\r\n"
            ),
            "multipart/form-data; boundary=x",
            400,
            "malformed",
        ),
        (
            b"".join(
                b'--x\r\nContent-Disposition: form-data; name="%d"; filename=a\r\n\r\nx\r\n' % n
                for n in range(101)
            )
            + b"--x--\r\n",
            "multipart/form-data; boundary=x",
            400,
            "malformed",
        ),
    ],
)
def test_an_upload_that_is_none_is_refused(
    shop: Shop, body: bytes, content_type: str, status: int, code: str
) -> None:
    path = f"/api/v1/returns/{make.dispute().number}/evidence"
    answer = shop.client.generic("POST", path, body, content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.django_db
def test_more_than_may_be_sent_is_refused_before_it_is_read(shop: Shop) -> None:
    answer = shop.client.generic(
        "POST",
        f"/api/v1/returns/{make.dispute().number}/evidence",
        b"--x--",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=201_000_001,
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
