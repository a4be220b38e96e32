"""`Batch`: many tasks that were published together, in the order of their items.

It holds numbers only. Handles are made when they are asked for, records and answers stay
in the journal, so that a batch of any length is small.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, overload

from . import display, notebooks, render
from .errors import BatchFailed, Interrupted, NotConnected, OgpuError, TaskTimeout
from .jobs import PULSE
from .live import SESSION_CLOSED
from .tasks import Stage
from .units import format_amount, format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pydantic import BaseModel

    from .handle import Task
    from .session import Session

_SILENT_SECONDS = 1.0
_NAMED = 5  # failures that an error's message names


class Batch:
    """Tasks of this session, one for each item; `earlier` counts those published before.

    It is a sequence of `Task` handles. `status` counts the tasks by stage, `total_paid`
    is what they have taken from the vault, in wei.
    """

    def __init__(
        self, session: Session, keys: Sequence[int], earlier: Collection[int] = ()
    ) -> None:
        self.session = session
        self._keys = tuple(keys)
        self._earlier = frozenset(earlier)
        self._waiters: tuple[_Waiter, ...] = ()
        self._callbacks: tuple[Callable[[], None], ...] = ()
        self._lock = threading.RLock()  # a generator that waits may be ended anywhere
        self._known = frozenset(self._keys)
        self._costs: dict[tuple[int, bool], int] = {}  # by the task, and whether it is paid

    @property
    def earlier(self) -> int:
        """How many were published before, and are shown again."""
        return len(self._earlier)

    @property
    def keys(self) -> tuple[int, ...]:
        """The tasks' numbers in the journal."""
        return self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Task]:
        return map(self._handle, self._keys)

    @overload
    def __getitem__(self, place: int) -> Task: ...
    @overload
    def __getitem__(self, place: slice) -> list[Task]: ...
    def __getitem__(self, place: int | slice) -> Task | list[Task]:
        if isinstance(place, slice):
            return [self._handle(key) for key in self._keys[place]]
        return self._handle(self._keys[place])

    @property
    def status(self) -> dict[Stage, int]:
        """How many tasks are at each stage, in the order of a task's life."""
        return _counted(self.session.journal.stages(self._keys))

    @property
    def total_paid(self) -> int:
        """Wei that these tasks have taken from the vault: paid out, or held in escrow."""
        return self._total(self.session.journal.stages(self._keys))

    def wait(self, timeout: float | None = None) -> Batch:
        """Block until nothing more happens by itself; `TaskTimeout` after `timeout` seconds."""
        for _ in self._settling(timeout):
            pass
        return self

    def as_completed(self, timeout: float | None = None) -> Iterator[Task]:
        """Each task as soon as nothing more happens to it by itself, whatever came of it."""
        return map(self._handle, self._settling(timeout))

    def results(
        self,
        timeout: float | None = None,
        *,
        model: type[BaseModel] | None = None,
        errors: Literal["raise", "return"] = "raise",
    ) -> list[Any]:
        """The decoded answers in the order of the items, waited for at most `timeout` seconds.

        `BatchFailed` names the items that have none; with `errors="return"` each such item's
        error stands in its place.
        """
        if errors not in {"raise", "return"}:
            raise ValueError(f"errors must be 'raise' or 'return', not {errors!r}")
        self.wait(timeout)
        found = [self._result(task, model) for task in self]
        failures = {n: value for n, value in enumerate(found) if isinstance(value, OgpuError)}
        if failures and errors == "raise":
            raise _failed(failures, len(self))
        return found

    def to_frame(self, kind: str = "pandas", *, explode: bool = False) -> Any:
        """A row for each item: its number, status, payment in OGPU, and its answer's columns.

        It is what is known now: `wait()` first for all answers. `kind` is `pandas`, `polars`
        or `arrow`. An answer of several rows is one cell; with `explode`, several rows.
        """
        from . import frames  # noqa: PLC0415 - most batches make none

        tasks = ((task.record, task.answers) for task in self)
        found = ((record, frames.answer_of(record, answers)) for record, answers in tasks)
        return frames.batch_frame(found, kind, explode=explode)

    @property
    def is_settled(self) -> bool:
        """No task's state will change any more."""
        return self.session.closed or all(stage.is_final for stage in self.status)

    def news(self, key: int | None = None) -> None:
        """The session tells of a task that has changed, or, without one, of its end."""
        if key is not None and key not in self._known:
            return
        for waiter in self._waiters:
            waiter.tell(key)
        for callback in self._callbacks:
            callback()

    def news_to(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, on any thread, after each change; returns what ends that."""
        with self._lock:
            self._callbacks = (*self._callbacks, callback)

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks = tuple(c for c in self._callbacks if c is not callback)

        return unsubscribe

    def __repr__(self) -> str:
        return render.batch_text(*self._seen())

    def _repr_html_(self) -> str:
        return render.batch_html(*self._seen())

    def _ipython_display_(self) -> None:
        """At the end of a notebook's cell: how far it is, live. Elsewhere its text."""
        if not display.in_notebook():
            raise NotImplementedError
        display.show_many(self)

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """As it is now: data and metadata of a display message.

        With the tasks in the output's metadata, so that the notebook's file tells of them.
        """
        seen = self._seen()
        data = {"text/plain": render.batch_text(*seen), "text/html": render.batch_html(*seen)}
        first = self.session.journal.tasks_of(self._keys[: notebooks.MOST_LISTED])
        return data, {notebooks.KEY: notebooks.many_facts(map(notebooks.facts, first), len(self))}

    def _seen(self) -> tuple[int, dict[Stage, int], int, int, str]:
        """What a view says: how many, at which stages, for how much, and what else."""
        stages = self.session.journal.stages(self._keys)
        status = _counted(stages)
        is_over = all(stage.is_final for stage in status)
        note = "" if is_over or not self.session.closed else SESSION_CLOSED
        return len(self), status, self._total(stages), self.earlier, note

    def _total(self, stages: Sequence[Stage]) -> int:
        """Each payment is read once while its task is under way, and once when it is paid."""
        wanted = [
            (key, stage is Stage.FINALIZED)
            for key, stage in zip(self._keys, stages, strict=True)
            if stage.has_cost
        ]
        new = [each for each in wanted if each not in self._costs]
        records = self.session.journal.tasks_of([key for key, _ in new])
        self._costs.update(zip(new, (record.cost for record in records), strict=True))
        return sum(self._costs[each] for each in wanted)

    def _handle(self, key: int) -> Task:
        return self.session.handle(key, earlier=key in self._earlier)

    def _result(self, task: Task, model: type[BaseModel] | None) -> Any:
        try:
            return task.result(model, timeout=0)
        except OgpuError as error:
            return error

    def _settling(self, timeout: float | None) -> Iterator[int]:
        """The numbers of tasks as they settle."""
        waiter = _Waiter(self._keys)
        with self._lock:
            self._waiters = (*self._waiters, waiter)
        begun = time.monotonic()
        deadline = None if timeout is None else begun + timeout
        try:
            while waiter.open:
                for key in waiter.changed(deadline):
                    if self._handle(key).is_settled:
                        waiter.open.discard(key)
                        yield key
                if waiter.open and time.monotonic() - begun > _SILENT_SECONDS:
                    self._show()
                if waiter.open and self.session.closed:
                    raise NotConnected("The batch's session is closed.")
                if waiter.open and deadline is not None and time.monotonic() >= deadline:
                    raise self._late(len(waiter.open), timeout or 0)
        except KeyboardInterrupt:
            raise Interrupted(
                "Stopped waiting.",
                task=self,
                spent=f"{format_amount(self.total_paid)} is paid or held in escrow.",
                hint="The tasks go on: `%ogpu tasks` shows them.",
            ) from None
        finally:
            with self._lock:
                self._waiters = tuple(w for w in self._waiters if w is not waiter)
            display.settle_many(self)

    def _show(self) -> None:
        """In the cell that waits; a thread of its own has none."""
        if threading.current_thread() is threading.main_thread():
            display.await_many(self)

    def _late(self, number: int, seconds: float) -> TaskTimeout:
        return TaskTimeout(
            f"{number:,} of {len(self):,} tasks have no answer after {format_duration(seconds)}.",
            spent=f"{format_amount(self.total_paid)} is paid or held in escrow.",
            hint="They go on: wait again, or look at `batch.status`.",
        )


def _counted(stages: Sequence[Stage]) -> dict[Stage, int]:
    counts = Counter(stages)
    return {stage: counts[stage] for stage in Stage if counts[stage]}


class _Waiter:
    """Which tasks somebody still waits for, and which of them are to be looked at."""

    def __init__(self, keys: Sequence[int]) -> None:
        self.open = set(keys)
        self._changed = set(keys)
        self._news = threading.Condition()

    def tell(self, key: int | None) -> None:
        with self._news:
            if key is None or key in self.open:
                self._changed |= self.open if key is None else {key}
                self._news.notify()

    def changed(self, deadline: float | None) -> list[int]:
        """Those that have changed since the last time, waited for a moment."""
        with self._news:
            left = PULSE if deadline is None else max(0.0, deadline - time.monotonic())
            self._news.wait_for(lambda: self._changed, min(left, PULSE))
            found, self._changed = sorted(self._changed & self.open), set()
        return found


def _failed(failures: dict[int, OgpuError], number: int) -> BatchFailed:
    named = [f"[{item}] {error.what}" for item, error in list(failures.items())[:_NAMED]]
    more = len(failures) - len(named)
    lines = [
        f"{len(failures):,} of {number:,} tasks have no answer:",
        *named,
        *([f"and {more:,} more."] if more else []),
    ]
    return BatchFailed(
        "\n".join(lines),
        failures,
        hint='Type `batch.results(errors="return")` for the answers of the others; '
        "run the cell again to publish what was never sent.",
    )
