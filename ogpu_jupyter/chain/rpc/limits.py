"""How many calls a node takes in one request: found by halving, kept, tried again later.

Only what worked in a smaller batch right after it was refused in a larger one proves a
limit. One that the node never told of may have been a passing trouble: more is tried again
soon, and of one that it told of seldom.
"""

from __future__ import annotations

import threading
import time
from typing import Final

MAX_BATCH: Final = 100
_TOLD_SECONDS: Final = 1800.0
_UNTOLD_SECONDS: Final = 30.0
_LONGEST_SECONDS: Final = 3600.0


class BatchLimit:
    """Of one node; threads may share it."""

    def __init__(self) -> None:
        self.most = MAX_BATCH
        self.proven = 1  # the largest of which every call was answered
        self._wait = 0.0
        self._again_at = 0.0
        self._lock = threading.Lock()

    def next(self) -> int:
        """How many to ask now: more than are known to be taken, where that is due."""
        with self._lock:
            is_due = self.most < MAX_BATCH and time.monotonic() >= self._again_at
            return min(2 * self.most, MAX_BATCH) if is_due else self.most

    def below(self, refused: int) -> int:
        """How many to try after so many were refused."""
        with self._lock:
            if self.proven >= refused:
                self.proven = 1
            if refused > self.most:
                self._put_off(self._wait * 2)
                return self.most
            return max(refused // 2, self.proven, 1)

    def learn(self, most: int, *, told: bool) -> None:
        """More were refused, and so many were taken then."""
        with self._lock:
            if most < self.most:
                self.most = most
                self._put_off(_TOLD_SECONDS if told else _UNTOLD_SECONDS)

    def took(self, count: int) -> None:
        with self._lock:
            self.proven = max(self.proven, count)
            if count > self.most:
                self.most = min(2 * self.most, MAX_BATCH)

    def _put_off(self, seconds: float) -> None:
        self._wait = min(seconds, _LONGEST_SECONDS)
        self._again_at = time.monotonic() + self._wait
