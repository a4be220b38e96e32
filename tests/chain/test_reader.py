"""The code that comes along with the call: at one price for many, and never believed blindly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ogpu_jupyter.chain.contracts import NEXUS, TERMINAL
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.chain.snapshots.means import means_of
from ogpu_jupyter.errors import AddressError, NodeUnavailable, RpcError
from ogpu_jupyter.localnet.accounts import ALL, PROVIDER
from ogpu_jupyter.tasks import ResponseStatus, TaskSnapshot, TaskStatus
from tests.chain.faulty import answers, changed, honest, reset, silent
from tests.chain.market import CLIENT, Market
from tests.chain.ways import brings_code, node_with, only, says, when
from tests.helpers import wait_until

STRANGERS = [CLIENT, "0x" + "00" * 19 + "01"]


@pytest.fixture(scope="module")
def tasks(market: Market) -> list[str]:
    """A dozen, of which some are attempted, answered or paid."""
    made = [market.publish(market.manual if i % 3 else market.first) for i in range(12)]
    for task in made[:8]:
        market.attempt(task)
    for task in made[:5]:
        market.respond(task)
    return made


@pytest.fixture(scope="module")
def truth(market: Market, tasks: list[str]) -> list[Any]:
    """As the contracts say it, one by one."""
    with node_with(market.url, only("single")) as (_, rpc):
        return snapshots(rpc, tasks, block=market.height())


def test_one_request_says_what_all_questions_say(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """Also of a past block, and in another order, and of a task that is named twice."""
    rpc = market.rpc()
    found = snapshots(rpc, [*tasks, tasks[0]], block=truth[0].block)
    assert found == [*truth, truth[0]]
    assert rpc.requests == 1
    assert snapshots(rpc, tasks[::-1], block=truth[0].block) == truth[::-1]
    rpc.close()


def test_without_a_block_it_is_the_newest_and_says_which(market: Market, tasks: list[str]) -> None:
    """In the one request."""
    rpc = market.rpc()
    market.mine()

    found = snapshots(rpc, tasks)

    assert {task.block for task in found} == {market.height()}
    assert rpc.requests == 1
    rpc.close()


def test_of_known_tasks_only_what_moves_is_sent(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """Neither the terms nor a response's address of content come again; bids stay."""
    known = {
        task.address: task.model_copy(
            update={"attempts": tuple(a.model_copy(update={"bid": 7}) for a in task.attempts)}
        )
        for task in truth
    }
    sizes: list[int] = []

    def weigh(page: Any) -> Any:
        sizes.append(len(page["result"]))
        return page

    with node_with(market.url, changed(weigh)) as (_, rpc):
        snapshots(rpc, tasks)
        warm = snapshots(rpc, tasks, known=known, block=truth[0].block)

    assert warm == [known[task] for task in tasks]
    assert sizes[1] < sizes[0] / 2
    assert (warm[0].config_url, warm[0].responses[0].url) != ("", "")


def test_a_response_moves_though_it_is_known(market: Market) -> None:
    """From submitted to confirmed, and one that came after is read whole."""
    rpc = market.rpc()
    task = market.publish(market.manual)
    market.attempt(task)
    market.respond(task)
    (early,) = snapshots(rpc, [task])
    market.confirm(early.responses[0].address)
    (late,) = snapshots(rpc, [task], known={task: early})
    (cold,) = snapshots(rpc, [task])
    rpc.close()

    assert late == cold
    assert late.responses[0].status is ResponseStatus.CONFIRMED
    assert (late.status, late.winner) == (TaskStatus.FINALIZED, PROVIDER.address)


