"""Kinds of answers: how each is recognised by its shape, and shown.

A kind is one value; `KINDS` is the list of them, in the order in which they are asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from . import budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ogpu_jupyter.tasks import Json

Read = TypeVar("Read")
_MAX_REFERENCES: Final = 5


@dataclass(frozen=True)
class Given:
    """What a kind may look at beside the answer.

    `data` is the task's, `schema` the JSON Schema of the answer where its source tells one,
    and `linked` the content of the answer's links, in base64. `depth` says how deep in the
    answer the value stands. `is_asked` is true when this kind was asked for by name, so
    that it should take what it can. `troubles` collects what has to be said with the answer.
    """

    data: Json = None
    depth: int = 0
    schema: Json = None
    linked: Mapping[str, str] = field(default_factory=dict)
    is_asked: bool = False
    troubles: list[str] = field(default_factory=list)
    root: Json = None  # the whole schema, for the references in it
    # By the identity of a part and of its schema, and its depth; both are held, so that their
    # identity lasts.
    chosen: dict[tuple[int, int, int], tuple[Json, Json, Kind[Any], Any]] = field(
        default_factory=dict
    )

    def deeper(self, key: str | None = None) -> Given:
        """For a part of the value: the field of that name, or an item of the list."""
        return replace(self.into(key), depth=self.depth + 1, is_asked=False)

    def into(self, key: str | None = None) -> Given:
        """For what is in a wrapper, which is no depth of its own."""
        root = self.schema if self.root is None else self.root
        return replace(self, schema=self._below(key), root=root)

    def asked(self) -> Given:
        return replace(self, is_asked=True)

    def content(self, text: str) -> str:
        """What is behind a link, in base64; any other text as it is."""
        return self.linked.get(text, text)

    def _below(self, key: str | None) -> Json:
        schema = self.resolved()
        if key is None:
            return schema.get("items")
        properties = schema.get("properties")
        return properties.get(key) if isinstance(properties, dict) else None

    def resolved(self) -> dict[str, Json]:
        """The schema of the value, where its references lead; empty where there is none."""
        schema, root = self.schema, self.root if self.root is not None else self.schema
        for _ in range(_MAX_REFERENCES):
            if not isinstance(schema, dict):
                break
            if isinstance(schema.get("$ref"), str):
                schema = _at(root, str(schema["$ref"]))
            elif (only := _only_choice(schema)) is not None:
                schema = only
            else:
                break
        return schema if isinstance(schema, dict) else {}


def _only_choice(schema: dict[str, Json]) -> Json:
    """What an optional value is when it is there."""
    choices = schema.get("anyOf", schema.get("oneOf"))
    if not isinstance(choices, list):
        return None
    kept = [c for c in choices if isinstance(c, dict) and c.get("type") != "null"]
    return kept[0] if len(kept) == 1 < len(choices) else None


def _at(root: Json, reference: str) -> Json:
    """What a reference within the same schema points to, such as `#/$defs/Label`."""
    start, *names = reference.split("/")
    if start != "#" or len(names) > _MAX_REFERENCES:
        return None
    for name in names:
        root = root.get(name) if isinstance(root, dict) else None
    return root


@dataclass(frozen=True)
class Kind(Generic[Read]):
    """`read` makes of a value what the kind shows, or None where the value is of another kind.

    `to_html` escapes every string that it puts out; `to_text` is fit for a terminal.
    `words` are other names for it, in `--show` and in a schema's title or format; `media`
    begins the media types that it shows.
    """

    name: str
    read: Callable[[Json, Given], Read | None]
    to_html: Callable[[Read], str]
    to_text: Callable[[Read], str]
    words: tuple[str, ...] = ()
    media: str = ""


KINDS: Final[list[Kind[Any]]] = []
_GENERAL: Final = {"text", "table", "list", "fields", "JSON"}


def _plain_name(word: str) -> str:
    return word.strip().lower().replace(" ", "-").replace("_", "-")


def named(word: str) -> Kind[Any] | None:
    """The kind of this name, in any case and with any of its other names."""
    wanted = _plain_name(word[:80])
    for kind in KINDS:
        if wanted in {_plain_name(name) for name in (kind.name, *kind.words)}:
            return kind
    return None


def hinted(given: Given) -> tuple[Kind[Any], Given] | None:
    """The kind that the answer's schema speaks of, and how it is to read the value.

    A media type or a format says what the value is. A title is often only the name of a
    class or a field, so it counts where it names no general kind, and the shape fits.
    """
    schema = given.resolved()
    media = schema.get("contentMediaType")
    if isinstance(media, str):
        for kind in KINDS:
            if kind.media and media.lower().startswith(kind.media):
                return kind, given.asked()
    if isinstance(word := schema.get("format"), str) and (meant := named(word)):
        return meant, given.asked()
    if isinstance(word := schema.get("title"), str) and (meant := named(word)):
        return None if meant.name in _GENERAL else (meant, given)
    return None


def strings(value: Json, depth: int = 4, limit: int = 200) -> Iterator[str]:
    """The strings in a value, outermost first, as far as they are worth a look."""
    level = [value]
    for _ in range(depth):
        deeper: list[Json] = []
        for item in level[:limit]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, dict):
                deeper += list(item.values())[:limit]
            elif isinstance(item, list):
                deeper += item[:limit]
        level = deeper


def number(value: object) -> float | None:
    """A finite number; JSON's booleans are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond what a float holds
        return None


def numbers(items: Sequence[object]) -> list[float] | None:
    """`number` of each, where all are such; an answer may have a million of them."""
    if not {*map(type, items)} <= {int, float}:
        return None
    try:
        return [*map(float, items)] if all(map(math.isfinite, items)) else None  # type: ignore[arg-type]
    except OverflowError:
        return None


def each(read: Callable[[Json], Read | None], items: Sequence[Json]) -> list[Read] | None:
    """What `read` makes of all items; None at the first that it makes nothing of.

    An answer may have millions of items, and most kinds are done with the first of them.
    """
    found: list[Read] = []
    limits = budget.current()
    for n, item in enumerate(items):
        if n % 1000 == 0:
            limits.check()
        one = read(item)
        if one is None:
            return None
        found.append(one)
    return found


def is_scalar(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def figure(value: object) -> str:
    """A number as it reads well: six digits at most behind a leading zero, integers whole."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else ""
    return text or "an integer of more than 30 digits"
