"""A task as HTML: what it is, where it stands, what it costs, what was asked, the answer.

What changes while a task lives has its place from the start, so nothing jumps; the answer
comes last, where it can be as long as it is. Without any style it reads from top to bottom.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import Answer, Json, Stage
from ogpu_jupyter.units import format_time

from .answers import tree_html
from .choices import NO_CHOICE, Choice, beside_html, choices_html, ordered, story_html
from .costs import costs
from .drawing import AS_FOUND, Drawing, Showing, file_name
from .safe import esc
from .stages import TONES, badge, duration, sentence, steps
from .style import page
from .words import address_html, amount_html, byte_count, countdown, moment_html

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ogpu_jupyter.tasks import Response, TaskRecord

    from .stages import Step

_SIGNS: Final = {"done": "✓", "now": "●", "todo": "○", "end": "✕"}
_STATES: Final = {"done": "done", "now": "under way", "todo": "not yet", "end": "the end"}


def html(
    record: TaskRecord,
    answers: Mapping[str, Answer],
    now: float,
    *,
    note: str = "",
    choice: Choice = NO_CHOICE,
    showing: Showing = AS_FOUND,
) -> str:
    """A fragment that stands alone. `now` is the chain's clock; `note` one more line of text."""
    body = card(record, answers, now, note=note, choice=choice, showing=showing)
    return page(body, f"Task {esc(record.function, 80)}: {esc(badge(record))}")


def card(
    record: TaskRecord,
    answers: Mapping[str, Answer],
    now: float,
    *,
    note: str = "",
    choice: Choice = NO_CHOICE,
    showing: Showing = AS_FOUND,
) -> str:
    """The same as a part of a page that has the style."""
    tone = TONES.get(record.stage, "")
    parts = [
        _head(record, now),
        f'<p class="ogpu-note">{esc(note)}</p>' if note else "",
        story_html(record, choice),
        f'<ol class="ogpu-steps">{"".join(map(_step, steps(record)))}</ol>',
        _facts(record),
        _sent(record) if record.payload else "",
        _answers(record, answers, choice, showing),
    ]
    return f'<article class="ogpu-card {tone}">{"".join(parts)}</article>'


def _head(record: TaskRecord, now: float) -> str:
    source = record.source_name
    service = f' <span class="ogpu-soft">by {esc(source, 80)}</span>'
    title = esc(record.function, 80) + (service if source and source != record.function else "")
    item = "" if record.item is None else f"[{record.item}]"
    name = f' <span class="ogpu-soft">→ <code>{esc(record.name, 60)}{item}</code></span>'
    problem = f" {esc(record.problem, 500)}" if record.problem else ""
    words = f'<p role="status">{esc(sentence(record))}{problem}</p>'
    return (
        f'<div class="ogpu-head"><h3 class="jp-toc-ignore tocSkip">{title}{name}</h3>'
        f"{_network(record)}"
        f'<span class="ogpu-pill">{badge(record)}</span></div>'
        f'<div class="ogpu-say">{words}{_clock(record, now)}</div>'
    )


def _network(record: TaskRecord) -> str:
    chain = f"chain {record.network_id.chain_id}"
    return f' <span class="ogpu-soft" title="{chain}">{esc(record.network, 60)}</span> '


def _clock(record: TaskRecord, now: float) -> str:
    """The time left while it lives; the time that it took, at the same place, once it's over."""
    if record.stage.is_final:
        took = duration(record)
        exact = f"until {format_time(record.finished_at)}" if record.finished_at else ""
        return f'<span title="{exact}">took {took}</span>' if took else ""
    if not record.expires_at:
        return ""
    left = record.expires_at - now
    if left <= 0:
        return f"<span>time is up {moment_html(record.expires_at, '')}</span>"
    return f"<span>expires in {moment_html(record.expires_at, countdown(left))}</span>"


def _step(step: Step) -> str:
    sign, word = _SIGNS[step.state], _STATES[step.state]
    if step.state == "done" or (step.state == "end" and step.at):
        note = _done_note(step)
    else:
        note = esc(step.note)
    current = ' aria-current="step"' if step.state in {"now", "end"} else ""
    return (
        f'<li class="ogpu-{step.state}"{current}>'
        f'<span class="ogpu-dot" role="img" aria-label="{word}">{sign}</span>'
        f' <b>{step.name}</b> <span class="ogpu-sub">{note}</span></li>'
    )


