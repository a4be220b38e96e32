"""Answers in rows: a table that the reader sorts, bounded to what a page holds well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render import budget
from ogpu_jupyter.render.records import beginning, read_records, type_of
from ogpu_jupyter.render.registry import Kind, figure, number
from ogpu_jupyter.render.safe import cut, esc, one_line

from .sorting import Column, cell_html, no_cell, sortable
from .texts import more_html, more_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.render.records import Records
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

MAX_ROWS: Final = 200
MAX_COLUMNS: Final = 20
_FEWEST_ROWS: Final = 3
_PREVIEWED: Final = 5_000  # rows that are looked at to show the first of them
_MAX_CELLS: Final = 2000
_MAX_CELL: Final = 200
_MAX_CHARACTERS: Final = 60_000  # of all cells together
_MAX_TEXT_ROWS: Final = 50


@dataclass(frozen=True)
class Grid:
    """What is shown of a table; `count` is of all rows, `hidden` of the columns that aren't."""

    columns: list[str]
    rows: list[list[Json]]
    count: int
    hidden: int = 0

    @property
    def more_rows(self) -> int:
        return self.count - len(self.rows)


def grid_of(records: Records) -> Grid:
    """As many columns and rows as a page holds well."""
    columns = records.columns[:MAX_COLUMNS]
    kept: list[list[Json]] = []
    width, left = len(columns), _MAX_CHARACTERS
    wanted = width * min(MAX_ROWS, _MAX_CELLS // width, len(records.rows))
    fitting = max(_FEWEST_ROWS, budget.current().take_cells(wanted) // width)
    for row in records.rows[: min(MAX_ROWS, _MAX_CELLS // width, fitting)]:
        cells = row[:width]
        left -= sum(min(len(cell), _MAX_CELL) for cell in cells if isinstance(cell, str))
        if left < 0 and kept:
            break
        kept.append(cells)
    return Grid(columns, kept, len(records.rows), len(records.columns) - width)


def _read_grid(value: Json, _: Given) -> Grid | None:
    start, more = beginning(value, _PREVIEWED)
    records = read_records(start)
    if not records or not records.rows:
        return None
    grid = grid_of(records)
    return replace(grid, count=grid.count + more)


def column_texts(cells: Sequence[Json]) -> tuple[list[str], bool]:
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


def table_html(columns: Sequence[str], rows: Sequence[Sequence[Json]], *, count: int = 0) -> str:
    """Cells are data: each is escaped and bounded here; the exact number is its title."""
    made = [_column(name, [row[n] for row in rows]) for n, name in enumerate(columns)]
    height = max(count, len(rows))
    return sortable(made, f"Table, {height:,} rows, {len(columns)} columns", count=height)


def _column(name: str, cells: list[Json]) -> Column:
    texts, is_numeric = column_texts(cells)
    shown = [
        no_cell(is_numeric=is_numeric)
        if cell is None
        else cell_html(
            esc(text, _MAX_CELL),
            is_numeric=is_numeric,
            title=_exact(cell, text) if is_numeric or len(text) > 40 else "",
        )
        for text, cell in zip(texts, cells, strict=True)
    ]
    return Column(name, shown, [_key(cell) for cell in cells], is_numeric, type_of(cells))


def _exact(cell: Json, text: str) -> str:
    """What isn't to be read in the cell itself: digits that were left out, the rest of a text."""
    exact = figure(cell) if isinstance(cell, int) else str(cell)
    return "" if exact == text and len(text) <= 40 else esc(exact, 300)


def _key(cell: Json) -> object:
    found = number(cell)
    if found is not None:
        return found
    if cell is None or isinstance(cell, bool):
        return cell
    return cut(str(cell), _MAX_CELL)[0]


def grid_html(grid: Grid) -> str:
    return table_html(grid.columns, grid.rows, count=grid.count) + _rest_html(grid)


def _rest_html(grid: Grid) -> str:
    """What isn't shown, and how to get at it."""
    rows, columns = more_html(grid.more_rows, "row"), more_html(grid.hidden, "column")
    if not rows and not columns:
        return ""
    sorts = f"Sorting is of the first {len(grid.rows):,} rows. " if rows else ""
    return (
        f'{rows}{columns}<p class="ogpu-rest">{sorts}'
        "The whole table: <code>task.to_frame()</code></p>"
    )


def table_text(columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    """Columns in line, numbers to the right."""
    lined = []
    for n, name in enumerate(columns):
        texts, is_numeric = column_texts([row[n] for row in rows])
        cells = [one_line(text, 40) for text in (name, *texts)]
        width = max(map(len, cells))
        lined.append([cell.rjust(width) if is_numeric else cell.ljust(width) for cell in cells])
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*lined, strict=True))


def grid_text(grid: Grid) -> str:
    rows = grid.rows[:_MAX_TEXT_ROWS]
    more = more_text(grid.count - len(rows), "row") + more_text(grid.hidden, "column")
    return "\n".join([table_text(grid.columns, rows), *more])


GRID: Final = Kind(
    "table", _read_grid, grid_html, grid_text, words=("rows", "dataframe", "csv", "grid")
)
