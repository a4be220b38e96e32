"""This package at work, in a process of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from benchmarks.orders import serve
from ogpu_jupyter import connect
from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.chain.events import Follower
from ogpu_jupyter.chain.networks import Network
from ogpu_jupyter.chain.rpc import Rpc

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ogpu_jupyter.chain.transactions import Head, Receipt
    from ogpu_jupyter.errors import OgpuError
    from ogpu_jupyter.session import Session
    from ogpu_jupyter.tasks import TaskSnapshot

_held: list[Any] = []  # what a notebook would hold in variables
_SECONDS = 120.0


def session() -> Session:
    from ogpu_jupyter.kernel import current  # noqa: PLC0415

    return current()


def start(network: dict[str, Any], key: str, deposit: int) -> None:
    made = connect(Network(**network), account=eth_account.Account.from_key(key))
    made.deposit(f"{deposit}wei")


def publish(source: str, number: int, tag: str) -> None:
    """One after the other, without waiting for blocks."""
    for item in range(number):
        task = session().publish(source, "text2text", _data(tag, item), yes=True)
        _held.append(task)


def publish_many(source: str, number: int, tag: str) -> float:
    """Seconds until all are in a block."""
    items = [_data(tag, item) for item in range(number)]
    begin = time.perf_counter()
    batch = session().publish_many(source, "text2text", items, yes=True)
    end = time.monotonic() + _SECONDS
    while not all(stage.is_on_chain for stage in session().journal.stages(batch.keys)):
        if time.monotonic() > end:
            raise TimeoutError(f"{batch} after {_SECONDS:.0f} s")
        time.sleep(0.02)  # to look costs the kernel what it needs for its work
    _held.append(batch)
    return time.perf_counter() - begin


def _data(tag: str, item: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"{tag} {item}: What is 6 * 7?"}]}


def snapshots(tasks: list[str]) -> float:
    """Seconds to read them all."""
    begin = time.perf_counter()
    found = session().snapshots(tasks)
    seconds = time.perf_counter() - begin
    assert [snapshot.address.lower() for snapshot in found] == [task.lower() for task in tasks]
    return seconds


def hold() -> int:
    """A handle for each task, as `%ogpu tasks` has them."""
    _held.append(session().tasks())
    return len(_held[-1])


class Ear:
    """Notes when it is told of a task."""

    def __init__(self) -> None:
        self.heard: dict[str, list[float]] = {}
        self.new = threading.Condition()

    def on_snapshots(self, snapshots: Sequence[TaskSnapshot]) -> None:
        now = time.time()
        with self.new:
            for snapshot in snapshots:
                self.heard.setdefault(snapshot.address.lower(), []).append(now)
            self.new.notify_all()

    def on_head(self, head: Head) -> None: ...
    def on_read(self, head: Head, unread: Collection[str]) -> None: ...
    def on_receipts(self, receipts: Sequence[Receipt]) -> None: ...
    def on_retracted(self, references: Sequence[str]) -> None: ...
    def on_trouble(self, error: OgpuError | None) -> None: ...


def watch(network: dict[str, Any], tasks: list[str]) -> None:
    """Returns when all have been told of as they are."""
    ear = Ear()
    where = Network(**network)
    follower = Follower(Rpc(where.rpc_url), where, ear)
    follower.watch(*tasks)
    follower.start()
    with ear.new:
        assert ear.new.wait_for(lambda: len(ear.heard) == len(set(tasks)), _SECONDS)
    _held[:] = [ear, follower]


def heard() -> dict[str, float]:
    """When each task was first told of as changed, in unix seconds."""
    return {task: times[1] for task, times in _held[0].heard.items() if len(times) > 1}


def unwatch() -> None:
    _held[1].stop()


if __name__ == "__main__":
    listed = (start, publish, publish_many, snapshots, hold, watch, heard, unwatch)
    serve({order.__name__: order for order in listed})
