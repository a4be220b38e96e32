"""Whether a text is glad or not, by its words and what stands before them."""

from __future__ import annotations

import math
from typing import Any, Final

from ogpu_jupyter.localnet.services.texts import word_set
from ogpu_jupyter.localnet.services.texts import words as words_of


def _weights(words: str, weight: float) -> dict[str, float]:
    return dict.fromkeys(words.split(), weight)


_LEXICON: Final = (
    _weights(
        """amazing astonishing awesome beautiful beautifully best brilliant delight delighted
        delightful excellent exceptional extraordinary fantastic flawless gorgeous incredible
        love loved loves magnificent marvelous masterpiece outstanding perfect perfectly
        phenomenal remarkable spectacular splendid stunning superb terrific thrilled wonderful
        wonderfully""",
        2.6,
    )
    | _weights(
        """accurate affordable better bright charming cheerful clean clear clever comfortable
        cozy easy effective efficient elegant enjoy enjoyed enjoyable fast fine fresh friendly
        fun funny generous glad good grateful great happy helpful impressed impressive improved
        interesting kind like liked likes lovely lucky nice patient pleasant pleased polite
        praise pretty proud quick quiet recommend recommended refreshing reliable right safe
        satisfied smart smile smooth solid strong success successful sweet thank thanks useful
        valuable warm welcome well win wise works worth yes""",
        1.5,
    )
    | _weights(
        """annoyed annoying bad bland boring broke broken bug buggy cheap cold complaint
        confusing cracked crash crashed crashes cry damage damaged defective difficult dirty
        disappoint disappointed disappointing disappointment dull error expensive fail failed
        fails failure fault faulty flaw flawed hard hurt lack lacking late lazy lose lost mess
        mistake noisy overpriced pain poor poorly problem problems regret rude sad scared
        slow sorry stuck tired trouble ugly uncomfortable unfair unhappy unreliable useless
        waste wasted weak wrong""",
        -1.6,
    )
    | _weights(
        """abysmal angry appalling atrocious awful catastrophe disaster disgusting dreadful fraud
        garbage hate hated hates horrible horrified horrifying hideous hopeless miserable
        nightmare pathetic revolting scam terrible terribly terrifying trash unacceptable
        unbearable worst worthless""",
        -2.7,
    )
)
_NEGATIONS: Final = word_set(
    """
    not no never nothing neither nor without hardly barely don't doesn't didn't isn't wasn't
    aren't weren't can't couldn't won't wouldn't shouldn't cannot ain't lacks
    """
)
_DEGREES: Final = (
    _weights("very really extremely incredibly absolutely so truly totally utterly deeply", 1.4)
    | _weights("too quite pretty fairly", 1.1)
    | _weights("slightly somewhat little bit rather", 0.6)
)
_REACH = 3  # words over which a negation or a degree works
_BIAS = 0.2  # a text without a feeling leans to the friendly side
_MARKS: Final = {
    "🙂": 1.5,
    "😀": 2,
    "😍": 2.6,
    "❤": 2.4,
    "👍": 1.6,
    "🙁": -1.5,
    "😡": -2.6,
    "👎": -1.8,
}


def classify(text: str) -> list[dict[str, Any]]:
    """Both labels with their scores, which sum to 1, the better one first."""
    feeling = _feeling(text)
    positive = 1 / (1 + math.exp(-2 * feeling))
    labels = [
        {"label": "POSITIVE", "score": round(positive, 6)},
        {"label": "NEGATIVE", "score": round(1 - positive, 6)},
    ]
    return labels if positive >= 0.5 else labels[::-1]


def _feeling(text: str) -> float:
    words = [word.lower().replace("’", "'") for word in words_of(text)]  # noqa: RUF001 - meant
    total = sum(text.count(mark) * weight for mark, weight in _MARKS.items())
    turned = _after_but(words)
    for place, word in enumerate(words):
        if word in _LEXICON:
            # What comes after "but" is what is meant.
            share = 0.5 if place < turned else 1.0
            total += share * _LEXICON[word] * _context(words[max(0, place - _REACH) : place])
    emphasis = 1 + 0.1 * min(text.count("!"), 4)
    return max(-6.0, min(6.0, (total * emphasis + _BIAS) / math.pow(max(1, len(words)), 0.25)))


def _context(before: list[str]) -> float:
    factor = 1.0
    for word in before:
        factor *= _DEGREES.get(word, 1.0)
        if word in _NEGATIONS:
            factor *= -0.75
    return factor


def _after_but(words: list[str]) -> int:
    """The place after the last "but", or 0."""
    turns = [place for place, word in enumerate(words) if word in {"but", "however", "although"}]
    return turns[-1] + 1 if turns else 0
