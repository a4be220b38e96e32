"""The follower's parts, each by itself: what a chain can do to them, in any order."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.chain.contracts import NEXUS
from ogpu_jupyter.chain.events import line
from ogpu_jupyter.chain.events import pace as pace_module
from ogpu_jupyter.chain.events.clock import ChainClock
from ogpu_jupyter.chain.events.line import Line, Rewritten
from ogpu_jupyter.chain.events.logs import NexusLogs
from ogpu_jupyter.chain.events.pace import Pace
from ogpu_jupyter.chain.events.watched import Awaited, Watched
from ogpu_jupyter.chain.transactions import Head
from ogpu_jupyter.errors import AddressError, RpcError, WrongChain
from ogpu_jupyter.tasks import DeliveryMethod, TaskSnapshot, TaskStatus

NEXUS_AT = "0x" + "4e" * 20
TASK, PROVIDER = "0x" + "7a" * 20, "0x" + "9b" * 20


def block(number: int, fork: str = "a") -> dict[str, Any]:
    return {
        "number": hex(number),
        "hash": f"0x{fork * 4}{number:060x}",
        "timestamp": hex(1_000_000 + number),
    }


def receipt(tx_hash: str, number: int = 1, fork: str = "a") -> dict[str, Any]:
    return {
        "transactionHash": tx_hash,
        "blockNumber": hex(number),
        "blockHash": block(number, fork)["hash"],
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x1",
        "logs": [],
    }


def attempted(number: int, index: int, *, bid: int = 1, task: str = TASK) -> dict[str, Any]:
    words = (int(task, 16), int(PROVIDER, 16), bid)
    return {
        "address": NEXUS_AT,
        "topics": [NEXUS.topics["Attempted"]],
        "data": "0x" + "".join(f"{word:064x}" for word in words),
        "blockNumber": hex(number),
        "blockHash": block(number)["hash"],
        "transactionHash": f"0x{index:064x}",
        "logIndex": hex(index),
    }


# --- the line of blocks ----------------------------------------------------------------


def settled(*numbers: int) -> Line:
    """A line that has seen these blocks, one after the other."""
    seen = Line("")
    for number in numbers:
        answers = {hex(n): block(n) for n in (0, *numbers)} | {"latest": block(number)}
        seen.read([answers[call.params[0]] for call in seen.calls()])
    assert seen.is_sure
    return seen


def test_it_goes_on_while_its_newest_block_is_there() -> None:
    """In steps of any length."""
    assert isinstance(settled(5, 6, 900), Line)


@pytest.mark.parametrize(
    ("latest", "seen"),
    [
        (block(11), block(10, "b")),  # another block in the place of the one that was seen
        (block(10, "b"), block(10, "b")),
        (block(10, "b"), None),
        (block(9), block(10, "b")),
        (block(8, "b"), None),  # lower, and not what was seen there
    ],
)
def test_a_rewritten_chain_is_noticed(latest: dict, seen: dict | None) -> None:
    """And then nothing is sure until the first block was compared."""
    chain = settled(8, 10)

    assert chain.read([latest, seen]) == Rewritten(Head.of(latest))
    assert not chain.is_sure
    assert [call.params[0] for call in chain.calls()] == ["latest", "0x0"]


@pytest.mark.parametrize(
    ("latest", "seen"),
    [(block(9), None), (block(9), block(10)), (block(8), None), (block(3), None)],
)
def test_a_node_that_is_behind_says_nothing(latest: dict, seen: dict | None) -> None:
    """Not that blocks were taken away."""
    chain = settled(8, 10)

    assert chain.read([latest, seen]) is None
    assert chain.is_sure


def test_a_node_that_stays_behind_has_lost_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds of it."""
    chain = settled(10)
    assert chain.read([block(4), None]) is None
    monkeypatch.setattr(line, "_PATIENCE", -1.0)

    assert chain.read([block(4), None]) == Rewritten(Head.of(block(4)))


def test_another_first_block_is_another_chain() -> None:
    """Whether it was told before or seen before."""
    told = Line(block(0, "B")["hash"])
    with pytest.raises(WrongChain):
        told.read([block(5), block(0, "a")])

    chain = settled(10)
    chain.doubt()
    with pytest.raises(WrongChain):
        chain.read([block(11), block(10), block(0, "b")])
    assert isinstance(chain.read([block(11), block(10), block(0)]), Head)


