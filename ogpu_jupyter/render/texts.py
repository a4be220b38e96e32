"""Answers that are words: a message, texts, a transcript, a text with its parts marked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from .registry import Kind, figure, number, strings
from .safe import cut, esc, one_line, plain

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import Json

    from .registry import Given

MAX_TEXT: Final = 20_000
MAX_TEXTS: Final = 20
_MAX_MARKS: Final = 500
_KEPT: Final = 'dir="auto" style="white-space:pre-wrap"'  # also where our style is stripped
_TEXT_KEYS: Final = (
    "generated_text", "summary_text", "translation_text", "text", "answer", "content",
)  # fmt: skip
_BESIDE: Final = {"score", "start", "end", "role", "index", "finish_reason"}


@dataclass(frozen=True)
class Said:
    """A text, by whom (a chat's role), and what else is known of it, such as its score."""

    text: str
    role: str = ""
    note: str = ""


def _read_texts(value: Json, _: Given) -> list[Said] | None:
    if isinstance(value, dict) and isinstance(choices := value.get("choices"), list):
        value = [c.get("message", c) if isinstance(c, dict) else c for c in choices]
    items = value if isinstance(value, list) else [value]
    if not items or (isinstance(value, list) and all(isinstance(item, str) for item in items)):
        return [Said(str(item)) for item in items] if items else None
    read = [_said(item) for item in items]
    return [said for said in read if said] if all(read) else None


def _said(item: Json) -> Said | None:
    if isinstance(item, str):
        return Said(item)
    if not isinstance(item, dict):
        return None
    found = [key for key in _TEXT_KEYS if isinstance(item.get(key), str)]
    if len(found) != 1 or set(item) - {found[0]} - _BESIDE:
        return None
    role, score = item.get("role"), number(item.get("score"))
    if role is not None and not isinstance(role, str):
        return None
    note = "" if score is None else f"score {figure(score)}"
    return Said(str(item[found[0]]), role or "", note)


def text_html(text: str) -> str:
    """Whitespace kept; a long text is cut, and the cut is told."""
    kept, rest = cut(text, MAX_TEXT)
    shown = f'<div class="ogpu-text" {_KEPT}>{esc(kept, MAX_TEXT)}</div>'
    return shown + more_html(rest, "character")


def more_html(count: int, word: str) -> str:
    """How much isn't shown; nothing when all is."""
    if count <= 0:
        return ""
    return f'<p class="ogpu-rest">… and {count:,} more {word}{"" if count == 1 else "s"}.</p>'


def more_text(count: int, word: str) -> list[str]:
    return [f"… and {count:,} more {word}{'' if count == 1 else 's'}."] if count > 0 else []


def _texts_html(texts: list[Said]) -> str:
    only = len(texts) == 1 and texts[0].role in {"", "assistant"}
    shown = [_said_html(said, with_role=not only) for said in texts[:MAX_TEXTS]]
    return "".join(shown) + more_html(len(texts) - len(shown), "text")


def _said_html(said: Said, *, with_role: bool) -> str:
    role = esc(said.role, 60) if with_role else ""
    head = f'<div class="ogpu-role">{role}</div>' if role else ""
    note = f'<p class="ogpu-rest">{esc(said.note)}</p>' if said.note else ""
    return f'<div class="ogpu-said">{head}{text_html(said.text)}{note}</div>'


def _texts_text(texts: list[Said]) -> str:
    only = len(texts) == 1 and texts[0].role in {"", "assistant"}
    shown = [
        (f"{one_line(said.role, 60)}: " if said.role and not only else "") + plain(said.text, 4000)
        for said in texts[:MAX_TEXTS]
    ]
    return "\n".join([*shown, *more_text(len(texts) - len(shown), "text")])


TEXTS: Final = Kind("text", _read_texts, _texts_html, _texts_text)


@dataclass(frozen=True)
class Transcript:
    """What was said, and when: (seconds from, seconds to, text)."""

    text: str
    chunks: list[tuple[float, float | None, str]]


def _read_transcript(value: Json, _: Given) -> Transcript | None:
    if not isinstance(value, dict) or set(value) != {"text", "chunks"}:
        return None
    text, chunks = value["text"], value["chunks"]
    if not isinstance(text, str) or not isinstance(chunks, list):
        return None
    read = [_chunk(chunk) for chunk in chunks]
    return Transcript(text, [c for c in read if c]) if all(read) else None


def _chunk(chunk: Json) -> tuple[float, float | None, str] | None:
    if not isinstance(chunk, dict) or not isinstance(text := chunk.get("text"), str):
        return None
    times = chunk.get("timestamp")
    if not isinstance(times, list) or len(times) != 2:
        return None
    start = number(times[0])
    return None if start is None else (start, number(times[1]), text)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _transcript_html(transcript: Transcript) -> str:
    rows = [
        f'<dt class="ogpu-n">{_clock(start)}{"" if end is None else f" to {_clock(end)}"}</dt>'
        f'<dd dir="auto">{esc(text)}</dd>'
        for start, end, text in transcript.chunks[:200]
    ]
    times = f'<dl class="ogpu-lines">{"".join(rows)}</dl>' if rows else ""
    return (times or text_html(transcript.text)) + more_html(
        len(transcript.chunks) - len(rows), "line"
    )


def _transcript_text(transcript: Transcript) -> str:
    return plain(transcript.text, 4000)


TRANSCRIPT: Final = Kind("transcript", _read_transcript, _transcript_html, _transcript_text)


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


def _marked_html(marked: Marked) -> str:
    hues = {label: n % 8 for n, label in enumerate(dict.fromkeys(m.label for m in marked.marks))}
    parts, at = [], 0
    for mark in marked.marks:
        score = "" if mark.score is None else f' title="score {figure(mark.score)}"'
        parts.append(esc(marked.text[at : mark.start], MAX_TEXT))
        parts.append(
            f'<mark class="ogpu-h{hues[mark.label]}"{score}>'
            f"{esc(marked.text[mark.start : mark.end])}"
            f"<small> {esc(mark.label, 40)}</small></mark>"
        )
        at = mark.end
    rest = esc(marked.text[at:], MAX_TEXT)
    return f'<div class="ogpu-text ogpu-marks" {_KEPT}>{"".join(parts)}{rest}</div>'


def _marked_text(marked: Marked) -> str:
    return "\n".join(
        f"{one_line(mark.label, 40)}: {one_line(marked.text[mark.start : mark.end])}"
        for mark in marked.marks[:100]
    )


MARKED: Final = Kind("marked text", _read_marked, _marked_html, _marked_text)
