"""Answers to questions about a text: with the place in it; and words put into its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, number, strings
from ogpu_jupyter.render.safe import esc, one_line, plain

from .marks import Mark, Marked, marked_html
from .scores import Label, bars_html, bars_text, share
from .texts import text_html

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_ANSWERS: Final = 100
_AROUND: Final = 500  # characters of the text, before and after the answer
_ANSWER: Final = {"answer", "score", "start", "end", "page", "words"}
_CELLS: Final = {"answer", "cells", "coordinates", "aggregator"}
_FILLED: Final = {"sequence", "score", "token", "token_str"}


@dataclass(frozen=True)
class Answered:
    """Answers, best first; the text about the first; and what is told of where it is from."""

    answers: list[Label]
    place: Marked | None
    note: str = ""


def _read_question(value: Json, given: Given) -> Answered | None:
    if isinstance(value, dict) and value.keys() == _CELLS:
        return _from_cells(value)
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= _MAX_ANSWERS or not all(isinstance(item, dict) for item in items):
        return None
    read = [_answer(item) for item in items if isinstance(item, dict)]
    if not all(read):
        return None
    first = items[0] if isinstance(items[0], dict) else {}
    place = _place(first, given.data)
    if place is None and len(items) == 1:
        return None  # a text with its score
    return Answered([label for label in read if label], place)


def _answer(item: dict[str, Json]) -> Label | None:
    answer, score = item.get("answer"), number(item.get("score"))
    if not isinstance(answer, str) or score is None or "start" not in item or set(item) - _ANSWER:
        return None
    return Label(answer, score)


def _place(item: dict[str, Json], data: Json) -> Marked | None:
    """The text of the data that has the answer at its place, as much as stands around it."""
    answer, start, end = str(item["answer"]), item.get("start"), item.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        return None
    for text in strings(data):
        if end <= len(text) and text[start:end].strip() == answer.strip():
            begin, stop = max(0, start - _AROUND), min(len(text), end + _AROUND)
            before, after = "… " if begin else "", " …" if stop < len(text) else ""
            shift = begin - len(before)
            mark = Mark(start - shift, end - shift, "", number(item.get("score")))
            return Marked(f"{before}{text[begin:stop]}{after}", [mark])
    return None


def _from_cells(value: dict[str, Json]) -> Answered | None:
    """Of a table: the answer, the cells that it comes from, and how they were put together."""
    answer, cells, how = value["answer"], value["cells"], value["aggregator"]
    if not isinstance(answer, str) or not isinstance(cells, list) or not isinstance(how, str):
        return None
    named = ", ".join(one_line(str(cell), 60) for cell in cells[:12])
    more = f" and {len(cells) - 12:,} more" if len(cells) > 12 else ""
    word = "" if how == "NONE" else f"{one_line(how, 40).lower()} of "
    return Answered([Label(answer, 1.0)], None, f"{word}{named}{more}")


def _answered_html(found: Answered) -> str:
    first = found.answers[0]
    note = found.note or ("" if len(found.answers) > 1 else f"score {share(first.score)}")
    told = f'<p class="ogpu-rest" dir="auto">{esc(note, 1000)}</p>' if note else ""
    words = text_html(first.name) if len(found.answers) == 1 else ""
    bars = bars_html(found.answers, "answer") if len(found.answers) > 1 else ""
    place = f'<div class="ogpu-context">{marked_html(found.place)}</div>' if found.place else ""
    return f"{words}{told}{bars}{place}"


def _answered_text(found: Answered) -> str:
    if len(found.answers) > 1:
        return "\n".join(bars_text(found.answers, "answer"))
    note = f"\n({one_line(found.note, 1000)})" if found.note else ""
    return plain(found.answers[0].name, 4000) + note


QUESTION: Final = Kind(
    "answer", _read_question, _answered_html, _answered_text, ("question-answering", "qa")
)


@dataclass(frozen=True)
class Filled:
    """Words for a gap, best first, and the text with the best one put in."""

    words: list[Label]
    text: str


def _read_filled(value: Json, _: Given) -> Filled | None:
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= _MAX_ANSWERS:
        return None
    words, texts = [], []
    for item in items:
        if not isinstance(item, dict) or not item.keys() <= _FILLED or "sequence" not in item:
            return None
        word, text, score = item.get("token_str"), item["sequence"], number(item.get("score"))
        if not isinstance(word, str) or not isinstance(text, str) or score is None:
            return None
        words.append(Label(word.strip() or word, score))
        texts.append(text)
    return Filled(words, texts[0])


def _filled_html(filled: Filled) -> str:
    word = filled.words[0].name
    before, found, after = filled.text.partition(word) if word else (filled.text, "", "")
    text = f"{esc(before)}<b>{esc(found)}</b>{esc(after)}" if found else esc(before)
    shown = f'<p class="ogpu-text" dir="auto">{text}</p>' if filled.text.strip() else ""
    return f"{shown}{bars_html(filled.words, 'word')}"


def _filled_text(filled: Filled) -> str:
    return "\n".join([plain(filled.text), *bars_text(filled.words, "word")])


FILLED: Final = Kind("fill-mask", _read_filled, _filled_html, _filled_text, ("gaps",))
