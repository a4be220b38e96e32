"""A file: chosen in the browser or named by its path, shown small, embedded as data.

The browser sends it in parts, after it has looked at the size: one large message would
end the connection to the kernel without a word.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import ipywidgets
import traitlets

from ogpu_jupyter.forms.fields import MISSING, File, Missing, Problem
from ogpu_jupyter.render.kinds.images import picture
from ogpu_jupyter.render.safe import esc, one_line
from ogpu_jupyter.render.words import byte_count

from .bench import HIDDEN, Bench, sentences
from .groups import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.tasks import Json

_STATIC: Final = Path(__file__).parent / "static"
_SHOWN_BYTES: Final = 2 * 2**20
_UNKNOWN: Final = "application/octet-stream"


class FileBox(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """The browser's own file input. It sends `file`, then `part`s, then `end`; or `large`."""

    _esm = (_STATIC / "upload.js").read_text()
    label = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)
    max_bytes = traitlets.Int().tag(sync=True)


class FileControl(Group):
    """`_content` is the text that is sent; `_told` says what it is."""

    field: File

    def __init__(self, bench: Bench, field: File, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._content: str | None = None
        self._fault = ""
        self._parts: list[bytes] | None = None
        self._coming = ("", "")
        self._file = FileBox(
            label=f"Choose a file for {self.name}",
            accept=",".join(one_line(kind, 60) for kind in field.accept[:20]),
            max_bytes=field.max_bytes,
        )
        self._file.on_msg(self._received)
        self._path = bench.widget(
            ipywidgets.Text,
            description="or its path, where the kernel runs",
            continuous_update=False,
            placeholder="pictures/cat.png",
        )
        bench.listen(self._path, self._named)
        self._shown = bench.words("ogpu-f-preview")
        self._clear = bench.button(
            "Remove", self._cleared, "ogpu-f-tool", hint=f"Remove the file of {self.name}"
        )
        self._picked = bench.widget(
            ipywidgets.HBox, "ogpu-f-picked", HIDDEN, children=(self._shown, self._clear)
        )
        self.body.children = (self._picked, self._file, self._path)
        self.about(_about(field))

    def parts(self) -> Sequence[ipywidgets.Widget]:
        mine = (self._file, self._file.layout, self._path, self._shown, self._clear, self._picked)
        return [*super().parts(), *mine]

    def _read(self) -> Json | Missing:
        return MISSING if self._content is None else self._content

    def _take(self, value: Json | Missing) -> bool:
        self._fault = ""
        if isinstance(value, str) and value:
            self._hold(value, "")
            return True
        self._hold(None, "")
        return isinstance(value, Missing) or value is None or value == ""

    def faults(self) -> list[Problem]:
        return [Problem((), self._fault)] if self._fault else []

    # From the browser

    def _received(self, _widget: object, message: dict[str, Any], buffers: list[Any]) -> None:
        kind = message.get("kind")
        if kind == "large":
            self._refuse(_too_large(str(message.get("name")), message.get("size"), self.field))
        elif kind == "file":
            self._parts = []
            self._coming = (str(message.get("name", ""))[:200], str(message.get("type", ""))[:100])
        elif kind == "part" and self._parts is not None:
            self._parts.extend(bytes(buffer) for buffer in buffers)
            if sum(map(len, self._parts)) > self.field.max_bytes:
                self._parts = None
                self._refuse(_too_large(self._coming[0], None, self.field))
        elif kind == "end" and self._parts is not None:
            data, self._parts = b"".join(self._parts), None
            self._embed(data, *self._coming)

    # From the kernel's machine

    def _named(self) -> None:
        text = self._path.value.strip()
        if not text:
            return
        path = Path(text).expanduser()
        try:
            if not path.is_file():
                what = "a folder" if path.is_dir() else "not there"
                self._refuse(f"{one_line(text, 120)} is {what}.")
                return
            with path.open("rb") as file:
                data = file.read(self.field.max_bytes + 1)
        except (OSError, ValueError) as error:
            self._refuse(f"{one_line(text, 120)} can't be read: {one_line(str(error), 120)}.")
            return
        if len(data) > self.field.max_bytes:
            self._refuse(_too_large(path.name, path.stat().st_size, self.field))
            return
        self._embed(data, path.name, mimetypes.guess_type(path.name)[0] or "")

    def _embed(self, data: bytes, name: str, kind: str) -> None:
        """Keep it as the text that is sent, if it is what the field takes."""
        encoded = base64.b64encode(data).decode()
        seen = picture(encoded)
        kind = f"image/{seen.kind}" if seen else kind or mimetypes.guess_type(name)[0] or _UNKNOWN
        if not _accepts(self.field, kind, name):
            wanted = ", ".join(one_line(each, 40) for each in self.field.accept)
            self._refuse(f"{one_line(name, 80)} is {one_line(kind, 60)}; this takes {wanted}.")
            return
        try:
            content = _written(self.field, data, encoded, kind)
        except UnicodeDecodeError:
            self._refuse(f"{one_line(name, 80)} is not text in UTF-8.")
            return
        with self.bench.filling():
            self._path.value = ""
        self._fault = ""
        self._hold(content, name)
        self.heard()

    def _refuse(self, why: str) -> None:
        """What was there stays; the field says why the new one isn't."""
        self._fault = why
        self.heard()

    def _cleared(self) -> None:
        self._fault = ""
        self._hold(None, "")
        self.heard()

    def _hold(self, content: str | None, name: str) -> None:
        self._content = content
        self._shown.value = "" if content is None else _preview(content, name, self.field)
        (self._picked.add_class if content is None else self._picked.remove_class)(HIDDEN)


def _written(field: File, data: bytes, encoded: str, kind: str) -> str:
    if field.as_ == "text":
        return data.decode()
    return f"data:{kind};base64,{encoded}" if field.as_ == "data_url" else encoded


def _accepts(field: File, kind: str, name: str) -> bool:
    """By its media type (`image/*`, `image/png`) or its ending (`.png`)."""
    if not field.accept or "*/*" in field.accept:
        return True
    family = f"{kind.partition('/')[0]}/*"
    ending = Path(name).suffix.lower()
    return any(each.lower() in {kind.lower(), family, ending} for each in field.accept)


def _too_large(name: str, size: object, field: File) -> str:
    most = byte_count(field.max_bytes)
    is_known = isinstance(size, int)
    what = f"has {byte_count(size)}" if isinstance(size, int) and is_known else "is larger"
    return f"{one_line(name, 80)} {what}; this takes at most {most}."


def _preview(content: str, name: str, field: File) -> str:
    """The picture itself where it is one, checked by its bytes; else what is known of it."""
    title = f"{esc(one_line(name, 80))}, " if name else ""
    seen = picture(content)
    if seen is None:
        return f"{title}{_kind(content, field)}{byte_count(_size(content, field))}"
    words = f"{title}{seen.name}, {byte_count(seen.size)}"
    if seen.size > _SHOWN_BYTES:
        return f"{words} (too large to be shown here)"
    return f'<img src="{seen.url}" alt="{words}" class="ogpu-f-thumb"><span>{words}</span>'


def _kind(content: str, field: File) -> str:
    if field.as_ == "data_url" and content.startswith("data:"):
        return f"{esc(one_line(content[5:].partition(';')[0], 60))}, "
    return "text, " if field.as_ == "text" else ""


def _size(content: str, field: File) -> int:
    if field.as_ == "text":
        return len(content.encode("utf-8", "replace"))
    encoded = content.partition(",")[2] if content.startswith("data:") else content
    try:
        return len(base64.b64decode(encoded, validate=False))
    except (binascii.Error, ValueError):
        return len(content)


def _about(field: File) -> str:
    kinds = ", ".join(one_line(kind, 40) for kind in field.accept[:6])
    most = byte_count(field.max_bytes)
    rule = f"Takes {kinds or 'any file'}, at most {most}, sent as part of the data"
    text = one_line(field.description, 600)
    return sentences(text, rule)
