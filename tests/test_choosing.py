"""Choosing among responses: the rules as pure decisions, and unattended on real networks."""

from __future__ import annotations

import asyncio
import contextlib
import decimal
import fractions
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.chain.contracts import CONTROLLER, checksum
from ogpu_jupyter.chain.transactions import Order, Quote, sign
from ogpu_jupyter.choosing import (
    STRATEGIES,
    Chooser,
    Judge,
    Rule,
    Verdict,
    auto,
    decide,
    look,
    once,
)
from ogpu_jupyter.choosing.rules import sameness
from ogpu_jupyter.errors import (
    InputError,
    Interrupted,
    JournalError,
    NodeUnavailable,
    Reverted,
    TaskError,
    TaskTimeout,
    UnknownName,
)
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.tasks import (
    Answer,
    Attempt,
    DeliveryMethod,
    Reputation,
    Response,
    ResponseStatus,
    Stage,
    TaskRecord,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)
from tests import journalling
from tests.fake_task import FakeTask
from tests.helpers import wait_until
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PUBLISHED = int(samples.NOW)
MILLI = 10**15


def provider(n: int) -> str:
    return f"0x{n + 1:040x}"


def response(n: int, bid: int = 10, after: int = 1, **changes: Any) -> Response:
    return Response(
        address=checksum(f"0xa{n:039x}"),
        provider=provider(n),
        url="ipfs://x",
        payment=bid * MILLI // 10,
        at=PUBLISHED + after,
    ).model_copy(update=changes)


def task(
    *told: tuple[Any, int, int], attempts: int = 0, **changes: Any
) -> tuple[TaskRecord, dict[str, Answer]]:
    """Answers as (value, bid in tenths of a thousandth, seconds after publishing)."""
    responses = tuple(response(n, bid, after) for n, (_, bid, after) in enumerate(told))
    attempted = tuple(
        Attempt(provider=provider(n), at=PUBLISHED) for n in range(max(attempts, len(told)))
    )
    record = samples.record(
        Stage.RESPONDED if told else Stage.PUBLISHED,
        delivery=DeliveryMethod.MANUAL_CONFIRMATION,
        published_at=PUBLISHED,
        expires_at=PUBLISHED + 600,
        attempts=attempted,
        responses=responses,
    )
    answers = {
        r.address: Answer(value=value) for r, (value, *_) in zip(responses, told, strict=True)
    }
    return record.model_copy(update=changes), answers


def verdict(
    rule: Rule, known: tuple[TaskRecord, dict[str, Answer]], now: float = 10, **words: Any
) -> Verdict:
    """`now` in seconds after publishing."""
    return decide(rule, look(*known, Judge(rule), PUBLISHED + now, **words))


def chosen(rule: Rule, *told: tuple[Any, int, int], **words: Any) -> int | None:
    """Which of the answers, or None."""
    found = verdict(rule, task(*told), **words).chosen
    return int(found[3:], 16) if found else None


FIRST, CHEAPEST = Rule.of("first"), Rule.of("cheapest")
AGREE = Rule.of("agree")
LENGTH = Rule.of("score", score=len)
THREE = (("bb", 8, 4), ("a", 9, 2), ("ccc", 10, 3))

# --- what each rule chooses -------------------------------------------------------------


@pytest.mark.parametrize(("rule", "expected"), [(FIRST, 1), (CHEAPEST, 0), (LENGTH, 2)])
def test_each_rule_has_its_own_best(rule: Rule, expected: int) -> None:
    """The soonest, the least bid, the highest score."""
    assert chosen(rule, *THREE) == expected


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (FIRST, "first of 3: 0x0000…0002 bids 0.0009 OGPU, after 2 s"),
        (CHEAPEST, "cheapest of 3: 0x0000…0001 bids 0.0008 OGPU, after 4 s"),
        (LENGTH, "best score by len of 3: 3 (then 2, 1), 0x0000…0003 bids 0.001 OGPU, after 3 s"),
    ],
)
def test_the_reason_stands_alone(rule: Rule, words: str) -> None:
    """Who, of how many, for how much, after how long."""
    assert verdict(rule, task(*THREE)).words == words


def test_where_scores_are_equal_the_cheaper_wins_and_then_the_sooner() -> None:
    """A tie is broken by what it costs."""
    assert chosen(LENGTH, ("aa", 9, 1), ("bb", 8, 5), ("cc", 8, 2)) == 2


def test_what_is_equally_cheap_is_the_soonest() -> None:
    """Whatever the order in which they are listed."""
    assert chosen(CHEAPEST, ("a", 8, 5), ("b", 8, 2)) == 1


