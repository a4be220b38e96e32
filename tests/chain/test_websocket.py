"""A WebSocket tells of new blocks and carries questions; where it fails, one looks by oneself."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain.client import Client
from ogpu_jupyter.chain.events import Follower
from ogpu_jupyter.chain.rpc import Call, Heads, Rpc
from ogpu_jupyter.content import MemoryContentStore
from ogpu_jupyter.errors import InputError, NodeUnavailable, RpcError
from tests.chain.test_events import News, soon
from tests.helpers import LATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chain.market import Market

CHAIN = 31337


@pytest.fixture(scope="module")
def market(quick: Market) -> Market:
    return quick


def socket_url(market: Market) -> str:
    return market.url.replace("http://", "ws://")


@pytest.fixture
def rpc(market: Market) -> Iterator[Rpc]:
    opened = Rpc(socket_url(market), timeout=5)
    yield opened
    opened.close()


class Relay:
    """TCP between a client and a port; it can be cut, and can go silent."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.accepted = 0
        self.is_open = True
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.own_port = self._server.getsockname()[1]
        self._threads = [self._start(self._accept)]

    def _start(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self.accepted += 1
                if not self.is_open:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.port))
                self._pairs.append((near, far))
                self._threads += [self._start(self._pump, near, far)]
                self._threads += [self._start(self._pump, far, near)]

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for pair in self._pairs:
            for end in pair:
                end.close()


@pytest.fixture
def relay(market: Market) -> Iterator[Relay]:
    opened = Relay(market.port)
    yield opened
    opened.stop()


@contextmanager
def answering(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does to each connection what the script says."""
    server = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def one(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            script(peer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer, _ = server.accept()
                threads.append(threading.Thread(target=one, args=(peer,), daemon=True))
                threads[-1].start()

    threads.append(threading.Thread(target=accept, daemon=True))
    threads[0].start()
    try:
        yield f"ws://127.0.0.1:{server.getsockname()[1]}/the-secret-key"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for thread in threads:
            thread.join(10)


# --- questions -------------------------------------------------------------------------


def test_questions_and_answers_go_over_it(rpc: Rpc) -> None:
    """Single ones, batches, and refusals, as over HTTP; one connection serves them all."""
    assert rpc.call("eth_chainId") == hex(CHAIN)
    number, refused, chain = rpc.batch(
        [Call("eth_blockNumber"), Call("eth_no"), Call("eth_chainId")]
    )

    assert int(number, 16) > 0
    assert isinstance(refused, RpcError)
    assert chain == hex(CHAIN)
    assert rpc.requests == 2


def test_many_threads_may_ask_at_once(market: Market, rpc: Rpc) -> None:
    """Nobody gets another's answer."""
    market.mine(6)
    wrong: list[Any] = []

    def ask(number: int) -> None:
        for _ in range(20):
            block = rpc.call("eth_getBlockByNumber", hex(number), False)
            if block["number"] != hex(number):
                wrong.append(block)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert rpc.requests == 120


def test_a_connection_that_was_cut_is_made_again(relay: Relay) -> None:
    """Also where it died while nobody asked; not one question is lost."""
    rpc = Rpc(f"ws://127.0.0.1:{relay.own_port}", timeout=5)
    rpc.call("eth_chainId")
    relay.cut()
    time.sleep(0.05)

    assert rpc.call("eth_chainId") == hex(CHAIN)
    assert rpc.requests == 2
    assert relay.accepted == 2
    rpc.close()


def test_a_market_can_be_used_over_it_alone(market: Market) -> None:
    """Its network has nothing but the WebSocket."""
    network = replace(market.network(), rpc_url=socket_url(market))
    client = Client(network, MemoryContentStore())
    try:
        assert client.identify().chain_id == CHAIN
        assert client.source(market.first).address == market.first
        assert "ws://127.0.0.1" in repr(client)
    finally:
        client.close()


def _no_socket(status: str) -> Callable[[socket.socket], None]:
    def script(peer: socket.socket) -> None:
        peer.recv(1 << 16)
        peer.sendall(
            f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )

    return script


def _silent(peer: socket.socket) -> None:
    while peer.recv(1 << 16):
        pass


def _noise(peer: socket.socket) -> None:
    peer.recv(1 << 16)
    peer.sendall(b"\x00\xff" * 600)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (_no_socket("429 Too Many Requests\r\nRetry-After: 60"), "HTTP 429"),
        (_no_socket("404 Not Found"), "HTTP 404"),
        (_no_socket("307 Temporary Redirect\r\nLocation: ws://169.254.169.254/"), "redirects"),
        (_no_socket("200 OK"), "JSON-RPC"),
        (_silent, "no answer in time"),
        (_noise, "no WebSocket"),
    ],
    ids=["429", "404", "redirect", "200", "silent", "noise"],
)
def test_what_is_no_websocket_is_told_in_time(script: Any, words: str) -> None:
    """In words without the URL's path."""
    with answering(script) as url:
        rpc = Rpc(url)
        begun = time.monotonic()
        with pytest.raises(NodeUnavailable, match=words) as caught:
            rpc.call("eth_chainId", deadline=begun + 1)
        assert time.monotonic() - begun < LATE
        assert "secret" not in str(caught.value)
        rpc.close()


def test_nobody_there_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        rpc = Rpc(f"ws://127.0.0.1:{nobody.getsockname()[1]}/the-secret-key", timeout=1)
        with pytest.raises(NodeUnavailable, match="connection refused"):
            rpc.call("eth_chainId")
        rpc.close()


