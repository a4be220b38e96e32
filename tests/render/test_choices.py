"""Answers side by side: who gave them, what is thought of them, and how they differ."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter import render
from ogpu_jupyter.render.choices import Choice, Rank, ordered, reputation
from ogpu_jupyter.render.wording import difference, difference_html, difference_text, text_of
from ogpu_jupyter.tasks import (
    Answer,
    Attempt,
    Decision,
    DeliveryMethod,
    Reputation,
    Response,
    Stage,
    TaskRecord,
)
from tests.render import samples
from tests.render.checks import HOSTILE, safe

KNOWN = {
    samples.PROVIDERS[0]: Reputation(tasks=12, answered=11, paid=4, seconds=6.4),
    samples.PROVIDERS[1]: Reputation(),
    samples.PROVIDERS[2]: Reputation(tasks=1, answered=1),
}
RANKS = (
    Rank(samples.RESPONSES[2], 1, "score 0.91"),
    Rank(samples.RESPONSES[0], 2, "score 0.5"),
    Rank(samples.RESPONSES[1], 0, "quality raised KeyError: 'x'"),
)
DECISION = Decision(
    response=samples.RESPONSES[1],
    strategy="cheapest",
    words="cheapest of 3: 0x9c3D…3c5D bids 0.0008 OGPU, after 9 s",
    at=1,
)


def html(record: TaskRecord, answers: Any, **words: Any) -> str:
    return render.html(record, answers, samples.NOW, **words)


def headers(fragment: str) -> list[str]:
    return [safe(found).text for found in re.findall(r"<header>.*?</header>", fragment)]


def texts(*told: str) -> tuple[TaskRecord, dict[str, Answer]]:
    """So many providers, each with a text."""
    responses = tuple(
        samples.response(0).model_copy(
            update={"address": f"0x{n:040x}", "provider": f"0x{n + 7:040x}"}
        )
        for n in range(len(told))
    )
    record = samples.record(
        Stage.RESPONDED,
        delivery=DeliveryMethod.MANUAL_CONFIRMATION,
        responses=responses,
        attempts=tuple(Attempt(provider=r.provider) for r in responses),
    )
    return record, {r.address: Answer(value=text) for r, text in zip(responses, told, strict=True)}


# --- the cards --------------------------------------------------------------------------


def test_a_card_says_who_how_soon_for_how_much_and_what_is_known() -> None:
    """Each at its place, in each card; in the order in which they came."""
    record, answers = samples.choosing()
    shown = headers(html(record, answers, choice=Choice(known=KNOWN)))

    assert [re.sub(r"^0x\S+ ?\S* \S+ ", "", text) for text in shown] == [
        "+8 s bids 0.001 OGPU 12 tasks, 11 answered, 4 paid, median 6 s",
        "+9 s bids 0.0008 OGPU new to you",
        "+10 s bids 0.0015 OGPU 1 task, 1 answered",
    ]


def test_what_nobody_has_looked_up_is_left_out() -> None:
    """Unknown is unknown, and not new."""
    assert reputation("0x1", Choice()) == ""
    assert reputation("0x1", Choice(known={"0x1": Reputation()})) == "new to you"


def test_a_strategy_s_best_stands_first_with_its_score() -> None:
    """Then the others, and last what may not be chosen, with the reason."""
    record, answers = samples.choosing()
    fragment = html(record, answers, choice=Choice("auto: score by quality", RANKS))

    assert [text.rpartition("OGPU ")[2] for text in headers(fragment)] == [
        "best · score 0.91",
        "2nd · score 0.5",
        "not acceptable",
    ]
    assert "quality raised KeyError: &#x27;x&#x27;" in fragment
    assert [r.address for r in ordered(record, Choice("", RANKS))] == [
        rank.response for rank in RANKS
    ]


def test_each_card_has_a_name() -> None:
    """For who hears the page: the names differ."""
    record, answers = samples.choosing()
    names = re.findall(r'role="group" aria-label="(Answer of [^"]+)"', html(record, answers))

    assert names == ["Answer of 0x7a5e…9A0b", "Answer of 0x9c3D…3c5D", "Answer of 0x4f2A…7f9A"]


def test_up_to_24_are_shown_and_the_rest_is_counted() -> None:
    """A source with a hundred providers is not a hundred cards."""
    record, answers = texts(*(f"answer {n}" for n in range(30)))
    fragment = html(record, answers)

    assert fragment.count('class="ogpu-choice"') == 24
    assert "… and 6 more." in fragment
    assert "and 6 more answers" in render.text(record, answers, samples.NOW)


def test_the_first_of_several_has_its_card_at_once() -> None:
    """Where others work on it too, the next answer doesn't change its shape."""
    record, answers = texts("one")
    two = record.model_copy(
        update={"attempts": (*record.attempts, Attempt(provider="0x" + "99" * 20))}
    )

    assert 'class="ogpu-choice"' in html(two, answers)
    assert 'class="ogpu-choice"' not in html(record, answers)


# --- what is being decided, and what was ------------------------------------------------


def test_what_a_strategy_does_stands_at_the_top_and_in_the_text() -> None:
    """Also before there is any answer."""
    record = samples.record(Stage.PUBLISHED, delivery=DeliveryMethod.MANUAL_CONFIRMATION)
    choice = Choice("auto: cheapest, waits for an answer")

    assert '<p class="ogpu-note">auto: cheapest, waits for an answer</p>' in html(
        record, {}, choice=choice
    )
    assert "\n  auto: cheapest, waits for an answer" in render.text(
        record, {}, samples.NOW, choice=choice
    )


