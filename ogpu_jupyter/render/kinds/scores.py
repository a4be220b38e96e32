"""Answers of recognisers: labels with scores as bars, and things found in a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, each, figure, number, strings
from ogpu_jupyter.render.safe import esc, one_line

from .images import Picture, picture
from .texts import more_html, more_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

MAX_BARS: Final = 25
_MAX_BOXES: Final = 60
_NAME_PIXELS: Final = 8  # of a letter, generously
_SHOWN_PIXELS: Final = 500  # a large picture is shown about so wide
_NAMES: Final = ("label", "answer", "class", "category")
_SCORES: Final = ("score", "probability", "confidence")


@dataclass(frozen=True)
class Label:
    name: str
    score: float


@dataclass(frozen=True)
class Labels:
    """Labels of one thing, or the best label of each of several `inputs`."""

    labels: list[Label]
    sequence: str = ""
    inputs: tuple[str, ...] = ()


def _read_labels(value: Json, given: Given) -> Labels | None:
    if isinstance(value, dict) and "labels" in value:
        return _zero_shot(value)
    if isinstance(value, dict) and (shares := _shares(value)):
        return Labels(shares)
    items = value if isinstance(value, list) else [value]
    labels = each(_label, items)
    if not labels:
        return None
    return Labels(labels, inputs=_inputs(labels, given.data))


def _label(item: Json) -> Label | None:
    """`{"label": …, "score": …}`; visual question answering calls the first an answer."""
    if not isinstance(item, dict) or len(item) != 2:
        return None
    name = next((item[key] for key in _NAMES if key in item), None)
    score = number(next((item[key] for key in _SCORES if key in item), None))
    return Label(name, score) if isinstance(name, str) and score is not None else None


def _zero_shot(value: dict[str, Json]) -> Labels | None:
    """Labels and scores in two lists, with the text that they are of."""
    names, scores = value["labels"], value.get("scores")
    if set(value) - {"labels", "scores", "sequence"} or not names:
        return None
    if not isinstance(names, list) or not isinstance(scores, list) or len(names) != len(scores):
        return None
    read = [_label({"label": n, "score": s}) for n, s in zip(names, scores, strict=True)]
    sequence = value.get("sequence", "")
    if not all(read) or not isinstance(sequence, str):
        return None
    return Labels([label for label in read if label], sequence)


def _shares(value: dict[str, Json]) -> list[Label]:
    """`{"cat": 0.9, "dog": 0.1}`: names to shares of one whole, the largest first."""
    if not 2 <= len(value) <= 1000:
        return []
    scores = [number(item) for item in value.values()]
    known = [score for score in scores if score is not None and 0 <= score <= 1]
    if len(known) < len(scores) or not 0.98 <= sum(known) <= 1.02:
        return []
    labels = [Label(name, score) for name, score in zip(value, known, strict=True)]
    return sorted(labels, key=lambda label: -label.score)


def _inputs(labels: list[Label], data: Json) -> tuple[str, ...]:
    """The texts that were sent, where there is one for each label and they aren't shares of one."""
    if len(labels) < 2 or sum(label.score for label in labels) < 1.02:
        return ()
    found = data.get("data", data) if isinstance(data, dict) else data
    if isinstance(found, dict):
        found = found.get("inputs", found.get("input", found.get("texts")))
    if not isinstance(found, list) or len(found) != len(labels):
        return ()
    texts = tuple(text for text in found if isinstance(text, str))
    return texts if len(texts) == len(found) else ()


def share(score: float) -> str:
    return f"{score:.1%}" if 0 <= score <= 1 else figure(score)


def _labels_html(labels: Labels) -> str:
    if labels.inputs:
        return _each_html(labels)
    of = (
        f'<p class="ogpu-text" dir="auto">{esc(labels.sequence, 600)}</p>'
        if labels.sequence
        else ""
    )
    return of + bars_html(labels.labels)


