"""The one seam to IPython's display: a task below its cell, kept true after the cell is done.

In a notebook it is HTML with text in one output, and the buttons in a second one that is
emptied when there is nothing left to do. Only outputs that the cell itself made are
updated, so nothing lands in another cell. Elsewhere it is a line of text for each change.
"""

from __future__ import annotations

import contextvars
import itertools
import logging
import threading
import time
import uuid
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from IPython.core.getipython import get_ipython
from IPython.display import display

from . import notebooks, render
from .live import Look, ManyShown, Shown, board, choice_of, is_settled, showing_of
from .render.safe import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .widgets.history import Past
    from .widgets.standby import Standby

# A notebook that was saved while its task was live names a widget in the second output, and
# after a restart of the kernel Jupyter has only words in that place: "model not found".
_NO_WIDGET_NO_WORDS: Final = (
    "<style>.jp-OutputArea-child:has(.ogpu) + .jp-OutputArea-child > "
    ".jupyter-widgets:not(:has(*)){display:none}</style>"
)

__all__ = [
    "Line", "Place", "Shown", "await_many", "bundle", "in_notebook", "keep", "profile", "say",
    "settle", "settle_many", "show", "show_folded", "show_form", "show_history", "show_many",
]  # fmt: skip

_log = logging.getLogger("ogpu_jupyter")
_LINE_SECONDS: Final = 0.2
_NOTHING: Final = {"text/html": "", "text/plain": ""}  # nbconvert warns of an empty bundle


def in_notebook() -> bool:
    """A Jupyter kernel runs this, so that HTML can be shown and changed later."""
    return getattr(get_ipython(), "kernel", None) is not None


def profile(name: str) -> dict[str, Any]:
    """What the running IPython's profile says of a class, also before that is loaded."""
    config = getattr(get_ipython(), "config", {})
    return dict(config[name]) if name in config else {}


def show(task: Shown, *, controls: bool = True, live: bool = True) -> None:
    """Show the task in the cell that runs now, until it is settled; once, if not `live`."""
    live = live and not is_settled(task)
    if not in_notebook() and live and _outputs.get(task):
        _say(render.line(task.record, task.chain_time()))
        return  # what comes is said already, by the view that it has
    output = _Page(task, controls=controls and live) if in_notebook() else _Lines(task)
    _outputs.setdefault(task, []).append(output)
    if live:
        board.follow(task, partial(output.draw, task))


def show_many(batch: ManyShown) -> None:
    """A batch in the notebook's cell that runs now, until all of it is settled.

    It stands once in a cell, at its newest place.
    """
    shown = _summaries.setdefault(batch, [])
    for summary in _here(shown):
        summary.end()
        shown.remove(summary)
    summary = _Summary(batch)
    if not batch.is_settled:
        board.follow_many(batch, partial(summary.draw, batch))
    shown.append(summary)


def await_many(batch: ManyShown) -> None:
    """A cell waits for a batch: show it there, unless it is. It raises nothing."""
    try:
        if in_notebook() and not _here(_summaries.get(batch, [])):
            show_many(batch)
    except Exception:  # noqa: BLE001 - who waits gets what comes
        _log.exception("A batch can't be shown.")


def settle_many(batch: ManyShown) -> None:
    """As `settle`, for a cell that has waited for a batch. It raises nothing."""
    try:
        for summary in _summaries.get(batch, []):
            summary.draw(batch, again=True)
    except Exception:  # noqa: BLE001 - as above
        _log.exception("A batch can't be drawn.")


def _here(summaries: Sequence[_Summary]) -> list[_Summary]:
    """Those in the cell that runs now."""
    cell = _cell()
    return [summary for summary in summaries if cell is not None and summary.cell == cell]


def _cell() -> object:
    """What tells one running cell from another; its number may be the same."""
    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    return parent.get("header", {}).get("msg_id")


class Line:
    """What a cell says while it works on something, in one place; elsewhere its first words.

    It raises nothing: what is worked on may be paid for already.
    """

    def __init__(self, words: str) -> None:
        self._handle: Any = None
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._said = time.monotonic()
        if not in_notebook():
            say(words)
            return
        try:
            self._handle = _publish(self._data(words), {})
        except Exception:  # noqa: BLE001 - as above
            _log.exception("A cell's progress can't be shown.")

    def say(self, words: str, *, last: bool = False) -> None:
        """These instead, from any thread; not more often than a reader can follow."""
        with self._lock:
            now = time.monotonic()
            if self._handle is None or (now - self._said < _LINE_SECONDS and not last):
                return
            self._said = now
            try:
                self._context.copy().run(self._handle.update, self._data(words), raw=True)
            except Exception:  # noqa: BLE001 - as above
                _log.exception("A cell's progress can't be shown.")

    def _data(self, words: str) -> dict[str, str]:
        return {"text/plain": one_line(words, 500), "text/html": render.said_html(words)}


