"""The local chain's clock: a block now and then, so that an expiry is seen on the chain.

A node keeps every block for as long as it runs, so a night without tasks makes fewer.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.errors import NodeUnavailable

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.rpc import Rpc

_BEAT: Final = 1.0
_IDLE_BEAT: Final = 5.0
_IDLE_AFTER: Final = 300.0


class Clock:
    """Mines every `block_time` seconds; without one each second, and less often when idle."""

    def __init__(self, rpc: Rpc, block_time: float | None) -> None:
        self._rpc = rpc
        self._block_time = block_time
        self._next = self._changed = time.monotonic()  # a saved chain lags behind by days
        self._height = -1

    @property
    def pause(self) -> float:
        """Seconds until the next block is due."""
        return max(0.0, self._next - time.monotonic())

    def tick(self) -> bool:
        """Mine if it is time; True when something happened on the chain since the last tick."""
        try:
            changed = self._look()
            if self.pause == 0.0:
                changed |= self._mine()
        except NodeUnavailable:
            return False  # busy with something long; whether it lives is asked elsewhere
        if changed:
            self._changed = time.monotonic()
        return changed

    def _look(self) -> bool:
        height = int(self._rpc.call("eth_blockNumber"), 16)
        changed, self._height = height != self._height, height
        return changed

    def _mine(self) -> bool:
        now = time.monotonic()
        beat = self._beat(idle=now - self._changed)
        # Steady, but without a burst after a laptop has slept.
        self._next = self._next + beat if self._next + beat > now else now + beat
        self._rpc.call("evm_mine")
        block = self._rpc.call("eth_getBlockByNumber", "latest", False)
        alone = int(block["number"], 16) == self._height + 1 and not block["transactions"]
        self._height = int(block["number"], 16)
        return not alone

    def _beat(self, idle: float) -> float:
        return self._block_time or (_BEAT if idle < _IDLE_AFTER else _IDLE_BEAT)
