"""Multicall3, where it is deployed and code can't come along: a few requests for any number."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.chain.snapshots.means import means_of
from ogpu_jupyter.chain.snapshots.multicall import MULTICALL3
from ogpu_jupyter.errors import AddressError
from tests.chain.faulty import changed, honest
from tests.chain.market import CLIENT, Market
from tests.chain.ways import aggregates, brings_code, node_with, only, says, through_multicall, when
from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chain.faulty import Exchange

COMPILE = """
const [, , solc, source] = process.argv;
const input = {
  language: "Solidity",
  sources: { a: { content: require("fs").readFileSync(source, "utf8") } },
  settings: { outputSelection: { "*": { "*": ["evm.deployedBytecode.object"] } } },
};
const { contracts } = JSON.parse(require(solc).compile(JSON.stringify(input)));
console.log("0x" + contracts.a.Multicall3.evm.deployedBytecode.object);
"""


@pytest.fixture(scope="module")
def code(solc_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    script = tmp_path_factory.mktemp("solc") / "compile.cjs"
    script.write_text(COMPILE)
    source = ROOT / "tests" / "chain" / "Multicall3.sol"
    done = subprocess.run(
        ["node", script, solc_path, source], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def bare(quick: Market) -> Market:
    """A market on a chain without Multicall3."""
    return quick


@pytest.fixture(scope="module")
def tasks(bare: Market) -> list[str]:
    made = [bare.publish(bare.manual) for _ in range(30)]
    for task in made[::2]:
        bare.attempt(task)
    for task in made[::4]:
        bare.respond(task)
    return made


@pytest.fixture(scope="module")
def truth(bare: Market, tasks: list[str]) -> list[Any]:
    """As the contracts say it, one by one."""
    with node_with(bare.url, only("single")) as (_, rpc):
        return snapshots(rpc, tasks, block=bare.height())


@pytest.fixture
def market(bare: Market, code: str) -> Iterator[Market]:
    bare.call("anvil_setCode", MULTICALL3, code)
    yield bare
    bare.call("anvil_setCode", MULTICALL3, "0x")


def questions(node: Any) -> list[dict[str, Any]]:
    """All calls of contracts that were not the reader's."""
    return [
        call
        for asked in node.seen
        if not brings_code(asked)
        for call in (asked if isinstance(asked, list) else [asked])
        if call["method"] == "eth_call"
    ]


@pytest.mark.parametrize("way", ["batch", "single"])
def test_three_rounds_for_any_number(
    market: Market, tasks: list[str], truth: list[Any], way: str
) -> None:
    """With the same values as by single calls; whether there are batches or not."""
    with node_with(market.url, only(way)) as (node, rpc):
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert [aggregates(call) for call in questions(node)] == [True] * 3
        before = rpc.requests
        known = dict(zip(tasks, truth, strict=True))
        assert snapshots(rpc, tasks, known=known, block=truth[0].block) == truth
        assert rpc.requests - before == 3


def test_where_it_is_not_deployed_it_is_asked_once(
    bare: Market, tasks: list[str], truth: list[Any]
) -> None:
    with node_with(bare.url, only("batch")) as (node, rpc):
        for _ in range(2):
            assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert sum(aggregates(call) for call in questions(node)) == 1
        assert not means_of(rpc).multicall.open


def test_a_question_that_fails_is_asked_by_itself(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """And is that task's own error."""
    mixed = [tasks[0], CLIENT, tasks[1], market.first, tasks[2]]
    with node_with(market.url, only("batch")) as (_, rpc):
        found = snapshots(rpc, mixed, block=truth[0].block)

    assert found[::2] == truth[:3]
    assert [type(error) for error in found[1::2]] == [AddressError] * 2


def test_too_many_for_the_gas_of_a_call_become_fewer(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    """What failed for want of gas is never taken for an answer."""

    def starve(exchange: Exchange) -> None:
        asked = exchange.asked
        for call in asked if isinstance(asked, list) else [asked]:
            if call["method"] == "eth_call" and aggregates(call):
                call["params"][0]["gas"] = hex(300_000)
        exchange.body = json.dumps(asked).encode()
        (honest if not brings_code(asked) else only("batch"))(exchange)

    with node_with(market.url, starve) as (_, rpc):
        for _ in range(8):
            assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert means_of(rpc).multicall.most < 100


def twisted(data: bytes, place: int, value: int) -> str:
    return "0x" + (data[:place] + value.to_bytes(32, "big") + data[place + 32 :]).hex()


LIES = {
    "nothing": lambda _: "0x",
    "no hex": lambda _: "0xz",
    "a number": lambda _: 7,
    "one less": lambda data: twisted(data, 32, int.from_bytes(data[32:64], "big") - 1),
    "a million": lambda data: twisted(data, 32, 10**6),
    "a place far away": lambda data: twisted(data, 64, 2**255),
    "cut short": lambda data: "0x" + data[:-64].hex(),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_is_not_its_answer_is_not_believed(
    market: Market, tasks: list[str], truth: list[Any], lie: Any
) -> None:
    def twist(page: Any) -> Any:
        return {**page, "result": lie(bytes.fromhex(page["result"][2:]))}

    def always(exchange: Exchange) -> None:
        wrong = through_multicall(exchange.asked) and not brings_code(exchange.asked)
        (changed(twist) if wrong else only("batch"))(exchange)

    with node_with(market.url, always) as (_, rpc):
        assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert not means_of(rpc).multicall.open


def test_a_node_that_refuses_it_thrice_is_not_asked_so_again(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    refuses = when(
        lambda asked: not brings_code(asked) and through_multicall(asked),
        says({"code": -32000, "message": "not today"}),
    )

    def always(exchange: Exchange) -> None:
        (only("batch") if brings_code(exchange.asked) else refuses)(exchange)

    with node_with(market.url, always) as (node, rpc):
        for _ in range(4):
            assert snapshots(rpc, tasks, block=truth[0].block) == truth
        assert sum(aggregates(call) for call in questions(node)) == 3


def test_where_code_may_come_along_it_is_not_asked(
    market: Market, tasks: list[str], truth: list[Any]
) -> None:
    rpc = Rpc(market.url)
    assert snapshots(rpc, tasks, block=truth[0].block) == truth
    assert rpc.requests == 1
    rpc.close()
