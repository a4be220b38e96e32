"""Pictures as an answer: one, or several side by side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, figure, number
from ogpu_jupyter.render.safe import esc, one_line
from ogpu_jupyter.render.words import byte_count

from .images import Picture, picture
from .texts import more_html, more_text

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_PICTURES: Final = 12
_MAX_CAPTIONS: Final = 4
_CAPTIONS: Final = {"label", "name", "title", "caption", "prompt", "revised_prompt"}
_LISTS: Final = {"images", "data", "pictures", "artifacts", "image", "output"}
_STILL: Final = " · its first frame: <code>%ogpu show NAME --show images</code> shows it move"
_UNTOLD: Final = {"created", "format", "mime_type", "content_type", "content-type", "type"}


@dataclass(frozen=True)
class Hung:
    """A picture, and what is told of it."""

    image: Picture
    words: str = ""
    moves: bool = False  # as was asked for


@dataclass(frozen=True)
class Gallery:
    pictures: list[Hung]
    more: int


def _read_pictures(value: Json, given: Given) -> Gallery | None:
    if isinstance(value, dict):
        value = _held(value)
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= 1000:
        return None
    read = [_hung(item, given) for item in items[:_MAX_PICTURES]]
    if not all(read):
        return None
    return Gallery([hung for hung in read if hung], len(items) - len(read))


def _held(value: dict[str, Json]) -> Json:
    """The list in `{"images": […]}`, and OpenAI's with its time beside."""
    telling = (name for name in value if name not in _UNTOLD or isinstance(value[name], list))
    told = [*islice(telling, 2)]
    is_one = len(told) == 1 and told[0] in _LISTS and isinstance(value[told[0]], list)
    return value[told[0]] if is_one else value


def _hung(item: Json, given: Given) -> Hung | None:
    if isinstance(item, str):
        image = picture(given.content(item))
        return Hung(image, moves=given.is_asked) if image else None
    if not isinstance(item, dict) or not 0 < len(item) <= _MAX_CAPTIONS:
        return None
    found = [(name, image) for name, t in item.items()
             if isinstance(t, str) and (image := picture(given.content(t)))]  # fmt: skip
    if len(found) != 1:
        return None
    others = {k: v for k, v in item.items() if k != found[0][0] and k not in _UNTOLD}
    score = number(others.pop("score", None))
    if set(others) - _CAPTIONS or not all(isinstance(v, str) for v in others.values()):
        return None  # its facts are better in lines
    if score is not None:
        others["score"] = f"score {figure(score)}"
    return Hung(
        found[0][1], " · ".join(one_line(str(v), 600) for v in others.values() if v), given.is_asked
    )


def _pictures_html(gallery: Gallery) -> str:
    shown = "".join(
        picture_html(hung.image, hung.words, moves=hung.moves) for hung in gallery.pictures
    )
    many = " ogpu-grid" if len(gallery.pictures) > 1 else ""
    return f'<div class="ogpu-pictures{many}">{shown}</div>{more_html(gallery.more, "picture")}'


def picture_html(image: Picture, words: str = "", *, moves: bool = False) -> str:
    is_still = bool(image.first) and not moves
    url, told = (image.url, _STILL) if is_still else (image.moving_url, "")
    small = " ogpu-small" if max(image.width, image.height) <= 64 else ""
    label = f"{esc(words, 600)} · " if words else ""
    return (
        f'<figure class="ogpu-picture{small}"><img src="{url}" '
        f'alt="{esc(words, 300) or image.name}" width="{image.width}" height="{image.height}">'
        f'<figcaption dir="auto">{label}{image.name} · {byte_count(image.size)}{told}'
        "</figcaption>"
        "</figure>"
    )


def _pictures_text(gallery: Gallery) -> str:
    shown = [
        f"[{f'{one_line(hung.words, 300)}: ' if hung.words else ''}{hung.image.name}, "
        f"{byte_count(hung.image.size)}]"
        for hung in gallery.pictures
    ]
    return "\n".join([*shown, *more_text(gallery.more, "picture")])


PICTURES: Final = Kind(
    "images", _read_pictures, _pictures_html, _pictures_text, ("image", "pictures", "picture"),
    "image/",
)  # fmt: skip
