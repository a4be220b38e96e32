"""Pydantic's errors, each at its place in the value.

A `loc` has more in it than the value's own path: at each union the option that was tried,
and the names of validators. Walking the model's fields along with it tells which are which.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .fields import Either, Listing, Mapping, Problem, Record, fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from ogpu_jupyter.tasks import Json

    from .fields import Field, Path

    Options = dict[str, list["_Error"]]
    Union = tuple[Path, tuple[str, ...]]  # its place, and the options chosen before it

MOST_PROBLEMS: Final = 50
_MOST_ERRORS: Final = 1000
_MOST_OPTIONS: Final = 4
_WRONG_TAG: Final = frozenset({"union_tag_invalid", "union_tag_not_found"})


def problems_of(errors: Sequence[ErrorDetails], root: Field, value: Json) -> list[Problem]:
    """Each problem once; of a union only those of the option that was meant.

    Where the value is of no option's type, what each of them says of it.
    """
    found = [_Error(root, value, error) for error in errors[:_MOST_ERRORS]]
    unions = _unions(found)
    meant = {union: _meant(union, options) for union, options in unions.items()}
    problems: list[Problem] = []
    for error in found:
        if all(meant[union] in {tag, None} for union, tag in error.options):
            hopeless = [union for union, _ in error.options if meant[union] is None]
            problems.append(_of_none(unions[hopeless[0]]) if hopeless else error.problem)
    return list(dict.fromkeys(problems))[:MOST_PROBLEMS]


class _Error:
    """Where it is (`path`), and through which options of unions it came there."""

    def __init__(self, root: Field, value: Json, error: ErrorDetails) -> None:
        self.kind = error["type"]
        self.message = _said(error)
        self.path: Path = ()
        self.options: list[tuple[Union, str]] = []
        self._walk(root.resolved, value, error["loc"])

    @property
    def problem(self) -> Problem:
        return Problem(self.path, self.message)

    def _walk(self, field: Field | None, value: Json, loc: Sequence[int | str]) -> None:
        for number, step in enumerate(loc, 1):
            if isinstance(field, Either):
                field = self._choose(field, str(step), value)
                continue
            known = self._known(field, value, step, last=number == len(loc))
            if known is not None:
                self.path = (*self.path, known)
                field, value = _below(field, known), _item(value, known)
        if isinstance(field, Either) and field.discriminator and self.kind in _WRONG_TAG:
            self.path = (*self.path, field.discriminator)

    def _choose(self, either: Either, tag: str, value: Json) -> Field | None:
        before = tuple(chosen for _, chosen in self.options)
        self.options.append(((self.path, before), tag))
        place = _option(either, tag)
        place = either.which(value) if place is None else place
        return None if place is None else either.options[place][1].resolved

    def _known(
        self, field: Field | None, value: Json, step: int | str, *, last: bool
    ) -> int | str | None:
        """The step, where it leads into the value; None where it only names a validator."""
        if isinstance(value, list):
            return step if isinstance(step, int) else None
        if not isinstance(value, dict):
            return None
        name = str(step)
        named = isinstance(field, Record) and field.field(name) is not None
        missing = last and self.kind in {"missing", "missing_keyword_only_argument"}
        return name if name in value or missing or (named and last) else None


def _option(either: Either, tag: str) -> int | None:
    """The option that a step names: by its label, its tag, or its kind."""
    for place, (label, field) in enumerate(either.options):
        known = field.resolved
        if tag in {label, known.title, known.title.replace(" ", "")}:
            return place
        chosen = known.field(either.discriminator or "") if isinstance(known, Record) else None
        if either.discriminator and chosen is not None and fits(chosen, tag):
            return place
    kinds = [p for p, (_, field) in enumerate(either.options) if _is_named(field.resolved, tag)]
    return kinds[0] if len(kinds) == 1 else None


def _is_named(field: Field, tag: str) -> bool:
    """By pydantic's words for a type: `list[int]`, `function-after[f(), int]`."""
    outer, _, inner = tag.partition("[")
    said = inner.rpartition(",")[2] if outer.startswith("function-") else outer
    words = set(re.findall(r"[a-z]+", said))
    return bool(words & _WORDS.get(type(field).__name__, frozenset()))


_WORDS: Final = {
    "Text": {"str", "date", "datetime", "time", "timedelta", "url", "uuid"},
    "File": {"bytes"},
    "Number": {"int", "float", "decimal"},
    "Flag": {"bool"},
    "Choice": {"literal", "enum"},
    "Listing": {"list", "tuple", "set", "frozenset"},
    "Mapping": {"dict"},
    "Raw": {"any", "json"},
}


def _below(field: Field | None, step: int | str) -> Field | None:
    below: Field | None = None
    if isinstance(field, Record) and isinstance(step, str):
        below = field.field(step)
    elif isinstance(field, Mapping):
        below = field.value
    elif isinstance(field, Listing) and isinstance(step, int):
        below = field.at(step)
    return None if below is None else below.resolved


def _item(value: Json, step: int | str) -> Json:
    if isinstance(value, dict) and isinstance(step, str):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None


def _unions(errors: Sequence[_Error]) -> dict[Union, Options]:
    """The errors of each option, for each place where there were some."""
    unions: dict[Union, Options] = {}
    for error in errors:
        for union, tag in error.options:
            unions.setdefault(union, {}).setdefault(tag, []).append(error)
    return unions


def _meant(union: Union, options: Options) -> str | None:
    """The option that came furthest, then the one with the fewest errors; None for none."""
    best = min(options, key=lambda tag: _rank(union[0], options[tag]))
    another_type = _rank(union[0], options[best])[0]
    return None if another_type and len(options) > 1 else best


def _of_none(options: Options) -> Problem:
    firsts = [errors[0] for errors in options.values()][:_MOST_OPTIONS]
    messages = dict.fromkeys(error.message for error in firsts)
    return Problem(firsts[0].path, " Or: ".join(messages))


def _rank(place: Path, errors: Sequence[_Error]) -> tuple[bool, bool, int]:
    """A value of another type is the furthest from it, then one with another tag."""
    here = [error.kind for error in errors if error.path == place]
    another_type = any(kind.endswith(("_type", "_parsing")) for kind in here)
    another_tag = any(error.kind == "literal_error" for error in errors)
    return another_type, another_tag, len(errors)


def _said(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if error["loc"] and error["loc"][-1] == "[key]":
        message = f"its name: {message}"
    return ended(message[:500])


def ended(message: str) -> str:
    """As a sentence."""
    message = message[:1].upper() + message[1:]
    return message if message.endswith((".", "!", "?")) else f"{message}."
