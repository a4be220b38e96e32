"""A stranger's JSON Schema, made safe to read: bounded, cleaned, and referring only to itself.

What comes out has the keywords of draft 2020-12 that a form or a check can use, each with a
value of its right type. Older spellings are brought forward. Every `$ref` is one of
`#/$defs/0`, `#/$defs/1`…; one that leads out of the document, or nowhere, allows anything.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from ogpu_jupyter.errors import InputError
from ogpu_jupyter.render.safe import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]

MOST_SCHEMAS: Final = 5_000
DEEPEST: Final = 40
MOST_NAMES: Final = 300  # of one record
MOST_OPTIONS: Final = 20  # of `anyOf` and its like
MOST_VALUES: Final = 1_000  # of `enum`, and of all of them
_MOST_IN_ALL: Final = 50_000
LONGEST_NAME: Final = 200
_LONGEST_TITLE: Final = 100
_LONGEST_TEXT: Final = 1_000
_LONGEST_VALUE: Final = 1_000_000
_MOST_DATA: Final = 100_000
_MOST_EXAMPLES: Final = 20
_LARGEST: Final = 10**300

_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS: Final = (
    *("minLength", "maxLength", "minItems", "maxItems"),
    *("minProperties", "maxProperties", "minContains", "maxContains"),
)
_ONE: Final = (
    *("items", "additionalProperties", "contains", "propertyNames"),
    *("not", "if", "then", "else"),
)
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS: Final = ("properties", "patternProperties", "dependentSchemas")
_WORDS: Final = ("pattern", "format", "contentEncoding", "contentMediaType")


class Unusable(InputError):
    """A schema that is none, or that is more than a form can be made of."""


def cleaned(schema: object) -> Schema:
    """The schema as this module's first lines say, or Unusable."""
    if not isinstance(schema, dict):
        raise Unusable("The schema is not an object.")
    return _Cleaner(schema).document()


class _Cleaner:
    """Copies what it knows, and the places that are referred to, each once."""

    def __init__(self, source: Schema) -> None:
        self._source = source
        self._left = MOST_SCHEMAS
        self._values_left = _MOST_IN_ALL
        self._numbers: dict[str, int] = {}
        self._waiting: list[tuple[str, object]] = []

    def document(self) -> Schema:
        root = self._schema(self._source, 0)
        definitions: Schema = {}
        while self._waiting:
            pointer, target = self._waiting.pop()
            found = self._schema(target, 0)
            if isinstance(found, dict) and pointer.strip("/"):
                found.setdefault("title", _title(pointer))
            definitions[str(self._numbers[pointer])] = found
        if not isinstance(root, dict):
            raise Unusable("The schema allows anything, or nothing.")
        return {**root, "$defs": definitions} if definitions else root

    def _schema(self, raw: object, depth: int) -> Schema | bool:
        """What is no schema at all allows anything."""
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, dict):
            return True
        self._left -= 1
        self._values_left -= len(raw["enum"]) if isinstance(raw.get("enum"), list) else 0
        if min(self._left, self._values_left) < 0 or depth > DEEPEST:
            raise Unusable("The schema is larger than a form can be.")
        raw = _brought_forward(raw)
        clean: Schema = {}
        for keyword, read in _PLAIN.items():
            if keyword in raw and (value := read(raw[keyword])) is not None:
                clean[keyword] = value
        for keyword in ("default", "const"):
            if keyword in raw and _is_data(raw[keyword]):
                clean[keyword] = raw[keyword]
        self._parts(raw, clean, depth + 1)
        if isinstance(raw.get("$ref"), str):
            self._refer(raw["$ref"], clean)
        return clean

    def _parts(self, raw: Schema, clean: Schema, depth: int) -> None:
        for keyword in _ONE:
            if isinstance(raw.get(keyword), (dict, bool)):
                clean[keyword] = self._schema(raw[keyword], depth)
        for keyword in _LISTS:
            options = raw.get(keyword)
            if isinstance(options, list) and _are_few(keyword, options):
                clean[keyword] = [self._schema(each, depth) for each in options]
        for keyword in _MAPS:
            if isinstance(raw.get(keyword), dict):
                clean[keyword] = self._named(raw[keyword], depth)

    def _named(self, raw: Schema, depth: int) -> Schema:
        if len(raw) > MOST_NAMES:
            raise Unusable(f"The schema has {len(raw):,} fields in one record.")
        named = {str(name): schema for name, schema in raw.items()}
        return {
            name: self._schema(schema, depth)
            for name, schema in named.items()
            if len(name) <= LONGEST_NAME
        }

    def _refer(self, reference: str, clean: Schema) -> None:
        found = _found(self._source, reference)
        if found is None:
            return
        pointer, target = found
        if pointer not in self._numbers:
            self._numbers[pointer] = len(self._numbers)
            self._waiting.append((pointer, target))
        clean["$ref"] = f"#/$defs/{self._numbers[pointer]}"


