"""What a follower looks after: tasks that may change, and transactions to be mined."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.rpc import MAX_BATCH
from ogpu_jupyter.chain.transactions import Receipt
from ogpu_jupyter.errors import AddressError, OgpuError, RpcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ogpu_jupyter.tasks import Attempt, TaskSnapshot

    Bid = Callable[[str, str], int | None]

_REFRESH_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = 15.0
_REFRESH_AT_ONCE: Final = 30  # tasks, so that it is one request
_OLDEST: Final = 60  # transactions are mined in order: the oldest are asked about each tick,
_WINDOW: Final = 96  # and the rest in turns, for one that hangs must not hide the others
_SETTLED: Final = 2000
_FEW: Final = 24  # that are asked about by single calls, in one tick


@dataclass
class _Task:
    address: str
    due: bool = True
    known: TaskSnapshot | None = None  # as the chain is now
    told: TaskSnapshot | None = None  # as the listener knows it
    gone: bool = False
    read_at: float = field(default_factory=time.monotonic)
    since: float = field(default_factory=time.monotonic)

    @property
    def may_come(self) -> bool:
        """Never seen, and watched since so lately that the node may be a block behind."""
        return self.told is None and time.monotonic() - self.since < _PATIENCE_SECONDS


class Watched:
    """The tasks, which of them are to be read, and what was last told of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}
        self._responses: dict[str, str] = {}  # to the key of its task
        self._refreshed = time.monotonic()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, addresses: Iterable[str]) -> bool:
        """Those that are gone count as new: they may be back."""
        with self._lock:
            new = [address for address in addresses if self._is_new(address.lower())]
            self._tasks |= {address.lower(): _Task(address) for address in new}
        return bool(new)

    def know(self, snapshots: Iterable[TaskSnapshot]) -> None:
        """These were read and told by somebody else; of watched tasks only."""
        with self._lock:
            for snapshot in snapshots:
                if task := self._tasks.get(snapshot.address.lower()):
                    task.due, task.known, task.told = False, snapshot, snapshot
                    self._note_responses(snapshot)

    def _note_responses(self, snapshot: TaskSnapshot) -> None:
        for response in snapshot.responses:
            self._responses[response.address.lower()] = snapshot.address.lower()

    def _is_new(self, key: str) -> bool:
        return key not in self._tasks or self._tasks[key].gone

    def remove(self, addresses: Iterable[str]) -> None:
        with self._lock:
            for address in addresses:
                self._tasks.pop(address.lower(), None)
            left = self._tasks
            self._responses = {r: task for r, task in self._responses.items() if task in left}

    def concerns(self, address: str) -> bool:
        """Whether it is a watched task, or a response of one; in lower case."""
        return address in self._tasks or address in self._responses

    def touch(self, address: str) -> None:
        """This task, or this response's task, may have changed."""
        key = address.lower()
        with self._lock:
            if task := self._tasks.get(self._responses.get(key, key)):
                task.due = True

    def touch_all(self, *, forget: bool = False) -> None:
        """All may have changed; `forget`: also what never changes on one and the same chain."""
        with self._lock:
            for task in self._tasks.values():
                task.due = True
                if forget:
                    task.known = None

    def due(self) -> list[str]:
        """What to read now; now and then also some that no log has named, in case one was lost."""
        now = time.monotonic()
        with self._lock:
            tasks = list(self._tasks.values())
            if now - self._refreshed > _REFRESH_SECONDS / 4:
                self._refreshed = now
                old = [task for task in tasks if now - task.read_at > _REFRESH_SECONDS]
                for task in sorted(old, key=lambda task: task.read_at)[:_REFRESH_AT_ONCE]:
                    task.due = True
            return [task.address for task in tasks if task.due]

    def unread(self) -> set[str]:
        """Those that may have changed and are not read since."""
        with self._lock:
            return {task.address for task in self._tasks.values() if task.due}

    def known(self, addresses: Iterable[str]) -> dict[str, TaskSnapshot]:
        with self._lock:
            tasks = [self._tasks.get(address.lower()) for address in addresses]
            return {task.address: task.known for task in tasks if task and task.known}

    def read(self, address: str, found: TaskSnapshot | OgpuError, bid: Bid) -> TaskSnapshot | bool:
        """The snapshot if it is news; True if the task is gone, and that is news."""
        with self._lock:
            task = self._tasks.get(address.lower())
            if task is None or (isinstance(found, OgpuError) and not _is_gone(found)):
                return False  # what could not be read stays due
            if isinstance(found, OgpuError) and task.may_come:
                return False
            task.due, task.read_at = False, time.monotonic()
            if isinstance(found, OgpuError):
                news, task.gone, task.known, task.told = not task.gone, True, None, None
                return news
            snapshot = _with_bids(found, bid)
            self._note_responses(snapshot)
            changed = _differ(task.told, snapshot)
            task.known, task.told, task.gone = snapshot, snapshot, False
            return snapshot if changed else False


