"""The tree that a form is drawn from: one frozen value for each thing a person fills in.

A field that refers to another place of its schema is a `Link`, expanded when it is looked
at: so a model may hold itself. Take `field.resolved` before asking what kind it is, and
stop at `DEPTH` when drawing: a schema may ask for a value without an end.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from ogpu_jupyter.tasks import Json

DEPTH: Final = 12
_MOST_BLANKS: Final = 2_000
_MOST_ITEMS: Final = 100
_HOPS: Final = 20
_SHORTEST_FILE: Final = 64
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{60}")
_LOOKED_AT: Final = 20  # items of a list, and
_LOOKED_INTO: Final = 3  # levels, to tell options apart


class Missing(enum.Enum):
    """Where there is no value at all, which is not the same as null."""

    MISSING = enum.auto()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Field:
    """What all kinds have. `required`: a record without it is not complete."""

    title: str = ""
    description: str = ""
    default: Json | Missing = MISSING
    required: bool = True
    nullable: bool = False
    examples: tuple[Json, ...] = ()

    @property
    def resolved(self) -> Field:
        """Itself; for a `Link` the field it stands for."""
        return self


TextFormat = Literal[
    "", "date", "date-time", "time", "duration", "uri", "email", "uuid", "password", "color"
]


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    """`pattern` may be a stranger's: it is shown, and tried by nothing but `Shape.check`.

    `long`: several lines.
    """

    long: bool = False
    pattern: str = ""
    min_length: int = 0
    max_length: int | None = None
    format: TextFormat = ""


@dataclass(frozen=True, kw_only=True)
class Number(Field):
    """`open_low`: the bound itself is not allowed."""

    integer: bool = False
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    multiple_of: float | None = None


@dataclass(frozen=True, kw_only=True)
class Flag(Field):
    """True or false."""


@dataclass(frozen=True, kw_only=True)
class Choice(Field):
    """One of these values, each with its label. A constant is a choice of one."""

    options: tuple[tuple[str, Json], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record(Field):
    """Named fields in their order. `additional`: others may be added; their field, if known."""

    fields: tuple[tuple[str, Field], ...] = ()
    additional: Field | None = None

    def field(self, name: str) -> Field | None:
        """The field of that name, also an additional one."""
        return next((field for known, field in self.fields if known == name), self.additional)


@dataclass(frozen=True, kw_only=True)
class Listing(Field):
    """A list. `heads` are the fields of its first places, where those differ (a tuple).

    `item` is the field of all others: None where there are no others.
    """

    item: Field | None = None
    heads: tuple[Field, ...] = ()
    min_items: int = 0
    max_items: int | None = None
    unique: bool = False

    def at(self, index: int) -> Field | None:
        """The field of a place; None where the list can't be so long."""
        if index < len(self.heads):
            return self.heads[index]
        return self.item


@dataclass(frozen=True, kw_only=True)
class Mapping(Field):
    """Keys that the person chooses, and a value for each."""

    value: Field
    key_pattern: str = ""
    min_items: int = 0
    max_items: int | None = None


@dataclass(frozen=True, kw_only=True)
class Either(Field):
    """One of several fields, each with a label.

    With a `discriminator` all are records, and the property of that name tells them apart;
    in each it is a `Choice` of its tags.
    """

    options: tuple[tuple[str, Field], ...] = ()
    discriminator: str | None = None

    def which(self, value: Json, depth: int = 0) -> int | None:
        """The place of the option that this value belongs to, or None."""
        fitting = [p for p, (_, field) in enumerate(self.options) if fits(field, value, depth + 1)]
        files = [place for place in fitting if isinstance(self.options[place][1].resolved, File)]
        return next(iter([*files, *fitting]), None)  # a file's text is text too


@dataclass(frozen=True, kw_only=True)
class File(Field):
    """Bytes in a string: base64, a data URL, or the text itself.

    `accept` are media types, such as `image/*`; empty for any. `max_bytes` is of the file.
    """

    accept: tuple[str, ...] = ()
    as_: Literal["base64", "data_url", "text"] = "base64"
    max_bytes: int = 8 * 2**20


@dataclass(frozen=True, kw_only=True)
class Raw(Field):
    """Any JSON."""


@dataclass(frozen=True, kw_only=True)
class Link(Field):
    """Stands for a field elsewhere; its own title, description and default come first."""

    target: Callable[[], Field]

    @property
    def resolved(self) -> Field:
        """What it stands for; any JSON where that is nothing but a circle of links."""
        found: Field = self
        for _ in range(_HOPS):
            if not isinstance(found, Link):
                return found
            found = _overlaid(found, found.target())
        return Raw(title=self.title, description=self.description, required=self.required)


