"""A schema of constants as a choice, and what to call one option among others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.render.safe import one_line

from .fields import (
    Choice,
    Either,
    Field,
    File,
    Flag,
    Link,
    Listing,
    Mapping,
    Number,
    Raw,
    Record,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .documents import Schema

_LABEL: Final = 60


def is_choice(option: Schema) -> bool:
    return "const" in option or "enum" in option


def choice(rules: Schema) -> Choice:
    values = [rules["const"]] if "const" in rules else rules["enum"]
    some = [value for value in values if value is not None]
    if not some:
        return Choice(options=(("nothing", None),))
    options = tuple(zip(distinct([_shown(value) for value in some]), some, strict=True))
    return Choice(options=options, nullable=len(some) < len(values))


def together(options: Sequence[Schema]) -> Choice:
    """Constants as alternatives, each with a title of its own, are one choice."""
    labels: list[str] = []
    values: list[Any] = []
    nullable = False
    for option in options:
        some = choice(option)
        nullable = nullable or some.nullable
        title = option.get("title") if len(some.options) == 1 else None
        labels += [title or label for label, _ in some.options]
        values += [value for _, value in some.options]
    return Choice(options=tuple(zip(distinct(labels), values, strict=True)), nullable=nullable)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _LABEL) or "(empty)"


def distinct(labels: Sequence[str]) -> list[str]:
    """The same label a second time is numbered."""
    counts: dict[str, int] = {}
    new: dict[str, None] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        numbered = label
        while numbered in new:
            numbered = f"{label} ({counts[label]})"
            counts[label] += numbered in new
        new[numbered] = None
    return list(new)


def constants(schema: Schema | bool) -> dict[str, list[Any]]:
    """The values of each property that can only have some."""
    if not isinstance(schema, dict):
        return {}
    found: dict[str, list[Any]] = {}
    for name, each in schema.get("properties", {}).items():
        if isinstance(each, dict) and is_choice(each) and name in schema.get("required", (name,)):
            found[name] = [each["const"]] if "const" in each else each["enum"]
    return found


_KINDS: Final[dict[type[Field], str]] = {
    Text: "text",
    Flag: "yes or no",
    Choice: "a choice",
    Record: "fields",
    Mapping: "names and values",
    Either: "one of several",
    File: "a file",
    Raw: "JSON",
    Link: "JSON",
}


def kind(field: Field) -> str:
    """What to call an option that has no name of its own."""
    if isinstance(field, Listing):
        return (
            f"a list of {kind(field.item)}" if isinstance(field.item, (Text, Number)) else "a list"
        )
    if isinstance(field, Choice) and len(field.options) == 1:
        return field.options[0][0]
    if isinstance(field, Number):
        return "a whole number" if field.integer else "a number"
    return _KINDS[type(field)]
