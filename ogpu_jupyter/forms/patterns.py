r"""A stranger's regular expression, tried in a time that no expression can stretch.

Python's `re` tries ways through an expression one after the other, and a short one can
take it years (`(a+)+$`). Here all ways are followed at once, character by character: the
time is the length of the text times that of the expression, and that product is bounded.

What is not taken (lookaround, back references, Unicode properties) is not known rather
than wrong: `search` answers None. `\d` and `\w` are Unicode's, as pydantic has them, and
`$` is the very end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Test = Callable[[str], bool]

LONGEST: Final = 500
_STEPS: Final = 400  # of a program
_WORK: Final = 1_000_000  # steps times characters
_DEPTH: Final = 30
_MANY: Final = 200  # the highest count in braces

_COUNT: Final = re.compile(r"\{([0-9]{1,6})(,([0-9]{0,6}))?\}")
_GROUP: Final = re.compile(r"\?(?::|P?<[A-Za-z_][A-Za-z0-9_]*>)")
_CODE: Final = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}")
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}


def _is_word(char: str) -> bool:
    return char == "_" or char.isalnum()


_CLASSES: Final[dict[str, Test]] = {
    "d": str.isdecimal,
    "D": lambda char: not char.isdecimal(),
    "w": _is_word,
    "W": lambda char: not _is_word(char),
    "s": str.isspace,
    "S": lambda char: not char.isspace(),
}


def search(pattern: str, text: str) -> bool | None:
    """Whether the pattern is found anywhere in the text; None where that isn't known."""
    program = _compiled(pattern)
    if program is None or len(text) * len(program) > _WORK:
        return None
    return _run(program, text)


class _Unknown(Exception):
    """Something that is not taken, or that is no regular expression at all."""


@dataclass
class _Step:
    """A character that passes `test`, a place that is `at` an edge, or ways to go on.

    `ways` are places in the program; a step without any of the three is the end.
    """

    test: Test | None = None
    at: str = ""
    ways: list[int] = field(default_factory=list)


@lru_cache(256)
def _compiled(pattern: str) -> list[_Step] | None:
    if len(pattern) > LONGEST:
        return None
    try:
        return _Compiler(pattern).program()
    except _Unknown:
        return None