def test_closing_ends_the_waiting() -> None:
    """Of a thread that waits for an answer that never comes."""
    with answering(_silent) as url:
        rpc = Rpc(url, timeout=30)
        threading.Timer(0.3, rpc.close).start()
        begun = time.monotonic()
        with pytest.raises(NodeUnavailable):
            rpc.call("eth_chainId", deadline=begun + 3)


@pytest.mark.parametrize("url", ["ws://", "wss:///x", "ws://127.0.0.1:0", "ws://h:99999/"])
def test_what_is_no_url_is_an_input_error(url: str) -> None:
    with pytest.raises(InputError):
        Rpc(url)


# --- heads -----------------------------------------------------------------------------


def test_each_new_block_is_told_at_once(market: Market) -> None:
    told: list[float] = []
    heads = Heads(socket_url(market), CHAIN, lambda: told.append(time.monotonic()))
    heads.start()
    try:
        soon(lambda: market.mine() or heads.is_live)
        told.clear()
        begun = time.monotonic()
        market.mine()
        soon(lambda: told)
        assert told[0] - begun < 0.5
    finally:
        heads.stop()
    assert not heads.is_live
    assert not [t for t in threading.enumerate() if t.name == "ogpu-heads"]


def test_a_socket_of_another_chain_is_not_listened_to(market: Market, caplog: Any) -> None:
    told: list[int] = []
    heads = Heads(socket_url(market), CHAIN + 1, lambda: told.append(1))
    heads.start()
    soon(lambda: "another chain" in caplog.text)
    market.mine()
    heads.stop()

    assert told == []


def test_it_comes_back_after_a_cut(relay: Relay, market: Market) -> None:
    """Whoever relied on it is called when it goes, to look by itself."""
    told: list[int] = []
    heads = Heads(f"ws://127.0.0.1:{relay.own_port}", CHAIN, lambda: told.append(1))
    heads.start()
    try:
        soon(lambda: market.mine() or heads.is_live)
        time.sleep(0.2)
        told.clear()
        relay.cut()
        soon(lambda: told and not heads.is_live)
        soon(lambda: market.mine() or heads.is_live)
        assert relay.accepted >= 2
    finally:
        heads.stop()


@contextmanager
def following(market: Market, network: Any, *tasks: str) -> Iterator[tuple[Follower, News, Rpc]]:
    news, rpc = News(), Rpc(network.rpc_url)
    follower = Follower(rpc, network, news)
    follower.watch(*tasks)
    follower.start()
    try:
        soon(lambda: news.heads)
        yield follower, news, rpc
    finally:
        follower.stop()
        rpc.close()


@pytest.mark.parametrize("also_questions", [False, True], ids=["ws_url", "rpc_url"])
def test_one_request_for_each_block_that_is_told(market: Market, also_questions: bool) -> None:
    """And none between them: nobody has to look."""
    task = market.publish(market.manual)
    url = {"rpc_url": socket_url(market)} if also_questions else {"ws_url": socket_url(market)}
    with following(market, replace(market.network(), **url), task) as (follower, news, rpc):
        soon(lambda: market.mine() or follower._heads.is_live)
        height = market.height()
        soon(lambda: news.heads[-1].number >= height)
        time.sleep(0.3)
        before, heads = rpc.requests, len(news.heads)
        for _ in range(5):
            market.mine()
            height = market.height()
            soon(lambda height=height: news.heads[-1].number >= height)
            time.sleep(0.1)
        assert len(news.heads) - heads == 5
        assert rpc.requests - before == 5

        begun = time.monotonic()
        market.attempt(task)
        soon(lambda: len(news.of(task)) == 2)
        assert time.monotonic() - begun < 3  # nobody looked: that would be later


def test_without_it_blocks_are_looked_for(relay: Relay, market: Market) -> None:
    """While it is cut nothing is missed, and nothing is told twice."""
    task = market.publish(market.manual)
    network = replace(market.network(), ws_url=f"ws://127.0.0.1:{relay.own_port}")
    with following(market, network, task) as (follower, news, _rpc):
        soon(lambda: market.mine() or follower._heads.is_live)
        relay.is_open = False
        relay.cut()
        market.attempt(task)
        soon(lambda: len(news.of(task)) == 2)
        relay.is_open = True
        market.respond(task)
        soon(lambda: len(news.of(task)) == 3)

    assert [status.name for status in news.of(task)] == ["NEW", "ATTEMPTED", "RESPONDED"]
    assert news.troubles == []


def test_a_message_that_is_no_block_ends_the_listening_only() -> None:
    """Nonsense is not a block, and no reason to fall over."""
    from websockets.server import ServerProtocol

    def script(peer: socket.socket) -> None:
        protocol = ServerProtocol()
        while data := peer.recv(1 << 16):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if hasattr(event, "path"):
                    protocol.send_response(protocol.accept(event))
                    continue
                if not event.data:
                    continue
                asked = json.loads(event.data)
                result = hex(CHAIN) if asked["method"] == "eth_chainId" else "0x5"
                answer = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
                protocol.send_text(json.dumps(answer).encode())
                if asked["method"] == "eth_subscribe":
                    protocol.send_text(b"[" * 100_000)
            for out in protocol.data_to_send():
                peer.sendall(out)

    told: list[int] = []
    with answering(script) as url:
        heads = Heads(url, CHAIN, lambda: told.append(1))
        heads.start()
        time.sleep(0.5)
        thread = heads._thread
        assert thread is not None
        assert thread.is_alive()
        heads.stop()
    assert told == []
