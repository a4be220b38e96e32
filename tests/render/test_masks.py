"""Masks lie on their picture in their own colour, and can be switched off without a script."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import pytest
from PIL import Image, ImageChops

from ogpu_jupyter.render import answer_html, answer_kind, answer_text
from ogpu_jupyter.render.kinds.images import picture
from ogpu_jupyter.render.kinds.masks import Mask, greyscale
from ogpu_jupyter.render.style import HUES, all_rules
from tests.render import samples
from tests.render.checks import safe

TIMES = "\N{MULTIPLICATION SIGN}"
ELLIPSE = (44, 76, 146, 206)


def opened(encoded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def mask(mode: str = "L", kind: str = "PNG", **words: Any) -> str:
    """The ellipse, as an encoder writes it in another way."""
    out = io.BytesIO()
    opened(samples.silhouette(ELLIPSE)).convert(mode).save(out, kind, **words)
    return base64.b64encode(out.getvalue()).decode()


def segments(*masks: str) -> list[dict[str, Any]]:
    return [{"label": f"part {n}", "score": 0.5, "mask": m} for n, m in enumerate(masks)]


@pytest.mark.parametrize(
    "encoded",
    [mask(), mask("1"), mask("P"), mask("RGB"), mask("RGBA"), mask("I;16"), mask(kind="JPEG"),
     mask("LA"), mask(kind="WEBP", lossless=True), mask(bits=4)],
)  # fmt: skip
def test_each_way_to_write_a_mask(encoded: str) -> None:
    """It covers its part in its colour, half clear, and leaves the rest alone."""
    shown = answer_html(segments(encoded))
    drawn = re.findall(
        r'<img src="data:image/png;base64,([^"]+)" class="ogpu-mask ogpu-m0"', shown
    )[0]
    image = opened(drawn).convert("RGBA")

    assert image.size == (360, 240)
    red, green, blue, solid = image.getpixel((95, 140))
    assert f"#{red:02x}{green:02x}{blue:02x}" == HUES[0]
    assert 140 <= solid <= 160
    assert image.getpixel((300, 40))[3] <= 4


def test_the_pixels_stay_as_they_came() -> None:
    """A greyscale PNG gets a palette; not one of its pixels is touched."""
    encoded = samples.silhouette(ELLIPSE)
    found = picture(encoded)
    assert found is not None

    coloured = Mask("a", None, found).coloured("#ffffff")

    before, after = opened(encoded), opened(coloured.encoded).convert("RGBA").getchannel("A")
    assert ImageChops.difference(before.point(lambda x: 150 if x else 0), after).getbbox() is None


def test_they_lie_on_the_picture_that_was_sent() -> None:
    """Of the same shape, at any size; else on a ground of their own."""
    value, data = samples.ANSWERS["masks"]
    large = {"input": samples.picture(size=(720, 480))}

    assert answer_html(value, data=data).count("<img") == 4
    assert answer_html(value, data=large).count("<img") == 4
    for other in (None, {"input": samples.picture(size=(90, 90))}):
        assert answer_html(value, data=other).count("<img") == 3
        assert "ogpu-ground" in answer_html(value, data=other)


def test_each_has_a_switch() -> None:
    """A box for each, and a rule of the style that hides its mask."""
    value, data = samples.ANSWERS["masks"]

    shown = answer_html(value, data=data)

    assert shown.count('<input type="checkbox" checked') == 3
    for n in range(24):
        rule = rf"ogpu-masked:has\(\.ogpu-t{n}:not\(:checked\)\) \.ogpu-m{n}\{{visibility: ?hidden"
        assert re.search(rule, all_rules())


def test_as_text() -> None:
    """Its parts, and how sure the model is."""
    value, _ = samples.ANSWERS["masks"]

    assert answer_text(value).splitlines() == [
        f"house  99.0%  [mask, 360 {TIMES} 240]", f"tree  93.0%  [mask, 360 {TIMES} 240]",
        f"sky  [mask, 360 {TIMES} 240]",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [
    {"masks": [samples.silhouette(ELLIPSE)] * 2, "scores": [0.9, 0.8]},
    {"masks": [samples.silhouette(ELLIPSE)]},
    {"masks": [[[True, False], [0, 1]], [[0, 0], [1, 1]]], "iou_scores": [0.9, 0.8]},
    segments(samples.silhouette(ELLIPSE)) * 40,
])  # fmt: skip
def test_other_shapes_of_masks(value: Any) -> None:
    """Of mask generation, also as rows of true and false; many are counted."""
    assert answer_kind(value) == "masks"
    assert len(re.findall(r"ogpu-m\d+\"", answer_html(value))) <= 24
    safe(answer_html(value))


@pytest.mark.parametrize("value", [
    [{"label": "a", "score": 1, "mask": "x"}], [{"label": 1, "mask": samples.silhouette(ELLIPSE)}],
    {"masks": [[[2, 3]]]}, {"masks": [[[1], [1, 0]]]}, {"masks": []}, {"masks": [[]]},
    {"masks": ["x"], "scores": "x"}, [{"mask": None, "label": "x"}],
    [{"label": "a", "mask": [[[]]]}],
])  # fmt: skip
def test_almost_masks(value: Any) -> None:
    """They are something else, not an error."""
    assert answer_kind(value) != "masks"
    safe(answer_html(value))


def test_a_frame_with_nothing_in_it() -> None:
    """A PNG that is right to its last byte, but for its pixels, is no error."""
    found = greyscale([bytes(4)] * 4)
    assert found is not None
    raw = bytearray(base64.b64decode(found.encoded))
    assert answer_kind(segments(base64.b64encode(bytes(raw)).decode())) == "masks"
    broken = base64.b64decode(mask("RGB"))[:-40] + base64.b64decode(mask("RGB"))[-40:]
    safe(answer_html(segments(base64.b64encode(broken).decode())))


def test_depth() -> None:
    """A map from the numbers, or the picture that came; light where the number is large."""
    rows = [[float(x + y) for x in range(20)] for y in range(10)]
    drawn = {"depth": samples.picture(), "predicted_depth": [rows]}

    numbers = answer_html({"predicted_depth": rows})
    image = opened(re.findall(r"base64,([^\"]+)", numbers)[0])

    assert (image.size, image.getpixel((0, 0)), image.getpixel((19, 9))) == ((20, 10), 0, 255)
    assert answer_text(drawn) == f"[Depth map, from 0 to 28: PNG image, 360 {TIMES} 240]"
    assert answer_kind({"depth": 3}) == "fields"
    big = {"predicted_depth": [[1e308, -1e308] * 400] * 800}
    assert f"PNG image, 400 {TIMES} 400" in answer_text(big)