def _found(source: Schema, reference: str) -> tuple[str, object] | None:
    """The place in the same document, and what is there."""
    if not reference.startswith("#") or len(reference) > _LONGEST_TEXT:
        return None
    pointer = unquote(reference[1:])
    place: object = source
    if pointer and not pointer.startswith("/"):
        return None
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and name in place:
            place = place[name]
        elif isinstance(place, list) and name.isascii() and name.isdigit() and len(name) < 6:
            if int(name) >= len(place):
                return None
            place = place[int(name)]
        else:
            return None
    return (pointer, place) if isinstance(place, (dict, bool)) else None


def _title(pointer: str) -> str:
    return one_line(pointer.rpartition("/")[2].replace("~1", "/"), _LONGEST_TITLE)


def _brought_forward(raw: Schema) -> Schema:
    """Older drafts' and OpenAPI's spellings, as 2020-12 writes them."""
    new = dict(raw)
    if isinstance(raw.get("items"), list):
        new["prefixItems"] = raw["items"]
        new["items"] = raw.get("additionalItems", True)
    for strict, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(raw.get(strict), bool):
            del new[strict]
            if raw[strict] and bound in raw:
                new[strict] = new.pop(bound)
    if raw.get("nullable") is True and isinstance(raw.get("type"), str):
        new["type"] = [raw["type"], "null"]
    if "example" in raw and "examples" not in raw:
        new["examples"] = [raw["example"]]
    return new


def _are_few(keyword: str, options: list[Any]) -> bool:
    """Alternatives that are constants may be many; others are compared one by one."""
    if keyword in {"allOf", "prefixItems"}:
        return 0 < len(options) <= MOST_NAMES
    constants = all(isinstance(option, dict) and "const" in option for option in options)
    return 0 < len(options) <= (MOST_VALUES if constants else MOST_OPTIONS)


def is_number(value: object) -> bool:
    """A number that can be reckoned with: true is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < _LARGEST if isinstance(value, int) else math.isfinite(value)


def _is_data(value: object) -> bool:
    """JSON of a size that a form may hold. Looked at without recursion."""
    left, size, count = [value], 0, 0
    while left:
        each = left.pop()
        count += 1
        if isinstance(each, str):
            size += len(each)
        elif isinstance(each, dict):
            if not all(isinstance(key, str) for key in each):
                return False
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
        elif each is not None and not isinstance(each, bool) and not is_number(each):
            return False
        if size > _LONGEST_VALUE or count > _MOST_DATA:
            return False
    return True


def _types(value: object) -> str | list[str] | None:
    if isinstance(value, str):
        return value if value in _TYPES else None
    if not isinstance(value, list):
        return None
    known = list(dict.fromkeys(each for each in value if isinstance(each, str) and each in _TYPES))
    return known or None


def _number(value: object) -> Any:
    return value if is_number(value) else None


def _multiple(value: Any) -> Any:
    return value if is_number(value) and value > 0 else None


def _count(value: object) -> int | None:
    if not is_number(value) or not isinstance(value, (int, float)) or value < 0 or value % 1:
        return None
    return int(value)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= _LONGEST_TEXT else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _names(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return list(dict.fromkeys(each for each in value if isinstance(each, str)))[:MOST_NAMES]


def _names_of(value: object) -> dict[str, list[str]] | None:
    if not isinstance(value, dict):
        return None
    read = {str(name): _names(each) for name, each in list(value.items())[:MOST_NAMES]}
    return {name: names for name, names in read.items() if names}


def _values(value: object) -> list[Any] | None:
    if not isinstance(value, list) or not value or len(value) > MOST_VALUES:
        return None
    return value if _is_data(value) else None


def _examples(value: object) -> list[Any] | None:
    return (
        [each for each in value[:_MOST_EXAMPLES] if _is_data(each)]
        if isinstance(value, list)
        else None
    )


def _discriminator(value: object) -> Schema | None:
    name = value.get("propertyName") if isinstance(value, dict) else value
    return {"propertyName": name} if isinstance(name, str) and len(name) <= LONGEST_NAME else None


_PLAIN: Final[dict[str, Callable[[Any], Any]]] = {
    "title": lambda value: one_line(value, _LONGEST_TITLE) if isinstance(value, str) else None,
    "description": lambda value: plain(value, _LONGEST_TEXT) if isinstance(value, str) else None,
    "type": _types,
    "enum": _values,
    "examples": _examples,
    "required": _names,
    "dependentRequired": _names_of,
    "uniqueItems": _flag,
    "writeOnly": _flag,
    "discriminator": _discriminator,
    **dict.fromkeys(_BOUNDS, _number),
    "multipleOf": _multiple,
    **dict.fromkeys(_COUNTS, _count),
    **dict.fromkeys(_WORDS, _word),
}
