"""A task as text: enough alone, on GitHub, in a Markdown export, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ogpu_jupyter.tasks import DeliveryMethod, Stage
from ogpu_jupyter.units import format_amount, format_time

from .choices import (
    MAX_CHOICES,
    NO_CHOICE,
    Choice,
    comparisons_text,
    heading_text,
    ordered,
    story,
)
from .costs import costs
from .drawing import AS_FOUND, Drawing, Showing
from .page import drawing_of
from .safe import one_line, plain
from .stages import badge, sentence, steps
from .words import countdown, short, until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ogpu_jupyter.tasks import Answer, Response, TaskRecord

    from .stages import Step


def text(
    record: TaskRecord,
    answers: Mapping[str, Answer],
    now: float,
    *,
    note: str = "",
    choice: Choice = NO_CHOICE,
    showing: Showing = AS_FOUND,
) -> str:
    """State, ids, cost, times and answers, line by line; `note` is one more line."""
    lines = [
        one_line(f"{_title(record)}: {badge(record).lower()}. {sentence(record)}", 500),
        *(one_line(words, 500) for words in (record.problem, note) if words),
        *(f"  {name:<12} {one_line(value, 500)}" for name, value in _facts(record, now) if value),
        *(f"  {line}" for line in story(record, choice)),
        *_all_answers(record, answers, choice, showing),
    ]
    return "\n".join(lines)


def answer_lines(
    record: TaskRecord, answers: Mapping[str, Answer], showing: Showing = AS_FOUND
) -> list[str]:
    """Those answers alone, for a terminal that has shown the rest before."""
    responses = [r for r in record.responses if r.address in answers]
    return _listed(record, responses, answers, NO_CHOICE, showing)


def _title(record: TaskRecord) -> str:
    item = "" if record.item is None else f"[{record.item}]"
    return f"{one_line(record.name, 60)}{item} = {one_line(record.function, 80)}"


def _facts(record: TaskRecord, now: float) -> list[tuple[str, str]]:
    cost = costs(record)
    name = one_line(record.source_name, 80)
    unknown = "none" if record.stage is Stage.ABANDONED else "not yet known"
    fee = unknown if record.fee is None else format_amount(record.fee)
    return [
        ("task", record.address or (f"#{record.key}, no address yet" if record.key else "")),
        ("transaction", record.tx_hash),
        ("source", f"{record.source} {name}".rstrip()),
        ("network", f"{one_line(record.network, 60)}, chain {record.network_id.chain_id}"),
        ("payment", f"{format_amount(record.payment)}, {cost.state}"),
        ("network fee", fee),
        (cost.total_word.lower(), format_amount(cost.total)),
        *((step.name.lower(), _when(step)) for step in steps(record) if step.state == "done"),
        ("expires", "" if record.stage.is_final else _expiry(record, now)),
    ]


def _when(step: Step) -> str:
    exact = format_time(step.at) if step.at else ""
    after = f" ({step.note})" if step.note and exact else step.note
    by = f" by {step.by}" if step.by else ""
    return f"{exact}{after}{by}"


def _expiry(record: TaskRecord, now: float) -> str:
    if not record.expires_at:
        return ""
    return f"{format_time(record.expires_at)} ({until(record.expires_at, now)})"


def _all_answers(
    record: TaskRecord, answers: Mapping[str, Answer], choice: Choice, showing: Showing
) -> list[str]:
    lines = _listed(record, ordered(record, choice), answers, choice, showing)
    more = len(record.responses) - MAX_CHOICES
    return [*lines, f"and {more} more answers"] if more > 0 else lines


def _listed(
    record: TaskRecord,
    responses: Sequence[Response],
    answers: Mapping[str, Answer],
    choice: Choice,
    showing: Showing,
) -> list[str]:
    drawing, lines = drawing_of(record, answers, responses, showing), []
    compared = comparisons_text(record, answers, choice) if len(responses) > 1 else {}
    for response in responses:
        answer = answers.get(response.address)
        lines += [_heading(record, response, choice), *_indented(_content(answer, drawing))]
        if response.address in compared:
            lines.append(f"  ({compared[response.address]})")
    return lines


def _heading(record: TaskRecord, response: Response, choice: Choice) -> str:
    if record.delivery is DeliveryMethod.FIRST_RESPONSE and len(record.responses) == 1:
        return "answer:"
    return heading_text(record, response, choice)


def _content(answer: Answer | None, drawing: Drawing) -> str:
    if answer is None:
        return "its content is being fetched"
    return plain(answer.problem) if answer.problem else drawing.text(answer)


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.splitlines()]


def line(record: TaskRecord, now: float) -> str:
    """One line for a terminal: `task  published  0x1234…abcd  0.001 OGPU  expires in 9 min`."""
    item = "" if record.item is None else f"[{record.item}]"
    words = [
        f"{one_line(record.name, 40)}{item}",
        badge(record).lower(),
        one_line(short(record.reference)),
        format_amount(record.payment),
        _news(record, now),
    ]
    return "  ".join(word for word in words if word)


def _news(record: TaskRecord, now: float) -> str:
    if record.problem:
        return one_line(record.problem, 300)
    if record.stage in {Stage.PUBLISHED, Stage.SENT, Stage.SIGNED} and record.expires_at > now:
        return f"expires in {countdown(record.expires_at - now)}"
    return one_line(sentence(record))
