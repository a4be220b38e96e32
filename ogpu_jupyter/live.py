"""Keeps what is on the screen true: one thread for every live view of this process.

A view is a function that draws. It is called soon after its task has changed, at most
five times a second, and by the clock while time runs out for the task; all on one thread,
which is started when there is something to draw and ends when there is nothing more.

A draw runs in the context of the cell that made the view. With ipykernel 7 the context
says which cell a message belongs to, and nbclient takes messages of the running cell only.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from .render.choices import NO_CHOICE, Choice
from .render.drawing import AS_FOUND, Showing
from .render.words import countdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .tasks import Answer, TaskRecord

_log = logging.getLogger("ogpu_jupyter")
_GAP_SECONDS: Final = 0.2
_MANY_GAP_SECONDS: Final = 1.0
_TICKS_A_SECOND: Final = 20
_NEVER: Final = float("inf")
SESSION_CLOSED: Final = (
    "As it was last seen: its session is closed. Run the cell again, connected, to follow it."
)


class Shown(Protocol):
    """A task as the views see it."""

    @property
    def record(self) -> TaskRecord: ...
    @property
    def answers(self) -> Mapping[str, Answer]: ...
    @property
    def note(self) -> str: ...
    def chain_time(self) -> float: ...
    def subscribe(self, callback: Callable[[], None], /) -> Callable[[], None]: ...
    def confirm(self, response: Any = None, /) -> object: ...
    def cancel(self) -> object: ...


class ManyShown(Protocol):
    """A batch as its view sees it: `news_to` has a callback called after each change."""

    @property
    def is_settled(self) -> bool: ...
    def news_to(self, callback: Callable[[], None], /) -> Callable[[], None]: ...
    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]: ...


def choice_of(task: Shown) -> Choice:
    """How it is being chosen among the responses; a task that is only a record has none."""
    found: Choice = getattr(task, "choice", NO_CHOICE)
    return found


def showing_of(task: Shown) -> Showing:
    """How a person wants its answers to be shown; a task that is only a record has no wish."""
    found: Showing = getattr(task, "showing", AS_FOUND)
    return found


def is_settled(task: Shown) -> bool:
    """Nothing more will be drawn: it is final, and every answer is here and readable."""
    record, answers = task.record, task.answers
    if not record.stage.is_final:
        return False
    wanted = [record.confirmed] if record.confirmed else record.responses
    found = [answers.get(response.address) for response in wanted]
    return all(answer is not None and not answer.problem for answer in found)


class Look:
    """What a view was last drawn from: a drawing costs more than to see that nothing is new."""

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()

    def is_new(self, task: Shown) -> bool:
        """The task, or its clock in words, isn't what it was when this was asked before."""
        record = task.record
        clock = "" if record.stage.is_over else countdown(record.expires_at - task.chain_time())
        seen = (record, clock, task.note, dict(task.answers), choice_of(task), showing_of(task))
        before, self._seen = self._seen, seen
        return seen != before


@dataclass(eq=False)
class _View:
    """One drawing; `due` is on the monotonic clock, `gap` the least seconds between two."""

    draw: Callable[[], bool | None]
    is_settled: Callable[[], bool]
    runs_out: Callable[[], bool]  # time does
    gap: float
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    unsubscribe: Callable[[], None] = lambda: None
    due: float = _NEVER
    drawn: float = 0.0
    ticks: bool = False


class Board:
    """All live views."""

    def __init__(self) -> None:
        self._views: list[_View] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def follow(self, task: Shown, draw: Callable[[], bool | None]) -> Callable[[], None]:
        """Call `draw` from now on until the task is settled; returns what ends it before.

        `draw` returns False when its view is gone. It isn't called here and now.
        """
        runs_out = lambda: not task.record.stage.is_over  # noqa: E731
        view = _View(draw, lambda: is_settled(task), runs_out, _GAP_SECONDS)
        return self._add(view, task.subscribe)

    def follow_many(self, batch: ManyShown, draw: Callable[[], bool | None]) -> Callable[[], None]:
        """The same for a batch, once a second at most: there is more to look at."""
        view = _View(draw, lambda: batch.is_settled, lambda: False, _MANY_GAP_SECONDS)
        return self._add(view, batch.news_to)

    def _add(
        self, view: _View, subscribe: Callable[[Callable[[], None]], Callable[[], None]]
    ) -> Callable[[], None]:
        view.unsubscribe = subscribe(lambda: self._touch(view))
        with self._changed:
            self._views.append(view)
        self._touch(view)  # what happened between the caller's drawing and the subscription
        return lambda: self._drop(view)

    def _touch(self, view: _View) -> None:
        with self._changed:
            if view not in self._views:
                return
            view.due = min(view.due, max(time.monotonic(), view.drawn + view.gap))
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="ogpu-live", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # this process ends, and so do its views
                    return
                self._thread = thread
            self._changed.notify_all()

    def _drop(self, view: _View) -> None:
        with self._changed:
            if view not in self._views:
                return
            self._views.remove(view)
            self._changed.notify_all()
        view.unsubscribe()

    def _run(self) -> None:
        while (view := self._next()) is not None:
            self._draw(view)

    def _next(self) -> _View | None:
        """Wait for a view that is due; None, and no thread any more, when none will be."""
        with self._changed:
            while True:
                view = min(self._views, key=lambda view: view.due, default=None)
                if view is None or view.due == _NEVER:
                    self._thread = None
                    return None
                now = time.monotonic()
                if view.due <= now:
                    view.due, view.drawn = _NEVER, now
                    return view
                self._changed.wait(view.due - now)

    def _draw(self, view: _View) -> None:
        try:
            settled = view.is_settled()  # before the drawing: a change meanwhile draws again
            is_there = view.context.run(view.draw) is not False
            view.ticks = view.runs_out()
        except Exception:  # noqa: BLE001 - one view's bug must not stop the others
            _log.exception("A live view can't be drawn; it stays as it is.")
            settled = True
        if settled or not is_there:
            self._drop(view)
        elif view.ticks:
            self._tick(view)

    def _tick(self, view: _View) -> None:
        """The clock's next drawing: each second, or slower when there are many to draw."""
        with self._changed:
            live = sum(other.ticks for other in self._views)
            view.due = min(view.due, time.monotonic() + max(1.0, live / _TICKS_A_SECOND))

    def stop(self) -> None:
        """Follow nothing any more."""
        for view in list(self._views):
            self._drop(view)

    @property
    def views(self) -> int:
        """How many are followed, drawn by the clock or only by change."""
        return len(self._views)

    @property
    def is_idle(self) -> bool:
        """No thread runs."""
        return self._thread is None


board: Final = Board()