def show_folded(tasks: Sequence[Shown]) -> None:
    """Many tasks in one output, each folded and as it is now."""
    data, metadata = _folded(tasks)
    if not in_notebook():
        _say(data["text/plain"])
        return
    _publish(data, metadata)


def _folded(tasks: Sequence[Shown]) -> tuple[dict[str, Any], dict[str, Any]]:
    seen = [render.Seen(t.record, t.answers, t.chain_time(), t.note, showing_of(t)) for t in tasks]
    data = {"text/plain": render.folded_text(seen), "text/html": render.folded_html(seen)}
    known = (notebooks.facts(task.record, task.showing.kind) for task in seen)
    return data, {notebooks.KEY: notebooks.many_facts(known, len(tasks))}


def show_history(past: Past) -> None:
    """Many tasks: a record of the newest, which stays, and beside it the live table.

    Where the live table is alive it hides the record, by its mark; what is saved, exported
    or opened without a kernel shows the record alone.
    """
    from .widgets.history import Table  # noqa: PLC0415 - anywidget, only in a notebook

    mark = f"ogpu-past-{uuid.uuid4().hex[:12]}"

    def record() -> dict[str, Any]:
        return {"text/plain": repr(past), "text/html": past.html(mark) + _NO_WIDGET_NO_WORDS}

    handle = _publish(record(), {})
    table = Table(past, mark, lambda: handle.update(record(), raw=True))
    _publish({**table.box._repr_mimebundle_(), "text/plain": ""}, {})


def show_form(text: str, html: str, box: Any) -> Place:
    """A form: words that last, the widget, and room for the tasks that come from it."""
    _publish({"text/plain": text, "text/html": html + _NO_WIDGET_NO_WORDS}, {})
    _publish({**box._repr_mimebundle_(), "text/plain": ""}, {})
    return Place()


def keep(name: str, value: Any) -> str:
    """Put a value into a variable of the notebook that holds nothing of another kind."""
    names: dict[str, Any] = getattr(get_ipython(), "user_ns", {})
    free = (f"{name}_{n}" if n > 1 else name for n in itertools.count(1))
    found = next(each for each in free if type(names.get(each, value)) is type(value))
    names[found] = value
    return found


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
    words = task.record, task.answers, task.chain_time()
    showing = showing_of(task)
    how: dict[str, Any] = {"note": task.note, "choice": choice_of(task), "showing": showing}
    data = {"text/plain": render.text(*words, **how), "text/html": render.html(*words, **how)}
    return data, {notebooks.KEY: notebooks.facts(task.record, showing.kind)}


def _publish(data: dict[str, Any], metadata: dict[str, Any]) -> Any:
    """A new output in the running cell; its handle, which IPython leaves untyped."""
    return display(data, raw=True, metadata=metadata, display_id=True)  # type: ignore[no-untyped-call]


class _Page:
    """A task's outputs in one cell. It doesn't keep the task alive."""

    def __init__(
        self, task: Shown, *, controls: bool, publish: Callable[..., Any] = _publish
    ) -> None:
        self._lock = threading.Lock()  # the board draws, and so does a cell that has waited
        self._recorded = False  # from a running cell, as it will stay
        self._look = Look()
        self._look.is_new(task)
        self._with_buttons = controls and not is_settled(task)
        data, metadata = self._bundle(task)
        self._html = data["text/html"]
        self._handle = publish(data, metadata)
        self._buttons = _Buttons(task, publish) if self._with_buttons else None

    def _bundle(self, task: Shown) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = bundle(task)
        if self._with_buttons and not is_settled(task):
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
                self._buttons.draw(task, again=again)

    def end(self) -> None:
        """Its outputs are another task's from now on."""
        with self._lock:
            self._recorded = True
            if self._buttons is not None:
                self._buttons.close()
            self._buttons = None

    def _send(self, task: Shown, *, again: bool) -> None:
        data, metadata = self._bundle(task)
        if again or data["text/html"] != self._html:
            self._html = data["text/html"]
            self._handle.update(data, raw=True, metadata=metadata)


