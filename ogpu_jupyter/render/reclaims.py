"""What came of the late tasks of an account: as HTML and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.units import format_amount

from .safe import esc, one_line
from .style import page
from .tables import columns, table
from .words import address_html, amount_column, plural, short

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import TaskRecord

_MAX_ROWS: Final = 500
_NOTHING: Final = "No task of this account is late: nothing is held that could come back."


@dataclass(frozen=True)
class ReclaimRow:
    """A late task, and what came of it in words."""

    record: TaskRecord
    outcome: str
    is_back: bool = False


@dataclass(frozen=True)
class ReclaimInfo:
    """What came back, and what didn't; `fee` is the gas of this call in wei."""

    rows: tuple[ReclaimRow, ...] = ()
    fee: int = 0
    note: str = ""  # what frees the others, in words

    @property
    def back(self) -> int:
        """Wei that are in the vault again."""
        return sum(row.record.payment for row in self.rows if row.is_back)

    @property
    def held(self) -> int:
        """Wei that are still in escrow."""
        return sum(row.record.payment for row in self.rows if not row.is_back)

    @property
    def said(self) -> str:
        """All of it in a sentence or two."""
        if not self.rows:
            return _NOTHING
        number = sum(row.is_back for row in self.rows)
        fee = f", for {format_amount(self.fee)} of gas" if self.fee else ""
        back = f": {format_amount(self.back)} is back in the vault{fee}" if number else ""
        held = f" {format_amount(self.held)} is still held." if self.held else ""
        return f"{number:,} of {plural(len(self.rows), 'late task')} canceled{back}.{held}"

    def __repr__(self) -> str:
        return reclaim_text(self)

    def _repr_html_(self) -> str:
        return reclaim_html(self)


def reclaim_text(info: ReclaimInfo) -> str:
    rows = [
        [
            f"#{row.record.key}",
            one_line(row.record.name, 30),
            one_line(short(row.record.address)),
            format_amount(row.record.payment),
            one_line(row.outcome, 300),
        ]
        for row in info.rows[:_MAX_ROWS]
    ]
    more = len(info.rows) - len(rows)
    rest = [f"… and {more:,} more."] if more else []
    lines = columns(["", "task", "address", "payment", "outcome"], rows) if rows else []
    note = [info.note] if info.note else []
    return "\n".join([info.said, *lines, *rest, *note])


def reclaim_html(info: ReclaimInfo) -> str:
    told = f"<p>{esc(info.said)}</p>"
    if not info.rows:
        return page(told, "Reclaim")
    shown = info.rows[:_MAX_ROWS]
    amounts = amount_column([row.record.payment for row in shown])
    cells = [
        [
            f"#{row.record.key}",
            f"<b>{esc(row.record.name, 60)}</b> {address_html(row.record.address)}",
            amount,
            esc(row.outcome, 300),
        ]
        for row, amount in zip(shown, amounts, strict=True)
    ]
    heads = [("", ""), ("Task", ""), ("Payment", "ogpu-num"), ("Outcome", "")]
    note = f'<p class="ogpu-soft">{esc(info.note, 500)}</p>' if info.note else ""
    return page(told + table(heads, cells, len(info.rows) - len(shown)) + note, "Reclaim")
