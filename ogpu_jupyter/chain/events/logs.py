"""The Nexus' logs as triggers: which watched tasks may have changed, and who bid what.

Nodes repeat, delay and lose logs, and refuse ranges that they find too long. So each range
reaches back over blocks that were asked about before, and what comes twice is told once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.contracts import NEXUS
from ogpu_jupyter.chain.rpc import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ogpu_jupyter.chain.contracts import Log

_TRIGGERS: Final = ("Attempted", "ResponseSubmitted", "ResponseStatusChanged", "TaskStatusChanged")
_OVERLAP: Final = 16  # blocks that a replica may lag behind
_BEARABLE: Final = 500  # logs that may come again with each tick
_LONGEST: Final = 2000  # blocks in one range, when catching up
_TOO_LONG_AGO: Final = 20_000  # blocks; older bids are not looked for
_MOST_TASKS: Final = 10_000  # whose bids are kept
_SEEN: Final = 50_000


class NexusLogs:
    """Where reading stands in the chain of blocks, and what was read lately."""

    def __init__(self, nexus: str) -> None:
        self._nexus = nexus
        self._seen: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._per_block: Counter[int] = Counter()
        self._bids: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._longest = _LONGEST
        self._shallow: list[Any] = []  # new ones whose block is not deep enough yet
        self.cursor: int | None = None  # the last block that was asked about

    def bid(self, task: str, provider: str) -> int | None:
        """Wei, where its event was seen."""
        return self._bids.get(task.lower(), {}).get(provider.lower())

    def rewind(self, head: int) -> None:
        """Blocks were taken away; how many is not known."""
        self.cursor = max(0, min(self.cursor or 0, head) - 4 * _OVERLAP)
        self._per_block.clear()

    def begin(self, head: int) -> None:
        """The first look at the chain: it may be shorter than when reading ended."""
        behind = head - _OVERLAP if self.cursor is None else min(self.cursor, head)
        self.cursor = max(0, behind)

    def call(self) -> Call:
        """What to ask: from a little before the cursor to the newest block."""
        return self._call(max(0, (self.cursor or 0) + 1 - self._overlap()), "latest")

    def _call(self, first: int, last: str) -> Call:
        topics = [NEXUS.topics[name] for name in _TRIGGERS]
        where = {"address": self._nexus, "fromBlock": hex(first), "toBlock": last}
        return Call("eth_getLogs", ({**where, "topics": [topics]},))

    def _overlap(self) -> int:
        """Fewer blocks where they are full of logs, or where the node takes short ranges."""
        again, blocks, cursor = 0, 0, self.cursor or 0
        while blocks < min(_OVERLAP, self._longest - 1) and (blocks < 2 or again < _BEARABLE):
            again += self._per_block[cursor - blocks]
            blocks += 1
        return blocks

    def catch_up(
        self, head: int, ask: Callable[[Call], list[Any] | None]
    ) -> tuple[list[Any], bool]:
        """The logs up to `head` in ranges that the node takes, and whether some are missing.

        `ask` gives None for a range that is refused.
        """
        found, complete = [], True
        self.cursor = max(0, head - _OVERLAP) if self.cursor is None else self.cursor
        if head - self.cursor > _TOO_LONG_AGO:
            complete, self.cursor = False, head - _TOO_LONG_AGO
        while self.cursor < head:
            first = max(0, self.cursor + 1 - self._overlap())
            last = min(head, self.cursor + self._longest)
            logs = ask(self._call(first, hex(last)))
            if logs is None and self._longest > 1:
                self._longest = max(1, min(self._longest, last - first + 1) // 2)
                continue
            complete = complete and logs is not None
            found += logs or []
            self.cursor = last
            self._longest = min(_LONGEST, self._longest * 2)
        return found, complete

    def take(
        self, raw: Iterable[Any], watched: Callable[[str], bool], deep: int | None = None
    ) -> list[Log]:
        """The new ones of watched tasks and responses, in order; bids are kept of all.

        Those of blocks above `deep` wait until it is there. Whose they are is asked only then:
        the task that is published a block earlier may not be watched before.
        """
        new = [*self._shallow, *(item for item in raw if self._is_new(item))]
        self._shallow = [item for item in new if deep is not None and _block(item) > deep]
        ripe = [item for item in new if deep is None or _block(item) <= deep]
        logs = [log for item in ripe if (log := self._read(item, watched)) is not None]
        self._prune()
        return sorted(logs, key=lambda log: (log.block, log.index))

    def _read(self, item: Any, watched: Callable[[str], bool]) -> Log | None:
        concerns = [word for word in _addresses(item) if watched(word)]
        if not concerns and item["topics"][0] != NEXUS.topics["Attempted"]:
            return None  # a stranger's: not worth decoding
        log = NEXUS.decode_log(item)
        if log is None or log.address.lower() != self._nexus.lower():
            return None
        if log.name == "Attempted":
            self._note_bid(log)
        return log if concerns else None

    def _is_new(self, item: Any) -> bool:
        try:
            key = (str(item["blockHash"]), int(item["logIndex"], 16))
            block = _block(item)
            topics, data = item["topics"], item["data"]
        except (KeyError, TypeError, ValueError):
            return False
        if not (topics and isinstance(topics, list) and isinstance(data, str)):
            return False
        if key in self._seen:
            return False
        self._seen[key] = block
        self._per_block[block] += 1
        return True

    def _note_bid(self, log: Log) -> None:
        task = log.args["task"].lower()
        self._bids.setdefault(task, {})[log.args["provider"].lower()] = log.args["suggestedPayment"]
        self._bids.move_to_end(task)
        while len(self._bids) > _MOST_TASKS:
            self._bids.popitem(last=False)

    def _prune(self) -> None:
        old = (self.cursor or 0) - 4 * _OVERLAP
        while len(self._seen) > _SEEN and next(iter(self._seen.values())) < old:
            self._seen.popitem(last=False)
        for block in [block for block in self._per_block if block < old]:
            del self._per_block[block]


def _block(item: Any) -> int:
    return int(item["blockNumber"], 16)


def _addresses(item: Any) -> tuple[str, ...]:
    """The addresses in the first two words of a log's data, in lower case."""
    data = item["data"].lower()
    return tuple("0x" + data[start : start + 40] for start in (26, 90) if len(data) >= start + 40)
