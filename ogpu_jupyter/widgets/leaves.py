"""Controls for single values: text, numbers, dates, yes or no, one of some, any JSON."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from ogpu_jupyter.content import decode_json
from ogpu_jupyter.errors import ContentInvalid
from ogpu_jupyter.forms.fields import (
    MISSING,
    Choice,
    Flag,
    Missing,
    Number,
    Problem,
    Text,
    same,
)
from ogpu_jupyter.render.safe import one_line

from .bench import HIDDEN, Bench, Control, absences, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.forms.fields import Field
    from ogpu_jupyter.tasks import Json

_RADIOS: Final = 4
_NONE: Final = -1
_RADIO_LETTERS: Final = 24
_MOST_CHOICES: Final = 500
_MOST_DIGITS: Final = 400
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_FORMATS: Final = {
    "duration": "an ISO 8601 duration such as PT1H30M",
    "uri": "an address such as https://example.org",
    "email": "an e-mail address",
    "uuid": "a UUID",
    "color": "a colour such as #1b66c9",
}


class Leaf(Control):
    """One control with its label, the note under it, and what an empty one means."""

    def __init__(self, bench: Bench, field: Field, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self.empties = self._empties()
        ways = [(words, place) for place, (words, _) in enumerate(self.empties)]
        self._when_empty = self.bench.widget(
            ipywidgets.Dropdown,
            "ogpu-f-empty",
            *((HIDDEN,) if len(ways) < 2 else ()),
            options=ways,
            value=0,
            description="Empty means",
            tooltip=f"What an empty {self.name} stands for",
        )
        self.box = self._box()
        self.bench.listen(self._when_empty, self.heard)
        row = self.bench.widget(
            ipywidgets.HBox, "ogpu-f-row", children=(*self._inputs(), self._when_empty)
        )
        self._row = row
        required = ("ogpu-f-required",) if _is_due(field) else ()
        self.widget = self.bench.widget(
            ipywidgets.VBox, "ogpu-f-field", self.key, *required, children=(row, self.note)
        )
        self.about(_about(field))

    def _box(self) -> ipywidgets.DOMWidget:
        raise NotImplementedError

    def _inputs(self) -> tuple[ipywidgets.DOMWidget, ...]:
        self.bench.listen(self.box, self.heard)
        return (self.box,)

    def _empties(self) -> list[tuple[str, Json | Missing]]:
        return absences(self.field) or [("", MISSING)]

    @property
    def label(self) -> str:
        return f"{self.name} (optional)" if absences(self.field) else self.name

    @property
    def _empty(self) -> Json | Missing:
        way: Json | Missing = self.empties[self._when_empty.value][1]
        return way

    def _mean(self, value: Json | Missing) -> bool:
        """Let an empty control stand for this value; False where it can't."""
        for place, (_, empty) in enumerate(self.empties):
            if empty is value or (isinstance(value, str) and empty == value):
                self._when_empty.value = place
                return True
        return value is MISSING or value is None

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [self.widget, self._row, *self._row.children]


def _is_due(field: Field) -> bool:
    """Nothing stands there, and something has to."""
    return field.required and not field.nullable and isinstance(field.default, Missing)


class TextControl(Leaf):
    """A line, or an area where the text is long or is to be."""

    field: Text

    def _empties(self) -> list[tuple[str, Json | Missing]]:
        ways = absences(self.field)
        return [*ways, ("empty text", "")] if ways else [("", "")]

    def _box(self) -> ipywidgets.DOMWidget:
        words = {"description": self.label, "placeholder": _example(self.field)}
        if self.field.long:
            return self.bench.widget(ipywidgets.Textarea, rows=4, **words)
        is_secret = self.field.format == "password"
        return self.bench.widget(ipywidgets.Password if is_secret else ipywidgets.Text, **words)

    def _read(self) -> Json | Missing:
        return self.box.value or self._empty

    def _take(self, value: Json | Missing) -> bool:
        if not isinstance(value, str) or not value:
            self.box.value = ""
            return self._mean(value)
        if not isinstance(self.box, ipywidgets.Textarea) and ("\n" in value or "\r" in value):
            self._lengthen()  # a line would drop the line breaks without a word
        self.box.value = value
        return True

    def _lengthen(self) -> None:
        line = self.box
        self.box = self.bench.widget(ipywidgets.Textarea, rows=4, description=self.label)
        self._row.children = (*self._inputs(), self._when_empty)
        line.close()


