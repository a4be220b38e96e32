"""A task without a network: its record is advanced by the test, in the kernel too."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.tasks import Answer, Stage, TaskRecord


class FakeTask:
    """What a view needs of a task: `ogpu_jupyter.live.Shown`."""

    def __init__(self, record: TaskRecord, answers: Mapping[str, Answer] | None = None) -> None:
        self.record = record
        self.answers: Mapping[str, Answer] = answers or {}
        self.note = ""
        self.now = samples.NOW
        self.calls: list[str] = []
        self.failure: Exception | None = None
        self.gate = threading.Event()  # a call of confirm or cancel returns when it is set
        self.gate.set()
        self.callbacks: list[Callable[[], None]] = []

    def chain_time(self) -> float:
        return self.now

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def advance(self, stage: Stage | None = None, answers: Any = None, **changes: Any) -> None:
        """To a stage of the samples, or by single fields; whoever watches is told."""
        known = samples.reached(stage) if stage else {}
        update = {**known, **({"stage": stage} if stage else {}), **changes}
        self.record = self.record.model_copy(update=update)
        self.answers = self.answers if answers is None else answers
        for callback in list(self.callbacks):
            callback()

    def confirm(self, response: Any = None) -> None:
        self._call(f"confirm {response.address}")

    def cancel(self) -> None:
        self._call("cancel")

    def _call(self, what: str) -> None:
        self.calls.append(what)
        self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
