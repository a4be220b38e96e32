"""The one seam to IPython's display: a task below its cell, kept true after the cell is done.

In a notebook it is HTML with text in one output, and the buttons in a second one that is
emptied when there is nothing left to do. Only outputs that the cell itself made are
updated, so nothing lands in another cell. Elsewhere it is a line of text for each change.
"""

from __future__ import annotations

import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from IPython.core.getipython import get_ipython
from IPython.display import display

from . import render
from .live import Look, Shown, board, is_settled

if TYPE_CHECKING:
    from .widgets.view import Controls

# A notebook that was saved while its task was live names a widget in the second output, and
# after a restart of the kernel Jupyter has only words in that place: "model not found".
_NO_WIDGET_NO_WORDS: Final = (
    "<style>.jp-OutputArea-child:has(.ogpu) + .jp-OutputArea-child > "
    ".jupyter-widgets:not(:has(*)){display:none}</style>"
)

__all__ = ["Shown", "bundle", "in_notebook", "say", "settle", "show"]


_NOTHING: Final = {"text/html": "", "text/plain": ""}  # nbconvert warns of an empty bundle


def in_notebook() -> bool:
    """A Jupyter kernel runs this, so that HTML can be shown and changed later."""
    return getattr(get_ipython(), "kernel", None) is not None


def show(task: Shown, *, controls: bool = True) -> None:
    """Show the task in the cell that runs now, live until it is settled."""
    if not in_notebook() and not is_settled(task) and _outputs.get(task):
        _say(render.line(task.record, task.chain_time()))
        return  # what comes is said already, by the view that it has
    output = _Page(task, controls=controls) if in_notebook() else _Lines(task)
    _outputs.setdefault(task, []).append(output)
    if not is_settled(task):
        board.follow(task, partial(output.draw, task))


def say(text: str) -> None:
    """A line in the cell that runs now; nothing where no IPython runs."""
    if get_ipython() is not None:
        print(text, flush=True)  # noqa: T201 - a person reads it


def settle(*tasks: Shown) -> None:
    """Bring the views of these tasks up to date from the cell that runs now.

    Call it where a cell has waited for a task: nbclient and papermill record an update only
    if it comes from the running cell.
    """
    for task in tasks:
        for output in _outputs.get(task, []):
            output.draw(task, again=True)


def bundle(task: Shown) -> tuple[dict[str, Any], dict[str, Any]]:
    """The task now: data and metadata of a display message."""
    record, answers, now = task.record, task.answers, task.chain_time()
    data = {
        "text/plain": render.text(record, answers, now),
        "text/html": render.html(record, answers, now, note=task.note),
    }
    facts = {
        "task": record.address,
        "tx": record.tx_hash,
        "chain_id": record.network_id.chain_id,
        "payment": str(record.payment),
        "stage": record.stage.value,
    }
    return data, {"ogpu": facts}


def _publish(data: dict[str, Any], metadata: dict[str, Any]) -> Any:
    """A new output in the running cell; its handle, which IPython leaves untyped."""
    return display(data, raw=True, metadata=metadata, display_id=True)  # type: ignore[no-untyped-call]


class _Page:
    """A task's outputs in one cell. It doesn't keep the task alive."""

    def __init__(self, task: Shown, *, controls: bool) -> None:
        self._lock = threading.Lock()  # the board draws, and so does a cell that has waited
        self._recorded = False  # from a running cell, as it will stay
        self._look = Look()
        self._look.is_new(task)
        self._with_buttons = controls and not task.record.stage.is_final
        data, metadata = self._bundle(task)
        self._html = data["text/html"]
        self._handle = _publish(data, metadata)
        self._buttons = _Buttons(task) if self._with_buttons else None

    def _bundle(self, task: Shown) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = bundle(task)
        if self._with_buttons and not task.record.stage.is_final:
            data["text/html"] += _NO_WIDGET_NO_WORDS
        return data, metadata

    def draw(self, task: Shown, *, again: bool = False) -> None:
        """Send what has changed; `again` sends it also when it was sent before, but what is
        settled only once.
        """
        with self._lock:
            if self._recorded:
                return
            self._recorded = again and is_settled(task)
            if self._look.is_new(task) or again:
                self._send(task, again=again)
            if self._buttons is not None:
                self._buttons.draw(is_final=task.record.stage.is_final, again=again)

    def _send(self, task: Shown, *, again: bool) -> None:
        data, metadata = self._bundle(task)
        if again or data["text/html"] != self._html:
            self._html = data["text/html"]
            self._handle.update(data, raw=True, metadata=metadata)


class _Buttons:
    """The second output. What is saved of it in the end is nothing, not a widget's number."""

    def __init__(self, task: Shown) -> None:
        from .widgets.view import Controls  # noqa: PLC0415 - ipywidgets, only in a notebook

        self._controls: Controls | None = Controls(task)
        data = {**self._controls.box._repr_mimebundle_(), "text/plain": ""}
        self._handle = _publish(data, {})

    def draw(self, *, is_final: bool, again: bool) -> None:
        if is_final and (again or self._controls is not None):
            self._handle.update(dict(_NOTHING), raw=True)
        if self._controls is None:
            return
        self._controls.draw()
        if is_final:
            self._controls.close()
            self._controls = None


class _Lines:
    """A line for each change, and the answer when it is there.

    They are printed as they happen: IPython's terminal puts them above its prompt.
    """

    def __init__(self, task: Shown) -> None:
        self._lock = threading.Lock()
        self._state: tuple[object, ...] = ()
        self._answered: set[str] = set()
        self.draw(task)

    def draw(self, task: Shown, *, again: bool = False) -> None:  # noqa: ARG002 - as a page's
        record, answers = task.record, task.answers
        state = (record.stage, record.address, len(record.attempts), len(record.responses))
        with self._lock:
            if state != self._state:
                self._state = state
                _say(render.line(record, task.chain_time()))
            new = [address for address in answers if address not in self._answered]
            self._answered.update(new)
            for text in render.answer_lines(record, {a: answers[a] for a in new}):
                _say(text)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - in a terminal this is the view


_outputs: weakref.WeakKeyDictionary[Shown, list[_Page | _Lines]] = weakref.WeakKeyDictionary()
