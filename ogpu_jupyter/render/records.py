"""An answer as rows under named columns, all of them: for tables, CSV files and data frames.

A table that arrives as JSON has one of a few shapes: a list of objects, a list of lists with
or without a heading, an object of columns, an object of objects. Each becomes the same
`Records`; what is none of them has no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .registry import is_scalar, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ogpu_jupyter.tasks import Json

_LOOKED_AT: Final = 1000  # rows whose names make the columns
_FEWEST: Final = 2  # lists of less are no table
_SPREAD: Final = 8  # objects with less in common than an eighth of the columns are no table
_INT64: Final = 2**63


@dataclass(frozen=True)
class Records:
    """`rows` are as long as `columns`; `path` is where in the answer's schema a row is."""

    columns: list[str]
    rows: list[list[Json]]
    has_names: bool = False  # the first column names the rows, and has no name

    def column(self, place: int) -> list[Json]:
        return [row[place] for row in self.rows]


def read_records(value: Json, *, nested: bool = False) -> Records | None:
    """The rows of a value that has some; with `nested`, cells may be lists and objects too."""
    for shape in _SHAPES:
        found = shape(value, nested)
        if found is not None:
            return found
    return None


def beginning(value: Json, most: int) -> tuple[Json, int]:
    """Its first rows, and how many more there are; whole where they aren't all of one kind."""
    if isinstance(value, list) and len(value) > most:
        kind = type(value[0])
        return (value[:most], len(value) - most) if _are_of(kind, value) else (value, 0)
    if not isinstance(value, dict):
        return value, 0
    lengths = {len(item) for item in value.values() if isinstance(item, list)}
    if len(lengths) != 1 or (length := lengths.pop()) <= most:
        return value, 0
    lists = [item for item in value.values() if isinstance(item, list)]
    if any(not _are_of(type(item[0]), item) for item in lists if isinstance(item[0], (list, dict))):
        return value, 0
    cut = {name: item[:most] if isinstance(item, list) else item for name, item in value.items()}
    return cut, length - most


def _are_of(kind: type, items: Iterable[Json]) -> bool:
    return all(isinstance(item, kind) for item in items)


def _of_objects(value: Json, nested: bool) -> Records | None:
    """`[{"city": "Oslo", "rain": 763}, …]`; an object in a cell is more columns."""
    if not isinstance(value, list):
        return None
    items = [item for item in value if isinstance(item, dict) and item]
    if not items or len(items) < len(value):
        return None
    names = list(dict.fromkeys(name for item in items[:_LOOKED_AT] for name in _flat(item)))
    rows: list[list[Json]] = []
    for item in items:  # one at a time: as objects they take several times as much
        row = _flat(item)
        if len(names) > _SPREAD * len(row):
            return None
        rows.append([row.get(name) for name in names])
    return Records(names, rows) if nested or _are_scalars(rows) else None


def _flat(item: dict[str, Json]) -> dict[str, Json]:
    """An object of scalars within it becomes columns; a name that is taken stays whole."""
    flat: dict[str, Json] = {}
    for name, cell in item.items():
        if isinstance(cell, dict) and cell and all(map(is_scalar, cell.values())):
            inner = [f"{name}.{key}" for key in cell]
            short = list(cell) if not {*cell} & {*item} else inner
            flat.update(zip(short, cell.values(), strict=True))
        else:
            flat[name] = cell
    return flat


def _of_lists(value: Json, nested: bool) -> Records | None:
    """`[["city", "rain"], ["Oslo", 763], …]`, and the same without a heading."""
    if not isinstance(value, list) or len(value) < _FEWEST:
        return None
    rows = [row for row in value if isinstance(row, list)]
    width = len(rows[0]) if rows else 0
    if len(rows) < len(value) or width < _FEWEST or any(len(row) != width for row in rows):
        return None
    if not (nested or _are_scalars(rows)):
        return None
    heading = _heading(rows)
    return Records(heading or _numbered(width), rows[1:] if heading else rows)


