"""Controls that hold others: records, lists, keys with values, one of several kinds.

Rows are moved by moving their values: the page keeps its elements, so that nothing jumps
and the focus stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import ipywidgets

from ogpu_jupyter.forms.fields import (
    MISSING,
    Choice,
    Either,
    Listing,
    Mapping,
    Missing,
    Problem,
    Raw,
    Record,
    fits,
    start,
)
from ogpu_jupyter.render.safe import esc, one_line

from .bench import HIDDEN, Bench, Control, absences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ogpu_jupyter.forms.fields import Field, Path
    from ogpu_jupyter.tasks import Json

_MOST_ROWS: Final = 100
_GIVEN: Final = -1


class Group(Control):
    """A legend, what is in it, and its note."""

    def __init__(self, bench: Bench, field: Field, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._legend = bench.words("ogpu-f-legend", html=esc(self.name, 200))
        self.body = bench.widget(ipywidgets.VBox, "ogpu-f-body")
        self.widget = bench.widget(
            ipywidgets.VBox,
            "ogpu-f-group",
            self.key,
            children=(self._legend, self.note, self.body),
        )
        if depth == 0:
            self._legend.add_class(HIDDEN)
            self.widget.add_class("ogpu-f-root")
        self.about(one_line(field.description, 600))

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [self.widget, self._legend, self.body]


class RecordControl(Group):
    """A fieldset. What a filled record has beside the known fields stands in a row of its own."""

    field: Record

    def __init__(self, bench: Bench, field: Record, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._named = {
            key: bench.control(known.resolved, _title(key), depth + 1)
            for key, known in field.fields
        }
        self._more: Control | None = None
        for control in self._named.values():
            if _is_constant(control.field):
                control.widget.add_class(HIDDEN)
        if field.additional is not None:
            self._others()
        self._arrange()

    def _others(self) -> Control:
        """Made where others are allowed, and where a filled value has some all the same."""
        if self._more is None:
            field = Mapping(title="More fields", value=self.field.additional or Raw())
            self._more = self.bench.control(field, "More fields", self.depth + 1)
            self._arrange()
        return self._more

    def _arrange(self) -> None:
        self.body.children = tuple(control.widget for _, control in self.children())

    def children(self) -> Sequence[tuple[Path, Control]]:
        named: list[tuple[Path, Control]] = [((key,), c) for key, c in self._named.items()]
        return [*named, ((), self._more)] if self._more is not None else named

    def show(self, problems: Sequence[Problem], *, every: bool) -> None:
        """Those of a field that isn't there stay here; the others' own are the rest's."""
        known = [p for p in problems if p.path and p.path[0] in self._named]
        keys = self._more_values()
        more = [p for p in problems if p.path and p not in known and p.path[0] in keys]
        for key, control in self._named.items():
            mine = [Problem(p.path[1:], p.message) for p in known if p.path[0] == key]
            control.show(mine, every=every)
        if self._more is not None:
            self._more.show(more, every=every)
        left = [p for p in problems if p not in known and p not in more]
        self.blame(left, every=every)

    def _read(self) -> Json | Missing:
        values = {key: control.value for key, control in self._named.items()}
        values |= self._more_values()
        return {key: value for key, value in values.items() if not isinstance(value, Missing)}

    def _take(self, value: Json | Missing) -> bool:
        if not isinstance(value, dict | Missing) and value is not None:
            return False
        known = value or {}
        for key, control in self._named.items():
            control.fill(known.get(key, _absent(control.field, self.depth)))
        others = {key: item for key, item in known.items() if key not in self._named}
        if others or self._more is not None:
            self._others().fill(others)
        return True

    def _more_values(self) -> dict[str, Json]:
        more = MISSING if self._more is None else self._more.value
        return more if isinstance(more, dict) else {}


def _title(key: str) -> str:
    words = one_line(key, 80).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _is_constant(field: Field) -> bool:
    return isinstance(field, Choice) and len(field.options) == 1 and not absences(field)


