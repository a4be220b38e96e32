"""Where in a cell's body something is wrong, shown so that it can be found."""

from __future__ import annotations

import unicodedata
from typing import Final

from ogpu_jupyter.errors import BodyError

# The quotes that a word processor, or a chat, puts there.
TYPOGRAPHIC: Final = "\u201c\u201d\u201e\u201f\xab\xbb\u2018\u2019\u201a\u201b\uff02\uff07"
STRAIGHT: Final = "Type straight quotes in place of typographic ones."
_WIDTH: Final = 72
_LEAD: Final = 48  # how much of a long line stands before the place


def place_of(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `index`."""
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def body_error(
    what: str, text: str, line: int | None, column: int | None = None, *, hint: str = ""
) -> BodyError:
    """`what` with its line and column, and below it the line with a caret."""
    if line is None:
        return BodyError(f"{what}.", hint=hint)
    if column is None:
        return BodyError(f"{what}, in line {line} of the body.", line=line, hint=hint)
    message = f"{what}, in line {line} of the body, column {column}."
    return BodyError(
        f"{message}\n{excerpt(text, line, column)}", line=line, column=column, hint=hint
    )


def excerpt(text: str, line: int, column: int) -> str:
    """The line, cut to a screen's width around the column, and a caret under it."""
    lines = text.split("\n")
    shown = lines[line - 1] if line <= len(lines) else ""
    start = max(0, column - 1 - _LEAD) if len(shown) > _WIDTH else 0
    window = shown[start : start + _WIDTH]
    before = window[: column - 1 - start]
    pad = "".join(map(_blank, before))
    return f"    {_plain(window)}\n    {pad}^".rstrip()


def _plain(text: str) -> str:
    """No control characters: they could move a terminal's cursor."""
    return "".join(char if char == "\t" or char.isprintable() else "�" for char in text)


def _blank(char: str) -> str:
    from ogpu_jupyter.render.safe import is_placeless  # noqa: PLC0415 - render is heavy

    if char == "\t":
        return "\t"
    if is_placeless(char):
        return ""
    return "  " if unicodedata.east_asian_width(char) in "WF" else " "
