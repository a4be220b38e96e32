"""The responses that a person chooses from, side by side: who, for how much, how soon, what.

Each has its place from the start, and what a strategy thinks of it stands in its card. Texts
are compared with the one that is paid, else with the best, else with the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import DeliveryMethod, Reputation, ResponseStatus
from ogpu_jupyter.units import format_amount, format_duration

from .kinds.unwrapping import unwrapped
from .safe import esc, one_line
from .wording import difference, difference_html, difference_text, text_of
from .words import address_html, amount_html, moment_html, plural, short, since

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.tasks import Answer, Response, TaskRecord

MAX_CHOICES: Final = 24
_NTH: Final = {1: "best", 2: "2nd", 3: "3rd"}
_LINE: Final = 600


@dataclass(frozen=True)
class Rank:
    """What a strategy thinks of a response: its place from 1, or 0 where it may not be chosen."""

    response: str
    place: int
    note: str = ""

    @property
    def words(self) -> str:
        if not self.place:
            return "not acceptable"
        nth = _NTH.get(self.place, f"{self.place}th")
        return f"{nth} · {self.note}" if self.note else nth


@dataclass(frozen=True)
class Choice:
    """What is known beside the record: how it is being chosen, and who the providers are.

    `line` says what a strategy is doing; `known` has the providers by address.
    """

    line: str = ""
    ranks: tuple[Rank, ...] = ()
    known: Mapping[str, Reputation] = field(default_factory=dict)

    def rank(self, response: Response) -> Rank | None:
        return next((rank for rank in self.ranks if rank.response == response.address), None)


NO_CHOICE: Final = Choice()


def ordered(record: TaskRecord, choice: Choice = NO_CHOICE) -> list[Response]:
    """From the best, where a strategy has an opinion; else as they came. At most 24."""
    places = {rank.response: number for number, rank in enumerate(choice.ranks)}
    last = len(places)
    found = sorted(record.responses, key=lambda r: places.get(r.address, last))
    return found[:MAX_CHOICES]


def story(record: TaskRecord, choice: Choice = NO_CHOICE) -> list[str]:
    """What a strategy is doing, and what it decided and why; nothing where there is none."""
    told = [one_line(choice.line, _LINE)] if choice.line and not record.stage.is_final else []
    decision, paid = record.decision, record.confirmed
    if decision is None:
        return told
    words = one_line(decision.words, _LINE)
    if paid is None:
        return told if choice.line else [f"Chosen, and not confirmed: {words}."]
    if paid.address == decision.response:
        return [*told, f"Chosen: {words}."]
    return [*told, f"Chosen was {words}; confirmed is the answer of {short(paid.provider)}."]


def story_html(record: TaskRecord, choice: Choice = NO_CHOICE) -> str:
    return "".join(f'<p class="ogpu-note">{esc(line, _LINE)}</p>' for line in story(record, choice))


def reputation(provider: str, choice: Choice) -> str:
    """What this journal knows of a provider; empty where nobody has looked."""
    known = choice.known.get(provider)
    if known is None:
        return ""
    if not known.tasks:
        return "new to you"
    parts = [plural(known.tasks, "task"), f"{known.answered:,} answered"]
    if known.paid:
        parts.append(f"{known.paid:,} paid")
    if known.seconds is not None:
        parts.append(f"median {format_duration(known.seconds)}")
    return ", ".join(parts)


# --- HTML ------------------------------------------------------------------------------


def choices_html(
    record: TaskRecord,
    answers: Mapping[str, Answer],
    choice: Choice,
    content: Callable[[Response], str],
) -> str:
    """All of them, side by side; `content` makes an answer's HTML."""
    responses = ordered(record, choice)
    base = _base(responses, answers, choice)
    cards = [
        _head(r, record, choice)
        + f"<div>{_wrong(choice.rank(r))}{content(r)}{_compared(r, answers, base)}</div></div>"
        for r in responses
    ]
    more = len(record.responses) - len(responses)
    rest = f'<p class="ogpu-soft">… and {more:,} more.</p>' if more else ""
    head = plural(len(record.responses), "answer")
    return (
        f'<section class="ogpu-answer"><h4 class="jp-toc-ignore tocSkip">{head}</h4>'
        f'<div class="ogpu-choices">{"".join(cards)}</div>{rest}</section>'
    )


