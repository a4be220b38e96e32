"""One thread that follows the chain for all tasks of a session, with one request a tick.

A tick asks for the newest block, the Nexus' logs and the awaited receipts in one batch; a
tick comes with each block, told by a WebSocket where the network has one, else foreseen.
Logs only say where to look: a task's state is always read whole, at one block, so lost,
late and repeated logs can't make it wrong. Where the chain was rewritten, or its node came
back with an older one, everything is read anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Protocol

from ogpu_jupyter.chain.contracts import NEXUS
from ogpu_jupyter.chain.rpc import Call, Heads, is_socket_url
from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.errors import NetworkError, OgpuError
from ogpu_jupyter.transport import headers_for

from .clock import ChainClock
from .line import Line, Rewritten
from .logs import NexusLogs
from .pace import Pace
from .watched import Awaited, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from ogpu_jupyter.chain.contracts import Log
    from ogpu_jupyter.chain.networks import Network
    from ogpu_jupyter.chain.rpc import Rpc
    from ogpu_jupyter.chain.transactions import Head, Receipt
    from ogpu_jupyter.tasks import TaskSnapshot

__all__ = ["Follower", "Listener"]

_log = logging.getLogger("ogpu_jupyter")

_CLOSEST: Final = 0.05  # seconds between ticks, however often it is poked
_TICK_SECONDS: Final = 10.0  # for one batch, with all that is tried again
_JOIN_SECONDS: Final = 5.0
_AHEAD: Final = 16  # blocks that one answer may be ahead of another; more is a lie
_AT_ONCE: Final = 200  # tasks read before their news are told


class Listener(Protocol):
    """Who is told; on the follower's thread, one call at a time. What it raises is logged."""

    def on_head(self, head: Head) -> None:
        """A new block is the newest."""

    def on_read(self, head: Head, unread: Collection[str]) -> None:
        """What happened up to this block has been told, but of the tasks that are `unread`."""

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        """Awaited transactions are in a block, or after a reorg in another one."""

    def on_snapshots(self, snapshots: Sequence[TaskSnapshot]) -> None:
        """Watched tasks that are new or have changed, with their bids where those were seen."""

    def on_retracted(self, references: Sequence[str]) -> None:
        """Transactions that are in no block any more, and watched tasks that are not there."""

    def on_trouble(self, error: OgpuError | None) -> None:
        """The node is away, or speaks for another chain; None when it is back."""


