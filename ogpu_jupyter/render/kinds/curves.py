"""Numbers in order: a plot, with its axes, drawn as lines of our own SVG.

The picture is stretched to the width there is; what is written beside it are words of the
page, so that they keep their size, their font and the theme's ink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.records import Records, beginning, read_records
from ogpu_jupyter.render.registry import Kind, figure, number
from ogpu_jupyter.render.safe import esc, one_line

from .grids import grid_html, grid_of, grid_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_FEWEST: Final = 5
_MAX_POINTS: Final = 400  # of one line; more than that don't fit beside each other
_MAX_LINES: Final = 6
_MAX_READ: Final = 200_000
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_SPARKS: Final = 60
_LEAST_SPAN: Final = 1e-300  # below it a step between two ticks is no number any more

Points = list[float | None]


@dataclass(frozen=True)
class Curve:
    """Lines over the same x, which rises; None is a gap. `records` are the rows they come from."""

    xs: list[float]
    lines: list[tuple[str, Points]]
    x_name: str = ""
    records: Records | None = None
    limits: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        known = [y for _, ys in self.lines for y in ys if y is not None]
        object.__setattr__(self, "limits", (min(known), max(known)))

    @property
    def is_log(self) -> bool:
        """The x values span so much that their early part would not be seen."""
        return self.xs[0] > 0 and self.xs[-1] / self.xs[0] >= 200


def _read_curve(value: Json, given: Given) -> Curve | None:
    if isinstance(value, list) and len(value) <= _MAX_READ:
        return _series(value, given) or _several(value) or _rows(value, given)
    if isinstance(value, dict):
        return _rows(value, given)
    return None


def _series(value: list[Json], given: Given) -> Curve | None:
    """`[1.0, 2.5, null, …]`."""
    ys = _points(value)
    fewest = 2 if given.is_asked else _FEWEST
    return None if ys is None or len(ys) < fewest else Curve(_counted(ys), [("", ys)])


def _points(value: Json) -> Points | None:
    """Numbers, of which fewer than half may be missing."""
    if not isinstance(value, list):
        return None
    points = [number(item) for item in value]
    known = sum(point is not None for point in points)
    missing = sum(item is None for item in value)
    return points if known and known + missing == len(value) and missing < known else None


def _counted(ys: Sequence[object]) -> list[float]:
    return [float(n) for n in range(len(ys))]


def _several(value: list[Json]) -> Curve | None:
    """`[[…], […]]`: a few long lists of one length."""
    if not 2 <= len(value) <= _MAX_LINES:
        return None
    lines = [_points(item) for item in value]
    found = [line for line in lines if line is not None]
    if len(found) < len(value) or any(len(line) != len(found[0]) for line in found):
        return None
    if len(found[0]) < max(12, 2 * len(found)):
        return None
    return Curve(_counted(found[0]), [(str(n), line) for n, line in enumerate(found, 1)])


def _rows(value: Json, given: Given) -> Curve | None:
    """Rows of numbers whose first column rises: the others over it."""
    first = read_records(beginning(value, _FEWEST)[0])  # mostly too wide, and may be a million
    if first is None or not 1 <= len(first.columns) <= _MAX_LINES + 1:
        return None
    records = read_records(value)
    if records is None or records.has_names or len(records.rows) < _FEWEST:
        return None
    if len(records.columns) > _MAX_LINES + 1:
        return None
    columns = [_points(records.column(n)) for n in range(len(records.columns))]
    lines = [column for column in columns if column is not None]
    if len(lines) < len(columns):
        return None
    return _over_the_first(records, lines) or _over_their_number(value, records, lines, given)


def _over_the_first(records: Records, lines: list[Points]) -> Curve | None:
    xs = [x for x in lines[0] if x is not None]
    if len(xs) < len(lines[0]) or len(lines) < 2 or any(b <= a for a, b in pairwise(xs)):
        return None
    named = list(zip(records.columns[1:], lines[1:], strict=True))
    return Curve(xs, _alike(named), records.columns[0], records)


def _over_their_number(
    value: Json, records: Records, lines: list[Points], given: Given
) -> Curve | None:
    """`{"loss": […], "accuracy": […]}`, or a table of numbers where a plot was asked for."""
    if not given.is_asked and not isinstance(value, dict):
        return None
    named = list(zip(records.columns, lines, strict=True))
    return Curve(_counted(lines[0]), _alike(named), "", records)


def _alike(lines: list[tuple[str, Points]]) -> list[tuple[str, Points]]:
    """The first, and those that can be read on its scale; the rows have the others."""
    size = _size(lines[0][1])
    return [lines[0], *(line for line in lines[1:] if size / 20 <= _size(line[1]) <= size * 20)]


def _size(points: Points) -> float:
    return max((abs(point) for point in points if point is not None), default=0) or 1.0


# What is drawn


@dataclass(frozen=True)
class _Axis:
    """From `low` to `high`, both shown; `ticks` lie between them."""

    low: float
    high: float
    ticks: list[float]

    def place(self, value: float) -> float:
        """From 0 to 1; halves, as the difference of two large floats may not be finite."""
        size = self.high / 2 - self.low / 2
        return 0.5 if not size else (value / 2 - self.low / 2) / size


def _axis(low: float, high: float) -> _Axis:
    """With ticks at round numbers, and a little room beyond them."""
    span = high - low
    if not math.isfinite(span) or span < max(_LEAST_SPAN, abs(high) * 1e-9):
        return _Axis(low, high, [low] if low == high else [low, high])
    step = _round_step(span / 4)
    ticks = [
        n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]
    return _Axis(low, high, ticks[:8])


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    share = rough / power
    return float(power * next(n for n in (1, 2, 5, 10) if share <= n * 1.0001))


def _log_axis(low: float, high: float) -> _Axis:
    """Over logarithms, with ticks at powers of ten."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, (last - first) // 4)
    ticks = [float(n) for n in range(first, last + 1, step)]
    return _Axis(math.log10(low), math.log10(high), ticks)


