"""What a URL holds for its owner alone is told to nobody; and a network is checked when made."""

from __future__ import annotations

import logging
import threading
import traceback
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

import pytest

import ogpu_jupyter
from ogpu_jupyter import TESTNET, Network, urls
from ogpu_jupyter.chain.rpc import Heads, Rpc
from ogpu_jupyter.content import HttpContentStore, cid
from ogpu_jupyter.errors import AddressError, InputError, OgpuError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = {"messages": [{"role": "user", "content": "hi"}]}
HINT = "Make the network anew: `Network(…)` in Python, with this one mended."


class Door(ThreadingHTTPServer):
    """Stands before a node and a store, at addresses with tokens, and fails as it is told."""

    daemon_threads = True

    def __init__(self, network: Network) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.network = network
        self.fault = ""

    def url(self, word: str, path: str = "", scheme: str = "http") -> str:
        return (
            f"{scheme}://user-{word}-Tok1:pass-{word}-Tok2@127.0.0.1:{self.server_port}"
            f"{path}?key=query-{word}-Tok3"
        )

    def handle_error(self, *_: object) -> None:
        """A client that has left is no news here."""


class Visit(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def do_GET(self) -> None:
        base = self.server.network.gateway_url.removesuffix("/ipfs")
        self.serve(base + urlsplit(self.path).path, None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_pin = "/file/" in self.path
        self.serve(self.server.network.pin_url if is_pin else self.server.network.rpc_url, body)

    def serve(self, url: str, body: bytes | None) -> None:
        fault = self.server.fault
        if fault == "drop":
            self.close_connection = True
        elif fault == "redirect":
            self.reply(302, b"", Location=self.path + "&again=1")
        elif fault.isdigit():
            self.reply(int(fault), b"no")
        elif fault:
            self.reply(200, fault.encode())
        else:
            kind = {"Content-Type": self.headers["Content-Type"]} if body is not None else {}
            with build_opener().open(Request(url, body, kind), timeout=20) as answer:
                self.reply(200, answer.read())

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not to stderr."""


@contextmanager
def door(network: Network) -> Iterator[Door]:
    with Door(network) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def tokened(server: Door) -> Network:
    return replace(
        server.network,
        rpc_url=server.url("rpc", "/v3/path-rpc-Tok4"),
        rpc_urls=(server.url("more", "/v2/path-more-Tok4"),),
        ws_url=server.url("ws", "/path-ws-Tok4", "ws"),
        pin_url=server.url("pin", "/path-pin-Tok4/file/create"),
        gateway_url=server.network.gateway_url.replace("//", "//user-gateway-Tok1:Tok2@"),
    )


FAULTS = ("drop", "redirect", "401", "404", "429", "500", "{", '{"link": 1}', "[]")


@pytest.fixture
def logged(caplog):
    """All that is logged by anybody, at DEBUG."""
    for name in ("", "urllib3", "requests", "websockets", "websockets.client", "web3"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_no_token_of_a_url_is_told(localnet, account, tmp_path, logged) -> None:
    """Not in an error, a traceback, a log, a repr, the status or the journal's bytes."""
    said: list[str] = []
    with door(localnet.network) as server:
        network = tokened(server)
        session = ogpu_jupyter.connect(network, account=account, journal=tmp_path / "journal")
        session.deposit(1)
        answered = session.publish(localnet.services["text2text"], "text2text", DATA)
        answered.result(timeout=60)
        assert session.w3.eth.chain_id == network.chain_id
        things = [network, session, session.client, session.client.store, session.w3.provider]
        said += [repr(thing) for thing in [*things, session.contracts, answered]]
        for n, fault in enumerate(FAULTS):
            server.fault = fault
            said += failures(session, server, n)
            server.fault = ""
        session.close()
    said += [record.getMessage() for record in logged.records]
    said += [str(vars(record)) for record in logged.records if not record.name.startswith("tests")]
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert len(said) > 50
    assert any(record.name.startswith("urllib3") for record in logged.records)
    assert [text for text in said if "Tok" in text] == []
    assert b"Tok" not in left
    assert b"text2text" in left


def failures(session, server: Door, n: int) -> list[str]:
    """What is said where node, pinning service and gateway fail, one by one."""
    network = session.network
    store = HttpContentStore(network.pin_url, server.url("gateway", "/path-Tok4/ipfs"))
    rpc = Rpc(network.rpc_url, *network.rpc_urls, timeout=0.5)
    heads = Heads(network.ws_url, network.chain_id, lambda: None)
    talk = Rpc(network.ws_url, timeout=0.5)
    heads.start()
    asked = (
        lambda: store.get(store.predict(b"%d" % n), timeout=0.5),
        lambda: store.put(b"{}", timeout=0.5),
        lambda: store.get(f"http://elsewhere.example/ipfs/{cid(b'x')}", timeout=0.5),
        lambda: rpc.call("eth_blockNumber"),
        lambda: talk.call("eth_blockNumber"),
    )
    said = [problem(ask) for ask in asked]
    heads.stop()
    for each in (rpc, talk, store):
        each.close()
    return [*said, repr(rpc), repr(talk), repr(store)]


def problem(ask) -> str:
    """The error as Python and as IPython show it."""
    with pytest.raises(OgpuError) as caught:
        ask()
    shown = "\n".join(caught.value._render_traceback_())
    # The lines of source of a traceback are this test's own; what stands in them is no token.
    return f"{caught.value!r}\n{shown}\n{''.join(traceback.format_exception(caught.value))}"


TOLD = {
    "https://me:word@node.example:8545/v3/0123456789abcdef": "https://node.example:8545/v3/…",
    "https://pins.example/file/create?key=1#x": "https://pins.example/file/create?…",
    "https://me:secret": "https://…",
    "https://me:se/cret@pins.example/x": "https://…",
    "https://me:se?cret@pins.example/x": "https://…",
    "me:secret@pins.example/create": "pins.example/create",
    "0123456789abcdef": "…",
    "http://[::1]:8545/ipfs": "http://[::1]:8545/ipfs",
    "https://pins.example": "https://pins.example",
}


@pytest.mark.parametrize(("url", "said"), TOLD.items())
def test_of_a_url_its_place_and_plain_words_are_told(url: str, said: str) -> None:
    """User, password, query and what may be a key are left out, in broken ones too."""
    assert urls.told(url) == said


def test_a_link_has_the_gateways_place_and_not_its_password() -> None:
    """The gateway is asked with all that it needs; what goes on the chain has none of it."""
    store = HttpContentStore("http://p.example/", "http://me:word@g.example/ipfs/?key=1")

    assert store.predict(b"x") == f"http://g.example/ipfs/{cid(b'x')}"
    assert urls.below("http://me:word@g.example/ipfs/?key=1", "Q") == (
        "http://me:word@g.example/ipfs/Q?key=1"
    )


WEB = "a URL that begins with http:// or https:// is expected"
NODE = "a URL that begins with http://, https://, ws:// or wss:// is expected"
SOCKET = "a URL that begins with ws:// or wss:// is expected, or '' where there is none"
ADDRESS = "an address is expected: 0x and 40 hex digits"
COUNT = "a whole number above 0 is expected, such as"
EXPLORER = (
    "an address without user, password and query is expected, for it becomes a link that is "
    "shown and saved"
)
WRONG = {
    "explorer": ("explorer_url", None, f"None; {WEB}, or '' where there is none"),
    "explorer's key": (
        "explorer_url",
        "https://e.example/task?key=1",
        f"'https://e.example/task?…'; {EXPLORER}",
    ),
    "no URL": ("pin_url", "pins.example/v1/Secret", f"'pins.example/v1/…'; {WEB}"),
    "no gateway": ("gateway_url", "", f"''; {WEB}"),
    "another scheme": ("gateway_url", "ipfs://u:p@x", f"'ipfs://x'; {WEB}"),
    "a port": ("rpc_url", "http://n.example:99999", f"'http://n.example:99999'; {NODE}"),
    "a space": ("rpc_url", "http://n.example/ x", f"'http://n.example/…'; {NODE}"),
    "no node": ("rpc_url", None, f"None; {NODE}"),
    "a socket": ("ws_url", "http://n.example", f"'http://n.example'; {SOCKET}"),
    "one URL": ("rpc_urls", "http://n.example", "'http://n.example'; a tuple of URLs is expected"),
    "a text": ("chain_id", "1071", f"'1071'; {COUNT} 1071"),
    "no number": ("chain_id", True, f"True; {COUNT} 1071"),
    "zero": ("confirmations", 0, f"0; {COUNT} 1"),
    "no name": ("name", "", "''; a text such as 'mainnet' is expected"),
    "no address": ("nexus", None, f"None; {ADDRESS}"),
    "short": ("vault", "0x12", f"'0x12'; {ADDRESS}"),
}


@pytest.mark.parametrize(("field", "value", "said"), WRONG.values(), ids=WRONG)
def test_a_network_is_checked_when_it_is_made(field: str, value: object, said: str) -> None:
    """What stands there, and what is expected, before anything is asked or spent."""
    with pytest.raises(InputError) as caught:
        replace(TESTNET, **{field: value})

    assert str(caught.value) == (f"`{field}` of the network is {said}.\nNothing was spent.\n{HINT}")


def test_a_key_in_place_of_an_address_is_not_shown() -> None:
    """Hex that is too long may be a private key."""
    with pytest.raises(AddressError) as caught:
        replace(TESTNET, nexus="0x" + "1f" * 32)

    assert caught.value.what == f"`nexus` of the network has 66 characters; {ADDRESS}."


def test_a_wrong_checksum_is_seen() -> None:
    """A mistyped character would be another contract's address."""
    wrong = TESTNET.nexus.replace("b", "B")
    with pytest.raises(AddressError, match="has a wrong checksum"):
        replace(TESTNET, nexus=wrong)


@pytest.mark.parametrize("network", [ogpu_jupyter.MAINNET, TESTNET], ids=lambda each: each.name)
def test_the_known_addresses_have_their_checksums(network: Network) -> None:
    """They are not hashed when the package is imported, so they are here."""
    from ogpu_jupyter.chain.contracts import checksum

    for name in ("nexus", "controller", "terminal", "vault"):
        assert checksum(getattr(network, name)) == getattr(network, name)


def test_more_nodes_may_come_as_a_list() -> None:
    """As JSON has them."""
    network = replace(TESTNET, rpc_urls=["https://n.example"])

    assert network.rpc_urls == ("https://n.example",)
    assert hash(network)
    assert "rpc_urls=('https://n.example',)" in repr(network)
