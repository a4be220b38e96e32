"""Text of strangers, made fit to be shown.

Everything a provider or a source sends goes through here before it is put into a page or
a terminal. Characters that hide, reorder or drive are made visible, never dropped in
silence; lengths are bounded by whoever calls.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from itertools import chain
from typing import Final

# C0 and C1 without tab and newline, and lone surrogates (which no message can carry).
_CONTROL: Final = "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
# Letters of scripts and emoji in which a joiner changes what is seen, and those that are
# written from right to left, beside which a mark of direction has its use.
_JOINED: Final = (
    "\u0590-\u1fff\u203c-\u3299\ua800-\ud7a3\ufb1d-\ufdff\ufe0f\ufe70-\ufefc\U00010800-\U0001faff"
)
_LEFTWARD: Final = (
    "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
)
_EMOJI: Final = "#*0-9\xa9\xae\u203c-\u3299\U0001f000-\U0001faff"
# What takes no place or orders its neighbours: soft hyphen, fillers, bidi controls, invisible
# operators, selectors of variants, the byte order mark, Unicode tags, and no characters at all.
_HIDDEN: Final = (
    "(?:[\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164"
    "\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U0001fffe\U0001ffff\U000e0000-\U000e0fff]"
    f"|(?<![{_JOINED}])[\u200c\u200d]"
    "|(?<![\u1820-\u18aa])[\u180b-\u180d\u180f]"
    f"|(?<![{_LEFTWARD}])[\u200e\u200f\u061c](?![{_LEFTWARD}])"
    f"|(?<![{_EMOJI}])[\ufe0e\ufe0f])+"
)
_UNSEEN: Final = re.compile(f"{_CONTROL}|{_HIDDEN}")
_FEW: Final = 4  # hidden characters in a row, or marks upon a letter: more are counted
# What takes no place of its own stands on, below or in what is before it: marks by their
# category, joiners and signs of direction between them, vowels and ends of Korean syllables.
_PLACELESS: Final = ("Mn", "Me")
_JOINING: Final = "\u061c\u200c-\u200f\u1160-\u11ff\ud7b0-\ud7fb"
_PLANES: Final = (range(0x300, 0x20000), range(0xE0000, 0xE1000))  # where there are marks
_LINES: Final = re.compile("\r\n?|[\u2028\u2029]")
# Sequences that drive a terminal: CSI, then OSC and its like up to their end, then the rest.
_ESCAPES: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)


def visible(text: str) -> str:
    """The same text, with a sign in the place of each character that would not be seen."""
    if text.isascii() and text.isprintable():
        return text
    return _stacked().sub(_counted, _UNSEEN.sub(_sign, _LINES.sub("\n", text)))


@cache
def _stacked() -> re.Pattern[str]:
    """More marks upon one another than any language writes: they paint over other lines."""
    marks = "".join(chr(code) for code in chain(*_PLANES) if is_placeless(chr(code)))
    return re.compile(f"([{marks}{_JOINING}]{{{_FEW}}})([{marks}{_JOINING}]+)")


def is_placeless(char: str) -> bool:
    """Whether it is drawn in the place of the character before it."""
    return unicodedata.category(char) in _PLACELESS


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0][0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if len(match[0]) > _FEW:
        return f"\u27e8{len(match[0])} hidden characters\u27e9"
    return "".join(f"\u27e8U+{ord(char):04X}\u27e9" for char in match[0])


def _counted(match: re.Match[str]) -> str:
    return f"{match[1]}\u27e8{len(match[2])} more marks\u27e9"


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
