"""Work that an interrupt can't cut in two."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextvars import ContextVar

import polars as pl
import pytest

from ogpu_jupyter.errors import Interrupted, NotSent
from ogpu_jupyter.jobs import Gate, uncut
from tests.helpers import wait_until

where = ContextVar("where", default="nowhere")


def interrupted(outcome):
    return Interrupted("stopped", task=outcome)


def until_shut(gate):
    """The interrupt has arrived: the gate lets nothing through any more."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            gate.check()
        except NotSent:
            return


def test_the_outcome_of_the_work_is_returned():
    assert uncut(lambda: 7, Gate(10), interrupted) == 7


def test_its_error_is_raised_where_it_is_awaited():
    with pytest.raises(ZeroDivisionError):
        uncut(lambda: 1 / 0, Gate(10), interrupted)


def test_it_sees_the_callers_context():
    where.set("here")

    assert uncut(where.get, Gate(10), interrupted) == "here"


def test_an_interrupt_waits_for_what_has_left_and_reports_what_came_of_it():
    """What was under way is finished, and then named; nothing is left half done."""
    gate = Gate(10)

    def work():
        gate.leave()
        os.kill(os.getpid(), signal.SIGINT)
        until_shut(gate)
        return "sent"

    with pytest.raises(Interrupted) as caught:
        uncut(work, gate, interrupted)

    assert caught.value.task == "sent"


def test_an_interrupt_does_not_wait_for_what_cannot_leave_any_more():
    """A slow upload keeps nobody: its outcome is known."""
    ended = threading.Event()

    def work():
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(10)

    with pytest.raises(Interrupted):
        uncut(work, Gate(10), interrupted)

    assert not ended.is_set()
    ended.set()


def test_an_interrupt_shuts_the_gate_before_anything_leaves():
    gate, left = Gate(10), []

    def work():
        os.kill(os.getpid(), signal.SIGINT)
        until_shut(gate)
        gate.leave()
        left.append("sent")

    with pytest.raises(Interrupted) as caught:
        uncut(work, gate, interrupted)

    assert caught.value.task is None
    assert left == []


def test_an_interrupt_is_heard_where_a_library_has_waits_go_on():
    """Polars takes the signal over, and Python is told of it when its wait has ended."""
    pl.DataFrame({"a": [1]}).lazy().collect()
    gate, main, heard = Gate(60), threading.main_thread().ident, []

    def work():
        while sys._current_frames()[main].f_code is not threading.Condition.wait.__code__:
            time.sleep(0.001)
        time.sleep(0.05)  # from there into the lock
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        until_shut(gate)
        heard.append(not gate.is_open)
        gate.leave()

    with pytest.raises(Interrupted):
        uncut(work, gate, interrupted)

    assert wait_until(lambda: heard) == [True]


def test_after_its_time_the_gate_lets_nothing_leave():
    with pytest.raises(NotSent) as caught:
        Gate(0).check()

    assert str(caught.value) == (
        "It took longer than the 0 s that it may take.\n"
        "Nothing was spent.\n"
        "Try again, or allow more with `timeout=`."
    )


def test_off_the_main_thread_the_work_is_done_in_place():
    """Only the main thread is ever interrupted."""
    seen = []
    thread = threading.Thread(
        target=lambda: seen.append(uncut(threading.current_thread, Gate(10), interrupted))
    )
    thread.start()
    thread.join()

    assert seen == [thread]
