"""Lists of tasks and sources, what a session stands at, and a plan: as HTML and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import DeliveryMethod, SourceStatus
from ogpu_jupyter.units import format_amount, format_duration, format_time

from .costs import exact_cost
from .kinds.trees import payload_html, payload_text
from .safe import esc, one_line
from .stages import TONES, badge
from .style import page
from .words import (
    address_html,
    amount_column,
    amount_html,
    byte_count,
    countdown,
    moment_html,
    plural,
    short,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.tasks import SourceRecord, TaskRecord

_MAX_ROWS: Final = 500
_DASH: Final = "\N{EN DASH}"
_NONE: Final = f'<span class="ogpu-none">{_DASH}</span>'
_MACHINES: Final = {1: "CPU", 2: "NVIDIA", 4: "AMD"}


@dataclass(frozen=True)
class StatusInfo:
    """What a session stands at; amounts in wei. It shows itself in a cell."""

    network: str
    chain_id: int
    block: int
    account: str
    wallet: int
    vault: int
    spent: int
    live: int
    late: int = 0  # tasks whose time is over, and for which this much is still held
    late_held: int = 0
    batch_limit: int | None = None  # calls that the node takes in one request, where it is few

    def __repr__(self) -> str:
        return status_text(self)

    def _repr_html_(self) -> str:
        return status_html(self)


@dataclass(frozen=True)
class PlanInfo:
    """A task that could be sent; amounts in wei, times on the chain's clock."""

    payload: bytes
    source_name: str
    source: str
    function: str
    payment: int
    gas: int
    max_fee_total: int
    expires_at: int
    now: float
    wallet_before: int
    wallet_after_at_least: int
    vault_before: int
    vault_after: int
    earlier: str = ""
    unread: str = ""

    def __repr__(self) -> str:
        return plan_text(self)

    def _repr_html_(self) -> str:
        return plan_html(self)


# Rows of a table: a heading with its class, then one line of cells for each record.