def _absent(field: Field, depth: int) -> Json | Missing:
    """What a record without the field leaves in its control."""
    if not isinstance(field.default, Missing):
        return field.default
    if not field.required:
        return MISSING
    return start(replace(field, nullable=False), depth + 1)


class ListingControl(Group):
    """Rows with buttons to move and to remove them, and one to add."""

    field: Listing

    def __init__(self, bench: Bench, field: Listing, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._rows: list[Row] = []
        self._long: Control | None = None
        self._list = bench.widget(ipywidgets.VBox, "ogpu-f-rows")
        self._add = bench.button("Add", self._added, "ogpu-f-add", hint=f"Add to {self.name}")
        self.body.children = (self._list, self._add)
        self._arrange()

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [*super().parts(), self._list, self._add]

    def children(self) -> Sequence[tuple[Path, Control]]:
        if self._long is not None:
            return [((), self._long)]
        return [((place,), row.control) for place, row in enumerate(self._rows)]

    def close(self) -> None:
        super().close()
        for row in self._rows:
            row.close()

    def _read(self) -> Json | Missing:
        if self._long is not None:
            return self._long.value
        values = [row.control.value for row in self._rows]
        return [None if isinstance(value, Missing) else value for value in values]

    def _take(self, value: Json | Missing) -> bool:
        items = [] if isinstance(value, Missing) or value is None else value
        if not isinstance(items, list):
            return False
        if len(items) > _MOST_ROWS or self._long is not None:
            self._as_text(items)
            return True
        least = min(max(self.field.min_items, len(self.field.heads)), _MOST_ROWS)
        wanted = max(len(items), least) if isinstance(value, Missing) else len(items)
        if any(self.field.at(place) is None for place in range(wanted)):
            return False
        self._resize(wanted)
        for row, item in zip(self._rows, items, strict=False):
            row.control.fill(item)
        self._arrange()
        return True

    def _as_text(self, items: Json) -> None:
        """A list of thousands is not thousands of rows."""
        if self._long is None:
            field = Raw(title=self.name, description="Too long for rows: as JSON.")
            self._resize(0)
            self._long = self.bench.control(field, self.name, self.depth + 1)
            self.body.children = (self._long.widget,)
        self._long.fill(items)

    def _resize(self, count: int) -> None:
        for row in self._rows[count:]:
            row.control.close()
            row.close()
        del self._rows[count:]
        while len(self._rows) < count:
            place = len(self._rows)
            field = self.field.at(place)
            assert field is not None  # whoever asks for more has looked
            self._rows.append(Row(self, field.resolved, place))

    def _arrange(self) -> None:
        """The rows in the page, and which of their buttons have something to do."""
        count, fixed = len(self._rows), len(self.field.heads)
        most = min(self.field.max_items or _MOST_ROWS, _MOST_ROWS)
        self._add.disabled = count >= most or self.field.at(count) is None
        for place, row in enumerate(self._rows):
            row.up.disabled = place <= fixed
            row.down.disabled = not fixed <= place < count - 1
            row.remove.disabled = place < fixed or count <= self.field.min_items
        widgets = tuple(row.widget for row in self._rows)
        if self._list.children != widgets:
            self._list.children = widgets

    def _added(self) -> None:
        if self._add.disabled:
            return
        with self.bench.filling():
            self._resize(len(self._rows) + 1)
            new = self._rows[-1].control
            new.fill(start(new.field, self.depth + 1))
            self._arrange()
        self.heard()
        self.bench.focus(new.key)

    def move(self, place: int, step: int) -> None:
        """Change places with the row before or after."""
        other = place + step
        fixed = len(self.field.heads)
        if not (fixed <= place < len(self._rows) and fixed <= other < len(self._rows)):
            return
        with self.bench.filling():
            one, two = self._rows[place].control, self._rows[other].control
            values = one.value, two.value
            one.fill(values[1])
            two.fill(values[0])
            one.touched, two.touched = two.touched, one.touched
        self.heard()
        row = self._rows[other]
        goes_up = row.down.disabled if step > 0 else not row.up.disabled
        self.bench.focus(f"{row.key}-{'up' if goes_up else 'down'}")

    def take_out(self, place: int) -> None:
        """The rows after it move up."""
        if place >= len(self._rows) or self._rows[place].remove.disabled:
            return
        with self.bench.filling():
            for row, after in zip(self._rows[place:], self._rows[place + 1 :], strict=False):
                row.control.fill(after.control.value)
                row.control.touched = after.control.touched
            self._resize(len(self._rows) - 1)
            self._arrange()
        self.heard()
        near = self._rows[min(place, len(self._rows) - 1)] if self._rows else None
        usable = near is not None and not near.remove.disabled
        self.bench.focus(f"{near.key}-remove" if near and usable else self.key)


class Row:
    """One place of a list: its control, and the buttons beside it."""

    def __init__(self, listing: ListingControl, field: Field, place: int) -> None:
        bench = listing.bench
        name = f"{field.title or listing.name} {place + 1}"
        self.key = bench.key()
        self.control = bench.control(replace(field, title=name), name, listing.depth + 1)
        self.up = self._button(
            bench, "\u2191", "up", f"Move {name} up", lambda: listing.move(place, -1)
        )
        self.down = self._button(
            bench, "\u2193", "down", f"Move {name} down", lambda: listing.move(place, 1)
        )
        self.remove = self._button(
            bench, "\u2715", "remove", f"Remove {name}", lambda: listing.take_out(place)
        )
        self._tools = bench.widget(
            ipywidgets.HBox, "ogpu-f-tools", children=(self.up, self.down, self.remove)
        )
        self.widget = bench.widget(
            ipywidgets.HBox, "ogpu-f-item", children=(self.control.widget, self._tools)
        )

    def _button(
        self, bench: Bench, sign: str, side: str, hint: str, press: Callable[[], None]
    ) -> ipywidgets.Button:
        return bench.button(sign, press, "ogpu-f-tool", f"{self.key}-{side}", hint=hint)

    def close(self) -> None:
        """Its own widgets; the control is closed by whoever closes the list's children."""
        for part in (self.widget, self._tools, self.up, self.down, self.remove):
            part.close()


class MappingControl(Group):
    """Rows of a key and its value."""

    field: Mapping

    def __init__(self, bench: Bench, field: Mapping, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._pairs: list[Pair] = []
        self._long: Control | None = None
        self._list = bench.widget(ipywidgets.VBox, "ogpu-f-rows")
        self._add = bench.button("Add", self._added, "ogpu-f-add", hint=f"Add to {self.name}")
        self.body.children = (self._list, self._add)

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [*super().parts(), self._list, self._add]

    def children(self) -> Sequence[tuple[Path, Control]]:
        if self._long is not None:
            return [((), self._long)]
        return [((pair.name.value,), pair.control) for pair in self._pairs]

    def close(self) -> None:
        super().close()
        for pair in self._pairs:
            pair.close()

    def faults(self) -> list[Problem]:
        """Two values under one key would be one."""
        names = [pair.name.value for pair in self._pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        return [
            *super().faults(),
            *(Problem((), f"The key {one_line(name, 60)!r} stands twice.") for name in twice),
        ]

    def _read(self) -> Json | Missing:
        if self._long is not None:
            return self._long.value
        found: dict[str, Json] = {}
        for pair in self._pairs:
            value = pair.control.value
            found[pair.name.value] = None if isinstance(value, Missing) else value
        return found

    def _take(self, value: Json | Missing) -> bool:
        pairs = {} if isinstance(value, Missing) or value is None else value
        if not isinstance(pairs, dict):
            return False
        if len(pairs) > _MOST_ROWS or self._long is not None:
            if self._long is None:
                field = Raw(title=self.name, description="Too long for rows: as JSON.")
                self._resize(0)
                self._long = self.bench.control(field, self.name, self.depth + 1)
                self.body.children = (self._long.widget,)
            self._long.fill(pairs)
            return True
        self._resize(len(pairs))
        for pair, (name, item) in zip(self._pairs, pairs.items(), strict=True):
            pair.name.value = name
            pair.control.fill(item)
        self._arrange()
        return True

    def _resize(self, count: int) -> None:
        for pair in self._pairs[count:]:
            pair.control.close()
            pair.close()
        del self._pairs[count:]
        while len(self._pairs) < count:
            self._pairs.append(Pair(self, len(self._pairs)))

    def _arrange(self) -> None:
        count = len(self._pairs)
        self._add.disabled = count >= min(self.field.max_items or _MOST_ROWS, _MOST_ROWS)
        widgets = tuple(pair.widget for pair in self._pairs)
        if self._list.children != widgets:
            self._list.children = widgets

    def _added(self) -> None:
        if self._add.disabled:
            return
        with self.bench.filling():
            self._resize(len(self._pairs) + 1)
            pair = self._pairs[-1]
            pair.control.fill(start(pair.control.field, self.depth + 1))
            self._arrange()
        self.heard()
        self.bench.focus(pair.key)

    def take_out(self, place: int) -> None:
        if place >= len(self._pairs):
            return
        with self.bench.filling():
            for pair, after in zip(self._pairs[place:], self._pairs[place + 1 :], strict=False):
                pair.name.value = after.name.value
                pair.control.fill(after.control.value)
            self._resize(len(self._pairs) - 1)
            self._arrange()
        self.heard()
        near = self._pairs[min(place, len(self._pairs) - 1)].key if self._pairs else self.key
        self.bench.focus(f"{near}-remove" if self._pairs else near)


class Pair:
    """A key, its value, and the button that removes them."""

    def __init__(self, mapping: MappingControl, place: int) -> None:
        bench = mapping.bench
        number = place + 1
        self.key = bench.key()
        self.name = bench.widget(
            ipywidgets.Text, "ogpu-f-key", self.key, description=f"Key {number}"
        )
        bench.listen(self.name, mapping.heard)
        field = replace(mapping.field.value.resolved, title=f"Value {number}", required=True)
        self.control = bench.control(field, f"Value {number}", mapping.depth + 1)
        self._remove = bench.button(
            "\u2715",
            lambda: mapping.take_out(place),
            "ogpu-f-tool",
            f"{self.key}-remove",
            hint=f"Remove {mapping.name} {number}",
        )
        self._tools = bench.widget(ipywidgets.HBox, "ogpu-f-tools", children=(self._remove,))
        self.widget = bench.widget(
            ipywidgets.HBox, "ogpu-f-item", children=(self.name, self.control.widget, self._tools)
        )

    def close(self) -> None:
        for part in (self.widget, self._tools, self.name, self._remove):
            part.close()


class EitherControl(Group):
    """Choose the kind, then its fields. What kinds have in common keeps what was typed."""

    field: Either

    def __init__(self, bench: Bench, field: Either, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._made: dict[int, Control] = {}
        words = [(one_line(label, 80), place) for place, (label, _) in enumerate(field.options)]
        self._kind = bench.widget(
            ipywidgets.Dropdown, "ogpu-f-kind", options=words, value=0, description="Kind"
        )
        bench.listen(self._kind, self._chosen)
        self._shown = 0
        self._turn(0)

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [*super().parts(), self._kind]

    def close(self) -> None:
        super().close()
        for place, control in self._made.items():
            if place != self._shown:
                control.close()

    @property
    def control(self) -> Control:
        """The one of the kind that is chosen."""
        return self._made[self._shown]

    def children(self) -> Sequence[tuple[Path, Control]]:
        return [((), self.control)]

    def _read(self) -> Json | Missing:
        return self.control.value

    def _take(self, value: Json | Missing) -> bool:
        if isinstance(value, Missing):
            self._turn(0)
            self.control.fill(start(self.control.field, self.depth + 1))
            return True
        place = self.field.which(value)
        place = self._by_tag(value) if place is None else place
        if place is None:
            return False
        self._turn(place)
        self.control.fill(value)
        return True

    def _by_tag(self, value: Json) -> int | None:
        """An unfinished record belongs where its discriminator says."""
        tag = self.field.discriminator
        if tag is None or not isinstance(value, dict) or tag not in value:
            return None
        for place, (_, option) in enumerate(self.field.options):
            record = option.resolved
            field = record.field(tag) if isinstance(record, Record) else None
            known = field.resolved if field else None
            if isinstance(known, Choice) and value[tag] in [v for _, v in known.options]:
                return place
        return None

    def _turn(self, place: int) -> None:
        if place not in self._made:
            label, field = self.field.options[place]
            control = self.bench.control(field.resolved, one_line(label, 80), self.depth + 1)
            control.widget.add_class("ogpu-f-within")
            self._made[place] = control
        self._shown = place
        self._kind.value = place
        children = (self._kind, self.control.widget)
        if self.body.children != children:
            self.body.children = children

    def _chosen(self) -> None:
        """The fields of the new kind, with what the old one had under the same names."""
        before, is_new = self.control.value, self._kind.value not in self._made
        with self.bench.filling():
            self._turn(self._kind.value)
            control = self.control
            if is_new:
                control.fill(start(control.field, self.depth + 1))
            control.fill(_carried(before, control))
        self.heard()


def _carried(before: Json | Missing, control: Control) -> Json | Missing:
    """The new kind's value, with the old one's where a field has its name and takes it."""
    value = control.value
    if not isinstance(before, dict) or not isinstance(value, dict):
        return value
    if not isinstance(control.field, Record):
        return value
    carried = dict(value)
    for name, field in control.field.fields:
        if name in before and not _is_constant(field.resolved) and fits(field, before[name]):
            carried[name] = before[name]
    return carried


class OptionalControl(Group):
    """A group that may be left out, or null: its body is made when it is wanted."""

    def __init__(self, bench: Bench, field: Field, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._inner: Control | None = None
        self._ways = absences(field)
        words = [(words, place) for place, (words, _) in enumerate(self._ways)]
        self._mode = bench.widget(
            ipywidgets.Dropdown,
            "ogpu-f-kind",
            options=[*words, ("given", _GIVEN)],
            value=0,
            description=self.name,
        )
        self._legend.add_class(HIDDEN)
        bench.listen(self._mode, self._chosen)
        self.body.children = (self._mode,)
        self.widget.children = (self._legend, self.body, self.note)

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [*super().parts(), self._mode]

    @property
    def is_given(self) -> bool:
        return bool(self._mode.value == _GIVEN)

    def children(self) -> Sequence[tuple[Path, Control]]:
        return [((), self._inner)] if self._inner is not None and self.is_given else []

    def close(self) -> None:
        super().close()
        if self._inner is not None and not self.is_given:
            self._inner.close()

    def _read(self) -> Json | Missing:
        if self._inner is None or not self.is_given:
            way: Json | Missing = self._ways[self._mode.value][1]
            return way
        return self._inner.value

    def _take(self, value: Json | Missing) -> bool:
        for place, (_, way) in enumerate(self._ways):
            if way is value:
                self._mode.value = place
                self._arrange()
                return True
        if isinstance(value, Missing):
            self._mode.value = 0
            self._arrange()
            return True
        self._mode.value = _GIVEN
        self._given().fill(value)
        self._arrange()
        return True

    def _given(self) -> Control:
        if self._inner is None:
            field = replace(self.field, required=True, nullable=False, description="")
            self._inner = self.bench.control(field, self.name, self.depth)
            self._inner.widget.add_class("ogpu-f-within")
            self._inner.fill(start(field, self.depth))
        return self._inner

    def _arrange(self) -> None:
        inner = (self._inner.widget,) if self._inner and self.is_given else ()
        children = (self._mode, *inner)
        if self.body.children != children:
            self.body.children = children

    def _chosen(self) -> None:
        with self.bench.filling():
            if self.is_given:
                self._given()
            self._arrange()
        self.heard()
