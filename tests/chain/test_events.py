"""One follower for all tasks: each change is told once, in order, whatever the node does."""

from __future__ import annotations

import contextvars
import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain import events
from ogpu_jupyter.chain.contracts import CONTROLLER, NEXUS
from ogpu_jupyter.chain.events import Follower, pace, watched
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.errors import NodeUnavailable, WrongChain
from ogpu_jupyter.localnet.accounts import PROVIDER
from ogpu_jupyter.tasks import TaskStatus
from tests.chain.faulty import changed, faulty_node, reset
from tests.chain.market import CLIENT, PAYMENT, Market
from tests.helpers import LATE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ogpu_jupyter.chain.transactions import Head, Receipt
    from ogpu_jupyter.errors import OgpuError
    from ogpu_jupyter.tasks import TaskSnapshot
    from tests.chain.faulty import Faulty

NEW, ATTEMPTED, RESPONDED = TaskStatus.NEW, TaskStatus.ATTEMPTED, TaskStatus.RESPONDED
FINALIZED, CANCELED = TaskStatus.FINALIZED, TaskStatus.CANCELED


class News:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.reads: list[tuple[Head, frozenset[str]]] = []
        self.receipts: list[Receipt] = []
        self.snapshots: list[TaskSnapshot] = []
        self.retracted: list[str] = []
        self.troubles: list[OgpuError | None] = []
        self.raising = False

    def on_head(self, head: Head) -> None:
        self.heads.append(head)
        if self.raising:
            raise ValueError("a listener's own fault")

    def on_read(self, head: Head, unread: Any) -> None:
        self.reads.append((head, frozenset(unread)))

    def on_receipts(self, receipts: Any) -> None:
        self.receipts += receipts

    def on_snapshots(self, snapshots: Any) -> None:
        self.snapshots += snapshots

    def on_retracted(self, references: Any) -> None:
        self.retracted += references

    def on_trouble(self, error: OgpuError | None) -> None:
        self.troubles.append(error)

    def of(self, task: str) -> list[TaskStatus]:
        """The states that a task was told to be in."""
        return [snapshot.status for snapshot in self.snapshots if snapshot.address == task]

    def last(self, task: str) -> TaskSnapshot:
        return [snapshot for snapshot in self.snapshots if snapshot.address == task][-1]


@contextmanager
def following(market: Market, *tasks: str, url: str = "") -> Iterator[tuple[Follower, News, Rpc]]:
    """A follower that has had its first look."""
    news, rpc = News(), Rpc(url or market.url)
    follower = Follower(rpc, market.network(), news)
    follower.watch(*tasks)
    follower.start()
    try:
        wait_until(lambda: news.heads, every=0.005)
        yield follower, news, rpc
    finally:
        follower.stop()
        rpc.close()


def soon(condition: Callable[[], Any], seconds: float = 20) -> Any:
    return wait_until(condition, seconds=seconds, every=0.01)


def pass_ticks(follower: Follower, news: News, market: Market, count: int = 2) -> None:
    """Some whole ticks: each tells the block that was mined for it."""
    for _ in range(count):
        market.mine()
        height = market.height()
        follower.poke()
        soon(lambda height=height: news.heads[-1].number >= height)


# --- what is told ----------------------------------------------------------------------


def test_each_change_is_told_once_and_in_order(market: Market) -> None:
    """From new to final, with the bid that stands in the event alone."""
    task = market.publish(market.manual)
    with following(market, task) as (follower, news, _rpc):
        market.attempt(task, bid=77)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])
        market.respond(task, 55)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, RESPONDED])
        market.confirm(news.last(task).responses[0].address)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, RESPONDED, FINALIZED])
        pass_ticks(follower, news, market)

    final = news.last(task)
    assert news.of(task) == [NEW, ATTEMPTED, RESPONDED, FINALIZED]
    assert [(a.provider, a.bid) for a in final.attempts] == [(PROVIDER.address, 77)]
    assert final.responses[0].payment == 55
    assert news.troubles == []
    assert news.retracted == []


