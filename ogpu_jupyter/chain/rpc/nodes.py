"""The nodes of one network: which to ask now, which rest, and which are of another chain.

One that fails rests for a while, longer each time, and the next is asked; the one that
answers is kept. Where there are several, each has to show its chain before its first use,
and again after it was away.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import requests

from ogpu_jupyter import urls
from ogpu_jupyter.chain.rpc.http import Wire
from ogpu_jupyter.chain.rpc.limits import BatchLimit
from ogpu_jupyter.chain.rpc.socket import SocketWire, is_socket_url
from ogpu_jupyter.errors import NOTHING_SPENT, InputError, WrongChain
from ogpu_jupyter.transport import headers_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.rpc.http import Page
    from ogpu_jupyter.transport import Headers

_FIRST_REST: Final = 0.5
_LONGEST_REST: Final = 30.0
_STRAY_REST: Final = 60.0
_SLICE: Final = 5.0  # seconds for one node, before the next is tried
_log = logging.getLogger("ogpu_jupyter")


class Carrier(Protocol):
    """What takes a question to a node: HTTP, or a WebSocket."""

    requests: int

    def post(self, body: bytes, *, until: float) -> Page: ...
    def close(self) -> None: ...


class Node:
    """One URL, and how it has behaved."""

    def __init__(self, url: str, headers: Headers = ()) -> None:
        self.url = url
        self.wire = wire_to(url, headers)
        self.limit = BatchLimit()
        self.is_proven = False  # that it speaks for the network's chain
        self.is_stray = False
        self.is_read_only = False  # it has said that it takes no transactions
        self.rests_until = 0.0
        self._failures = 0

    @property
    def where(self) -> str:
        """Its address without what may hold an API key: its path, user and password."""
        return urls.place(self.url)

    @property
    def largest(self) -> int:
        """Calls in one batch, as far as that is known."""
        return self.limit.most

    @property
    def rests(self) -> bool:
        return time.monotonic() < self.rests_until

    def works(self) -> None:
        self._failures = 0
        self.rests_until = 0.0

    def fails(self, pause: float) -> None:
        rest = min(_FIRST_REST * 2.0 ** min(self._failures, 10), _LONGEST_REST)
        self._failures += 1
        self.is_proven = False
        self.rests_until = time.monotonic() + max(rest, pause)

    def strays(self) -> None:
        self.is_stray = True
        self.rests_until = time.monotonic() + _STRAY_REST


class Nodes:
    """Those of one network, in the order of preference."""

    def __init__(
        self, addresses: Sequence[str], chain_id: int | None, headers: Headers = ()
    ) -> None:
        first = addresses[0]
        self.all = [Node(url, headers_for(url, first, headers)) for url in dict.fromkeys(addresses)]
        self._current = self.all[0]
        self._lock = threading.Lock()
        self._chain_id = chain_id
        self._genesis = ""

    @property
    def are_several(self) -> bool:
        return len(self.all) > 1

    def pick(self) -> Node:
        """The one to ask: the last that answered, else the one that has rested longest."""
        with self._lock:
            if self._current.rests:
                self._current = min(self.all, key=lambda node: (node.is_stray, node.rests_until))
            return self._current

    def pick_to_send(self) -> Node:
        """As `pick`, of those that have not said that they take no transactions."""
        node = self.pick()
        if not node.is_read_only or not self.has_writers:
            return node
        writers = [one for one in self.all if not one.is_read_only]
        return min(writers, key=lambda one: (one.is_stray, one.rests_until))

    @property
    def has_writers(self) -> bool:
        return any(not node.is_read_only for node in self.all)

    def another_is_ready(self) -> bool:
        return any(not node.rests for node in self.all)

    def seconds_to_rest(self) -> float:
        """Until the first of them may be asked again."""
        first = min(node.rests_until for node in self.all if not node.is_stray)
        return max(0.0, first - time.monotonic())

    def share(self, until: float) -> float:
        """The moment until which one node may keep the others waiting."""
        if not self.are_several:
            return until
        now = time.monotonic()
        return min(until, now + max((until - now) / 2, _SLICE))

    def prove(self, node: Node, found: int, first: object) -> None:
        """WrongChain where it is not the network's, or not the one of the other nodes."""
        genesis = str(first.get("hash", "")).lower() if isinstance(first, dict) else ""
        with self._lock:
            expected = self._chain_id if self._chain_id is not None else found
            is_other = bool(self._genesis and genesis) and genesis != self._genesis
            if found == expected and not is_other:
                self._chain_id, self._genesis = expected, self._genesis or genesis
                node.is_proven, node.is_stray = True, False
                return
        node.strays()
        of = f"chain {found}" if found != expected else f"another chain with the id {found}"
        error = WrongChain(
            f"The node at {node.where} speaks for {of}; the network is chain {expected}.",
            spent=NOTHING_SPENT,
            hint="Connect to a node of that network.",
        )
        if not all(other.is_stray for other in self.all):
            _log.warning("%s It is left out.", error.what)
        raise error


def wire_to(url: str, headers: Headers = ()) -> Carrier:
    """InputError for what is no node's address."""
    try:
        parts = urlsplit(url)
        if parts.hostname and is_socket_url(url) and parts.port != 0:
            return SocketWire(url, headers)
        if parts.hostname and parts.scheme in {"http", "https"}:
            return Wire(url, headers)
    except (ValueError, requests.RequestException):
        pass
    raise InputError(
        "That is not the address of a node.",
        hint="Type one that begins with http://, https:// or wss://, "
        "such as http://127.0.0.1:8545.",
    )