def test_no_newest_block_is_the_nodes_error() -> None:
    """Not the end of the chain."""
    for answer in (RpcError("busy"), None, {}, {"number": "0x1"}, [], "0x"):
        with pytest.raises(RpcError):
            Line("").read([answer, block(0)])


# --- logs ------------------------------------------------------------------------------

LOGS = [attempted(number, index) for number in range(3) for index in range(3)]


@given(
    st.lists(st.lists(st.sampled_from(LOGS), max_size=12), max_size=6),
)
def test_each_log_is_taken_once_in_whatever_order_it_comes(answers: list) -> None:
    """Within an answer they are sorted as the chain has them."""
    logs = NexusLogs(NEXUS_AT)
    taken = [logs.take(answer, lambda address: address == TASK) for answer in answers]

    places = [(log.block, log.index) for part in taken for log in part]
    expected = {
        (int(log["blockNumber"], 16), int(log["logIndex"], 16)) for a in answers for log in a
    }
    assert len(places) == len(set(places))
    assert set(places) == expected
    for part in taken:
        assert [(log.block, log.index) for log in part] == sorted(
            (log.block, log.index) for log in part
        )


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["0x1", "0x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(LOGS[0])), inner)
    ),
    max_leaves=20,
)


@given(st.lists(JUNK | st.fixed_dictionaries(dict.fromkeys(LOGS[0], JUNK)), max_size=5))
def test_what_is_no_log_is_none(junk: list) -> None:
    """And the logs beside it are taken."""
    taken = NexusLogs(NEXUS_AT).take([*junk, LOGS[0]], lambda address: address == TASK)

    assert [(log.block, log.index) for log in taken] == [(0, 0)]


def test_a_bid_is_kept_also_of_a_task_that_is_not_watched_yet() -> None:
    """It may be watched a moment later; its event comes only once."""
    logs = NexusLogs(NEXUS_AT)

    assert logs.take([attempted(1, 0, bid=2**200)], lambda _: False) == []
    assert logs.bid(TASK.upper().replace("X", "x"), PROVIDER) == 2**200
    assert logs.bid(TASK, TASK) is None


def test_a_log_of_another_contract_is_none_of_ours() -> None:
    """Whatever it says."""
    logs = NexusLogs(NEXUS_AT)
    stranger = attempted(1, 0) | {"address": "0x" + "66" * 20}

    assert logs.take([stranger], lambda _: True) == []
    assert logs.bid(TASK, PROVIDER) is None


def reach(logs: NexusLogs) -> int:
    """How many blocks before the cursor are asked for again."""
    (query,) = logs.call().params
    return (logs.cursor or 0) + 1 - int(query["fromBlock"], 16)


def test_it_reaches_back_less_where_blocks_are_full() -> None:
    """What comes again with every tick is bounded, but a little always does."""
    logs = NexusLogs(NEXUS_AT)
    logs.cursor = 1000
    assert reach(logs) == 16

    logs.take((attempted(n, i) for n in range(985, 1001) for i in range(400)), lambda _: False)
    assert reach(logs) == 2


