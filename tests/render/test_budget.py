"""The cost of drawing is bounded for an answer as a whole, and no shape of answer raises."""

from __future__ import annotations

import base64
import io
import json
import struct
import tracemalloc
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from ogpu_jupyter import render
from ogpu_jupyter.errors import InputError
from ogpu_jupyter.frames import to_frame
from ogpu_jupyter.render import budget
from ogpu_jupyter.render.answers import KINDS, OVERDRAWN
from ogpu_jupyter.render.drawing import Drawing
from ogpu_jupyter.render.kinds import markdown
from ogpu_jupyter.render.kinds.images import picture
from ogpu_jupyter.render.registry import Kind
from ogpu_jupyter.saving import save
from ogpu_jupyter.tasks import Answer
from tests import hostile

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = 150 * 2**20


def drawn(value: Any) -> tuple[str, str]:
    """As a view has it: within its room, in HTML and in text."""
    answer = Answer.model_construct(value=value, problem="")  # deeper than a decoder lets in
    drawing = Drawing([("https://a.b/c", answer)], None)
    return drawing.html(answer), drawing.text(answer)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def deep_png(side: int, level: int = 0) -> str:
    """RGBA of 16 bits, of one level: a few kB, and eight bytes of each pixel when decoded."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    pixels, row = zlib.compressobj(9), b"\0" + bytes([level]) * (8 * side)
    body = b"".join(pixels.compress(row) for _ in range(side)) + pixels.flush()
    head = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return encoded(b"\x89PNG\r\n\x1a\n" + parts)


def moving(kind: str, frames: int = 3, side: int = 16) -> bytes:
    colours = [Image.new("RGB", (side, side), (80 * n % 256, 9, 9)) for n in range(frames)]
    out = io.BytesIO()
    colours[0].save(out, kind, save_all=True, append_images=colours[1:], duration=40, loop=0)
    return out.getvalue()


# Work


@pytest.mark.parametrize(
    "value",
    [
        [[{"role": "assistant", "content": "[a](" * 4900}] * 20] * 12,
        {f"f{n}": "![" * 9500 for n in range(30)},
    ],
    ids=["chats", "fields"],
)
def test_markdown_is_read_up_to_a_bound(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all texts together; the others stand as they were written."""
    read: list[int] = []
    blocks = markdown.blocks
    monkeypatch.setattr(markdown, "blocks", lambda text: read.append(len(text)) or blocks(text))

    page = render.answer_html(value)

    assert sum(min(size, 20_000) for size in read) <= budget.MARKDOWN
    assert "ogpu-text" in page


def test_tables_have_so_many_cells() -> None:
    """All tables of an answer together, each with a beginning."""
    tables = json.loads(json.dumps([[[[1] * 100] * 100] * 10] * 5))  # as they come: no two the same

    page = render.answer_html(tables)

    assert page.count("<td") < 2 * budget.CELLS


def test_pictures_are_taken_apart_up_to_a_bound() -> None:
    """Of masks the first are shown, and the others counted."""
    masks = [{"label": str(n), "score": 0.5, "mask": deep_png(2000, n)} for n in range(24)]

    page, words = drawn(masks)

    assert 0 < page.count("ogpu-mask ") < 24
    assert "more mask" in page
    assert "more mask" in words


def test_a_picture_too_large_to_be_made_smaller() -> None:
    """It isn't in the notebook, and the view says what has it."""
    page, words = drawn({"a": deep_png(7000), "b": 1})

    assert "<img" not in page
    assert "task.save(…)" in page
    assert "7000 \N{MULTIPLICATION SIGN} 7000" in words


def test_memory_above_the_answer() -> None:
    """Of a million rows only the first are made a table."""
    value = [{"a": 1} for _ in range(990_000)]

    tracemalloc.start()
    try:
        drawn(value)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < MEMORY


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_is_its_first_frame_until_asked_for(kind: str) -> None:
    """The page has one picture to decode, not thousands; the file is whole."""
    raw = moving(kind)
    found = picture(encoded(raw))

    assert found is not None
    first = Image.open(io.BytesIO(base64.b64decode(found.first)))
    assert getattr(first, "n_frames", 1) == 1
    assert first.convert("RGB").getpixel((0, 0)) == pytest.approx((0, 9, 9), abs=6)
    unasked, asked = (
        render.answer_html(encoded(raw)),
        render.answer_html(encoded(raw), show="images"),
    )
    assert encoded(raw) not in unasked
    assert found.first in unasked
    assert "--show images" in unasked
    assert encoded(raw) in asked
    assert base64.b64decode(found.encoded) == raw


