"""An answer as files: which formats it can be kept in, and the bytes of each.

The format that fits best comes first. Pictures, sound and film are kept as the very bytes
that were checked, never under a type that they only claim.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from .kinds.images import Picture, picture
from .kinds.media import Tracks
from .kinds.recordings import Clip, clip
from .kinds.unwrapping import choose, unwrapped
from .records import read_records
from .registry import Given, strings
from .sheets import sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ogpu_jupyter.tasks import Json

    from .records import Records

TEXT_TYPES: Final = {
    ".json": "application/json", ".csv": "text/csv", ".txt": "text/plain", ".md": "text/markdown",
}  # fmt: skip
SUFFIXES: Final = {
    "audio/wav": ".wav", "audio/mpeg": ".mp3", "audio/ogg": ".ogg", "audio/flac": ".flac",
    "audio/mp4": ".m4a", "audio/webm": ".webm", "video/mp4": ".mp4", "video/webm": ".webm",
    "video/ogg": ".ogv", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif",
    "image/webp": ".webp",
}  # fmt: skip
_TEXTS: Final = {"text": ".txt", "chat": ".md", "markdown": ".md"}
_PICTURES: Final = {"images", "masks", "depth"}
_MANY: Final = {"audio", "video"}
_LONG_CELL: Final = 5_000  # a table with such cells is no file for a spreadsheet
_MAX_MEDIA: Final = 100


@dataclass(frozen=True)
class File:
    """`suffix` and `media` are ours, whatever the answer says of itself."""

    suffix: str
    media: str
    data: bytes


class Contents:
    """What can be kept of an answer.

    `data` is the task's, which the answer's kind may need, and `linked` what is behind the
    answer's links, in base64.
    """

    def __init__(
        self, value: Json, data: Json = None, linked: Mapping[str, str] | None = None
    ) -> None:
        self.value = value
        self._given = Given(data, linked=linked or {})
        kind, self._read = choose(value, self._given)
        self.kind = kind.name

    @cached_property
    def files(self) -> list[File]:
        """In the format that fits it best; several where it is several pictures."""
        if self.media:
            return self.media
        if self.text is not None:
            return [text_file(self.text, _TEXTS.get(self.kind, ".txt"))]
        records = read_records(unwrapped(self.value))
        if records is None or not records.rows or _has_long_cells(records):
            return [json_file(self.value)]
        return [csv_file(records)]

    @cached_property
    def media(self) -> list[File]:
        """The pictures, or the sound or film, that the answer is; each as it was checked."""
        if self.kind in _MANY and isinstance(self._read, Tracks):
            return [_clip_file(track.clip) for track in self._read.shown]
        if self.kind not in _PICTURES and self.kind != "fields":
            return []
        texts = map(self._given.content, strings(self.value))
        found = [file for text in texts if (file := _media_file(text))]
        is_all = self.kind in _PICTURES or len(found) == 1
        return found[:_MAX_MEDIA] if is_all else []

    @cached_property
    def text(self) -> str | None:
        """The words of an answer that is text, whole; None for any other."""
        bare = unwrapped(self.value)
        if self.kind == "transcript":
            said = bare.get("text") if isinstance(bare, dict) else None
            return said if isinstance(said, str) else None
        return "\n\n".join(_words(bare)) or None if self.kind in _TEXTS else None


def _media_file(text: str) -> File | None:
    image = picture(text)
    if image is not None:
        return _picture_file(image)
    sound = clip(text)
    return None if sound is None else _clip_file(sound)


def _picture_file(image: Picture) -> File:
    media = f"image/{image.kind}"
    return File(SUFFIXES[media], media, base64.b64decode(image.encoded))


def _clip_file(found: Clip) -> File:
    return File(SUFFIXES[found.type], found.type, base64.b64decode(found.encoded))


def _has_long_cells(records: Records) -> bool:
    return any(
        isinstance(cell, str) and len(cell) > _LONG_CELL for row in records.rows for cell in row
    )


_WORDS: Final = (
    "content", "generated_text", "summary_text", "translation_text", "text", "answer", "message",
    "messages", "choices",
)  # fmt: skip


def _words(value: Json) -> list[str]:
    """What is said in messages and texts, without who said it and how it was scored."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [words for item in value for words in _words(item)]
    if not isinstance(value, dict):
        return []
    return [words for name in _WORDS if name in value for words in _words(value[name])]


def text_file(text: str, suffix: str) -> File:
    return File(suffix, TEXT_TYPES[suffix], text.encode(errors="replace"))


def json_file(value: Json) -> File:
    """The whole answer, indented."""
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    return text_file(text, ".json")


def csv_file(records: Records, separator: str = ",") -> File:
    """With a heading; no cell of it runs, or begins a row, in another program."""
    return text_file(sheet(records, separator), ".csv")
