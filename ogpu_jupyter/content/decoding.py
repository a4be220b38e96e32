"""JSON from strangers, read strictly and within bounds.

The standard parser recurses once for each bracket, multiplies a few bytes into large
objects, and takes NaN, infinity and duplicate keys. `import eth_account` raises the
recursion limit so far that deep brackets end the process instead of raising. So the text
is measured before it is parsed, with tools that run at the speed of C.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import Any, NoReturn

from ogpu_jupyter.errors import ContentInvalid

DEPTH = 200
VALUES = 2_000_000
DIGITS = 400

_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NOT_BRACKETS = bytes(set(range(256)) - set(_STEP))
_STRING = re.compile(rb'"[^"]*"?')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decode_json(data: bytes) -> object:
    """The value in these bytes: UTF-8, at most 200 deep and 2 million values, each key once.

    Numbers have at most 400 digits and are finite. Anything else is a ContentInvalid that
    says what it looks like.
    """
    text = _text(data)
    measure(data)
    try:
        value = json.loads(
            text,
            parse_int=_int,
            parse_float=_float,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise ContentInvalid(
            f"The content is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise ContentInvalid("The content is nested too deep to be read from here.") from None
    if _SURROGATE.search(data):
        _refuse_lone_surrogates(value)
    return value


def _text(data: bytes) -> str:
    start = data[:512].lstrip()
    if not start:
        size = "empty" if not data else "blank"
        raise ContentInvalid(f"The content is {size}, where JSON is due.")
    if start.startswith(b"<"):
        raise ContentInvalid(
            "The content looks like an HTML page or other markup, where JSON is due."
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ContentInvalid(
            f"The content is not UTF-8 text: the byte at {error.start} can't be read."
        ) from None


def measure(data: bytes, *, values: int = VALUES) -> None:
    """Refuse what is too deep or too much, before a parser sees it."""
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    bare = _STRING.sub(b"", unescaped)
    brackets = bare.translate(None, _NOT_BRACKETS)
    if len(brackets) > DEPTH and max(accumulate(map(_STEP.__getitem__, brackets))) > DEPTH:
        raise ContentInvalid(f"The content is nested more than {DEPTH} deep.")
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > values:
        raise ContentInvalid(f"The content has more than {values:,} values.")


def _int(literal: str) -> int:
    _check_digits(literal)
    return int(literal)


def _float(literal: str) -> float:
    _check_digits(literal)
    value = float(literal)
    if math.isinf(value):
        raise ContentInvalid(f"The content has a number that is too large: {literal[:40]}.")
    return value


def _check_digits(literal: str) -> None:
    if len(literal) > DIGITS:
        raise ContentInvalid(f"The content has a number of {len(literal):,} digits.")


def _constant(name: str) -> NoReturn:
    raise ContentInvalid(f"The content has {name}, which is not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ContentInvalid(f"The content has the key {_shown(twice)} twice in one object.")
    return value


def _shown(key: str) -> str:
    return ascii(key if len(key) <= 40 else key[:40] + "...")


def _refuse_lone_surrogates(value: object) -> None:
    """Half a character would break whatever writes it as UTF-8 later."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ContentInvalid("The content has half of a surrogate pair in a string.") from None