def test_a_task_that_ends_between_two_looks_is_told_as_it_is(market: Market) -> None:
    """One state with all that led to it, bids included."""
    with following(market) as (follower, news, _rpc):
        task = market.publish(market.first)
        market.attempt(task, bid=5)
        market.respond(task, 4)
        follower.watch(task)
        soon(lambda: news.of(task))
        pass_ticks(follower, news, market)

    assert news.of(task) == [FINALIZED]
    assert [attempt.bid for attempt in news.last(task).attempts] == [5]


def test_a_receipt_is_told_once(market: Market) -> None:
    """As soon as the transaction is in a block, whether it succeeds or is reverted."""
    with following(market) as (follower, news, _rpc):
        sent = market.post_publish(market.first)
        follower.await_receipt(sent)
        soon(lambda: news.receipts)
        assert market.task_of(news.receipts[0]) == market.task_of(market.receipt(sent))

        task = market.task_of(news.receipts[0])
        follower.watch(task)
        market.cancel(task)
        data = CONTROLLER.encode("cancelTask", task)
        refused = market.post(CLIENT, market.contracts["controller"], data)
        follower.await_receipt(refused)
        soon(lambda: len(news.receipts) == 2)
        pass_ticks(follower, news, market)

    assert [(receipt.hash, receipt.ok) for receipt in news.receipts] == [
        (sent, True),
        (refused, False),
    ]
    assert news.of(task)[-1] is CANCELED


def test_what_a_receipt_leads_to_is_looked_at_in_the_same_tick(quick: Market) -> None:
    """A listener that watches the task of a receipt is told of it before the next block."""
    order: list[str] = []

    class Watching(News):
        def on_receipts(self, receipts: Any) -> None:
            order.append("receipt")
            follower.watch(quick.task_of(receipts[0]))

        def on_snapshots(self, snapshots: Any) -> None:
            order.append("snapshot")

        def on_head(self, head: Head) -> None:
            order.append("head")

    rpc = quick.rpc()
    follower = Follower(rpc, quick.network(), Watching())
    follower.await_receipt(quick.post_publish(quick.first))
    follower.start()
    soon(lambda: "head" in order)
    follower.stop()
    rpc.close()

    assert order == ["receipt", "snapshot", "head"]


def test_strangers_are_not_told(market: Market) -> None:
    """And cost no request."""
    ours = market.publish(market.first)
    with following(market, ours) as (follower, news, rpc):
        before, heads = rpc.requests, len(news.heads)
        for _ in range(3):
            stranger = market.publish(market.first)
            market.attempt(stranger)
            market.respond(stranger)
        pass_ticks(follower, news, market)
        ticks = rpc.requests - before

    assert news.of(ours) == [NEW]
    assert len(news.snapshots) == 1
    assert ticks <= len(news.heads) - heads + 12  # at four a second, some see no new block


def test_an_unwatched_task_is_not_told(quick: Market) -> None:
    """From that moment on."""
    task = quick.publish(quick.first)
    with following(quick, task) as (follower, news, _rpc):
        soon(lambda: news.of(task))
        follower.unwatch(task.lower())
        quick.attempt(task)
        pass_ticks(follower, news, quick)

    assert news.of(task) == [NEW]


def test_a_forgotten_transaction_is_not_told(quick: Market) -> None:
    """Nor is it asked for."""
    with following(quick) as (follower, news, _rpc):
        follower.await_receipt("0x" + "ab" * 32)
        follower.forget("0x" + "AB" * 32)
        sent = quick.post_publish(quick.first)
        follower.await_receipt(sent)
        soon(lambda: news.receipts)

    assert [receipt.hash for receipt in news.receipts] == [sent]


