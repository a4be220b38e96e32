"""Several nodes of one network: reads go on with the next one, sends go to one, once."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain.client import Client
from ogpu_jupyter.chain.events import Follower
from ogpu_jupyter.chain.rpc import Call, Rpc
from ogpu_jupyter.chain.transactions import Fate, broadcast, sign
from ogpu_jupyter.content import MemoryContentStore
from ogpu_jupyter.errors import NodeUnavailable, WrongChain
from ogpu_jupyter.localnet.accounts import ALL
from tests.chain.faulty import (
    Exchange,
    answers,
    changed,
    drips,
    faulty_node,
    honest,
    lost,
    reset,
    says,
    silent,
)
from tests.chain.market import CLIENT, Market
from tests.chain.test_events import News, soon
from tests.helpers import LATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chain.faulty import Faulty

CHAIN = 31337


@pytest.fixture(scope="module")
def market(quick: Market) -> Market:
    return quick


@pytest.fixture
def pair(market: Market) -> Iterator[tuple[Faulty, Faulty, Rpc]]:
    """Two ways to one node, and a client that knows both."""
    with two_ways(market) as found:
        yield found


@contextmanager
def two_ways(market: Market, chain_id: int | None = CHAIN) -> Iterator[tuple[Faulty, Faulty, Rpc]]:
    with faulty_node(market.url) as (first, url), faulty_node(market.url) as (second, other):
        rpc = Rpc(url, other, timeout=10, chain_id=chain_id)
        try:
            yield first, second, rpc
        finally:
            rpc.close()


def methods(node: Faulty) -> list[str]:
    pages = [page if isinstance(page, list) else [page] for page in node.seen]
    return [one["method"] for page in pages for one in page]


def test_the_first_one_is_asked_while_it_answers(pair: Any) -> None:
    """The others cost nothing; the chain is compared once."""
    first, second, rpc = pair
    for _ in range(3):
        assert rpc.call("eth_chainId") == hex(CHAIN)

    assert methods(first) == ["eth_chainId", "eth_getBlockByNumber", *["eth_chainId"] * 3]
    assert second.seen == []
    assert rpc.requests == 4


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        lost,
        silent,
        drips(),
        says(b"", 502),
        says(b"<html>"),
        says(b"", 429),
        says(b"", 429, Retry_After="60"),
        says(b"no", 403),
        answers(error={"code": -32005, "message": "request rate exceeded"}),
    ],
    ids=["reset", "lost", "silent", "drip", "502", "html", "429", "429 60 s", "403", "-32005"],
)
@pytest.mark.parametrize("calls", [1, 3])
def test_a_read_goes_on_with_the_next_one(market: Market, fault: Any, calls: int) -> None:
    """Whatever the first one does; after its chain was compared, within the deadline."""
    with two_ways(market) as (first, second, rpc):
        rpc.call("eth_chainId")
        first.always = fault
        begun = time.monotonic()
        found = rpc.batch([Call("eth_chainId")] * calls)

        assert found == [hex(CHAIN)] * calls
        assert time.monotonic() - begun < 2 * LATE
        assert methods(second)[:2] == ["eth_chainId", "eth_getBlockByNumber"]
        seen = len(first.seen)
        rpc.call("eth_chainId")
        assert len(first.seen) == seen  # it rests


def test_one_that_is_back_is_found_again(pair: Any) -> None:
    """When the other one fails; and it shows its chain anew."""
    first, second, rpc = pair
    first.always = reset
    rpc.call("eth_chainId")
    first.always, second.always = None, reset
    first.seen.clear()

    assert rpc.call("eth_chainId") == hex(CHAIN)
    assert methods(first) == ["eth_chainId", "eth_getBlockByNumber", "eth_chainId"]


def test_with_none_left_it_is_told_within_the_deadline(pair: Any) -> None:
    first, second, rpc = pair
    first.always = second.always = says(b"", 503)
    begun = time.monotonic()

    with pytest.raises(NodeUnavailable, match="HTTP 503"):
        rpc.call("eth_chainId", deadline=begun + 1.5)
    assert time.monotonic() - begun < LATE


def test_a_wait_that_is_named_is_kept_where_all_name_one(pair: Any) -> None:
    """It is the shortest of them."""
    first, second, rpc = pair
    first.script(says(b"", 429, Retry_After="30"))
    second.script(says(b"", 429, Retry_After="1"))
    begun = time.monotonic()

    assert rpc.call("eth_chainId") == hex(CHAIN)
    assert 0.9 < time.monotonic() - begun < 2 * LATE


# --- another chain ---------------------------------------------------------------------

WRONG = changed(
    lambda given: [
        {**one, "result": "0x1"} if one["result"] == hex(CHAIN) else one for one in given
    ]
)
ELSEWHERE = changed(
    lambda given: [
        {**one, "result": {**one["result"], "hash": "0x" + "66" * 32}}
        if isinstance(one["result"], dict)
        else one
        for one in given
    ]
)


@pytest.mark.parametrize("other", [WRONG, ELSEWHERE], ids=["another id", "another first block"])
def test_a_node_of_another_chain_is_never_used(market: Market, other: Any, caplog: Any) -> None:
    """The first one is away: there is no answer, rather than one of another chain."""
    with two_ways(market) as (first, second, rpc):
        rpc.call("eth_chainId")
        first.always, second.always = says(b"", 503), other

        with pytest.raises((WrongChain, NodeUnavailable)):
            rpc.call("eth_getBalance", CLIENT, "latest", deadline=time.monotonic() + 1)
        assert "eth_getBalance" not in methods(second)
        assert "It is left out." in caplog.text


def test_the_first_one_may_be_the_wrong_one(market: Market, caplog: Any) -> None:
    """The others serve without it."""
    with two_ways(market) as (first, _second, rpc):
        first.always = WRONG

        assert int(rpc.call("eth_getBalance", CLIENT, "latest"), 16) > 0
        assert "eth_getBalance" not in methods(first)
        assert "speaks for chain 1; the network is chain 31337." in caplog.text


def test_where_all_are_wrong_that_is_the_error(market: Market) -> None:
    with two_ways(market) as (first, second, rpc):
        first.always = second.always = WRONG

        with pytest.raises(WrongChain, match="speaks for chain 1"):
            rpc.call("eth_getBalance", CLIENT, "latest")


def test_nothing_is_sent_to_a_wrong_one(market: Market) -> None:
    with two_ways(market) as (first, second, rpc):
        first.always = second.always = WRONG

        with pytest.raises(WrongChain):
            rpc.send_raw(b"\x01")
        assert "eth_sendRawTransaction" not in methods(first) + methods(second)


# --- sending ---------------------------------------------------------------------------


def test_a_send_whose_answer_is_lost_is_found_by_another(market: Market) -> None:
    """It went to one, once; what became of it any node can tell."""
    signer = ALL[3]
    with two_ways(market) as (first, second, rpc):
        client = Client(market.network(), MemoryContentStore(), rpc)
        order = client.deposit_order(signer.address, 1)
        quote = client.quote(signer.address, order)
        signed = sign(_account(signer), order, quote, nonce=quote.nonce, chain_id=CHAIN)
        first.script(lost)
        fate, _ = broadcast(rpc, signed)
        first.always = silent
        receipt, _, used = client.fate(signed.hash, signer.address, signed.nonce)

    assert fate is Fate.UNCLEAR
    assert receipt is not None
    assert receipt.ok
    assert used == signed.nonce + 1
    assert methods(first).count("eth_sendRawTransaction") == 1
    assert "eth_sendRawTransaction" not in methods(second)


def test_a_send_goes_to_the_next_where_nothing_has_left(market: Market) -> None:
    """The first one didn't even show its chain."""
    with two_ways(market) as (first, second, rpc):
        first.always = says(b"", 503)
        signer = ALL[4]
        client = Client(market.network(), MemoryContentStore(), Rpc(market.url))
        order = client.deposit_order(signer.address, 1)
        quote = client.quote(signer.address, order)
        signed = sign(_account(signer), order, quote, nonce=quote.nonce, chain_id=CHAIN)
        client.close()

        assert broadcast(rpc, signed)[0] is Fate.ACCEPTED
        assert "eth_sendRawTransaction" not in methods(first)
        assert methods(second).count("eth_sendRawTransaction") == 1


