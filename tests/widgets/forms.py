"""Fields of every kind with values that they take, and a bench that counts what it hears."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from ogpu_jupyter.forms.fields import (
    MISSING,
    Choice,
    Either,
    File,
    Flag,
    Link,
    Listing,
    Mapping,
    Number,
    Raw,
    Record,
    Text,
)
from ogpu_jupyter.widgets.bench import Bench
from ogpu_jupyter.widgets.field import control

if TYPE_CHECKING:
    from ogpu_jupyter.forms.fields import Field
    from ogpu_jupyter.widgets.bench import Control

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Er"
    "kJggg=="
)
COLOURS = Choice(options=(("red", "red"), ("green", "green")))
NUMBERED = Choice(options=tuple((f"number {n}", n) for n in range(12)))
MESSAGE = Record(
    title="Message",
    fields=(("role", COLOURS), ("content", Text(min_length=1))),
)
CAT = Record(
    fields=(
        ("kind", Choice(options=(("cat", "cat"),))),
        ("name", Text()),
        ("lives", Number(integer=True)),
    )
)
DOG = Record(
    fields=(("kind", Choice(options=(("dog", "dog"),))), ("name", Text()), ("barks", Flag()))
)
PET = Either(options=(("Cat", CAT), ("Dog", DOG)), discriminator="kind")


def tree() -> Field:
    return Record(fields=(("word", Text()), ("more", Listing(item=Link(target=tree)))))


ROUND_TRIPS: dict[str, tuple[Field, list[Any]]] = {
    "text": (Text(), ["a", "", "two\nlines", "<b>&amp;"]),
    "long text": (Text(long=True), ["a\n\nb", ""]),
    "optional text": (Text(required=False), ["a", "", MISSING]),
    "text or null": (Text(nullable=True), ["a", "", None]),
    "text, null or nothing": (Text(nullable=True, required=False), ["", None, MISSING, "x"]),
    "password": (Text(format="password"), ["secret"]),
    "e-mail": (Text(format="email"), ["a@b.org"]),
    "date": (Text(format="date"), ["2026-02-28"]),
    "optional date": (Text(format="date", required=False, nullable=True), [MISSING, None]),
    "moment": (
        Text(format="date-time"),
        ["2026-02-28T10:00:00Z", "2026-02-28T10:00:00.123456+02:00", "2026-02-28 10:00"],
    ),
    "time": (Text(format="time"), ["10:00:01", "10:00:01.5"]),
    "whole number": (Number(integer=True, low=1, high=9), [1, 0, -7, 10**30]),
    "number": (Number(), [0.1, 1e300, -2.5, 3]),
    "optional number": (Number(required=False, nullable=True), [1, None, MISSING]),
    "flag": (Flag(), [True, False]),
    "optional flag": (Flag(required=False, nullable=True), [True, False, None, MISSING]),
    "radio": (COLOURS, ["red", "green"]),
    "list of choices": (NUMBERED, [0, 11]),
    "choice of anything": (
        Choice(options=(("one", 1), ("yes", True), ("list", [1]), ("null", None))),
        [1, True, [1], None],
    ),
    "optional choice": (Choice(options=COLOURS.options, required=False), ["red", MISSING]),
    "record": (MESSAGE, [{"role": "red", "content": "x"}]),
    "optional record": (
        Record(fields=MESSAGE.fields, required=False, nullable=True),
        [None, MISSING, {"role": "green", "content": "y"}],
    ),
    "record with more": (
        Record(fields=(("a", Text()),), additional=Number()),
        [{"a": "x", "b": 1, "c": 2}, {"a": ""}],
    ),
    "record with what it doesn't know": (Record(fields=(("a", Text()),)), [{"a": "", "z": [1]}]),
    "list": (Listing(item=Text()), [[], ["a"], ["b", "a", "a"]]),
    "list of records": (Listing(item=MESSAGE), [[{"role": "red", "content": "x"}] * 2]),
    "list of lists": (Listing(item=Listing(item=Number())), [[[1], [], [2, 3]]]),
    "pair": (Listing(heads=(Text(), Number())), [["a", 1]]),
    "long list": (Listing(item=Number()), [list(range(500))]),
    "mapping": (Mapping(value=Number()), [{}, {"a": 1, "": 2}]),
    "long mapping": (Mapping(value=Number()), [{str(n): n for n in range(500)}]),
    "union": (Either(options=(("word", Text()), ("number", Number()))), ["a", 2]),
    "pet": (PET, [{"kind": "dog", "name": "Rex", "barks": True},
                  {"kind": "cat", "name": "Tom", "lives": 9}]),
    "optional pet": (Either(options=PET.options, required=False), [MISSING]),
    "file": (File(), [PIXEL]),
    "data url": (File(as_="data_url"), [f"data:image/png;base64,{PIXEL}"]),
    "file as text": (File(as_="text"), ["a,b\n1,2\n"]),
    "optional file": (File(required=False), [PIXEL, MISSING]),
    "raw": (Raw(), [{"a": [None, True, 1.5, "x"]}, [], None, "word", 7]),
    "link": (Link(target=tree), [{"word": "a", "more": [{"word": "b", "more": []}]}]),
}  # fmt: skip


class Heard:
    """A bench for one control: how often a change was heard, and where the focus was sent."""

    def __init__(self) -> None:
        self.changes = 0
        self.focused: list[str] = []
        self.bench = Bench(control, self._changed, self.focused.append)

    def _changed(self) -> None:
        self.changes += 1

    def control(self, field: Field) -> Control:
        return self.bench.control(field, "It", 1)


def words(widget: ipywidgets.Widget) -> str:
    own = widget.value if isinstance(widget, ipywidgets.HTML) else ""
    return own + " ".join(words(child) for child in getattr(widget, "children", ()))


def find(widget: ipywidgets.Widget, name: str) -> Any:
    """The widget with this description or tooltip."""
    found = [w for w in every(widget) if name in {w_name(w), getattr(w, "tooltip", None)}]
    assert found, f"nothing is called {name!r}"
    return found[0]


def w_name(widget: ipywidgets.Widget) -> str | None:
    return getattr(widget, "description", None)


def every(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    children = getattr(widget, "children", ())
    return [widget, *(below for child in children for below in every(child))]
