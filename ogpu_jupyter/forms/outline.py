"""A shape as lines of text: what a form asks for, where no form can be shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.safe import one_line

from .fields import (
    Choice,
    Either,
    File,
    Flag,
    Listing,
    Mapping,
    Missing,
    Number,
    Raw,
    Record,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .fields import Field

_DEPTH: Final = 4
_MOST_LINES: Final = 80
_MOST_CHOICES: Final = 8
_WORDS: Final = {Flag: "true or false", Raw: "any JSON", Record: "an object", Either: "one of"}


def outline(root: Field) -> list[str]:
    """A line for each field, indented as it is nested; long outlines are cut."""
    lines: list[str] = []
    for line in _inside(root.resolved, 1):
        if len(lines) == _MOST_LINES:
            return [*lines, "  …"]
        lines.append(line)
    return lines


def _inside(field: Field, depth: int) -> Iterator[str]:
    if depth > _DEPTH:
        return
    if isinstance(field, Record):
        for name, known in field.fields:
            yield from _line(one_line(name, 80), known.resolved, depth)
    elif isinstance(field, Listing) and field.item is not None:
        yield from _inside(field.item.resolved, depth)
    elif isinstance(field, Mapping):
        yield from _inside(field.value.resolved, depth)
    elif isinstance(field, Either):
        for label, option in field.options[:_MOST_CHOICES]:
            yield from _line(f"{one_line(label, 60)}:", option.resolved, depth)


def _line(name: str, field: Field, depth: int) -> Iterator[str]:
    about = "; ".join(filter(None, (kind_words(field), _default(field), _note(field))))
    yield f"{'  ' * depth}{name:<{max(1, 24 - 2 * depth)}} {about}"
    yield from _inside(field, depth + 1)


def kind_words(field: Field) -> str:  # noqa: PLR0911 - a table of kinds
    """What a value of this field is, in a few words."""
    if isinstance(field, Text):
        return {"date": "a date", "time": "a time", "date-time": "a date and time"}.get(
            field.format, "text"
        )
    if isinstance(field, Number):
        return "a whole number" if field.integer else "a number"
    if isinstance(field, Choice):
        words = [one_line(json.dumps(value), 40) for _, value in field.options[:_MOST_CHOICES]]
        return " | ".join([*words, *(["…"] if len(field.options) > _MOST_CHOICES else [])])
    if isinstance(field, Listing):
        return f"a list of {kind_words(field.item.resolved)}" if field.item else "a list"
    if isinstance(field, Mapping):
        return f"names, each with {kind_words(field.value.resolved)}"
    if isinstance(field, File):
        return f"a file, as {field.as_.replace('_', ' ')}"
    return _WORDS.get(type(field), "")


def _default(field: Field) -> str:
    if isinstance(field.default, Missing):
        return "" if field.required else "optional"
    return f"{one_line(json.dumps(field.default, ensure_ascii=False), 60)} by default"


def _note(field: Field) -> str:
    return one_line(field.description, 160)
