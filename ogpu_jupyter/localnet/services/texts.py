"""Sentences and words: what the assistant and the inference service know of a text."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+(?=[\"'“‘(]*[A-Z0-9À-Þ])|\n\s*\n")  # noqa: RUF001 - meant
_ABBREVIATION = re.compile(
    r"\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|fig|no|[a-z])\.$", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001 - meant


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON: Final = word_set(
    """
    a about after again all also am an and any are as at be because been before being but by
    can could did do does doing done down each either else ever for from further get gets give
    given go goes had has have having he hello her here hers him his how i if in into is it
    its itself just know let like made make makes many me might more most much must my myself
    no nor not now of off on once one only or other our ours out over own per please put quite
    rather really said same say says shall she should so some such tell than that the their
    theirs them then there these they this those though through to too two under until up upon
    us very want was we well were what when where which while who whom whose why will with
    within without would yes yet you your yours
    """
)


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def topics(text: str, limit: int = 3) -> list[str]:
    """The words that carry the meaning: the most frequent first, in the order they came."""
    carrying = [word for word in words(text) if word.lower() not in COMMON and len(word) > 2]
    counts = Counter(word.lower() for word in carrying)
    first = {word.lower(): word for word in reversed(carrying)}
    order = sorted(counts, key=lambda word: (-counts[word], -len(word)))
    chosen = set(order[:limit])
    return [first[word] for word in dict.fromkeys(w.lower() for w in carrying) if word in chosen]


def sentences(text: str) -> list[str]:
    """In their order; an abbreviation doesn't end one."""
    found: list[list[str]] = []
    for raw in _SENTENCE_END.split(text.strip()):
        piece = " ".join(raw.split())
        if found and _ABBREVIATION.search(found[-1][-1][-10:]):
            found[-1].append(piece)
        elif piece:
            found.append([piece])
    return [" ".join(pieces) for pieces in found]


def summarize(text: str, *, at_most: int) -> str:
    """The sentences that hold most of what the text speaks of, in their order."""
    found = sentences(text)
    if len(found) <= at_most:
        return " ".join(found)
    weight = Counter(w.lower() for w in words(text) if w.lower() not in COMMON)
    scores = {place: _score(sentence, weight, place) for place, sentence in enumerate(found)}
    best = sorted(scores, key=lambda place: (-scores[place], place))[:at_most]
    return " ".join(found[place] for place in sorted(best))


def _score(sentence: str, weight: Counter[str], place: int) -> float:
    carrying = {word.lower() for word in words(sentence)} - COMMON
    if not carrying:
        return 0.0
    # A long sentence holds more words without saying more; the first one sets the theme.
    score = sum(weight[word] for word in carrying) / math.pow(len(carrying) + 6, 0.75)
    return score * (1.25 if place == 0 else 1.0)
