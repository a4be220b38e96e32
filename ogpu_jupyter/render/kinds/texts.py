"""Words: a text as it was written, or in its Markdown, folded where it is long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render import budget
from ogpu_jupyter.render.safe import cut, esc

from . import links, markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_TEXT: Final = 20_000
KEPT: Final = 'dir="auto" style="white-space:pre-wrap"'  # also where our style is stripped
_SHOWN_LINES: Final = 24
_WORTH_FOLDING: Final = 12
_LINE: Final = 96  # characters; a longer line takes several


def text_html(text: str) -> str:
    """As it was written, with its lines and spaces; long: folded; very long: cut, and told."""
    link = links.alone(text)
    if link is not None:
        return f'<div class="ogpu-text">{links.link_html(link)}</div>'
    kept, rest = cut(text, MAX_TEXT)
    lines = kept.split("\n")
    shown = _within(lines)
    first = f'<div class="ogpu-text" {KEPT}>{esc(chr(10).join(lines[:shown]), MAX_TEXT)}</div>'
    if shown == len(lines):
        return first + more_html(rest, "character")
    others = chr(10).join(lines[shown:])
    hidden = f'<div class="ogpu-text" {KEPT}>{esc(others, MAX_TEXT)}</div>'
    return first + _folded(hidden, len(lines) - shown, len(text)) + more_html(rest, "character")


def _height(line: str) -> int:
    return 1 + len(line) // _LINE


def _within(lines: Sequence[str]) -> int:
    """How many lines are shown before the fold: all, where little would be behind it."""
    height = 0
    for n, line in enumerate(lines):
        height += _height(line)
        if height > _SHOWN_LINES and n:
            rest = sum(map(_height, lines[n:]))
            return n if rest > _WORTH_FOLDING else len(lines)
    return len(lines)


def _folded(hidden: str, lines: int, characters: int) -> str:
    more = f"{lines:,} more line{'' if lines == 1 else 's'}"
    return (
        f'<details class="ogpu-more"><summary>{more}, of {characters:,} characters in all'
        f"</summary>{hidden}</details>"
    )


def markdown_html(text: str) -> str:
    """Its Markdown, block by block; long: folded between two blocks."""
    blocks = markdown.blocks(text)
    rest = more_html(len(text) - MAX_TEXT, "character")
    height, shown = 0, len(blocks)
    for n, (_, lines) in enumerate(blocks):
        height += lines
        if height > _SHOWN_LINES and n and sum(k for _, k in blocks[n:]) > _WORTH_FOLDING:
            shown = n
            break
    first = _marked_up(block for block, _ in blocks[:shown])
    if shown == len(blocks):
        return first + rest
    hidden = _marked_up(block for block, _ in blocks[shown:])
    return first + _folded(hidden, sum(k for _, k in blocks[shown:]), len(text)) + rest


def _marked_up(blocks: Iterable[str]) -> str:
    return f'<div class="ogpu-md" dir="auto">{"".join(blocks)}</div>'


def words_html(text: str) -> str:
    """A text in the form that it has: its Markdown where it has marks, else as written."""
    is_read = budget.current().take_signs(min(len(text), MAX_TEXT))
    return marked_html(text) if is_read and markdown.has_marks(text) else text_html(text)


def marked_html(text: str) -> str:
    """Its Markdown; as written, where the answer's other texts were all that is read of it."""
    fits = budget.current().take_markdown(min(len(text), MAX_TEXT))
    return markdown_html(text) if fits else text_html(text)


def more_html(count: int, word: str) -> str:
    """How much isn't shown; nothing when all is."""
    if count <= 0:
        return ""
    return f'<p class="ogpu-rest">… and {count:,} more {word}{"" if count == 1 else "s"}.</p>'


def more_text(count: int, word: str) -> list[str]:
    return [f"… and {count:,} more {word}{'' if count == 1 else 's'}."] if count > 0 else []
