"""An answer is shown as what it is, found by its shape; what has no known shape, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .grids import CURVE, GRID
from .registry import Given, Kind, is_scalar
from .safe import esc, one_line
from .scores import FOUND, LABELS, PICTURES
from .texts import MARKED, TEXTS, TRANSCRIPT
from .trees import ANY, scalar, tree_html

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import Json

_WRAPPERS: Final = {"result", "results", "output", "outputs", "response"}
_MAX_FIELDS: Final = 30
_MAX_LISTED: Final = 12


def unwrapped(value: Json) -> Json:
    """Without the objects and lists that hold one thing alone, such as `{"result": …}`."""
    for _ in range(5):
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _WRAPPERS:
            value = next(iter(value.values()))
        else:
            break
    return value


def answer_html(value: Json, *, data: Json = None) -> str:
    """The answer as HTML; `data` is what was asked, for what is drawn on it."""
    return _html(value, Given(data))


def answer_text(value: Json, *, data: Json = None) -> str:
    """The answer for a terminal, and for readers of a notebook that show no HTML."""
    return _text(value, Given(data))


def _found(value: Json, given: Given) -> tuple[Kind[Any], Any]:
    value = unwrapped(value)
    for kind in KINDS:
        read = kind.read(value, given)
        if read is not None:
            return kind, read
    return ANY, (value,)


def _html(value: Json, given: Given) -> str:
    kind, read = _found(value, given)
    return kind.to_html(read)


def _text(value: Json, given: Given) -> str:
    kind, read = _found(value, given)
    return kind.to_text(read)


class _Parts:
    """An object's fields: the scalars together, then each of the others as what it is."""

    def __init__(self, fields: dict[str, Json], given: Given) -> None:
        self.facts = {k: v for k, v in fields.items() if _is_short(v)}
        self.others = {k: v for k, v in fields.items() if k not in self.facts}
        self.given = given


def _is_short(value: Json) -> bool:
    return is_scalar(value) and not (isinstance(value, str) and len(value) > 200)


def _read_parts(value: Json, given: Given) -> _Parts | None:
    """An object that is flat, or has a part of a kind of its own; else it is better a tree."""
    if not isinstance(value, dict) or not 0 < len(value) <= _MAX_FIELDS or given.depth > 1:
        return None
    parts = _Parts(value, given.deeper())
    if not parts.others or any(_is_special(v, parts.given) for v in parts.others.values()):
        return parts
    return None


def _is_special(value: Json, given: Given) -> bool:
    return _found(value, given)[0] is not ANY


def _parts_html(parts: _Parts) -> str:
    rows = "".join(
        f'<dt>{esc(name, 100)}</dt><dd dir="auto">{_fact(value)}</dd>'
        for name, value in parts.facts.items()
    )
    facts = f'<dl class="ogpu-lines ogpu-named">{rows}</dl>' if rows else ""
    others = "".join(
        f'<div class="ogpu-named"><div class="ogpu-role">{esc(name, 100)}</div>'
        f"{_html(value, parts.given)}</div>"
        for name, value in parts.others.items()
    )
    return facts + others


def _fact(value: Json) -> str:
    return esc(value) if isinstance(value, str) else esc(scalar(value))


def _parts_text(parts: _Parts) -> str:
    width = max((len(one_line(name, 40)) for name in parts.facts), default=0)
    lines = [
        f"{one_line(name, 40):{width}}  {one_line(_plain_fact(value), 300)}"
        for name, value in parts.facts.items()
    ]
    for name, value in parts.others.items():
        lines += [f"{one_line(name, 100)}:", _text(value, parts.given)]
    return "\n".join(lines)


def _plain_fact(value: Json) -> str:
    return value if isinstance(value, str) else scalar(value)


PARTS: Final = Kind("parts", _read_parts, _parts_html, _parts_text)


class _Listed:
    """Several answers of one kind, as a pipeline gives them for several inputs."""

    def __init__(self, items: list[Json], given: Given) -> None:
        self.items = items
        self.given = given


def _read_listed(value: Json, given: Given) -> _Listed | None:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_LISTED or given.depth > 1:
        return None
    if not all(isinstance(item, list) for item in value):
        return None
    below = given.deeper()
    kinds = {_found(item, below)[0].name for item in value}
    return _Listed(value, below) if len(kinds) == 1 and kinds != {ANY.name} else None


def _listed_html(listed: _Listed) -> str:
    return "".join(
        f'<div class="ogpu-named"><div class="ogpu-role">{n}</div>{_html(item, listed.given)}</div>'
        for n, item in enumerate(listed.items, 1)
    )


def _listed_text(listed: _Listed) -> str:
    return "\n".join(f"{n}. {_text(item, listed.given)}" for n, item in enumerate(listed.items, 1))


LISTED: Final = Kind("list", _read_listed, _listed_html, _listed_text)

KINDS: list[Kind[Any]] = [
    PICTURES, TEXTS, TRANSCRIPT, FOUND, MARKED, LABELS, CURVE, GRID, LISTED, PARTS, ANY,
]  # fmt: skip

__all__ = ["KINDS", "answer_html", "answer_text", "tree_html", "unwrapped"]
