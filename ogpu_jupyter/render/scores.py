"""Answers of recognisers: labels with scores as bars, and things found in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .images import Picture, picture
from .registry import Kind, figure, number, strings
from .safe import esc, one_line
from .texts import more_html, more_text

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import Json

    from .registry import Given

_MAX_BARS: Final = 25
_MAX_BOXES: Final = 60


@dataclass(frozen=True)
class Label:
    name: str
    score: float


def _read_labels(value: Json, _: Given) -> list[Label] | None:
    items = value if isinstance(value, list) else [value]
    read = [_label(item) for item in items]
    return [label for label in read if label] if read and all(read) else None


def _label(item: Json) -> Label | None:
    if not isinstance(item, dict) or set(item) != {"label", "score"}:
        return None
    name, score = item["label"], number(item["score"])
    return Label(name, score) if isinstance(name, str) and score is not None else None


def _share(score: float) -> str:
    return f"{score:.1%}" if 0 <= score <= 1 else figure(score)


def _labels_html(labels: list[Label]) -> str:
    rows = _bars(labels, [""] * len(labels))
    return f'<ol class="ogpu-bars">{rows}</ol>{more_html(len(labels) - _MAX_BARS, "label")}'


def _bars(labels: list[Label], hues: list[str]) -> str:
    """Scores from 0 to 1 against the whole, others against the largest."""
    top = max((abs(label.score) for label in labels), default=1.0)
    whole = 1.0 if top <= 1 else top
    best = max(labels, key=lambda label: label.score)
    return "".join(
        f'<li class="{hue}{" ogpu-top" if label is best else ""}">'
        f'<span dir="auto">{esc(label.name, 120)}</span> '
        f'<span class="ogpu-track"><i style="width:{max(0, label.score) / whole:.2%}"></i></span>'
        f'<span title="{label.score!r}">{_share(label.score)}</span></li>'
        for label, hue in list(zip(labels, hues, strict=True))[:_MAX_BARS]
    )


def _labels_text(labels: list[Label]) -> str:
    shown = labels[:_MAX_BARS]
    width = max(len(one_line(label.name, 40)) for label in shown)
    lines = [f"{one_line(label.name, 40):{width}}  {_share(label.score):>6}" for label in shown]
    return "\n".join([*lines, *more_text(len(labels) - len(shown), "label")])


LABELS: Final = Kind("labels", _read_labels, _labels_html, _labels_text)


@dataclass(frozen=True)
class Box:
    """Something found: pixels from the picture's top left."""

    label: Label
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Found:
    """What was found, and the picture it was found in when the task's data holds it."""

    boxes: list[Box]
    image: Picture | None


def _read_found(value: Json, given: Given) -> Found | None:
    if not isinstance(value, list) or not value:
        return None
    read = [_box(item) for item in value]
    if not all(read):
        return None
    boxes = [box for box in read if box]
    images = (picture(text) for text in strings(given.data))
    return Found(boxes, next((i for i in images if i and _lie_within(boxes, i)), None))


def _box(item: Json) -> Box | None:
    if not isinstance(item, dict) or set(item) != {"label", "score", "box"}:
        return None
    label = _label({"label": item["label"], "score": item["score"]})
    box = item["box"]
    if label is None or not isinstance(box, dict):
        return None
    sides = [number(box.get(name)) for name in ("xmin", "ymin", "xmax", "ymax")]
    left, top, right, bottom = sides
    if left is None or top is None or right is None or bottom is None:
        return None
    return Box(label, left, top, right, bottom) if left <= right and top <= bottom else None


def _lie_within(boxes: list[Box], image: Picture) -> bool:
    """Models round outwards, so a little over the edge is still that picture."""
    return all(b.right <= image.width * 1.1 and b.bottom <= image.height * 1.1 for b in boxes)


def _found_html(found: Found) -> str:
    labels = [box.label for box in found.boxes]
    names = list(dict.fromkeys(label.name for label in labels))
    hues = [f"ogpu-h{names.index(label.name) % 8}" for label in labels]
    bars = f'<ol class="ogpu-bars">{_bars(labels, hues)}</ol>'
    more = more_html(len(labels) - _MAX_BARS, "thing")
    if found.image is None:
        return f"{bars}{more}{_places_html(found.boxes)}"
    drawn = [
        _box_html(box, found.image, hue)
        for box, hue in list(zip(found.boxes, hues, strict=True))[:_MAX_BOXES]
    ]
    seen = ", ".join(esc(name, 60) for name in names[:10])
    return (
        f'<div class="ogpu-seen"><div class="ogpu-picture">'
        f'<img src="{found.image.url}" alt="The picture, in which was found: {seen}" '
        f'width="{found.image.width}" height="{found.image.height}">{"".join(drawn)}</div>'
        f"{bars}</div>{more}"
    )


def _box_html(box: Box, image: Picture, hue: str) -> str:
    left, right = (min(max(x / image.width, 0), 1) for x in (box.left, box.right))
    top, bottom = (min(max(y / image.height, 0), 1) for y in (box.top, box.bottom))
    place = f"left:{left:.2%};top:{top:.2%};width:{right - left:.2%};height:{bottom - top:.2%}"
    words = f"{esc(box.label.name, 60)} {_share(box.label.score)}"
    return (
        f'<div class="ogpu-box {hue}" style="{place}" title="{words}">'
        f"<span>{esc(box.label.name, 40)}</span></div>"
    )


def _places_html(boxes: list[Box]) -> str:
    rows = [
        f"<dt>{esc(box.label.name, 60)}</dt><dd>{_place(box)}</dd>" for box in boxes[:_MAX_BOXES]
    ]
    return f'<dl class="ogpu-lines">{"".join(rows)}</dl>'


def _place(box: Box) -> str:
    sides = (box.left, box.top, box.right, box.bottom)
    left, top, right, bottom = (figure(round(side, 1)) for side in sides)
    return f"from {left}, {top} to {right}, {bottom}"


def _found_text(found: Found) -> str:
    lines = [
        f"{one_line(box.label.name, 40)}  {_share(box.label.score)}  {_place(box)}"
        for box in found.boxes[:_MAX_BOXES]
    ]
    return "\n".join([*lines, *more_text(len(found.boxes) - len(lines), "thing")])


FOUND: Final = Kind("things in a picture", _read_found, _found_html, _found_text)


def _read_pictures(value: Json, _: Given) -> list[Picture] | None:
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= 12:
        return None
    read = [picture(item) for item in items]
    return [found for found in read if found] if all(read) else None


def _pictures_html(pictures: list[Picture]) -> str:
    shown = "".join(map(_picture_html, pictures))
    return f'<div class="ogpu-pictures">{shown}</div>'


def _picture_html(image: Picture) -> str:
    small = " ogpu-small" if max(image.width, image.height) <= 64 else ""
    return (
        f'<figure class="ogpu-picture{small}"><img src="{image.url}" alt="{image.name}" '
        f'width="{image.width}" height="{image.height}">'
        f"<figcaption>{image.name} · {image.size / 1000:,.1f} kB</figcaption></figure>"
    )


def _pictures_text(pictures: list[Picture]) -> str:
    return "\n".join(f"[{image.name}, {image.size / 1000:,.1f} kB]" for image in pictures)


PICTURES: Final = Kind("pictures", _read_pictures, _pictures_html, _pictures_text)
