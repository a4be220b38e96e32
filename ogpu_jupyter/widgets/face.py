"""What a person sees of a form below its fields: buttons, questions, and what came of them.

It shows what it is told and knows nothing of tasks. Each line keeps its place: nothing
jumps when words come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import ipywidgets

from ogpu_jupyter.render.kinds.trees import payload_html
from ogpu_jupyter.render.safe import esc
from ogpu_jupyter.render.style import rules
from ogpu_jupyter.render.words import brief_amount
from ogpu_jupyter.units import format_amount

from .aid import Aid
from .bench import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from .bench import Bench

# As long as the form is there, the words beside it needn't say what to do when it is gone.
_ALIVE: Final = (
    ".jp-OutputArea-child:has(+ .jp-OutputArea-child .ogpu-form) .ogpu-formed-gone{display:none}"
)
_CLASSES: Final = 'class="ogpu-form ogpu-json ogpu-card ogpu-text"'
_MOST_SHOWN: Final = 20_000


class Presses(Protocol):
    """Who is told of a button."""

    def press_check(self) -> None: ...
    def press_publish(self) -> None: ...
    def press_pay(self) -> None: ...
    def press_leave(self) -> None: ...
    def press_copy(self) -> None: ...


class Face:
    """`payload` gives the bytes that would be sent, whenever they are looked at."""

    def __init__(self, presses: Presses, payload: Callable[[], bytes]) -> None:
        self._presses = presses
        self._payload = payload
        self._aid = Aid(self._copied)

    def build(self, bench: Bench, *above: ipywidgets.Widget) -> None:
        """All widgets, below those given."""
        style = f"<style>{rules(_CLASSES)}{_ALIVE}</style>"
        self._style = bench.words("ogpu-f-style", html=style)
        self._fold = bench.button(
            "Exact payload", self._unfold, "ogpu-f-folds", hint="Show or hide what is sent"
        )
        self._bytes = bench.words("ogpu-f-payload", HIDDEN)
        self.check = bench.button(
            "Check", self._presses.press_check, hint="All checks; nothing is sent"
        )
        self.publish = bench.button(
            "Publish", self._presses.press_publish, "ogpu-f-pay", style="primary"
        )
        self.copy = bench.button(
            "Copy as cell", self._presses.press_copy, hint="The cell that does the same"
        )
        self._row = bench.widget(
            ipywidgets.HBox, "ogpu-f-press", children=(self.check, self.publish, self.copy)
        )
        self._question = bench.words("ogpu-f-question")
        self.pay = bench.button("Pay", self._presses.press_pay, "ogpu-f-agree", style="primary")
        self.leave = bench.button("Don't pay", self._presses.press_leave)
        asked = (self._question, self.pay, self.leave)
        self._ask = bench.widget(ipywidgets.HBox, "ogpu-f-ask", HIDDEN, children=asked)
        self._said = bench.words("ogpu-f-said")
        self._status = bench.words("ogpu-f-status")
        self._found = bench.words("ogpu-f-found")
        self._cell = bench.words("ogpu-f-cell")
        mine = (
            self._fold, self._bytes, self._row, self._ask, self._said, self._status, self._found,
            self._cell, self._aid,
        )  # fmt: skip
        self.box = bench.widget(
            ipywidgets.VBox, "ogpu", "ogpu-form", children=(self._style, *above, *mine)
        )
        buttons = (self.check, self.publish, self.copy, self.pay, self.leave, self._question)
        self._all = (self._style, *mine, self._aid.layout, *buttons, self.box)

    @property
    def is_there(self) -> bool:
        """False once it is closed."""
        return self.box.comm is not None

    def close(self) -> None:
        for part in self._all:
            part.close()

    # Words

    def say(self, words: str, role: str = "status") -> None:
        """A line below the buttons; `alert` is read out at once."""
        text = esc(words, 2000).replace("\n", "<br>")
        _set(self._said, f'<div role="{role}">{text}</div>' if text else "")

    def count(self, words: str) -> None:
        """What is to be mended, as it changes while somebody types."""
        _set(self._status, words)

    def find(self, html: str) -> None:
        """What the checks have found."""
        _set(self._found, html)

    def offer_cell(self, text: str) -> None:
        """Into the clipboard where the browser lets us; and below, to be copied by hand."""
        label = "The cell that does the same"
        _set(
            self._cell,
            f'<p>{label}:</p><pre class="ogpu-text" tabindex="0" aria-label="{label}">'
            f"{esc(text, _MOST_SHOWN)}</pre>",
        )
        self._aid.copy(text)

    def _copied(self, done: bool) -> None:
        self.say(
            "Copied. Paste it into an empty cell."
            if done
            else "The clipboard is closed to this page. The cell is selected below: copy it."
        )

    def ask(self, amount: str) -> None:
        _set(self._question, f'<div role="alert">Pay {amount}?</div>')
        self.pay.description = f"Pay {amount}"

    # State

    def draw(self, *, busy: bool, used: bool, asks: bool) -> None:
        """Nothing can be pressed while something is done; what was published is done."""
        for button in (self.check, self.copy, self.pay, self.leave):
            button.disabled = busy
        self.publish.disabled = busy or used or asks
        _hide(self._ask, hidden=not asks)

    def price(self, payment: int) -> None:
        self.publish.description = f"Publish \u00b7 {brief_amount(payment)}"
        self.publish.tooltip = f"Pays {format_amount(payment)} into escrow"

    def draw_payload(self) -> None:
        """The exact bytes, while they are unfolded."""
        if HIDDEN not in self._bytes._dom_classes:  # noqa: SLF001 - the trait has no other name
            _set(self._bytes, payload_html(self._payload()))

    def _unfold(self) -> None:
        is_hidden = HIDDEN in self._bytes._dom_classes  # noqa: SLF001 - the trait has no other name
        _hide(self._bytes, hidden=not is_hidden)
        (self._fold.add_class if is_hidden else self._fold.remove_class)("ogpu-f-open")
        self.draw_payload()

    def focus(self, place: str) -> None:
        self._aid.focus_on(place)


def _set(words: ipywidgets.HTML, html: str) -> None:
    if words.value != html:
        words.value = html


def _hide(widget: ipywidgets.DOMWidget, *, hidden: bool) -> None:
    (widget.add_class if hidden else widget.remove_class)(HIDDEN)
