"""Work that an interrupt can't cut in two.

Sending is a chain of steps that must not be left half done, and an interrupt of the
kernel strikes anywhere. So the work runs on a thread of its own; an interrupt closes the
gate that the work passes before anything leaves, or, where something has left, waits for
the outcome.
"""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from .errors import NOTHING_SPENT, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGINNING_SECONDS = 1.0
_LETTING_GO_SECONDS = 60.0  # longer than a node that hangs is waited for
# Seconds between looks while the main thread waits. A library such as Polars has the system
# go on waiting after an interrupt, which Python then learns of only when the wait is over.
PULSE = 0.2
T = TypeVar("T")


class Gate:
    """Passed before anything leaves: raises after `seconds`, or once it is `shut`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._shut = False
        self._near = False

    def approach(self) -> None:
        """What comes next is signed, and may leave: an interrupt waits for what comes of it."""
        with self._lock:
            self.check()
            self._near = True

    def leave(self) -> None:
        """The last check: what comes next may spend."""
        self.approach()

    def check(self) -> None:
        if self._shut:
            raise NotSent("It was interrupted before anything was sent.", spent=NOTHING_SPENT)
        if self.seconds_left <= 0:
            raise NotSent(
                f"It took longer than the {self._seconds:g} s that it may take.",
                spent=NOTHING_SPENT,
                hint="Try again, or allow more with `timeout=`.",
            )

    @property
    def is_open(self) -> bool:
        return not self._shut and self.seconds_left > 0

    @property
    def seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def shut(self) -> bool:
        """Let nothing through any more; whether something has left, or was about to."""
        with self._lock:
            self._shut = True
            return self._near


def uncut(work: Callable[[], T], gate: Gate, interrupted: Callable[[T | None], Exception]) -> T:
    """What `work` returns. An interrupt raises what `interrupted` makes of its late outcome."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    job = _Job(work)
    try:
        job.start()
        return job.result()
    except KeyboardInterrupt:
        if gate.shut():
            job.let_go()
        raise interrupted(job.outcome) from None


class _Job(Generic[T]):
    """One call on a thread of its own, in the caller's context."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.outcome: T | None = None
        self._error: BaseException | None = None
        self._work = work
        self._begun = threading.Event()
        self._done = threading.Event()

    def start(self) -> None:
        context = copy_context()
        target = lambda: context.run(self._run)  # noqa: E731
        threading.Thread(target=target, name="ogpu-send", daemon=True).start()

    def _run(self) -> None:
        self._begun.set()
        try:
            self.outcome = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self._error = error
        finally:
            self._done.set()

    def let_go(self) -> None:
        """Wait for what is under way; an interrupt can also strike before it begins."""
        if self._begun.wait(_BEGINNING_SECONDS):
            self._done.wait(_LETTING_GO_SECONDS)

    def result(self) -> T:
        while not self._done.wait(PULSE):
            pass
        if self._error is not None:
            raise self._error
        return self.outcome  # type: ignore[return-value] # there is one where there is no error
