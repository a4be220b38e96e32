"""The rows of *Watching*: every event once and in order, whatever node and notebook do."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.tasks import Stage, TaskStatus
from ogpu_jupyter.widgets.view import view
from tests.faults.kernels import FUNCTION, Kernel, Wish
from tests.faults.watchers import Watcher
from tests.helpers import wait_until as until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ogpu_jupyter.handle import Task
    from tests.faults.proxy import Fault, Guest
    from tests.faults.world import World

    Opener = Callable[..., Kernel]

DICE = random.Random(7)
CLEAN: dict[str, list[str]] = {
    "lost_events": [],
    "unretracted_events": [],
    "duplicate_events": [],
}
NEW, ATTEMPTED, RESPONDED = TaskStatus.NEW, TaskStatus.ATTEMPTED, TaskStatus.RESPONDED


@pytest.fixture
def watcher(own: World) -> Iterator[Watcher]:
    opened = Watcher(own)
    yield opened
    opened.close()


def seen(watcher: Watcher, task: str, *states: TaskStatus) -> None:
    """These states of a task have been told, in this order."""
    try:
        until(lambda: len(watcher.told(task)) >= len(states) or watcher.poke())
    except pytest.fail.Exception as late:
        pytest.fail(f"told {watcher.told(task)} with {watcher.troubles}: {late}")
    assert watcher.told(task) == list(states)


# --- the node goes away -----------------------------------------------------------------


@pytest.mark.parametrize("ticks", [1, 3])
def test_node_restarts(own: World, watcher: Watcher, ticks: int) -> None:
    """Node restarts: every event is delivered, once, in order."""
    task = own.publish(own.manual)
    watcher.watch(task)
    seen(watcher, task, NEW)
    own.step(DICE, task)
    seen(watcher, task, NEW, ATTEMPTED)
    for _ in range(ticks):
        own.bounce(DICE)
    own.step(DICE, task)

    seen(watcher, task, NEW, ATTEMPTED, RESPONDED)
    assert watcher.judged() == CLEAN


@pytest.mark.parametrize("fault", ["drop_request", "drop_reply", "503", "garbage", "429"])
def test_connection_drops(own: World, watcher: Watcher, fault: str) -> None:
    """Connection drops for as long as many ticks: what happened meanwhile is told, once."""
    tasks = [own.publish(own.manual) for _ in range(3)]
    watcher.watch(*tasks)
    for task in tasks:
        seen(watcher, task, NEW)
    own.proxy.always("*", fault)
    until(lambda: watcher.troubles)
    for task in tasks:
        own.step(DICE, task)
    own.mine(40)
    own.step(DICE, tasks[0])
    own.proxy.settle_down()

    seen(watcher, tasks[0], NEW, RESPONDED)
    assert watcher.judged() == CLEAN


# --- the chain is rewritten -------------------------------------------------------------


def test_reorg(own: World, watcher: Watcher, open_kernel: Opener) -> None:
    """Reorg that removes and re-adds events: retracted, then delivered; the view follows."""
    kernel = open_kernel(own)
    wish = Wish(own.manual, 0, 1)
    task = kernel.session.publish(wish.source, FUNCTION, wish.data, yes=True)
    until(lambda: task.stage is Stage.PUBLISHED)
    stages: list[Stage] = []
    task.subscribe(lambda: stages.append(task.stage))
    own.settle()
    watcher.watch(task.address)
    seen(watcher, task.address, NEW)
    before = own.call("evm_snapshot")
    own.step(DICE, task.address)
    seen(watcher, task.address, NEW, ATTEMPTED)
    until(lambda: task.stage is Stage.ATTEMPTED or kernel.session._follower.poke())

    own.rewind(DICE, before)
    seen(watcher, task.address, NEW, ATTEMPTED, NEW)
    until(lambda: task.stage is Stage.PUBLISHED or kernel.session._follower.poke())
    own.step(DICE, task.address)
    seen(watcher, task.address, NEW, ATTEMPTED, NEW, ATTEMPTED)
    until(lambda: task.stage is Stage.ATTEMPTED or kernel.session._follower.poke())

    assert watcher.judged() == CLEAN
    assert [s for s, t in zip(stages, [None, *stages], strict=False) if s is not t] == [
        Stage.ATTEMPTED,
        Stage.PUBLISHED,
        Stage.ATTEMPTED,
    ]


def test_reorg_takes_the_task_itself(own: World, open_kernel: Opener) -> None:
    """Its transaction too: the task is as sent, then published again by the same bytes."""
    kernel = open_kernel(own)
    wish = Wish(own.manual, 0, 2)
    before = own.call("evm_snapshot")
    task = kernel.session.publish(wish.source, FUNCTION, wish.data, yes=True)
    until(lambda: task.stage is Stage.PUBLISHED)
    stages: list[Stage] = []
    task.subscribe(lambda: stages.append(task.stage))

    own.rewind(DICE, before)
    until(lambda: Stage.SENT in stages or kernel.session._follower.poke())
    until(lambda: task.stage is Stage.PUBLISHED or kernel.session._follower.poke())

    assert [state.config_url for state in own.tasks()] == [own.link(wish.payload)]
    assert task.address == own.tasks()[0].address


# --- logs -------------------------------------------------------------------------------


def on_logs(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """The node's logs, changed."""

    def fault(guest: Guest) -> None:
        answers = guest.answered(guest.calls)
        asked = {one["id"]: one["method"] for one in guest.calls}
        for one in answers:
            if asked[one["id"]] == "eth_getLogs" and isinstance(one.get("result"), list):
                one["result"] = change(one["result"])
        guest.give(answers)

    return fault