class Follower:
    """Follows from `start` to `stop`. Its methods may be called from any thread.

    `genesis` is the hash of the chain's first block, where it is known; else that of the
    chain that is seen first. A node that comes back with another one is trouble. With
    `confirmations`, by default the network's, what is told has happened in a block that
    deep, and not in the newest.
    """

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        listener: Listener,
        *,
        genesis: str = "",
        confirmations: int | None = None,
    ) -> None:
        self._rpc = rpc
        self._network = network
        self._listener = listener
        self._clock = ChainClock()
        self._line = Line(genesis)
        self._logs = NexusLogs(network.nexus)
        self._watched = Watched()
        self._awaited = Awaited()
        self._pace = Pace()
        deep = network.confirmations if confirmations is None else confirmations
        self._depth = max(0, deep - 1)  # blocks on top of what counts
        self._heads_seen: deque[Head] = deque()  # from the newest that is deep to the newest
        self._told_read = ""
        self._lost_until: int | None = None  # logs up to this block may be missing
        self._heads = _heads(network, self._block_told)
        self._height = 0  # the highest block that anything was seen in
        self._told_head = ""
        self._newest: Head | None = None
        self._trouble: OgpuError | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, *tasks: str) -> None:
        """Tell of these tasks, first as they are now, then whenever they change."""
        if self._watched.add(tasks):
            self._nudge()

    def unwatch(self, *tasks: str) -> None:
        self._watched.remove(tasks)

    def await_receipt(self, *hashes: str) -> None:
        """Tell when these transactions are in a block."""
        if self._awaited.add(hashes):
            self._nudge()

    def forget(self, *hashes: str) -> None:
        self._awaited.remove(hashes)

    def chain_time(self) -> float:
        """Seconds since 1970, now, as the chain counts them."""
        return self._clock.now()

    def time_of(self, block: int) -> int | None:
        """Unix seconds of a block, where it is one of the newest that were seen."""
        known = [*self._heads_seen, *([self._newest] if self._newest else [])]
        return next((head.timestamp for head in reversed(known) if head.number == block), None)

    def start(self) -> None:
        if self._thread is None:
            context = copy_context()  # by the context ipykernel finds the cell of an output
            self._thread = threading.Thread(
                target=context.run, args=(self._run,), name="ogpu-follower", daemon=True
            )
            self._thread.start()
            if self._heads is not None:
                self._heads.start()

    def stop(self) -> None:
        """Nothing more is told; waits for the thread, but not for a request that hangs."""
        self._stopping.set()
        self._wake.set()
        if self._heads is not None:
            self._heads.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def poke(self) -> None:
        """Look now."""
        self._wake.set()

    def resume(self, block: int, snapshots: Sequence[TaskSnapshot] = ()) -> None:
        """Before the start: logs are read from here on, and these are the tasks as told by then."""
        self._logs.cursor = block
        self._watched.know(snapshots)

    @property
    def depth(self) -> int:
        """How many blocks must be on top of what counts."""
        return self._depth

    def _block_told(self) -> None:
        if self._is_busy():
            self._wake.set()

    def _nudge(self) -> None:
        # What a listener asks for is looked at in the same tick, or in the next.
        if threading.current_thread() is not self._thread:
            self._wake.set()

    # -- the thread --------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            pause = self._guarded_tick()
            if not self._stopping.wait(_CLOSEST):
                self._wake.wait(max(0.0, pause - _CLOSEST))

    def _guarded_tick(self) -> float:
        """Seconds until the next one is due."""
        try:
            again = self._tick()
        except OgpuError as error:
            self._tell_trouble(error)
        except Exception:  # noqa: BLE001 - the thread has nobody above it
            _log.exception("The follower failed in a tick.")
        else:
            self._tell_trouble(None)
            self._pace.recovered()
            return 0.0 if again else self._pause()
        self._line.doubt()
        return self._pace.backoff()

    def _pause(self) -> float:
        is_told = self._heads is not None and self._heads.is_live
        return self._pace.pause(busy=self._is_busy(), is_told=is_told)

    def _is_busy(self) -> bool:
        return bool(self._watched) or bool(self._awaited)

    def _tell(self, what: Callable[..., None], *news: Any) -> None:
        if self._stopping.is_set():
            return
        try:
            what(*news)
        except Exception:  # noqa: BLE001 - a listener's fault is not the follower's end
            _log.exception("A listener of the follower failed.")

    def _tell_trouble(self, error: OgpuError | None) -> None:
        changed = type(error) is not type(self._trouble)
        self._trouble = error
        if changed:
            self._tell(self._listener.on_trouble, error)

    # -- a tick ------------------------------------------------------------------------

    def _tick(self) -> bool:
        """True when there is more to do at once."""
        asked = time.monotonic()
        hashes = self._awaited.next(self._rpc.largest_batch)
        line = self._line.calls()
        logs = [self._logs.call()] if self._is_busy() and self._line.is_sure else []
        receipts = [Call("eth_getTransactionReceipt", (tx_hash,)) for tx_hash in hashes]
        answers = self._batch([*line, *logs, *receipts])
        found = answers[len(line) : len(line) + len(logs)]

        newest = self._line.read(answers[: len(line)])
        if isinstance(newest, Rewritten):
            self._start_over(newest.head)
            return True
        if newest is None:
            return False
        self._saw(newest, asked)
        self._tell_receipts(hashes, answers[len(line) + len(logs) :], newest)
        self._read_logs(newest, found[0] if found else None)
        self._height = min(self._height, newest.number - self._depth + _AHEAD)
        if not self._awaited.has_more:  # else all that these publish are read at once, later
            self._read_tasks()
            self._tell_read(newest)
        self._tell_head(newest)
        return self._awaited.has_more

    def _batch(self, calls: Sequence[Call]) -> list[Any]:
        return self._rpc.batch(calls, deadline=time.monotonic() + _TICK_SECONDS)

    def _saw(self, head: Head, asked: float) -> None:
        self._newest = head
        self._clock.saw(head.timestamp)
        self._pace.block(head.number, asked)
        self._height = max(self._height, head.number - self._depth)

    def _tell_read(self, head: Head) -> None:
        # After all news: whoever counts an expiry now has seen what came in time.
        seen, deep = self._heads_seen, head.number - self._depth
        if not seen or head.number > seen[-1].number:
            seen.append(head)
        while len(seen) > 1 and seen[1].number <= deep:
            seen.popleft()
        if seen[0].number <= deep and seen[0].hash != self._told_read:
            self._told_read = seen[0].hash
            self._tell(self._listener.on_read, seen[0], self._watched.unread())

    def _tell_head(self, head: Head) -> None:
        if head.hash != self._told_head:
            self._told_head = head.hash
            self._tell(self._listener.on_head, head)

    def _start_over(self, head: Head) -> None:
        self._clock.reset()
        self._heads_seen.clear()
        self._logs.rewind(head.number)
        self._watched.touch_all(forget=True)
        self._awaited.doubt()
        self._height = max(0, head.number - self._depth)

    def _tell_receipts(self, hashes: Sequence[str], answers: Sequence[Any], head: Head) -> None:
        deep = head.number - self._depth if self._depth else None
        receipts, retracted = self._awaited.take(hashes, answers, deep)
        self._height = max([self._height, *(receipt.block for receipt in receipts)])
        if retracted:
            self._tell(self._listener.on_retracted, retracted)
        if receipts:
            self._touch(NEXUS.decode_log(log) for receipt in receipts for log in receipt.logs)
            self._tell(self._listener.on_receipts, receipts)

    def _touch(self, logs: Iterable[Log | None]) -> None:
        for log in logs:
            for name in ("task", "response"):
                self._watched.touch(str(log.args.get(name, "")) if log else "")

    def _read_logs(self, head: Head, found: Any) -> None:
        deep = head.number - self._depth
        if not self._is_busy():
            self._logs.cursor = max(0, deep)
            return
        if not self._told_head:
            self._logs.begin(max(0, deep))
        if isinstance(found, list):
            self._logs.cursor = head.number
        else:
            found, complete = self._logs.catch_up(head.number, self._range)
            if not complete:
                self._lost_until = head.number
        # Where the newest counts, a log may be of a block that another answer hasn't told yet.
        logs = self._logs.take(found, self._watched.concerns, deep if self._depth else None)
        self._height = max([self._height, *(log.block for log in logs)])
        self._touch(logs)
        if self._lost_until is not None:  # all is read without them until that block is deep
            self._watched.touch_all()
            self._lost_until = None if deep >= self._lost_until else self._lost_until

    def _range(self, call: Call) -> list[Any] | None:
        """None where the node finds the range too long, or its answer is."""
        (answer,) = self._batch([call])
        return answer if isinstance(answer, list) else None

    def _read_tasks(self) -> None:
        due = self._watched.due()
        for start in range(0, len(due), _AT_ONCE):
            if self._stopping.is_set():
                return
            self._read_some(due[start : start + _AT_ONCE])

    def _read_some(self, tasks: list[str]) -> None:
        deadline = time.monotonic() + _TICK_SECONDS
        known = self._watched.known(tasks)
        found = snapshots(self._rpc, tasks, known=known, block=self._height, deadline=deadline)
        news = [
            (address, self._watched.read(address, snapshot, self._logs.bid))
            for address, snapshot in zip(tasks, found, strict=True)
        ]
        gone = [address for address, snapshot in news if snapshot is True]
        changed = [snapshot for _, snapshot in news if not isinstance(snapshot, bool)]
        if gone:
            self._tell(self._listener.on_retracted, gone)
        if changed:
            self._tell(self._listener.on_snapshots, changed)
        failed = [error for error in found if isinstance(error, NetworkError)]
        if len(failed) == len(tasks):
            self._height = 0  # it may have been a lie; the next look is at the newest block
            raise failed[0]


def _heads(network: Network, told: Callable[[], None]) -> Heads | None:
    """Where the network has a WebSocket: of its own, or as one of its nodes."""
    sockets = [url for url in (network.rpc_url, *network.rpc_urls) if is_socket_url(url)]
    url = network.ws_url or next(iter(sockets), "")
    if not is_socket_url(url):
        return None
    headers = headers_for(url, network.rpc_url, network.rpc_headers)
    return Heads(url, network.chain_id, told, headers)
