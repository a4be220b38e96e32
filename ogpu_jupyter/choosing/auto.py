"""Chooses unattended, on a thread of its own, for as long as the kernel lives.

It looks again whenever its task changes, and by the chain's clock while it waits for time
to pass. It pays once: what it decides goes through the session, which lets one confirmation
of a task through at a time, over all kernels. It ends with its task, when it is stopped, or
when it can't go on; its last words stay in the view.
"""

from __future__ import annotations

import logging
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Final, Protocol

from ogpu_jupyter.errors import JournalError, NetworkError, OgpuError, Unclear
from ogpu_jupyter.jobs import PULSE
from ogpu_jupyter.render.words import short
from ogpu_jupyter.tasks import Decision

from .deciding import Verdict, decide, look, next_moment
from .rules import Judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.render.choices import Rank
    from ogpu_jupyter.tasks import Answer, TaskRecord

    from .rules import Rule

_log = logging.getLogger("ogpu_jupyter")
_LONGEST_SECONDS: Final = 2.0  # between looks: the chain's clock may be turned
_AGAIN_SECONDS: Final = 3.0  # after the node or the journal was away
_FETCH_AGAIN_SECONDS: Final = 10.0  # between attempts at answers that the gateway did not deliver


class Chosen(Protocol):
    """A task as the chooser sees it."""

    @property
    def record(self) -> TaskRecord: ...
    @property
    def answers(self) -> Mapping[str, Answer]: ...
    def chain_time(self) -> float: ...
    def subscribe(self, callback: Callable[[], None], /) -> Callable[[], None]: ...
    def renew(self) -> None: ...


class Market(Protocol):
    """What the chooser needs of a session."""

    @property
    def closed(self) -> bool: ...
    def confirm(self, target: object, /, *, decision: Decision | None = None) -> object: ...
    def refresh(self, record: TaskRecord, /) -> None: ...
    def retry_answers(self, record: TaskRecord, /) -> None: ...


class Chooser:
    """One rule for one task. `line` is what it is doing, or what came of it."""

    def __init__(
        self, task: Chosen, rule: Rule, market: Market, *, expected: int | None = None
    ) -> None:
        self.rule = rule
        self.ranks: tuple[Rank, ...] = ()
        self._task = task
        self._market = market
        self._expected = expected
        self._judge = Judge(rule)
        self._until = None if rule.within is None else task.chain_time() + rule.within
        self._next_fetch = time.monotonic() + _FETCH_AGAIN_SECONDS
        self._said = "begins"
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> Chooser:
        """In the context of who asks: what the person's functions print lands below that cell."""
        self._unsubscribe = self._task.subscribe(self._woken.set)
        context = copy_context()
        threading.Thread(
            target=context.run, args=(self._run,), name="ogpu-choose", daemon=True
        ).start()
        return self

    def cancel(self) -> None:
        """Choose nothing any more; a confirmation that is on its way goes on."""
        self._stopped.set()
        self._woken.set()
        self._task.renew()

    @property
    def is_live(self) -> bool:
        """It may still choose."""
        return not self._ended.is_set() and not self._stopped.is_set()

    @property
    def line(self) -> str:
        """`auto: cheapest, waits for 1 more`."""
        said = "stopped" if self._stopped.is_set() and not self._ended.is_set() else self._said
        return f"auto: {self.rule.words}, {said}"

    def __repr__(self) -> str:
        return f"<{self.line}>"

    def wait(self, timeout: float | None = None) -> bool:
        """Until it has ended; whether it has."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (left := PULSE if deadline is None else deadline - time.monotonic()) > 0:
            if self._ended.wait(min(left, PULSE)):
                break
        return self._ended.is_set()

    # --- its thread ----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._choose()
        except Exception as error:  # noqa: BLE001 - nobody is above this thread; it pays nothing more
            _log.exception("The strategy %s has ended.", self.rule.words)
            self._said = f"ended by {type(error).__name__}; nothing more is chosen"
        finally:
            self._ended.set()
            self._unsubscribe()
            self._task.renew()

    def _choose(self) -> None:
        while not self._is_over():
            self._woken.clear()
            try:
                self._fetch_again()
                verdict = self._verdict()
            except JournalError as error:  # such as one that another program holds
                self._say(f"tries again: {error.what}")
                self._woken.wait(_AGAIN_SECONDS)
                continue
            if verdict.chosen and not self._stopped.is_set() and self._pay(verdict):
                return
            if verdict.is_over:
                return
            self._woken.wait(_AGAIN_SECONDS if verdict.chosen else self._pause())

    def _fetch_again(self) -> None:
        """What the gateway did not deliver: nobody else may ask for it while this is unattended."""
        record = self._task.record
        if record.responses and time.monotonic() >= self._next_fetch:
            self._next_fetch = time.monotonic() + _FETCH_AGAIN_SECONDS
            self._market.retry_answers(record)

    def _pause(self) -> float:
        """Seconds until time alone could change the verdict."""
        now = self._task.chain_time()
        moment = next_moment(self._task.record, now, self._until)
        return min(max(moment - now, 0.0) + 0.05, _LONGEST_SECONDS)

    def _is_over(self) -> bool:
        record = self._task.record
        if self._stopped.is_set():
            self._say("stopped")
        elif self._market.closed:
            self._say("ended with its session")
        elif record.confirmed is not None:
            self._say(f"{short(record.confirmed.provider)} was confirmed already")
        elif record.stage.is_over:
            self._say(f"ended: the task is {record.stage.value}")
        else:
            return False
        return True

    def _verdict(self) -> Verdict:
        task = self._task
        sight = look(
            task.record,
            task.answers if task.record.responses else {},
            self._judge,
            task.chain_time(),
            until=self._until,
            expected=self._expected,
        )
        verdict = decide(self.rule, sight)
        self._say(verdict.words, verdict.ranks)
        return verdict

    def _pay(self, verdict: Verdict) -> bool:
        """Whether it is done with: paid, or never to be."""
        decision = Decision(
            response=verdict.chosen,
            strategy=self.rule.words,
            words=verdict.words,
            at=int(self._task.chain_time()),
        )
        try:
            self._market.confirm(verdict.chosen, decision=decision)
        except (NetworkError, Unclear, JournalError) as error:
            self._say(f"tries again: {error.what}")
            return False
        except OgpuError as error:
            return self._refused(error)
        self._say(f"confirmed, {verdict.words}")
        return True

    def _refused(self, error: OgpuError) -> bool:
        """Told as a lost race where another answer, or another kernel, was first."""
        try:
            self._market.refresh(self._task.record)
        except OgpuError:
            _log.debug("The task can't be read again.", exc_info=True)
        if not self._is_over():
            self._say(f"ended, for it can't pay: {error.what}")
        return True

    def _say(self, words: str, ranks: tuple[Rank, ...] | None = None) -> None:
        new = (words, self.ranks if ranks is None else ranks)
        if new != (self._said, self.ranks):
            self._said, self.ranks = new
            self._task.renew()
