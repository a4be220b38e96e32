"""What the chain says is kept in the journal: few requests, nothing missed over a restart."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import ogpu_jupyter
from ogpu_jupyter import kernel
from ogpu_jupyter.chain.rpc import Call
from ogpu_jupyter.errors import OgpuError, TaskExpired
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.localnet.pinning import PinServer
from ogpu_jupyter.tasks import DeliveryMethod, Stage
from tests.chain.faulty import faulty_node, says
from tests.chain.market import Market
from tests.helpers import pass_time
from tests.helpers import wait_until as until
from tests.market import Provider, Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chain.faulty import Faulty


@pytest.fixture
def source(localnet: Any) -> str:
    return Publisher(localnet).publish_source(delivery=DeliveryMethod.MANUAL_CONFIRMATION)


@pytest.fixture
def funded(session: Any) -> Any:
    session.deposit(1)
    return session


@pytest.fixture
def restart(localnet: Any, account: Any, tmp_path: Any) -> Iterator[Any]:
    """Starts sessions of one account, one after the other, with one journal."""
    opened: list[Any] = []

    def start(network: Any = None) -> Any:
        kernel._current = None
        path = tmp_path / "restarted.sqlite3"
        opened.append(
            ogpu_jupyter.connect(network or localnet.network, account=account, journal=path)
        )
        return opened[-1]

    yield start
    for session in opened:
        session.close()


def publish(session: Any, source: str, number: int = 0) -> Any:
    task = session.publish(source, "f", {"n": number}, name=f"t{number}")
    until(lambda: task.address)
    return task


def methods(node: Faulty) -> list[str]:
    pages = [page if isinstance(page, list) else [page] for page in node.seen]
    return [one["method"] for page in pages for one in page]


def test_what_happened_while_nobody_looked_is_there_at_once(
    localnet: Any, source: str, restart: Any
) -> None:
    """FAULTS Watching, "kernel restarted days later": the states, and the bids from the logs."""
    first = restart()
    first.deposit(1)
    keys = [publish(first, source, n).record.key for n in range(3)]
    first.close()
    provider = Provider(localnet, source)
    for key in keys[:2]:
        provider.attempt(first.journal.task(key).address, 1234)

    with faulty_node(localnet.network.rpc_url) as (node, url):
        second = restart(replace(localnet.network, rpc_url=url))
        stages = [second.journal.task(key).stage for key in keys]
        requests = len(node.seen)
        until(lambda: all(second.journal.task(key).attempts[0].bid for key in keys[:2]))
        logs = methods(node).count("eth_getLogs")
        second.close()

    assert stages == [Stage.ATTEMPTED, Stage.ATTEMPTED, Stage.PUBLISHED]
    assert [second.journal.task(key).attempts[0].bid for key in keys[:2]] == [1234, 1234]
    assert requests <= 8
    assert logs <= 4


def test_bids_are_found_also_where_another_kernel_followed_on(
    localnet: Any, source: str, restart: Any
) -> None:
    """It knew of other tasks only: what the journal says of the block is not enough then."""
    first = restart()
    first.deposit(1)
    task = publish(first, source).record
    first.close()
    Provider(localnet, source).attempt(task.address, 55)
    head = first_head(localnet)
    with Journal(first.journal.path) as journal:
        journal.follow_to(first.network_id, head[0] + 1, head[1] + 1000)

    second = restart()
    until(lambda: second.journal.task(task.key).attempts[0].bid == 55)


def first_head(localnet: Any) -> tuple[int, int]:
    from ogpu_jupyter.chain.rpc import Rpc

    rpc = Rpc(localnet.network.rpc_url)
    block = rpc.call("eth_getBlockByNumber", "latest", False)
    rpc.close()
    return int(block["number"], 16), int(block["timestamp"], 16)


def test_the_journal_says_how_far_a_network_was_followed(source: str, restart: Any) -> None:
    session = restart()
    session.deposit(1)
    publish(session, source)
    until(lambda: session._keeper._head is not None)
    session.close()
    with Journal(session.journal.path) as journal:
        block, timestamp = journal.followed(session.network_id)

    assert 0 < block <= session._keeper._head.number
    assert timestamp == session._keeper._head.timestamp


def test_many_receipts_of_a_block_ask_for_nothing_more(funded: Any, source: str) -> None:
    """The time of a block is asked for once at most, whatever is in it."""
    asked: list[int] = []
    ask = funded.client.block_time
    funded.client.block_time = lambda block: asked.append(block) or ask(block)
    tasks = [funded.publish(source, "f", {"n": n}, name=f"t{n}") for n in range(5)]
    until(lambda: all(task.address for task in tasks))

    assert len(asked) == len(set(asked))
    assert all(task.record.published_at for task in tasks)


def test_news_are_told_after_they_are_written(funded: Any, source: str) -> None:
    """Whoever is told may ask the journal, on any thread, and wait for nothing."""
    seen: list[bool] = []

    def look(task: Any) -> None:
        asker = threading.Thread(
            target=lambda: seen.append(funded.journal.task(task.record.key) == task.record)
        )
        asker.start()
        asker.join(5)

    task = funded.publish(source, "f", {"n": 0})
    task.subscribe(lambda: look(task))
    until(lambda: task.address)
    task.cancel()

    assert seen
    assert all(seen)


def test_a_rate_limit_only_delays(localnet: Any, source: str, restart: Any) -> None:
    """429, with and without a time to wait: no word of trouble, and every change in the end."""
    with faulty_node(localnet.network.rpc_url) as (node, url):
        session = restart(replace(localnet.network, rpc_url=url))
        session.deposit(1)
        task = publish(session, source)
        node.script(says(b"", 429), says(b"", 429, Retry_After="1"), says(b"", 429))
        Provider(localnet, source).attempt(task.address, 9)
        until(lambda: task.stage is Stage.ATTEMPTED)
        assert session.trouble == ""
        session.close()


@pytest.fixture
def own(anvil_path: Any) -> Iterator[Market]:
    """An anvil without the door of a local network, which speaks HTTP only."""
    opened = Market(anvil_path)
    yield opened
    opened.kill()


def test_a_network_with_a_websocket(own: Market, account: Any, restart: Any) -> None:
    """A task from its publishing to its cancelation over `ws://` alone."""
    own.call("anvil_setBalance", account.address, hex(20 * 10**18))
    with PinServer() as pins:
        network = own.network(own.url.replace("http://", "ws://"))
        session = restart(replace(network, pin_url=pins.pin_url, gateway_url=pins.gateway_url))
        session.deposit(1)
        task = publish(session, own.manual)
        begun = time.monotonic()
        task.cancel()

    assert time.monotonic() - begun < 4  # who is told of blocks looks no sooner by itself
    assert task.stage is Stage.CANCELED
    assert session.client.rpc.batch([Call("eth_chainId")]) == [hex(network.chain_id)]


def test_an_answer_that_is_not_read_yet_is_not_called_late(
    localnet: Any, source: str, restart: Any
) -> None:
    """FAULTS Watching: the node fails while `connect` reads: nothing is judged."""
    first = restart()
    first.deposit(1)
    task = publish(first, source).record
    first.close()
    provider = Provider(localnet, source)
    provider.attempt(task.address, 9)
    provider.submit(task.address, {"n": 1}, 9)
    pass_time(localnet, 7200)

    with faulty_node(localnet.network.rpc_url) as (node, url):
        honestly = node.serve
        node.serve = lambda exchange: (  # type: ignore[method-assign]
            says(b"", 502)(exchange) if "eth_call" in str(exchange.asked) else honestly(exchange)
        )
        with pytest.raises(OgpuError):
            restart(replace(localnet.network, rpc_url=url))
    with Journal(first.journal.path) as journal:
        assert journal.task(task.key).stage is Stage.PUBLISHED

    assert restart().journal.task(task.key).stage is Stage.RESPONDED


def test_a_journal_that_holds_the_mistake_is_healed(
    localnet: Any, source: str, restart: Any, tmp_path: Any
) -> None:
    """Until format 4 the clock alone called a task expired, for good."""
    first = restart()
    first.deposit(1)
    task = publish(first, source).record
    first.close()
    first.journal.close()
    provider = Provider(localnet, source)
    provider.attempt(task.address, 9)
    provider.submit(task.address, {"n": 1}, 9)
    file = sqlite3.connect(first.journal.path)
    file.execute(
        "UPDATE tasks SET stage = 'expired', record = json_set(record, '$.stage', 'expired')"
    )
    for index in ("tasks_by_content", "tasks_without_content", "tasks_of_strangers"):
        file.execute(f"DROP INDEX {index}")
    file.execute("ALTER TABLE tasks DROP COLUMN content")
    file.execute("PRAGMA user_version = 4")
    file.commit()
    file.close()

    second = restart()

    assert second.journal.task(task.key).stage is Stage.RESPONDED
    assert second.publish(source, "f", {"n": 0}, name="t0").record.key == task.key


def test_a_late_task_is_held_until_it_is_canceled(localnet: Any, source: str, restart: Any) -> None:
    """FAULTS Watching: its time is over and the chain says NEW; also after another connect."""
    first = restart()
    first.deposit(1)
    task = publish(first, source)
    pass_time(localnet, 7200)
    until(lambda: task.stage is Stage.LATE)
    with pytest.raises(TaskExpired) as told:
        task.result(timeout=5)
    first.close()
    second = restart()
    again = second.task(f"#{task.record.key}")

    assert told.value.spent == "Its payment of 0.001 OGPU is still held in escrow."
    assert told.value.hint == (
        f"Type `%ogpu cancel {task.address}` to have it back, "
        "or `%ogpu reclaim` for all that are late."
    )
    assert again.stage is Stage.LATE
    assert second.history().totals.held == task.payment
    assert (second.status().live, second.status().late_held) == (0, task.payment)
    again.cancel()
    assert again.stage is Stage.CANCELED
    assert second.history().totals.held == 0


@pytest.mark.parametrize("confirmations", [2, 5, 12])
def test_with_confirmations_an_answer_is_seen_when_it_is_deep(
    localnet: Any, source: str, restart: Any, confirmations: int
) -> None:
    """A provider that is quicker than the depth: seen within a few blocks, and never late."""
    session = restart(replace(localnet.network, confirmations=confirmations))
    session.deposit(1)
    provider = Provider(localnet, source)
    sent = session.publish(source, "f", {"n": 0}, expires="60s")
    receipt = until(lambda: session.client.receipts([sent.tx_hash])[0])
    address = session.client.task_address(receipt)
    provider.attempt(address, 9)
    provider.submit(address, {"n": 1}, 9)
    answered = session.client.head().number
    stages: set[Stage] = set()
    until(lambda: stages.add(sent.stage) or sent.stage is Stage.RESPONDED, seconds=40)

    assert Stage.LATE not in stages
    assert session.client.head().number - answered <= confirmations + 4
