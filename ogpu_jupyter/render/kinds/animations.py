"""The first frame of a picture that moves, as a picture of its own: cut out of its bytes.

Nothing is decoded: a few kB may be thousands of frames, each of a gigabyte together.
Only bytes that `images` has checked come here.
"""

from __future__ import annotations

from typing import Final

_PNG_MOVES: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_ANIMATED: Final = 0x02  # of the flags of a WebP


def still(kind: str, raw: bytes) -> bytes | None:
    """None where the picture doesn't move, or has no first frame that could be cut out."""
    try:
        return {"gif": _gif, "png": _png, "webp": _webp}[kind](raw)
    except (KeyError, IndexError, ValueError):
        return None


def _gif(raw: bytes) -> bytes | None:
    """Up to the end of the first image, and the trailer."""
    at = 13 + gif_colours(raw[10])
    end = 0
    while raw[at] != 0x3B:
        is_image = raw[at] == 0x2C
        if is_image and end:
            return raw[:end] + b";"
        at += 11 + gif_colours(raw[at + 9]) if is_image else 2
        while raw[at]:
            at += raw[at] + 1
        at += 1
        end = at if is_image else end
    return None


def gif_colours(flags: int) -> int:
    """The bytes of a table of colours."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _png(raw: bytes) -> bytes | None:
    """Without the chunks that only animation has; the rest is a whole picture."""
    if b"acTL" not in raw:
        return None
    parts, at = [raw[:8]], 8
    while at < len(raw):
        end = at + 12 + int.from_bytes(raw[at : at + 4], "big")
        if raw[at + 4 : at + 8] not in _PNG_MOVES:
            parts.append(raw[at:end])
        at = end
    return b"".join(parts)


def _webp(raw: bytes) -> bytes | None:
    """The first frame's own chunks, in a container of its size."""
    if raw[12:16] != b"VP8X" or not raw[20] & _ANIMATED:
        return None
    at = 12
    while raw[at : at + 4] != b"ANMF":
        at += 8 + _even(raw[at + 4 : at + 8])
        if at >= len(raw):
            raise ValueError
    frame = raw[at + 8 : at + 8 + _even(raw[at + 4 : at + 8])]
    head = bytes([raw[20] & ~_ANIMATED, 0, 0, 0]) + frame[6:12]
    body = b"WEBPVP8X" + len(head).to_bytes(4, "little") + head + frame[16:]
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _even(length: bytes) -> int:
    size = int.from_bytes(length, "little")
    return size + size % 2
