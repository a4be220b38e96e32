"""`python -m benchmarks.run PEER_PYTHON`: measure, print the table, write `results.json`.

One anvil with one-second blocks; each client is a process of its own, and everything that
it sends goes through proxies of its own, which count, and can add a delay.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import raw
from benchmarks.clients import Client, client
from benchmarks.market import OGPU, Hand
from benchmarks.observer import Observer
from benchmarks.orders import ROOT
from benchmarks.results import Result, table, write
from ogpu_jupyter import localnet

if TYPE_CHECKING:
    from collections.abc import Iterator

FAR = 0.05  # seconds that a request takes longer, where the name says 50ms
_PEER_PUBLISHES = 10
_PEER_READS, _PEER_READS_FAR = 50, 10
_PEER_WATCHERS = 50
_PEER_EACH = 2.0  # seconds between the polls of one of its watchers
_BLOCKS = 10
_SETTLING = 20
_EVENTS = 8


class Bench:
    """The market, the workers and their proxies; each method is some of the measurements."""

    def __init__(self, peer_python: Path, folder: Path, stack: ExitStack) -> None:
        self.peer_python = peer_python
        self.folder = folder
        self.question = b""  # by which ours reads a thousand tasks
        self.stack = stack
        self.localnet = stack.enter_context(localnet.start(node="anvil", block_time=1))
        self.hand = Hand(self.localnet)
        self.ours = self.client("ours", sys.executable)
        self.peer = self.client("peer", peer_python)
        for each in (self.ours, self.peer):
            key = self.hand.fresh_key()
            each.worker("start", network=each.told, key=key, deposit=OGPU)

    def client(self, module: str, python: Path | str, name: str = "") -> Client:
        folder = self.folder / (name or module)
        return self.stack.enter_context(client(self.localnet.network, module, python, folder))

    # Publishing

    def one_publish(self) -> Result:
        """Of ours without the follower's requests, which come with blocks: all within one."""
        self.ours.worker("publish", source=self.hand.source, number=1, tag="warm")
        for _ in range(3):  # the first one is in a block by then, and has been read
            self.hand.next_block()
        time.sleep(0.2)
        number = 5
        self.ours.reset()
        self.ours.worker("publish", source=self.hand.source, number=number, tag="one by one")
        ours = (self.ours.requests - self.ours.node.ticks) / number
        self.peer.reset()
        self.peer.worker("publish", source=self.hand.source, number=number, tag="one by one")
        peer = self.peer.requests / number
        return Result("http_per_publish", ours, 2, peer)

    def publishing(self, *, delay: float) -> Iterator[Result]:
        end = "_50ms" if delay else ""
        with self.far(delay):
            limit = self._raw_publishing()
            ours, requests = self._our_publishing(end)
            self.peer.reset()
            self.hand.next_block()
            words = {"source": self.hand.source, "number": _PEER_PUBLISHES, "tag": f"many{end}"}
            scale = 100 / _PEER_PUBLISHES
            peer = self.peer.worker("publish", **words) * scale
        note = f"was measured on {_PEER_PUBLISHES} publishes, and scaled to 100"
        yield Result(f"publish_100_seconds{end}", ours, limit, peer, note)
        if not delay:
            yield Result("publish_100_http", requests, 101, self.peer.requests * scale, note)

    def _raw_publishing(self) -> float:
        taken, key = [], self.hand.fresh_key()
        for turn in range(3):
            signed = self.hand.signed_publishes(key, 100, deposit=not turn)
            self.hand.next_block()
            taken.append(raw.publish_seconds(self.ours.node.url, self.ours.content.url, signed))
        return statistics.median(taken)

    def _our_publishing(self, end: str) -> tuple[float, float]:
        taken, requests = [], []
        for turn in range(3):
            self.hand.next_block()
            self.ours.reset()
            tag = f"many{end} {turn}"
            words = {"source": self.hand.source, "number": 100, "tag": tag}
            taken.append(self.ours.worker("publish_many", **words))
            requests.append(self.ours.requests)
        return statistics.median(taken), statistics.median(requests)

    # Reading

    def reading(self, tasks: list[str], *, delay: float) -> Iterator[Result]:
        end = "_50ms" if delay else ""
        some = _PEER_READS_FAR if delay else _PEER_READS
        scale = len(tasks) / some
        with self.far(delay):
            self.ours.worker("snapshots", tasks=tasks[:2])  # it learns what the node can do
            self.ours.reset()
            taken = [self.ours.worker("snapshots", tasks=tasks)]
            requests, body = self.ours.requests - self.ours.node.ticks, self.ours.node.longest
            self.question = body
            taken += [self.ours.worker("snapshots", tasks=tasks) for _ in range(6)]
            limit = raw.answer_seconds(self.ours.node.url, body, 7) * max(1, requests)
            self.peer.worker("snapshots", tasks=tasks[:1])
            self.peer.reset()
            peer = self.peer.worker("snapshots", tasks=tasks[:some]) * scale
        note = f"was measured on {some} tasks, and scaled to {len(tasks):,}"
        ours = statistics.median(taken)
        yield Result(f"snapshot_1000_seconds{end}", ours, limit, peer, note)
        if not delay:
            yield Result("snapshot_1000_http", requests, 1, self.peer.requests * scale, note)

    # Watching

    def watching(self, tasks: list[str]) -> Iterator[Result]:
        """The patched copy of the SDK's watchers beside ours, at the same blocks."""
        problem = self.peer.worker("watch_as_released", task=tasks[0])
        note = f"raises on first use ({problem}); a patched copy is beside it"
        ours = self.client("ours", sys.executable, "ours-watching")
        for number in (1, len(tasks)):
            ours.worker("watch", network=ours.told, tasks=tasks[:number])
            some = min(number, _PEER_WATCHERS)
            peer = self._peer_watching(f"watching-{number}", tasks[:some])
            mine, patched = self._http_per_block(ours, peer)
            ours.worker("unwatch")
            scale = number / some
            told = f"{note}, measured on {some} watchers and scaled" if scale > 1 else note
            name = f"watch_http_per_block_{number}"
            yield Result(name, mine, 1, None if problem else patched, told, patched * scale)

    def _peer_watching(self, name: str, tasks: list[str]) -> Client:
        peer = self.client("peer", self.peer_python, name)
        key = self.hand.fresh_key()
        peer.worker("start", network=peer.told, key=key, deposit=0)
        peer.worker("watch_patched", tasks=tasks)
        return peer

    def _http_per_block(self, *clients: Client) -> list[float]:
        for _ in range(_SETTLING):  # it has to find their rhythm first
            begin = self.hand.next_block()
        time.sleep(0.5)  # the middle of a block: what belongs to it has been asked
        for each in clients:
            each.reset()
        while (end := self.hand.next_block()) < begin + _BLOCKS:
            pass
        time.sleep(0.5)
        return [each.requests / (end - begin) for each in clients]

    def events(self, tasks: list[str]) -> Result:
        """From the block with the event to the callback, at moments spread over the blocks."""
        problem = self.peer.worker("watch_as_released", task=tasks[0])
        ours = self.client("ours", sys.executable, "ours-hearing")
        ours.worker("watch", network=ours.told, tasks=tasks)
        peer = self._peer_watching("hearing", tasks)
        with Observer(self.localnet) as observer:
            for _ in range(_SETTLING):
                self.hand.next_block()
            blocks = {}
            for place, task in enumerate(tasks):
                time.sleep(place / len(tasks))
                blocks[task.lower()] = self.hand.cancel(task)
            time.sleep(_PEER_EACH + 0.5)
            taken = [_after(each.worker("heard"), blocks, observer) for each in (ours, peer)]
        limit = statistics.median(
            observer.read[block] - observer.seen[block] for block in blocks.values()
        )
        ours.worker("unwatch")
        mine, patched = taken
        note = f"raises on first use ({problem}); a patched copy is beside it"
        known = None if problem else patched
        return Result("event_to_callback_ms", mine, limit * 1000, known, note, patched)

    # The program

    def program(self) -> Iterator[Result]:
        empty = raw.empty_extension(self.folder / "empty")
        where = str(self.folder / "empty")
        home = self.folder / "home"
        home.mkdir()
        ours = raw.import_seconds(sys.executable, "ogpu_jupyter", home, path=str(ROOT))
        least = raw.import_seconds(sys.executable, empty, home, path=where)
        peer = raw.import_seconds(self.peer_python, "ogpu", home, path="")
        yield Result("import_seconds", ours, least, peer)
        ours = raw.load_ext_seconds("ogpu_jupyter", home, path=str(ROOT))
        least = raw.load_ext_seconds(empty, home, path=where)
        yield Result("load_ext_seconds", ours, least, None, "has no IPython extension")

    def memory(self, tasks: list[str]) -> Result:
        """Of a kernel's session with a thousand tasks under way, and a handle of each."""
        ours = self.client("ours", sys.executable, "ours-holding")
        key = self.hand.fresh_key()
        ours.worker("start", network=ours.told, key=key, deposit=OGPU)
        words = {"source": self.hand.source, "number": len(tasks), "tag": "memory"}
        ours.worker("publish_many", **words)
        assert ours.worker("hold") == len(tasks)
        time.sleep(3)
        peer = self.client("peer", self.peer_python, "holding")
        peer.worker("start", network=peer.told, key=key, deposit=0)
        peer.worker("hold", tasks=tasks, read=20)
        line = raw.Line(self.localnet.network.rpc_url)
        answer = line.post(self.question)
        line.close()
        least = raw.rss_mb(self.folder, answer)
        note = "holds the objects of 1,000 tasks, and the state of 20"
        return Result("rss_mb_1000_tasks", ours.worker.rss_mb, least, peer.worker.rss_mb, note)

    @contextmanager
    def far(self, delay: float) -> Iterator[None]:
        for each in (self.ours, self.peer):
            each.away(delay)
        try:
            yield
        finally:
            for each in (self.ours, self.peer):
                each.away(0)