def _account(who: Any) -> Any:
    from ogpu_jupyter.chain._web3 import eth_account

    return eth_account.Account.from_key(who.private_key)


# --- following -------------------------------------------------------------------------


def test_a_follower_goes_on_with_the_next_one(market: Market) -> None:
    """Every change once, in order, and no word of trouble."""
    with two_ways(market) as (first, _second, rpc):
        news = News()
        follower = Follower(rpc, market.network(), news)
        task = market.publish(market.manual)
        follower.watch(task)
        follower.start()
        try:
            soon(lambda: news.of(task))
            first.always = reset
            market.attempt(task)
            soon(lambda: len(news.of(task)) == 2)
            first.always = honest
            market.respond(task)
            soon(lambda: len(news.of(task)) == 3)
        finally:
            follower.stop()

    assert [status.name for status in news.of(task)] == ["NEW", "ATTEMPTED", "RESPONDED"]
    assert news.troubles == []
    assert news.retracted == []


def test_a_client_uses_all_nodes_of_its_network(market: Market) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        network = market.network(away)
        network = type(network)(**{**vars(network), "rpc_urls": (market.url,)})
        client = Client(network, MemoryContentStore())
        try:
            assert client.identify().chain_id == CHAIN
            assert client.rpc.where == market.url
        finally:
            client.close()


def test_batches_may_be_refused_by_one_of_them(market: Market) -> None:
    """What one node takes is no rule for the others."""

    def one_at_a_time(exchange: Exchange) -> None:
        if isinstance(exchange.asked, list):
            exchange.reply(
                {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batch"}}
            )
        else:
            honest(exchange)

    with two_ways(market) as (first, second, rpc):
        first.always = one_at_a_time
        calls = [Call("eth_chainId")] * 4
        assert rpc.batch(calls) == [hex(CHAIN)] * 4
        first.always = reset
        assert rpc.batch(calls) == [hex(CHAIN)] * 4
        assert isinstance(second.seen[-1], list)
        assert len(second.seen[-1]) == 4