def test_a_drawing_has_its_time() -> None:
    """After it the answer is folded JSON, and that is said."""

    def slow(_: Any) -> str:
        budget.current()._ends = 0
        budget.current().check()
        raise AssertionError

    KINDS.insert(0, Kind("slow", lambda value, _: value, slow, slow))
    try:
        shown = render.answer_html({"a": "<b>"}), render.answer_text({"a": "<b>"})
    finally:
        del KINDS[0]

    assert "&lt;b&gt;" in shown[0]
    assert "<details" in shown[0]
    assert all(OVERDRAWN in each for each in shown)


# Shapes


def wrapped(value: Any, levels: int = 6) -> Any:
    for _ in range(levels):
        value = {"result": value}
    return value


SHAPES: dict[str, Any] = {
    "nothing": None, "false": False, "zero": 0, "an empty text": "", "an empty list": [],
    "an empty object": {}, "lists in lists": [[[]]], "an empty name": {"": ""},
    "wrappers": wrapped([1, 2]), "wrappers of nothing": wrapped(None),
    "of rows": wrapped([{"a": 1}]),
    "of lists": wrapped([[{"a": 1}]]), "a wrapper that is fine": {"status": "ok", "result": {}},
    "denormals": [5e-324 * n for n in range(9)], "as columns": {"a": [5e-324] * 9, "b": [0.0] * 9},
    "as rows": [{"x": n * 5e-324, "y": 1e308 * (-1) ** n} for n in range(9)],
    "large numbers": [1.7e308, -1.7e308] * 5, "NaN": [float("nan")] * 9,
    "infinities": [float("inf"), float("-inf"), 1.0] * 3, "a huge integer": 10**4000,
    "huge integers": [10**400 * n for n in range(9)], "in rows": [{"a": 10**400, "b": -1}] * 3,
    "deep lists": json.loads("[" * 90 + "]" * 90), "unequal rows": [[1, 2], [3]],
    "deep objects": json.loads('{"a":' * 90 + "1" + "}" * 90),
    "kinds in one": [1, "a", None, {}, []],
    "a surrogate": {"\ud800": "\udfff"}, "equal names": {"columns": ["a", "a"], "data": [[1, 2]]},
    "a picture": deep_png(9), "masks": [{"label": "a", "score": 1, "mask": deep_png(9)}],
    "a GIF": encoded(moving("gif")), "depths": {"predicted_depth": [[0.0] * 9] * 9},
    "sound": {"audio": [0.0, 5e-324], "sampling_rate": 8000}, "vectors": [[5e-324] * 70] * 3,
    "labels": [{"label": "", "score": 5e-324}] * 3, "an error": {"error": wrapped({})},
    "a transcript": {"text": "", "chunks": [{"text": "a", "timestamp": [None, None]}]},
    "a chat": [{"role": "", "content": None}], "a question": {"answer": "", "score": 0, "start": 0},
}  # fmt: skip


def corpus() -> dict[str, Any]:
    answers = {f"hostile: {name}": value for name, value in hostile.answers().items()}
    texts = {f"text: {name}": hostile.SHAPES[name]("[a](") for name in hostile.SHAPES}
    return SHAPES | answers | texts


@pytest.mark.parametrize("name", corpus())
def test_each_shape_in_every_way(name: str, tmp_path: Path) -> None:
    """Shown as each kind, saved in each format, and as a frame: done, or refused in words."""
    value = corpus()[name]

    drawn(value)
    for kind in KINDS:
        assert "could not be drawn" not in render.answer_html(value, show=kind.name), kind.name
        assert "could not be drawn" not in render.answer_text(value, show=kind.name), kind.name
    for suffix in ("", ".json", ".csv", ".tsv", ".txt", ".md", ".png", ".jpg", ".wav"):
        with suppress(InputError):
            save(value, tmp_path / f"a{suffix}", overwrite=True)
    with suppress(InputError):
        to_frame(value)