def twice(logs: list[Any]) -> list[Any]:
    return [*logs, *logs]


def backwards(logs: list[Any]) -> list[Any]:
    return logs[::-1]


def thousands(logs: list[Any]) -> list[Any]:
    """Each has three thousand neighbours in its block, of tasks of strangers."""
    found = list(logs)
    for log in logs[-2:]:
        stranger = log["data"][:26] + "ab" * 20 + log["data"][66:]
        found += [{**log, "data": stranger, "logIndex": hex(1000 + n)} for n in range(3000)]
    return found


def late() -> Callable[[list[Any]], list[Any]]:
    """Every other answer lacks all of them."""
    turns = iter(range(10**9))
    return lambda logs: logs if next(turns) % 2 else []


@pytest.mark.parametrize("change", [twice, backwards, thousands, late()], ids=lambda f: f.__name__)
def test_logs(own: World, watcher: Watcher, change: Callable[[list[Any]], list[Any]]) -> None:
    """Duplicate, late, out-of-order logs, thousands of strangers': ours only, once."""
    own.proxy.always("eth_getLogs", on_logs(change))
    mine, strangers = own.publish(own.manual), own.publish(own.first)
    watcher.watch(mine)
    seen(watcher, mine, NEW)
    own.step(DICE, strangers)
    own.step(DICE, mine)
    seen(watcher, mine, NEW, ATTEMPTED)
    own.step(DICE, strangers)
    own.step(DICE, mine)

    seen(watcher, mine, NEW, ATTEMPTED, RESPONDED)
    assert watcher.told(strangers) == []
    assert watcher.judged() == CLEAN


@pytest.mark.parametrize(
    ("longest", "words"),
    [
        (5, "block range is too wide"),
        (1, "eth_getLogs is limited to a 1 block range"),
        (30, "query returned more than 10000 results"),
    ],
)
def test_log_range_limits(own: World, watcher: Watcher, longest: int, words: str) -> None:
    """Log range limits (too many results, too many blocks): the range is split."""
    refused = threading.Event()

    def limited(guest: Guest) -> None:
        head = int(own.direct.call("eth_blockNumber"), 16)
        answers = guest.answered(guest.calls)
        ranges = {c["id"]: c["params"][0] for c in guest.calls if c["method"] == "eth_getLogs"}
        for one in answers:
            where = ranges.get(one["id"])
            if where is None:
                continue
            last = head if where["toBlock"] == "latest" else int(where["toBlock"], 16)
            if last - int(where["fromBlock"], 16) + 1 > longest:
                refused.set()
                one.pop("result", None)
                one["error"] = {"code": -32005, "message": words}
        guest.give(answers)

    task = own.publish(own.manual)
    watcher.watch(task)
    seen(watcher, task, NEW)
    own.proxy.always("*", "drop_request")
    until(lambda: watcher.troubles)
    own.step(DICE, task)
    own.mine(60)
    own.proxy.settle_down()
    own.proxy.always("eth_getLogs", limited)

    seen(watcher, task, NEW, ATTEMPTED)
    assert watcher.judged() == CLEAN
    assert refused.is_set()


# --- the notebook goes away -------------------------------------------------------------


