"""A task's state is read whole, at one block, for many tasks together, in whatever way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.errors import AddressError, OgpuError, RpcError
from ogpu_jupyter.localnet.accounts import PROVIDER
from ogpu_jupyter.tasks import DeliveryMethod, ResponseStatus, TaskSnapshot, TaskStatus
from tests.chain.faulty import changed, faulty_node
from tests.chain.market import CLIENT, PAYMENT, Market
from tests.chain.ways import WAYS, brings_code, node_with, only

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """The best in which the node takes questions."""
    return request.param


@pytest.fixture
def rpc(market: Market, way: str) -> Iterator[Rpc]:
    with node_with(market.url, only(way)) as (_, opened):
        yield opened


def read(rpc: Rpc, task: str, **words: Any) -> TaskSnapshot:
    (found,) = snapshots(rpc, [task], **words)
    assert isinstance(found, TaskSnapshot)
    return found


def test_a_task_is_read_at_each_step_of_its_life(market: Market, rpc: Rpc) -> None:
    """From new to final, with attempts and responses as the chain has them."""
    task = market.publish(market.manual, payment=PAYMENT)
    new = read(rpc, task)
    market.attempt(task)
    attempted = read(rpc, task)
    market.respond(task, PAYMENT - 1)
    responded = read(rpc, task)
    market.confirm(responded.responses[0].address)
    final = read(rpc, task)

    assert new.status is TaskStatus.NEW
    assert (new.source, new.payment) == (market.manual, PAYMENT)
    assert new.delivery is DeliveryMethod.MANUAL_CONFIRMATION
    assert new.config_url.startswith("http://127.0.0.1:9/ipfs/config-")
    assert (new.attempts, new.responses, new.winner) == ((), (), "")
    assert attempted.status is TaskStatus.ATTEMPTED
    assert [attempt.provider for attempt in attempted.attempts] == [PROVIDER.address]
    assert attempted.attempts[0].at <= market.now()
    assert attempted.responses == ()  # the getter gives the zero address for it
    assert responded.status is TaskStatus.RESPONDED
    assert responded.responses[0].payment == PAYMENT - 1
    assert responded.responses[0].provider == PROVIDER.address
    assert responded.responses[0].status is ResponseStatus.SUBMITTED
    assert final.status is TaskStatus.FINALIZED
    assert final.responses[0].status is ResponseStatus.CONFIRMED
    assert final.winner == PROVIDER.address


def test_what_is_known_is_not_asked_again_and_nothing_differs(market: Market, rpc: Rpc) -> None:
    """At each step, a reading that rests on an earlier one is the same as one that doesn't."""
    task = market.publish(market.first)
    seen = [read(rpc, task)]
    for move in (market.attempt, market.respond, lambda _: market.mine()):
        move(task)
        for earlier in seen:
            block = market.height()
            assert read(rpc, task, known={task: earlier}, block=block) == read(
                rpc, task, block=block
            )
        seen.append(read(rpc, task))


def test_all_are_read_at_one_block(market: Market, rpc: Rpc) -> None:
    """Also at one that is past."""
    tasks = [market.publish(market.first) for _ in range(3)]
    block = market.height()
    for task in tasks:
        market.attempt(task)

    then, now = snapshots(rpc, tasks, block=block), snapshots(rpc, tasks)

    assert [(task.status, task.block) for task in then] == [(TaskStatus.NEW, block)] * 3
    assert {task.status for task in now} == {TaskStatus.ATTEMPTED}
    assert len({task.block for task in now}) == 1


@pytest.mark.parametrize(("way", "cold", "warm"), [("reader", 1, 1), ("batch", 4, 3)])
def test_many_tasks_take_few_requests(market: Market, rpc: Rpc, cold: int, warm: int) -> None:
    """One where code may come along; else one for the block and one for each round."""
    tasks = [market.publish(market.first) for _ in range(20)]
    for task in tasks:
        market.attempt(task)
        market.respond(task)
    known = {task.address: task for task in snapshots(rpc, tasks)}

    before = rpc.requests
    snapshots(rpc, tasks)
    assert rpc.requests - before == cold
    before = rpc.requests
    snapshots(rpc, tasks, known=known, block=market.height())
    assert rpc.requests - before == warm
    before = rpc.requests
    assert snapshots(rpc, []) == []
    assert rpc.requests == before


def test_what_is_no_task_is_told_and_harms_no_other(market: Market, rpc: Rpc) -> None:
    """An account without code, a contract of another kind, a slip of the pen."""
    task = market.publish(market.first)
    strangers = [CLIENT, market.first, market.contracts["nexus"], "0x12", "0x" + "g" * 40]
    first, *others, last = snapshots(rpc, [task, *strangers, task])

    assert first == last == read(rpc, task, block=first.block)
    assert all(isinstance(other, AddressError) for other in others)
    for address, error in zip(strangers[:3], others, strict=False):
        assert error.what == f"There is no task at {address}."


def test_an_address_may_be_written_in_small_letters(market: Market, rpc: Rpc) -> None:
    """The snapshot has it as it is written in full."""
    task = market.publish(market.first)

    assert read(rpc, task.lower()).address == task


def test_a_block_that_the_node_has_not_is_an_error_of_the_node(market: Market, rpc: Rpc) -> None:
    """Never that there is no task."""
    task = market.publish(market.first)
    read(rpc, task)
    (found,) = snapshots(rpc, [task], block=market.height() + 1000)

    assert isinstance(found, RpcError)


NONSENSE = [
    ("0x" + "f" * 64, True),
    ("0x12", True),
    ("0x", True),
    ("hello", True),
    (None, True),
    (7, True),
    ({"a": [1]}, True),
    ("0x" + "0" * 63 + "9", False),  # nine may be a winner's address
    ("0x" + "0" * 20_000, False),
]


@pytest.mark.parametrize(("answer", "is_wrong"), NONSENSE, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("place", range(5))
def test_a_node_that_talks_nonsense_gets_a_typed_error(
    market: Market, place: int, answer: object, is_wrong: bool
) -> None:
    """Whatever it says in the place of a status, a count or a struct, asked one by one."""
    task = market.publish(market.first)

    def twist(page: Any) -> Any:
        if isinstance(page, list) and len(page) == 5:
            page[place]["result"] = answer
        return page

    with faulty_node(market.url) as (node, url):
        node.always = lambda exchange: (
            only("batch") if brings_code(exchange.asked) else changed(twist)
        )(exchange)
        rpc = Rpc(url, timeout=3)
        (found,) = snapshots(rpc, [task])
        rpc.close()

    assert isinstance(found, (RpcError, AddressError) if is_wrong else (OgpuError, TaskSnapshot))
