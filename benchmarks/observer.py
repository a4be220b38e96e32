"""When a block was there at the earliest, seen beside all clients by a connection of its own."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from benchmarks.raw import Line

if TYPE_CHECKING:
    from typing_extensions import Self

    from ogpu_jupyter.localnet import LocalNet


class Observer:
    """Of each block, in unix seconds: when the node told of it, and when its logs were here."""

    def __init__(self, localnet: LocalNet) -> None:
        self._network = localnet.network
        self.seen: dict[int, float] = {}
        self.read: dict[int, float] = {}
        self._ready = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)  # the door takes no subscriptions
        self._socket.connect(localnet.description["socket"])
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        self._socket.sendall(json.dumps(subscribe).encode() + b"\n")
        line = Line(self._network.rpc_url)
        with self._socket.makefile("rb") as told:
            for message in told:
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
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()