class NumberControl(Leaf):
    """Typed as text: a number box can't be empty, and would round what is long."""

    field: Number

    def _box(self) -> ipywidgets.DOMWidget:
        kind = "ogpu-f-integer" if self.field.integer else "ogpu-f-number"
        return self.bench.widget(
            ipywidgets.Text, kind, description=self.label, placeholder=_example(self.field)
        )

    def _read(self) -> Json | Missing:
        text = self.box.value.strip()
        return _number(text) if text else self._empty

    def _take(self, value: Json | Missing) -> bool:
        if isinstance(value, Missing) or value is None:
            self.box.value = ""
            return self._mean(value)
        if isinstance(value, str):  # what was typed, and is no number yet
            self.box.value = value
            return "\n" not in value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        self.box.value = json.dumps(value)
        return True


def _number(text: str) -> Json:
    """The number that it is, else the text, of which the check says what is wrong."""
    if len(text) > _MOST_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


class FlagControl(Leaf):
    """A box to tick."""

    field: Flag

    def _box(self) -> ipywidgets.DOMWidget:
        return self.bench.widget(ipywidgets.Checkbox, description=self.name, indent=False)

    def _read(self) -> Json | Missing:
        return bool(self.box.value)

    def _take(self, value: Json | Missing) -> bool:
        self.box.value = value is True
        return isinstance(value, bool | Missing)


class ChoiceControl(Leaf):
    """A few short ones as radio buttons, else a list to drop down.

    The ways to have no value stand among the choices, and so does a value that is not one
    of them, as long as it is there.
    """

    field: Choice

    def __init__(self, bench: Bench, field: Choice, name: str, depth: int) -> None:
        self._values: list[Json | Missing] = []
        super().__init__(bench, field, name, depth)

    def _empties(self) -> list[tuple[str, Json | Missing]]:
        return [("", MISSING)]

    def _box(self) -> ipywidgets.DOMWidget:
        offered = [(one_line(words, 120), v) for words, v in self.field.options[:_MOST_CHOICES]]
        self._offered: list[tuple[str, Json | Missing]] = [*offered, *absences(self.field)]
        few = len(self._offered) <= _RADIOS
        self._asks = _is_due(self.field)
        self._radio = few and all(len(words) <= _RADIO_LETTERS for words, _ in self._offered)
        kind = ipywidgets.RadioButtons if self._radio else ipywidgets.Dropdown
        box = self.bench.widget(kind, description=self.label)
        self._offer(box, self._offered)
        if self._asks:
            box.value = self._none
        return box

    def _offer(self, box: Any, options: Sequence[tuple[str, Json | Missing]]) -> None:
        """By their numbers: labels may be the same, and values may not be hashable."""
        self._values = [value for _, value in options]
        words = [(label, place) for place, (label, _) in enumerate(options)]
        box.options = words if self._radio or not self._asks else [("choose …", _NONE), *words]

    def _read(self) -> Json | Missing:
        place = self.box.value
        return MISSING if place == self._none else self._values[place]

    @property
    def _none(self) -> int | None:
        """A list to drop down knows no None; radio buttons can be all off."""
        return None if self._radio else _NONE

    def _take(self, value: Json | Missing) -> bool:
        if len(self._values) != len(self._offered):
            self._offer(self.box, self._offered)
        place = self._place(value)
        if place is None and not isinstance(value, Missing) and value is not None:
            words = f"{one_line(json.dumps(value), 40)} (not offered)"
            self._offer(self.box, [*self._offered, (words, value)])
            place = len(self._values) - 1
        if place is None and (len(self._offered) == 1 or not (self._asks or self._radio)):
            place = 0  # a constant, or a list that has nothing for no value
        self.box.value = self._none if place is None else place
        return True

    def _place(self, value: Json | Missing) -> int | None:
        for place, known in enumerate(self._values):
            if known is value:
                return place
            if isinstance(known, Missing | None) or isinstance(value, Missing | None):
                continue
            if same(known, value):
                return place
        return None


def flag_as_choice(field: Flag) -> Choice:
    """One that may have no value has more than two states."""
    return Choice(
        title=field.title,
        description=field.description,
        default=field.default,
        required=field.required,
        nullable=field.nullable,
        options=(("yes", True), ("no", False)),
    )


