"""Files made here, good and hostile: nothing is fetched."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, PngImagePlugin

MARKER = b"<script>alert(document.domain)</script>"
GPS = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}


def picture(
    format_: str,
    size: tuple[int, int] = (64, 48),
    mode: str = "RGB",
    colour: Any = "red",
    **options: Any,
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, format_, **options)
    return out.getvalue()


def jpeg(**options: Any) -> bytes:
    return picture("JPEG", **options)


def jpeg_with_metadata(orientation: int = 1) -> bytes:
    """Where it was taken and by whom; a script in comment, EXIF, XMP and colour profile."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x010E] = orientation, "Zoë's camera", MARKER.decode()
    exif.get_ifd(0x8825).update(GPS)
    return jpeg(exif=exif, comment=MARKER, xmp=b"<x>" + MARKER + b"</x>", icc_profile=MARKER)


def png_with_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", MARKER.decode())
    text.add_itxt("XML:com.adobe.xmp", MARKER.decode())
    return picture("PNG", pnginfo=text)


def bomb(side: int, rows: int | None = None) -> bytes:
    """A PNG of a few kilobytes that is `side` × `side` pixels when decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    packed = zlib.compressobj(9)
    data = b"".join(packed.compress(bytes(side + 1)) for _ in range(rows or side))
    data += packed.flush()
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def animation(format_: str) -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    options = {} if format_ == "MPO" else {"duration": 100}
    frames[0].save(out, format_, save_all=True, append_images=frames[1:], **options)
    return out.getvalue()


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def mp4(*extra: bytes, brand: bytes = b"isom", inside: bytes = b"") -> bytes:
    moov = box(b"moov", box(b"mvhd", bytes(100)) + inside)
    return b"".join((box(b"ftyp", brand + bytes(4)), moov, box(b"mdat", bytes(64)), *extra))


def mp4_with_place() -> bytes:
    """As a telephone writes it: coordinates in udta, in meta, and in the track."""
    place = b"+48.8583+002.2945/"
    inside = box(b"udta", box(b"\xa9xyz", place)) + box(b"meta", place)
    return mp4(box(b"uuid", place), inside=inside + box(b"trak", box(b"udta", place)))


def webm(*, tail: bytes = b"", unknown_size: bool = False) -> bytes:
    header = b"\x42\x82\x84webm"
    content = b"\xec\x84" + bytes(4)
    size = b"\x01" + b"\xff" * 7 if unknown_size else bytes([0x80 | len(content)])
    return (
        b"\x1aE\xdf\xa3"
        + bytes([0x80 | len(header)])
        + header
        + b"\x18S\x80g"
        + size
        + content
        + tail
    )
