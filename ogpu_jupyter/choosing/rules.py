"""What a person may ask for, and what is thought of one answer.

The functions are the person's own and may do anything: each is called once for an answer,
with a copy of it. What it raises, and what it returns that can't be meant, is told as a
problem of that answer, which is then not acceptable: nothing is ever paid on a doubt.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import InputError, UnknownName
from ogpu_jupyter.render import answer_kind
from ogpu_jupyter.render.kinds.unwrapping import unwrapped
from ogpu_jupyter.render.safe import one_line
from ogpu_jupyter.units import parse_duration

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import Answer, Json, Response

STRATEGIES: Final = ("first", "cheapest", "score", "agree")
_MOST: Final = 24  # equal answers that may be asked for
_DIGITS: Final = 12  # of a number, by which two are the same
_TELLING: Final = 160  # characters of a function's error that are told

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Rule:
    """How to choose. Made by `of`, which checks it; `within` is in seconds."""

    strategy: str
    score: Function | None = None
    accept: Function | None = None
    agree: int = 2
    within: float | None = None

    @classmethod
    def of(
        cls,
        strategy: str,
        *,
        score: Function | None = None,
        accept: Function | None = None,
        agree: int | None = None,
        within: float | str | None = None,
    ) -> Rule:
        """`first`, `cheapest`, `score` by a function, or `agree` (2) answers that are equal."""
        if strategy not in STRATEGIES:
            raise UnknownName(
                f"{strategy!r:.60} is not a strategy.",
                hint=f"It is one of: {', '.join(STRATEGIES)}.",
            )
        _check_function("score", score)
        _check_function("accept", accept)
        if (score is not None) != (strategy == "score"):
            raise _score_and_strategy(strategy)
        if agree is not None and strategy != "agree":
            raise InputError(
                f"`agree` is how many answers must be equal, and the strategy is {strategy}.",
                hint="Choose the strategy `agree`, or leave the number away.",
            )
        return cls(strategy, score, accept, _count(2 if agree is None else agree), _span(within))

    @property
    def words(self) -> str:
        """As it stands in the view: `cheapest`, `score by quality`, `agree on 2`."""
        by = {"score": f" by {_name(self.score)}", "agree": f" on {self.agree}"}
        only = f" of what {_name(self.accept)} accepts" if self.accept else ""
        return f"{self.strategy}{by.get(self.strategy, '')}{only}"


@dataclass(frozen=True)
class Opinion:
    """What is thought of one answer: `number` is its score; what is equal has one `group`."""

    is_fine: bool
    number: float | None = None
    group: str = ""
    problem: str = ""


class Judge:
    """Asks the rule's functions about each answer, once."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._known: dict[str, Opinion] = {}

    def opinion(self, response: Response, answer: Answer) -> Opinion:
        if answer.problem:  # not kept: it may be readable later
            return Opinion(is_fine=False, problem="it can't be read")
        if response.address not in self._known:
            self._known[response.address] = self._formed(answer.value)
        return self._known[response.address]

    def _formed(self, value: Json) -> Opinion:
        try:
            if self.rule.accept and not _accepted(self.rule.accept, value):
                return Opinion(is_fine=False)
            if not self.rule.accept and answer_kind(value) == "error":
                return Opinion(is_fine=False, problem="it is an error of the service")
            number = _scored(self.rule.score, value) if self.rule.score else None
        except _Nonsense as nonsense:
            return Opinion(is_fine=False, problem=str(nonsense))
        group = sameness(value) if self.rule.strategy == "agree" else ""
        return Opinion(is_fine=True, number=number, group=group)


class _Nonsense(Exception):
    """A function of the person's raised, or returned what can't be meant."""


def _accepted(function: Function, value: Json) -> bool:
    found = _called(function, value)
    if isinstance(found, bool) or type(found).__name__ in {"bool_", "bool"}:  # numpy's
        return bool(found)
    raise _Nonsense(f"{_name(function)} returned {_shown(found)}, which is neither True nor False")


def _scored(function: Function, value: Json) -> float:
    found = _called(function, value)
    if isinstance(found, (Real, Decimal)):
        try:
            number = float(found)
        except (OverflowError, ValueError, TypeError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise _Nonsense(f"{_name(function)} returned {_shown(found)}, which is no number to compare")


def _called(function: Function, value: Json) -> object:
    try:
        return function(copy.deepcopy(value))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told, and nothing paid
        raise _Nonsense(f"{_name(function)} raised {_told(error)}") from None


def _told(error: BaseException) -> str:
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - an error of theirs that can't even be told
        text = type(error).__name__
    return one_line(text, _TELLING)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - as above
        text = type(value).__name__
    return one_line(text, 60)


def _name(function: Function | None) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return one_line("a lambda" if name == "<lambda>" else str(name), 60)


# --- what is equal ---------------------------------------------------------------------


def sameness(value: Json) -> str:
    """One text for all answers that say the same.

    Without wrappers such as `{"result": …}`; letters' case and width, white space and the
    point at a text's end make no difference, nor the order of an object's keys; numbers
    are the same to twelve digits.
    """
    plain = json.dumps(_plain(unwrapped(value)), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def _plain(value: Json) -> Json:
    if isinstance(value, str):
        folded = unicodedata.normalize("NFKC", value).casefold()
        return " ".join(folded.split()).rstrip(".!\u3002 ")
    if isinstance(value, float):
        return _rounded(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _rounded(value: float) -> Json:
    if not math.isfinite(value):
        return str(value)
    rounded = float(f"{value:.{_DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded


# --- what was typed --------------------------------------------------------------------


def _check_function(word: str, function: object) -> None:
    if function is None:
        return
    if not callable(function):
        raise InputError(
            f"`{word}` is {_shown(function)}, and that can't be called.",
            hint=f"Give a function of the decoded answer, such as "
            f"`def {word}(answer): return len(answer['content'])`.",
        )
    if inspect.iscoroutinefunction(function):
        raise InputError(
            f"`{word}` is the async function {_name(function)}, whose answer would come too late.",
            hint="Write it with `def`.",
        )


def _score_and_strategy(strategy: str) -> InputError:
    if strategy == "score":
        return InputError(
            "The strategy `score` needs the function that gives each answer a number.",
            hint="Add `--score NAME` (in Python: score=function).",
        )
    return InputError(
        f"`score` gives each answer a number, and the strategy is {strategy}.",
        hint="Choose the strategy `score`, or leave the function away.",
    )


def _count(number: object) -> int:
    if isinstance(number, int) and not isinstance(number, bool) and 2 <= number <= _MOST:
        return number
    raise InputError(
        f"`agree` is {_shown(number)}; it is a whole number of answers from 2 to {_MOST}."
    )


def _span(within: float | str | None) -> float | None:
    if within is None:
        return None
    seconds = parse_duration(within) if isinstance(within, str) else within
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not math.isfinite(seconds) or seconds <= 0:
        raise InputError(
            f"`within` is {_shown(within)}; it is a time such as `30s`, or seconds above 0."
        )
    return float(seconds)
