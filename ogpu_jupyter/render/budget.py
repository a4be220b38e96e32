"""How much work the drawing of one answer may be: for the whole of it, not for each part.

A part takes from what is left before it begins, and shows a preview where that isn't enough.
It is counted in work, so that an answer looks the same on a busy machine; what isn't counted
ends by `Overdrawn` after the drawing's own time, and the answer is shown as JSON.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNS: Final = 600_000  # characters of texts that are looked through for Markdown
MARKDOWN: Final = 60_000  # of those that are read as Markdown
CELLS: Final = 12_000  # of tables
PIXELS: Final = 24_000_000  # of pictures that are taken apart here
_NEVER: Final = float("inf")
SECONDS: Final = 2.0  # of the drawing thread alone: a guard behind what is counted


class Overdrawn(Exception):
    """The drawing has taken its time."""


class Budget:
    """What is left for one answer. `seconds` are this thread's own, whatever else runs."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.signs = SIGNS
        self.markdown = MARKDOWN
        self.cells = CELLS
        self.pixels = PIXELS
        self._ends = time.thread_time() + seconds

    def take_signs(self, characters: int) -> bool:
        self.check()
        self.signs -= (fits := characters <= self.signs) * characters
        return fits

    def take_markdown(self, characters: int) -> bool:
        self.check()
        self.markdown -= (fits := characters <= self.markdown) * characters
        return fits

    def take_pixels(self, pixels: int) -> bool:
        self.check()
        self.pixels -= (fits := pixels <= self.pixels) * pixels
        return fits

    def take_cells(self, wanted: int) -> int:
        """How many of them there may be."""
        self.check()
        given = max(0, min(wanted, self.cells))
        self.cells -= given
        return given

    def check(self) -> None:
        """Raise `Overdrawn` where the time is up."""
        if time.thread_time() > self._ends:
            raise Overdrawn


_current: Final[ContextVar[Budget | None]] = ContextVar("ogpu_budget", default=None)


def current() -> Budget:
    """That of the answer that is being drawn; without an end of time where none is."""
    return _current.get() or Budget(_NEVER)


@contextmanager
def one_answer() -> Iterator[Budget]:
    """What is drawn within it shares one budget."""
    budget = Budget()
    token = _current.set(budget)
    try:
        yield budget
    finally:
        _current.reset(token)