def _curve_html(curve: Curve) -> str:
    xs = [math.log10(x) for x in curve.xs] if curve.is_log else curve.xs
    make = _log_axis if curve.is_log else _axis
    across, up = make(curve.xs[0], curve.xs[-1]), _axis(*curve.limits)
    words = esc(_curve_words(curve), 400)
    return (
        f'<figure class="ogpu-plot">{_legend(curve)}<div class="ogpu-axes">'
        f'<div class="ogpu-ys">{_y_labels(up)}</div>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{words}"><title>{words}</title>{_gridlines(across, up)}'
        f"{''.join(_line(xs, ys, across, up, n) for n, (_, ys) in enumerate(curve.lines))}</svg>"
        f'<div class="ogpu-xs">{_x_labels(across, is_log=curve.is_log)}</div>'
        f'<div class="ogpu-x">{_x_name(curve)}</div></div>'
        f"<figcaption>{words}</figcaption></figure>{_rows_html(curve)}"
    )


def _x_name(curve: Curve) -> str:
    return esc(curve.x_name, 60) + (" (log scale)" if curve.is_log else "")


def _legend(curve: Curve) -> str:
    """The names of the lines, each with its colour; none where there is nothing to tell."""
    if not any(name for name, _ in curve.lines):
        return ""
    if len(curve.lines) == 1:
        return f"<b>{esc(curve.lines[0][0], 60)}</b>"
    names = "".join(
        f'<li class="ogpu-h{n % 8}"><i></i>{esc(name, 60)}</li>'
        for n, (name, _) in enumerate(curve.lines)
    )
    return f'<ul class="ogpu-legend">{names}</ul>'


def _y_labels(axis: _Axis) -> str:
    return "".join(
        f'<span style="top:{100 - 100 * axis.place(tick):.2f}%">{_tick(tick)}</span>'
        for tick in axis.ticks
    )


def _x_labels(axis: _Axis, *, is_log: bool) -> str:
    return "".join(
        f'<span style="left:{100 * axis.place(tick):.2f}%">{_tick(10**tick if is_log else tick)}'
        "</span>"
        for tick in axis.ticks
    )


def _tick(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-300 else value:.5g}"


