"""Whether the newest block continues what was seen before.

A node behind a balancer may lag behind what another said, which means nothing. A reorg, or
a node that comes back with an older state, means that all is to be read anew. A node with
another first block is another chain, also where its number and addresses are the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ogpu_jupyter.chain.rpc import Call
from ogpu_jupyter.chain.transactions import Head
from ogpu_jupyter.errors import RpcError, WrongChain

if TYPE_CHECKING:
    from collections.abc import Sequence

_PATIENCE: Final = 5.0  # seconds that a node may be behind; then it has lost blocks
_TRAIL: Final = 256  # newest blocks whose hashes are remembered


class Rewritten(NamedTuple):
    """Blocks that were seen are not there any more; `head` is the newest now."""

    head: Head


class Line:
    """The line of blocks, held by its first and its newest one."""

    def __init__(self, genesis: str) -> None:
        self._genesis = genesis.lower()
        self._newest: Head | None = None
        self._trail: dict[int, str] = {}
        self._behind_since: float | None = None
        self.is_sure = False  # that it is the chain of the ticks before

    def doubt(self) -> None:
        """There was trouble: the node may be another one now."""
        self.is_sure = False

    def calls(self) -> list[Call]:
        """What to ask for `read`, in the same batch as all that is to be believed with it."""
        numbers = ["latest"]
        numbers += [hex(self._newest.number)] if self._newest else []
        numbers += [] if self.is_sure else ["0x0"]
        return [Call("eth_getBlockByNumber", (number, False)) for number in numbers]

    def read(self, answers: Sequence[Any]) -> Head | Rewritten | None:
        """The newest block; None where the node is merely behind."""
        latest, *rest = answers
        if isinstance(latest, RpcError):
            raise latest
        head = Head.of(latest)
        seen = rest.pop(0) if self._newest else None
        if rest:
            self._check_genesis(rest[0])
        state = self._compare(head, seen)
        if state is None:
            return None
        self._behind_since = None
        self.is_sure = isinstance(state, Head)
        self._newest = head if self.is_sure else None
        self._remember(head)
        return state

    def _remember(self, head: Head) -> None:
        if not self.is_sure:
            self._trail.clear()
        self._trail[head.number] = head.hash
        while len(self._trail) > _TRAIL:
            del self._trail[next(iter(self._trail))]

    def _compare(self, head: Head, seen: Any) -> Head | Rewritten | None:
        newest = self._newest
        if newest is None:
            return head
        if isinstance(seen, dict):
            if seen.get("hash") != newest.hash:
                return Rewritten(head)
            return head if head.number >= newest.number else None
        if head.number > newest.number:
            return head  # it answers one question and not the other: no proof of anything
        if head.number == newest.number:
            return head if head.hash == newest.hash else Rewritten(head)
        is_other = self._trail.get(head.number, head.hash) != head.hash
        return Rewritten(head) if is_other or self._is_behind_for_long() else None

    def _is_behind_for_long(self) -> bool:
        now = time.monotonic()
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since > _PATIENCE

    def _check_genesis(self, block: Any) -> None:
        found = block.get("hash") if isinstance(block, dict) else None
        if not isinstance(found, str):
            return
        if self._genesis and found.lower() != self._genesis:
            raise WrongChain(
                "The node serves another chain than before: its first block is another one.",
                hint="Type `%ogpu connect local`, or connect to the network again.",
            )
        self._genesis = found.lower()
