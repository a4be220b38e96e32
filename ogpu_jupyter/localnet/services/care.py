"""The assistant at three degrees of care, for the source whose answers compete.

All three do the same work and really do it; they differ in what they take the time for.
The hasty one reads the last question's first sentence, keeps the first sentence of its
answer, and rounds. The careful one looks up what its answer speaks of, and takes numbers
apart to check them.
"""

from __future__ import annotations

import re
from typing import Final

from ogpu_jupyter.localnet.services import assistant, calculator, texts
from ogpu_jupyter.localnet.services.assistant import Chat, Message, Reply
from ogpu_jupyter.localnet.services.glossary import GLOSSARY

_READ: Final = 300  # characters of the question that the hasty one looks at
_DIGITS: Final = 4
_LOOKED_UP: Final = 2
_LARGEST: Final = 10**12  # to which a number is taken apart: a million divisions
_SUM: Final = re.compile(r"(?P<asked>.+) = (?P<value>-?[\d,]+(?:\.\d+)?(?:e[-+]?\d+)?)")


def hasty(chat: Chat) -> Reply:
    """At once, for little: no memory of the conversation, one sentence, four digits."""
    said = [message.content for message in chat.messages if message.role == "user"]
    asked = (texts.sentences(said[-1][:_READ]) or [""])[0] if said else ""
    answer = assistant.reply(Chat(messages=[Message(role="user", content=asked)])).content
    return Reply(content=_rounded((texts.sentences(answer) or [answer])[0]))


def careful(chat: Chat) -> Reply:
    """With a second look: a whole number in its primes, words of the market explained."""
    answer = assistant.reply(chat).content
    return Reply(content="\n\n".join([answer, *_checked(answer), *_looked_up(answer)]))


def _rounded(answer: str) -> str:
    found = _SUM.fullmatch(answer)
    if not found:
        return answer
    value = float(found["value"].replace(",", ""))
    rounded = float(f"{value:.{_DIGITS}g}")
    return answer if rounded == value else f"{found['asked']} ≈ {rounded:,.10g}"


def _checked(answer: str) -> list[str]:
    """What a whole number is made of, multiplied again; nothing for other answers."""
    found = _SUM.fullmatch(answer)
    digits = found["value"].replace(",", "") if found else ""
    if not digits.isdigit() or not 1 < int(digits) <= _LARGEST:
        return []
    parts = _primes(int(digits))
    if len(parts) == 1:
        return [f"Checked: {digits} is a prime."]
    made = " * ".join(map(str, parts))
    return [f"Checked: {made} = {calculator.work_out(made)}, in primes."]


def _primes(number: int) -> list[int]:
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1 if divisor == 2 else 2
    return [*found, number] if number > 1 else found


def _looked_up(answer: str) -> list[str]:
    """The glossary's words that an explanation rests on, each explained."""
    asked = next((word for word, meaning in GLOSSARY.items() if meaning == answer), None)
    if asked is None:
        return []
    others = [word for word in GLOSSARY if word != asked]
    rests_on = [word for word in others if word in _named(answer)]
    rest_on_it = [word for word in others if asked in _named(GLOSSARY[word])]
    found = list(dict.fromkeys([*rests_on, *rest_on_it]))
    return [GLOSSARY[word] for word in found[:_LOOKED_UP]]


def _named(text: str) -> set[str]:
    """Its words, each also as one of many."""
    words = {word.lower() for word in texts.words(text)}
    return words | {word.removesuffix("s") for word in words}
