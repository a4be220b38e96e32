"""What the controls of one form share: how widgets are made, and who hears of a change.

Every widget of a kind has the same layout and style: a form of a hundred fields is a few
hundred models in the page and not a thousand. Looks are classes (`render.style`).
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import ipywidgets

from ogpu_jupyter.forms.fields import DEPTH, MISSING, Blanks, Missing, Raw, Record
from ogpu_jupyter.render.safe import esc, one_line
from ogpu_jupyter.tasks import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ogpu_jupyter.forms.fields import Field, Path, Problem
    from ogpu_jupyter.tasks import Json

    Made = TypeVar("Made", bound=ipywidgets.DOMWidget)

HIDDEN: Final = "ogpu-f-hide"
_MOST_CONTROLS: Final = 400  # some five widgets each
_MOST_ERRORS: Final = 3


class Make(Protocol):
    """The control for a field: `field.control`, which knows every kind."""

    def __call__(self, bench: Bench, field: Field, name: str, depth: int, /) -> Control: ...


class Bench:
    """Makes widgets, and tells the form when a person has changed one.

    `budget` is how many controls there may be: beyond it a field is typed as JSON, so that
    a stranger's schema can't make a page without an end.
    """

    def __init__(
        self, make: Make, changed: Callable[[], None], focus: Callable[[str], None]
    ) -> None:
        self._make = make
        self.changed = changed
        self.focus = focus  # on what has this class, or is in it
        self._layout = ipywidgets.Layout(width="auto")
        self._styles: dict[type, Any] = {}
        self._numbers = itertools.count(1)
        self._filling = 0
        self._blanks = Blanks()
        self.left = _MOST_CONTROLS

    def control(self, field: Field, name: str, depth: int) -> Control:
        """`name` is what it is called where its field has no title."""
        self.left -= 1
        parts = len(field.fields) if isinstance(field, Record) and not absences(field) else 0
        if depth > DEPTH or self.left < parts:
            field = Raw(
                title=field.title,
                description=field.description,
                default=field.default,
                required=field.required,
                nullable=field.nullable,
            )
        return self._make(self, field, name, depth)

    def controls(self, fields: Mapping[str, Field], depth: int) -> dict[str, Control]:
        """Of one record: each has its place before any takes places for parts of its own."""
        self.left -= len(fields)
        made = {}
        for name, field in fields.items():
            self.left += 1
            made[name] = self.control(field.resolved, _title(name), depth)
        return made

    def start(self, field: Field, depth: int) -> Json | Missing:
        """What a control begins with; of all that one filling makes there are so many."""
        blanks = self._blanks if self._filling else Blanks()
        return blanks.of(field, depth)

    def key(self) -> str:
        return f"ogpu-f{next(self._numbers)}"

    def widget(self, kind: type[Made], *classes: str, **traits: Any) -> Made:
        """One widget, in the looks of its classes."""
        style = self._styles.get(kind)
        if style is not None:
            traits["style"] = style
        made: Made = kind(layout=self._layout, **traits)
        if style is None and hasattr(made, "style"):
            self._styles[kind] = made.style
        made._dom_classes = (*made._dom_classes, *classes)  # noqa: SLF001 - the trait that add_class sets, once
        return made

    def words(self, *classes: str, html: str = "") -> ipywidgets.HTML:
        return self.widget(ipywidgets.HTML, "ogpu-f-words", *classes, value=html)

    def button(
        self, words: str, press: Callable[[], None], *classes: str, hint: str = "", style: str = ""
    ) -> ipywidgets.Button:
        button = self.widget(
            ipywidgets.Button, *classes, description=words, tooltip=hint, button_style=style
        )
        button.on_click(lambda _: press())
        return button

    def listen(self, widget: ipywidgets.Widget, heard: Callable[[], None]) -> None:
        """Have `heard` called when a person, and not the form itself, changes its value."""

        def observed(_change: object) -> None:
            if not self._filling:
                heard()

        widget.observe(observed, "value")

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Within it a change is the form's own, and nobody hears of it."""
        if not self._filling:
            self._blanks = Blanks()
        self._filling += 1
        try:
            yield
        finally:
            self._filling -= 1

    def close(self) -> None:
        for part in (self._layout, *self._styles.values()):
            part.close()