def _after(heard: dict[str, float], blocks: dict[str, int], observer: Observer) -> float:
    """The median, in milliseconds, over events of which all were heard."""
    taken = [heard[task] - observer.seen[block] for task, block in blocks.items()]
    return statistics.median(taken) * 1000


def measure(bench: Bench) -> Iterator[Result]:
    """All of them; the tasks that are read and watched are made when they are needed."""
    yield from bench.program()
    yield bench.one_publish()
    yield from bench.publishing(delay=0)
    yield from bench.publishing(delay=FAR)
    tasks = bench.hand.publish(1000)
    yield from bench.reading(tasks, delay=0)
    yield from bench.reading(tasks, delay=FAR)
    yield bench.memory(tasks)
    yield bench.events(tasks[:_EVENTS])
    yield from bench.watching(tasks + bench.hand.publish(9000))


def main() -> None:
    peer_python = Path(sys.argv[1]).absolute()
    begin = time.monotonic()
    results = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(peer_python, Path(folder), stack)
        for result in measure(bench):
            results.append(result)
            print(f"{time.monotonic() - begin:5.0f} s  {result.name}", file=sys.stderr, flush=True)
    write(results, ROOT / "benchmarks" / "results.json")
    print(table(results))


if __name__ == "__main__":
    main()