def test_an_address_without_a_task_is_told_once(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to follow, and nothing breaks."""
    monkeypatch.setattr(watched, "_PATIENCE_SECONDS", 0)
    task = market.publish(market.first)
    with following(market, CLIENT, task) as (follower, news, _rpc):
        soon(lambda: news.of(task))
        pass_ticks(follower, news, market)

    assert news.retracted == [CLIENT]
    assert news.troubles == []


@pytest.mark.parametrize("rewritten", [False, True])
def test_with_confirmations_only_what_is_deep_enough_counts(own: Market, rewritten: bool) -> None:
    """A receipt and a state of the newest block wait; one that a reorg takes is never told."""
    news, rpc = News(), own.rpc()
    task = own.publish(own.first)
    own.mine(3)
    follower = Follower(rpc, own.network(), news, confirmations=3)
    follower.watch(task)
    follower.start()
    soon(lambda: news.of(task) == [NEW])
    before = own.snapshot()
    attempt = own.attempt(task)
    follower.await_receipt(attempt.hash)
    pass_ticks(follower, news, own, 1)
    assert news.of(task) == [NEW]
    assert news.receipts == []
    if rewritten:
        own.revert(before)
        own.mine(8)
    pass_ticks(follower, news, own, 3)
    follower.stop()
    rpc.close()

    assert news.of(task) == ([NEW] if rewritten else [NEW, ATTEMPTED])
    assert [receipt.hash for receipt in news.receipts] == ([] if rewritten else [attempt.hash])
    assert news.retracted == []


def test_it_goes_on_from_where_reading_ended(own: Market) -> None:
    """Of what was told before there is no news, but the bids that only logs hold."""
    task, other = own.publish(own.first), own.publish(own.first)
    begin = own.height()
    own.attempt(task, bid=31)
    own.mine(40)
    rpc, news = own.rpc(), News()
    known = snapshots(rpc, [task, other])
    follower = Follower(rpc, own.network(), news)
    follower.watch(task, other)
    follower.resume(begin, known)
    follower.start()
    soon(lambda: news.heads)
    follower.stop()
    rpc.close()

    assert [(s.address, s.attempts[0].bid) for s in news.snapshots] == [(task, 31)]


def test_a_chain_that_is_shorter_than_the_journal_says(own: Market) -> None:
    """As after a restart of a local network with an older state."""
    task = own.publish(own.first)
    rpc, news = own.rpc(), News()
    follower = Follower(rpc, own.network(), news)
    follower.resume(own.height() + 5000)
    follower.watch(task)
    follower.start()
    soon(lambda: news.of(task))
    own.attempt(task, bid=8)
    soon(lambda: news.of(task) == [NEW, ATTEMPTED])
    follower.stop()
    rpc.close()

    assert news.last(task).attempts[0].bid == 8


# --- what it costs ---------------------------------------------------------------------


def test_ten_thousand_tasks_cost_a_tick_what_one_does(quick: Market) -> None:
    """One request, and little of the machine."""
    task = quick.publish(quick.first)
    known = snapshots(quick.rpc(), [task])[0]
    assert not isinstance(known, Exception)
    many = [f"0x{n:040x}" for n in range(1, 10_001)]
    news, rpc = News(), quick.rpc()
    follower = Follower(rpc, quick.network(), news)
    follower.watch(*many, task)
    states = [known.model_copy(update={"address": address}) for address in (*many, task)]
    follower.resume(quick.height(), states)
    follower.start()
    try:
        soon(lambda: news.heads)
        pass_ticks(follower, news, quick)
        before, heads, spent = rpc.requests, len(news.heads), time.thread_time()
        spent = time.process_time()
        pass_ticks(follower, news, quick, 5)
        spent = time.process_time() - spent
        assert len(news.heads) - heads == 5
        assert rpc.requests - before <= 7
        assert spent < 1.0
        quick.attempt(task)
        soon(lambda: news.of(task) == [ATTEMPTED])
    finally:
        follower.stop()
        rpc.close()


def asked(page: Any) -> list[str]:
    return [one["method"] for one in (page if isinstance(page, list) else [page])]


def test_a_tick_is_one_request_however_many_tasks(market: Market) -> None:
    """While none of them changes."""
    tasks = [market.publish(market.first) for _ in range(12)]
    with (
        faulty_node(market.url) as (node, url),
        following(market, *tasks, url=url) as (follower, news, _rpc),
    ):
        soon(lambda: len(news.snapshots) == 12)
        follower.await_receipt(*(f"0x{n:064x}" for n in range(40)))
        pass_ticks(follower, news, market)
        node.seen.clear()
        pass_ticks(follower, news, market, 4)
        pages = list(node.seen)

    for page in pages:
        methods = asked(page)
        assert methods[:3] == ["eth_getBlockByNumber", "eth_getBlockByNumber", "eth_getLogs"]
        assert methods[3:] == ["eth_getTransactionReceipt"] * 40


def test_a_change_of_one_task_reads_only_that_task(market: Market) -> None:
    """In one more call, for its state, its attempts and its responses."""
    tasks = [market.publish(market.first) for _ in range(10)]
    with (
        faulty_node(market.url) as (node, url),
        following(market, *tasks, url=url) as (_, news, _rpc),
    ):
        soon(lambda: len(news.snapshots) == 10)
        node.seen.clear()
        market.attempt(tasks[3])
        soon(lambda: news.of(tasks[3]) == [NEW, ATTEMPTED])
        pages = [page if isinstance(page, list) else [page] for page in node.seen]

    calls = [one for page in pages for one in page if one["method"] == "eth_call"]
    (order,) = [one["params"][0]["data"] for one in calls]
    assert order.lower() == tasks[3].lower() + "01000000"  # its terms are known


def test_with_nothing_to_follow_hardly_anything_is_asked(quick: Market) -> None:
    """A kernel that is left open for days is no load; and it wakes at once."""
    with following(quick) as (follower, news, rpc):
        before = rpc.requests
        time.sleep(1.0)
        assert rpc.requests == before

        begun = time.monotonic()
        follower.watch(quick.publish(quick.first))
        soon(lambda: news.snapshots)
        assert time.monotonic() - begun < LATE


def test_watching_costs_little_of_the_machine(quick: Market) -> None:
    """It does nothing between its looks."""
    tasks = [quick.publish(quick.first) for _ in range(5)]
    with following(quick, *tasks) as (_, news, _rpc):
        soon(lambda: len(news.snapshots) == 5)
        before = time.process_time()
        time.sleep(2)
        spent = time.process_time() - before

    assert spent < 0.5


def test_many_transactions_at_once_are_all_told(market: Market) -> None:
    """In windows, the oldest first; one that hangs hides no other."""
    with following(market) as (follower, news, _rpc):
        follower.await_receipt(*(f"0x{n:064x}" for n in range(30)))  # these will never come
        sent = [market.post_publish(market.first) for _ in range(80)]
        follower.await_receipt(*sent)
        market.mine(2)  # a burst can leave some in anvil's pool
        soon(lambda: len(news.receipts) == 80)

    assert {receipt.hash for receipt in news.receipts} == set(sent)


# --- its thread ------------------------------------------------------------------------


def test_a_listener_that_fails_does_not_end_it(
    quick: Market, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the next news are told."""
    task = quick.publish(quick.first)
    with (
        caplog.at_level(logging.ERROR, "ogpu_jupyter"),
        following(quick, task) as (follower, news, _r),
    ):
        news.raising = True
        pass_ticks(follower, news, quick)
        quick.attempt(task)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])

    assert "A listener of the follower failed." in caplog.text
    assert "a listener's own fault" in caplog.text
    assert news.troubles == []