def test_agree_takes_the_cheapest_of_the_largest_group() -> None:
    """Two that say the same beat one that is cheaper."""
    told = [("no", 1, 1), ("Yes.", 9, 2), ("yes", 8, 4)]
    found = verdict(AGREE, task(*told))

    assert found.chosen == response(2).address
    assert found.words == (
        "2 of 3 agree, and this is the cheapest of them: 0x0000…0003 bids 0.0008 OGPU, after 4 s"
    )


def test_agree_waits_for_as_many_as_it_was_told() -> None:
    """And doesn't wait for the rest once it has them."""
    three = Rule.of("agree", agree=3)

    assert chosen(three, ("a", 1, 1), ("a", 1, 2)) is None
    assert verdict(three, task(("a", 1, 1), ("a", 1, 2))).words == (
        "2 of 2 agree; waits for 1 more answer like it"
    )
    assert chosen(AGREE, ("a", 1, 1), ("a", 1, 2), now=2.1) == 0


# --- when it decides --------------------------------------------------------------------


def test_first_waits_for_nobody() -> None:
    """The first acceptable one, at once."""
    assert verdict(FIRST, task(("a", 1, 1), attempts=5), now=1).chosen


@pytest.mark.parametrize("rule", [CHEAPEST, LENGTH])
def test_the_best_waits_for_who_has_taken_it(rule: Rule) -> None:
    """Until those have answered, and says for how many."""
    early = task(("a", 1, 1), attempts=3)
    late = task(*THREE)

    assert verdict(rule, early).words == "waits for 2 more"
    assert not verdict(rule, early).chosen
    assert verdict(rule, late).chosen


def test_others_have_a_moment_to_take_it() -> None:
    """An answer within a second doesn't end it for who begins in the next."""
    known = task(*THREE)

    assert verdict(CHEAPEST, known, now=4).words == "waits 5 s for other providers"
    assert verdict(CHEAPEST, known, now=5).chosen


def test_when_all_registered_providers_have_answered_nobody_is_waited_for() -> None:
    """The source says how many there are."""
    assert verdict(CHEAPEST, task(*THREE), now=4, expected=3).chosen
    assert not verdict(CHEAPEST, task(*THREE), now=4, expected=4).chosen


@pytest.mark.parametrize("now", [570, 599, 601])
def test_shortly_before_the_expiry_what_is_there_has_to_do(now: float) -> None:
    """The confirmation needs a block too."""
    known = task(("a", 1, 1), attempts=3)

    assert verdict(CHEAPEST, known, now=now).chosen
    assert not verdict(CHEAPEST, known, now=569).chosen


def test_within_a_time_what_is_there_has_to_do() -> None:
    """On the chain's clock; and with nothing there, the next acceptable one."""
    early = task(attempts=3)
    late = task(("a", 1, 100), attempts=3)

    assert not verdict(CHEAPEST, early, now=31, until=PUBLISHED + 30).chosen
    assert not verdict(CHEAPEST, late, now=29, until=PUBLISHED + 30).chosen
    assert verdict(CHEAPEST, late, now=30, until=PUBLISHED + 30).chosen


def test_an_answer_that_is_not_here_yet_is_waited_for() -> None:
    """It is on the chain, and its content is on its way."""
    record, answers = task(*THREE)
    del answers[record.responses[0].address]

    assert verdict(CHEAPEST, (record, answers)).words == "waits for 1 more"


def test_what_can_t_be_read_is_never_chosen() -> None:
    """However cheap; and it is not waited for."""
    record, answers = task(("a", 1, 1), ("b", 9, 2))
    answers[record.responses[0].address] = Answer(problem="Its CID doesn't match.")
    found = verdict(CHEAPEST, (record, answers))

    assert found.chosen == record.responses[1].address
    assert found.words.startswith("cheapest of 2 (1 not acceptable): ")
    assert [(rank.place, rank.note) for rank in found.ranks] == [(1, ""), (0, "it can't be read")]


@pytest.mark.parametrize("rule", [FIRST, CHEAPEST, AGREE, LENGTH], ids=STRATEGIES)
def test_no_answer_is_waited_for_until_the_time_is_up(rule: Rule) -> None:
    """Then it is over, and says so."""
    assert verdict(rule, task()).words == "waits for an answer"
    assert verdict(rule, task(attempts=2)).words == "waits for 2 answers"
    over = verdict(rule, task(), now=600)
    assert (over.words, over.is_over) == ("no answer came in time; nothing was chosen", True)


def test_when_none_agree_nothing_is_chosen() -> None:
    """Not even at the end."""
    known = task(("a", 1, 1), ("b", 1, 2), ("c", 1, 3))

    assert verdict(AGREE, known).words == "no 2 of 3 agree; waits for 1 more answer like it"
    over = verdict(AGREE, known, now=600)
    assert (over.words, over.chosen) == ("of 3 answers no 2 agree; nothing was chosen", "")
    assert over.is_over


# --- the person's functions -------------------------------------------------------------


