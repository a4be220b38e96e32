"""A task as ipywidgets: its live view for one's own layouts, and its buttons.

Nothing that is saved with a notebook depends on a widget: the record is the HTML output.
"""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import ipywidgets

from ogpu_jupyter import render
from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.live import Look, board, choice_of, showing_of
from ogpu_jupyter.render.choices import ordered
from ogpu_jupyter.render.safe import visible
from ogpu_jupyter.render.words import brief_amount, short
from ogpu_jupyter.tasks import ResponseStatus
from ogpu_jupyter.units import format_duration

from .saver import Saver

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.live import Shown
    from ogpu_jupyter.tasks import Response


def view(task: Shown) -> ipywidgets.Widget:
    """The live view with its buttons, up to date by itself, in any layout and in Voilà."""
    look = Look()
    look.is_new(task)
    page = ipywidgets.HTML(_page(task), layout=ipywidgets.Layout(width="auto"))
    buttons, saver = Controls(task), Saver(task)

    def draw() -> bool:
        if look.is_new(task):
            page.value = _page(task)
        buttons.draw()
        saver.draw()
        return page.comm is not None  # None once the widget is closed

    board.follow(task, draw)
    return ipywidgets.VBox([page, buttons.box, saver.box])


def _page(task: Shown) -> str:
    now, choice = task.chain_time(), choice_of(task)
    showing = showing_of(task)
    return render.html(
        task.record, task.answers, now, note=task.note, choice=choice, showing=showing
    )


def controls(task: Shown) -> ipywidgets.Widget:
    """The buttons alone, up to date by themselves."""
    buttons = Controls(task)

    def draw() -> bool:
        buttons.draw()
        return buttons.box.comm is not None

    board.follow(task, draw)
    return buttons.box


_DOING = {"Cancel": "Canceling…", "Stop choosing": "Stopping…"}


@dataclass(frozen=True)
class Offer:
    """Something that can be done with a task now."""

    key: str
    words: str
    hint: str
    call: Callable[[], object]
    is_once: bool = True  # done, it is never offered again


def offers(task: Shown) -> list[Offer]:
    """Cancel while nobody has taken it; confirm each response that isn't, until it is final.

    In the order in which the view shows them; and last, to stop what chooses by itself.
    """
    record = task.record
    if record.stage.is_final:
        return []
    stop = _stop(task)
    if record.is_untaken:
        hint = "Take the task back. The payment returns to the vault."
        return [Offer("cancel", "Cancel", hint, task.cancel), *stop]
    shown = ordered(record, choice_of(task))
    waiting = [r for r in shown if r.status is ResponseStatus.SUBMITTED]
    return [*(_confirm(task, response, len(waiting)) for response in waiting), *stop]


def _stop(task: Shown) -> list[Offer]:
    if getattr(task, "auto", None) is None:
        return []

    def stop() -> None:
        auto = getattr(task, "auto", None)  # the one that is at work when it is pressed
        if auto is not None:
            auto.cancel()

    hint = "Choose nothing by itself any more. The task goes on, and you choose."
    return [Offer("stop", "Stop choosing", hint, stop, is_once=False)]


def _confirm(task: Shown, response: Response, count: int) -> Offer:
    who = f" {short(response.provider)}" if count > 1 else ""
    words = f"Confirm{who} · pays {brief_amount(response.payment)}"
    hint = f"Pay {response.provider} for this answer"
    return Offer(response.address, words, hint, lambda: task.confirm(response))


class Controls:
    """Buttons for what can be done now, and the seconds that are left for it.

    A press is taken once: a flag is set, and the buttons are disabled, before anything is
    paid; a second press that was on its way meets the flag.
    """

    def __init__(self, task: Shown) -> None:
        self._task = task
        self._lock = threading.RLock()
        self._busy = False
        self._done: set[str] = set()
        self._buttons: dict[str, ipywidgets.Button] = {}
        self._clock = ipywidgets.Label()
        self._said = ipywidgets.HTML()
        self._auto = ipywidgets.HTML()
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="center", overflow="hidden")
        self._row = ipywidgets.Box(layout=row)
        self.box = ipywidgets.VBox(layout=ipywidgets.Layout(overflow="hidden"))
        self.draw()

    def draw(self) -> None:
        """Take the task as it is now; empty when it is final."""
        with self._lock:
            if self._task.record.stage.is_final:
                self.box.children = ()
                return
            left = self._task.record.expires_at - self._task.chain_time()
            self._clock.value = f"{format_duration(left)} left" if left > 0 else "time is up"
            buttons = tuple(self._button(offer) for offer in offers(self._task))
            self._row.children = (*buttons, self._clock)
            line = choice_of(self._task).line
            self._auto.value = _line(line, "status") if line else ""
            told = [part for part in (self._auto, self._said) if part.value]
            self.box.children = (self._row, *told)

    def close(self) -> None:
        """Take the widgets from the kernel and from the page."""
        with self._lock:
            parts = [self.box, self._row, self._clock, self._auto, self._said]
            parts += self._buttons.values()
            for part in parts:
                for widget in (part, part.layout, getattr(part, "style", None)):
                    if widget is not None:
                        widget.close()

    def press(self, offer: Offer) -> None:
        """Do it in a thread, once; an error is told beside the buttons, which work again."""
        with self._lock:
            if self._busy or offer.key in self._done:
                return
            self._busy = True
            self._said.value = _line(_DOING.get(offer.words, "Paying…"), "status")
            self.draw()
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run, args=(self._work, offer), name="ogpu-press", daemon=True
        ).start()

    def _work(self, offer: Offer) -> None:
        problem = _problem(offer.call)
        with self._lock:
            self._busy = False
            if not problem and offer.is_once:
                self._done.add(offer.key)
            self._said.value = _line(problem, "alert") if problem else ""
            if self.box.comm is not None:
                self.draw()

    def _button(self, offer: Offer) -> ipywidgets.Button:
        if offer.key not in self._buttons:
            button = ipywidgets.Button(
                tooltip=offer.hint,
                button_style="" if offer.words in _DOING else "primary",
                layout=ipywidgets.Layout(width="auto"),
            )
            button.on_click(lambda _: self.press(offer))
            self._buttons[offer.key] = button
        button = self._buttons[offer.key]
        button.description = offer.words
        button.disabled = self._busy or offer.key in self._done
        return button


def _problem(call: Callable[[], object]) -> str:
    try:
        call()
    except OgpuError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - on this thread nobody else would tell it
        return f"{type(error).__name__}: {error}"
    return ""


def _line(text: str, role: str) -> str:
    words = escape(visible(text[:1000]), quote=True).replace("\n", "<br>")
    return f'<div role="{role}" style="line-height:1.5">{words}</div>'