class _Compiler:
    """Reads an expression from left to right; parts that repeat stand there several times."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._steps: list[_Step] = []
        self._depth = 0

    def program(self) -> list[_Step]:
        self._either()
        if self._at < len(self._pattern):
            raise _Unknown
        self._add(_Step())
        return self._steps

    def _add(self, step: _Step) -> _Step:
        if len(self._steps) >= _STEPS:
            raise _Unknown
        self._steps.append(step)
        return step

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._next()
        if not char:
            raise _Unknown
        self._at += 1
        return char

    def _either(self) -> None:
        """Branches: at each a step that goes into it or on to the next."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise _Unknown
        ends: list[_Step] = []
        while True:
            fork = self._add(_Step())
            fork.ways = [len(self._steps)]
            self._sequence()
            if self._next() != "|":
                break
            self._at += 1
            ends.append(self._add(_Step()))
            fork.ways.append(len(self._steps))
        for end in ends:
            end.ways = [len(self._steps)]
        self._depth -= 1

    def _sequence(self) -> None:
        while self._next() not in {"", "|", ")"}:
            first = len(self._steps)
            self._atom()
            low, high = self._quantity()
            if (low, high) != (1, 1):
                self._repeat(first, low, high)

    def _repeat(self, first: int, low: int, high: int | None) -> None:
        """The steps from `first` on are an atom: they are put there as often as it may stand."""
        atom = self._steps[first:]
        del self._steps[first:]
        for _ in range(low):
            self._copy(atom, first)
        if high is None:
            fork = self._add(_Step())
            place = len(self._steps) - 1
            fork.ways = [place + 1]
            self._copy(atom, first)
            self._add(_Step(ways=[place]))
            fork.ways.append(len(self._steps))
        forks = []
        for _ in range((high or low) - low):
            forks.append(self._add(_Step(ways=[len(self._steps) + 1])))
            self._copy(atom, first)
        for fork in forks:
            fork.ways.append(len(self._steps))

    def _copy(self, atom: list[_Step], first: int) -> None:
        """All ways in an atom lead into it or to its end."""
        shift = len(self._steps) - first
        for step in atom:
            self._add(_Step(step.test, step.at, [way + shift for way in step.ways]))

    def _quantity(self) -> tuple[int, int | None]:
        """How often the atom before it may stand."""
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._next())
        if simple is not None:
            self._at += 1
            return self._lazy(simple)
        count = _COUNT.match(self._pattern, self._at)
        if count is None:
            return 1, 1
        self._at = count.end()
        low = int(count[1])
        high = low if count[2] is None else int(count[3]) if count[3] else None
        if low > _MANY or (high is not None and not low <= high <= _MANY):
            raise _Unknown
        return self._lazy((low, high))

    def _lazy(self, quantity: tuple[int, int | None]) -> tuple[int, int | None]:
        """`?` after it changes nothing of what is found; another one after it is a mistake."""
        if self._next() == "?":
            self._at += 1
        if self._next() in {"*", "+", "?"} or _COUNT.match(self._pattern, self._at):
            raise _Unknown
        return quantity

    def _atom(self) -> None:
        char = self._take()
        if char == "(":
            self._group()
        elif char == "[":
            self._add(_Step(test=self._class()))
        elif char == ".":
            self._add(_Step(test=lambda one: one != "\n"))
        elif char in "^$":
            self._add(_Step(at=char, ways=[len(self._steps) + 1]))
        elif char == "\\":
            self._escape()
        elif char in "*+?" or (char == "{" and _COUNT.match(self._pattern, self._at - 1)):
            raise _Unknown
        else:
            self._add(_Step(test=char.__eq__))

    def _group(self) -> None:
        if self._next() == "?":
            opening = _GROUP.match(self._pattern, self._at)
            if opening is None:
                raise _Unknown
            self._at = opening.end()
        self._either()
        if self._take() != ")":
            raise _Unknown

    def _escape(self) -> None:
        if self._next() in {"b", "B"}:
            self._add(_Step(at=self._take(), ways=[len(self._steps) + 1]))
            return
        test = self._escaped()
        self._add(_Step(test=test.__eq__ if isinstance(test, str) else test))

    def _escaped(self) -> str | Test:
        """A character, or the test of a class, after a backslash."""
        code = _CODE.match(self._pattern, self._at)
        if code is not None:
            self._at = code.end()
            number = int(code[1] or code[2] or code[3], 16)
            if number > 0x10FFFF:
                raise _Unknown
            return chr(number)
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _CONTROLS and not (char == "0" and self._next().isdigit()):
            return _CONTROLS[char]
        if char.isalnum():
            raise _Unknown
        return char

    def _class(self) -> Test:
        inverted = self._next() == "^"
        self._at += inverted
        ranges: list[tuple[str, str]] = []
        tests: list[Test] = []
        first = True
        while first or self._next() != "]":
            if first and self._next() == "]":
                raise _Unknown  # nothing to ECMAScript, a bracket to Python
            first = False
            low = self._member()
            if not isinstance(low, str):
                tests.append(low)
                continue
            ranges.append((low, self._upper(low)))
        self._at += 1
        return _class_test(ranges, tests, inverted=inverted)

    def _upper(self, low: str) -> str:
        rest = self._pattern[self._at : self._at + 2]
        if len(rest) < 2 or rest[0] != "-" or rest[1] == "]":
            return low
        self._at += 1
        high = self._member()
        if not isinstance(high, str) or high < low:
            raise _Unknown
        return high

    def _member(self) -> str | Test:
        char = self._take()
        if char == "[":
            raise _Unknown  # a set in a set is read in one way here, in another there
        if char != "\\":
            return char
        if self._next() == "b":
            self._at += 1
            return "\b"
        return self._escaped()


def _class_test(ranges: list[tuple[str, str]], tests: list[Test], *, inverted: bool) -> Test:
    def test(char: str) -> bool:
        inside = any(low <= char <= high for low, high in ranges)
        return (inside or any(each(char) for each in tests)) != inverted

    return test


def _run(program: list[_Step], text: str) -> bool:
    last = len(program) - 1
    ways: set[int] = set()
    for place in range(len(text) + 1):
        ways = _reached(program, ways | {0}, text, place)
        if last in ways:
            return True
        char = text[place : place + 1]
        ways = {way + 1 for way in ways if _passes(program[way], char)}
    return False


def _passes(step: _Step, char: str) -> bool:
    return step.test is not None and bool(char) and step.test(char)


def _reached(program: list[_Step], starts: set[int], text: str, place: int) -> set[int]:
    """All steps that are come to from these without a character."""
    seen: set[int] = set()
    left = list(starts)
    while left:
        way = left.pop()
        if way in seen:
            continue
        seen.add(way)
        step = program[way]
        if not step.at or _stands(step.at, text, place):
            left.extend(step.ways)
    return seen


def _stands(edge: str, text: str, place: int) -> bool:
    if edge == "^":
        return place == 0
    if edge == "$":
        return place == len(text)
    before = place > 0 and _is_word(text[place - 1])
    after = place < len(text) and _is_word(text[place])
    return (before != after) == (edge == "b")
