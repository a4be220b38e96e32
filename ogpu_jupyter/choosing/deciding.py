"""The decision: which response a rule chooses, what it waits for, and why, in words.

Pure: what is known of the task and the time go in, a verdict comes out. Times are on the
chain's clock.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.choices import Rank
from ogpu_jupyter.render.words import brief_amount, plural, short, since
from ogpu_jupyter.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.tasks import Answer, Response, TaskRecord

    from .rules import Judge, Opinion, Rule

QUIET: Final = 5.0  # seconds without a new attempt after which no other provider is waited for
_MARGIN: Final = (5.0, 30.0)  # before the expiry: the confirmation has to be in a block by then
_SHARE: Final = 0.1  # of the task's life, within those two
_LISTED: Final = 6  # scores that a reason names


@dataclass(frozen=True)
class Sight:
    """The task as a rule sees it. `waiting` providers have taken it and not answered here."""

    found: tuple[tuple[Response, Opinion], ...] = ()
    waiting: int = 0
    is_due: bool = False  # what is there has to do
    is_over: bool = False  # nothing more can come
    published_at: int | None = None

    @property
    def fine(self) -> list[tuple[Response, Opinion]]:
        return [each for each in self.found if each[1].is_fine]


@dataclass(frozen=True)
class Verdict:
    """`chosen` is the address to confirm, `words` why, or what is waited for."""

    words: str
    chosen: str = ""
    is_over: bool = False  # nothing will be chosen any more
    ranks: tuple[Rank, ...] = ()


def look(
    record: TaskRecord,
    answers: Mapping[str, Answer],
    judge: Judge,
    now: float,
    *,
    until: float | None = None,
    expected: int | None = None,
    at_once: bool = False,
) -> Sight:
    """What there is to decide on at `now`.

    What is there has to do: `at_once`; after `until`; shortly before the task expires; when
    all the `expected` providers of the source have answered; or when all that took the task
    have, and for a few seconds no other has taken it.
    """
    found = [(r, answers[r.address]) for r in record.responses if r.address in answers]
    waiting = max(len(record.attempts), len(record.responses)) - len(found)
    has_all = expected is not None and 0 < expected <= len(found)
    is_late = now >= min(_last_moment(record), until or record.expires_at)
    return Sight(
        found=tuple((response, judge.opinion(response, answer)) for response, answer in found),
        waiting=max(0, waiting),
        is_due=at_once or is_late or (waiting <= 0 and (has_all or now >= _quiet_at(record))),
        is_over=record.stage.is_final or now >= record.expires_at,
        published_at=record.published_at,
    )


def next_moment(record: TaskRecord, now: float, until: float | None) -> float:
    """When time alone may next change what `look` sees."""
    moments = (_quiet_at(record), until or 0.0, _last_moment(record), record.expires_at)
    return min((moment for moment in moments if moment > now), default=now + QUIET)


def _last_moment(record: TaskRecord) -> float:
    life = record.expires_at - (record.published_at or record.created_at)
    return record.expires_at - min(max(_SHARE * life, _MARGIN[0]), _MARGIN[1])


def _quiet_at(record: TaskRecord) -> float:
    """When no other provider is waited for; where no time is known, that was long ago."""
    times = [record.published_at, *(attempt.at for attempt in record.attempts)]
    return max((at for at in times if at is not None), default=0) + QUIET


def decide(rule: Rule, sight: Sight) -> Verdict:
    """What the rule makes of it. Only an answer that is here, whole and acceptable is chosen."""
    return _DECISIONS[rule.strategy](rule, sight)


def _first(_: Rule, sight: Sight) -> Verdict:
    order = sorted(sight.fine, key=lambda each: _moment(each[0]))
    ranks = _ranked(sight, order, lambda _: "")
    if not order:
        return _wait(sight, ranks)
    best = order[0][0]
    return _choose(best, f"first of {_number(sight)}: {_whom(best, sight)}", ranks)


def _cheapest(_: Rule, sight: Sight) -> Verdict:
    order = sorted(sight.fine, key=lambda each: (each[0].payment, _moment(each[0])))
    ranks = _ranked(sight, order, lambda _: "")
    if not order or not sight.is_due:
        return _wait(sight, ranks)
    best = order[0][0]
    return _choose(best, f"cheapest of {_number(sight)}: {_whom(best, sight)}", ranks)


def _score(rule: Rule, sight: Sight) -> Verdict:
    order = sorted(
        sight.fine, key=lambda each: (-_value(each[1]), each[0].payment, _moment(each[0]))
    )
    ranks = _ranked(sight, order, lambda opinion: f"score {_value(opinion):.6g}")
    if not order or not sight.is_due:
        return _wait(sight, ranks)
    best, opinion = order[0]
    others = [f"{_value(other):.6g}" for _, other in order[1 : 1 + _LISTED]]
    beside = f" (then {', '.join(others)})" if others else ""
    by = rule.words.partition(" of what ")[0].replace("score", "best score", 1)
    why = f"{by} of {_number(sight)}: {_value(opinion):.6g}{beside}, {_whom(best, sight)}"
    return _choose(best, why, ranks)


def _agree(rule: Rule, sight: Sight) -> Verdict:
    counts = Counter(opinion.group for _, opinion in sight.fine)
    order = sorted(
        sight.fine,
        key=lambda each: (-counts[each[1].group], each[0].payment, _moment(each[0])),
    )
    ranks = _ranked(sight, order, lambda opinion: _alike(counts[opinion.group]))
    most = max(counts.values(), default=0)
    if most < rule.agree:
        return _disagree(rule, sight, ranks, most)
    best = order[0][0]
    why = f"{most} of {_number(sight)} agree, and this is the cheapest of them: "
    return _choose(best, why + _whom(best, sight), ranks)


_DECISIONS: Final[dict[str, Callable[[Rule, Sight], Verdict]]] = {
    "first": _first, "cheapest": _cheapest, "score": _score, "agree": _agree,
}  # fmt: skip


def _value(opinion: Opinion) -> float:
    return opinion.number or 0.0


def _moment(response: Response) -> float:
    return float("inf") if response.at is None else response.at


# --- in words --------------------------------------------------------------------------


def _choose(best: Response, words: str, ranks: tuple[Rank, ...]) -> Verdict:
    return Verdict(words, best.address, ranks=ranks)


def _number(sight: Sight) -> str:
    """How many answers it was chosen from, and those that weren't let count."""
    wrong = len(sight.found) - len(sight.fine)
    return f"{len(sight.found)}" + (f" ({wrong} not acceptable)" if wrong else "")


