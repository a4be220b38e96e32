"""Embeddings: what they are, never their hundreds of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, numbers

from .texts import more_html, more_text

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_SHORTEST: Final = 64
_MAX_VALUES: Final = 4_000_000
_FIRST: Final = 6
_HANDFUL: Final = 12
_MAX_LISTED: Final = 50
_BINS: Final = 40
_DEPTHS: Final = 3
_WRAPPERS: Final = ("embedding", "embeddings", "vector", "vectors")
_BESIDE: Final = frozenset({"object", "model", "usage", "index", "data", "id", "dim"})

Vector = list[float]


@dataclass(frozen=True)
class Vectors:
    """All of one length. `shape` is the answer's own; of deeper ones, a vector is a token's."""

    shape: tuple[int, ...]
    vectors: list[Vector]


def read_vectors(value: Json, given: Given | None = None) -> Vectors | None:
    """Lists of at least 64 numbers that aren't a series: `[…]`, `[[…], …]`, `[[[…], …]]`."""
    is_asked = given is not None and given.is_asked
    value, is_named = _inner(value)
    found = _nested(value, 2 if is_asked else _SHORTEST)
    if found is None:
        return None
    return found if is_named or is_asked or _is_no_series(found) else None


def _inner(value: Json) -> tuple[Json, bool]:
    """Without what embeddings come in: `{"embedding": …}`, `{"data": [{"embedding": …}]}`."""
    if not isinstance(value, dict):
        return value, False
    data = value.get("data")
    if isinstance(data, list) and not set(value) - _BESIDE:
        parts = [item.get("embedding") for item in data if isinstance(item, dict)]
        return (parts, True) if len(parts) == len(data) else (value, False)
    for name in _WRAPPERS:
        if name in value and not set(value) - _BESIDE - {name}:
            return value[name], True
    return value, False


def _nested(value: Json, shortest: int) -> Vectors | None:
    shape: list[int] = []
    level: list[Json] = [value]
    for _ in range(_DEPTHS):
        lists = [item for item in level if isinstance(item, list)]
        if not lists or len(lists) < len(level) or any(len(i) != len(lists[0]) for i in lists):
            return None
        shape.append(len(lists[0]))
        if not lists[0] or math.prod(shape) > _MAX_VALUES:
            return None
        if not isinstance(lists[0][0], list):
            break
        level = [item for inner in lists for item in inner]
    if shape[-1] < shortest:
        return None
    vectors = [_vector(item) for item in level]
    found = [vector for vector in vectors if vector is not None]
    return Vectors(tuple(shape), found) if len(found) == len(vectors) else None


def _vector(value: Json) -> Vector | None:
    return numbers(value) if isinstance(value, list) else None


def _is_no_series(found: Vectors) -> bool:
    """The numbers of an embedding have points, and don't follow from their neighbours."""
    sample = found.vectors[:8]
    return all(_has_points(vector) and abs(_likeness(vector)) < 0.4 for vector in sample)


def _has_points(vector: Vector) -> bool:
    return sum(x != int(x) for x in vector) > 0.9 * len(vector)


def _likeness(vector: Vector) -> float:
    """How much a number is like the one before it: 1 in a smooth curve, about 0 in an embedding."""
    top = max(map(abs, vector)) or 1.0
    mean = sum(x / top for x in vector) / len(vector)
    off = [x / top - mean for x in vector]
    whole = sum(x * x for x in off)
    return sum(a * b for a, b in pairwise(off)) / whole if whole else 1.0


def norm(vector: Vector) -> float:
    return math.hypot(*vector)


def similarity(a: Vector, b: Vector) -> float | None:
    """The cosine of the angle between them; None where one has no direction."""
    size_a, size_b = norm(a), norm(b)
    if not size_a or not size_b or not math.isfinite(size_a + size_b):
        return None
    return sum(x / size_a * (y / size_b) for x, y in zip(a, b, strict=True))


def _words(found: Vectors) -> str:
    size, count = found.shape[-1], len(found.vectors)
    shape = " \N{MULTIPLICATION SIGN} ".join(f"{n:,}" for n in found.shape)
    if len(found.shape) == 1:
        return f"An embedding of {size:,} numbers, norm {_short(norm(found.vectors[0]))}."
    what = f"{count:,} embedding{'s' if count > 1 else ''} of {size:,} numbers"
    each = f"; shape {shape}" if len(found.shape) > 2 else ""
    return f"{what}{each}."