def test_restarted_days_later(own: World, open_kernel: Opener) -> None:
    """Kernel restarted days later: the journal's open tasks are read in a few requests."""
    account = own.account()
    own.settle()
    old = open_kernel(own, account)
    items = [{"n": number} for number in range(30)]
    batch = old.session.publish_many(own.manual, FUNCTION, items, expires="20h", yes=True)
    until(lambda: all(task.stage is Stage.PUBLISHED for task in batch))
    addresses = [task.address for task in batch]
    old.close()
    for task in addresses[:3]:
        own.step(DICE, task)
    own.call("evm_increaseTime", 3 * 86_400)
    own.mine(300)
    asked = len(own.proxy.seen)

    new = open_kernel(own, account)
    connected = len(own.proxy.seen) - asked
    stages = {task.address: task.stage for task in new.session.tasks()}

    assert connected <= 12
    assert sorted(stages) == sorted(addresses)
    assert set(stages.values()) == {Stage.LATE}
    tried = {task.address for task in new.session.tasks() if task.record.attempts}
    assert tried == set(addresses[:3])


def test_views_that_are_gone(own: World, open_kernel: Opener, caplog: Any) -> None:
    """A view's page is closed, its widget gone: the task goes on, and nothing raises."""
    kernel = open_kernel(own)
    wish = Wish(own.manual, 0, 3)
    task = kernel.session.publish(wish.source, FUNCTION, wish.data, yes=True)
    until(lambda: task.stage is Stage.PUBLISHED)
    kept, closed = view(task), view(task)
    closed.close()
    del kept
    task.subscribe(lambda: None)()

    own.step(DICE, task.address)
    until(lambda: task.stage is Stage.ATTEMPTED or kernel.session._follower.poke())
    own.step(DICE, task.address)
    until(lambda: task.answers or kernel.session._follower.poke())

    assert task.stage is Stage.RESPONDED
    assert [answer.problem for answer in task.answers.values()] == [""]
    assert caplog.records == []


@pytest.mark.parametrize("confirmations", [1, 3, 12])
def test_depth_and_lateness_cost_no_more_requests(
    own: World, tmp_path: Path, confirmations: int
) -> None:
    """One look a block at most, also at a depth, and for a task that is late for good."""
    network = dataclasses.replace(own.stormy, confirmations=confirmations)
    kernel = Kernel(network, own.account(), tmp_path / "journal.sqlite3")
    short, long = (
        kernel.session.publish(own.manual, FUNCTION, {"n": time}, expires=time, yes=True)
        for time in ("2s", "1h")
    )
    until(lambda: short.stage is Stage.LATE and long.stage is Stage.PUBLISHED)
    own.proxy.seen.clear()
    first = own.height()
    until(lambda: own.height() >= first + 40, seconds=60)
    looks, blocks = len(own.proxy.seen), own.height() - first
    kernel.close()

    assert looks <= blocks + 2


def answered(own: World, kernel: Kernel, number: int) -> tuple[Task, Any]:
    """A task that is final, and the chain as it was before the answer."""
    task = kernel.session.publish(own.first, FUNCTION, {"n": number}, yes=True)
    until(lambda: task.address)
    assert own.step(DICE, task.address)
    before = own.call("evm_snapshot")
    assert own.step(DICE, task.address)
    until(lambda: task.stage is Stage.FINALIZED)
    return task, before


def test_an_end_that_a_reorg_takes_back_is_heard(own: World, open_kernel: Opener) -> None:
    """The answer is there, and paid, and then it is in no block; it comes a second time."""
    kernel = open_kernel(own)
    task, before = answered(own, kernel, 1)

    assert own.rewind(DICE, before)
    until(lambda: task.stage is Stage.ATTEMPTED)
    assert task.responses == ()
    assert own.step(DICE, task.address)

    until(lambda: task.stage is Stage.FINALIZED)


@pytest.mark.parametrize("is_noted", [True, False])
def test_an_end_taken_back_while_nobody_looks_is_heard(
    own: World, open_kernel: Opener, is_noted: bool
) -> None:
    """The kernel ends as soon as the answer is there; the next one finds it gone.

    One that was killed may not have noted how far it followed the chain.
    """
    account = own.account()
    kernel = open_kernel(own, account)
    task, before = answered(own, kernel, 3)
    kernel.close()
    if not is_noted:
        with closing(sqlite3.connect(kernel.session.journal.path)) as file, file:
            file.execute("DELETE FROM followed")

    assert own.rewind(DICE, before)
    again = open_kernel(own, account).session.task(task.address)

    assert again.stage is Stage.ATTEMPTED
    assert own.step(DICE, task.address)
    until(lambda: again.stage is Stage.FINALIZED)


def test_what_ended_is_let_go(own: World, open_kernel: Opener) -> None:
    """Once its end is deep, nothing is asked of the node any more but its blocks, seldom."""
    kernel = open_kernel(own)
    answered(own, kernel, 2)

    until(lambda: not kernel.session._follower._is_busy(), seconds=60)
