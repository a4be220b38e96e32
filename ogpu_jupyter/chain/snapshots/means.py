"""What is known of a node: in which ways it can be asked, and how much at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from ogpu_jupyter.chain.rpc import Rpc

_PATIENCE: Final = 3
_LEAST: Final = 20  # in one call, however slow the node is
_SLOW: Final = 2.0  # seconds: a node that needs longer is asked for less at a time
_QUICK: Final = 0.5
_TOO_MUCH: Final = re.compile(
    r"gas|too (large|big|long)|size|exceed|limit|time(d )?-?out|abort|memory", re.IGNORECASE
)
_MOST_GAS: Final = 500_000_000  # most nodes lower it to their own limit without a word


@dataclass
class Way:
    """One way to ask. It is given up once it was refused, or failed some times in a row."""

    most: int  # in one call, for now
    limit: int = field(init=False)  # in one call, as the node said
    gas: int | None = _MOST_GAS
    open: bool = True
    proven: bool = False
    failures: int = 0

    def __post_init__(self) -> None:
        self.limit = self.most

    def worked(self, count: int, seconds: float) -> None:
        """`count` were read in one call; the next ones fit to how quick that was."""
        self.proven, self.failures = True, 0
        if seconds > _SLOW:
            self.most = min(self.most, max(_LEAST, int(count * _SLOW / 2 / seconds)))
        elif seconds < _QUICK and count >= self.most:
            self.most = min(self.limit, self.most * 2)

    def failed(self, *, for_good: bool = False) -> None:
        """`for_good` counts only while it never worked: behind one URL may be several nodes."""
        self.failures += 1
        self.open = self.failures < _PATIENCE and (self.proven or not for_good)

    def shrink(self, asked: int, *, told: bool = True) -> None:
        """So many were too many: for good where the node said so."""
        self.most = max(1, min(self.most, asked // 2))
        if told:
            self.limit = self.most


def is_too_much(words: str) -> bool:
    """A node's reason for a refusal is the size of what was asked."""
    return bool(_TOO_MUCH.search(words))


class Means:
    """The ways of one node."""

    def __init__(self) -> None:
        self.reader = Way(most=4000)
        self.multicall = Way(most=400)


_MEANS: WeakKeyDictionary[Rpc, Means] = WeakKeyDictionary()


def means_of(rpc: Rpc) -> Means:
    """What was learnt of this node; shared by all who ask it."""
    return _MEANS.setdefault(rpc, Means())