class _Summary:
    """A batch's output in one cell."""

    def __init__(self, batch: ManyShown) -> None:
        self.cell = _cell()
        self._lock = threading.RLock()  # a generator that waits may be ended anywhere
        self._recorded = False  # from a running cell, as it will stay
        data, metadata = batch.bundle()
        self._html = data["text/html"]
        self._handle = _publish(data, metadata)

    def draw(self, batch: ManyShown, *, again: bool = False) -> None:
        """Send what has changed, and `again` what hasn't; what is settled only once."""
        with self._lock:
            if self._recorded:
                return
            self._recorded = again and batch.is_settled
            data, metadata = batch.bundle()
            if again or data["text/html"] != self._html:
                self._html = data["text/html"]
                self._handle.update(data, raw=True, metadata=metadata)

    def end(self) -> None:
        """It stands elsewhere in its cell now."""
        with self._lock:
            self._recorded = True
            self._handle.update(dict(_NOTHING), raw=True)


class _Buttons:
    """The second output. What is saved of it in the end is nothing, not a widget's number."""

    def __init__(self, task: Shown, publish: Callable[..., Any] = _publish) -> None:
        from .widgets.standby import Standby  # noqa: PLC0415 - ipywidgets, only in a notebook

        self._standby: Standby | None = Standby(task, lambda task: bundle(task)[0]["text/html"])
        data = {**self._standby.box._repr_mimebundle_(), "text/plain": ""}
        self._handle = publish(data, {})

    def draw(self, task: Shown, *, again: bool) -> None:
        is_over = is_settled(task)
        if is_over and (again or self._standby is not None):
            self._handle.update(dict(_NOTHING), raw=True)
        if self._standby is not None:
            self._standby.draw(is_final=task.record.stage.is_final)
            self._standby = None if is_over else self._standby  # it keeps the task alive

    def close(self) -> None:
        if self._standby is not None:
            self._standby.close()


class Place:
    """Outputs kept free in the cell that runs now, for tasks that come from it later.

    The newest task has its page there, with its buttons; those before it stand folded above.
    """

    def __init__(self) -> None:
        self._past, *self._own = (_publish(dict(_NOTHING), {}) for _ in range(3))
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()
        self._tasks: list[Shown] = []
        self._page: _Page | None = None

    def show(self, task: Shown) -> None:
        """From any thread, and long after the cell has ended."""
        with self._lock:
            if not self._tasks or self._tasks[-1] is not task:
                self._context.copy().run(self._show, task)

    def _show(self, task: Shown) -> None:
        before, self._tasks = self._tasks, [*(t for t in self._tasks if t is not task), task]
        if self._page is not None:
            self._page.end()
            for handle in self._own:
                handle.update(dict(_NOTHING), raw=True)
        self._draw_past()
        if before and not is_settled(before[-1]):
            board.follow(before[-1], self._draw_past)
        free = iter(self._own)

        def take(data: dict[str, Any], metadata: dict[str, Any]) -> Any:
            handle = next(free)
            handle.update(data, raw=True, metadata=metadata)
            return handle

        page = self._page = _Page(task, controls=not is_settled(task), publish=take)
        _outputs.setdefault(task, []).append(page)
        if not is_settled(task):
            board.follow(task, partial(page.draw, task))

    def _draw_past(self) -> None:
        with self._lock:
            past = self._tasks[:-1]
            if past:
                data, metadata = _folded(past)
                self._past.update(data, raw=True, metadata=metadata)


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
        doing = choice_of(task).line
        state = (record.stage, record.address, len(record.attempts), len(record.responses), doing)
        with self._lock:
            if state != self._state:
                self._state = state
                said = (render.line(record, task.chain_time()), doing, one_line(task.note, 500))
                _say("  ".join(filter(None, said)))
            new = [address for address in answers if address not in self._answered]
            self._answered.update(new)
            found = {address: answers[address] for address in new}
            for text in render.answer_lines(record, found, showing_of(task)):
                _say(text)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - in a terminal this is the view


_summaries: weakref.WeakKeyDictionary[ManyShown, list[_Summary]] = weakref.WeakKeyDictionary()
_outputs: weakref.WeakKeyDictionary[Shown, list[_Page | _Lines]] = weakref.WeakKeyDictionary()
