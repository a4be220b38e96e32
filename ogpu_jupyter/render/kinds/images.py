"""Is this text really a picture? Checked by its bytes, whatever it calls itself.

A picture has the signature of its format, dimensions within bounds, and ends where its
format says: bytes behind the end (a polyglot) make it no picture. It is shown in an `img`
element, under the type that was found, where no script in it can run.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import animations

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 10 * 2**20
MAX_SIDE: Final = 16_384
MAX_PIXELS: Final = 50_000_000
_MAX_PARTS: Final = 50_000  # chunks or segments: a stranger's may have a million empty ones
_SHORTEST: Final = 40  # characters of base64: less than the smallest real picture has
_BEGINNINGS: Final = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")  # the signatures in base64
_DATA_URL: Final = re.compile(r"data:image/[a-z0-9.+-]{1,20};base64,", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """A checked picture: its real type (`png`, `jpeg`, `gif`, `webp`) and size in pixels."""

    kind: str
    width: int
    height: int
    encoded: str
    size: int
    first: str = ""  # its first frame alone in base64, where it moves

    @property
    def url(self) -> str:
        """Of what a page shows unasked: thousands of large frames may be a few kB."""
        return f"data:image/{self.kind};base64,{self.first or self.encoded}"

    @property
    def moving_url(self) -> str:
        """Of all its frames."""
        return f"data:image/{self.kind};base64,{self.encoded}"

    @property
    def name(self) -> str:
        shown = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "webp": "WebP"}[self.kind]
        return f"{shown} image, {self.width} \N{MULTIPLICATION SIGN} {self.height}"


def is_data_url(text: object) -> bool:
    return isinstance(text, str) and _DATA_URL.match(text) is not None


def picture(text: object) -> Picture | None:
    """The picture that this base64 text or data URL holds; None when it holds none."""
    if not isinstance(text, str) or not _SHORTEST <= len(text) <= MAX_BYTES * 3 // 2:
        return None
    encoded = _DATA_URL.sub("", text, count=1) if is_data_url(text) else text
    if not encoded.lstrip().startswith(_BEGINNINGS):
        return None
    try:
        raw = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return _checked(raw) if len(raw) <= MAX_BYTES else None


def _checked(raw: bytes) -> Picture | None:
    for kind, signature, measure in _FORMATS:
        if signature.match(raw):
            try:
                width, height = measure(raw)
            except (IndexError, ValueError):
                return None
            if not _is_sane(width, height):
                return None
            still = animations.still(kind, raw)
            first = "" if still is None else base64.b64encode(still).decode()
            return Picture(kind, width, height, base64.b64encode(raw).decode(), len(raw), first)
    return None


def _is_sane(width: int, height: int) -> bool:
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS


def _need(truth: object) -> None:
    if not truth:
        raise ValueError


def _png(raw: bytes) -> tuple[int, int]:
    """Every chunk has its right checksum; the first is IHDR, and IEND is the end of all."""
    names = []
    for name, body in png_chunks(raw):
        names.append(name)
        _need(len(names) <= _MAX_PARTS)
        if len(names) == 1:
            _need(name == b"IHDR" and len(body) == 13)
            size = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    _need(names[-1] == b"IEND" and b"IDAT" in names)
    return size


def png_chunks(raw: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """ValueError where a checksum is wrong, or something stands behind the end."""
    at, view = 8, memoryview(raw)
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        name, body = raw[at + 4 : at + 8], view[at + 8 : at + 8 + length]
        checksum = int.from_bytes(raw[at + 8 + length : at + 12 + length], "big")
        _need(zlib.crc32(body, zlib.crc32(name)) == checksum and at + 12 + length <= len(raw))
        yield name, body
        at += 12 + length
        _need(name != b"IEND" or at == len(raw))


_JPEG_SIZES: Final = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def _jpeg(raw: bytes) -> tuple[int, int]:
    """Segments follow each other from the start to an end marker that is the last thing."""
    at, size = 2, (0, 0)
    for _ in range(_MAX_PARTS):
        found = _JPEG_MARKER.search(raw, at)
        _need(found)
        assert found is not None
        code, at = raw[found.start() + 1], found.end()
        if code == 0xD9:
            _need(at == len(raw))
            return size
        length = int.from_bytes(raw[at : at + 2], "big")
        _need(length >= 2 and at + length <= len(raw))
        if code in _JPEG_SIZES:
            size = (
                int.from_bytes(raw[at + 5 : at + 7], "big"),
                int.from_bytes(raw[at + 3 : at + 5], "big"),
            )
        at += length
    raise ValueError


def _gif(raw: bytes) -> tuple[int, int]:
    """Blocks follow each other to a trailer that is the last byte."""
    at = 13 + animations.gif_colours(raw[10])
    while raw[at] != 0x3B:
        if raw[at] == 0x21:
            at += 2
        else:
            _need(raw[at] == 0x2C)
            at += 11 + animations.gif_colours(raw[at + 9])
        while raw[at]:
            at += raw[at] + 1
        at += 1
    _need(at == len(raw) - 1)
    return int.from_bytes(raw[6:8], "little"), int.from_bytes(raw[8:10], "little")


def _webp(raw: bytes) -> tuple[int, int]:
    """The container's length is the whole; the first chunk has the size in one of three ways."""
    length = int.from_bytes(raw[4:8], "little") + 8
    _need(length == len(raw) and len(raw) >= 30)
    kind = raw[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(raw[n : n + 3], "little") + 1 for n in (24, 27))
        return width, height
    if kind == b"VP8L":
        _need(raw[20] == 0x2F)
        bits = int.from_bytes(raw[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    _need(kind == b"VP8 " and raw[23:26] == b"\x9d\x01\x2a")
    return (
        int.from_bytes(raw[26:28], "little") & 0x3FFF,
        int.from_bytes(raw[28:30], "little") & 0x3FFF,
    )


_FORMATS: Final = (
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    ("jpeg", re.compile(rb"\xff\xd8\xff"), _jpeg),
    ("gif", re.compile(rb"GIF8[79]a"), _gif),
    ("webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL), _webp),
)
