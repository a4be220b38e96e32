"""The chain's clock, read between blocks with this machine's stopwatch.

Expiry is counted on it: this machine's own clock may be wrong by hours.
"""

from __future__ import annotations

import threading
import time


class ChainClock:
    """Seconds since 1970 as the chain counts them; never backwards, unless the chain goes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset: float | None = None  # what the chain's time is ahead of the stopwatch

    def now(self) -> float:
        """Before the first block is seen: this machine's clock."""
        with self._lock:
            return time.time() if self._offset is None else time.monotonic() + self._offset

    def saw(self, timestamp: int) -> None:
        """A block of that time was just received; it can't be older than what it says."""
        offset = timestamp - time.monotonic()
        with self._lock:
            self._offset = offset if self._offset is None else max(self._offset, offset)

    def reset(self) -> None:
        """The chain itself has gone back: the next block counts as the first."""
        with self._lock:
            self._offset = None