@given(limit=st.integers(1, 60), gap=st.integers(0, 300))
def test_every_block_is_asked_for_within_the_nodes_limit(limit: int, gap: int) -> None:
    """Whatever the limit is, in a number of requests that fits it."""
    logs = NexusLogs(NEXUS_AT)
    logs.cursor = 100
    head, covered, asked = 100 + gap, set[int](), 0

    def ask(call: Any) -> list[Any] | None:
        nonlocal asked
        asked += 1
        (query,) = call.params
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        assert first <= last <= head
        if last - first + 1 > limit:
            return None
        covered.update(range(first, last + 1))
        return []

    found, complete = logs.catch_up(head, ask)

    assert (found, complete) == ([], True)
    assert set(range(101, head + 1)) <= covered
    assert logs.cursor == head
    assert asked <= 3 * (gap // max(1, limit // 2) + 12)


def test_a_block_that_is_refused_is_passed_over_and_said_to_be_missing() -> None:
    """Then all tasks are read, for no log says which have changed."""
    logs = NexusLogs(NEXUS_AT)
    logs.cursor = 10

    assert logs.catch_up(14, lambda _: None) == ([], False)
    assert logs.cursor == 14


# --- transactions ----------------------------------------------------------------------


def tx(number: int) -> str:
    return f"0x{number:064x}"


def test_each_of_many_has_its_turn_though_the_oldest_hang() -> None:
    """In a few ticks."""
    awaited = Awaited()
    awaited.add(tx(n) for n in range(500))
    seen: set[str] = set()
    for _ in range(25):
        window = awaited.next()
        assert len(window) == len(set(window)) == 96
        awaited.take(window, [None] * len(window))
        seen |= set(window)

    assert len(seen) == 500


def test_a_receipt_comes_again_only_in_another_block() -> None:
    """After a reorg; and is taken back where there is none any more."""
    awaited = Awaited()
    awaited.add([tx(1).upper().replace("X", "x")])

    def tick(answer: Any) -> tuple[list[int], list[str]]:
        window = awaited.next()
        receipts, retracted = awaited.take(window, [answer] * len(window))
        return [found.block for found in receipts], retracted

    assert tick(None) == ([], [])
    assert tick(RpcError("busy")) == ([], [])
    assert tick({"transactionHash": 7, "blockNumber": "0x1"}) == ([], [])
    assert tick(receipt(tx(1))) == ([1], [])
    assert awaited.next() == []
    awaited.doubt()
    assert tick(receipt(tx(1))) == ([], [])
    awaited.doubt()
    assert tick(receipt(tx(1), 2, "b")) == ([2], [])
    awaited.doubt()
    assert tick(None) == ([], [tx(1)])
    assert tick(None) == ([], [])
    assert tick(receipt(tx(1), 3)) == ([3], [])


def test_a_task_that_the_node_does_not_have_yet_is_read_again() -> None:
    """Watched before the node has its block, it is not gone: it may come."""
    address = "0x" + "1a" * 20
    snapshot = TaskSnapshot(
        address=address,
        block=1,
        source=address,
        config_url="",
        expires_at=1,
        payment=1,
        delivery=DeliveryMethod.FIRST_RESPONSE,
        status=TaskStatus.NEW,
    )
    watched = Watched()
    watched.add([address])

    early = watched.read(address, AddressError("There is no task."), lambda *_: None)
    still_due = watched.due()
    told = watched.read(address, snapshot, lambda *_: None)

    assert (early, still_due, told) == (False, [address], snapshot)
    assert watched.due() == []


# --- clock and pace --------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20))
def test_the_clock_never_goes_back_and_never_lags_a_block(timestamps: list[int]) -> None:
    """In whatever order blocks are heard of."""
    clock = ChainClock()
    clock.saw(timestamps[0])
    last = clock.now()
    for timestamp in timestamps:
        clock.saw(timestamp)
        now = clock.now()
        assert now >= last
        assert now >= timestamp - 0.001
        last = now

    assert last < max(timestamps) + 5


def test_the_clock_goes_back_with_its_chain() -> None:
    """As after a restart with an older state."""
    clock = ChainClock()
    clock.saw(5000)
    clock.reset()
    clock.saw(1000)

    assert 1000 <= clock.now() < 1005


class Blocks:
    """A stopwatch of our own, and blocks that come by it."""

    def __init__(self, period: float, jitter: float = 0.0, late: float = 0.0) -> None:
        """Each as much as `jitter` after its moment; every fifth as much as `late` besides."""
        chance = random.Random(7)
        self.now = 1000.0
        self.arrivals = [
            1000.3 + n * period + chance.uniform(0, jitter) + chance.choice([0, 0, 0, 0, late])
            for n in range(600)
        ]

    def monotonic(self) -> float:
        return self.now

    def watch(self, blocks: int, took: float) -> tuple[float, float]:
        """Looks for each block, and the mean delay of the later ones, in seconds."""
        looking, looks, delays = Pace(), 0, []
        last = 0
        while last < blocks:
            asked = self.now
            number = sum(arrival <= asked + took / 2 for arrival in self.arrivals)
            self.now += took
            looks += last > blocks // 4
            if last < number:
                delays.append(self.now - self.arrivals[number - 1])
                last = number
            looking.block(number, asked)
            self.now += max(0.05, looking.pause(busy=True))
        later = delays[len(delays) // 4 :]
        return looks / (blocks - blocks // 4), sum(later) / len(later)


@pytest.mark.parametrize(
    ("period", "jitter", "took", "most_looks", "longest"),
    [
        (1.0, 0.0, 0.003, 1.05, 0.1),
        (1.0, 0.02, 0.05, 1.05, 0.1),
        (1.02, 0.003, 0.01, 1.05, 0.15),
        (2.0, 0.01, 0.1, 1.05, 0.15),
        (12.0, 0.5, 0.1, 1.1, 0.6),
        (0.1, 0.0, 0.003, 0.5, 0.2),
        (4.0, 4.0, 0.05, 2.6, 2.0),
    ],
)
def test_one_look_for_each_block_soon_after_it_came(
    monkeypatch: pytest.MonkeyPatch,
    period: float,
    jitter: float,
    took: float,
    most_looks: float,
    longest: float,
) -> None:
    """Where blocks come regularly; where they don't, about two."""
    blocks = Blocks(period, jitter)
    monkeypatch.setattr(pace_module, "time", blocks)

    looks, delay = blocks.watch(300, took)

    assert looks <= most_looks
    assert delay <= longest


@pytest.mark.parametrize(("period", "late"), [(1.0, 0.1), (1.0, 0.3), (2.0, 0.3), (12.0, 1.0)])
def test_late_blocks_on_a_busy_machine_cost_little(
    monkeypatch: pytest.MonkeyPatch, period: float, late: float
) -> None:
    """Neither many looks, nor a wait that stays when they are no longer late."""
    blocks = Blocks(period, 0.01, late)
    monkeypatch.setattr(pace_module, "time", blocks)

    looks, delay = blocks.watch(300, 0.01)

    assert looks <= 1.2
    assert delay <= 1.5 * late


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@given(st.lists(st.tuples(
    st.sampled_from([0, 0, 1, 1, 1, 2, 12, -3, 10_000]),
    st.sampled_from([0.01, 0.5, 1, 1, 1, 12, 3600]),
), max_size=60))  # fmt: skip
def test_whatever_the_blocks_do_the_next_look_is_near(steps: list[tuple[int, float]]) -> None:
    """A machine that slept, a chain that stood still, or one that mined ten thousand at once."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace_module, "time", clock)
        looking, number, longest = Pace(), 100_000, 1.0
        for count, seconds in steps:
            clock.now += seconds
            longest = max(longest, seconds)
            number += count
            looking.block(number)
            assert 0 < looking.pause(busy=True) <= 1.2 * max(longest, 2.0)


@pytest.mark.parametrize("period", [0.25, 1.0, 12.0])
def test_a_chain_that_stood_still_for_an_hour_is_followed_as_before(
    monkeypatch: pytest.MonkeyPatch, period: float
) -> None:
    blocks = Blocks(period)
    before, rest = blocks.arrivals[:60], blocks.arrivals[60:]
    blocks.arrivals = [*before, *(arrival + 3600 for arrival in rest)]
    monkeypatch.setattr(pace_module, "time", blocks)
    blocks.watch(70, 0.003)  # over the halt

    blocks.now = blocks.arrivals[100]
    looks, delay = blocks.watch(400, 0.003)

    assert looks <= 1.3
    assert delay <= 0.3 * period


def test_another_block_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """From twelve seconds to one, as a local network that is started anew."""
    blocks = Blocks(12.0)
    slow = blocks.arrivals[:40]
    blocks.arrivals = [*slow, *(slow[-1] + 1.0 * n for n in range(1, 400))]
    monkeypatch.setattr(pace_module, "time", blocks)

    looks, delay = blocks.watch(300, 0.01)

    assert looks <= 1.1
    assert delay <= 0.15


def test_who_is_told_of_blocks_hardly_looks() -> None:
    """A look now and then, in case that somebody falls silent."""
    pace = Pace()
    pace.block(5)

    assert 2 <= pace.pause(busy=True, is_told=True) <= 15


def test_the_pace_follows_the_blocks() -> None:
    """Twice a block, within bounds; seldom when nothing is followed, and less with each failure."""
    pace = Pace()
    for number in range(50):
        pace.block(number)
    quick = pace.pause(busy=True)
    pace._at = time.monotonic() - 60
    slow = pace.pause(busy=True)
    backoffs = [pace.backoff() for _ in range(12)]

    assert quick == 0.25
    assert slow == 2.0
    assert pace.pause(busy=False) == 15.0
    assert 0.5 < backoffs[0] < 1.1
    assert 11 <= backoffs[-1] <= 15