def beside_html(record: TaskRecord, response: Response, choice: Choice) -> str:
    """Who gave the only answer, and for how much, where a person is to choose."""
    if record.delivery is DeliveryMethod.FIRST_RESPONSE:
        return ""
    known = reputation(response.provider, choice)
    who = f" ({known})" if known else ""
    by = f"{address_html(response.provider)}{who}, bid {amount_html(response.payment)}"
    return f' <span class="ogpu-soft">by {by}</span>'


def _head(response: Response, record: TaskRecord, choice: Choice) -> str:
    """The card's beginning: what there is to know beside the answer, each at its place."""
    is_paid = response.status is ResponseStatus.CONFIRMED
    after = since(response.at, record.published_at)
    when = moment_html(response.at, after) if response.at and after else ""
    paid = '<span class="ogpu-pill">✓ Confirmed</span>' if is_paid else ""
    rank = choice.rank(response)
    known = esc(reputation(response.provider, choice))
    label = f"Answer of {short(response.provider)}"
    return (
        f'<div class="ogpu-choice{" ogpu-ok" if is_paid else ""}" role="group" '
        f'aria-label="{esc(label)}"><header>'
        f'<span>{address_html(response.provider)}</span> <span class="ogpu-soft">{when}</span> '
        f"<span>bids {amount_html(response.payment)}</span> <span>{paid}</span> "
        f'<span class="ogpu-soft">{known}</span> '
        f"<span>{esc(rank.words, 80) if rank else ''}</span></header>"
    )


def _wrong(rank: Rank | None) -> str:
    """What kept a strategy from it, where that is more than that it wasn't wanted."""
    if rank is None or rank.place or not rank.note:
        return ""
    return f'<p class="ogpu-wrong ogpu-warn">{esc(rank.note, 300)}</p>'


def _base(
    responses: list[Response], answers: Mapping[str, Answer], choice: Choice
) -> Response | None:
    """What the others are compared with; None where there aren't two texts."""
    texts = [r for r in responses if _text(r, answers) is not None]
    if len(texts) < 2:
        return None
    paid = [r for r in texts if r.status is ResponseStatus.CONFIRMED]
    best = [r for r in texts if (rank := choice.rank(r)) and rank.place == 1]
    return [*paid, *best, *texts][0]


def _text(response: Response, answers: Mapping[str, Answer]) -> str | None:
    answer = answers.get(response.address)
    return None if answer is None or answer.problem else text_of(unwrapped(answer.value))


def _compared(response: Response, answers: Mapping[str, Answer], base: Response | None) -> str:
    text = _text(response, answers)
    if base is None or text is None or base.address == response.address:
        return ""
    other = short(base.provider)
    found = difference(_text(base, answers) or "", text)
    if found is None:
        return f'<p class="ogpu-rest">The same words as {other}.</p>'
    if not found.pieces:
        return f'<p class="ogpu-rest">Compared with {other}: {found.words}.</p>'
    return (
        f'<details class="ogpu-compared"><summary>Compared with {other}: {found.words}</summary>'
        f"{difference_html(found)}</details>"
    )


# --- text ------------------------------------------------------------------------------


def heading_text(record: TaskRecord, response: Response, choice: Choice) -> str:
    """The line above an answer: who, for how much, how soon, and what is thought of it."""
    rank = choice.rank(response)
    facts = [
        f"answer {response.address} by {response.provider}",
        f"bid {format_amount(response.payment)}",
        since(response.at, record.published_at),
        reputation(response.provider, choice),
        rank.words if rank else "",
        rank.note if rank and not rank.place else "",
        "confirmed" if response.status is ResponseStatus.CONFIRMED else "",
    ]
    return one_line(", ".join(dict.fromkeys(fact for fact in facts if fact)) + ":", 800)


def comparisons_text(
    record: TaskRecord, answers: Mapping[str, Answer], choice: Choice
) -> dict[str, str]:
    """By response, in a line: how its text differs from the one it is compared with."""
    responses = ordered(record, choice)
    base = _base(responses, answers, choice)
    if base is None:
        return {}
    told: dict[str, str] = {}
    for response in responses:
        text = _text(response, answers)
        if text is None or response.address == base.address:
            continue
        found = difference(_text(base, answers) or "", text)
        other = short(base.provider)
        if found is None:
            told[response.address] = f"the same words as {other}"
        else:
            words = one_line(difference_text(found), 1000)
            end = f": {words}" if words else ""
            told[response.address] = f"compared with {other}, {found.words}{end}"
    return told
