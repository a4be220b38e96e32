"""How the answers of one view are drawn, and how much of a notebook they may take.

A notebook is a file that people open, mail and keep under version control: an answer of
megabytes doesn't belong into it. What is too large is shown smaller or in part, and the view
says how large the whole is and where it is. The bound is for all answers of a task together.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.errors import UnknownName

from . import budget
from .answers import answer_html, answer_text, kind_names
from .downloads import LARGEST, save_link
from .files import Contents
from .kinds.recordings import preview
from .registry import named
from .safe import cut, esc, one_line, plain
from .thumbnails import thumbnail
from .words import byte_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from ogpu_jupyter.tasks import Answer, Json, TaskRecord

ROOM: Final = 200_000
_WORDS_ROOM: Final = 4  # the text beside the HTML gets a fourth of the room
_LEAST: Final = 2_000
_NOTE: Final = 1_000  # the words about what isn't there
_IMAGE: Final = re.compile(r'src="data:image/[a-z]{3,4};base64,([A-Za-z0-9+/=]+)"')
_IMAGE_TAG: Final = re.compile(r'<img src="data:image/[^"]*"[^<>]*>')
_WAV: Final = re.compile(r'src="data:audio/wav;base64,([A-Za-z0-9+/=]+)"')
_PLAYER: Final = re.compile(r'<(audio|video) [^<>]*src="data:[^"]*"[^<>]*></\1>')
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_SMALLER: Final = "The notebook keeps its pictures and recordings smaller than they are."
_NOT_HERE: Final = '<span class="ogpu-soft">[not kept in the notebook]</span>'


@dataclass(frozen=True)
class Showing:
    """What a person, the model or the settings say about showing a task's answers.

    `kind` names a kind of answers, where it isn't to be found by shape; `schema` is the JSON
    Schema of the answer, where one is told; `room` the bytes of one view's answers.
    """

    kind: str = ""
    schema: Json = None
    room: int = ROOM


AS_FOUND: Final = Showing()


def wanted_kind(word: str) -> str:
    """The name of the kind of answers that a person means, or `UnknownName` with all names."""
    names = kind_names()
    found = named(word)
    if found is not None:
        return found.name
    near = difflib.get_close_matches(word[:80].lower(), names, n=1)
    hint = f"Did you mean `{near[0]}`? " if near else ""
    raise UnknownName(
        f"There is no kind of answers {word[:80]!r}.",
        hint=f"{hint}There are: {', '.join(names)}.",
    )


@functools.lru_cache(maxsize=64)
def schema_of(model: type[BaseModel] | None) -> Json:
    """The JSON Schema of a model's instances; None where it has none."""
    if model is None:
        return None
    try:
        return model.model_json_schema()
    except Exception:  # noqa: BLE001 - a person's class: pydantic raises what its validators do
        return None