def test_a_task_that_fails_harms_no_other(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """It is its own error, in its own place."""
    rpc = market.rpc()
    strangers = [*STRANGERS, market.first, market.contracts["nexus"], "0x12"]
    mixed = [one for pair in zip(strangers, tasks, strict=False) for one in pair]

    found = snapshots(rpc, mixed, block=truth[0].block)

    assert found[1::2] == truth[: len(strangers)]
    assert [type(error) for error in found[::2]] == [AddressError] * len(strangers)
    assert found[0].what == f"There is no task at {CLIENT}."
    rpc.close()


def test_a_node_is_asked_once_whether_code_may_come_along(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """What it refused is not asked again; the next node is."""
    with node_with(market.url, only("batch")) as (node, rpc):
        for _ in range(3):
            assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert sum(map(brings_code, node.seen)) == 1
        assert not means_of(rpc).reader.open
    assert means_of(Rpc(market.url)).reader.open


REFUSALS = {
    "geth before overrides": says(
        {"code": -32602, "message": "too many arguments, want at most 2"}
    ),
    "no such parameter": says({"code": -32602, "message": "Invalid params"}),
    "an old machine": says({"code": -32000, "message": "invalid opcode: PUSH0"}),
    "no such method": says({"code": -32601, "message": "Method not found"}),
    "without a word": answers(result="0x"),
    "a single byte": answers(result="0x00"),
    "no hex": answers(result="0xzz"),
    "null": answers(result=None),
    "a number": answers(result=7),
    "of another block": answers(result="0x" + "00" * 12),
    "of too many tasks": answers(result="0x" + "00" * 8 + "ff" * 4),
    "as if all were too much": says({"code": -32000, "message": "request too large"}),
    "it falls over": lambda exchange: exchange.reply(b"oh no", 400),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_however_it_refuses_the_next_way_is_taken(
    market: Market, tasks: list[str], truth: list[Any], refusal: Any
) -> None:
    """And within three readings it is not asked so any more."""
    with node_with(market.url, when(brings_code, refusal)) as (node, rpc):
        for _ in range(3):
            assert snapshots(rpc, tasks, block=truth[0].block) == truth
        before = len(node.seen)
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert not any(map(brings_code, node.seen[before:]))


def test_a_node_that_ignores_the_third_parameter(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """It calls an account without code, and answers with nothing."""

    def ignores(exchange: Any) -> None:
        asked = exchange.asked
        if brings_code(asked):
            exchange.body = json.dumps({**asked, "params": asked["params"][:2]}).encode()
        honest(exchange)

    with node_with(market.url, ignores) as (node, rpc):
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert sum(map(brings_code, node.seen)) == 1


def swapped(data: bytes) -> bytes:
    """The first two tasks' frames in the other order."""
    ends = [12]
    for _ in range(2):
        size = int.from_bytes(data[ends[-1] + 21 : ends[-1] + 25], "big")
        ends.append(ends[-1] + 25 + size)
    first, second = data[12 : ends[1]], data[ends[1] : ends[2]]
    return data[:12] + second + first + data[ends[2] :]


LIES = {
    "swapped": swapped,
    "one is missing": lambda data: data[:11] + bytes([data[11] - 1]) + data[12:],
    "cut short": lambda data: data[:-1],
    "too long": lambda data: data + b"\0",
    "the first again": lambda data: data[:12] + data[37:57] + data[32:],
    "another address": lambda data: data[:12] + b"\x11" * 20 + data[32:],
    "a status that is none": lambda data: data[:37] + b"\x09" + data[38:],
    "another length": lambda data: data[:36] + bytes([data[36] ^ 1]) + data[37:],
    "more attempts than there are": lambda data: data[:58] + b"\x03\xe8" + data[60:],
    "known, which it is not": lambda data: data.replace(b"\0\0\0http", b"\1\1\1http"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_no_value_lands_on_another_task(
    market: Market, tasks: list[str], truth: list[Any], lie: Any
) -> None:
    """What doesn't stand under the task's own address, or doesn't fit, is asked again."""

    def twist(page: Any) -> Any:
        data = bytes.fromhex(page["result"][2:])
        return {**page, "result": "0x" + lie(data).hex()}

    with node_with(market.url, when(brings_code, changed(twist))) as (_, rpc):
        assert snapshots(rpc, tasks, block=truth[0].block) == truth


def test_a_node_with_little_gas_takes_more_calls(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """The code stops before the gas does; nothing is taken for missing."""

    def starve(exchange: Any) -> None:
        asked = exchange.asked
        if brings_code(asked):
            asked["params"][0]["gas"] = hex(400_000)
            exchange.body = json.dumps(asked).encode()
        honest(exchange)

    with node_with(market.url, starve) as (node, rpc):
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        mixed = [*tasks, *STRANGERS]
        found = snapshots(rpc, mixed, block=truth[0].block)
        assert found[: len(tasks)] == truth
        assert all(isinstance(error, AddressError) for error in found[len(tasks) :])
        assert sum(map(brings_code, node.seen)) > 2
        assert means_of(rpc).reader.open


@pytest.mark.parametrize("gas", [30_000, 60_000, 100_000])
def test_where_gas_is_for_not_even_one_task_it_is_asked_otherwise(
    market: Market, tasks: list[str], truth: list[Any], gas: int
) -> None:

    def starve(exchange: Any) -> None:
        asked = exchange.asked
        if brings_code(asked):
            asked["params"][0]["gas"] = hex(gas)
            exchange.body = json.dumps(asked).encode()
        honest(exchange)

    with node_with(market.url, starve) as (_, rpc):
        assert snapshots(rpc, tasks[:3], block=truth[0].block) == truth[:3]


def test_a_node_that_minds_much_gas_is_asked_without(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """Once; then it is remembered."""

    def minds(exchange: Any) -> None:
        asked = exchange.asked
        if brings_code(asked) and "gas" in asked["params"][0]:
            says({"code": -32000, "message": "gas limit is too high"})(exchange)
        else:
            honest(exchange)

    with node_with(market.url, minds) as (node, rpc):
        for _ in range(2):
            assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert len(node.seen) == 3


TOO_LARGE = {
    "HTTP 413": lambda exchange: exchange.reply(b"", 413),
    "in words": says({"code": -32000, "message": "response size exceeded the maximum"}),
    "out of time": says({"code": -32000, "message": "execution aborted (timeout = 5s)"}),
}


@pytest.mark.parametrize("limit", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_limit_of_size_is_found_and_remembered(
    market: Market, tasks: list[str], truth: list[Any], limit: Any
) -> None:
    """Half as many, until it fits; the next reading begins with that."""

    def narrow(asked: Any) -> bool:
        return brings_code(asked) and len(asked["params"][0]["data"]) > 2 + 48 * 5

    with node_with(market.url, when(narrow, limit)) as (node, rpc):
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        first = len(node.seen)
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert first == 6  # of twelve, of six, then four times three
        assert len(node.seen) - first == 4


def test_a_reading_survives_what_passes(market: Market, tasks: list[str], truth: list[Any]) -> None:
    """A lost connection, a rate limit, an overloaded node: asked again, in the same way."""
    with node_with(market.url, honest) as (node, rpc):
        busy = lambda exchange: exchange.reply(b"", 429, {"Retry-After": "0"})  # noqa: E731
        node.script(reset, busy, lambda exchange: exchange.reply(b"", 503))
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert all(map(brings_code, node.seen))


def test_a_node_that_never_answers_ends_at_the_deadline(market: Market, tasks: list[str]) -> None:
    """All ways together get the time that one has."""
    with (
        node_with(market.url, silent, timeout=1.5) as (_, rpc),
        pytest.raises(NodeUnavailable, match="doesn't answer"),
    ):
        snapshots(rpc, tasks)


def test_a_node_that_is_not_there_is_told_at_once() -> None:
    rpc = Rpc("http://127.0.0.1:9", timeout=1)
    with pytest.raises(NodeUnavailable, match="connection refused"):
        snapshots(rpc, [CLIENT])
    rpc.close()


HOSTILE = {
    "burns all gas": "5b600056",
    "an invalid instruction": "fe",
    "reverts": "60006000fd",
    "reverts with a megabyte": "62100000 6000fd",
    "a megabyte of zeros": "621000006000f3",
    "a megabyte of ones": "60ff6000 52 62100000 6000f3",
    "one word, always": "60016000 5260206000f3",
    "no end of attempts": "6000196000 5260206000f3",
    "an offset to nowhere": "7f" + "ff" * 32 + "600052" + "60806000f3",
    "calls itself": "6000600060006000 6000305af1 00",
    "destroys itself": "30ff",
}


@pytest.fixture(scope="module")
def hostile(market: Market, node: str) -> list[str]:
    """Contracts that want to harm who reads them."""

    def deployed(code: str) -> str:
        body = bytes.fromhex(code)
        data = "0x" + (bytes.fromhex(f"60{len(body):02x}8060093d393df3") + body).hex()
        fields = {"from": CLIENT, "data": data, "gas": hex(2_000_000)}
        sent = market.call("eth_sendTransaction", fields)
        receipt = wait_until(lambda: market.call("eth_getTransactionReceipt", sent))
        place = receipt["contractAddress"]
        assert market.call("eth_getCode", place, "latest") == "0x" + body.hex()
        return place

    slow = {"burns all gas", "calls itself"} if node == "embedded" else set()
    return [deployed(code) for name, code in HOSTILE.items() if name not in slow]


def test_a_contract_that_wants_to_harm_harms_itself(
    market: Market, tasks: list[str], hostile: list[str]
) -> None:
    """Its neighbours are read, and it is told to be no task, or not to be read."""
    rpc = market.rpc()
    mixed = [one for pair in zip(hostile, tasks, strict=False) for one in pair]
    found = snapshots(rpc, mixed)
    alone = snapshots(rpc, tasks[: len(hostile)], block=found[1].block)
    assert means_of(rpc).reader.open
    rpc.close()

    assert found[1::2] == alone
    for error in found[::2]:
        assert isinstance(error, (AddressError, RpcError))


def test_what_can_not_be_read_in_time_does_not_take_the_others_along(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """They are read, and it is told that the node didn't answer."""
    node_is_slow = when(lambda asked: not brings_code(asked), silent)
    with node_with(market.url, node_is_slow, timeout=2) as (_, rpc):
        first, odd, last = snapshots(rpc, [tasks[0], market.first, tasks[1]], block=truth[0].block)

    assert [first, last] == truth[:2]
    assert isinstance(odd, NodeUnavailable)


def another_provider(market: Market, account: str, master: str) -> str:
    """Announced, staked, and registered with the manual source."""
    terminal, nexus = market.contracts["terminal"], market.contracts["nexus"]
    stake = 10**18
    announced = TERMINAL.encode("announceProvider", account, stake)
    market.send(master, terminal, announced, value=stake)
    market.send(account, terminal, TERMINAL.encode("announceMaster", master))
    market.send(account, nexus, NEXUS.encode("register", market.manual, account, 1))
    return account


def test_many_attempts_are_read_in_their_order(market: Market) -> None:
    """With the responses of some, in the order of the attempters; also where a part is known."""
    pairs = zip(ALL[1:4], ALL[4:7], strict=True)
    others = [another_provider(market, who.address, master.address) for who, master in pairs]
    task = market.publish(market.manual)
    rpc = market.rpc()
    moves = [(market.attempt, who) for who in others]
    moves += [(market.respond, others[2]), (market.attempt, PROVIDER.address)]
    moves += [(market.respond, others[0]), (market.respond, PROVIDER.address)]
    seen: list[TaskSnapshot] = []
    for move, who in moves:
        move(task, provider=who)
        (cold,) = snapshots(rpc, [task])
        assert isinstance(cold, TaskSnapshot)
        for earlier in seen:
            assert snapshots(rpc, [task], known={task: earlier}, block=cold.block) == [cold]
        seen.append(cold)
    with node_with(market.url, only("single")) as (_, single):
        assert snapshots(single, [task], block=cold.block) == [cold]
    rpc.close()

    assert [a.provider for a in cold.attempts] == [*others, PROVIDER.address]
    assert [r.provider for r in cold.responses] == [others[0], others[2], PROVIDER.address]
