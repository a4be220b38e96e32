"""How far away each place of a picture is: a depth map, light where it is near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, figure, number, strings

from .galleries import picture_html
from .images import Picture, picture
from .masks import greyscale

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_SIDE: Final = 512
_FEWEST: Final = 8


@dataclass(frozen=True)
class Depth:
    """The map, the picture it is of when the task's data holds it, and the range of its numbers."""

    image: Picture
    of: Picture | None
    words: str


def _read_depth(value: Json, given: Given) -> Depth | None:
    if not isinstance(value, dict) or not value.keys() <= {"depth", "predicted_depth"}:
        return None
    drawn = value.get("depth")
    image = picture(given.content(drawn)) if isinstance(drawn, str) else None
    rows = _rows(value.get("predicted_depth", drawn if image is None else None))
    if image is None and not rows:
        return None
    words = "Depth map"
    if rows:
        low, high = min(map(min, rows)), max(map(max, rows))
        words = f"Depth map, from {figure(low)} to {figure(high)}"
        image = image or _map(rows, low, high)
    sent = (picture(given.content(text)) for text in strings(given.data))
    return Depth(image, next((i for i in sent if i), None), words) if image else None


def _rows(value: Json) -> list[list[float]]:
    """Rows of as many numbers each, thinned to the size of a picture; empty for anything else."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list) or len(value) < _FEWEST or not isinstance(value[0], list):
        return []
    width, step = len(value[0]), max(1, -(-max(len(value), len(value[0])) // _MAX_SIDE))
    rows = []
    for row in value[::step]:
        if not isinstance(row, list) or len(row) != width or width < _FEWEST:
            return []
        numbers = [number(x) for x in row[::step]]
        kept = [x for x in numbers if x is not None]
        if len(kept) < len(numbers):
            return []
        rows.append(kept)
    return rows


def _map(rows: list[list[float]], low: float, high: float) -> Picture | None:
    half = high / 2 - low / 2 or 1.0  # halves: the difference of two large floats may not be finite
    return greyscale([bytes(round((x / 2 - low / 2) / half * 255) for x in row) for row in rows])


def _depth_html(depth: Depth) -> str:
    sent = picture_html(depth.of, "The picture") if depth.of else ""
    shown = sent + picture_html(depth.image, depth.words)
    return f'<div class="ogpu-pictures ogpu-grid ogpu-wide">{shown}</div>'


def _depth_text(depth: Depth) -> str:
    return f"[{depth.words}: {depth.image.name}]"


DEPTH: Final = Kind(
    "depth", _read_depth, _depth_html, _depth_text, ("depth-map", "depth-estimation")
)
