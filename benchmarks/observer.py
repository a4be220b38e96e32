"""When a block was there at the earliest, seen beside all clients by a connection of its own."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.raw import Line

if TYPE_CHECKING:
    from typing_extensions import Self

    from ogpu_jupyter.chain.networks import Network


class Observer:
    """Of each block, in unix seconds: when a WebSocket told of it, and when its logs were here."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.seen: dict[int, float] = {}
        self.read: dict[int, float] = {}
        self._ready = threading.Event()
        self._socket = connect(network.rpc_url.replace("http", "ws", 1))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        self._socket.send(json.dumps(subscribe))
        line = Line(self._network.rpc_url)
        with suppress(ConnectionClosed):
            for message in self._socket:
                self._hear(time.time(), json.loads(message), line)
        line.close()

    def _hear(self, now: float, told: dict[str, Any], line: Line) -> None:
        if "params" not in told:
            self._ready.set()
            return
        number = told["params"]["result"]["number"]
        where = {"address": self._network.nexus, "fromBlock": number, "toBlock": number}
        line.ask([{"method": "eth_getLogs", "params": [where]}])
        self.seen[int(number, 16)], self.read[int(number, 16)] = now, time.time()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(5)
