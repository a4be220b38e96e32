"""Two texts compared word by word, bounded, as HTML and as text."""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from .safe import esc, one_line
from .words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ogpu_jupyter.tasks import Json

_TEXT_KEYS: Final = (
    "content", "generated_text", "summary_text", "translation_text", "text", "answer",
)  # fmt: skip
_MOST: Final = 40_000  # characters of a text that are looked at
_PAIRS: Final = 360_000  # of words that may have to be compared: a tenth of a second
_AROUND: Final = 6  # unchanged words that are shown on each side of a change
_PIECES: Final = 400
_ALIKE: Final = 0.3  # of the shorter text's words: with fewer in common they are other texts
# A word with the space after it; where words are written without spaces, a letter.
_WORD: Final = re.compile(
    "([0-9]+(?:[.,][0-9]+)*|[\u3040-\u30ff\u3400-\u9fff]"
    "|[^\\W\u3040-\u30ff\u3400-\u9fff]+|[^\\w\\s])(\\s*)"
)


def text_of(value: Json) -> str | None:
    """The one text that an answer is; None where it is anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        found = [value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)]
        value = found[0] if len(found) == 1 else None
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Piece:
    """A run of words: `kept` in both, or only in the `old` or the `new` text."""

    kind: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.words)


@dataclass(frozen=True)
class Difference:
    """`pieces` is empty where a comparison tells nothing: `changed` is None for long texts."""

    changed: int | None
    pieces: tuple[Piece, ...]

    @property
    def words(self) -> str:
        if self.changed is None:
            return "too long to compare word by word"
        if not self.pieces:
            return "mostly other words"
        if not self.changed:
            return "only signs differ"
        return f"{plural(self.changed, 'word')} differ{'s' if self.changed == 1 else ''}"


@functools.lru_cache(maxsize=128)  # a view is drawn again and again
def difference(old: str, new: str) -> Difference | None:
    """None where both have the same words."""
    before, after = _words(old), _words(new)
    plain_before, plain_after = _bare(before), _bare(after)
    if plain_before == plain_after:
        return None if max(len(old), len(new)) <= _MOST else Difference(None, ())
    head = _common(plain_before, plain_after)
    tail = _common(plain_before[head:][::-1], plain_after[head:][::-1])
    a, b = plain_before[head : len(before) - tail], plain_after[head : len(after) - tail]
    if len(a) * len(b) > _PAIRS or max(len(a), len(b)) > _PAIRS // 200:
        return Difference(None, ())
    pieces = [Piece("kept", tuple(after[:head]))]
    changed = 0
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("kept", tuple(after[head + j1 : head + j2])))
            continue
        pieces.append(Piece("old", tuple(before[head + i1 : head + i2])))
        pieces.append(Piece("new", tuple(after[head + j1 : head + j2])))
        changed += max(_count(a[i1:i2]), _count(b[j1:j2]))
    pieces.append(Piece("kept", tuple(after[len(after) - tail :])))
    kept = sum(_count([*piece.words]) for piece in pieces if piece.kind == "kept")
    if kept < _ALIKE * min(_count(before), _count(after)):
        return Difference(changed, ())
    return Difference(changed, tuple(piece for piece in pieces if piece.words))


def _words(text: str) -> list[str]:
    return [word + space for word, space in _WORD.findall(text[:_MOST])]


def _bare(words: list[str]) -> list[str]:
    return [word.rstrip() for word in words]


def _count(words: list[str]) -> int:
    return sum(word[0].isalnum() for word in words)


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def difference_html(found: Difference) -> str:
    """The new text with what is only in the old one struck out; long sameness is left out."""
    shown = [_piece_html(piece) for piece in found.pieces[:_PIECES]]
    more = " …" if len(found.pieces) > _PIECES else ""
    return f'<p class="ogpu-diff" dir="auto">{"".join(shown)}{more}</p>'


def _piece_html(piece: Piece) -> str:
    if piece.kind == "kept":
        return _shortened(piece, esc)
    tag = {"old": "del", "new": "ins"}[piece.kind]
    return f"<{tag}>{esc(piece.text.rstrip(), _MOST)}</{tag}> "


def difference_text(found: Difference) -> str:
    """`kept [-old-] {+new+} kept`, on one line."""
    marks = {"old": ("[-", "-]"), "new": ("{+", "+}")}
    parts = []
    for piece in found.pieces[:_PIECES]:
        if piece.kind == "kept":
            parts.append(_shortened(piece, lambda text: one_line(text, _MOST)))
        else:
            begin, end = marks[piece.kind]
            parts.append(f"{begin}{one_line(piece.text, _MOST)}{end}")
    return " ".join(part.strip() for part in parts if part.strip())


def _shortened(piece: Piece, fit: Callable[[str], str]) -> str:
    words = piece.words
    if len(words) <= 2 * _AROUND + 2:
        return fit(piece.text)
    begin, end = "".join(words[:_AROUND]), "".join(words[-_AROUND:])
    return f"{fit(begin)}… {fit(end)}"