def _is_gone(error: OgpuError) -> bool:
    return isinstance(error, AddressError)


def _differ(old: TaskSnapshot | None, new: TaskSnapshot) -> bool:
    return old is None or old.model_copy(update={"block": new.block}) != new


def _with_bids(snapshot: TaskSnapshot, bid: Bid) -> TaskSnapshot:
    def complete(attempt: Attempt) -> Attempt:
        if attempt.bid is not None:
            return attempt
        return attempt.model_copy(update={"bid": bid(snapshot.address, attempt.provider)})

    attempts = tuple(complete(attempt) for attempt in snapshot.attempts)
    return snapshot.model_copy(update={"attempts": attempts})


class Awaited:
    """Transactions that are not in a block yet, and those that were just told to be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}  # hash to the block's hash that was told, or nothing
        self._settled: dict[str, str] = {}
        self._turn = 0
        self._found = 0  # how many the last look was for, where it found them all
        self.has_more = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, hashes: Iterable[str]) -> bool:
        with self._lock:
            new = [tx_hash.lower() for tx_hash in hashes if tx_hash.lower() not in self._open]
            # One that was told before is told again: somebody asks anew.
            self._settled = {h: block for h, block in self._settled.items() if h not in new}
            self._open |= dict.fromkeys(new, "")
        return bool(new)

    def remove(self, hashes: Iterable[str]) -> None:
        with self._lock:
            for tx_hash in hashes:
                self._open.pop(tx_hash.lower(), None)
                self._settled.pop(tx_hash.lower(), None)

    def doubt(self) -> None:
        """The chain was rewritten: what was told may not be so any more."""
        with self._lock:
            self._open |= {h: block for h, block in self._settled.items() if h not in self._open}
            self._settled.clear()

    def next(self, at_once: int = MAX_BATCH) -> list[str]:
        """Which to ask about now: few where few can be asked at once, until those are found."""
        with self._lock:
            hashes = list(self._open)
        size = _WINDOW if at_once >= MAX_BATCH else max(1, at_once, min(2 * self._found, _FEW))
        oldest = min(_OLDEST, size - size // 3) if size > 1 else self._turn % 2
        first, rest = hashes[:oldest], hashes[oldest:]
        count = min(len(rest), size - len(first))
        if size == 1:
            self._turn += 1
            return first or [hashes[(self._turn // 2) % len(hashes)]] if hashes else []
        self._turn = (self._turn + count) % max(1, len(rest))
        return first + (rest + rest)[self._turn : self._turn + count]

    def take(
        self, hashes: Sequence[str], answers: Sequence[Any], deep: int | None = None
    ) -> tuple[list[Receipt], list[str]]:
        """The receipts that are news, and the transactions that have none any more.

        One of a block above `deep` is waited for until it isn't.
        """
        receipts, retracted = [], []
        for tx_hash, answer in zip(hashes, answers, strict=True):
            told = self._open.get(tx_hash)
            receipt, readable = _receipt(answer)
            if told is None or not readable or _is_shallow(receipt, deep):
                continue
            if receipt is None:
                if told:
                    retracted.append(tx_hash)
                    self._open[tx_hash] = ""
            else:
                self._settle(tx_hash, receipt.block_hash)
                if receipt.block_hash != told:
                    receipts.append(receipt)
        self._found = len(hashes) if len(receipts) == len(hashes) else 0
        self.has_more = bool(receipts) and bool(self._open)
        return sorted(receipts, key=lambda receipt: receipt.block), retracted

    def _settle(self, tx_hash: str, block_hash: str) -> None:
        with self._lock:
            self._open.pop(tx_hash, None)
            self._settled[tx_hash] = block_hash
            while len(self._settled) > _SETTLED:
                del self._settled[next(iter(self._settled))]


def _is_shallow(receipt: Receipt | None, deep: int | None) -> bool:
    return receipt is not None and deep is not None and receipt.block > deep


def _receipt(answer: Any) -> tuple[Receipt | None, bool]:
    """And whether the answer can be read at all."""
    if isinstance(answer, RpcError):
        return None, False
    try:
        return Receipt.of(answer), True
    except RpcError:
        return None, False
