"""Controls that hold others: records, what may be left out, one of several kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import ipywidgets

from ogpu_jupyter.forms.fields import (
    MISSING,
    Choice,
    Either,
    Mapping,
    Missing,
    Problem,
    Raw,
    Record,
    fits,
)
from ogpu_jupyter.render.safe import esc, one_line

from .bench import HIDDEN, Bench, Control, absences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.forms.fields import Field, Path
    from ogpu_jupyter.tasks import Json

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
        self._named = bench.controls(dict(field.fields), depth + 1)
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
            control.fill(known[key] if key in known else self._absent(control.field))
        others = {key: item for key, item in known.items() if key not in self._named}
        if others or self._more is not None:
            self._others().fill(others)
        return True

    def _absent(self, field: Field) -> Json | Missing:
        """What a record without the field leaves in its control."""
        if not isinstance(field.default, Missing):
            return field.default
        if not field.required:
            return MISSING
        return self.bench.start(replace(field, nullable=False), self.depth + 1)

    def _more_values(self) -> dict[str, Json]:
        more = MISSING if self._more is None else self._more.value
        return more if isinstance(more, dict) else {}


def _is_constant(field: Field) -> bool:
    return isinstance(field, Choice) and len(field.options) == 1 and not absences(field)


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
            self.control.fill(self.bench.start(self.control.field, self.depth + 1))
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
                control.fill(self.bench.start(control.field, self.depth + 1))
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
            self._inner.fill(self.bench.start(field, self.depth))
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
