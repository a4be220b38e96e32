"""Text of strangers, made fit to be shown.

Everything a provider or a source sends goes through here before it is put into a page or
a terminal. Characters that hide, reorder or drive are made visible, never dropped in
silence; lengths are bounded by whoever calls.
"""

from __future__ import annotations

import html
import re
from typing import Final

# C0 and C1 without tab and newline; zero-width and invisible operators; bidi overrides and
# isolates; the byte order mark; lone surrogates (which no message can carry); Unicode tags.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_LINES: Final = re.compile("\r\n?|[\u2028\u2029]")
# Sequences that drive a terminal: CSI, then OSC and its like up to their end, then the rest.
_ESCAPES: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)


def visible(text: str) -> str:
    """The same text, with a sign in the place of each character that would not be seen."""
    return _HIDDEN.sub(_sign, _LINES.sub("\n", text))


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"\u27e8U+{code:04X}\u27e9"


def plain(text: str, limit: int = 2000) -> str:
    """For a terminal or `text/plain`: no escape sequence is left in it."""
    kept, rest = cut(text, limit)
    return visible(_ESCAPES.sub("", kept)) + _more(rest)


def one_line(text: str, limit: int = 200) -> str:
    """`plain`, with its lines and tabs folded into single spaces."""
    return " ".join(plain(text, limit).split())


def esc(text: str, limit: int = 2000) -> str:
    """For HTML, as text or within a quoted attribute."""
    kept, rest = cut(text, limit)
    return html.escape(visible(kept) + _more(rest), quote=True)


def cut(text: str, limit: int) -> tuple[str, int]:
    """At most `limit` characters, and how many were left out."""
    return (text, 0) if len(text) <= limit else (text[:limit], len(text) - limit)


def _more(rest: int) -> str:
    return f"\u2026 ({rest:,} more characters)" if rest else ""
