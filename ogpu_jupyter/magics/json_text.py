"""JSON as a person types it: each key once, finite numbers, and the place of a mistake.

The standard parser takes NaN and duplicate keys, and recurses once for each bracket, which
ends the process where something (such as `eth_account`) raised the recursion limit.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from .places import STRAIGHT, TYPOGRAPHIC, body_error, place_of

if TYPE_CHECKING:
    from ogpu_jupyter.errors import BodyError

DEPTH: Final = 100
DIGITS: Final = 400
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]|-?[A-Za-z0-9.+-]+', re.DOTALL)
_CLOSING: Final = {"{": "}", "[": "]"}
_ENDING: Final = re.compile(rf"[{TYPOGRAPHIC}](?=[ \t]*(?:[:,}}\]\n]|\Z))")
_PYTHON: Final = frozenset({"True", "False", "None"})


class _Refused(Exception):
    """A literal or a key that JSON's grammar lets through, and that can't be sent."""

    def __init__(self, literal: str, why: str, *, nth: int = 1) -> None:
        super().__init__(why)
        self.literal = literal
        self.why = why
        self.nth = nth


def read_json(text: str, *, shown: str = "") -> Any:
    """The value of this text; else a BodyError with line, column and a caret.

    `shown` is what the person typed, where `text` stands for it with equal lengths.
    """
    shown = shown or text
    _check_depth(text)
    try:
        return json.loads(
            text,
            parse_int=_int,
            parse_float=_float,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise _explained(text, shown, error) from None
    except _Refused as refused:
        index = _find(text, refused)
        where = (None, None) if index is None else place_of(text, index)
        raise body_error(f"The body can't be sent: {refused.why}", shown, *where) from None


def _explained(text: str, shown: str, error: json.JSONDecodeError) -> BodyError:
    """A quote or a bracket that is missing is told where it is due, not where it is missed."""
    index = _typographic(text, error)
    if index is not None:
        what = f"The body is not JSON: {text[index]} is a typographic quote"
        return body_error(what, shown, *place_of(text, index), hint=STRAIGHT)
    opening = _unclosed(text, error.pos)
    if opening is not None:
        what = f"The body is not JSON: the `{text[opening]}` is never closed"
        hint = f"Type `{_CLOSING[text[opening]]}` where it ends."
        return body_error(what, shown, *place_of(text, opening), hint=hint)
    what = f"The body is not JSON: {_lower(error.msg)}"
    return body_error(what, shown, *place_of(text, error.pos), hint=_hint(text, error.pos))


def _typographic(text: str, error: json.JSONDecodeError) -> int | None:
    """The quote at which reading ended, or that should have ended the text before it."""
    index = error.pos
    if text[index : index + 1] in TYPOGRAPHIC and index < len(text):
        return index
    if text[index : index + 1] in {"{", "["} or (
        text[index : index + 1] == '"' and not error.msg.startswith("Unterminated")
    ):
        return None
    for token in _TOKEN.finditer(text):
        if token[0][0] == '"' and token.end() >= index:
            found = _ENDING.search(token[0]) if token.start() <= index else None
            return None if found is None else token.start() + found.start()
        if token[0][0] == '"' and not text[token.end() : index].strip():
            found = _ENDING.search(token[0])
            return None if found is None else token.start() + found.start()
    return None


def _unclosed(text: str, index: int) -> int | None:
    """The bracket that is still open where the text ends, or another kind of bracket closes."""
    opened: list[int] = []
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in _CLOSING:
            opened.append(token.start())
        elif first in _CLOSING.values():
            if not opened:
                return None
            if _CLOSING[text[opened[-1]]] != first:
                return opened[-1] if token.start() == index else None
            opened.pop()
    return opened[-1] if opened and not text[index:].strip() else None


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > DEPTH:
                where = place_of(text, token.start())
                raise body_error(f"The body is nested more than {DEPTH} deep", text, *where)
        elif first in "]}":
            depth -= 1


def _int(literal: str) -> int:
    return int(_short(literal))


def _float(literal: str) -> float:
    value = float(_short(literal))
    if math.isinf(value):
        raise _Refused(literal, f"{literal[:40]} is too large a number")
    return value


def _short(literal: str) -> str:
    if len(literal) > DIGITS:
        raise _Refused(literal, f"it holds a number of {len(literal):,} digits")
    return literal


def _constant(name: str) -> Any:
    raise _Refused(name, f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                shown = json.dumps(key, ensure_ascii=False)
                raise _Refused(shown, f"the key {shown[:60]} stands twice in one object", nth=2)
            seen.add(key)
    return value


def _find(text: str, refused: _Refused) -> int | None:
    """Where it stands; None where that can't be told apart from its likes."""
    places = [t.start() for t in _TOKEN.finditer(text) if t[0] == refused.literal]
    if refused.nth == 1:
        return places[0] if places else None
    return places[1] if len(places) == 2 else None


def _hint(text: str, index: int) -> str:
    word = re.match(r"\w+", text[index : index + 20])
    if text[index : index + 1] == "'" or (word and word[0] in _PYTHON):
        return "For a Python expression add `--python`."
    if text.lstrip()[:1] == "{":
        return "For YAML begin with a key, as in `prompt: …`; for Python add `--python`."
    return ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