def _done_note(step: Step) -> str:
    if step.at and not step.note:
        clock, _, zone = format_time(step.at)[11:].partition(" ")
        return f'{moment_html(step.at, clock)} <span class="ogpu-utc">{zone}</span>'
    timed = moment_html(step.at, step.note) if step.at else esc(step.note)
    return f"{timed} {address_html(step.by)}" if step.by else timed


def _facts(record: TaskRecord) -> str:
    cost = costs(record)
    pending = _soft("none" if record.stage is Stage.ABANDONED else "not yet known")
    facts = [
        ("Payment", f"{amount_html(record.payment)} {_soft(cost.state)}"),
        ("Network fee", pending if record.fee is None else amount_html(record.fee)),
        (cost.total_word, amount_html(cost.total)),
        ("Task", _linked(record) if record.address else _number(record)),
        ("Transaction", address_html(record.tx_hash) if record.tx_hash else _soft("not sent")),
        ("Source", address_html(record.source)),
    ]
    rows = "".join(f"<div><dt>{name}</dt> <dd>{value}</dd></div>" for name, value in facts)
    return f'<dl class="ogpu-facts">{rows}</dl>'


def _soft(text: str) -> str:
    return f'<span class="ogpu-soft">{esc(text)}</span>' if text else ""


def _number(record: TaskRecord) -> str:
    """Until the chain has it, a task has its number in the journal."""
    number = f"#{record.key} " if record.key else ""
    return f"{number}{_soft('no address yet')}"


def _linked(record: TaskRecord) -> str:
    """The task's address, and a link to the explorer's page where the network has one."""
    base = record.explorer_url
    if not base.startswith(("https://", "http://")):
        return address_html(record.address)
    where = base if record.address in base else f"{base.rstrip('/')}/{record.address}"
    return (
        f'{address_html(record.address)} <a href="{esc(where, 500)}" target="_blank" '
        f'rel="noopener noreferrer" title="{esc(where, 500)}">'
        '<span class="ogpu-wide">explorer </span>↗</a>'
    )


def asked(record: TaskRecord) -> Json:
    """What was sent, beside the name of the function; None where it isn't the JSON it should be."""
    try:
        payload = json.loads(record.payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    extras = {k: v for k, v in payload.items() if k not in {"function_name", "data"}}
    data: Json = payload.get("data")
    return {"data": data, **extras} if extras else data


def _sent(record: TaskRecord) -> str:
    size = byte_count(len(record.payload))
    return (
        f'<details class="ogpu-sent"><summary>Data sent · {size}</summary>'
        f"{tree_html(asked(record))}</details>"
    )


def _answers(
    record: TaskRecord, answers: Mapping[str, Answer], choice: Choice, showing: Showing
) -> str:
    if not record.responses:
        return ""
    drawing = drawing_of(record, answers, ordered(record, choice), showing)
    if len(record.responses) == 1 and len(record.attempts) < 2:
        only = record.responses[0]
        head = f'<h4 class="jp-toc-ignore tocSkip">Answer{beside_html(record, only, choice)}</h4>'
        content = _content(answers.get(only.address), drawing)
        return f'<section class="ogpu-answer">{head}{content}</section>'
    return choices_html(
        record, answers, choice, lambda response: _content(answers.get(response.address), drawing)
    )


def drawing_of(
    record: TaskRecord,
    answers: Mapping[str, Answer],
    responses: Sequence[Response],
    showing: Showing,
) -> Drawing:
    """How the answers of these responses are drawn, in HTML and in text."""
    shown = [(r.url, answers.get(r.address)) for r in responses]
    return Drawing(shown, asked(record), showing, name=file_name(record))


def _content(answer: Answer | None, drawing: Drawing) -> str:
    if answer is None:
        return '<p class="ogpu-soft">Its content is being fetched.</p>'
    if answer.problem:
        return f'<p class="ogpu-wrong ogpu-bad">{esc(answer.problem)}</p>'
    return drawing.html(answer)