def _whom(response: Response, sight: Sight) -> str:
    took = since(response.at, sight.published_at).removeprefix("+")
    after = f", after {took}" if took else ""
    return f"{short(response.provider)} bids {brief_amount(response.payment)}{after}"


def _alike(count: int) -> str:
    return "like no other" if count == 1 else f"like {plural(count - 1, 'other')}"


def _wait(sight: Sight, ranks: tuple[Rank, ...]) -> Verdict:
    have = plural(len(sight.found), "answer")
    if sight.is_over:
        none = "no answer came in time" if not sight.found else f"none of {have} is acceptable"
        return Verdict(f"{none}; nothing was chosen", is_over=True, ranks=ranks)
    if sight.found and not sight.fine:
        more = f"waits for {sight.waiting} more" if sight.waiting else "waits for another"
        return Verdict(f"none of {have} is acceptable; {more}", ranks=ranks)
    return Verdict(_what_for(sight), ranks=ranks)


def _what_for(sight: Sight) -> str:
    if not sight.found:
        count = plural(sight.waiting, "answer") if sight.waiting else "an answer"
        return f"waits for {count}"
    if sight.waiting:
        return f"waits for {sight.waiting} more"
    return f"waits {format_duration(QUIET)} for other providers"


def _disagree(rule: Rule, sight: Sight, ranks: tuple[Rank, ...], most: int) -> Verdict:
    if sight.is_over or most == 0:
        if sight.is_over and most:
            words = f"of {plural(len(sight.found), 'answer')} no {rule.agree} agree"
            return Verdict(f"{words}; nothing was chosen", is_over=True, ranks=ranks)
        return _wait(sight, ranks)
    lack = plural(rule.agree - most, "more answer")
    alike = f"{most} of {_number(sight)} agree" if most > 1 else f"no 2 of {_number(sight)} agree"
    if len(sight.found) == 1:
        alike = "1 answer"
    return Verdict(f"{alike}; waits for {lack} like it", ranks=ranks)


def _ranked(
    sight: Sight, order: list[tuple[Response, Opinion]], note: Callable[[Opinion], str]
) -> tuple[Rank, ...]:
    """The acceptable ones from the best, then the others with what is wrong with them."""
    fine = [
        Rank(response.address, place, note(opinion))
        for place, (response, opinion) in enumerate(order, 1)
    ]
    wrong = [
        Rank(response.address, 0, opinion.problem or "not acceptable")
        for response, opinion in sight.found
        if not opinion.is_fine
    ]
    return (*fine, *wrong)
