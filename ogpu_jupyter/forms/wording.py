"""What a schema refuses, as a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.render.safe import one_line

from .locating import ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jsonschema.exceptions import ValidationError

_SHOWN: Final = 60
_MOST_SHOWN: Final = 10


def sentence(error: ValidationError) -> str:
    """Of an error of the library, or of one of ours, which has its message already."""
    if error.validator is None:
        return "This is not allowed."  # its schema is `false`
    told = _TOLD.get(str(error.validator))
    if told is None:
        return ended(one_line(error.message, 300))
    return ended(told(error.validator_value, error))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, _SHOWN) or "nothing"


def _type(value: Any, _: Any) -> str:
    return f"This should be {_types(value if isinstance(value, list) else [value])}"


def _types(names: Iterable[str]) -> str:
    words = list(dict.fromkeys(_TYPES[name] for name in names))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


_TYPES: Final = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "nothing",
}


def _enum(values: Any, _: Any) -> str:
    some = ", ".join(_shown(value) for value in values[:_MOST_SHOWN])
    return f"This should be one of: {some}{', …' if len(values) > _MOST_SHOWN else ''}"


def _none_of(_: Any, error: ValidationError) -> str:
    """Where the type is wrong for each option: the types that would be right."""
    if not error.context:
        return "This fits more than one of its options"
    types: list[str] = []
    for each in error.context:
        if each.validator == "type" and not each.path:
            value: Any = each.validator_value
            types += value if isinstance(value, list) else [value]
    return f"This should be {_types(types)}" if types else "This fits none of its options"


def _count(text: str, one: str, many: str) -> Callable[[Any, Any], str]:
    return lambda value, _: text.format(f"1 {one}" if value == 1 else f"{value:,} {many}")


def _min_length(value: Any, error: ValidationError) -> str:
    if error.instance == "":
        return "This should not be empty"
    return f"This should have at least {value:,} characters"


def _needed_beside(value: Any, error: ValidationError) -> str:
    filled: Any = error.instance
    lacking = [need for name in value if name in filled for need in value[name]]
    words = ", ".join(need for need in lacking if need not in filled)
    return f"With what is filled in, this is needed too: {_shown(words)}"


_FORMATS: Final[dict[str, str]] = {
    "date": "a date such as 2026-11-22",
    "date-time": "a time such as 2026-11-22T10:00:00Z",
    "time": "a time such as 10:00:00",
    "email": "an address such as name@example.org",
    "uri": "a link such as https://example.org",
    "uuid": "a UUID",
    **dict.fromkeys(("byte", "base64"), "base64, the content of a file and not its name"),
}
_TOLD: Final[dict[str, Callable[[Any, ValidationError], str]]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda value, _: f"This should be {_shown(value)}",
    "anyOf": _none_of,
    "oneOf": _none_of,
    "minimum": lambda value, _: f"This should be at least {value}",
    "maximum": lambda value, _: f"This should be at most {value}",
    "exclusiveMinimum": lambda value, _: f"This should be more than {value}",
    "exclusiveMaximum": lambda value, _: f"This should be less than {value}",
    "multipleOf": lambda value, _: f"This should be a multiple of {value}",
    "minLength": _min_length,
    "maxLength": _count("This should have at most {}", "character", "characters"),
    "minItems": _count("This needs at least {}", "item", "items"),
    "maxItems": _count("This takes at most {}", "item", "items"),
    "minProperties": _count("This needs at least {}", "field", "fields"),
    "maxProperties": _count("This takes at most {}", "field", "fields"),
    "uniqueItems": lambda *_: "The items should differ from each other",
    "format": lambda value, _: f"This is not {_FORMATS.get(value, 'of the right form')}",
    "dependentRequired": _needed_beside,
    "not": lambda *_: "This is what it must not be",
    "contains": lambda *_: "None of the items is one that is needed",
}