def bars_html(labels: Sequence[Label], word: str = "label") -> str:
    rows = _bars(labels, [""] * len(labels))
    return f'<ol class="ogpu-bars">{rows}</ol>{more_html(len(labels) - MAX_BARS, word)}'


def _whole(labels: Sequence[Label]) -> float:
    """Scores from 0 to 1 are measured against the whole, others against the largest."""
    top = max((abs(label.score) for label in labels), default=1.0)
    return 1.0 if top <= 1 else top


def _bars(labels: Sequence[Label], hues: Sequence[str]) -> str:
    whole = _whole(labels)
    best = max(labels, key=lambda label: label.score)
    return "".join(
        f'<li class="{hue}{" ogpu-top" if label is best else ""}">'
        f'<span dir="auto">{esc(label.name, 120)}</span> '
        f'<span class="ogpu-track"><i style="width:{max(0, label.score) / whole:.2%}"></i></span> '
        f'<span title="{label.score!r}">{share(label.score)}</span></li>'
        for label, hue in list(zip(labels, hues, strict=True))[:MAX_BARS]
    )


def _each_html(labels: Labels) -> str:
    """A line for each of the inputs, with its best label."""
    whole = _whole(labels.labels)
    rows = "".join(
        f'<li><span dir="auto">{esc(text, 160)}</span> <b dir="auto">{esc(label.name, 60)}</b> '
        f'<span class="ogpu-track"><i style="width:{max(0, label.score) / whole:.2%}"></i></span> '
        f'<span title="{label.score!r}">{share(label.score)}</span></li>'
        for text, label in list(zip(labels.inputs, labels.labels, strict=True))[:MAX_BARS]
    )
    more = more_html(len(labels.labels) - MAX_BARS, "label")
    return f'<ol class="ogpu-bars ogpu-each">{rows}</ol>{more}'


def _labels_text(labels: Labels) -> str:
    lines = bars_text(labels.labels)
    if labels.inputs:
        ofs = [f"  {one_line(text, 100)}" for text in labels.inputs[:MAX_BARS]]
        lines = [line + of for line, of in zip(lines, ofs, strict=False)] + lines[len(ofs) :]
    return "\n".join(lines)


def bars_text(labels: Sequence[Label], word: str = "label") -> list[str]:
    shown = labels[:MAX_BARS]
    width = max(len(one_line(label.name, 40)) for label in shown)
    lines = [f"{one_line(label.name, 40):{width}}  {share(label.score):>6}" for label in shown]
    return [*lines, *more_text(len(labels) - len(shown), word)]


LABELS: Final = Kind(
    "labels", _read_labels, _labels_html, _labels_text,
    ("classification", "scores", "text-classification", "image-classification"),
)  # fmt: skip


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
    boxes = each(_box, value)
    if boxes is None:
        return None
    images = (picture(given.content(text)) for text in strings(given.data))
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
    places = {name: n for n, name in enumerate(names)}
    hues = [f"ogpu-h{places[label.name] % 8}" for label in labels]
    bars = f'<ol class="ogpu-bars">{_bars(labels, hues)}</ol>'
    more = more_html(len(labels) - MAX_BARS, "thing")
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
    words = f"{esc(box.label.name, 60)} {share(box.label.score)}"
    wide = _NAME_PIXELS * len(box.label.name[:40]) / min(image.width, _SHOWN_PIXELS)
    side = " ogpu-inward" if left + wide > 1 else ""  # its name would leave the picture
    return (
        f'<div class="ogpu-box{side} {hue}" style="{place}" title="{words}">'
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
        f"{one_line(box.label.name, 40)}  {share(box.label.score)}  {_place(box)}"
        for box in found.boxes[:_MAX_BOXES]
    ]
    return "\n".join([*lines, *more_text(len(found.boxes) - len(lines), "thing")])


FOUND: Final = Kind(
    "detections", _read_found, _found_html, _found_text, ("boxes", "object-detection")
)
