"""One client of the market: a worker in its own process, behind proxies of its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks.orders import Worker
from benchmarks.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ogpu_jupyter.chain.networks import Network


@dataclass(frozen=True)
class Client:
    """`told` is the network as the client knows it: its node and its content are proxies."""

    worker: Worker
    node: Proxy
    content: Proxy
    told: dict[str, Any]

    def reset(self) -> None:
        self.node.reset()
        self.content.reset()

    @property
    def requests(self) -> int:
        """HTTP requests of every kind, since `reset`."""
        return self.node.requests + self.content.requests

    def away(self, delay: float) -> None:
        self.node.delay = self.content.delay = delay


@contextmanager
def client(network: Network, module: str, python: Path | str, folder: Path) -> Iterator[Client]:
    """Runs `module` of this package with that Python, until the `with` ends."""
    with Proxy(network.rpc_url) as node, Proxy(network.pin_url) as content:
        behind = replace(network, rpc_url=node.url, pin_url=content.url)
        with Worker(python, f"benchmarks.{module}", folder) as worker:
            yield Client(worker, node, content, asdict(behind))