def test_it_runs_in_the_context_of_its_start(quick: Market) -> None:
    """By which ipykernel finds the cell that an output belongs to."""
    cell = contextvars.ContextVar("cell", default="")
    seen: set[str] = set()

    class Looking(News):
        def on_head(self, head: Head) -> None:
            seen.add(cell.get())
            super().on_head(head)

    cell.set("mine")
    news, rpc = Looking(), quick.rpc()
    follower = Follower(rpc, quick.network(), news)
    follower.start()
    cell.set("another")
    soon(lambda: seen)
    follower.stop()
    rpc.close()

    assert seen == {"mine"}


def test_after_stop_nothing_is_told(quick: Market) -> None:
    """And no thread is left; stopping twice is fine."""
    task = quick.publish(quick.first)
    with following(quick, task) as (follower, news, _rpc):
        follower.stop()
        follower.stop()
        told = len(news.heads), len(news.snapshots)
        quick.attempt(task)
        follower.poke()
        names = {thread.name for thread in threading.enumerate()}

    assert (len(news.heads), len(news.snapshots)) == told
    assert "ogpu-follower" not in names


def test_a_listener_may_stop_it(quick: Market) -> None:
    """On its own thread, without waiting for itself."""

    class Stopping(News):
        def on_head(self, head: Head) -> None:
            super().on_head(head)
            follower.stop()

    news, rpc = Stopping(), quick.rpc()
    follower = Follower(rpc, quick.network(), news)
    follower.start()
    soon(lambda: news.heads)
    soon(lambda: "ogpu-follower" not in {thread.name for thread in threading.enumerate()})
    rpc.close()

    assert len(news.heads) == 1


