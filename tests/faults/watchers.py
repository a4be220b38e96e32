"""A listener that keeps what it is told, in order, and what was wrong with it in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.events import Follower
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.transactions import Receipt
from ogpu_jupyter.tasks import TaskSnapshot, TaskStatus
from tests.faults.world import PATIENCE

if TYPE_CHECKING:
    from ogpu_jupyter.errors import OgpuError
    from tests.faults.world import World

_CATCH_UP_SECONDS = 20.0


class Watcher:
    """A follower of its own, through the proxy, of tasks and of transactions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.troubles: list[OgpuError] = []
        self._news: list[TaskSnapshot | Receipt | str] = []
        self._tasks: dict[str, None] = {}
        self._hashes: dict[str, None] = {}
        self._rpc = Rpc(world.stormy.rpc_url, timeout=PATIENCE)
        self._follower = Follower(self._rpc, world.stormy, self)
        self._follower.start()

    # What the follower tells

    def on_head(self, head: Any) -> None:
        pass

    def on_read(self, head: Any, unread: Any) -> None:
        pass

    def on_receipts(self, receipts: Any) -> None:
        self._news += receipts

    def on_snapshots(self, snapshots: Any) -> None:
        self._news += snapshots

    def on_retracted(self, references: Any) -> None:
        self._news += [reference.lower() for reference in references]

    def on_trouble(self, error: OgpuError | None) -> None:
        self.troubles += [error] if error else []

    # What it is to look at, and what it made of it

    def watch(self, *tasks: str) -> None:
        self._tasks |= dict.fromkeys(tasks)
        self._follower.watch(*tasks)

    def await_receipts(self, *hashes: str) -> None:
        new = [tx_hash for tx_hash in hashes if tx_hash and tx_hash not in self._hashes]
        self._hashes |= dict.fromkeys(new)
        self._follower.await_receipt(*new)

    def told(self, task: str) -> list[TaskStatus]:
        """The states that it was told to be in."""
        found = [one for one in self._news if isinstance(one, TaskSnapshot)]
        return [one.status for one in found if one.address == task]

    def poke(self) -> None:
        self._follower.poke()

    def judged(self) -> dict[str, list[str]]:
        """What was lost, told twice, or never taken back; asked when the storm is over."""
        end = time.monotonic() + _CATCH_UP_SECONDS
        while True:
            found = self._faults()
            late = found["lost_events"] or found["unretracted_events"]
            if not late or time.monotonic() > end:
                return found
            self._follower.poke()
            time.sleep(0.1)

    def close(self) -> None:
        self._follower.stop()
        self._rpc.close()

    def _faults(self) -> dict[str, list[str]]:
        news = list(self._news)
        lost, unretracted = self._of_tasks(news)
        more_lost, more_unretracted = self._of_receipts(news)
        return {
            "lost_events": lost + more_lost,
            "unretracted_events": unretracted + more_unretracted,
            "duplicate_events": _duplicates(news),
        }

    def _of_tasks(self, news: list[Any]) -> tuple[list[str], list[str]]:
        told = _last_told(news)
        truth = {state.address: _facts(state) for state in self._world.states(list(self._tasks))}
        bids = self._world.bids()
        lost, unretracted = [], []
        for task in self._tasks:
            true = _with_bids(truth.get(task, frozenset()), task, bids)
            seen = _facts(told[task]) if task in told else frozenset()
            lost += [f"{task}: {fact}" for fact in true - seen]
            unretracted += [f"{task}: {fact}" for fact in seen - true]
        return lost, unretracted

    def _of_receipts(self, news: list[Any]) -> tuple[list[str], list[str]]:
        told: dict[str, str] = {}
        for one in news:
            if isinstance(one, Receipt):
                told[one.hash] = one.block_hash
            elif isinstance(one, str):
                told.pop(one, None)
        lost, unretracted = [], []
        for tx_hash in self._hashes:
            found = self._world.direct.call("eth_getTransactionReceipt", tx_hash)
            true = found["blockHash"] if found else None
            if told.get(tx_hash) != true:
                where = unretracted if told.get(tx_hash) else lost
                where.append(f"receipt of {tx_hash}: told {told.get(tx_hash)}, true {true}")
        return lost, unretracted


def _facts(state: TaskSnapshot) -> frozenset[tuple[Any, ...]]:
    """A state as the set of events that lead to it."""
    attempts = {("attempted", one.provider, one.bid) for one in state.attempts}
    responses = {("responded", one.address, one.status) for one in state.responses}
    known = {("published", state.config_url), ("status", state.status), ("won", state.winner)}
    return frozenset(attempts | responses | known)


def _with_bids(
    facts: frozenset[tuple[Any, ...]], task: str, bids: dict[tuple[str, str], int]
) -> frozenset[tuple[Any, ...]]:
    """Bids stand in events alone, which a reading of the state doesn't have."""
    return frozenset(
        ("attempted", fact[1], bids.get((task, fact[1]))) if fact[0] == "attempted" else fact
        for fact in facts
    )


def _last_told(news: list[Any]) -> dict[str, TaskSnapshot]:
    told: dict[str, TaskSnapshot] = {}
    for one in news:
        if isinstance(one, TaskSnapshot):
            told[one.address] = one
        elif isinstance(one, str):
            told = {address: s for address, s in told.items() if address.lower() != one}
    return told


def _duplicates(news: list[Any]) -> list[str]:
    """The same told twice, with nothing of it taken back in between."""
    last: dict[str, Any] = {}
    found = []
    for one in news:
        if isinstance(one, str):
            last.pop(one, None)
            continue
        is_receipt = isinstance(one, Receipt)
        key = one.hash if is_receipt else one.address.lower()
        what = one.block_hash if is_receipt else one.model_copy(update={"block": 0})
        if last.get(key) == what:
            found.append(f"{key} twice: {what}")
        last[key] = what
    return found