class Control:
    """A field with what a person sees of it. `value` is JSON, or MISSING: left out.

    A value that the control can't show (a word where a number is due) is kept as it is
    until the person changes it, so that nothing is lost, and the check says what is wrong.
    """

    widget: ipywidgets.DOMWidget
    _odd: Json | Missing = MISSING

    def __init__(self, bench: Bench, field: Field, name: str, depth: int) -> None:
        self.bench = bench
        self.field = field
        self.depth = depth
        self.name = one_line(field.title or name, 120)
        self.key = bench.key()
        self.touched = False
        self.wrong = ""
        self.note = bench.words("ogpu-f-about")
        self._about = ""

    # What a kind says of itself

    def _read(self) -> Json | Missing:
        raise NotImplementedError

    def _take(self, value: Json | Missing) -> bool:
        """Show it; False where that can't be."""
        raise NotImplementedError

    def parts(self) -> Sequence[ipywidgets.Widget]:
        """Its own widgets, without those of its children."""
        raise NotImplementedError

    def children(self) -> Sequence[tuple[Path, Control]]:
        """The controls in it, each with its path from here."""
        return ()

    # What a form does with it

    @property
    def value(self) -> Json | Missing:
        return self._read() if isinstance(self._odd, Missing) else self._odd

    def fill(self, value: Json | Missing) -> None:
        """Show this value; nobody is told of a change."""
        with self.bench.filling():
            self._odd = MISSING
            if not self._take(value):
                self._take(MISSING)
                self._odd = value

    def heard(self) -> None:
        """A person has changed it."""
        self._odd = MISSING
        self.touched = True
        self.bench.changed()

    def faults(self) -> list[Problem]:
        """What was typed and can't be read, here and below."""
        return [fault for path, child in self.children() for fault in _under(path, child.faults())]

    def show(self, problems: Sequence[Problem], *, every: bool) -> None:
        """Each problem stands where it belongs: at a child, else here, with its path in words.

        Without `every` only fields that the person has touched are blamed.
        """
        left = list(problems)
        for path, child in self.children():
            below = [p for p in left if p.path[: len(path)] == path]
            left = [p for p in left if p.path[: len(path)] != path]
            child.show([_moved(p, p.path[len(path) :]) for p in below], every=every)
        self.blame(left, every=every)

    def blame(self, problems: Sequence[Problem], *, every: bool) -> None:
        """These are its own."""
        shown = problems if every or self.touched else []
        self.wrong = " ".join(map(_sentence, shown[:_MOST_ERRORS]))
        self._say()

    def about(self, text: str) -> None:
        """What stands under the control when nothing is wrong, and after what is."""
        self._about = text
        self._say()

    def _say(self) -> None:
        wrong = f'<span class="ogpu-f-error">{esc(self.wrong, 600)}</span> ' if self.wrong else ""
        html = wrong + esc(self._about, 1000)
        if self.note.value != html:
            self.note.value = html

    def all(self) -> Iterator[Control]:
        """Itself and what is in it, in the order of the page."""
        yield self
        for _, child in self.children():
            yield from child.all()

    def close(self) -> None:
        for _, child in self.children():
            child.close()
        for part in (*self.parts(), self.note):
            part.close()
        self.bench.left += 1


def _under(path: Path, problems: Sequence[Problem]) -> list[Problem]:
    return [_moved(problem, (*path, *problem.path)) for problem in problems]


def _moved(problem: Problem, path: Path) -> Problem:
    return type(problem)(path, problem.message)


def _sentence(problem: Problem) -> str:
    where = path_words(problem.path)
    message = one_line(problem.message, 300)
    return f"{where}: {message}" if where else message


def path_words(path: Path) -> str:
    """`messages[0].content`."""
    words = ""
    for step in path:
        words = place(words, step)
    return words


def _title(key: str) -> str:
    words = one_line(key, 80).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def absences(field: Field) -> list[tuple[str, Json | Missing]]:
    """The ways in which a field may have no value, in words.

    One with a default is not left out: its default stands in the form, and is sent.
    """
    ways: list[tuple[str, Json | Missing]] = []
    if not field.required and isinstance(field.default, Missing):
        ways.append(("left out", MISSING))
    if field.nullable:
        ways.append(("null", None))
    return ways


def sentences(*parts: str) -> str:
    """Each as a sentence of its own."""
    whole = [part[:1].upper() + part[1:] for part in parts if part]
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in whole)