def _overlaid(link: Link, target: Field) -> Field:
    return replace(
        target,
        title=link.title or target.title,
        description=link.description or target.description,
        default=target.default if link.default is MISSING else link.default,
        required=link.required,
        nullable=link.nullable or target.nullable,
        examples=link.examples or target.examples,
    )


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where in the value: names of fields and places in lists."""

    path: Path
    message: str


class Checker(Protocol):
    """What knows whether a value is right."""

    def check(self, value: Json) -> list[Problem]: ...

    def complete(self, value: Json) -> Json: ...


@dataclass(frozen=True)
class Shape:
    """The data of a source's function: its fields, where they are known from, and its rules.

    `origin` says it for the user: "the model of the local service text2text".
    """

    root: Field
    origin: str
    defaults: Json
    checker: Checker
    model: type[BaseModel] | None = None

    def check(self, value: Json) -> list[Problem]:
        """Everything that is wrong with this value; empty when it can be sent."""
        return self.checker.check(value)

    def complete(self, value: Json) -> Json:
        """What is sent for this value: with its defaults, as its model writes it.

        A value that is not right comes back as it is.
        """
        return self.checker.complete(value)


def start(field: Field, depth: int = 0) -> Json | Missing:
    """The value that a form begins with; MISSING where the person has to say it first.

    Also for what goes on without an end or in ever more branches: that is cut.
    """
    return Blanks().of(field, depth)


class Blanks:
    """Values to begin with, so many and no more."""

    def __init__(self) -> None:
        self._left = _MOST_BLANKS

    def of(self, field: Field, depth: int) -> Json | Missing:
        field = field.resolved
        if field.default is not MISSING:
            return field.default
        if field.nullable:
            return None
        self._left -= 1
        return MISSING if depth > DEPTH or self._left < 0 else self._blank(field, depth)

    def _blank(self, field: Field, depth: int) -> Json | Missing:
        if isinstance(field, Choice):
            return field.options[0][1] if len(field.options) == 1 else MISSING
        if isinstance(field, Record):
            return self._named(field, depth)
        if isinstance(field, Listing):
            return self._items(field, depth)
        if isinstance(field, Either) and field.options:
            return self.of(field.options[0][1], depth + 1)
        plain: dict[type[Field], Json] = {Text: "", Flag: False, Mapping: {}}
        return plain.get(type(field), MISSING)

    def _named(self, record: Record, depth: int) -> Json:
        """Of those that may be left out, only the ones with a default."""
        named: dict[str, Json] = {}
        for name, field in record.fields:
            known = field.resolved
            value = self.of(known, depth + 1) if known.required else known.default
            if not isinstance(value, Missing):
                named[name] = value
        return named

    def _items(self, listing: Listing, depth: int) -> Json:
        """As many as there have to be."""
        items: list[Json] = []
        for index in range(min(max(listing.min_items, len(listing.heads)), _MOST_ITEMS)):
            field = listing.at(index)
            value = MISSING if field is None or self._left < 0 else self.of(field, depth + 1)
            example = _example(listing, index)
            if isinstance(value, dict) and isinstance(example, dict) and field is not None:
                value = {**_chosen(field.resolved, example), **value}
            items.append(None if isinstance(value, Missing) else value)
        return items


def _example(listing: Listing, index: int) -> Json:
    first = listing.examples[0] if listing.examples else None
    return first[index] if isinstance(first, list) and index < len(first) else None


def _chosen(field: Field, example: dict[str, Json]) -> dict[str, Json]:
    """An example's choices are good to begin with, as the first speaker of a chat is."""
    named = dict(field.fields) if isinstance(field, Record) else {}
    return {
        name: value
        for name, value in example.items()
        if isinstance(named.get(name), Choice) and fits(named[name], value)
    }


def fits(field: Field, value: Json, depth: int = 0) -> bool:
    """Whether a value is of this kind, looked at from outside: for choosing among options.

    A record fits where its choices do, all that it requires is there, and nothing is there
    that it doesn't know.
    """
    field = field.resolved
    if value is None and field.nullable:
        return True
    if isinstance(field, Either):
        return depth > _LOOKED_INTO or field.which(value, depth) is not None
    if isinstance(field, Record):
        return isinstance(value, dict) and _fits_record(field, value, depth)
    if isinstance(field, Listing):
        return isinstance(value, list) and _fits_listing(field, value, depth)
    return _FITS[type(field)](field, value)


def _fits_record(record: Record, value: dict[str, Json], depth: int) -> bool:
    fields = {name: field.resolved for name, field in record.fields}
    if any(field.required and name not in value for name, field in fields.items()):
        return False
    if record.additional is None and not value.keys() <= fields.keys():
        return False
    chosen = [name for name in value if isinstance(fields.get(name), Choice)]
    return all(fits(fields[name], value[name], depth + 1) for name in chosen)


def _fits_listing(listing: Listing, value: list[Json], depth: int) -> bool:
    if depth > _LOOKED_INTO:
        return True
    return all(
        (field := listing.at(index)) is not None and fits(field, item, depth + 1)
        for index, item in enumerate(value[:_LOOKED_AT])
    )


def _fits_number(number: Any, value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return not number.integer or isinstance(value, int) or value.is_integer()


def _is_file(text: str) -> bool:
    """A data URL, or base64 of more than a few words' length."""
    return text.startswith("data:") or (len(text) >= _SHORTEST_FILE and bool(_BASE64.match(text)))


def same(one: Json, other: Json) -> bool:
    """Equal as JSON: true is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other


_FITS: Final[dict[type[Field], Callable[[Any, Json], bool]]] = {
    Text: lambda _, value: isinstance(value, str),
    File: lambda file, value: isinstance(value, str) and (file.as_ == "text" or _is_file(value)),
    Number: _fits_number,
    Flag: lambda _, value: isinstance(value, bool),
    Choice: lambda choice, value: any(same(value, option) for _, option in choice.options),
    Mapping: lambda _, value: isinstance(value, dict),
    Raw: lambda *_: True,
}
