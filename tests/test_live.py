"""One loop keeps every view true: soon, seldom, and only as long as there is need."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest

from ogpu_jupyter.live import Board, is_settled
from ogpu_jupyter.tasks import Answer, Stage
from tests.fake_task import FakeTask
from tests.helpers import wait_until
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWER = {samples.RESPONSES[0]: Answer(value="42")}


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    yield board
    board.stop()
    wait_until(lambda: board.is_idle)


@pytest.fixture
def task() -> FakeTask:
    return FakeTask(samples.record(Stage.PUBLISHED))


def stages(task: FakeTask, seen: list[Stage]) -> Callable[[], None]:
    return lambda: seen.append(task.record.stage)


def test_a_change_is_drawn_on_the_boards_thread(board: Board, task: FakeTask) -> None:
    """Not on the thread of whoever told it."""
    threads: list[str] = []
    board.follow(task, lambda: threads.append(threading.current_thread().name))

    task.advance(Stage.ATTEMPTED)
    wait_until(lambda: threads)

    assert set(threads) == {"ogpu-live"}


def test_the_last_state_is_always_drawn(board: Board, task: FakeTask) -> None:
    """However fast the changes came."""
    seen: list[Stage] = []
    board.follow(task, stages(task, seen))

    for stage in (Stage.ATTEMPTED, Stage.RESPONDED, Stage.FINALIZED):
        task.advance(stage, ANSWER)
    wait_until(lambda: board.views == 0)

    assert seen[-1] is Stage.FINALIZED
    assert task.callbacks == []


def test_a_change_while_it_draws_is_drawn_after(board: Board, task: FakeTask) -> None:
    """Nothing is lost between a drawing's first and last line."""
    seen: list[Stage] = []
    inside, go_on = threading.Event(), threading.Event()

    def draw() -> None:
        seen.append(task.record.stage)
        inside.set()
        go_on.wait(10)

    board.follow(task, draw)
    inside.wait(10)
    task.advance(Stage.FINALIZED, ANSWER)
    go_on.set()
    wait_until(lambda: board.views == 0)

    assert seen == [Stage.PUBLISHED, Stage.FINALIZED]


def test_the_clock_draws_each_second(board: Board, task: FakeTask) -> None:
    """While time runs for the task; without any change."""
    times: list[float] = []
    board.follow(task, lambda: times.append(time.monotonic()))
    wait_until(lambda: len(times) == 3)

    assert 0.9 < times[2] - times[1] < 2


def test_many_views_share_the_clock(board: Board) -> None:
    """Two hundred views are drawn twenty times a second in all, not two hundred times."""
    drawn: list[float] = []
    for _ in range(200):
        task = FakeTask(samples.record(Stage.PUBLISHED))
        board.follow(task, lambda: drawn.append(time.monotonic()))
    wait_until(lambda: len(drawn) >= 200)
    begun = time.monotonic()
    count = len(drawn)
    time.sleep(2)

    assert (len(drawn) - count) / (time.monotonic() - begun) < 60


def test_one_view_that_fails_leaves_the_others(
    board: Board, task: FakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    """It is dropped and logged."""
    seen: list[Stage] = []

    def fail() -> None:
        raise RuntimeError("no paint")

    with caplog.at_level(logging.ERROR, "ogpu_jupyter"):
        board.follow(task, fail)
        board.follow(task, stages(task, seen))
        wait_until(lambda: seen and board.views == 1)

    assert "no paint" in caplog.text


def test_a_drawing_that_takes_long_holds_up_no_other(board: Board, task: FakeTask) -> None:
    """The others go on while it lasts; it is drawn by one thread at a time, and once more after."""
    other = FakeTask(samples.record(Stage.PUBLISHED))
    seen: list[Stage] = []
    inside, go_on = threading.Event(), threading.Event()
    slow: list[Stage] = []

    def draw() -> None:
        slow.append(task.record.stage)
        inside.set()
        go_on.wait(30)

    board.follow(task, draw)
    inside.wait(10)
    board.follow(other, stages(other, seen))
    for stage in (Stage.ATTEMPTED, Stage.RESPONDED):
        other.advance(stage)
        wait_until(lambda stage=stage: seen and seen[-1] is stage)
    task.advance(Stage.FINALIZED, ANSWER)
    other.advance(Stage.FINALIZED, ANSWER)
    wait_until(lambda: board.views == 1)

    assert slow == [Stage.PUBLISHED]
    go_on.set()
    wait_until(lambda: board.views == 0 and board.is_idle)
    assert slow == [Stage.PUBLISHED, Stage.FINALIZED]


def test_as_many_slow_drawings_as_there_are(board: Board) -> None:
    """Their threads are bounded, and all end."""
    go_on = threading.Event()
    before = threading.active_count()
    for _ in range(20):
        board.follow(FakeTask(samples.record(Stage.PUBLISHED)), lambda: go_on.wait(30) and False)
    wait_until(lambda: threading.active_count() == before + 8)

    go_on.set()
    wait_until(lambda: board.views == 0 and board.is_idle)


def test_a_view_that_is_gone_is_dropped(board: Board, task: FakeTask) -> None:
    """`draw` says so; the task goes on."""
    board.follow(task, lambda: False)

    wait_until(lambda: board.views == 0 and board.is_idle)
    assert task.callbacks == []


def test_the_thread_sleeps_for_good_when_only_an_answer_is_awaited(
    board: Board, task: FakeTask
) -> None:
    """A final task whose answer isn't here has no clock; its answer wakes the board."""
    seen: list[int] = []
    board.follow(task, lambda: seen.append(len(task.answers)))
    task.advance(Stage.FINALIZED)
    wait_until(lambda: board.is_idle)

    assert board.views == 1
    task.advance(answers=ANSWER)
    wait_until(lambda: board.views == 0)
    assert seen[-1] == 1


def test_following_can_be_ended(board: Board, task: FakeTask) -> None:
    """Nothing is drawn after that, and nothing is kept."""
    end = board.follow(task, lambda: None)
    end()
    end()

    assert board.views == 0
    assert task.callbacks == []


@pytest.mark.parametrize(
    ("stage", "answers", "settled"),
    [
        (Stage.PUBLISHED, {}, False),
        (Stage.LATE, {}, False),
        (Stage.RESPONDED, ANSWER, False),
        (Stage.FINALIZED, {}, False),
        (Stage.FINALIZED, {samples.RESPONSES[0]: Answer(problem="The gateway is away.")}, False),
        (Stage.FINALIZED, ANSWER, True),
        (Stage.CANCELED, {}, True),
        (Stage.EXPIRED, {}, True),
        (Stage.FAILED, {}, True),
        (Stage.ABANDONED, {}, True),
    ],
)
def test_settled(stage: Stage, answers: dict[str, Answer], settled: bool) -> None:
    """Final, and each answer that counts is here and readable."""
    assert is_settled(FakeTask(samples.record(stage), answers)) is settled
