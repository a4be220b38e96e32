"""A table that the reader sorts, without a script: also in an exported page.

Each heading holds two radio buttons, for up and for down, that cover it. Each row knows its
place in the order of each column, as custom properties. A rule for each column, in
`style.py`, lays the rows out by the place in the column that is chosen. Where the style is
stripped the buttons stay hidden, and it is a plain table.

The radio buttons of a table belong together by the form that they stand in, so that any
number of tables, and of copies of one, don't disturb each other. `method="dialog"` sends
nothing anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.safe import esc

if TYPE_CHECKING:
    from collections.abc import Sequence

SORTABLE: Final = 20  # columns that the style has rules for
_HIDDEN: Final = 'hidden="hidden"'  # a sanitizer takes out the bare word
_KEYS: Final = "data-lm-suppress-shortcuts"  # or the arrows move through the notebook's cells


@dataclass(frozen=True)
class Column:
    """`cells` are HTML; `keys`, one for each, order them, None being last either way."""

    name: str
    cells: Sequence[str]
    keys: Sequence[object] = ()
    is_numeric: bool = False
    kind: str = ""


def sortable(columns: Sequence[Column], label: str, *, count: int | None = None) -> str:
    """`label` says what it is to a screen reader; `count` how many rows there are in all."""
    height = len(columns[0].cells) if columns else 0
    places = [_places(column) for column in columns[:SORTABLE]]
    heads = "".join(
        _head(column, n, sorts=n < len(places) and bool(places[n]))
        for n, column in enumerate(columns)
    )
    rows = "".join(
        f'<tr role="row"{_order(places, n)}>{"".join(column.cells[n] for column in columns)}</tr>'
        for n in range(height)
    )
    total = f' aria-rowcount="{count + 1}"' if count is not None and count > height else ""
    reset = f'<button type="reset" {_KEYS} {_HIDDEN}>Order as given</button>' if any(places) else ""
    return (
        '<form class="ogpu-sort" method="dialog">'
        f'<div class="ogpu-scroll" tabindex="0" {_KEYS} role="region" '
        f'aria-label="{esc(label, 200)}">'
        f'<table class="ogpu-table ogpu-rows" role="table"{total} style="--n:{len(columns)}">'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>{reset}</form>'
    )


def cell_html(text: str, *, is_numeric: bool = False, title: str = "") -> str:
    kind = ' class="ogpu-num"' if is_numeric else ""
    more = f' title="{title}"' if title else ""
    return f'<td role="cell"{kind}{more} dir="auto">{text}</td>'


def no_cell(*, is_numeric: bool) -> str:
    kind = " ogpu-num" if is_numeric else ""
    return f'<td role="cell" class="ogpu-none{kind}">\N{EN DASH}</td>'


def _head(column: Column, n: int, *, sorts: bool) -> str:
    kind = ' class="ogpu-num"' if column.is_numeric else ""
    name = esc(column.name, 80)
    title = f' title="{esc(column.kind, 40)}"' if column.kind else ""
    buttons = _button(name, n, "a", "ascending") + _button(name, n, "z", "descending")
    return (
        f'<th scope="col" role="columnheader"{kind}{title}>'
        f'<span dir="auto">{name}</span>{buttons if sorts else ""}</th>'
    )


def _button(name: str, n: int, way: str, words: str) -> str:
    label = f"Sort by {name or 'the first column'}, {words}"
    return (
        f'<input type="radio" name="by" value="{way}" class="ogpu-{way}{n}" {_KEYS} {_HIDDEN} '
        f'aria-label="{label}">'
    )


def _places(column: Column) -> list[int | None]:
    """Each row's place in the order of this column; nothing where there is nothing to sort."""
    keys = [key for key in column.keys if key is not None]
    if len(set(map(_ranked, keys))) < 2:
        return []
    order = {key: n for n, key in enumerate(sorted(set(map(_ranked, keys))))}
    return [None if key is None else order[_ranked(key)] for key in column.keys]


def _ranked(key: object) -> tuple[int, float | str]:
    """Numbers before text, and no comparison of one with the other."""
    if isinstance(key, (int, float)):
        return 0, key
    return 1, str(key).casefold()


def _order(places: Sequence[Sequence[int | None]], n: int) -> str:
    """`--c2:7`: seventh by the third column; `--v2` where it has no value, so that it is last."""
    parts = [
        f"--c{k}:{column[n]}" if column[n] is not None else f"--v{k}:99999"
        for k, column in enumerate(places)
        if column
    ]
    return f' style="{";".join(parts)}"' if parts else ""
