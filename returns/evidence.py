"""What an upload must survive before anyone sees it (R04): type by content, bounds, re-encoding.

Nothing of a picture is kept but its pixels: they are pasted into a new one, so that metadata,
comments and whatever follows the picture stay behind. A video cannot be made anew here; its boxes
must add up to the file, and what describes place and maker is blanked. Nobody is ever served either
as anything but an attachment.
"""

import hashlib
import io
import re
import secrets
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Model
from PIL import Image, ImageOps

from returns.models import Evidence

MAX_PICTURE_BYTES = 15_000_000
MAX_VIDEO_BYTES = 50_000_000
MAX_PIXELS = 24_000_000
MAX_NAME = 120

#: First bytes → (the format's name for Pillow, content type, suffix).
_PICTURES = {
    b"\xff\xd8\xff": ("JPEG", "image/jpeg", ".jpg"),
    b"\x89PNG\r\n\x1a\n": ("PNG", "image/png", ".png"),
    b"RIFF": ("WEBP", "image/webp", ".webp"),
}
_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
#: Brands of the ISO container that are video; HEIC, AVIF and audio are not among them.
_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"M4V "}
)
_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"free", b"skip", b"wide", b"uuid", b"meta"}
    | {b"sidx", b"styp", b"pnot", b"emsg", b"prft", b"pdin", b"udta"}
)
#: Boxes that describe where and with what it was filmed, or hold anything at all.
_BLANKED = frozenset({b"free", b"skip", b"wide", b"uuid", b"meta", b"udta", b"pnot", b"emsg"})
_NESTED = frozenset({b"moov", b"trak", b"mdia", b"minf", b"moof", b"traf"})
_UNSAFE = re.compile(r'[<>:"|?*%&;$`\x00-\x1f]')


class Unacceptable(Exception):
    """An upload that nobody gets to see: a stable code and one sentence for the buyer."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Checked:
    """What may be kept: `content` as it will be served, `sha256` of the bytes as they came."""

    content: bytes
    content_type: str
    name: str
    sha256: str


@contextmanager
def stored(checked: Iterable[Checked], *, kept_in: type[Model] = Evidence) -> Iterator[list[str]]:
    """Put files into the private storage, and take away after the block what nothing came to use.

    Their names there, in order. `kept_in` is the model whose `file` uses them. The storage may be
    far away: enter with no transaction open, and open it inside. A crash in between leaves a file
    that nobody can reach.
    """
    names = [
        default_storage.save(
            f"evidence/{secrets.token_hex(16)}{PurePosixPath(each.name).suffix}",
            ContentFile(each.content),
        )
        for each in checked
    ]
    try:
        yield names
    finally:
        rows = kept_in._default_manager.filter(file__in=names)
        used = set(rows.values_list("file", flat=True))
        for name in set(names) - used:
            default_storage.delete(name)


def check(upload: File) -> Checked:  # type: ignore[type-arg]
    """Let a picture or video pass, or raise Unacceptable. Believes neither name nor header."""
    if not upload.size:
        raise Unacceptable("empty", "The file is empty.")
    if upload.size > MAX_VIDEO_BYTES:
        raise Unacceptable("too-large", f"A file has at most {MAX_VIDEO_BYTES} bytes.")
    upload.seek(0)
    raw = upload.read()
    digest = hashlib.sha256(raw).hexdigest()
    for magic, (format_, content_type, suffix) in _PICTURES.items():
        if raw.startswith(magic):
            name = clean_name(upload.name or "", suffix)
            return Checked(_picture(raw, format_), content_type, name, digest)
    content, content_type, suffix = _video(raw)
    return Checked(content, content_type, clean_name(upload.name or "", suffix), digest)


def clean_name(told: str, suffix: str) -> str:
    """The name to show: no path, no control or bidi characters, the true suffix, 120 at most."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", told))[-1]
    shown = "".join(
        c for c in last if unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029"
    )
    # A leading "=", "+", "-" or "@" is a formula to a spreadsheet, a dot hides a file.
    stem = PurePosixPath(_UNSAFE.sub("_", shown)).stem.strip().lstrip("=+-@.").rstrip(". ")
    return (stem or "file")[: MAX_NAME - len(suffix)] + suffix