def test_an_error_of_the_service_is_no_answer() -> None:
    """Unless a function of the person's says that it may be chosen."""
    told = ({"error": "out of memory"}, 5, 1), ("a b", 10, 2)

    assert chosen(CHEAPEST, *told) == 1
    assert chosen(Rule.of("agree"), told[0], told[0]) is None
    assert chosen(Rule.of("cheapest", accept=lambda _: True), *told) == 0


def test_only_what_is_accepted_counts() -> None:
    """For every rule."""
    accept = Rule.of("cheapest", accept=lambda answer: "a" in answer)

    assert chosen(accept, ("b", 1, 1), ("a", 9, 2), ("aa", 8, 3)) == 2
    assert verdict(accept, task(("b", 1, 1))).words == (
        "none of 1 answer is acceptable; waits for another"
    )


def returns(value: Any) -> Callable[[Any], Any]:
    def function(_: Any) -> Any:
        return value

    return function


def raises(error: BaseException) -> Callable[[Any], Any]:
    def function(_: Any) -> Any:
        raise error

    return function


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError


NONSENSE = {
    "nan": (returns(float("nan")), "function returned nan, which is no number to compare"),
    "infinite": (returns(float("-inf")), "function returned -inf, which is no number to compare"),
    "huge": (returns(10**400), "which is no number to compare"),
    "text": (returns("5"), "function returned '5', which is no number to compare"),
    "nothing": (returns(None), "function returned None, which is no number to compare"),
    "complex": (returns(1j), "function returned 1j, which is no number to compare"),
    "hostile": (returns("\x1b[2J" * 99), "which is no number to compare"),
    "shy": (returns(Shy()), "function returned Shy, which is no number to compare"),
    "raises": (raises(KeyError("k")), "function raised KeyError: 'k'"),
    "unspeakable": (raises(Unspeakable()), "function raised Unspeakable"),
    "exits": (raises(SystemExit(3)), "function raised SystemExit: 3"),
    "recursion": (raises(RecursionError("deep")), "function raised RecursionError: deep"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_a_score_that_is_nonsense_confirms_nothing(case: str) -> None:
    """It is told as that answer's problem, on one line."""
    function, words = NONSENSE[case]
    found = verdict(Rule.of("score", score=function), task(("a", 1, 1), ("b", 1, 2)), now=700)

    assert not found.chosen
    assert words in found.ranks[0].note
    assert "\x1b" not in found.ranks[0].note
    assert found.words == "none of 2 answers is acceptable; nothing was chosen"


def test_a_score_that_fails_for_one_answer_is_compared_by_the_others() -> None:
    """One bad answer doesn't stop the choice."""
    rule = Rule.of("score", score=lambda answer: 1 / len(answer))

    assert chosen(rule, ("", 1, 1), ("aa", 1, 2), ("a", 9, 3)) == 2


@pytest.mark.parametrize(
    "number", [3, 3.0, True, np.float32(3), np.int64(3), decimal.Decimal(3), fractions.Fraction(3)]
)
def test_every_number_is_a_score(number: Any) -> None:
    """Numpy's, Decimal and Fraction too."""
    assert chosen(Rule.of("score", score=returns(number)), ("a", 1, 1)) == 0


@pytest.mark.parametrize("value", [1, 0, "yes", None, [], "", object()])
def test_accept_says_true_or_false_and_nothing_else(value: Any) -> None:
    """What is merely truthy is a doubt, and nothing is paid on a doubt."""
    found = verdict(Rule.of("first", accept=returns(value)), task(("a", 1, 1)))

    assert not found.chosen
    assert "neither True nor False" in found.ranks[0].note


def test_numpy_s_truth_is_accepted() -> None:
    """What a comparison of arrays' elements gives."""
    assert chosen(Rule.of("first", accept=returns(np.bool_(True))), ("a", 1, 1)) == 0


def test_a_function_is_asked_once_and_can_t_change_the_answer() -> None:
    """It may be slow; and it gets a copy."""
    asked = []

    def score(answer: Any) -> int:
        asked.append(dict(answer))
        answer.clear()
        return 1

    rule = Rule.of("score", score=score)
    judge = Judge(rule)
    known = task(({"a": 1}, 1, 1), ({"b": 1}, 1, 2))
    for now in (1, 2, 30):
        decide(rule, look(*known, judge, PUBLISHED + now))

    assert asked == [{"a": 1}, {"b": 1}]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_whatever_a_function_returns_is_told_or_a_number(value: Any) -> None:
    """No value of any kind gets through."""
    found = verdict(Rule.of("score", score=returns(value)), task(("a", 1, 1)))

    assert bool(found.chosen) != bool(found.ranks[0].note.startswith("function returned"))


# --- what is equal ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", " paris. "),
        ("two  words", "Two\nwords!"),
        ("\uff11", "1"),  # a full-width digit
        ({"result": "Paris"}, "paris"),
        ({"role": "assistant", "content": "391"}, {"content": "391", "role": "Assistant"}),
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1.0000000000000002}),
        (0.1 + 0.2, 0.3),
    ],
)
def test_answers_that_say_the_same_are_equal(one: Any, other: Any) -> None:
    """Case, spaces, width, a last point, an object's order, the last digits: no difference."""
    assert sameness(one) == sameness(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "Lyon"),
        ("391", 391),
        (True, 1),
        (None, ""),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"b": 1}),
        (1.0001, 1.0002),
        ("3.5", "35"),
    ],
)
def test_answers_that_differ_are_not_equal(one: Any, other: Any) -> None:
    """Where it is a matter of the content."""
    assert sameness(one) != sameness(other)


