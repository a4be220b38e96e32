"""A picture is what its bytes say, to the last one."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ogpu_jupyter.render.kinds.images import picture
from tests.render import samples

KINDS = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "WEBP": "webp"}
HTML = b"<script>alert(1)</script>"


def encoded(kind: str, mode: str = "RGB", **words: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (37, 23), 120).save(out, kind, **words)
    return out.getvalue()


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "raw",
    [
        encoded("PNG"), encoded("PNG", mode="RGBA"), encoded("PNG", mode="P"), encoded("JPEG"),
        encoded("JPEG", progressive=True), encoded("JPEG", mode="L"), encoded("GIF", mode="P"),
        encoded("WEBP"), encoded("WEBP", lossless=True), encoded("WEBP", mode="RGBA", quality=50),
    ],
)  # fmt: skip
def test_real_pictures_have_their_size(raw: bytes) -> None:
    """Each format, in each of the ways that encoders write it."""
    found = picture(text(raw))

    assert found is not None
    assert (found.width, found.height, found.size) == (37, 23, len(raw))


def test_animated_gif() -> None:
    """Several frames, with comments between them."""
    out = io.BytesIO()
    frames = [Image.new("P", (20, 10), n) for n in range(3)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], comment=b"hello")

    assert picture(text(out.getvalue())) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_is_found_not_believed(kind: str) -> None:
    """A data URL that says another type is shown as what it is."""
    found = picture(f"data:image/svg+xml;base64,{text(encoded(kind))}")

    assert found is not None
    assert found.url.startswith(f"data:image/{KINDS[kind]};base64,")


@pytest.mark.parametrize("kind", KINDS)
def test_a_polyglot_is_no_picture(kind: str) -> None:
    """Bytes behind the picture's own end."""
    assert picture(text(encoded(kind) + HTML)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_cut_off_is_none(kind: str) -> None:
    """At any place: a broken picture would be an empty frame."""
    raw = encoded(kind)

    assert [n for n in range(0, len(raw), 7) if picture(text(raw[:n]))] == []


def png(width: int, height: int) -> bytes:
    """A PNG that says this size, with right checksums."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 10)), (b"IEND", b"")]
    parts = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (30_000, 1), (9000, 9000), (2**31, 2**31)])
def test_a_picture_too_large_to_unpack_is_none(size: tuple[int, int]) -> None:
    """A few bytes must not take gigabytes of the browser's memory."""
    assert picture(text(png(*size))) is None
    assert picture(text(png(20, 10))) is not None


@pytest.mark.parametrize(
    "value",
    [
        "", "x", None, 3, ["x"], "data:image/png;base64,", "data:text/html;base64,PGI+",
        "data:image/svg+xml;base64," + text(b"<svg onload=alert(1)>" * 9),
        "iVBORw0KGgo" + "A" * 200, "/9j/" + "é" * 50, "R0lGOD" + "=" * 60,
        text(encoded("BMP")), "iVBORw0KGgo" * 2_000_000,
    ],
)  # fmt: skip
def test_what_is_no_picture(value: object) -> None:
    """Other types, other texts, other values, and far too much."""
    assert picture(value) is None


@given(
    st.sampled_from([encoded(kind) for kind in KINDS]), st.integers(0, 200), st.binary(max_size=40)
)
def test_damaged_bytes_never_raise(raw: bytes, at: int, junk: bytes) -> None:
    """Whatever was written over them."""
    found = picture(text(raw[:at] + junk + raw[at + len(junk) :]))

    assert found is None or found.width > 0


def test_spaces_in_base64() -> None:
    """Encoders break lines."""
    whole = samples.picture()
    lines = "\n".join(whole[n : n + 76] for n in range(0, len(whole), 76))

    assert picture(lines) == picture(whole)