# --- the chain's clock -----------------------------------------------------------------


def test_time_is_the_chains(own: Market) -> None:
    """Not this machine's, however far they are apart; and it goes on between blocks."""
    with following(own) as (follower, news, _rpc):
        own.call("evm_increaseTime", 100_000)
        own.mine()
        follower.poke()
        soon(lambda: news.heads[-1].number == own.height())
        ahead = follower.chain_time() - time.time()
        times = [follower.chain_time() for _ in range(1000)]

        assert 99_990 < ahead < 100_010
        assert times == sorted(times)
        now = follower.chain_time()
        soon(lambda: follower.chain_time() > now + 0.05)


def test_before_the_first_block_time_is_this_machines(own: Market) -> None:
    """There is nothing better."""
    rpc = own.rpc()
    follower = Follower(rpc, own.network(), News())

    assert abs(follower.chain_time() - time.time()) < 1
    rpc.close()


# --- trouble ---------------------------------------------------------------------------


@pytest.fixture
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_TICK_SECONDS", 1.5)
    monkeypatch.setattr(pace, "_LONGEST_BACKOFF", 0.3)


def test_an_outage_is_told_once_and_nothing_is_missed(own: Market, quick_backoff: None) -> None:
    """What happened meanwhile is told when the node is back, also more than a few blocks later."""
    task, sent = own.publish(own.manual), ""
    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (follower, news, _rpc),
    ):
        soon(lambda: news.of(task))
        node.always = reset
        soon(lambda: news.troubles, seconds=30)
        sent = own.post_publish(own.first)
        follower.await_receipt(sent)
        own.attempt(task, bid=33)
        own.mine(60)
        own.respond(task)
        requests = len(node.seen)
        node.always = None
        soon(lambda: len(news.troubles) == 2, seconds=30)
        soon(lambda: news.of(task) == [NEW, RESPONDED])
        soon(lambda: news.receipts)

    assert isinstance(news.troubles[0], NodeUnavailable)
    assert news.troubles[1] is None
    assert requests < 200
    assert [attempt.bid for attempt in news.last(task).attempts] == [33]
    assert [receipt.hash for receipt in news.receipts] == [sent]


def test_a_node_that_restarts_is_followed_on(
    own: Market, tmp_path: Path, quick_backoff: None
) -> None:
    """With its state and at its port: every event is told, and once."""
    task = own.publish(own.manual)
    with following(own, task) as (follower, news, _rpc):
        soon(lambda: news.of(task))
        own.attempt(task, bid=9)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])
        state, port = tmp_path / "chain.json", own.port
        state.write_bytes(own.dump())
        own.kill()
        soon(lambda: news.troubles, seconds=30)
        own.restart(port, state)
        own.respond(task)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, RESPONDED], seconds=30)
        pass_ticks(follower, news, own)

    assert news.of(task) == [NEW, ATTEMPTED, RESPONDED]
    assert [attempt.bid for attempt in news.last(task).attempts] == [9]
    assert [type(trouble) for trouble in news.troubles] == [NodeUnavailable, type(None)]
    assert news.retracted == []


def test_another_chain_at_the_same_port_is_not_taken_for_this_one(
    own: Market, anvil_path: Path, quick_backoff: None
) -> None:
    """Though its number, contracts and addresses are the same."""
    task = own.publish(own.first)
    port = own.port
    with following(own, task) as (_, news, _rpc):
        soon(lambda: news.of(task))
        own.kill()
        soon(lambda: news.troubles, seconds=30)
        other = Market(anvil_path, port=port)
        try:
            assert other.publish(other.first) == task
            other.attempt(task)
            soon(lambda: len(news.troubles) > 1, seconds=30)
        finally:
            other.kill()

    assert isinstance(news.troubles[1], WrongChain)
    assert news.of(task) == [NEW]
    assert news.retracted == []


