"""Texts with their parts marked: the tokens that a recogniser names, an answer's place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, figure, number, strings
from ogpu_jupyter.render.safe import esc, one_line

from .texts import KEPT, MAX_TEXT

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_MARKS: Final = 500


@dataclass(frozen=True)
class Mark:
    """A part of a text, from `start` up to `end`, and what it was recognised as."""

    start: int
    end: int
    label: str
    score: float | None


@dataclass(frozen=True)
class Marked:
    text: str
    marks: list[Mark]


def _read_marked(value: Json, given: Given) -> Marked | None:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_MARKS:
        return None
    read = [_mark(item) for item in value]
    if not all(read):
        return None
    words = [str(item.get("word", "")) for item in value if isinstance(item, dict)]
    marks = [mark for mark in read if mark]
    if any(after.start < before.end for before, after in pairwise(marks)):
        return None
    fitting = (text for text in strings(given.data) if _fits(text, marks, words))
    text = next(fitting, None)
    return None if text is None else Marked(text, marks)


def _mark(item: Json) -> Mark | None:
    if not isinstance(item, dict):
        return None
    label = item.get("entity_group", item.get("entity"))
    start, end = item.get("start"), item.get("end")
    if not isinstance(label, str) or type(start) is not int or type(end) is not int:
        return None
    return Mark(start, end, label, number(item.get("score"))) if 0 <= start < end else None


def _fits(text: str, marks: list[Mark], words: list[str]) -> bool:
    """The marks lie within the text, and on their own words, as far as those are told."""
    if marks[-1].end > len(text):
        return False
    return all(
        _letters(word) in _letters(text[mark.start : mark.end]) or not _letters(word)
        for mark, word in zip(marks, words, strict=False)
    )


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def marked_html(marked: Marked) -> str:
    hues = {label: n % 8 for n, label in enumerate(dict.fromkeys(m.label for m in marked.marks))}
    parts, at = [], 0
    for mark in marked.marks:
        score = "" if mark.score is None else f' title="score {figure(mark.score)}"'
        label = f"<small> {esc(mark.label, 40)}</small>" if mark.label else ""
        parts.append(esc(marked.text[at : mark.start], MAX_TEXT))
        parts.append(
            f'<mark class="ogpu-h{hues[mark.label]}"{score}>'
            f"{esc(marked.text[mark.start : mark.end])}{label}</mark>"
        )
        at = mark.end
    rest = esc(marked.text[at:], MAX_TEXT)
    return f'<div class="ogpu-text ogpu-marks" {KEPT}>{"".join(parts)}{rest}</div>'


def _marked_text(marked: Marked) -> str:
    return "\n".join(
        f"{one_line(mark.label, 40)}: {one_line(marked.text[mark.start : mark.end])}"
        for mark in marked.marks[:100]
    )


MARKED: Final = Kind(
    "tokens", _read_marked, marked_html, _marked_text, ("entities", "marked-text", "ner")
)
