"""From a field to its control: one chain, from what a value is to what a person sees."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.forms.fields import (
    Choice,
    Either,
    File,
    Flag,
    Listing,
    Mapping,
    Number,
    Raw,
    Record,
    Text,
)

from .bench import Bench, Control, absences
from .groups import EitherControl, OptionalControl, RecordControl
from .leaves import (
    ChoiceControl,
    FlagControl,
    MomentControl,
    NumberControl,
    RawControl,
    TextControl,
    flag_as_choice,
)
from .rows import ListingControl, MappingControl
from .uploads import FileControl

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.forms.fields import Field

_MOMENTS: Final = frozenset({"date", "time", "date-time"})
_LEAVES: Final = (Text, Number, Flag, Choice, Raw)


def _text(bench: Bench, field: Any, name: str, depth: int) -> Control:
    kind = MomentControl if field.format in _MOMENTS else TextControl
    return kind(bench, field, name, depth)


def _flag(bench: Bench, field: Any, name: str, depth: int) -> Control:
    if not absences(field):
        return FlagControl(bench, field, name, depth)
    return ChoiceControl(bench, flag_as_choice(field), name, depth)


_KINDS: Final[dict[type[Field], Callable[[Bench, Any, str, int], Control]]] = {
    Text: _text,
    Flag: _flag,
    Number: NumberControl,
    Choice: ChoiceControl,
    Raw: RawControl,
    Record: RecordControl,
    Listing: ListingControl,
    Mapping: MappingControl,
    Either: EitherControl,
    File: FileControl,
}


def control(bench: Bench, field: Field, name: str, depth: int) -> Control:
    """The control for a field. A group that may be absent is made when it is wanted."""
    field = field.resolved
    if absences(field) and not isinstance(field, _LEAVES):
        return OptionalControl(bench, field, name, depth)
    if isinstance(field, Either) and not field.options:
        field = Raw(title=field.title, description=field.description)
    return _KINDS[type(field)](bench, field, name, depth)


def root(bench: Bench, field: Field) -> Control:
    """The control for a task's whole data."""
    return control(bench, replace(field.resolved, required=True, nullable=False), "Data", 0)
