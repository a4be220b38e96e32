"""How often to look: about twice a block, seldom when there is nothing to see or no node."""

from __future__ import annotations

import random
import time
from typing import Final

_FASTEST: Final = 0.25  # seconds between two ticks, when something is watched
_SLOWEST: Final = 2.0
_IDLE: Final = 15.0
_FIRST_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 15.0


class Pace:
    """Seconds to wait, from the blocks and failures seen so far."""

    def __init__(self) -> None:
        self._block_time = 1.0
        self._number: int | None = None
        self._at = time.monotonic()
        self._failures = 0

    def block(self, number: int) -> None:
        """The newest block has this number now."""
        now = time.monotonic()
        if self._number is not None and number > self._number:
            lately = (now - self._at) / (number - self._number)
            self._block_time += 0.3 * (min(lately, 2 * _SLOWEST) - self._block_time)
        if number != self._number:
            self._number, self._at = number, now

    def pause(self, *, busy: bool) -> float:
        if not busy:
            return _IDLE
        block_time = max(self._block_time, (time.monotonic() - self._at) / 4)
        return min(max(block_time / 2, _FASTEST), _SLOWEST)

    def backoff(self) -> float:
        self._failures += 1
        pause = min(_FIRST_BACKOFF * 2.0 ** min(self._failures, 10), _LONGEST_BACKOFF)
        return pause * random.uniform(0.75, 1.0)  # noqa: S311 - so that not all come back at once

    def recovered(self) -> None:
        self._failures = 0
