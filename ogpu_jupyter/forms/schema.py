"""A JSON Schema becomes a tree of fields.

Made for what pydantic writes, and for what people write by hand. What a form can't show
(`if`, `not`, `dependentRequired`) is left to the check.
"""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.render.safe import one_line

from . import choices, strings
from .documents import MOST_OPTIONS, Schema, cleaned
from .fields import (
    Choice,
    Either,
    Field,
    Flag,
    Link,
    Listing,
    Mapping,
    Raw,
    Record,
    same,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_NOTES: Final = frozenset({"title", "description", "default", "examples", "$defs"})
_LABEL: Final = 60
_DEEPEST: Final = 20
_MERGED: Final = 50
_MOST_READ: Final = 20_000  # schemas; what is referred to under many names is read as often
_MERGING: Final = 50  # as many of them does it cost to put some together
_MOST_TAGS: Final = 100
_MOST_COMPARED: Final = 10_000


def fields_of(schema: object) -> Field:
    """The field of a whole schema; documents.Unusable where there is none."""
    return fields_in(cleaned(schema))


def fields_in(document: Schema) -> Field:
    """The same for a document that is clean already."""
    return _Reader(document).read(document)


class _Reader:
    """Reads schemas of one document; what is referred to is read when it is looked at."""

    def __init__(self, document: Schema) -> None:
        self._definitions: dict[str, Schema | bool] = document.get("$defs", {})
        self._known: dict[str, Field] = {}
        self._left = _MOST_READ
        self._depth = 0

    def _definition(self, reference: str) -> Schema | bool:
        return self._definitions.get(reference.rpartition("/")[2], True)

    def _linked(self, reference: str, name: str) -> Callable[[], Field]:
        def target() -> Field:
            definition = self._definition(reference)
            key = reference if _is_record(definition) else f"{reference} {name}"
            if key not in self._known:
                self._known[key] = self.read(definition, name)
            return self._known[key]

        return target

    def read(self, schema: Schema | bool, name: str = "") -> Field:
        """The field of a schema; `name` is that of the property, which may say what it is."""
        self._left -= 1
        if isinstance(schema, bool) or self._left < 0:
            return Raw()
        if self._depth >= _DEEPEST:  # it may be in itself: on from here when it is looked at
            return Link(target=cache(lambda: self.read(schema, name)))
        notes = _notes(schema)
        rules = {key: value for key, value in schema.items() if key not in _NOTES}
        self._depth += 1
        field = self._field(rules, schema, name)
        self._depth -= 1
        return dataclasses.replace(
            strings.with_file(field, str(notes.get("description", ""))), **notes
        )

    def _field(self, rules: Schema, schema: Schema, name: str) -> Field:
        single = _single_reference(rules)
        if single:
            return Link(target=self._linked(single, name))
        if "$ref" in rules or "allOf" in rules:
            return Link(target=cache(lambda: self._together(schema, name)))
        if "const" in rules or "enum" in rules:
            return choices.choice(rules)
        options = rules.get("oneOf") or rules.get("anyOf")
        if options and any(_says_a_kind(option) for option in options):
            return self._either(rules, options, name)
        types = rules.get("type")
        if isinstance(types, list):
            either = [{**rules, "type": each} for each in types]
            return self._either({}, either, name)
        return self._of_type(types or _implied(rules), rules, schema, name)

    def _together(self, schema: Schema, name: str) -> Field:
        self._left -= _MERGING
        return Raw() if self._left < 0 else self.read(self._merged(schema, set()), name)

    def _of_type(self, kind: str, rules: Schema, schema: Schema, name: str) -> Field:
        if kind == "string":
            return strings.text(schema, name)
        if kind in {"number", "integer"}:
            return strings.number(rules, integer=kind == "integer")
        if kind == "boolean":
            return Flag()
        if kind == "array":
            return self._listing(rules, name)
        if kind == "object":
            return self._object(rules)
        return Choice(options=(("nothing", None),)) if kind == "null" else Raw()

    # What holds others

    def _object(self, rules: Schema) -> Field:
        named = rules.get("properties", {})
        additional = rules.get("additionalProperties", not named)
        patterns = rules.get("patternProperties", {})
        keys = rules.get("propertyNames")
        if patterns:
            additional = next(iter(patterns.values()))
        if named or additional is False:
            return self._record(named, rules, additional)
        if isinstance(keys, dict) and _are_texts(keys.get("enum")):
            return self._record(dict.fromkeys(keys["enum"], additional), rules, False)
        pattern = keys.get("pattern", "") if isinstance(keys, dict) else next(iter(patterns), "")
        return Mapping(
            value=self.read(additional),
            key_pattern=pattern,
            min_items=rules.get("minProperties", 0),
            max_items=rules.get("maxProperties"),
        )

    def _record(self, named: Schema, rules: Schema, additional: Schema | bool) -> Record:
        required = set(rules.get("required", ()))
        fields = []
        for name, schema in named.items():
            if schema is False:
                continue
            field = self.read(schema, name)
            title = _notes(schema).get("title") or _as_title(name)
            field = dataclasses.replace(field, title=title, required=name in required)
            fields.append((name, field))
        more = "additionalProperties" in rules and additional is not False
        return Record(fields=tuple(fields), additional=self.read(additional) if more else None)

    def _listing(self, rules: Schema, name: str) -> Listing:
        heads = tuple(self.read(each) for each in rules.get("prefixItems", ()))
        items, most = rules.get("items", True), rules.get("maxItems")
        others = items is not False and (most is None or most > len(heads))
        return Listing(
            item=self.read(items, _singular(name)) if others else None,
            heads=heads,
            min_items=rules.get("minItems", 0),
            max_items=most,
            unique=rules.get("uniqueItems", False),
        )

    # One of several

    def _either(self, rules: Schema, options: Sequence[Schema | bool], name: str) -> Field:
        """What stands beside the options belongs to each of them."""
        beside = {key: rules[key] for key in rules if key not in {"oneOf", "anyOf"}}
        beside.pop("discriminator", None)
        possible = [option for option in options if option is not False]
        left = [option for option in possible if not _is_null(option)]
        nullable = len(left) < len(possible)
        if beside:
            left = [self._merged({"allOf": [beside, option]}, set()) for option in left]
        if len(left) == 1:
            return _nullable(self.read(left[0], name), nullable=nullable)
        constants = [each for each in left if isinstance(each, dict) and choices.is_choice(each)]
        if left and len(constants) == len(left):
            return _nullable(choices.together(constants), nullable=nullable)
        if not left:
            return Choice(options=(("nothing", None),), nullable=nullable)
        fields = [self.read(option, name) for option in left]
        labels = choices.distinct(
            [self._label(each, field) for each, field in zip(left, fields, strict=True)]
        )
        tag = self._tag(left, rules.get("discriminator", {}).get("propertyName"))
        either = Either(options=tuple(zip(labels, fields, strict=True)), discriminator=tag)
        return _nullable(either, nullable=nullable)

    def _label(self, option: Schema | bool, field: Field) -> str:
        known = self._followed(option)
        title = _notes(option).get("title") or _notes(known).get("title")
        return str(title or choices.kind(field))

    def _followed(self, schema: Schema | bool) -> Schema | bool:
        """The schema that a chain of references ends at."""
        for _ in range(MOST_OPTIONS):
            single = _single_reference(schema) if isinstance(schema, dict) else ""
            if not single:
                return schema
            schema = self._definition(single)
        return True

    def _tag(self, options: Sequence[Schema | bool], named: str | None) -> str | None:
        """The property whose constants tell the options apart: the one named, or the first."""
        tags = [choices.constants(self._followed(option)) for option in options]
        names = [named] if named else list(tags[0])[:_MOST_TAGS]
        for name in names:
            values = [value for each in tags for value in each.get(name, ())]
            apart = len(values) <= _MOST_TAGS and all(
                not same(a, b) for i, a in enumerate(values) for b in values[:i]
            )
            if apart and all(each.get(name) for each in tags):
                return name
        return None

    # Several at once

    def _merged(self, schema: Schema | bool, seen: set[str]) -> Schema:
        """One schema for what `$ref` and `allOf` put together; a circle adds nothing."""
        if isinstance(schema, bool):
            return {}
        own = {key: schema[key] for key in schema if key not in {"$ref", "allOf"}}
        parts = list(schema.get("allOf", ()))
        reference = schema.get("$ref")
        if reference and reference not in seen and len(seen) < _MERGED:
            seen.add(reference)
            parts.insert(0, self._definition(reference))
        for part in parts:
            own = _both(own, self._merged(part, seen))
        return own


def _both(first: Schema, second: Schema) -> Schema:
    """What satisfies both; notes are those of the first."""
    new = {**second, **first}
    for key in first.keys() & second.keys():
        a, b = first[key], second[key]
        if key == "properties":
            new[key] = {**b, **a, **{name: _all_of(a[name], b[name]) for name in a if name in b}}
        elif key == "required":
            new[key] = list(dict.fromkeys([*a, *b]))
        elif key in {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}:
            new[key] = max(a, b)
        elif key in {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}:
            new[key] = min(a, b)
        elif key == "enum" and len(a) * len(b) <= _MOST_COMPARED:
            new[key] = [value for value in a if any(same(value, other) for other in b)] or a
        elif key in {"items", "additionalProperties"}:
            new[key] = _all_of(a, b)
        elif key == "type" and a == "number":
            new[key] = b
    return new


def _all_of(a: Schema | bool, b: Schema | bool) -> Schema | bool:
    """Flat, however many there are."""
    if isinstance(a, bool) or isinstance(b, bool):
        return b if a is True else a
    parts = [each["allOf"] if each.keys() == {"allOf"} else [each] for each in (a, b)]
    return {"allOf": [*parts[0], *parts[1]]}


def _single_reference(schema: Schema) -> str:
    """Where it is nothing but a reference, with or without notes."""
    rules = schema.keys() - _NOTES
    if rules == {"$ref"}:
        return str(schema["$ref"])
    if rules == {"allOf"} and len(schema["allOf"]) == 1 and isinstance(schema["allOf"][0], dict):
        inner = schema["allOf"][0]
        return str(inner["$ref"]) if inner.keys() == {"$ref"} else ""
    return ""


def _is_record(schema: Schema | bool) -> bool:
    """Where the name of the property doesn't say more of what it is."""
    return (
        isinstance(schema, dict) and schema.get("type") == "object" and not schema.keys() & _MIXED
    )


_MIXED: Final = {"$ref", "allOf", "anyOf", "oneOf", "enum", "const"}


def _notes(schema: Schema | bool) -> dict[str, Any]:
    """What is said about a value beside its rules, in a field's words."""
    if isinstance(schema, bool):
        return {}
    notes = {key: schema[key] for key in ("title", "description") if schema.get(key)}
    if "default" in schema:
        notes["default"] = schema["default"]
    if schema.get("examples"):
        notes["examples"] = tuple(schema["examples"])
    return notes


def _implied(rules: Schema) -> str:
    """The type of a schema that doesn't say it."""
    for kind, words in _IMPLYING.items():
        if rules.keys() & words:
            return kind
    return ""


_IMPLYING: Final = {
    "object": {"properties", "additionalProperties", "patternProperties", "propertyNames"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "string": {"pattern", "minLength", "maxLength", "format", "contentEncoding"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}


def _says_a_kind(option: Schema | bool) -> bool:
    """More than a rule such as `{"required": [...]}`, which makes no other form."""
    return isinstance(option, dict) and bool(option.keys() - _NOTES - {"required", "not"})


def _is_null(option: Schema | bool) -> bool:
    if not isinstance(option, dict):
        return False
    rules = {key: value for key, value in option.items() if key not in _NOTES}
    return rules in ({"type": "null"}, {"const": None}, {"enum": [None]}) or (
        rules.get("type") == "null"
    )


def _nullable(field: Field, *, nullable: bool) -> Field:
    return dataclasses.replace(field, nullable=True) if nullable else field


def _as_title(name: str) -> str:
    words = re.sub(r"[_\s]+", " ", name).strip()
    return one_line(words[:1].upper() + words[1:], _LABEL)


def _singular(name: str) -> str:
    return name.removesuffix("s")


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
