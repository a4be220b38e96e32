"""A task as text: enough alone, on GitHub, in a Markdown export, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ogpu_jupyter.tasks import DeliveryMethod, ResponseStatus, Stage
from ogpu_jupyter.units import format_amount, format_time

from .answers import answer_text
from .costs import costs
from .page import asked
from .safe import one_line, plain
from .stages import badge, sentence, steps
from .words import countdown, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ogpu_jupyter.tasks import Answer, Json, Response, TaskRecord

    from .stages import Step

_MAX_ANSWERS = 12


def text(record: TaskRecord, answers: Mapping[str, Answer], now: float) -> str:
    """State, ids, cost, times and answers, line by line."""
    lines = [
        one_line(f"{_title(record)}: {badge(record).lower()}. {sentence(record)}", 500),
        *([one_line(record.problem, 500)] if record.problem else []),
        *(f"  {name:<12} {one_line(value, 500)}" for name, value in _facts(record, now) if value),
        *_all_answers(record, answers),
    ]
    return "\n".join(lines)


def answer_lines(record: TaskRecord, answers: Mapping[str, Answer]) -> list[str]:
    """Those answers alone, for a terminal that has shown the rest before."""
    return _listed(record, [r for r in record.responses if r.address in answers], answers)


def _title(record: TaskRecord) -> str:
    item = "" if record.item is None else f"[{record.item}]"
    return f"{one_line(record.name, 60)}{item} = {one_line(record.function, 80)}"


def _facts(record: TaskRecord, now: float) -> list[tuple[str, str]]:
    cost = costs(record)
    name = one_line(record.source_name, 80)
    unknown = "none" if record.stage is Stage.ABANDONED else "not yet known"
    fee = unknown if record.fee is None else format_amount(record.fee)
    return [
        ("task", record.address),
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
    return f"{format_time(record.expires_at)} ({_left(record, now)})"


def _left(record: TaskRecord, now: float) -> str:
    left = record.expires_at - now
    return f"in {countdown(left)}" if left > 0 else "its time is up"


def _all_answers(record: TaskRecord, answers: Mapping[str, Answer]) -> list[str]:
    lines = _listed(record, record.responses[:_MAX_ANSWERS], answers)
    more = len(record.responses) - _MAX_ANSWERS
    return [*lines, f"and {more} more answers"] if more > 0 else lines


def _listed(
    record: TaskRecord, responses: Sequence[Response], answers: Mapping[str, Answer]
) -> list[str]:
    data, lines = asked(record), []
    for response in responses:
        answer = answers.get(response.address)
        lines += [_heading(record, response), *_indented(_content(answer, data))]
    return lines


def _heading(record: TaskRecord, response: Response) -> str:
    if record.delivery is DeliveryMethod.FIRST_RESPONSE and len(record.responses) == 1:
        return "answer:"
    paid = ", confirmed" if response.status is ResponseStatus.CONFIRMED else ""
    bid = format_amount(response.payment)
    return one_line(f"answer {response.address} by {response.provider}, bid {bid}{paid}:", 500)


def _content(answer: Answer | None, data: Json) -> str:
    if answer is None:
        return "its content is being fetched"
    return plain(answer.problem) if answer.problem else answer_text(answer.value, data=data)


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
