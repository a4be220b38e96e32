"""A table as text, for programs that we don't know: CSV, or TSV.

Some of them run what begins like a formula, end a row at any line end, split at a semicolon,
or skip what is not seen. So there is one kind of line end, what could divide is quoted, and
what could run gets an apostrophe before it. Numbers stay numbers.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ogpu_jupyter.tasks import Json

    from .records import Records

# What begins a formula, and what compatibility (NFKC) makes of it.
SIGNS: Final = (
    "=+@\u207a\u207c\u208a\u208c\u2a75\u2a76\ufb29\ufe62\ufe66\ufe6b\uff0b\uff1d\uff20\ufe63\uff0d-"
)
_SIGN: Final = re.compile(f"[{SIGNS}]")
_NUMBER: Final = re.compile(r"-[0-9.]+(?:[eE][+-]?[0-9]+)?")
_LONGEST_NUMBER: Final = 64
_FILLERS: Final = "\u115f\u1160\u3164\uffa0"  # letters by their category, and blank
_LINE_ENDS: Final = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS: Final = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
}
_STARTS: Final = re.compile("([\n\t])")
_DIVIDES: Final = re.compile(r'[",;|\t\n]')
_ESCAPED: Final = {code: f"\\u{code:04x}" for code in (0x7F, 0x85, 0x2028, 0x2029)}


def sheet(records: Records, separator: str = ",") -> str:
    """The heading and the rows, each with a newline."""
    rows = [map(_inert, records.columns), *(map(_cell, row) for row in records.rows)]
    return "".join(_row(row, separator) for row in rows)


def _row(cells: Iterable[str], separator: str) -> str:
    line = separator.join(map(_quoted, cells))
    return f"{line}\n" if line else '""\n'  # an empty line is no row


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _DIVIDES.search(cell) else cell


def _cell(cell: Json) -> str:
    if isinstance(cell, str):
        return _inert(cell)
    if cell is None:
        return ""
    if isinstance(cell, (bool, list, dict)):
        return json.dumps(cell, ensure_ascii=False).translate(_ESCAPED)
    return str(cell)


def _inert(text: str) -> str:
    lines = _LINE_ENDS.sub("\n", text).translate(_CONTROLS)
    if not _SIGN.search(lines):
        return lines
    return "".join(f"'{part}" if _runs(part) else part for part in _STARTS.split(lines))


def _runs(text: str) -> bool:
    """Whether a program that skips what is not seen takes it for a formula."""
    start = next((at for at, char in enumerate(text) if not _is_blank(char)), len(text))
    if not _SIGN.match(text, start):
        return False
    shown = text[start:].rstrip()
    return len(shown) > _LONGEST_NUMBER or not _NUMBER.fullmatch(
        unicodedata.normalize("NFKC", shown)
    )


def _is_blank(char: str) -> bool:
    return unicodedata.category(char)[0] in "CMZ" or char in _FILLERS or char in "\u2400\u2421"
