"""Any JSON: readable, indented, folded below the first levels, and bounded in every way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, figure
from ogpu_jupyter.render.safe import esc, plain
from ogpu_jupyter.render.words import plural

from .images import picture

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_DEPTH: Final = 12
_MAX_ITEMS: Final = 100
_MAX_NODES: Final = 1000
_MAX_STRING: Final = 1000
_LEAST_STRING: Final = 40
_MAX_CHARACTERS: Final = 40_000  # of all texts in one tree
_OPEN_LEVELS: Final = 2
_SMALL: Final = 40
_MAX_PAYLOAD: Final = 4000


class _Budget:
    """How much more may be shown: a wide tree of small branches ends too, and so do long texts."""

    def __init__(self, nodes: int = _MAX_NODES) -> None:
        self.left = nodes
        self._characters = _MAX_CHARACTERS

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def length(self, text: str) -> int:
        """How much of a text may be shown: a little of each, when much was shown before."""
        limit = max(_LEAST_STRING, min(_MAX_STRING, self._characters))
        self._characters -= min(len(text), limit)
        return limit


def tree_html(value: Json) -> str:
    """A small tree is all unfolded, a large one in its first levels."""
    budget = _Budget()
    levels = _MAX_DEPTH if _is_small(value, _Budget(_SMALL)) else _OPEN_LEVELS
    return f'<div class="ogpu-json">{_Tree(budget, levels).node("", value, 0)}</div>'


def _is_small(value: Json, budget: _Budget, depth: int = 0) -> bool:
    if not budget.take() or depth > _MAX_DEPTH:
        return False
    children = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(children, list):
        return True
    return all(_is_small(child, budget, depth + 1) for child in children)


class _Tree:
    """What is the same for all branches: the budget, and how deep they are unfolded."""

    def __init__(self, budget: _Budget, levels: int) -> None:
        self._budget = budget
        self._levels = levels

    def node(self, key: str, value: Json, depth: int) -> str:
        if not self._budget.take():
            return f"{key}…"
        if isinstance(value, (dict, list)) and value:
            return self._branch(key, value, depth)
        return f"{key}{_leaf(value, self._budget)}"

    def _branch(self, key: str, value: dict[str, Json] | list[Json], depth: int) -> str:
        count = plural(len(value), "field" if isinstance(value, dict) else "item")
        head = f'{key}<span class="ogpu-soft">{count}</span>'
        if depth >= _MAX_DEPTH:
            return f"{head} …"
        rows = [
            f"<li>{self.node(name, item, depth + 1)}</li>"
            for name, item in _items(value)
            if self._budget.left > 0
        ]
        if len(rows) < len(value):
            rows.append(f'<li class="ogpu-soft">… and {len(value) - len(rows):,} more</li>')
        is_open = " open" if depth < self._levels and len(value) <= 20 else ""
        return f"<details{is_open}><summary>{head}</summary><ul>{''.join(rows)}</ul></details>"


def _items(value: dict[str, Json] | list[Json]) -> list[tuple[str, Json]]:
    if isinstance(value, dict):
        pairs = list(value.items())[:_MAX_ITEMS]
        return [(f'<span class="ogpu-k">{esc(str(k), 100)}: </span>', v) for k, v in pairs]
    return [(f'<span class="ogpu-k">{n}: </span>', v) for n, v in enumerate(value[:_MAX_ITEMS])]


def _leaf(value: Json, budget: _Budget) -> str:
    if isinstance(value, str):
        image = picture(value)
        if image is not None:
            return f'<span class="ogpu-v">[{image.name}]</span>'
        return f'<span class="ogpu-s" dir="auto">{esc(value, budget.length(value))}</span>'
    return f'<span class="ogpu-v">{esc(scalar(value))}</span>'


def scalar(value: Json) -> str:
    """JSON's word for null, true and false; a number in full where it isn't endless."""
    if value is None or isinstance(value, bool) or not value:
        return json.dumps(value)
    return repr(value) if isinstance(value, float) else figure(value)


def tree_text(value: Json) -> str:
    """Indented JSON, bounded like the page."""
    return plain(json.dumps(_pruned(value, 0, _Budget()), indent=2, ensure_ascii=False), 8000)


def _pruned(value: Json, depth: int, budget: _Budget) -> Json:
    if isinstance(value, str):
        image = picture(value)
        return f"[{image.name}]" if image else plain(value, budget.length(value))
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return figure(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        fields = list(value.items())[:_MAX_ITEMS]
        return {plain(k, 100): _pruned(v, depth + 1, budget) for k, v in fields if budget.take()}
    return [_pruned(item, depth + 1, budget) for item in value[:_MAX_ITEMS] if budget.take()]


def payload_html(payload: bytes) -> str:
    """The exact bytes as text, with their own order and spaces."""
    return f'<pre class="ogpu-json">{esc(payload.decode(errors="replace"), _MAX_PAYLOAD)}</pre>'


def payload_text(payload: bytes) -> str:
    return plain(payload.decode(errors="replace"), _MAX_PAYLOAD)


def _read_any(value: Json, _: Given) -> tuple[Json] | None:
    return (value,)


ANY: Final = Kind(
    "JSON",
    _read_any,
    lambda read: tree_html(read[0]),
    lambda read: tree_text(read[0]),
    ("any", "tree"),
)
