"""When to look next: just after each block, where blocks come regularly; once for each.

The look for a block is a little earlier than the look for the one before, until it comes too
early; then it is later again. So it follows the moment when nearly all blocks have arrived,
and one that is late, on a busy machine, moves it little. Where blocks come as they like,
about two looks a block; seldom where there is nothing to see, or no node. A block time that
may be a round number is taken for one: an error of a thousandth, added up over some blocks,
is a look that comes too early.
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
_STEP: Final = 0.03  # seconds, or part of the block time: later, after a look that was too early
_TICK: Final = 0.005  # seconds by which a look may come before its moment, and be the one
_TOO_EARLY: Final = 0.02  # of the looks, once the moment is found
_FIRST_STEP: Final = 0.125  # of the block time: earlier, while the moment is searched
_AS_EXPECTED: Final = 0.15  # of the block time, by which a block may miss its moment
_HALT: Final = 4.0  # of the block time
_SURPRISE: Final = 0.3  # the newest block's weight in how often that happens
_REGULAR: Final = 0.4  # blocks come regularly, if it happens less often
_LOOKS_AFTER: Final = 3  # who asks another node than the one that tells may be early
_MEMORY: Final = 16  # blocks by which the block time is measured
_ROUND: Final = 0.25  # seconds, of which a round block time is a multiple


class Pace:
    """Seconds to wait, from the blocks and failures seen so far."""

    def __init__(self) -> None:
        self._block_time = 1.0
        self._number: int | None = None
        self._at = self._asked = time.monotonic()
        self._failures = 0
        self._begin(self._at)

    def _begin(self, now: float) -> None:
        self._due = now  # when the newest block was to be looked for
        self._earlier = _FIRST_STEP * self._block_time
        self._surprises = 1.0  # a share
        self._misses = self._hits = 0
        self._was_late = False
        self._seen: deque[tuple[int, float, float]] = deque(maxlen=_MEMORY)

    def block(self, number: int, asked: float | None = None) -> None:
        """The newest block has this number now; `asked` is when the question left."""
        now = time.monotonic()
        asked = now if asked is None else asked
        if self._number is None or number < self._number:
            self._number, self._at = number, now
            self._begin(now)
        elif number > self._number:
            self._arrived(number, asked)
            self._number, self._at, self._misses = number, now, 0
        else:
            self._misses += 1
        self._asked = asked

    def _arrived(self, number: int, asked: float) -> None:
        """It came after the last look, and before this one."""
        expected = self._due + (number - (self._number or 0)) * self._block_time
        surprise = max(self._asked - expected, expected - asked, 0.0)
        is_surprise = surprise > _AS_EXPECTED * self._block_time
        if self._is_regular and surprise > _HALT * self._block_time:
            self._seen.clear()  # the time of a halt is no block's
        self._surprises += _SURPRISE * (is_surprise - self._surprises)
        expected = min(expected, asked)  # many blocks can come at once
        if not self._is_regular:
            self._due = max(expected, self._asked)
            self._measure(number, asked)
        elif self._asked > expected - _TICK:
            self._came_late(expected, asked)
            if not is_surprise:
                self._measure(number, asked)
        else:
            self._was_there(expected, asked)

    def _was_there(self, expected: float, asked: float) -> None:
        self._due, self._was_late = expected, False
        if asked - expected > self._step:
            return  # the look was late itself
        self._due -= self._earlier
        self._hits += 1
        if self._hits * _TOO_EARLY > 0.5:  # blocks come earlier than they did
            self._earlier = min(1.1 * self._earlier, _FIRST_STEP * self._block_time)

    def _came_late(self, expected: float, asked: float) -> None:
        later = expected + max(self._earlier, self._step)
        self._due = asked if self._was_late else min(later, asked)
        self._was_late, self._hits = True, 0
        is_found = self._earlier <= self._step
        self._earlier = self._step * _TOO_EARLY if is_found else self._earlier / 4

    @property
    def _step(self) -> float:
        return max(_STEP, _STEP * self._block_time)

    @property
    def _is_regular(self) -> bool:
        return self._surprises < _REGULAR and self._block_time >= _FASTEST

    def _measure(self, number: int, asked: float) -> None:
        """By two blocks that came between two looks: a look that finds its block says less."""
        if self._seen:
            first, low, high = self._seen[0]
            blocks = number - first
            least = max(self._asked - high - self._step, 0.0) / blocks
            most = (asked - low + self._step) / blocks
            even = _ROUND * round((least + most) / 2 / _ROUND)
            if most - least <= _ROUND and least <= even <= most:
                self._block_time = even
            elif not least <= self._block_time <= most:
                self._block_time = (least + most) / 2
        self._seen.append((number, self._asked, asked))

    def pause(self, *, busy: bool, is_told: bool = False) -> float:
        """`is_told`: somebody calls when there is a block."""
        if not busy:
            return _IDLE
        if is_told and not 0 < self._misses <= _LOOKS_AFTER:
            return min(max(4 * self._block_time, _SLOWEST), _IDLE)
        if self._is_regular:
            return self._until_expected()
        block_time = max(self._block_time, (time.monotonic() - self._at) / 4)
        return min(max(block_time / 2, _FASTEST), _SLOWEST)

    def _until_expected(self) -> float:
        """Until its moment, whoever has looked before it; after that, as long as it is late."""
        now, due = time.monotonic(), self._due + self._block_time
        if self._asked <= due - _TICK:
            return min(max(due - now, 2 * _TICK), _IDLE)
        late = max(self._step, now - due)
        return min(late, max(self._block_time / 2, _FASTEST), _SLOWEST)

    def backoff(self) -> float:
        self._failures += 1
        pause = min(_FIRST_BACKOFF * 2.0 ** min(self._failures, 10), _LONGEST_BACKOFF)
        return pause * random.uniform(0.75, 1.0)  # noqa: S311 - so that not all come back at once

    def recovered(self) -> None:
        self._failures = 0
