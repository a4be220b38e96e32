"""Kinds of answers: how each is recognised by its shape, and shown.

A kind is one value; `answers.KINDS` is the list of them, in order. More can be added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ogpu_jupyter.tasks import Json

Read = TypeVar("Read")


@dataclass(frozen=True)
class Given:
    """What a kind may look at beside the answer: the task's data, and how deep it stands."""

    data: Json = None
    depth: int = 0

    def deeper(self) -> Given:
        return Given(self.data, self.depth + 1)


@dataclass(frozen=True)
class Kind(Generic[Read]):
    """`read` makes of a value what the kind shows, or None where the value is of another kind.

    `to_html` escapes every string that it puts out; `to_text` is fit for a terminal.
    """

    name: str
    read: Callable[[Json, Given], Read | None]
    to_html: Callable[[Read], str]
    to_text: Callable[[Read], str]


def strings(value: Json, depth: int = 4, limit: int = 200) -> Iterator[str]:
    """The strings in a value, outermost first, as far as they are worth a look."""
    level = [value]
    for _ in range(depth):
        deeper: list[Json] = []
        for item in level[:limit]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, dict):
                deeper += list(item.values())[:limit]
            elif isinstance(item, list):
                deeper += item[:limit]
        level = deeper


def number(value: object) -> float | None:
    """A finite number; JSON's booleans are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond what a float holds
        return None


def is_scalar(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def figure(value: object) -> str:
    """A number as it reads well: six digits at most behind a leading zero, integers whole."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else ""
    return text or "an integer of more than 30 digits"
