"""When to look next: just after each block, where blocks come regularly; once for each.

A look that finds nothing new, and the next one that does, have the block's arrival between
them; looks in the middle of what is still unknown narrow it down. Where blocks come as they
like, about two looks a block; seldom where there is nothing to see, or no node. A block
time that may be a round number is taken for one: an error of a thousandth, added up over
some blocks, is a look that comes too early.
"""

from __future__ import annotations

import random
import time
from collections import deque
from typing import Final

_FASTEST: Final = 0.25  # seconds between two ticks, when something is watched
_SLOWEST: Final = 2.0
_IDLE: Final = 15.0
_FIRST_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 15.0
_REGULAR: Final = 3  # blocks in a row that came when they were expected
_SHARP: Final = 0.03  # seconds, or part of the block time, that need not be narrowed down
_MARGIN: Final = 0.01
_DRIFT: Final = 0.0005  # of the block time, that a block may come earlier than the one before
_LOOKS_AFTER: Final = 3  # who asks another node than the one that tells may be early
_MEMORY: Final = 32  # blocks by which the block time is measured
_ROUND: Final = 0.25  # seconds, of which a round block time is a multiple


class Pace:
    """Seconds to wait, from the blocks and failures seen so far."""

    def __init__(self) -> None:
        self._block_time = 1.0
        self._number: int | None = None
        self._at = time.monotonic()
        self._low = self._high = self._at  # the newest block arrived between these moments
        self._asked = self._at
        self._expected = 0  # blocks in a row
        self._misses = 0
        self._seen: deque[tuple[int, float, float]] = deque(maxlen=_MEMORY)
        self._failures = 0

    def block(self, number: int, asked: float | None = None) -> None:
        """The newest block has this number now; `asked` is when the question left."""
        now = time.monotonic()
        if self._number is None or number < self._number:
            self._number, self._at = number, now
            self._low, self._high, self._expected = self._asked, now, 0
            self._seen.clear()
        elif number > self._number:
            self._arrived(number - self._number, now)
            self._number, self._at, self._misses = number, now, 0
            self._measure(number)
        else:
            self._misses += 1
        self._asked = now if asked is None else asked

    def _arrived(self, count: int, now: float) -> None:
        ahead = count * self._block_time
        slack = _DRIFT * ahead
        low = max(self._low + ahead - slack, self._asked)
        high = min(self._high + ahead, now)
        if low <= high:
            self._expected += 1
        else:
            if low - high > self._sharp:
                self._expected = min(self._expected, _REGULAR) - 1
            low, high = self._asked, now
        self._low, self._high = low, high

    @property
    def _sharp(self) -> float:
        return max(_SHARP, _SHARP * self._block_time)

    def _measure(self, number: int) -> None:
        """By the middle of what is known, over some blocks."""
        middle, half = (self._low + self._high) / 2, (self._high - self._low) / 2
        if self._seen:
            first, at, doubt = self._seen[0]
            lately = (middle - at) / (number - first)
            weight = 1.0 if len(self._seen) == _MEMORY else 0.3
            self._block_time += weight * (lately - self._block_time)
            self._block_time = max(self._block_time, 0.0)
            even = _ROUND * round(self._block_time / _ROUND)
            if abs(self._block_time - even) <= (half + doubt) / (number - first):
                self._block_time = even
        self._seen.append((number, middle, half))

    def pause(self, *, busy: bool, is_told: bool = False) -> float:
        """`is_told`: somebody calls when there is a block."""
        if not busy:
            return _IDLE
        if is_told and not 0 < self._misses <= _LOOKS_AFTER:
            return min(max(4 * self._block_time, _SLOWEST), _IDLE)
        if self._expected >= _REGULAR and self._block_time >= _FASTEST:
            return self._until_expected()
        block_time = max(self._block_time, (time.monotonic() - self._at) / 4)
        return min(max(block_time / 2, _FASTEST), _SLOWEST)

    def _until_expected(self) -> float:
        now = time.monotonic()
        low, high = self._low + self._block_time, self._high + self._block_time
        if self._misses == 0 and high - low > self._sharp:
            high = (low + high) / 2
        if self._misses == 0 or now < high:
            return max(high + _MARGIN - now, _MARGIN)
        step = max(self._block_time / 32, 0.03) * 2.0 ** min(self._misses - 1, 10)
        return min(step, max(self._block_time / 2, _FASTEST), _SLOWEST)

    def backoff(self) -> float:
        self._failures += 1
        pause = min(_FIRST_BACKOFF * 2.0 ** min(self._failures, 10), _LONGEST_BACKOFF)
        return pause * random.uniform(0.75, 1.0)  # noqa: S311 - so that not all come back at once

    def recovered(self) -> None:
        self._failures = 0
