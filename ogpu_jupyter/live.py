"""Keeps what is on the screen true: one loop for every live view of this process.

A view is a function that draws. It is called soon after its task has changed, at most
five times a second, and by the clock while time runs out for the task; one after the other,
by threads that are started when there is something to draw and end when there is nothing
more. A drawing that takes long holds up no other view: another thread goes on with them.

A draw runs in the context of the cell that made the view. With ipykernel 7 the context
says which cell a message belongs to, and nbclient takes messages of the running cell only.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from contextlib import suppress
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
_PATIENCE_SECONDS: Final = 0.5  # that the others wait for one drawing
_MOST_THREADS: Final = 8
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
        self._drawing: dict[_View, float] = {}  # since when; by a thread each
        self._changed = threading.Condition()
        self._threads = 0

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
            if not self._threads:
                self._start()
            self._changed.notify_all()

    def _start(self) -> None:
        """One more thread; it begins by waiting for the lock that its starter holds."""
        with suppress(RuntimeError):  # this process ends, and so do its views
            threading.Thread(target=self._run, name="ogpu-live", daemon=True).start()
            self._threads += 1

    def _drop(self, view: _View) -> None:
        with self._changed:
            if view not in self._views:
                return
            self._views.remove(view)
            self._changed.notify_all()
        view.unsubscribe()

    def _run(self) -> None:
        while (view := self._next()) is not None:
            try:
                self._draw(view)
            finally:
                with self._changed:
                    del self._drawing[view]
                    self._changed.notify_all()

    def _next(self) -> _View | None:
        """Wait for a view that is due, and for whoever draws; None, and a thread less, when
        none will be.
        """
        with self._changed:
            while True:
                waiting = [view for view in self._views if view not in self._drawing]
                view = min(waiting, key=lambda view: view.due, default=None)
                due = _NEVER if view is None else view.due
                if due == _NEVER and not self._drawing:
                    self._threads -= 1
                    self._changed.notify_all()
                    return None
                now = time.monotonic()
                wait = max(due, self._patience(now)) - now
                if view is not None and wait <= 0:
                    return self._taken(view, now)
                self._changed.wait(None if wait == _NEVER else wait)

    def _patience(self, now: float) -> float:
        """When the next view may be drawn: a drawing that has taken long is no reason to wait."""
        ends = (since + _PATIENCE_SECONDS for since in self._drawing.values())
        return max((end for end in ends if end > now), default=now)

    def _taken(self, view: _View, now: float) -> _View:
        """It is drawn now, and there is a thread that sees whether it takes long."""
        view.due, view.drawn = _NEVER, now
        self._drawing[view] = now
        if len(self._drawing) == self._threads < _MOST_THREADS:
            self._start()
        return view

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
        return not self._threads


board: Final = Board()
