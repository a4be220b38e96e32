"""Single words of a line: what each must look like, and what to say when it doesn't."""

from __future__ import annotations

import difflib
import keyword
import re
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import BodyError, InputError, UnknownName
from ogpu_jupyter.units import parse_amount, parse_duration

from .json_text import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_KEY: Final = re.compile(r"(?<![0-9a-fA-F])(0[xX])?[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_SECONDS: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_MAX_PORT: Final = 65535


def looks_like_key(text: str) -> bool:
    """64 hex digits, with or without 0x. A transaction's hash looks the same."""
    return _KEY.search(text) is not None


def quoted(text: str, limit: int = 40) -> str:
    """A word for a message: short, on one line, and never something like a key."""
    if looks_like_key(text):
        return "a word of 64 hex digits"
    return f"`{text[:limit]}…`" if len(text) > limit else f"`{text}`"


def nearest(word: str, known: Iterable[str]) -> str:
    """`Did you mean …?`, or nothing where nothing is near."""
    names = list(known)
    by_case = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), by_case, n=1, cutoff=0.6)
    if not near:
        return ""
    return f"Did you mean `{by_case[near[0]]}`?"


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def one_of(owner: str, choices: tuple[str, ...], *, kind: str = "value") -> Callable[[str], str]:
    """A reader that takes these words alone."""

    def read(text: str) -> str:
        if text in choices:
            return text
        hint = nearest(text, choices)
        raise UnknownName(
            f"{quoted(text)} is not a {kind} of `{owner}`.",
            hint=f"{hint} " * bool(hint) + f"It takes one of: {listed(choices)}.",
        )

    return read


def check_identifier(owner: str, text: str) -> str:
    if text.isidentifier() and not keyword.iskeyword(text):
        return text
    if len(words := text.split()) > 1:
        raise spaced_name(owner, words)
    why = "a word of Python itself" if keyword.iskeyword(text) else "not a variable's name"
    raise InputError(
        f"{quoted(text)} after `{owner}` is {why}.",
        hint="A name has letters, digits and underscores, and starts with no digit.",
    )


def spaced_name(owner: str, words: Sequence[str]) -> InputError:
    """For a name that was typed as several words."""
    together = "_".join(words)
    hint = (
        f"Type `{owner} {together[:40]}`." if together.isidentifier() else "Leave the spaces out."
    )
    return InputError(
        f"A name has no spaces: {quoted(' '.join(words))} after `{owner}` is {len(words)} words.",
        hint=hint,
    )


def identifier(owner: str) -> Callable[[str], str]:
    return lambda text: check_identifier(owner, text)


def identifiers(owner: str) -> Callable[[str], tuple[str, ...]]:
    """`a,b`, each once."""

    def read(text: str) -> tuple[str, ...]:
        names = [name.strip() for name in text.split(",")]
        return tuple(dict.fromkeys(check_identifier(owner, name) for name in names if name))

    return read


def account(text: str) -> str:
    """A variable's name, or `kind:name`, of which the package knows what is meant."""
    return text if ":" in text else check_identifier("--account", text)


def amount(text: str) -> str:
    """Checked, and still as it was typed: an amount is exact as text."""
    parse_amount(text)
    return text


def seconds(text: str) -> float:
    """A plain number of seconds, or a duration with its unit."""
    if _SECONDS.fullmatch(text):
        return float(text)
    return parse_duration(text)


def port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _MAX_PORT:
        return int(text)
    raise InputError(f"{quoted(text)} is not a port.", hint="Type a number up to 65535, or 0.")


def duration(text: str) -> str:
    """Checked, and still as it was typed: it is counted from when it is used."""
    parse_duration(text)
    return text


def count_of(owner: str) -> Callable[[str], int]:
    """A reader of a whole number of things."""

    def read(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        raise InputError(f"{quoted(text)} after `{owner}` is no number.", hint="Type 100, say.")

    return read


def order_of(owner: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    """`payment`, `payment:asc`, `payment:desc`."""

    def read(text: str) -> str:
        key, colon, way = text.partition(":")
        one_of(owner, choices)(key)
        if colon:
            one_of(owner, ("asc", "desc"))(way)
        return text

    return read


def answer_kind(text: str) -> str:
    """A kind of answers, by any of its names; an unknown one raises with the list of them."""
    from ogpu_jupyter.render.drawing import wanted_kind  # noqa: PLC0415 - not on load

    return wanted_kind(text)


def key_value(text: str) -> tuple[str, Any]:
    """`key=value`: JSON where it is JSON, else text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(
            f"{quoted(text)} after `--extra` has no key and value.",
            hint="Type `--extra key=value`.",
        )
    if key in {"function_name", "data"}:
        raise InputError(f"`{key}` can't be an extra: it is part of every task.")
    return key, _json_or_text(value)


def _json_or_text(text: str) -> Any:
    try:
        return read_json(text)
    except BodyError:
        return text