class Drawing:
    """The answers of one task, each drawn within its share of the room.

    `answers` come with the address that they are stored at; `name` is what to call their files.
    """

    def __init__(
        self,
        answers: Sequence[tuple[str, Answer | None]],
        data: Json,
        showing: Showing = AS_FOUND,
        *,
        name: str = "answer",
    ) -> None:
        self._showing = showing
        self._data = data
        self._name = name
        self._stored = {id(answer): url for url, answer in answers}
        self._known = [a for _, a in answers if a is not None and not a.problem]
        self._pages: dict[int, str] | None = None

    def html(self, answer: Answer) -> str:
        if self._pages is None:
            self._pages = self._drawn()
        return self._pages.get(id(answer)) or self._page(answer)

    def text(self, answer: Answer) -> str:
        room = max(_LEAST, self._showing.room // _WORDS_ROOM // max(1, len(self._known)))
        whole = self._text(answer)
        if len(whole.encode()) <= room:
            return whole
        kept = whole.encode()[:room].decode(errors="ignore")
        return f"{kept}…\n{one_line(_where(answer, self._url(answer)), _NOTE)}"

    def _drawn(self) -> dict[int, str]:
        whole = {id(a): self._page(a) for a in self._known}
        sizes = {key: len(page.encode()) for key, page in whole.items()}
        rooms = shared(sizes, self._showing.room)
        return {
            id(a): whole[id(a)] + self._beside(a, rooms[id(a)] - sizes[id(a)])
            if sizes[id(a)] <= rooms[id(a)]
            else self._preview(a, whole[id(a)], rooms[id(a)])
            for a in self._known
        }

    def _page(self, answer: Answer) -> str:
        kind, schema = self._showing.kind or None, self._showing.schema or answer.told
        return answer_html(
            answer.value, data=self._data, show=kind, schema=schema, linked=answer.linked
        )

    def _text(self, answer: Answer) -> str:
        kind, schema = self._showing.kind or None, self._showing.schema or answer.told
        return answer_text(
            answer.value, data=self._data, show=kind, schema=schema, linked=answer.linked
        )

    def _beside(self, answer: Answer, room: int) -> str:
        """What stands below an answer that fits: a link to save it, or where the whole of it is."""
        if is_larger(answer.value, self._showing.room):
            return self._note(answer)
        if is_larger(answer.value, 2 * LARGEST):
            return ""
        with budget.one_answer():
            return self._links(answer, room)

    def _links(self, answer: Answer, room: int) -> str:
        try:
            contents = Contents(answer.value, self._data, answer.linked)
        except budget.Overdrawn:
            return ""
        return "" if contents.kind == "error" else save_link(contents.files, self._name, room)

    def _note(self, answer: Answer) -> str:
        is_whole = not is_larger(answer.value, self._showing.room)
        words = _SMALLER if is_whole else _where(answer, self._url(answer))
        return f'<p class="ogpu-rest">{esc(words, _NOTE)}</p>'

    def _preview(self, answer: Answer, page: str, room: int) -> str:
        try:
            with budget.one_answer():
                return self._smaller(answer, page, room)
        except budget.Overdrawn:
            note = self._note(answer)
            return self._beginning(answer, room - len(note.encode())) + note

    def _smaller(self, answer: Answer, page: str, room: int) -> str:
        note = self._note(answer)
        left = room - len(note.encode())
        for smaller in (_with_smaller_images, _with_smaller_players, _without_players):
            small = smaller(page, left)
            if len(small.encode()) <= left:
                return small + note
        return self._beginning(answer, left) + note

    def _beginning(self, answer: Answer, room: int) -> str:
        """The first of its text: escaping makes at most six bytes of one character."""
        most = max(0, room // 8)
        text, _ = cut(self._text(answer), most)
        kept, _ = cut(plain(text, most), most)
        return f'<div class="ogpu-text" style="white-space:pre-wrap">{esc(kept, len(kept))}…</div>'

    def _url(self, answer: Answer) -> str:
        return self._stored.get(id(answer), "")


def _where(answer: Answer, url: str) -> str:
    """How large the whole is, and how to get at it."""
    size = byte_count(len(json.dumps(answer.value, ensure_ascii=False).encode(errors="replace")))
    stored = f" It is stored at {url}" if url else ""
    return (
        f"The notebook keeps a part: the whole answer has {size}. `task.result()` returns it, "
        f"`task.save(…)` makes a file of it.{stored}"
    )


def is_larger(value: Json, limit: int) -> bool:
    """It takes more than so many characters, about; a large one isn't looked at to its end."""
    left, level = limit, [value]
    while level:
        item = level.pop()
        left -= len(item) + 2 if isinstance(item, str) else 8
        if isinstance(item, dict):
            left -= sum(map(len, item))
            level += item.values()
        elif isinstance(item, list):
            level += item[: left // 8 + 1]
        if left < 0:
            return True
    return False


def shared(sizes: dict[int, int], room: int) -> dict[int, int]:
    """Each one's share of the room: the small ones leave to the others what they don't need."""
    rooms: dict[int, int] = {}
    left = room
    for n, (key, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        rooms[key] = max(_LEAST, left // (len(sizes) - n))
        left -= min(size, rooms[key])
    return rooms


def _with_smaller_images(page: str, room: int) -> str:
    """Each image in its share of what the rest of the page leaves; the same size on the page."""
    small = _with_smaller(page, room, _IMAGE, _smaller_image)
    if len(small.encode()) <= room:
        return small
    some = _with_smaller(small, room, _IMAGE_TAG, lambda *_: _NOT_HERE)
    return some if len(some.encode()) <= room else _IMAGE_TAG.sub(_NOT_HERE, page)


def _with_smaller(
    page: str, room: int, pattern: re.Pattern[str], smaller: Callable[[re.Match[str], int], str]
) -> str:
    """Each match that is larger than its share of what the rest of the page leaves, smaller."""
    found = list(pattern.finditer(page))
    others = len(page.encode()) - sum(len(match[0]) for match in found)
    rooms = shared({n: len(match[0]) for n, match in enumerate(found)}, room - others)
    parts, at = [], 0
    for n, match in enumerate(found):
        fits = len(match[0]) <= rooms[n]
        parts += [page[at : match.start()], match[0] if fits else smaller(match, rooms[n])]
        at = match.end()
    return "".join([*parts, page[at:]])


def _smaller_image(match: re.Match[str], room: int) -> str:
    made = thumbnail(match[1], room - 40)
    return match[0] if made is None else f'src="data:image/{made[0]};base64,{made[1]}"'


def _with_smaller_players(page: str, room: int) -> str:
    """Each sound as a coarse preview, as long as its share of the room lets it be."""
    return _with_smaller(page, room, _WAV, _smaller_player)


def _smaller_player(match: re.Match[str], room: int) -> str:
    made = preview(match[1], room - 40)
    return match[0] if made is None else f'src="{made.url}"'


def _without_players(page: str, room: int) -> str:
    return _with_smaller_images(_PLAYER.sub(_NOT_HERE, page), room)


def file_name(record: TaskRecord) -> str:
    """`text2image-12`: the function, the task's number in the journal, and in a batch its item."""
    function = _UNFIT.sub("-", record.function)[:60].strip("-") or "answer"
    item = "" if record.item is None else f"-{record.item}"
    return f"{function}-{record.key}{item}"