# --- a chain that is rewritten ---------------------------------------------------------


def test_what_a_reorg_takes_is_retracted_and_told_anew(own: Market) -> None:
    """The attempt that is not there any more, and the one that came instead."""
    task = own.publish(own.manual)
    with following(own, task) as (follower, news, _rpc):
        soon(lambda: news.of(task))
        before = own.snapshot()
        own.attempt(task, bid=1)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])
        own.revert(before)
        own.mine(2)  # as high as it was, and higher
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, NEW])
        own.attempt(task, bid=2)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, NEW, ATTEMPTED])
        pass_ticks(follower, news, own)

    assert news.of(task) == [NEW, ATTEMPTED, NEW, ATTEMPTED]
    assert [attempt.bid for attempt in news.last(task).attempts] == [2]
    assert news.retracted == []


def test_a_task_and_its_receipt_are_retracted_and_come_again(own: Market) -> None:
    """In another block, which the new receipt names."""
    data = CONTROLLER.encode("publishTask", (own.first, "http://x", own.now() + 5000, PAYMENT))
    before = own.snapshot()
    with following(own) as (follower, news, _rpc):
        first = own.post(CLIENT, own.contracts["controller"], data)
        raw = own.call("eth_getRawTransactionByHash", first)
        follower.await_receipt(first)
        soon(lambda: news.receipts)
        task = own.task_of(news.receipts[0])
        follower.watch(task)
        soon(lambda: news.of(task))

        own.revert(before)
        own.mine(2)
        soon(lambda: len(news.retracted) == 2)
        assert set(news.retracted) == {first, task}

        assert own.call("eth_sendRawTransaction", raw) == first
        soon(lambda: len(news.receipts) == 2)
        soon(lambda: news.of(task) == [NEW, NEW])

    one, two = news.receipts
    assert one.hash == two.hash == first
    assert (one.block, one.block_hash) != (two.block, two.block_hash)


def test_a_reorg_that_keeps_everything_tells_nothing_twice(own: Market) -> None:
    """The same transactions in other blocks are the same news, but for their receipts."""
    task = own.publish(own.manual)
    own.attempt(task, bid=8)
    with following(own, task) as (follower, news, _rpc):
        soon(lambda: news.of(task))
        height = own.height()
        own.mine(3)
        soon(lambda: news.heads[-1].number == height + 3)
        own.call("anvil_reorg", 2, [])
        own.mine()
        soon(lambda: news.heads[-1].number == height + 4)
        pass_ticks(follower, news, own)

    assert news.of(task) == [ATTEMPTED]
    assert [attempt.bid for attempt in news.last(task).attempts] == [8]


def test_a_chain_that_goes_back_is_read_anew(own: Market) -> None:
    """As after a restart with an older state; its clock goes back with it."""
    task = own.publish(own.manual)
    with following(own, task) as (follower, news, _rpc):
        soon(lambda: news.of(task))
        before = own.snapshot()
        own.attempt(task)
        own.call("evm_increaseTime", 5000)
        own.mine(5)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])
        soon(lambda: follower.chain_time() > time.time() + 4000)
        own.revert(before)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, NEW], seconds=30)
        soon(lambda: follower.chain_time() < time.time() + 4000)

    assert news.troubles == []


# --- nodes that lag, lose and repeat ---------------------------------------------------


def logs_of(page: Any, requests: Any) -> Iterator[dict[str, Any]]:
    """The answers to eth_getLogs in a page."""
    many = page if isinstance(page, list) else [page]
    wanted = requests if isinstance(requests, list) else [requests]
    ids = {one["id"] for one in wanted if one["method"] == "eth_getLogs"}
    return (one for one in many if one["id"] in ids)


def on_logs(node: Faulty, change: Callable[[list[Any]], Any]) -> None:
    """From now on the node's logs are changed."""

    def fault(exchange: Any) -> None:
        page = node.honestly(exchange.body)
        for answer in logs_of(page, exchange.asked):
            answer["result"] = change(answer.get("result") or [])
        exchange.reply(page)

    node.always = fault


