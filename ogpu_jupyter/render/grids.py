"""Answers in rows: tables, and numbers as a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from .registry import Kind, figure, is_scalar, number
from .safe import esc, one_line
from .texts import more_html, more_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.tasks import Json

    from .registry import Given

_MAX_ROWS: Final = 50
_MAX_COLUMNS: Final = 20
_MAX_POINTS: Final = 400


@dataclass(frozen=True)
class Grid:
    """Rows of scalars under named columns; `count` is of all rows, shown or not."""

    columns: list[str]
    rows: list[list[Json]]
    count: int
    hidden: int = 0


def _read_grid(value: Json, _: Given) -> Grid | None:
    if isinstance(value, dict):
        return _named_rows(value)
    return _rows(value) if isinstance(value, list) else None


def _rows(value: list[Json]) -> Grid | None:
    rows = [row for row in value if isinstance(row, dict) and row]
    if not rows or len(rows) < len(value):
        return None
    if not all(is_scalar(cell) for row in rows for cell in row.values()):
        return None
    columns = list(dict.fromkeys(name for row in rows[:1000] for name in row))
    if len(columns) > 8 * min(map(len, rows)):  # objects with little in common are no table
        return None
    kept = columns[:_MAX_COLUMNS]
    cells = [[row.get(name) for name in kept] for row in rows[:_MAX_ROWS]]
    return Grid(kept, cells, len(rows), len(columns) - len(kept))


def _named_rows(value: dict[str, Json]) -> Grid | None:
    """`{"age": {"mean": 3, …}, "size": {"mean": 5, …}}`: rows with names, of the same columns."""
    rows = [row for row in value.values() if isinstance(row, dict)]
    if len(rows) < 2 or len(rows) < len(value):
        return None
    if any(list(row) != list(rows[0]) for row in rows):
        return None
    grid = _rows(list(rows))
    if grid is None:
        return None
    named = [[name, *cells] for name, cells in zip(value, grid.rows, strict=False)]
    return Grid(["", *grid.columns], named, grid.count, grid.hidden)


def _column(cells: Sequence[Json]) -> tuple[list[str], bool]:
    """The cells as text, and whether they are numbers: then with their points in one line."""
    found = [number(cell) for cell in cells]
    known = [n for n in found if n is not None]
    is_numeric = bool(known) and len(known) == sum(cell is not None for cell in cells)
    if not is_numeric or not any(isinstance(cell, float) for cell in cells):
        return [_cell(cell) for cell in cells], is_numeric
    digits = _digits(known)
    return [
        "" if n is None else (figure(n) if digits is None else f"{n:.{digits}f}") for n in found
    ], True


def _digits(numbers: list[float]) -> int | None:
    """Decimals that show each number to three places at least; None when none does for all."""
    sizes = [abs(n) for n in numbers if n]
    if not sizes or all(n == int(n) for n in numbers):
        return 0
    largest, smallest = math.log10(max(sizes)), math.log10(min(sizes))
    digits = max(1, 4 - math.ceil(largest)) if largest < 6 else 0
    return digits if smallest >= -digits + 1 and digits <= 8 and largest < 12 else None


def _cell(cell: Json) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell if isinstance(cell, str) else figure(cell)


def table_html(columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    """Cells are data: each is escaped and bounded here; the exact number is its title."""
    shown = [_column([row[n] for row in rows]) for n in range(len(columns))]
    heads = [
        f'<th scope="col"{_NUM if is_numeric else ""}>{esc(name, 80)}</th>'
        for name, (_, is_numeric) in zip(columns, shown, strict=True)
    ]
    body = [
        "".join(
            _td(texts[n], row[k], is_numeric=is_numeric)
            for k, (texts, is_numeric) in enumerate(shown)
        )
        for n, row in enumerate(rows)
    ]
    lines = "".join(f"<tr>{cells}</tr>" for cells in body)
    return (
        '<div class="ogpu-scroll" tabindex="0"><table class="ogpu-table"><thead><tr>'
        f"{''.join(heads)}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


_NUM: Final = ' class="ogpu-num"'


def _td(text: str, cell: Json, *, is_numeric: bool) -> str:
    if cell is None:
        return f'<td class="ogpu-none{" ogpu-num" if is_numeric else ""}">\N{EN DASH}</td>'
    exact = f' title="{esc(str(cell), 300)}"' if len(text) > 40 or is_numeric else ""
    return f'<td{_NUM if is_numeric else ""}{exact} dir="auto">{esc(text, 200)}</td>'


def _grid_html(grid: Grid) -> str:
    more = more_html(grid.count - len(grid.rows), "row") + more_html(grid.hidden, "column")
    return table_html(grid.columns, grid.rows) + more


def table_text(columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    """Columns in line, numbers to the right."""
    shown = [_column([row[n] for row in rows]) for n in range(len(columns))]
    lined = []
    for name, (texts, is_numeric) in zip(columns, shown, strict=True):
        cells = [one_line(text, 40) for text in (name, *texts)]
        width = max(map(len, cells))
        lined.append([cell.rjust(width) if is_numeric else cell.ljust(width) for cell in cells])
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*lined, strict=True))


def _grid_text(grid: Grid) -> str:
    more = more_text(grid.count - len(grid.rows), "row") + more_text(grid.hidden, "column")
    return "\n".join([table_text(grid.columns, grid.rows), *more])


GRID: Final = Kind("table", _read_grid, _grid_html, _grid_text)


@dataclass(frozen=True)
class Curve:
    """Points in order of x; `grid` are the rows they come from, when they come from rows."""

    xs: list[float]
    ys: list[float]
    x_name: str = ""
    y_name: str = ""
    grid: Grid | None = None

    @property
    def is_log(self) -> bool:
        """The x values span so much that its early part would not be seen."""
        return self.xs[0] > 0 and self.xs[-1] / self.xs[0] >= 200


def _read_curve(value: Json, _: Given) -> Curve | None:
    if not isinstance(value, list) or len(value) < 5:
        return None
    ys = [number(item) for item in value]
    if all(y is not None for y in ys):
        return Curve([float(n) for n in range(len(ys))], [y for y in ys if y is not None])
    return _rows_as_curve(value)


def _rows_as_curve(value: list[Json]) -> Curve | None:
    """Rows of numbers whose first column rises: the second column over the first."""
    grid = _rows(value)
    if grid is None or not 2 <= len(grid.columns) <= 6 or grid.hidden:
        return None
    rows = [[number(cell) for cell in row.values()] for row in value if isinstance(row, dict)]
    if any(None in row or len(row) != len(grid.columns) for row in rows):
        return None
    xs, ys = [row[0] or 0.0 for row in rows], [row[1] or 0.0 for row in rows]
    if any(after <= before for before, after in pairwise(xs)):
        return None
    return Curve(xs, ys, grid.columns[0], grid.columns[1], grid)


def _scaled(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    size = high / 2 - low / 2  # halves: the difference of two large floats may not be finite
    return [0.5 if not size else (v / 2 - low / 2) / size for v in values]


def _thinned(curve: Curve) -> list[int]:
    count = len(curve.ys)
    step = max(1, math.ceil(count / _MAX_POINTS))
    return sorted({*range(0, count, step), count - 1})


def _curve_html(curve: Curve) -> str:
    low, high = (f"{limit:.4g}" for limit in (min(curve.ys), max(curve.ys)))
    xs = _scaled([math.log(x) for x in curve.xs] if curve.is_log else curve.xs)
    ys = _scaled(curve.ys)
    line = " ".join(f"{100 * xs[n]:.2f},{100 - 100 * ys[n]:.2f}" for n in _thinned(curve))
    start, end = (figure(x) for x in (curve.xs[0], curve.xs[-1]))
    scale = " (log scale)" if curve.is_log else ""
    names = f"<b>{esc(curve.y_name, 60)}</b>" if curve.y_name else ""
    below = f"<span>{start}</span><span>{esc(curve.x_name, 60)}{scale}</span><span>{end}</span>"
    return (
        f'<figure class="ogpu-plot">{names}<div class="ogpu-axes">'
        f'<div class="ogpu-ys"><span>{high}</span><span>{low}</span></div>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{esc(_curve_words(curve), 300)}">'
        f'<polyline points="{line}"/></svg>'
        f'<div class="ogpu-xs">{below}</div></div>'
        f"<figcaption>{esc(_curve_words(curve), 300)}</figcaption></figure>{_rows_html(curve)}"
    )


def _rows_html(curve: Curve) -> str:
    if curve.grid is None:
        return ""
    return f"<details><summary>The rows</summary>{_grid_html(curve.grid)}</details>"


def _curve_words(curve: Curve) -> str:
    return (
        f"{len(curve.ys):,} points, from {figure(min(curve.ys))} to {figure(max(curve.ys))}; "
        f"the last is {figure(curve.ys[-1])}."
    )


def _curve_text(curve: Curve) -> str:
    if curve.grid is not None:
        return _grid_text(curve.grid)
    shown = ", ".join(figure(y) for y in curve.ys[:10])
    return f"{_curve_words(curve)}\n{shown}{', …' if len(curve.ys) > 10 else ''}"


CURVE: Final = Kind("curve", _read_curve, _curve_html, _curve_text)
