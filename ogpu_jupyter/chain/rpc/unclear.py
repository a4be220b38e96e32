"""Transactions that a node may have, though it never said so.

What another node says of such bytes proves nothing: it may lag behind the one that has them,
or take no transactions at all.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ogpu_jupyter.chain.rpc.nodes import Node

_MOST: Final = 10_000


class Unclear:
    """Threads may share it."""

    def __init__(self) -> None:
        self._nodes: OrderedDict[bytes, Node | None] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, raw: bytes) -> bool:
        return raw in self._nodes

    def holder(self, raw: bytes) -> Node | None:
        """The node that may have it, as long as that one can be reached."""
        return self._nodes.get(raw)

    def left(self, raws: Iterable[bytes], node: Node) -> None:
        """They were sent to the node, and its answer is not known."""
        with self._lock:
            for raw in raws:
                self._nodes[raw] = node
                self._nodes.move_to_end(raw)
            while len(self._nodes) > _MOST:
                self._nodes.popitem(last=False)

    def taken(self, raw: bytes) -> None:
        """A node says that it has it."""
        with self._lock:
            self._nodes.pop(raw, None)

    def unreachable(self, node: Node) -> None:
        """Others may be asked to send what it may have."""
        with self._lock:
            for raw, one in self._nodes.items():
                if one is node:
                    self._nodes[raw] = None
