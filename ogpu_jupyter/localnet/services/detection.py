"""Coloured shapes in an image: segments of one colour, joined, measured and named."""

from __future__ import annotations

import base64
import binascii
import colorsys
import io
import math
from collections import Counter, deque
from typing import Any, Final, NamedTuple

_MAX_PIXELS: Final = 25_000_000
_SIDE: Final = 200  # what is looked at, at most
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
_MOST: Final = 50
_LEAST_SHARE: Final = 0.0008  # of the picture; less is a speck

Grid = list[list[str]]


class _Shape(NamedTuple):
    color: str
    area: int
    left: int
    top: int
    right: int  # exclusive, as is the bottom
    bottom: int
    edge: int  # cells of it beside another color


def detect(image: str, *, threshold: float) -> list[dict[str, Any]]:
    """Label, score and box of each shape, in pixels of the image, the largest first.

    ValueError when it is no image in base64 or is too large.
    """
    grid, scale = _grid(_bytes(image))
    height, width = len(grid), len(grid[0])
    shapes = [s for s in _shapes(grid) if s.area >= max(12, _LEAST_SHARE * height * width)]
    found = []
    for shape in sorted(shapes, key=lambda s: (-s.area, s.top, s.left)):
        name, score = _named(shape)
        if score >= threshold:
            found.append(
                {"label": f"{shape.color} {name}", "score": score, "box": _box(shape, scale)}
            )
    return found[:_MOST]


def _bytes(image: str) -> bytes:
    if image.startswith("data:"):
        image = image.partition(",")[2]
    try:
        return base64.b64decode("".join(image.split()), validate=True)
    except binascii.Error:
        raise ValueError("the image is not base64") from None


def _grid(data: bytes) -> tuple[Grid, float]:
    """The names of the colors in rows, and by how much the image was larger."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only for an image

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise ValueError("the image has more than 25 million pixels")
            image.draft("RGB", (_SIDE, _SIDE))
            full = image.width, image.height
            picture = _on_white(image.convert("RGBA"))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("the image can't be read") from None
    scale = max(1.0, max(full) / _SIDE)
    size = max(1, round(full[0] / scale)), max(1, round(full[1] / scale))
    small = picture.resize(size, Image.Resampling.BOX) if scale > 1 else picture
    pixels = list(zip(*[iter(small.tobytes())] * 3, strict=True))
    names = {pixel: _color(*pixel) for pixel in set(pixels)}
    width = size[0]
    rows = [pixels[start : start + width] for start in range(0, len(pixels), width)]
    return [[names[pixel] for pixel in row] for row in rows], full[0] / width


def _on_white(image: Any) -> Any:
    from PIL import Image  # noqa: PLC0415 - only for an image

    under = Image.new("RGBA", image.size, (255, 255, 255, 255))
    under.alpha_composite(image)
    return under.convert("RGB")


_HUES: Final = (
    (15, "red"),
    (42, "orange"),
    (68, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (258, "blue"),
    (290, "purple"),
    (340, "pink"),
    (361, "red"),
)


def _color(red: int, green: int, blue: int) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    if value < 0.2:
        return "black"
    if saturation < 0.18:
        return "white" if value > 0.85 else "gray"
    name = next(name for limit, name in _HUES if hue * 360 < limit)
    return "brown" if name == "orange" and value < 0.62 else name


def _shapes(grid: Grid) -> list[_Shape]:
    """All but the background, which is the most frequent color along the border."""
    height, width = len(grid), len(grid[0])
    border = [*grid[0], *grid[-1], *(row[0] for row in grid), *(row[-1] for row in grid)]
    background = Counter(border).most_common(1)[0][0]
    seen = bytearray(height * width)
    shapes = []
    for start in range(height * width):
        y, x = divmod(start, width)
        if not seen[start] and grid[y][x] != background:
            shapes.append(_flood(grid, seen, x, y))
    return shapes


def _flood(grid: Grid, seen: bytearray, x: int, y: int) -> _Shape:
    height, width, color = len(grid), len(grid[0]), grid[y][x]
    seen[y * width + x] = 1
    line = deque([(x, y)])
    area = edge = 0
    left, top, right, bottom = x, y, x, y
    while line:
        x, y = line.popleft()
        area += 1
        left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        same = 0
        for nx, ny in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
            if 0 <= nx < width and 0 <= ny < height and grid[ny][nx] == color:
                same += 1
                if not seen[ny * width + nx]:
                    seen[ny * width + nx] = 1
                    line.append((nx, ny))
        edge += same < 4
    return _Shape(color, area, left, top, right + 1, bottom + 1, edge)


def _named(shape: _Shape) -> tuple[str, float]:
    """By how much of its box it fills, and how far that is from the ideal."""
    width, height = shape.right - shape.left, shape.bottom - shape.top
    fill = shape.area / (width * height)
    even = min(width, height) / max(width, height)
    ideals = {
        "square" if even > 0.9 else "rectangle": 1.0,
        "circle" if even > 0.9 else "ellipse": math.pi / 4,
        "triangle": 0.5,
    }
    name, ideal = min(ideals.items(), key=lambda each: abs(each[1] - fill))
    score = 1 - min(1.0, 3.2 * abs(ideal - fill))
    # A ragged outline is no plain shape.
    smooth = min(1.0, 2.6 * (width + height) / max(shape.edge, 1))
    return (name, round(score * smooth, 4)) if score * smooth > 0.35 else ("area", 0.5)


def _box(shape: _Shape, scale: float) -> dict[str, int]:
    sides = {"xmin": shape.left, "ymin": shape.top, "xmax": shape.right, "ymax": shape.bottom}
    return {name: round(side * scale) for name, side in sides.items()}