def test_the_reason_is_read_from_the_record_alone() -> None:
    """A year later, without the strategy and its kernel."""
    record, answers = samples.choosing(confirmed=True)
    record = record.model_copy(update={"decision": DECISION})
    words = "Chosen: cheapest of 3: 0x9c3D…3c5D bids 0.0008 OGPU, after 9 s."

    assert words in safe(html(record, answers)).text
    assert words in render.text(record, answers, samples.NOW)


def test_a_decision_that_was_not_carried_out_is_no_payment() -> None:
    """The confirmation failed, or is on its way."""
    record, answers = samples.choosing()
    record = record.model_copy(update={"decision": DECISION})

    assert "Chosen, and not confirmed: cheapest of 3: " in safe(html(record, answers)).text


def test_a_decision_that_was_overtaken_says_so() -> None:
    """Chosen was one, and paid another."""
    record, answers = samples.choosing(confirmed=True)
    other = DECISION.model_copy(update={"response": samples.RESPONSES[0]})
    record = record.model_copy(update={"decision": other})

    assert "; confirmed is the answer of 0x9c3D…3c5D." in safe(html(record, answers)).text


def test_nothing_is_told_where_nothing_was_decided() -> None:
    """A task of one answer has no story."""
    record, answers = samples.answered("hello")

    assert "Chosen" not in html(record, answers)


# --- how texts differ -------------------------------------------------------------------

FOX = "The quick brown fox jumps over the lazy dog"


def test_texts_are_compared_with_the_first_the_best_or_the_paid() -> None:
    """In that order of what is known."""
    record, answers = texts(FOX, FOX.replace("quick", "slow"), FOX.replace("dog", "cat"))
    best = Choice("", (Rank(record.responses[1].address, 1), Rank(record.responses[0].address, 2)))

    plain, ranked = html(record, answers), html(record, answers, choice=best)

    assert plain.count("Compared with 0x0000…0007: 1 word differs") == 2
    assert "<del>quick</del> <ins>slow</ins> brown" in plain
    assert ranked.count("Compared with 0x0000…0008:") == 2
    assert "<del>slow</del> <ins>quick</ins> brown" in ranked


def test_the_same_words_are_told_as_such() -> None:
    """Spaces make no difference."""
    record, answers = texts(FOX, FOX.replace(" ", "  "))

    assert "The same words as 0x0000…0007." in html(record, answers)
    assert "(the same words as 0x0000…0007)" in render.text(record, answers, samples.NOW)


def test_a_difference_reads_as_text() -> None:
    """In a terminal, and where no HTML is shown."""
    record, answers = texts(FOX, FOX.replace("quick", "slow"))

    assert "(compared with 0x0000…0007, 1 word differs: The [-quick-] {+slow+} brown" in (
        render.text(record, answers, samples.NOW)
    )


def test_long_sameness_is_left_out() -> None:
    """What is around a change is enough."""
    long = " ".join(f"w{n}" for n in range(200))
    found = difference(long, long.replace("w100", "other"))

    assert found is not None
    assert difference_text(found) == (
        "w0 w1 w2 w3 w4 w5… w94 w95 w96 w97 w98 w99 [-w100-] {+other+} "
        "w101 w102 w103 w104 w105 w106… w194 w195 w196 w197 w198 w199"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("one two three", "four five six", "mostly other words"),
        ("a b, c", "a b; c", "only signs differ"),
        ("7,007,000 it is", "7,006,652 it is", "1 word differs"),
        ("東京は日本の首都", "東京は日本の古都", "1 word differs"),
        ("x " * 30_000, "x " * 29_999 + "y", "too long to compare word by word"),
        (" ".join(map(str, range(3000))), " ".join(map(str, range(1, 6000, 2))), "too long to"),
    ],
)  # fmt: skip
def test_what_a_comparison_would_not_tell_is_said(old: str, new: str, words: str) -> None:
    """Other texts altogether, only signs, or too long."""
    found = difference(old, new)

    assert found is not None
    assert found.words.startswith(words)


def test_a_comparison_takes_no_time() -> None:
    """Whatever a provider sends: words that repeat are the worst."""
    begun = time.process_time()
    for a, b in [("a b " * 300, "b a " * 299), ("a " * 20_000, "a " * 19_000 + "b a")]:
        difference(a, b)

    assert time.process_time() - begun < 2


@given(st.text(), st.text())
def test_any_two_texts_can_be_compared(old: str, new: str) -> None:
    """And whatever comes out is safe to show."""
    found = difference(old, new)
    if found is not None and found.pieces:
        safe(difference_html(found))
        assert "\x1b" not in difference_text(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ({"role": "assistant", "content": "a"}, "a"),
        ([{"generated_text": "a"}], "a"),
        ({"text": "a", "answer": "b"}, None),
        ({"content": 3}, None),
        (["a", "b"], None),
        (None, None),
    ],
)
def test_only_one_text_is_compared(value: Any, text: str | None) -> None:
    """A table or a picture has no words."""
    assert text_of(value) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_stranger_gets_out_of_its_card(text: str) -> None:
    """Neither from an answer's difference nor from a function's error or a line."""
    record, answers = texts(f"same words here {text[:5000]}", "same words here and more")
    choice = Choice(text, (Rank(record.responses[0].address, 0, text),), {})
    record = record.model_copy(
        update={"decision": DECISION.model_copy(update={"words": text, "response": "0x1"})}
    )

    safe(html(record, answers, choice=choice))
    told = render.text(record, answers, samples.NOW, choice=choice)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", told)


def test_a_response_without_its_content_has_its_card() -> None:
    """It is on the chain; what it says is on its way."""
    record, answers = texts("one", "two")
    del answers[record.responses[1].address]

    assert "Its content is being fetched." in html(record, answers)
    assert isinstance(record.responses[1], Response)
