"""Nodes that take few calls in a batch, or one: everything works, at a bounded price."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest

from ogpu_jupyter.chain.transactions import read_raw
from ogpu_jupyter.tasks import Stage, TaskStatus
from tests.faults.kernels import FUNCTION, Kernel, Wish
from tests.faults.proxy import LIMITS, SEND, Limit, proxying
from tests.helpers import wait_until as until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.world import World

    Opener = Callable[..., Kernel]

DICE = random.Random(7)


@pytest.fixture
def limited(world: World) -> Iterator[World]:
    world.proxy.seen.clear()
    world.proxy.sent.clear()
    world.proxy.refused.clear()
    yield world
    world.proxy.limit = None


def lives(world: World, kernel: Kernel, count: int) -> None:
    """`count` tasks and one are published, once each, answered, and all of it is seen."""
    session, source = kernel.session, world.first
    single = session.publish(source, FUNCTION, {"n": "single"}, yes=True)
    batch = session.publish_many(source, FUNCTION, [{"n": n} for n in range(count)], yes=True)
    tasks = [single, *batch]
    until(lambda: all(task.stage is Stage.PUBLISHED for task in tasks), seconds=60)
    mine = {task.address for task in tasks}
    for address in sorted(mine):
        assert world.step(DICE, address)
        assert world.step(DICE, address)
    until(lambda: all(task.stage is Stage.FINALIZED for task in tasks), seconds=60)

    assert [len(task.responses) for task in tasks] == [1] * (count + 1)
    assert len(mine) == count + 1
    owned = [state for state in world.tasks() if state.address in mine]
    assert [state.status for state in owned] == [TaskStatus.FINALIZED] * (count + 1)


def until_blocks(world: World, count: int) -> None:
    end = world.height() + count
    until(lambda: world.height() >= end, seconds=60)


@pytest.mark.parametrize("told", LIMITS)
def test_a_limit_is_found_however_it_is_told(
    limited: World, open_kernel: Opener, told: str
) -> None:
    """Three calls: connecting, paying in, a task, twelve tasks, their answers."""
    limited.proxy.limit = Limit(3, told)
    kernel = open_kernel(limited)
    kernel.session.deposit("1")

    lives(limited, kernel, 12)

    assert kernel.session.client.rpc.batch_limit in {2, 3}
    assert f"at most {kernel.session.status().batch_limit} calls" in repr(kernel.session.status())


@pytest.mark.parametrize("told", ["each", "first_id", "413", "missing", "empty"])
@pytest.mark.parametrize("most", [1, 2, 10])
def test_any_limit_is_lived_with(limited: World, open_kernel: Opener, most: int, told: str) -> None:
    limited.proxy.limit = Limit(most, told)

    lives(limited, open_kernel(limited), 12)

    assert len(limited.proxy.refused) <= 12


@pytest.mark.parametrize(("most", "told"), [(1, "null"), (10, "each"), (25, "first_id")])
def test_forty_tasks_under_a_limit(
    limited: World, open_kernel: Opener, most: int, told: str
) -> None:
    """Each leaves once but for what a limit refused, in the order of nonces."""
    limited.proxy.let_in.clear()
    limited.proxy.limit = Limit(most, told)
    kernel = open_kernel(limited)

    lives(limited, kernel, 40)

    records = kernel.session.journal.transactions(kernel.session.network_id, kernel.session.account)
    assert len({record.nonce for record in records}) == len(records) == 41
    nonces = [read_raw(bytes.fromhex(raw[2:]))[1].nonce for raw in limited.proxy.let_in]
    assert nonces == sorted(set(nonces))
    assert len(nonces) == 41


@pytest.mark.parametrize("told", ["missing", "null", "413"])
def test_a_limit_and_a_lost_reply_send_each_once(
    limited: World, open_kernel: Opener, told: str
) -> None:
    limited.proxy.limit = Limit(3, told)
    limited.proxy.once(SEND, "502_done", "drop_reply")

    lives(limited, open_kernel(limited), 8)


def test_of_two_nodes_each_has_its_own_limit(own: World, tmp_path: Path) -> None:
    """The one that takes single calls is gone: the other is asked in large batches."""
    with proxying(own.proxy.node) as small, proxying(own.proxy.node) as large:
        small.limit = Limit(1, "each")
        network = dataclasses.replace(own.stormy, rpc_url=small.url, rpc_urls=(large.url,))
        kernel = Kernel(network, own.account(), tmp_path / "journal.sqlite3")
        first = kernel.session.publish(own.manual, FUNCTION, {"n": 1}, yes=True)
        until(lambda: first.stage is Stage.PUBLISHED)
        assert kernel.session.client.rpc.batch_limit == 1

        small.always("*", "drop_request")
        rows = [{"row": n} for n in range(12)]
        batch = kernel.session.publish_many(own.manual, FUNCTION, rows, yes=True)
        until(lambda: all(task.stage is Stage.PUBLISHED for task in batch))

        assert kernel.session.client.rpc.batch_limit is None
        assert max(len(asked) for asked in large.seen) >= 12
        kernel.close()
    assert len(own.tasks()) == 13


def test_confirming_and_canceling_by_single_calls(limited: World, open_kernel: Opener) -> None:
    limited.proxy.limit = Limit(1, "400")
    session = open_kernel(limited).session
    chosen = session.publish(limited.manual, FUNCTION, {"n": "confirmed"}, yes=True)
    other = session.publish(limited.manual, FUNCTION, {"n": "canceled"}, yes=True)
    until(lambda: chosen.address and other.address)
    assert limited.step(DICE, chosen.address)
    assert limited.step(DICE, chosen.address)
    until(lambda: chosen.responses)

    chosen.confirm()
    other.cancel()

    until(lambda: chosen.stage is Stage.FINALIZED and other.stage is Stage.CANCELED)


def test_a_task_takes_twelve_single_calls(limited: World, open_kernel: Opener) -> None:
    """And watching it three requests a look; the node is asked as its limit is from then on."""
    limited.proxy.limit = Limit(1, "first_id")
    kernel = open_kernel(limited)
    until(lambda: kernel.session.client.rpc.batch_limit == 1)
    kernel.session._follower.stop()
    limited.proxy.seen.clear()

    kernel.publish(Wish(limited.first, 1, 1))

    methods = [method for methods in limited.proxy.seen for method in methods]
    assert len(methods) <= 12
    assert methods.count(SEND) == 1
    assert all(len(asked) == 1 for asked in limited.proxy.seen)


def test_watching_by_single_calls_is_three_a_block(limited: World, open_kernel: Opener) -> None:
    limited.proxy.limit = Limit(1, "each")
    kernel = open_kernel(limited)
    tasks = [kernel.session.publish(limited.manual, FUNCTION, {"w": n}, yes=True) for n in (1, 2)]
    until(lambda: all(task.address for task in tasks))
    until_blocks(limited, 5)  # what was sent is settled by then
    limited.proxy.seen.clear()
    first = limited.height()
    until_blocks(limited, 40)

    assert len(limited.proxy.seen) <= 3 * (limited.height() - first)
