"""The `%%ogpu_task` cell that publishes what a form would: word for word the same payload.

The body is JSON; text alone where a template was used; and a Python literal where a string
holds `{{ name }}`, which a cell of JSON would take for a variable.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
from pprint import pformat
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import InputError
from ogpu_jupyter.tasks import Complexity
from ogpu_jupyter.units import parse_amount, plain_amount, plain_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ogpu_jupyter.units import Amount

DEPTH: Final = 100  # of a cell's body
_DIGITS: Final = 400
_YEAR_2001: Final = 10**9
_WIDTH: Final = 96
_PLACEHOLDER: Final = re.compile(r"\{\{")
_BARE: Final = re.compile(r"[A-Za-z0-9_@%+=:,./#-]+")
# Prompts at the start of a line are taken away by IPython, and a brace begins an object.
_NOT_A_TEXT: Final = re.compile(r"\A\s*(?:\{|>>>|\.\.\.|In \[|%|!|\?)")


def as_cell(
    source: str,
    function: str,
    data: Mapping[str, Any],
    *,
    pay: Amount | None = None,
    expires: str | float | dt.datetime | dt.timedelta | None = None,
    complexity: Complexity | str | None = None,
    name: str = "task",
    extras: Mapping[str, Any] | None = None,
    template: str | None = None,
    model: str = "",
    new: bool = False,
    wait: bool = False,
) -> str:
    """The text of the cell. With a `template` of the magic the body is the text itself,
    where it can be.

    InputError where no cell can say it: a function that begins with a dash, data that is
    nested too deep.
    """
    payload = dict(data)
    _check(payload)
    text = _templated(payload, template)
    words = [_argument(source, "source"), _argument(function, "function")]
    words += _option("--as", name if name != "task" else None)
    words += _option("--pay", None if pay is None else plain_amount(parse_amount(pay)))
    words += _option("--expires", _moment(expires))
    words += _option("--complexity", None if complexity is None else Complexity(complexity).value)
    for key, value in (extras or {}).items():
        words.append(_extra(key, value))
    words += _option("--model", model or None)
    if text is not None:
        words += ["--template", str(template)]
    elif _has_placeholder(payload):
        words.append("--python")
    words += [flag for flag, wanted in (("--new", new), ("--wait", wait)) if wanted]
    return f"%%ogpu_task {' '.join(words)}\n{_body(payload) if text is None else text}"


def _body(payload: dict[str, Any]) -> str:
    if _has_placeholder(payload):
        return pformat(payload, width=_WIDTH, sort_dicts=False)
    return _json(payload, indent=2)


def _json(value: Any, indent: int | None = None) -> str:
    """With what can't be seen escaped, so that it isn't lost in an editor."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return re.sub(r"[^\n -~]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    return char if char.isprintable() else json.dumps(char)[1:-1]


def _argument(text: str, what: str) -> str:
    if text.startswith("-") or not text.strip() or _is_broken(text):
        raise InputError(f"The {what} {text[:40]!r} can't stand in a cell's first line.")
    return _quoted(text)


def _option(flag: str, value: str | None) -> list[str]:
    if value is None:
        return []
    if _is_broken(value):
        raise InputError(f"The value of `{flag}` can't stand in a cell's first line.")
    word = _quoted(value)
    return [f"{flag}={word}"] if value.startswith("-") else [flag, word]


def _extra(key: str, value: Any) -> str:
    if not key.strip() or "=" in key or _is_broken(key):
        raise InputError(f"The extra {key[:40]!r} can't stand in a cell's first line.")
    return f"--extra={_quoted(f'{key}={_json(value)}')}"


def _is_broken(text: str) -> bool:
    """It holds a line's end or something unseen, which the line would lose."""
    return not text.isprintable()


def _quoted(text: str) -> str:
    """A lone `#` begins a comment, so that a word with one is quoted too."""
    return text if _BARE.fullmatch(text) and "#" not in text else shlex.quote(text)


def _moment(expires: str | float | dt.datetime | dt.timedelta | None) -> str | None:
    if expires is None or isinstance(expires, str):
        return expires
    if isinstance(expires, dt.timedelta):
        return plain_duration(round(expires.total_seconds()))
    if isinstance(expires, dt.datetime):
        return expires.isoformat()
    if expires < _YEAR_2001:
        return str(expires)  # refused, with the reason, as it is in Python
    return dt.datetime.fromtimestamp(int(expires), dt.timezone.utc).isoformat()


# What can stand in a body


def _check(payload: dict[str, Any]) -> None:
    for value, depth in _values(payload):
        if depth > DEPTH and isinstance(value, (dict, list)):
            raise InputError(f"The data is nested more than {DEPTH} deep: no cell can hold it.")
        if isinstance(value, int) and abs(value) >= 10**_DIGITS:
            raise InputError(f"The data holds a number of more than {_DIGITS} digits.")


def _values(payload: dict[str, Any]) -> Iterator[tuple[Any, int]]:
    """Each value and each key, with its depth; without recursion."""
    left: list[tuple[Any, int]] = [(payload, 1)]
    while left:
        value, depth = left.pop()
        yield value, depth
        if isinstance(value, dict):
            left += [(key, depth) for key in value]
            left += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            left += [(item, depth + 1) for item in value]
        if depth > DEPTH + 1:
            return


def _has_placeholder(payload: dict[str, Any]) -> bool:
    return any(isinstance(v, str) and _PLACEHOLDER.search(v) for v, _ in _values(payload))


def _templated(payload: dict[str, Any], template: str | None) -> str | None:
    """The text that the magic's template would make this payload of; None where none would."""
    text = _TEXTS[template](payload) if template in _TEXTS else None
    if not isinstance(text, str) or not text or text != text.strip():
        return None
    plain = all(line.isprintable() for line in text.replace("\t", " ").split("\n"))
    prompts = any(_NOT_A_TEXT.match(line) for line in text.split("\n")[:2])
    return text if plain and not prompts and not _PLACEHOLDER.search(text) else None


def _chat(payload: dict[str, Any]) -> Any:
    messages = payload.get("messages")
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], dict):
        return None
    text = messages[0].get("content")
    same = payload == {"messages": [{"role": "user", "content": text}]}
    return text if same and list(messages[0]) == ["role", "content"] else None


def _pipeline(payload: dict[str, Any]) -> Any:
    text = payload.get("input")
    same = payload == {"input": text, "args": {}} and list(payload) == ["input", "args"]
    return text if same else None


def _picture(payload: dict[str, Any]) -> Any:
    text = payload.get("prompt")
    return text if payload == {"prompt": text} else None


_TEXTS: Final = {"chat": _chat, "hf": _pipeline, "text2image": _picture}