# --- what may be asked for --------------------------------------------------------------


async def soon(_: Any) -> int:
    return 1


MISTAKES = {
    "unknown": (("best", {}), UnknownName, "'best' is not a strategy"),
    "score without one": (("score", {}), InputError, "needs the function"),
    "a score too many": (("first", {"score": len}), InputError, "the strategy is first"),
    "no function": (("score", {"score": 3}), InputError, "`score` is 3, and that can't be called"),
    "async": (("score", {"score": soon}), InputError, "async function soon"),
    "agree elsewhere": (("first", {"agree": 2}), InputError, "the strategy is first"),
    "one agrees": (("agree", {"agree": 1}), InputError, "from 2 to 24"),
    "many agree": (("agree", {"agree": 25}), InputError, "from 2 to 24"),
    "true agrees": (("agree", {"agree": True}), InputError, "from 2 to 24"),
    "within nothing": (("first", {"within": 0}), InputError, "`within` is 0"),
    "within what": (("first", {"within": "soon"}), InputError, "not a duration"),
    "within nan": (("first", {"within": float("nan")}), InputError, "`within` is nan"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_rule_that_can_t_be_meant_is_refused(case: str) -> None:
    """Before anything is done."""
    (strategy, options), kind, words = MISTAKES[case]

    with pytest.raises(kind, match=words):
        Rule.of(strategy, **options)


def test_a_rule_says_what_it_is() -> None:
    """As it stands in the view."""
    rules = [
        Rule.of("cheapest"),
        Rule.of("score", score=len, accept=returns(True)),
        Rule.of("agree", agree=3),
        Rule.of("first", accept=lambda _: True, within="90s"),
    ]

    assert [rule.words for rule in rules] == [
        "cheapest",
        "score by len of what function accepts",
        "agree on 3",
        "first of what a lambda accepts",
    ]
    assert rules[3].within == 90


# --- unattended, on a task without a network --------------------------------------------


class Desk:
    """What a chooser needs of a session: it notes what would be paid."""

    def __init__(self) -> None:
        self.closed = False
        self.paid: list[tuple[Any, Any]] = []
        self.failures: list[Exception] = []
        self.on_refresh: Callable[[], None] = lambda: None
        self.on_retry: Callable[[], None] = lambda: None

    def retry_answers(self, _: TaskRecord, /) -> None:
        self.on_retry()

    def confirm(self, target: object, /, *, decision: Any = None) -> object:
        if self.failures:
            raise self.failures.pop(0)
        self.paid.append((target, decision))
        return None

    def refresh(self, _: TaskRecord, /) -> None:
        self.on_refresh()


class Watched(FakeTask):
    """A task whose renewals are counted, as a handle's views would see them."""

    renewed = 0

    def renew(self) -> None:
        self.renewed += 1


def come(watched: Watched, record: TaskRecord, answers: dict[str, Answer]) -> None:
    watched.record = record
    watched.advance(answers=answers)


@pytest.fixture
def choosing() -> Iterator[Callable[..., tuple[Watched, Desk, Chooser]]]:
    made: list[Chooser] = []
    others = set(threading.enumerate())  # of tests before this one

    def begin(rule: Rule, *told: Any, **words: Any) -> tuple[Watched, Desk, Chooser]:
        watched = Watched(*task(*told, **words))
        watched.now = PUBLISHED + 1.0
        desk = Desk()
        made.append(Chooser(watched, rule, desk).start())
        return watched, desk, made[-1]

    yield begin
    for chooser in made:
        chooser.cancel()
        assert chooser.wait(10)
    wait_until(lambda: "ogpu-choose" not in [t.name for t in set(threading.enumerate()) - others])


def test_it_pays_what_it_chooses_as_answers_come(choosing: Any) -> None:
    """Once, with the reason, and then it has ended."""
    watched, desk, chooser = choosing(CHEAPEST, attempts=2)
    assert wait_until(lambda: chooser.line == "auto: cheapest, waits for 2 answers")

    record, answers = task(("a", 9, 1), ("b", 8, 2))
    watched.now = PUBLISHED + 6.0
    come(watched, record, answers)
    assert chooser.wait(10)

    [(paid, decision)] = desk.paid
    assert paid == decision.response == record.responses[1].address
    assert decision.words == "cheapest of 2: 0x0000…0002 bids 0.0008 OGPU, after 2 s"
    assert (decision.strategy, decision.at) == ("cheapest", PUBLISHED + 6)
    assert chooser.line.startswith("auto: cheapest, confirmed, cheapest of 2: ")
    assert not chooser.is_live
    assert watched.callbacks == []


def test_time_alone_lets_it_decide(choosing: Any) -> None:
    """By the chain's clock, which nobody tells it of."""
    watched, desk, chooser = choosing(CHEAPEST, ("a", 1, 1), attempts=2)
    wait_until(lambda: "waits for 1 more" in chooser.line)

    watched.now = PUBLISHED + 580.0
    assert chooser.wait(10)

    assert len(desk.paid) == 1


def test_a_stopped_one_pays_nothing(choosing: Any) -> None:
    """And says that it is stopped."""
    watched, desk, chooser = choosing(FIRST, attempts=1)
    chooser.cancel()
    record, answers = task(("a", 1, 1))
    come(watched, record, answers)
    assert chooser.wait(10)

    assert desk.paid == []
    assert chooser.line == "auto: first, stopped"


@pytest.mark.parametrize(
    ("stage", "words"), [(Stage.CANCELED, "canceled"), (Stage.EXPIRED, "expired")]
)
def test_it_ends_with_its_task(choosing: Any, stage: Stage, words: str) -> None:
    """Nothing is left to choose."""
    watched, _, chooser = choosing(CHEAPEST, attempts=1)
    watched.advance(stage=stage)
    assert chooser.wait(10)

    assert chooser.line == f"auto: cheapest, ended: the task is {words}"


def test_a_lost_race_is_told(choosing: Any) -> None:
    """Another kernel, or the person, was first: no error, and nothing is paid twice."""
    watched, desk, chooser = choosing(CHEAPEST, attempts=2)
    record, answers = task(("a", 9, 1), ("b", 8, 2))
    paid = record.responses[0].model_copy(update={"status": ResponseStatus.CONFIRMED})
    desk.failures = [Reverted("AlreadyConfirmed.", name="AlreadyConfirmed")]
    desk.on_refresh = lambda: watched.advance(
        stage=Stage.FINALIZED, responses=(paid, record.responses[1])
    )
    watched.now = PUBLISHED + 6.0
    come(watched, record, answers)
    assert chooser.wait(10)

    assert desk.paid == []
    assert chooser.line == "auto: cheapest, 0x0000…0001 was confirmed already"


def test_what_can_t_be_paid_is_told_and_ends_it(choosing: Any) -> None:
    """It doesn't try for ever."""
    watched, desk, chooser = choosing(FIRST, attempts=1)
    desk.failures = [TaskError("The gas is gone.")]
    record, answers = task(("a", 1, 1))
    come(watched, record, answers)
    assert chooser.wait(10)

    assert chooser.line == "auto: first, ended, for it can't pay: The gas is gone."
    assert desk.paid == []


def test_a_node_that_is_away_is_waited_for(choosing: Any) -> None:
    """The answer is there; the payment can wait a moment."""
    watched, desk, chooser = choosing(FIRST, attempts=1)
    desk.failures = [NodeUnavailable("The node is away.")]
    record, answers = task(("a", 1, 1))
    come(watched, record, answers)
    assert chooser.wait(15)

    assert len(desk.paid) == 1


def test_an_answer_that_was_not_delivered_is_fetched_again(
    choosing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else asks for it while it is unattended."""
    monkeypatch.setattr(auto, "_FETCH_AGAIN_SECONDS", 0.0)
    watched, desk, chooser = choosing(FIRST, attempts=1)
    record, answers = task(("a", 1, 1))
    desk.on_retry = lambda: come(watched, record, answers)
    come(watched, record, {record.responses[0].address: Answer(problem="The gateway is away.")})
    assert chooser.wait(10)

    assert len(desk.paid) == 1


def test_a_journal_that_is_held_is_waited_for(
    choosing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It doesn't end what is unattended."""
    monkeypatch.setattr(auto, "_FETCH_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(auto, "_AGAIN_SECONDS", 0.01)
    watched, desk, chooser = choosing(FIRST, attempts=1)
    failures = [JournalError("The journal has been in use.")]

    def retry() -> None:
        if failures:
            raise failures.pop()

    desk.on_retry = retry
    come(watched, *task(("a", 1, 1)))
    assert chooser.wait(10)

    assert failures == []
    assert len(desk.paid) == 1


def test_a_bug_ends_it_without_a_payment(choosing: Any, caplog: Any) -> None:
    """Whatever happens on its thread is told, and paid is nothing."""
    watched, desk, chooser = choosing(FIRST, attempts=1)
    desk.failures = [ZeroDivisionError()]
    record, answers = task(("a", 1, 1))
    come(watched, record, answers)
    assert chooser.wait(10)

    assert chooser.line == ("auto: first, ended by ZeroDivisionError; nothing more is chosen")
    assert "has ended" in caplog.text


def test_who_watches_is_told_of_each_word(choosing: Any) -> None:
    """And only of what is new."""
    watched, _, chooser = choosing(CHEAPEST, ("a", 1, 1), attempts=3)
    wait_until(lambda: "waits for 2 more" in chooser.line)
    before = watched.renewed
    for _ in range(3):
        watched.advance()
    time.sleep(0.1)

    assert watched.renewed == before


# --- one confirmation at a time, and what a journal knows ----------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "own.sqlite3") as own:
        yield own


def kept(
    journal: Journal, *told: Any, stage: Stage = Stage.RESPONDED, **changes: Any
) -> TaskRecord:
    """A task of the journal with these answers; each has another address."""
    record, _ = task(*told)
    intended, _ = journal.intend(journalling.draft(), new=True)
    facts = {"attempts": record.attempts, "responses": record.responses} | changes
    address = f"0x{intended.key + 99:040x}"
    return journal.update(intended.key, stage=stage, address=address, **facts)


def alone(journal: Journal, response: str, settle: Any = None) -> Any:
    return once(journal, journalling.NETWORK, journalling.ACCOUNT, response, settle or list)


def sent_confirmation(number: int, response: str) -> TransactionRecord:
    signer = Account.from_key(number.to_bytes(32, "big"))
    data = CONTROLLER.encode("confirmResponse", response)
    order = Order(checksum("0x" + "cc" * 20), data)
    signed = sign(signer, order, Quote(90_000, 10**9, None, number), nonce=number, chain_id=1071)
    return journalling.transaction(
        number, kind=TransactionKind.CONFIRM, state=TransactionState.SENT, raw=signed.raw
    )


def test_a_confirmation_on_its_way_is_waited_for(journal: Journal) -> None:
    """A killed kernel may have sent it: it is settled before anything else is sent."""
    record = kept(journal, ("a", 1, 1), ("b", 1, 2))
    sent = sent_confirmation(1, record.responses[1].address)
    journal.add_transactions([sent, sent_confirmation(2, provider(1))])
    settled: list[str] = []

    def settle(transaction: TransactionRecord) -> None:
        settled.append(transaction.hash)
        raise Reverted("It did not go through.")

    with alone(journal, record.responses[0].address, settle) as keys:
        assert keys == [record.key]
    assert settled == [sent.hash]


def test_an_interrupt_while_another_is_waited_for_is_told(journal: Journal) -> None:
    """Nothing was sent by this one, and the next one need not wait for it."""
    record = kept(journal, ("a", 1, 1))
    response = record.responses[0].address
    journal.add_transaction(sent_confirmation(1, response))

    def interrupt(_: TransactionRecord) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="was not sent"), alone(journal, response, interrupt):
        pytest.fail("It must not be sent.")
    with alone(journal, response) as keys:
        assert keys == [record.key]


def test_whoever_comes_second_is_told_and_sends_nothing(journal: Journal) -> None:
    """It waits for the first, and then finds an answer confirmed."""
    record = kept(journal, ("a", 1, 1), ("b", 1, 2))
    first, second = record.responses
    inside, told = threading.Event(), []

    def come_second() -> None:
        inside.wait(10)
        try:
            with alone(journal, second.address):
                told.append("paid")
        except TaskError as error:
            told.append(error.what)

    thread = threading.Thread(target=come_second)
    thread.start()
    with alone(journal, first.address):
        inside.set()
        thread.join(0.3)
        assert told == []
        paid = first.model_copy(update={"status": ResponseStatus.CONFIRMED})
        journal.update(record.key, responses=(paid, second), stage=Stage.FINALIZED)
    thread.join(10)

    assert told == ["The answer of 0x0000…0001 is confirmed already."]


def test_a_reputation_is_what_could_be_answered_and_was(journal: Journal) -> None:
    """A task that was over before, because another was chosen, says nothing of a provider."""
    answered = response(0, after=6)
    paid = response(0, after=2, status=ResponseStatus.CONFIRMED)
    kept(journal, responses=(answered,), attempts=(Attempt(provider=provider(0), at=PUBLISHED),))
    kept(
        journal,
        stage=Stage.FINALIZED,
        responses=(paid,),
        attempts=(
            Attempt(provider=provider(0).upper().replace("0X", "0x"), at=PUBLISHED),
            Attempt(provider=provider(1), at=PUBLISHED),
        ),
    )
    missed = (Attempt(provider=provider(0)), Attempt(provider=provider(1)))
    kept(journal, stage=Stage.EXPIRED, attempts=missed, responses=())
    own = kept(journal, ("a", 1, 1), ("b", 1, 2))
    asked = [provider(0), provider(1), provider(2)]

    known = journal.reputations(journalling.NETWORK, asked, besides=own.key)

    assert known[provider(0)] == Reputation(tasks=3, answered=2, paid=1, seconds=4.0)
    assert known[provider(1)] == Reputation(tasks=1)
    assert known[provider(2)] == Reputation()
    assert journal.reputations(journalling.OTHER, asked)[provider(0)] == Reputation()


def test_a_reputation_is_told_soon_however_long_the_journal(journal: Journal) -> None:
    """One statement over the newest tasks."""
    with journal.atomic():
        for _ in range(300):
            kept(journal, *(("a", 1, n) for n in range(8)))
    begun = time.process_time()
    known = journal.reputations(journalling.NETWORK, [provider(n) for n in range(24)])

    assert time.process_time() - begun < 1
    assert known[provider(0)].tasks == 300


# --- on real networks -------------------------------------------------------------------

CHAT = "text2text_bids"


def ask(session: Any, question: str, **words: Any) -> Any:
    data = {"messages": [{"role": "user", "content": question}]}
    return session.publish(CHAT, CHAT, data, **words)


def confirms(session: Any) -> int:
    """How many confirmations this journal has ever signed."""
    sent = session.journal.transactions(session.network_id, session.account)
    return sum(t.kind is TransactionKind.CONFIRM for t in sent)


@pytest.fixture
def rich(session: Any) -> Any:
    session.deposit(1)
    return session


def test_unattended_the_cheapest_is_paid(rich: Any) -> None:
    """From the publication to the result, with the reason in the journal."""
    asked = ask(rich, "What is 17 * 23?")
    chooser = asked.confirm(strategy="cheapest", auto=True)
    value = asked.result(timeout=60)

    bids = [r.payment for r in asked.responses]
    assert value == {"role": "assistant", "content": "17 * 23 = 391"}
    assert asked.record.confirmed.payment == min(bids) == asked.payment // 2
    assert len(bids) == 3
    assert chooser.wait(10)
    assert asked.auto is None
    kept = rich.journal.task(asked.record.key).decision
    assert kept.response == asked.record.confirmed.address
    assert kept.words.startswith("cheapest of 3: 0x")
    assert f"Chosen: {kept.words}." in repr(asked)
    assert confirms(rich) == 1


def test_each_rule_chooses_at_once_among_what_is_here(rich: Any) -> None:
    """The three providers differ in price, time and care, so each rule has its own."""
    tasks = {name: ask(rich, "What is 1234 * 5678?", name=name) for name in STRATEGIES}
    for asked in tasks.values():
        wait_until(lambda asked=asked: len(asked.answers) == 3, 40)

    tasks["first"].confirm(strategy="first")
    rich.confirm_by(tasks["cheapest"], "cheapest")
    tasks["score"].confirm(strategy="score", score=lambda answer: len(answer["content"]))
    with pytest.raises(TaskError, match="can be chosen now by agree on 2: no 2 of 3"):
        tasks["agree"].confirm(strategy="agree")

    content = {name: tasks[name].result(timeout=20)["content"] for name in STRATEGIES[:3]}
    soonest = [r.at for r in tasks["first"].responses]
    assert tasks["first"].record.confirmed.at == min(soonest)
    assert content["cheapest"] == "1234 * 5678 = 7,006,652"
    assert content["score"] == (
        "1234 * 5678 = 7,006,652\n\nChecked: 2 * 2 * 17 * 167 * 617 = 7,006,652, in primes."
    )
    assert tasks["agree"].record.confirmed is None


def test_two_kernels_pay_once(rich: Any, localnet: Any) -> None:
    """Both choose unattended, of the same journal; one pays, the other tells that it was."""
    from ogpu_jupyter.session import Session

    other = Session(rich.network, localnet_signer(rich), rich.journal)
    try:
        asked = ask(rich, "What is a source?")
        wait_until(lambda: asked.address)
        seen = other.task(asked.address)
        choosers = [each.confirm(strategy="agree", auto=True) for each in (asked, seen)]
        asked.wait(timeout=60)
        assert all(chooser.wait(30) for chooser in choosers)

        lines = sorted(chooser.line for chooser in choosers)
        assert confirms(rich) == 1
        assert sum("confirmed, " in line for line in lines) == 1, lines
        assert sum("was confirmed already" in line for line in lines) == 1, lines
    finally:
        other.close()


def test_another_kernel_s_tasks_are_waited_for(rich: Any) -> None:
    """`wait` without a name is for all that are under way, whoever published them."""
    from ogpu_jupyter.session import Session

    other = Session(rich.network, localnet_signer(rich), Journal(rich.journal.path))
    try:
        asked = ask(rich, "What is a wait?")
        wait_until(lambda: asked.address)

        assert [task.stage for task in other.wait(timeout=40)] == [Stage.RESPONDED]
    finally:
        other.close()


def localnet_signer(session: Any) -> Any:
    return session._sender._ledger._signer


def test_by_hand_and_unattended_at_once_pay_once(rich: Any) -> None:
    """The person presses Confirm while the strategy decides."""
    asked = ask(rich, "What is 18 * 23?")
    asked.confirm(strategy="first", auto=True)
    wait_until(lambda: asked.answers, 30)
    with contextlib.suppress(TaskError, Reverted):  # the strategy was sooner
        asked.confirm(asked.responses[0])

    asked.result(timeout=30)
    assert confirms(rich) == 1


def test_a_task_pays_no_other_task_s_response(rich: Any) -> None:
    """Whatever is named: its address, or what could be taken for a task."""
    one, two = (ask(rich, "What is 27 * 23?", name=name) for name in ("one", "two"))
    wait_until(lambda: one.responses and two.responses, 40)
    key = one.record.key

    for named in (one.responses[0], one.responses[0].address, one.address, f"#{key}", "one"):
        with pytest.raises(TaskError, match="The task has no response"):
            two.confirm(named)
    assert confirms(rich) == 0

    chosen = two.responses[0].address
    two.confirm(chosen.lower())
    assert two.record.confirmed.address == chosen
    assert confirms(rich) == 1


def test_a_wait_waits_for_the_decision(rich: Any) -> None:
    """And not any more once it is stopped: then the choice is the person's."""
    asked = ask(rich, "What is 19 * 23?")
    asked.confirm(strategy="cheapest", accept=lambda _: False, auto=True)
    wait_until(lambda: len(asked.answers) == 3, 40)
    with pytest.raises(TaskTimeout):
        asked.wait(timeout=0.3)

    asked.auto = None
    asked.wait(timeout=5)

    assert asked.stage is Stage.RESPONDED
    assert asked.choice.line == "auto: cheapest of what a lambda accepts, stopped"
    with pytest.raises(InputError, match="can only be set to None"):
        asked.auto = 3  # type: ignore[assignment]
    assert confirms(rich) == 0


def test_await_waits_for_the_decision_too(rich: Any) -> None:
    """In a loop of asyncio."""
    asked = ask(rich, "What is 20 * 23?")
    asked.confirm(strategy="first", auto=True)

    async def go() -> Any:
        return await asyncio.wait_for(asked, 60)

    assert asyncio.run(go())["content"] == "20 * 23 = 460"


def test_the_reason_is_there_a_year_later(rich: Any) -> None:
    """Another session, another process: the journal has it."""
    asked = ask(rich, "What is 21 * 23?")
    asked.confirm(strategy="first", auto=True)
    asked.result(timeout=60)
    path = rich.journal.path
    key = asked.record.key

    with Journal(path) as later:
        assert later.task(key).decision == asked.record.decision
        assert "first of 1" in later.task(key).decision.words


def test_providers_are_known_by_their_record(rich: Any) -> None:
    """New at first; then what this journal has seen of them."""
    first = ask(rich, "What is 22 * 23?")
    wait_until(lambda: len(first.answers) == 3, 40)
    assert {r.tasks for r in first.choice.known.values()} == {0}
    first.confirm(strategy="cheapest")

    second = ask(rich, "What is 24 * 23?")
    wait_until(lambda: len(second.answers) == 3, 40)
    known = second.choice.known

    paid = first.record.confirmed.provider
    assert {r.tasks for r in known.values()} == {1}
    assert {r.answered for r in known.values()} == {1}
    assert [p for p, r in known.items() if r.paid] == [paid]
    assert all(r.seconds is not None for r in known.values())


def test_nothing_is_left_to_choose_of_a_final_task(rich: Any) -> None:
    """Told, and nothing is sent."""
    asked = ask(rich, "What is 25 * 23?")
    asked.confirm(strategy="first", auto=True)
    asked.result(timeout=60)

    with pytest.raises(TaskError, match="nothing to choose any more"):
        asked.confirm(strategy="cheapest")
    with pytest.raises(TaskError, match="nothing to choose any more"):
        asked.confirm(strategy="cheapest", auto=True)


def test_within_is_for_the_unattended(rich: Any) -> None:
    """And a response and a strategy exclude each other."""
    asked = ask(rich, "What is 26 * 23?")

    with pytest.raises(InputError, match="an unattended choice waits"):
        asked.confirm(strategy="cheapest", within="5s")
    with pytest.raises(InputError, match="Either a response is named"):
        asked.confirm("0x12", strategy="cheapest")  # type: ignore[call-overload]
