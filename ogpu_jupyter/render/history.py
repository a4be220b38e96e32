"""Many tasks as one table: what is saved with the notebook, and the facts of its live rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.tasks import Stage
from ogpu_jupyter.units import format_time

from .costs import exact_cost
from .safe import esc, one_line
from .stages import TONES, badge, stage_word
from .style import page
from .tables import tasks_html, tasks_text
from .words import brief_amount, exact_amount, plural, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ogpu_jupyter.tasks import TaskRecord

_NAME: Final = 60
_PROBLEM: Final = 300


def totals_text(count: int, held: int, paid: int, fees: int) -> str:
    """`12 tasks · 0.03 OGPU paid · 0.01 OGPU held · 0.0004 OGPU in fees`."""
    parts = [
        plural(count, "task"),
        f"{brief_amount(paid)} paid",
        f"{brief_amount(held)} held" if held else "",
        f"{brief_amount(fees)} in fees" if fees else "",
    ]
    return " · ".join(part for part in parts if part)


def stages_text(stages: Mapping[Stage, int]) -> str:
    """`3 responded, 9 paid`, in the order of a life."""
    return ", ".join(
        f"{stages[stage]:,} {stage_word(stage).lower()}" for stage in Stage if stages.get(stage)
    )


def history_html(
    records: Sequence[TaskRecord], now: float, said: Sequence[str], mark: str = ""
) -> str:
    """`said` are lines below the table; `mark` is a class by which a live table hides it."""
    lines = "".join(f'<p class="ogpu-soft">{esc(line, 500)}</p>' for line in said if line)
    none = page('<p class="ogpu-soft">No task matches.</p>', "Tasks")
    table = tasks_html(records, now, below=lines) if records else none
    return f'<div class="{esc(mark, 60)}">{table}</div>' if mark else table


def history_text(records: Sequence[TaskRecord], now: float, said: Sequence[str]) -> str:
    if not records:
        return "No task matches."
    return "\n".join([tasks_text(records, now), *(one_line(line, 500) for line in said if line)])


def row(record: TaskRecord) -> dict[str, Any]:
    """A task as a table's row: short strings that are safe to be set as text, and times."""
    number = "" if record.item is None else f"[{record.item}]"
    reference = record.address or record.tx_hash
    return {
        "key": record.key,
        "name": one_line(record.name, _NAME) + number,
        "id": one_line(short(reference)),
        "whole": one_line(reference),
        "function": one_line(record.function, _NAME),
        "source": one_line(record.source_name or short(record.source), _NAME),
        "sourceAt": one_line(record.source),
        "stage": badge(record),
        "tone": TONES.get(record.stage, ""),
        "problem": one_line(record.problem, _PROBLEM),
        "pays": brief_amount(record.cost),
        "paysExact": exact_cost(record),
        "fee": "" if record.fee is None else brief_amount(record.fee),
        "feeExact": "" if record.fee is None else exact_amount(record.fee),
        "created": record.created_at,
        "createdAt": format_time(record.created_at),
        "ends": None if record.stage.is_final else record.expires_at,
        "endsAt": format_time(record.expires_at),
        "finished": record.finished_at,
        "finishedAt": "" if record.finished_at is None else format_time(record.finished_at),
        "network": one_line(record.network, _NAME),
        "notebook": one_line(record.notebook, _NAME),
    }