class MomentControl(Leaf):
    """A date, a time of day, or both, picked or typed; what it was filled with stays exact."""

    field: Text

    def __init__(self, bench: Bench, field: Text, name: str, depth: int) -> None:
        self._given: tuple[Any, str] = (None, "")
        super().__init__(bench, field, name, depth)

    def _box(self) -> ipywidgets.DOMWidget:
        if self.field.format == "date":
            return self.bench.widget(ipywidgets.DatePicker, description=self.label)
        if self.field.format == "time":
            return self.bench.widget(ipywidgets.TimePicker, description=self.label, step=1)
        return self.bench.widget(ipywidgets.DatetimePicker, description=self.label)

    def _read(self) -> Json | Missing:
        picked = self.box.value
        if picked is None:
            return self._empty
        known, text = self._given
        return text if picked == known else self._written(picked)

    def _written(self, picked: Any) -> str:
        if isinstance(picked, datetime):
            return picked.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        return str(picked.isoformat())

    def _take(self, value: Json | Missing) -> bool:
        self._given = (None, "")
        if value == "":
            value = MISSING  # what a form begins with, and no moment
        if not isinstance(value, str):
            self.box.value = None
            return self._mean(value)
        moment = self._moment(value)
        if moment is None:
            return False
        self._given = (moment, value)
        self.box.value = moment
        return True

    def _moment(self, text: str) -> date | time | None:
        """None where a picker can't hold it."""
        text = re.sub(r"[zZ]$", "+00:00", text)  # Python 3.10 reads no Z
        try:
            if self.field.format == "date":
                return date.fromisoformat(text)
            if self.field.format == "time":
                moment = time.fromisoformat(text)
                return moment if moment.tzinfo is None else None
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            return None


class RawControl(Leaf):
    """Any JSON, typed."""

    def _box(self) -> ipywidgets.DOMWidget:
        return self.bench.widget(
            ipywidgets.Textarea, "ogpu-f-mono", description=self.label, rows=3, placeholder="JSON"
        )

    def _empties(self) -> list[tuple[str, Json | Missing]]:
        ways = [way for way in absences(self.field) if way[1] is not None]
        return ways or [("", MISSING)]

    def _read(self) -> Json | Missing:
        text = self.box.value
        if not text.strip():
            return self._empty
        try:
            return _json(text)
        except ContentInvalid:
            return str(text)

    def faults(self) -> list[Problem]:
        text = self.box.value
        if not text.strip():
            return []
        try:
            _json(text)
        except ContentInvalid as error:
            return [Problem((), error.what.replace("The content is", "This is"))]
        return []

    def _take(self, value: Json | Missing) -> bool:
        text = "" if isinstance(value, Missing) else json.dumps(value, ensure_ascii=False, indent=1)
        self.box.value = text
        return True


def _json(text: str) -> Json:
    value: Any = decode_json(text.encode("utf-8", "surrogatepass"))
    return value  # type: ignore[no-any-return]


def _example(field: Field) -> str:
    for example in field.examples:
        return one_line(example if isinstance(example, str) else json.dumps(example), 80)
    return ""


def _about(field: Field) -> str:
    rule = _rule(field)
    text = one_line(field.description, 600)
    return sentences(text, rule)


def _rule(field: Field) -> str:
    if isinstance(field, Number):
        return _bounds(field)
    if isinstance(field, Text):
        return ", ".join(filter(None, (_FORMATS.get(field.format), _length(field), _form(field))))
    return ""


def _form(field: Text) -> str:
    return f"matches {one_line(field.pattern, 80)}" if field.pattern else ""


def _length(field: Text) -> str:
    low, high = field.min_length, field.max_length
    if low > 1 and high is not None:
        return f"{low} to {high:,} characters"
    if high is not None:
        return f"at most {high:,} characters"
    return f"at least {low} characters" if low > 1 else ""


def _bounds(field: Number) -> str:
    low, high = field.low, field.high
    if low is not None and high is not None and not (field.open_low or field.open_high):
        words = f"{low:g} to {high:g}"
    else:
        least = "" if low is None else f"{'more than' if field.open_low else 'at least'} {low:g}"
        most = "" if high is None else f"{'less than' if field.open_high else 'at most'} {high:g}"
        words = ", ".join(filter(None, (least, most)))
    steps = "" if field.multiple_of is None else f"in steps of {field.multiple_of:g}"
    whole = "a whole number" if field.integer else ""
    return ", ".join(filter(None, (whole, words, steps)))