def test_repeated_mixed_and_foreign_logs_change_nothing(own: Market) -> None:
    """Thousands of strangers' in one block, ours twice, in any order, and some broken ones."""
    task = own.publish(own.manual)
    topic, height = NEXUS.topics["TaskStatusChanged"], own.height()

    def foreign(number: int) -> dict[str, Any]:
        return {
            "address": own.contracts["nexus"],
            "topics": [topic],
            "data": f"0x{number:064x}{1:064x}",
            "blockNumber": hex(height + 1),
            "blockHash": "0x" + "ee" * 32,
            "transactionHash": f"0x{number:064x}",
            "logIndex": hex(number),
        }

    broken = [None, 7, {}, {"topics": []}, {**foreign(1), "data": "0x12"}, {"topics": "x"}]
    broken += [{**foreign(1), "topics": {"a": 1}}, {**foreign(1), "logIndex": {}}]
    crowd = [foreign(number) for number in range(10, 5010)]
    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (follower, news, rpc),
    ):
        soon(lambda: news.of(task))
        on_logs(node, lambda logs: [*broken, *reversed(logs), *crowd, *logs])
        own.attempt(task, bid=3)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])
        pass_ticks(follower, news, own)
        before = rpc.requests
        pass_ticks(follower, news, own)
        ticks = rpc.requests - before

    assert news.of(task) == [NEW, ATTEMPTED]
    assert [attempt.bid for attempt in news.last(task).attempts] == [3]
    assert len(news.snapshots) == 2
    assert ticks < 12
    assert news.troubles == []


def test_a_log_of_a_block_to_come_only_delays(own: Market, quick_backoff: None) -> None:
    """A node that lies about it is asked again, at the block that it has."""
    task = own.publish(own.manual)
    lie = {
        "address": own.contracts["nexus"],
        "topics": [NEXUS.topics["TaskStatusChanged"]],
        "data": f"0x{int(task, 16):064x}{1:064x}",
        "blockNumber": hex(2**200),
        "blockHash": "0x" + "ee" * 32,
        "transactionHash": "0x" + "dd" * 32,
        "logIndex": "0x0",
    }
    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (_, news, _rpc),
    ):
        soon(lambda: news.of(task))
        on_logs(node, lambda logs: [*logs, lie])
        own.attempt(task)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])


def test_logs_that_come_late_are_not_missed(own: Market) -> None:
    """A replica that has the block but not its logs yet."""
    task = own.publish(own.manual)
    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (follower, news, _rpc),
    ):
        soon(lambda: news.of(task))
        on_logs(node, lambda _: [])
        own.attempt(task, bid=6)
        pass_ticks(follower, news, own, 3)
        assert news.of(task) == [NEW]

        node.always = None
        soon(lambda: news.of(task) == [NEW, ATTEMPTED])

    assert [attempt.bid for attempt in news.last(task).attempts] == [6]