def _gridlines(across: _Axis, up: _Axis) -> str:
    flat = [f"M0 {100 - 100 * up.place(tick):.2f}H100" for tick in up.ticks]
    steep = [f"M{100 * across.place(tick):.2f} 100v-2" for tick in across.ticks]
    return f'<path d="{"".join(flat + steep)}"/>'


def _line(xs: list[float], ys: Points, across: _Axis, up: _Axis, n: int) -> str:
    """One stroke for each part without a gap; a point alone is a short dash."""
    return "".join(
        f'<polyline class="ogpu-h{n % 8}" points="{_stroke(part)}"/>'
        for part in _parts(xs, ys, across, up)
    )


def _stroke(part: list[tuple[float, float]]) -> str:
    if len(part) == 1:
        (x, y), *_ = part
        return f"{max(0.0, x - 0.4):.2f},{y:.2f} {min(100.0, x + 0.4):.2f},{y:.2f}"
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in part)


def _parts(
    xs: list[float], ys: Points, across: _Axis, up: _Axis
) -> list[list[tuple[float, float]]]:
    parts: list[list[tuple[float, float]]] = [[]]
    for n in _thinned(ys):
        y = ys[n]
        if y is not None:
            parts[-1].append((100 * across.place(xs[n]), 100 - 100 * up.place(y)))
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _thinned(ys: Points) -> list[int]:
    """Which points are drawn: of many, the lowest and the highest of each stretch, and gaps."""
    count = len(ys)
    if count <= _MAX_POINTS:
        return list(range(count))
    size = math.ceil(count / (_MAX_POINTS // 2))
    kept = {0, count - 1}
    for start in range(0, count, size):
        stretch = range(start, min(start + size, count))
        known = [n for n in stretch if ys[n] is not None]
        kept |= set(stretch[:1]) if not known else {
            min(known, key=lambda n: ys[n] or 0.0), max(known, key=lambda n: ys[n] or 0.0),
        }  # fmt: skip
    return sorted(kept)


def _rows_html(curve: Curve) -> str:
    if curve.records is None:
        return ""
    return f"<details><summary>The rows</summary>{grid_html(grid_of(curve.records))}</details>"


def _curve_words(curve: Curve) -> str:
    (name, ys), count = curve.lines[0], len(curve.lines)
    known = [y for y in ys if y is not None]
    gaps = f", {len(ys) - len(known):,} of them missing" if len(known) < len(ys) else ""
    low, high = (figure(limit) for limit in (min(known), max(known)))
    what = f"{count} lines of {len(ys):,} points{gaps}; {name}:" if count > 1 else (
        f"{len(ys):,} points{gaps},"
    )  # fmt: skip
    return f"{what} from {low} to {high}; the last is {figure(known[-1])}."


def _curve_text(curve: Curve) -> str:
    if curve.records is not None:
        return f"{_sparks(curve)}\n{grid_text(grid_of(curve.records))}"
    ys = curve.lines[0][1]
    shown = ", ".join("null" if y is None else figure(y) for y in ys[:10])
    numbers = f"{shown}{', …' if len(ys) > 10 else ''}" if len(curve.lines) == 1 else ""
    return "\n".join(part for part in (_curve_words(curve), _sparks(curve), numbers) if part)


def _sparks(curve: Curve) -> str:
    """Each line as a row of blocks, after its name."""
    width = max(len(one_line(name, 20)) for name, _ in curve.lines)
    return "\n".join(
        f"{one_line(name, 20):{width}} {_spark(ys)}".strip() for name, ys in curve.lines
    )


def _spark(ys: Points) -> str:
    """The mean of each stretch as a block; a gap is a space."""
    count = min(len(ys), _SPARKS)
    edges = [n * len(ys) // count for n in range(count + 1)]
    means = [_mean([y for y in ys[a:b] if y is not None]) for a, b in pairwise(edges)]
    known = [mean for mean in means if mean is not None]
    axis = _Axis(min(known), max(known), [])
    return "".join(
        " " if mean is None else _BLOCKS[min(7, int(axis.place(mean) * 8))] for mean in means
    )


def _mean(values: list[float]) -> float | None:
    return sum(value / len(values) for value in values) if values else None


CURVE: Final = Kind(
    "curve", _read_curve, _curve_html, _curve_text, words=("plot", "series", "chart", "line")
)