def _short(value: float) -> str:
    return f"{value:.4g}"


def _first(vector: Vector) -> str:
    return ", ".join(_short(x) for x in vector[:_FIRST]) + ", …"


def _bins(vector: Vector) -> tuple[float, list[int]]:
    """How many numbers lie in each of 40 equal parts between the limits."""
    limit = max(map(abs, vector)) or 1.0
    counts = [0] * _BINS
    for x in vector:
        counts[min(_BINS - 1, int((x / limit / 2 + 0.5) * _BINS))] += 1
    return limit, counts


def _strip(vector: Vector) -> str:
    limit, counts = _bins(vector)
    top = max(counts)
    bars = "".join(
        f"M{n} 100h1v-{100 * count / top:.1f}h-1z" for n, count in enumerate(counts) if count
    )
    words = f"How its numbers are spread, from {_short(-limit)} to {_short(limit)}"
    return (
        f'<svg class="ogpu-strip" viewBox="0 0 {_BINS} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{words}"><title>{words}</title><path d="{bars}"/></svg>'
    )


def _vectors_html(found: Vectors) -> str:
    shown = found.vectors[:_MAX_LISTED]
    rows = "".join(
        f'<tr><th scope="row">{n}</th><td class="ogpu-num" title="{norm(vector)!r}">'
        f"{_short(norm(vector))}</td><td>{_strip(vector)}</td>"
        f"<td><code>{_first(vector)}</code></td></tr>"
        for n, vector in enumerate(shown)
    )
    named = "".join(f'<th scope="col">{name}</th>' for name in ("spread", "first"))
    heads = f'<th scope="col"></th><th scope="col" class="ogpu-num">norm</th>{named}'
    return (
        f'<p>{_words(found)}</p><div class="ogpu-scroll" tabindex="0" role="region" '
        f'aria-label="Embeddings"><table class="ogpu-table ogpu-vectors"><thead><tr>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
        f"{more_html(len(found.vectors) - len(shown), 'embedding')}{_matrix_html(found)}"
    )


def _matrix(found: Vectors) -> list[list[float | None]]:
    """The similarity of each with each, where there is a handful."""
    if not 2 <= len(found.vectors) <= _HANDFUL:
        return []
    return [[similarity(a, b) for b in found.vectors] for a in found.vectors]


def _matrix_html(found: Vectors) -> str:
    matrix = _matrix(found)
    if not matrix:
        return ""
    heads = "".join(f'<th scope="col" class="ogpu-num">{n}</th>' for n in range(len(matrix)))
    rows = "".join(
        f'<tr><th scope="row">{n}</th>{"".join(map(_likeness_cell, row))}</tr>'
        for n, row in enumerate(matrix)
    )
    return (
        '<div class="ogpu-named"><div class="ogpu-role">Cosine similarity</div>'
        '<div class="ogpu-scroll"><table class="ogpu-table ogpu-alike"><thead><tr><th></th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def _likeness_cell(value: float | None) -> str:
    if value is None:
        return '<td class="ogpu-none ogpu-num">\N{EN DASH}</td>'
    share = min(100, max(0, round(100 * value)))
    return f'<td class="ogpu-num" style="--like:{share}%">{value:.2f}</td>'


def _vectors_text(found: Vectors) -> str:
    lines = [
        f"{n}: norm {_short(norm(vector))}, {_first(vector)}"
        for n, vector in enumerate(found.vectors[:_HANDFUL])
    ]
    more = more_text(len(found.vectors) - len(lines), "embedding")
    matrix = _matrix(found)
    alike = ["cosine similarity:"] if matrix else []
    alike += ["  ".join("    -" if x is None else f"{x:5.2f}" for x in row) for row in matrix]
    return "\n".join([_words(found), *lines, *more, *alike])


EMBEDDINGS: Final = Kind(
    "embedding",
    read_vectors,
    _vectors_html,
    _vectors_text,
    words=("embeddings", "vector", "vectors", "features"),
)
