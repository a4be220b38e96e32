"""Controls of many: lists, and keys with values.

Rows are moved by moving their values: the page keeps its elements, so that nothing jumps
and the focus stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import ipywidgets

from ogpu_jupyter.forms.fields import Listing, Mapping, Missing, Problem, Raw
from ogpu_jupyter.render.safe import one_line

from .groups import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ogpu_jupyter.forms.fields import Field, Path
    from ogpu_jupyter.tasks import Json

    from .bench import Bench, Control

_MOST_ROWS: Final = 100
AnyRow = TypeVar("AnyRow", "Row", "Pair")


class _Rows(Group, Generic[AnyRow]):
    """Rows that can be added and removed, or one control of JSON where they are too many."""

    field: Listing | Mapping

    def __init__(self, bench: Bench, field: Field, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._rows: list[AnyRow] = []
        self._long: Control | None = None
        self._list = bench.widget(ipywidgets.VBox, "ogpu-f-rows")
        self._add = bench.button("Add", self._added, "ogpu-f-add", hint=f"Add to {self.name}")
        self.body.children = (self._list, self._add)

    def parts(self) -> Sequence[ipywidgets.Widget]:
        return [*super().parts(), self._list, self._add]

    def children(self) -> Sequence[tuple[Path, Control]]:
        if self._long is not None:
            return [((), self._long)]
        return [((self._at(place),), row.control) for place, row in enumerate(self._rows)]

    def close(self) -> None:
        super().close()
        for row in self._rows:
            row.close()

    def _at(self, place: int) -> str | int:
        """Where in the value the row stands."""
        raise NotImplementedError

    def _new(self, place: int) -> AnyRow:
        raise NotImplementedError

    def _fill_row(self, row: AnyRow, other: AnyRow) -> None:
        """Make it say what the other says."""
        raise NotImplementedError

    def _is_full(self) -> bool:
        return len(self._rows) >= min(self.field.max_items or _MOST_ROWS, _MOST_ROWS)

    def _is_long(self, value: list[Json] | dict[str, Json]) -> bool:
        """Thousands of items are not thousands of rows: they are filled in as JSON."""
        if len(value) <= min(_MOST_ROWS, self._room) and self._long is None:
            return False
        if self._long is None:
            field = Raw(title=self.name, description="Too long for rows: as JSON.")
            self._resize(0)
            self._long = self.bench.control(field, self.name, self.depth + 1)
            self.body.children = (self._long.widget,)
        self._long.fill(value)
        return True

    @property
    def _room(self) -> int:
        """How many rows it may have, as the form is now."""
        return len(self._rows) + max(0, self.bench.left)

    def _resize(self, count: int) -> None:
        for row in self._rows[count:]:
            row.control.close()
            row.close()
        del self._rows[count:]
        while len(self._rows) < count:
            self._rows.append(self._new(len(self._rows)))

    def _arrange(self) -> None:
        """The rows in the page, and whether there may be more."""
        self._add.disabled = self._is_full()
        widgets = tuple(row.widget for row in self._rows)
        if self._list.children != widgets:
            self._list.children = widgets

    def _added(self) -> None:
        if self._add.disabled:
            return
        with self.bench.filling():
            self._resize(len(self._rows) + 1)
            row = self._rows[-1]
            row.control.fill(self.bench.start(row.control.field, self.depth + 1))
            self._arrange()
        self.heard()
        self.bench.focus(row.first)

    def take_out(self, place: int) -> None:
        """The rows after it move up."""
        if place >= len(self._rows) or self._rows[place].remove.disabled:
            return
        with self.bench.filling():
            for row, after in zip(self._rows[place:], self._rows[place + 1 :], strict=False):
                self._fill_row(row, after)
            self._resize(len(self._rows) - 1)
            self._arrange()
        self.heard()
        near = self._rows[min(place, len(self._rows) - 1)] if self._rows else None
        usable = near is not None and not near.remove.disabled
        self.bench.focus(f"{near.key}-remove" if near and usable else self.key)


class ListingControl(_Rows["Row"]):
    """Rows with buttons to move and to remove them, and one to add."""

    field: Listing

    def __init__(self, bench: Bench, field: Listing, name: str, depth: int) -> None:
        super().__init__(bench, field, name, depth)
        self._arrange()

    def _at(self, place: int) -> str | int:
        return place

    def _new(self, place: int) -> Row:
        field = self.field.at(place)
        assert field is not None  # whoever asks for more has looked
        return Row(self, field.resolved, place)

    def _fill_row(self, row: Row, other: Row) -> None:
        row.control.fill(other.control.value)
        row.control.touched = other.control.touched

    def _is_full(self) -> bool:
        return super()._is_full() or self.field.at(len(self._rows)) is None

    def _read(self) -> Json | Missing:
        if self._long is not None:
            return self._long.value
        values = [row.control.value for row in self._rows]
        return [None if isinstance(value, Missing) else value for value in values]

    def _take(self, value: Json | Missing) -> bool:
        items = [] if isinstance(value, Missing) or value is None else value
        if not isinstance(items, list):
            return False
        if self._is_long(items):
            return True
        least = min(max(self.field.min_items, len(self.field.heads)), _MOST_ROWS, self._room)
        wanted = max(len(items), least) if isinstance(value, Missing) else len(items)
        if any(self.field.at(place) is None for place in range(wanted)):
            return False
        self._resize(wanted)
        for row, item in zip(self._rows, items, strict=False):
            row.control.fill(item)
        self._arrange()
        return True

    def _arrange(self) -> None:
        """Also which of their buttons have something to do."""
        super()._arrange()
        count, fixed = len(self._rows), len(self.field.heads)
        for place, row in enumerate(self._rows):
            row.up.disabled = place <= fixed
            row.down.disabled = not fixed <= place < count - 1
            row.remove.disabled = place < fixed or count <= self.field.min_items

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


class Row:
    """One place of a list: its control, and the buttons beside it."""

    def __init__(self, listing: ListingControl, field: Field, place: int) -> None:
        bench = listing.bench
        name = f"{field.title or listing.name} {place + 1}"
        self.key = bench.key()
        self.control = bench.control(replace(field, title=name), name, listing.depth + 1)
        self.first = self.control.key  # where typing begins
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


class MappingControl(_Rows["Pair"]):
    """Rows of a key and its value."""

    field: Mapping

    def _at(self, place: int) -> str | int:
        return str(self._rows[place].name.value)

    def _new(self, place: int) -> Pair:
        return Pair(self, place)

    def _fill_row(self, row: Pair, other: Pair) -> None:
        row.name.value = other.name.value
        row.control.fill(other.control.value)

    def faults(self) -> list[Problem]:
        """Two values under one key would be one."""
        names = [pair.name.value for pair in self._rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        return [
            *super().faults(),
            *(Problem((), f"The key {one_line(name, 60)!r} stands twice.") for name in twice),
        ]

    def _read(self) -> Json | Missing:
        if self._long is not None:
            return self._long.value
        found: dict[str, Json] = {}
        for pair in self._rows:
            value = pair.control.value
            found[pair.name.value] = None if isinstance(value, Missing) else value
        return found

    def _take(self, value: Json | Missing) -> bool:
        pairs = {} if isinstance(value, Missing) or value is None else value
        if not isinstance(pairs, dict):
            return False
        if self._is_long(pairs):
            return True
        self._resize(len(pairs))
        for pair, (name, item) in zip(self._rows, pairs.items(), strict=True):
            pair.name.value = name
            pair.control.fill(item)
        self._arrange()
        return True


class Pair:
    """A key, its value, and the button that removes them."""

    def __init__(self, mapping: MappingControl, place: int) -> None:
        bench = mapping.bench
        number = place + 1
        self.key = self.first = bench.key()
        self.name = bench.widget(
            ipywidgets.Text, "ogpu-f-key", self.key, description=f"Key {number}"
        )
        bench.listen(self.name, mapping.heard)
        field = replace(mapping.field.value.resolved, title=f"Value {number}", required=True)
        self.control = bench.control(field, f"Value {number}", mapping.depth + 1)
        self.remove = bench.button(
            "\u2715",
            lambda: mapping.take_out(place),
            "ogpu-f-tool",
            f"{self.key}-remove",
            hint=f"Remove {mapping.name} {number}",
        )
        self._tools = bench.widget(ipywidgets.HBox, "ogpu-f-tools", children=(self.remove,))
        self.widget = bench.widget(
            ipywidgets.HBox, "ogpu-f-item", children=(self.name, self.control.widget, self._tools)
        )

    def close(self) -> None:
        for part in (self.widget, self._tools, self.name, self.remove):
            part.close()