def _picture(raw: bytes, format_: str) -> bytes:
    """The pixels, turned upright, in a new file of the same format."""
    if len(raw) > MAX_PICTURE_BYTES:
        raise Unacceptable("too-large", f"A picture has at most {MAX_PICTURE_BYTES} bytes.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # The header only: nothing is decoded yet.
            image = Image.open(io.BytesIO(raw), formats=[format_])
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _too_many_pixels()
        # Telephones put a second view behind the first into a JPEG: that one stays behind.
        if format_ != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise Unacceptable("animated", "A picture holds still; send a video instead.")
        upright = ImageOps.exif_transpose(image)
        mode = "RGBA" if upright.has_transparency_data and format_ != "JPEG" else "RGB"
        clean = Image.new(mode, upright.size)
        clean.paste(_eight_bits(upright).convert(mode))
        out = io.BytesIO()
        clean.save(out, format_, **({} if format_ == "PNG" else {"quality": 90}))
    except Unacceptable:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except Exception as error:
        # Decoders raise whatever they like on hostile bytes, SyntaxError and struct.error included.
        raise Unacceptable("broken", "The picture cannot be read.") from error
    return out.getvalue()


def _too_many_pixels() -> Unacceptable:
    return Unacceptable("too-many-pixels", f"A picture has at most {MAX_PIXELS} pixels.")


def _eight_bits(image: Image.Image) -> Image.Image:
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda value: value / 256).convert("L")


def _video(raw: bytes) -> tuple[bytes, str, str]:
    if raw[4:8] == b"ftyp" and raw[8:12] in _BRANDS:
        return _boxed(raw), "video/mp4", ".mp4"
    if raw[4:8] == b"ftyp" and raw[8:12] == b"qt  ":
        return _boxed(raw), "video/quicktime", ".mov"
    if raw.startswith(_EBML) and b"webm" in raw[:64]:
        _check_webm(raw)
        return raw, "video/webm", ".webm"
    raise Unacceptable("type", "Only JPEG, PNG and WebP pictures, and MP4, MOV and WebM videos.")


def _boxed(raw: bytes) -> bytes:
    """The container, its boxes adding up to the file, with blanks where it says where and who."""
    boxes = list(_boxes(raw, 0, len(raw)))
    if not {box.kind for box in boxes} <= _BOXES:
        raise Unacceptable("broken", "The video has parts that do not belong to a video.")
    if not {box.kind for box in boxes} >= {b"moov", b"mdat"}:
        raise Unacceptable("broken", "The video cannot be read.")
    clean = bytearray(raw)
    _blank(clean, boxes, depth=0)
    return bytes(clean)


def _blank(clean: bytearray, boxes: list["_Box"], *, depth: int) -> None:
    if depth > len(_NESTED):
        raise Unacceptable("broken", "The video cannot be read.")
    for box in boxes:
        if box.kind in _BLANKED:
            clean[box.at + 4 : box.at + 8] = b"free"
            clean[box.start : box.end] = bytes(box.end - box.start)
        elif box.kind in _NESTED:
            _blank(clean, list(_boxes(clean, box.start, box.end)), depth=depth + 1)


@dataclass(frozen=True)
class _Box:
    """A box of the ISO container: its place, its kind, and where its content starts and ends."""

    at: int
    kind: bytes
    start: int
    end: int


def _boxes(raw: bytes | bytearray, at: int, end: int) -> Iterator[_Box]:
    """One after the other; raises Unacceptable unless they fill the place exactly."""
    while at < end:
        size, head = int.from_bytes(raw[at : at + 4]), 8
        if size == 1:
            size, head = int.from_bytes(raw[at + 8 : at + 16]), 16
        if size < head or at + size > end:
            raise Unacceptable("broken", "The video is cut off, or something was added to it.")
        yield _Box(at, bytes(raw[at + 4 : at + 8]), at + head, at + size)
        at += size


def _check_webm(raw: bytes) -> None:
    """A header, then one segment that reaches exactly to the end, or knows not where it ends."""
    size, header_end = _vint(raw, 4)
    segment = header_end + (size or 0)
    if raw[segment : segment + 4] != _SEGMENT:
        raise Unacceptable("broken", "The video cannot be read.")
    size, content = _vint(raw, segment + 4)
    if size is not None and content + size != len(raw):
        raise Unacceptable("broken", "The video is cut off, or something was added to it.")


def _vint(raw: bytes, at: int) -> tuple[int | None, int]:
    """EBML's number of one to eight bytes (None: unknown size), and where what follows begins."""
    length = 9 - raw[at].bit_length() if at < len(raw) else 9
    if length > 8:
        raise Unacceptable("broken", "The video cannot be read.")
    value = int.from_bytes(raw[at : at + length]) & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), at + length