def _heading(rows: Sequence[list[Json]]) -> list[str]:
    """The first row, where it is names over something that isn't all text."""
    first = [name for name in rows[0] if isinstance(name, str) and name]
    if len(first) < len(rows[0]) or len(set(first)) < len(first):
        return []
    below = [row[n] for row in rows[1:] for n in range(len(first))]
    return first if any(not isinstance(cell, str) for cell in below) else []


def _numbered(width: int) -> list[str]:
    return [str(n) for n in range(width)]


def _of_split(value: Json, nested: bool) -> Records | None:
    """`{"columns": […], "data": [[…], …]}`, as pandas writes it, and `{"data": [{…}, …]}`."""
    if not isinstance(value, dict):
        return None
    names = value.get("columns", value.get("header"))
    rows = value.get("data", value.get("rows"))
    if not isinstance(rows, list) or set(value) - _SPLIT:
        return None
    if names is None:
        return _of_objects(rows, nested)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    if not names or not all(isinstance(row, list) and len(row) == len(names) for row in rows):
        return None
    cells = [row for row in rows if isinstance(row, list)]
    heads = unique([str(name) for name in names])
    return Records(heads, cells) if nested or _are_scalars(cells) else None


_SPLIT: Final = frozenset({"columns", "header", "data", "rows", "index", "schema"})


def _of_columns(value: Json, nested: bool) -> Records | None:
    """`{"city": ["Oslo", …], "rain": [763, …]}`: lists of one length."""
    if not isinstance(value, dict) or len(value) < _FEWEST:
        return None
    if not _are_of(list, value.values()):
        return None
    lists = [cells for cells in value.values() if isinstance(cells, list)]
    if len(lists[0]) < _FEWEST:
        return None
    if any(len(cells) != len(lists[0]) for cells in lists):
        return None
    rows = [list(row) for row in zip(*lists, strict=True)]
    return Records(list(value), rows) if nested or _are_scalars(rows) else None


def _of_named(value: Json, nested: bool) -> Records | None:
    """`{"age": {"mean": 3, …}, "size": {"mean": 5, …}}`: rows with names, of the same columns."""
    if not isinstance(value, dict) or len(value) < _FEWEST:
        return None
    if not _are_of(dict, value.values()):
        return None
    rows = [row for row in value.values() if isinstance(row, dict) and row]
    if len(rows) < len(value) or any(list(row) != list(rows[0]) for row in rows):
        return None
    cells: list[list[Json]] = [[name, *row.values()] for name, row in zip(value, rows, strict=True)]
    if not (nested or _are_scalars(cells)):
        return None
    return Records(["", *rows[0]], cells, has_names=True)


_SHAPES: Final[tuple[Callable[[Json, bool], Records | None], ...]] = (
    _of_objects, _of_lists, _of_split, _of_columns, _of_named,
)  # fmt: skip


def _are_scalars(rows: Sequence[Sequence[Json]]) -> bool:
    return all(is_scalar(cell) for row in rows for cell in row)


def unique(names: Sequence[str]) -> list[str]:
    """No name twice: the second `x` becomes `x_2`."""
    taken: set[str] = set()
    last: dict[str, int] = {}  # number of each name: eight thousand equal ones are no search
    found = []
    for name in names:
        free, n = name, last.get(name, 1)
        while free in taken:
            n += 1
            free = f"{name}_{n}"
        last[name] = n
        taken.add(free)
        found.append(free)
    return found


def type_of(cells: Sequence[Json]) -> str:
    """One word for what all cells are, but for those that are null.

    `true or false`, `integer`, `number`, `text`, `numbers` (lists of them), `nothing` or `mixed`.
    """
    known = [cell for cell in cells if cell is not None]
    if not known:
        return "nothing"
    if all(isinstance(cell, bool) for cell in known):
        return "true or false"
    if all(isinstance(cell, str) for cell in known):
        return "text"
    if all(map(_is_number, known)):
        whole = all(isinstance(cell, int) and abs(cell) < _INT64 for cell in known)
        return "integer" if whole else "number"
    if all(isinstance(cell, list) and cell and all(map(_is_number, cell)) for cell in known):
        return "numbers"
    return "mixed"


def _is_number(cell: Json) -> bool:
    return number(cell) is not None