def test_logs_that_never_come_only_delay(own: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then a task is read without being asked to."""
    monkeypatch.setattr(watched, "_REFRESH_SECONDS", 0.4)
    task = own.publish(own.manual)
    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (_, news, _rpc),
    ):
        soon(lambda: news.of(task))
        on_logs(node, lambda _: [])
        own.attempt(task)

        soon(lambda: news.of(task) == [NEW, ATTEMPTED])


@pytest.mark.parametrize("longest", [1, 5, 40])
def test_a_range_that_is_too_long_is_split(own: Market, quick_backoff: None, longest: int) -> None:
    """Down to single blocks; no event of an outage is missed."""
    task = own.publish(own.manual)
    refused = []

    def limit(exchange: Any) -> None:
        page = node.honestly(exchange.body)
        head = own.height()
        asked = exchange.asked if isinstance(exchange.asked, list) else [exchange.asked]
        for answer in logs_of(page, asked):
            (query,) = next(one["params"] for one in asked if one["id"] == answer["id"])
            last = head if query["toBlock"] == "latest" else int(query["toBlock"], 16)
            if last - int(query["fromBlock"], 16) + 1 > longest:
                answer.pop("result", None)
                answer["error"] = {"code": -32000, "message": "block range is too wide"}
                refused.append(last)
        exchange.reply(page)

    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (_, news, _rpc),
    ):
        soon(lambda: news.of(task))
        node.always = reset
        soon(lambda: news.troubles, seconds=30)
        own.mine(20)
        own.attempt(task, bid=12)
        own.mine(30)
        node.always = limit
        soon(lambda: news.of(task) == [NEW, ATTEMPTED], seconds=30)
        own.respond(task)
        soon(lambda: news.of(task) == [NEW, ATTEMPTED, RESPONDED])

    assert refused
    assert [attempt.bid for attempt in news.last(task).attempts] == [12]


def test_without_any_logs_the_blocks_are_enough(own: Market) -> None:
    """A node that refuses eth_getLogs costs more requests, and no news."""
    task = own.publish(own.manual)

    def refuse(exchange: Any) -> None:
        page = node.honestly(exchange.body)
        for answer in logs_of(page, exchange.asked):
            answer.pop("result", None)
            answer["error"] = {"code": -32601, "message": "the method is not available"}
        exchange.reply(page)

    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (_, news, _rpc),
    ):
        node.always = refuse
        own.attempt(task)
        soon(lambda: news.of(task)[-1:] == [ATTEMPTED])
        own.respond(task)
        soon(lambda: news.of(task)[-1:] == [RESPONDED])


def test_a_replica_that_lags_tells_nothing_and_takes_nothing_back(own: Market) -> None:
    """Behind a balancer every other answer may come from one that is behind."""
    task = own.publish(own.manual)
    own.attempt(task)
    turn = 0

    def lag(exchange: Any) -> None:
        nonlocal turn
        turn += 1
        page = node.honestly(exchange.body)
        if turn % 2 and isinstance(page, list):
            behind = own.call("eth_getBlockByNumber", hex(own.height() - 2), False)
            for one, answer in zip(exchange.asked, page, strict=True):
                if one["method"] == "eth_getBlockByNumber" and one["params"][0] == "latest":
                    answer["result"] = behind
                elif one["method"] == "eth_getBlockByNumber":
                    answer["result"] = None
                elif one["method"] == "eth_getLogs":
                    answer["result"] = []
        exchange.reply(page)

    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (follower, news, rpc),
    ):
        soon(lambda: news.of(task))
        node.always = lag
        pass_ticks(follower, news, own, 4)
        before = rpc.requests
        pass_ticks(follower, news, own, 4)
        own.respond(task)
        soon(lambda: news.of(task) == [ATTEMPTED, RESPONDED])

    numbers = [head.number for head in news.heads]
    assert numbers == sorted(set(numbers))
    assert news.retracted == []
    assert news.troubles == []
    assert rpc.requests - before < 60


def test_a_port_where_nobody_listens_is_trouble_until_somebody_does(
    own: Market, quick_backoff: None
) -> None:
    """A follower may be started before its node."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    news, rpc = News(), Rpc(f"http://127.0.0.1:{port}")
    follower = Follower(rpc, own.network(), news)
    follower.start()
    soon(lambda: news.troubles, seconds=30)
    follower.stop()
    rpc.close()

    assert isinstance(news.troubles[0], NodeUnavailable)
    assert news.heads == []


def test_answers_that_are_nonsense_are_trouble_and_no_end(own: Market, quick_backoff: None) -> None:
    """Of whatever kind; it goes on when they make sense again."""
    task = own.publish(own.manual)

    def nonsense(page: Any) -> Any:
        for answer in page if isinstance(page, list) else [page]:
            answer["result"] = {"number": [], "hash": 3, "logs": {}}
        return page

    with (
        faulty_node(own.url) as (node, url),
        following(own, task, url=url) as (_, news, _rpc),
    ):
        soon(lambda: news.of(task))
        node.always = changed(nonsense)
        soon(lambda: news.troubles, seconds=30)
        own.attempt(task)
        node.always = None
        soon(lambda: news.of(task) == [NEW, ATTEMPTED], seconds=30)

    assert news.troubles[-1] is None
