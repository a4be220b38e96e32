"""A task as HTML: what it is, where it stands, what it costs, what was asked, the answer.

What changes while a task lives has its place from the start, so nothing jumps; the answer
comes last, where it can be as long as it is. Without any style it reads from top to bottom.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import Answer, DeliveryMethod, Json, ResponseStatus, Stage
from ogpu_jupyter.units import format_time

from .answers import answer_html, tree_html
from .costs import costs
from .safe import esc
from .stages import TONES, badge, duration, sentence, steps
from .style import page
from .words import address_html, amount_html, byte_count, countdown, moment_html, plural, since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ogpu_jupyter.tasks import Response, TaskRecord

    from .stages import Step

_MAX_CHOICES: Final = 24
_SIGNS: Final = {"done": "✓", "now": "●", "todo": "○", "end": "✕"}
_STATES: Final = {"done": "done", "now": "under way", "todo": "not yet", "end": "the end"}


def html(record: TaskRecord, answers: Mapping[str, Answer], now: float, *, note: str = "") -> str:
    """A fragment that stands alone. `now` is the chain's clock; `note` one more line of text."""
    tone = TONES.get(record.stage, "")
    parts = [
        _head(record, now),
        f'<p class="ogpu-note">{esc(note)}</p>' if note else "",
        f'<ol class="ogpu-steps">{"".join(map(_step, steps(record)))}</ol>',
        _facts(record),
        _sent(record),
        _answers(record, answers),
    ]
    body = f'<article class="ogpu-card {tone}">{"".join(parts)}</article>'
    return page(body, f"Task {esc(record.function, 80)}: {esc(badge(record))}")


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
        ("Task", _linked(record) if record.address else _soft("no address yet")),
        ("Transaction", address_html(record.tx_hash) if record.tx_hash else _soft("not sent")),
        ("Source", address_html(record.source)),
    ]
    rows = "".join(f"<div><dt>{name}</dt> <dd>{value}</dd></div>" for name, value in facts)
    return f'<dl class="ogpu-facts">{rows}</dl>'


def _soft(text: str) -> str:
    return f'<span class="ogpu-soft">{esc(text)}</span>' if text else ""


def _linked(record: TaskRecord) -> str:
    """The task's address, and a link to the explorer's page where the network has one."""
    base = record.explorer_url
    if not base.startswith(("https://", "http://")):
        return address_html(record.address)
    where = base if record.address in base else f"{base.rstrip('/')}/{record.address}"
    return (
        f'{address_html(record.address)} <a href="{esc(where, 500)}" target="_blank" '
        f'rel="noopener noreferrer" title="{esc(where, 500)}">explorer ↗</a>'
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


def _answers(record: TaskRecord, answers: Mapping[str, Answer]) -> str:
    if not record.responses:
        return ""
    data = asked(record)
    if len(record.responses) == 1:
        only = record.responses[0]
        head = f'<h4 class="jp-toc-ignore tocSkip">Answer{_beside(record, only)}</h4>'
        content = _content(answers.get(only.address), data)
        return f'<section class="ogpu-answer">{head}{content}</section>'
    shown = [_choice(r, record, answers, data) for r in record.responses[:_MAX_CHOICES]]
    more = len(record.responses) - len(shown)
    rest = f'<p class="ogpu-soft">… and {more:,} more.</p>' if more else ""
    head = plural(len(record.responses), "answer")
    return (
        f'<section class="ogpu-answer"><h4 class="jp-toc-ignore tocSkip">{head}</h4>'
        f'<div class="ogpu-choices">{"".join(shown)}</div>{rest}</section>'
    )


def _beside(record: TaskRecord, response: Response) -> str:
    """Who answered and for how much, where a person is to choose."""
    if record.delivery is DeliveryMethod.FIRST_RESPONSE:
        return ""
    by = f"{address_html(response.provider)}, bid {amount_html(response.payment)}"
    return f' <span class="ogpu-soft">by {by}</span>'


def _choice(
    response: Response, record: TaskRecord, answers: Mapping[str, Answer], data: Json
) -> str:
    is_paid = response.status is ResponseStatus.CONFIRMED
    after = since(response.at, record.published_at)
    when = moment_html(response.at, after) if response.at and after else ""
    paid = '<span class="ogpu-pill">✓ Confirmed</span>' if is_paid else ""
    return (
        f'<div class="ogpu-choice{" ogpu-ok" if is_paid else ""}"><header>'
        f'<span>{address_html(response.provider)}</span><span class="ogpu-soft">{when}</span>'
        f"<span>bids {amount_html(response.payment)}</span>{paid}</header>"
        f"<div>{_content(answers.get(response.address), data)}</div></div>"
    )


def _content(answer: Answer | None, data: Json) -> str:
    if answer is None:
        return '<p class="ogpu-soft">Its content is being fetched.</p>'
    if answer.problem:
        return f'<p class="ogpu-wrong ogpu-bad">{esc(answer.problem)}</p>'
    return answer_html(answer.value, data=data)
