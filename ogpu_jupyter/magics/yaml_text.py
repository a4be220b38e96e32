"""YAML as a person reads it: the core schema of YAML 1.2, within bounds.

PyYAML follows YAML 1.1, where `no` is false, 12:30 is 750 and 2024-01-01 is a date; it
takes a key twice and lets an alias multiply a few bytes into gigabytes. Here a plain word
is text unless it is a JSON-like number, `true`, `false` or `null`; keys are always text;
aliases and other tags are refused.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from .json_text import DEPTH, DIGITS
from .places import STRAIGHT, TYPOGRAPHIC, body_error, place_of

_CLOSING: Final = {"{": "}", "[": "]", '"': '"', "'": "'"}
_PREFIX: Final = "tag:yaml.org,2002:"
_FLOAT: Final = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_CORE: Final = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", rf"{_FLOAT}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789"),
)


class _Loader(yaml.SafeLoader):
    """The grammar is PyYAML's; what a node means is decided in `_value`."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _problem("an alias (`*name`) is not taken", self._mark())
        self.depth += 1
        if self.depth > DEPTH:
            raise _problem(f"it is nested more than {DEPTH} deep", self._mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _mark(self) -> Any:
        return self.peek_event().start_mark  # type: ignore[no-untyped-call]


_Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(
        _PREFIX + _name,
        re.compile(rf"(?:{_pattern})\Z"),
        ["" if char == "\0" else char for char in _first],
    )


def read_yaml(text: str) -> Any:
    """The value of this text; else a BodyError with line, column and a caret."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _value(node)
    except yaml.MarkedYAMLError as error:
        raise _located(text, error) from None
    except yaml.reader.ReaderError as error:
        what = f"The body holds the character U+{_code(error):04X}, which YAML doesn't take"
        line, column = place_of(text, error.position)
        hint = "Write the body as JSON, with the character escaped."
        raise body_error(what, text, line, column, hint=hint) from None


def _value(node: Node) -> Any:
    placeholder = _placeholder(node)
    if placeholder is not None:
        return placeholder
    if isinstance(node, MappingNode):
        return _mapping(node)
    if isinstance(node, SequenceNode):
        _check_tag(node, "seq")
        return [_value(item) for item in node.value]
    return _scalar(node)


def _mapping(node: MappingNode) -> dict[str, Any]:
    _check_tag(node, "map")
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise _problem("a key is a list or an object", key_node.start_mark)
        key = str(key_node.value)
        if key[:1] in TYPOGRAPHIC and key and key_node.style is None:
            raise _problem(f"{key[0]} is a typographic quote", key_node.start_mark)
        if key in found:
            shown = f"{key[:40]}…" if len(key) > 40 else key
            raise _problem(f"the key `{shown}` stands twice", key_node.start_mark)
        found[key] = _value(value_node)
    return found


def _scalar(node: Node) -> Any:
    kind = node.tag.removeprefix(_PREFIX)
    text = str(node.value)
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in {"int", "float"}:
        return _number(node, kind, text)
    raise _bad_tag(node)


def _number(node: Node, kind: str, text: str) -> int | float:
    if len(text) > DIGITS:
        raise _problem(f"a number has {len(text):,} digits", node.start_mark)
    try:
        if kind == "int":
            return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
        value = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise _problem(f"`{text[:40]}` is not a number", node.start_mark) from None
    if not math.isfinite(value):
        raise _problem(f"`{text[:40]}` is not a finite number", node.start_mark)
    return value


def _placeholder(node: Node) -> str | None:
    """The text of an unquoted `{{ name }}`, which YAML takes for an object in an object."""
    inner = _only_key(node)
    name = None if inner is None else _only_key(inner)
    if inner is None or not isinstance(name, ScalarNode) or name.style is not None:
        return None
    touching = inner.start_mark.index == node.start_mark.index + 1
    return f"{{{{ {name.value} }}}}" if touching and name.value.isidentifier() else None


def _only_key(node: Node) -> Node | None:
    """The key of `{key}`: a flow mapping with one key and nothing after it."""
    if not isinstance(node, MappingNode) or not node.flow_style or len(node.value) != 1:
        return None
    key, value = node.value[0]
    empty = isinstance(value, ScalarNode) and value.value == "" and value.style is None
    return key if empty and isinstance(key, Node) else None


def _check_tag(node: Node, kind: str) -> None:
    if node.tag != _PREFIX + kind:
        raise _bad_tag(node)


def _bad_tag(node: Node) -> yaml.MarkedYAMLError:
    tag = node.tag.replace(_PREFIX, "!!")[:40]
    return _problem(f"the tag `{tag}` is not taken", node.start_mark)


def _problem(what: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=mark)


def _located(text: str, error: yaml.MarkedYAMLError) -> Exception:
    mark = error.problem_mark or error.context_mark
    why = error.problem or error.context or ""
    if "<stream end>" in why and error.context_mark is not None:
        mark = error.context_mark
        opening = text[mark.index : mark.index + 1]
        why = f"the `{opening}` is never closed" if opening in _CLOSING else why
    what = f"The body is not YAML that can be sent: {why}"
    line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
    return body_error(what, text, line, column, hint=_hint(text, error))


def _hint(text: str, error: yaml.MarkedYAMLError) -> str:
    if "<stream end>" in (error.problem or "") and error.context_mark is not None:
        opening = text[error.context_mark.index : error.context_mark.index + 1]
        if opening in _CLOSING:
            return f"Type `{_CLOSING[opening]}` where it ends."
    if "typographic" in (error.problem or ""):
        return STRAIGHT
    if "expected <block end>" in (error.problem or "") and "{{" in text:
        return 'Quote a text that begins with {{ name }}: "{{ name }} and more".'
    if "mapping values" in (error.problem or ""):
        return "Quote a text that holds a colon; for text alone add `--template chat`."
    if "found character" in (error.problem or ""):
        return "Indent with spaces, and quote a text that begins with a special character."
    return "Quote the text, or write the body as JSON."


def _code(error: yaml.reader.ReaderError) -> int:
    return error.character if isinstance(error.character, int) else ord(error.character)