def table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], more: int) -> str:
    kinds = [f' class="{kind}"' if kind else "" for _, kind in heads]
    top = "".join(
        f'<th scope="col"{kind}>{name}</th>' for (name, _), kind in zip(heads, kinds, strict=True)
    )
    lines = (
        "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True))
        for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    rest = f'<p class="ogpu-soft">… and {more:,} more.</p>' if more else ""
    return (
        '<div class="ogpu-scroll" tabindex="0"><table class="ogpu-table"><thead><tr>'
        f"{top}</tr></thead><tbody>{body}</tbody></table></div>{rest}"
    )


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lined = [[head, *(row[n] for row in rows)] for n, head in enumerate(heads)]
    padded = [[cell.ljust(max(map(len, cells))) for cell in cells] for cells in lined]
    return ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


_NUM: Final = "ogpu-num"


def tasks_html(records: Sequence[TaskRecord], now: float, below: str = "") -> str:
    """Newest first, as given; `below` is HTML that stands under the table."""
    if not records:
        return page('<p class="ogpu-soft">No tasks yet.</p>', "Tasks")
    heads = [
        ("", ""), ("Task", ""), ("Function", ""), ("State", ""), ("Payment", _NUM),
        ("Network fee", _NUM), ("Created", ""), ("Expires", ""), ("Network", ""),
    ]  # fmt: skip
    shown = records[:_MAX_ROWS]
    payments = amount_column([r.cost for r in shown], [exact_cost(r) for r in shown])
    fees = iter(amount_column([r.fee for r in shown if r.fee is not None]))
    rows = [
        [*_what(record), payment, _NONE if record.fee is None else next(fees), *_when(record, now)]
        for record, payment in zip(shown, payments, strict=True)
    ]
    if any(record.notebook for record in shown):
        heads.append(("Notebook", ""))
        rows = [[*row, esc(r.notebook, 60)] for row, r in zip(rows, shown, strict=True)]
    return page(table(heads, rows, len(records) - len(rows)) + below, "Tasks")


def _what(record: TaskRecord) -> list[str]:
    tone = TONES.get(record.stage, "")
    source = f' <span class="ogpu-soft">{esc(record.source_name, 60)}</span>'
    return [
        f"#{record.key}",
        f"<b>{_name(record)}</b> {address_html(record.address or record.tx_hash)}",
        esc(record.function, 60) + (source if record.source_name != record.function else ""),
        f'<span class="ogpu-pill {tone}" title="{esc(record.problem, 300)}">{badge(record)}</span>',
    ]


def _when(record: TaskRecord, now: float) -> list[str]:
    end = record.expires_at
    return [
        moment_html(record.created_at, f"{format_time(record.created_at)[:16]}"),
        "" if record.stage.is_final else moment_html(end, until(end, now)),
        esc(record.network, 40),
    ]


def _name(record: TaskRecord) -> str:
    return esc(record.name, 60) + ("" if record.item is None else f"[{record.item}]")


def tasks_text(records: Sequence[TaskRecord], now: float) -> str:
    if not records:
        return "No tasks yet."
    heads = ["", "task", "address", "function", "state", "payment", "created (UTC)", "expires"]
    rows = [
        [
            f"#{record.key}",
            one_line(record.name, 30) + ("" if record.item is None else f"[{record.item}]"),
            one_line(short(record.address or record.tx_hash)),
            one_line(record.function, 30),
            badge(record).lower(),
            format_amount(record.cost),
            format_time(record.created_at)[:16],
            "" if record.stage.is_final else until(record.expires_at, now),
        ]
        for record in records[:_MAX_ROWS]
    ]
    more = len(records) - len(rows)
    return "\n".join([*columns(heads, rows), *([f"… and {more:,} more."] if more else [])])


def sources_html(sources: Sequence[SourceRecord]) -> str:
    if not sources:
        return page('<p class="ogpu-soft">No sources yet.</p>', "Sources")
    heads = [
        ("Name", ""), ("Address", ""), ("State", ""), ("Pays at least", _NUM),
        ("Longest expiry", _NUM), ("Runs on", ""), ("Confirms", ""), ("Providers", _NUM),
        ("Tasks", _NUM), ("What it does", ""),
    ]  # fmt: skip
    shown = sources[:_MAX_ROWS]
    prices = amount_column([source.min_payment for source in shown])
    rows = [_source_cells(s, price) for s, price in zip(shown, prices, strict=True)]
    return page(table(heads, rows, len(sources) - len(rows)), "Sources")


def _source_cells(source: SourceRecord, price: str) -> list[str]:
    is_active = source.status is SourceStatus.ACTIVE
    state, tone = ("Active", "ogpu-ok") if is_active else ("Inactive", "ogpu-off")
    return [
        f"<b>{esc(source.name, 60)}</b>" if source.name else _NONE,
        address_html(source.address),
        f'<span class="ogpu-pill {tone}">{state}</span>',
        price,
        format_duration(source.max_expiry),
        _machines(source.environments),
        _confirms(source),
        _count(source.provider_count),
        _count(source.task_count),
        f'<span title="{esc(source.description, 500)}">{esc(source.description, 80)}</span>',
    ]


def _machines(mask: int) -> str:
    return ", ".join(name for bit, name in _MACHINES.items() if mask & bit) or _DASH


def _confirms(source: SourceRecord) -> str:
    is_first = source.delivery is DeliveryMethod.FIRST_RESPONSE
    return "the first answer" if is_first else "your choice"


def _count(count: int | None) -> str:
    return _DASH if count is None else f"{count:,}"


def sources_text(sources: Sequence[SourceRecord]) -> str:
    if not sources:
        return "No sources yet."
    heads = ["name", "address", "state", "pays at least", "longest expiry", "what it does"]
    rows = [
        [
            one_line(source.name, 30),
            one_line(source.address),
            source.status.name.lower(),
            format_amount(source.min_payment),
            format_duration(source.max_expiry),
            one_line(source.description, 60),
        ]
        for source in sources[:_MAX_ROWS]
    ]
    more = len(sources) - len(rows)
    return "\n".join([*columns(heads, rows), *([f"… and {more:,} more."] if more else [])])


# Cards: names with their values.


def _card(title: str, said: str, facts: Sequence[tuple[str, str]], below: str, label: str) -> str:
    rows = "".join(f"<div><dt>{name}</dt> <dd>{value}</dd></div>" for name, value in facts)
    return page(
        f'<div class="ogpu-card"><div class="ogpu-head"><h3 class="jp-toc-ignore tocSkip">{title}'
        f'</h3></div>{said}<dl class="ogpu-facts ogpu-alone">{rows}</dl>{below}</div>',
        label,
    )


def status_html(status: StatusInfo) -> str:
    title = (
        f"{esc(status.network, 60)} "
        f'<span class="ogpu-soft">chain {status.chain_id}, block {status.block:,}</span>'
    )
    facts = [
        ("Account", address_html(status.account)),
        ("Wallet", amount_html(status.wallet)),
        ("Vault", amount_html(status.vault)),
        ("Spent", amount_html(status.spent)),
        ("Under way", plural(status.live, "task")),
        *([("Late", esc(_late(status)))] if status.late else []),
        *([("Node", esc(_few(status.batch_limit)))] if status.batch_limit else []),
    ]
    return _card(title, "", facts, "", "Status")


def status_text(status: StatusInfo) -> str:
    return "\n".join(
        [
            f"{one_line(status.network, 60)}: chain {status.chain_id}, block {status.block:,}",
            f"  account    {one_line(status.account)}",
            f"  wallet     {format_amount(status.wallet)}",
            f"  vault      {format_amount(status.vault)}",
            f"  spent      {format_amount(status.spent)}",
            f"  under way  {plural(status.live, 'task')}",
            *([f"  late       {_late(status)}"] if status.late else []),
            *([f"  node       {_few(status.batch_limit)}"] if status.batch_limit else []),
        ]
    )


def _few(limit: int) -> str:
    if limit == 1:
        return "takes one call a request, so all takes longer"
    return f"takes at most {limit} calls a request, so much takes longer"


def _late(status: StatusInfo) -> str:
    held = f"{plural(status.late, 'task')}, {format_amount(status.late_held)} still held"
    return f"{held}; `%ogpu reclaim` takes back what it can"


def plan_html(plan: PlanInfo) -> str:
    source = esc(plan.source_name, 80)
    by = f' <span class="ogpu-soft">by {source}</span>' if source else ""
    facts = [
        ("Payment", amount_html(plan.payment)),
        ("Network fee, at most", amount_html(plan.max_fee_total)),
        ("Total, at most", amount_html(plan.payment + plan.max_fee_total)),
        ("Expires", moment_html(plan.expires_at, f"in {countdown(plan.expires_at - plan.now)}")),
        ("Gas", f'<span class="ogpu-n">{plan.gas:,}</span>'),
        ("Source", address_html(plan.source)),
        ("Vault now", amount_html(plan.vault_before)),
        ("Vault after", amount_html(plan.vault_after)),
        ("Wallet now", amount_html(plan.wallet_before)),
        ("Wallet after, at least", amount_html(plan.wallet_after_at_least)),
    ]
    earlier = "".join(f'<p class="ogpu-note">{esc(note)}</p>' for note in _notes(plan))
    payload = (
        f'<section class="ogpu-answer"><h4 class="jp-toc-ignore tocSkip">Payload · '
        f"{byte_count(len(plan.payload))}</h4>{payload_html(plan.payload)}</section>"
    )
    title = f"Dry run: {esc(plan.function, 80)}{by}"
    said = f'<div class="ogpu-say"><p>{_NOTHING_SENT}</p></div>{earlier}'
    return _card(title, said, facts, payload, "Dry run")


_NOTHING_SENT: Final = "Checked and simulated. Nothing was sent, nothing was spent."


def _notes(plan: PlanInfo) -> list[str]:
    before = (
        f"The same task was published before: {plan.earlier}. "
        "Without --new that one is shown, and nothing is paid."
    )
    return [note for note in (before if plan.earlier else "", plan.unread) if note]


def plan_text(plan: PlanInfo) -> str:
    name = f" {one_line(plan.source_name, 80)}" if plan.source_name else ""
    total = plan.payment + plan.max_fee_total
    wallet = f"{format_amount(plan.wallet_before)} → at least"
    left = countdown(plan.expires_at - plan.now)
    lines = [
        f"Dry run of {one_line(plan.function, 80)}. {_NOTHING_SENT}",
        *(one_line(note, 500) for note in _notes(plan)),
        f"  source       {one_line(plan.source)}{name}",
        f"  payment      {format_amount(plan.payment)}",
        f"  network fee  {format_amount(plan.max_fee_total)} at most ({plan.gas:,} gas)",
        f"  total        {format_amount(total)} at most",
        f"  expires      {format_time(plan.expires_at)} (in {left})",
        f"  vault        {format_amount(plan.vault_before)} → {format_amount(plan.vault_after)}",
        f"  wallet       {wallet} {format_amount(plan.wallet_after_at_least)}",
        f"payload, {byte_count(len(plan.payload))}:",
        *(f"  {line}" for line in payload_text(plan.payload).splitlines()),
    ]
    return "\n".join(lines)
