"""Answers of several parts: an object's fields, and a list of answers of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render import budget
from ogpu_jupyter.render.registry import Kind, is_scalar
from ogpu_jupyter.render.safe import esc, one_line

from . import links
from .texts import more_html, more_text
from .trees import ANY, scalar
from .unwrapping import choose

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_FIELDS: Final = 30
_MAX_LISTED: Final = 12
_PLAIN_KINDS: Final = {"text", "table", "fields", "list", ANY.name}


class _Parts:
    """An object's fields: the scalars together, then each of the others as what it is."""

    def __init__(self, fields: dict[str, Json], given: Given) -> None:
        self.facts = {k: v for k, v in fields.items() if _is_short(v, given)}
        self.others = {k: v for k, v in fields.items() if k not in self.facts}
        self.given = given

    def html(self, name: str) -> str:
        budget.current().check()
        kind, read = choose(self.others[name], self.given.deeper(name))
        return str(kind.to_html(read))

    def text(self, name: str) -> str:
        kind, read = choose(self.others[name], self.given.deeper(name))
        return str(kind.to_text(read))


def _is_short(value: Json, given: Given) -> bool:
    """A scalar, but for a long text and a link whose content is here."""
    if isinstance(value, str):
        return len(value) <= 200 and value not in given.linked
    return is_scalar(value)


def _read_parts(value: Json, given: Given) -> _Parts | None:
    """An object that is flat, or has a part of a kind of its own; else it is better a tree."""
    if not isinstance(value, dict) or not 0 < len(value) <= _MAX_FIELDS or given.depth > 1:
        return None
    parts = _Parts(value, given)
    others = parts.others.items()
    if not others or any(choose(v, given.deeper(k))[0] is not ANY for k, v in others):
        return parts
    return None


def _parts_html(parts: _Parts) -> str:
    rows = "".join(
        f'<dt>{esc(name, 100)}</dt><dd dir="auto">{_fact(value)}</dd>'
        for name, value in parts.facts.items()
    )
    facts = f'<dl class="ogpu-lines ogpu-named">{rows}</dl>' if rows else ""
    others = "".join(
        f'<div class="ogpu-named"><div class="ogpu-role">{esc(name, 100)}</div>'
        f"{parts.html(name)}</div>"
        for name in parts.others
    )
    return facts + others


def _fact(value: Json) -> str:
    if not isinstance(value, str):
        return esc(scalar(value))
    link = links.alone(value)
    return links.link_html(link) if link else esc(value)


def _parts_text(parts: _Parts) -> str:
    width = max((len(one_line(name, 40)) for name in parts.facts), default=0)
    lines = [
        f"{one_line(name, 40):{width}}  {one_line(_plain_fact(value), 300)}"
        for name, value in parts.facts.items()
    ]
    for name in parts.others:
        lines += [f"{one_line(name, 100)}:", parts.text(name)]
    return "\n".join(lines)


def _plain_fact(value: Json) -> str:
    return value if isinstance(value, str) else scalar(value)


FIELDS: Final = Kind("fields", _read_parts, _parts_html, _parts_text, ("parts", "object"))


class _Listed:
    """Several answers of one kind, as a pipeline gives them for several inputs."""

    def __init__(self, items: list[Json], given: Given) -> None:
        self.items = items[:_MAX_LISTED]
        self.more = len(items) - len(self.items)
        self.given = given


def _read_listed(value: Json, given: Given) -> _Listed | None:
    """Lists of one kind; or objects, where the kind is one that a table would not do better."""
    if not isinstance(value, list) or not value or given.depth > 1:
        return None
    are_lists = all(isinstance(item, list) for item in value)
    if not are_lists and not all(isinstance(item, dict) for item in value):
        return None
    kinds = {choose(item, given.deeper())[0].name for item in value[:_MAX_LISTED]}
    dull = {ANY.name} if are_lists else _PLAIN_KINDS
    return _Listed(value, given) if len(kinds) == 1 and not kinds & dull else None


def _listed_html(listed: _Listed) -> str:
    shown = []
    limits = budget.current()
    for n, item in enumerate(listed.items, 1):
        limits.check()
        kind, read = choose(item, listed.given.deeper())
        shown.append(
            f'<div class="ogpu-named"><div class="ogpu-role">{n}</div>{kind.to_html(read)}</div>'
        )
    return "".join(shown) + more_html(listed.more, "answer")


def _listed_text(listed: _Listed) -> str:
    shown = []
    for n, item in enumerate(listed.items, 1):
        kind, read = choose(item, listed.given.deeper())
        first, *others = str(kind.to_text(read)).split("\n")
        shown += [f"{n}. {first}", *(f"   {line}" for line in others)]
    return "\n".join([*shown, *more_text(listed.more, "answer")])


LISTED: Final = Kind("list", _read_listed, _listed_html, _listed_text, ("batch",))
