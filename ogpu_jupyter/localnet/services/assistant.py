"""A small assistant without a model: it reckons, counts, turns texts over and explains.

The answer is found by the first rule that knows what to do with the last message of the
user. It depends on the messages alone.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, Field

from ogpu_jupyter.localnet.services import calculator, texts
from ogpu_jupyter.localnet.services.glossary import GLOSSARY

if TYPE_CHECKING:
    from collections.abc import Callable


class Message(BaseModel):
    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(max_length=100_000, description="What is said.")


class Chat(BaseModel):
    messages: list[Message] = Field(
        min_length=1,
        max_length=200,
        description="The conversation so far; the last message of the user is answered.",
        examples=[[{"role": "user", "content": "What is 17 * 23?"}]],
    )


class Reply(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str = Field(description="The answer.")


def reply(chat: Chat) -> Reply:
    said = [message.content.strip() for message in chat.messages if message.role == "user"]
    question = said[-1] if said else ""
    for rule in _RULES:
        answer = rule(question, said)
        if answer is not None:
            return Reply(content=answer)
    return Reply(content=_reflect(question))


def _silence(question: str, _: list[str]) -> str | None:
    return None if question else "You have not said anything yet. What would you like to know?"


def _greeting(question: str, _: list[str]) -> str | None:
    if re.fullmatch(
        r"(hi|hello|hey|good (morning|afternoon|evening))\b[^?]{0,30}", question, re.IGNORECASE
    ):
        return (
            "Hello! I am the local network's assistant. I can work out sums, count and turn "
            "texts over, summarise, and explain how OpenGPU works. What shall we try?"
        )
    if re.match(r"(thanks|thank you)\b", question, re.IGNORECASE):
        return "You are welcome. It was a pleasure to be asked."
    if re.search(r"\bwho are you\b|\bwhat are you\b|\bwhat can you do\b", question, re.IGNORECASE):
        return (
            "I am a small service of the local OpenGPU network: no language model, but rules "
            "that really compute. Ask me for a sum, a count of letters or words, a text "
            "reversed or in capitals, a summary, a haiku, or what a source or a vault is."
        )
    return None


def _name(question: str, said: list[str]) -> str | None:
    if re.search(r"\bwhat(?:'s| is) my name\b|\bwho am i\b", question, re.IGNORECASE):
        for earlier in reversed(said[:-1]):
            if name := _introduced(earlier):
                return f"You told me that your name is {name}."
        return "You have not told me your name yet."
    name = _introduced(question)
    if name and "?" not in question:
        return f"Nice to meet you, {name}. What shall we work on?"
    return None


def _introduced(text: str) -> str | None:
    found = re.search(r"\b[Mm]y name is ([^\W\d_][\w'-]{0,40})", text)
    return found.group(1) if found else None


# --- texts -----------------------------------------------------------------------------

_QUOTED = r"[\"'“‘`](?P<quoted>.+)[\"'”’`]"  # noqa: RUF001 - meant
_REST = (
    r"(?:\s+(?:the|this|of|in|to))*"
    r"(?:\s+(?:text|string|words?|sentence|phrase|letters?))?\s*(?::\s*)?"
)


def _command(words: str) -> re.Pattern[str]:
    """What asks for something to be done, and the text that it is to be done to."""
    about = rf"{_REST}(?:{_QUOTED}|(?P<bare>\S.*))"
    return re.compile(rf"\b(?:{words})\b{about}", re.IGNORECASE | re.DOTALL)


_IN: Final = _command(r"in")
_IN_OR_OF: Final = _command(r"in|of")


def _given(command: re.Pattern[str], question: str) -> str | None:
    """The text that a command is about: in quotation marks, or what follows it."""
    found = command.search(question)
    if not found:
        return None
    return (found["quoted"] or found["bare"]).strip()


def _turn_over(question: str, _: list[str]) -> str | None:
    for pattern, change in _CHANGES:
        text = _given(pattern, question)
        if text:
            return change(text)
    return None


def _sorted(text: str) -> str:
    comma = "," in text
    items = [item.strip() for item in (text.split(",") if comma else text.split())]
    return (", " if comma else " ").join(sorted(items, key=str.casefold))


def _summary(text: str) -> str:
    return texts.summarize(text, at_most=max(1, min(3, len(texts.sentences(text)) // 3)))


_CHANGES: Final[tuple[tuple[re.Pattern[str], Callable[[str], str]], ...]] = (
    (_command(r"reverse|backwards"), lambda text: text[::-1]),
    (_command(r"upper ?case|capitals|capitali[sz]e"), str.upper),
    (_command(r"lower ?case"), str.lower),
    (_command(r"title ?case"), str.title),
    (_command(r"sort|alphabeti[sz]e"), _sorted),
    (_command(r"summari[sz]e|summary of|tl;?dr"), _summary),
    (_command(r"repeat(?: after me)?|echo"), str),
)


def _count(question: str, _: list[str]) -> str | None:
    letter = re.search(
        r"how many (?:times does )?(?:the )?(?:letter )?[\"'“]?([^\W\d_])[\"'”]?(?:'?s)? "
        r"(?:are (?:there )?in|appears? in|in|is in|occurs? in)",
        question,
        re.IGNORECASE,
    )
    if letter:
        text = _given(_IN, question[letter.end() - 3 :]) or ""
        text = text.rstrip("?").strip("\"'“” ")
        number = text.casefold().count(letter.group(1).casefold())
        return f"There {_are(number, 'letter')} {letter.group(1)} in “{text}”."
    counted = re.search(
        r"\b(?:how many|count)(?: the)? (words|letters|characters|sentences)\b",
        question,
        re.IGNORECASE,
    )
    if not counted:
        return None
    after = question[counted.end() :]
    text = (_given(_IN_OR_OF, after) or after.lstrip(" :")).strip()
    text = text.rstrip("?").strip("\"'“” ") or question
    what = counted.group(1).lower()
    number = {
        "words": len(texts.words(text)),
        "letters": sum(c.isalpha() for c in text),
        "characters": len(text),
        "sentences": len(texts.sentences(text)),
    }[what]
    return f"There {_are(number, what[:-1])} in “{_short(text)}”."


def _are(number: int, noun: str) -> str:
    return f"is 1 {noun}" if number == 1 else f"are {number:,} {noun}s"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"


# --- sums and explanations -------------------------------------------------------------


def _sum(question: str, _: list[str]) -> str | None:
    expression = calculator.find_sum(question)
    if expression is None:
        return None
    spaced = re.sub(r"(?<=[\w)])\s*(\*\*|[-+*/%])\s*", r" \1 ", expression)
    shown = spaced.replace("**", "^")
    try:
        return f"{shown} = {calculator.work_out(expression)}"
    except calculator.NoSum as error:
        return f"I can't work out {shown}: {error}."


_ASKED = re.compile(
    r"\b(?:what(?:'s| is| are| does)|define|explain|tell me about|meaning of|who is|how does)\b",
    re.IGNORECASE,
)


def _definition(question: str, _: list[str]) -> str | None:
    if not _ASKED.search(question) and len(question.split()) > 2:
        return None
    asked = [word.lower() for word in texts.words(question)]
    for word in reversed(asked):
        entry = GLOSSARY.get(word) or GLOSSARY.get(word.removesuffix("s"))
        if entry:
            return entry
    return None


# --- verse, and what is left -----------------------------------------------------------

_FIRST = ("Morning finds {0}", "A quiet word: {0}", "Under one lamp, {0}", "Slow rain, and {0}")
_SECOND = (
    "a thousand small machines hum",
    "somewhere far a fan turns on",
    "numbers settle into place",
    "the long answer takes its time",
)
_THIRD = ("then the cell is still.", "light falls on the page.", "one block, then the next.")


def _verse(question: str, _: list[str]) -> str | None:
    wanted = re.search(
        r"\b(?:haiku|poem|verse|rhyme)\b(?:.*?\b(?:about|on|of|for)\b\s*(.+))?",
        question,
        re.IGNORECASE,
    )
    if not wanted:
        return None
    topic = (wanted.group(1) or "this notebook").strip(" .?!\"'")[:60]
    pick = _picker(question)
    return "\n".join((pick(_FIRST).format(topic), pick(_SECOND) + ",", pick(_THIRD)))


def _picker(seed: str) -> Callable[[tuple[str, ...]], str]:
    """Chooses by the words of the question, so the same question has the same answer."""
    digest = iter(hashlib.sha256(seed.encode()).digest())
    return lambda choices: choices[next(digest) % len(choices)]


_OPENINGS = (
    "That is a question about {0}.",
    "You are asking about {0}.",
    "Let me think about {0}.",
    "{0}: a good thing to look into.",
)
_MIDDLES = (
    "I have no model to know more than rules can, but I would start with what can be measured.",
    "Without a language model I can't judge it, but I can help with the numbers and the words.",
    "My rules don't reach that far, and I would rather say so than invent something.",
)
_ENDINGS = (
    "What do you already know about {0}?",
    "Which part of {0} matters most to you?",
    "Shall we take {0} apart into smaller questions?",
)


def _reflect(question: str) -> str:
    """Honest about not knowing, but about the question that was asked."""
    topics = [_short(topic) for topic in texts.topics(question)]
    about = _listed(topics) if topics else f"“{_short(question)}”"
    pick = _picker(question)
    opening = pick(_OPENINGS).format(about)
    ending = pick(_ENDINGS).format(topics[0] if topics else "it")
    return f"{opening[0].upper()}{opening[1:]} {pick(_MIDDLES)} {ending}"


def _listed(items: list[str]) -> str:
    return " and ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else items[0]


_RULES: Final = (_silence, _greeting, _name, _count, _turn_over, _verse, _sum, _definition)
