"""What a task has cost, or will, in words that are true at its stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import Stage
from ogpu_jupyter.units import format_amount

from .words import brief_amount, exact_amount

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import TaskRecord

_STATES: Final = {
    Stage.INTENDED: "not sent",
    Stage.UPLOADED: "not sent",
    Stage.SIGNED: "on its way",
    Stage.SENT: "on its way",
    Stage.PUBLISHED: "in escrow",
    Stage.ATTEMPTED: "in escrow",
    Stage.LATE: "in escrow",
    Stage.RESPONDED: "in escrow",
    Stage.FINALIZED: "paid",
    Stage.CANCELED: "returned",
    Stage.EXPIRED: "unpaid",
    Stage.FAILED: "not taken",
    Stage.ABANDONED: "not taken",
}


def exact_cost(record: TaskRecord) -> str:
    """What `record.cost` is to the wei, and what was frozen for it, where that is more."""
    held = f"; {format_amount(record.payment)} was held" if record.cost != record.payment else ""
    return exact_amount(record.cost) + held


@dataclass(frozen=True)
class Costs:
    """`total` is wei; `state` is where the payment is, `total_word` how sure the total is."""

    total: int
    state: str
    total_word: str


def costs(record: TaskRecord) -> Costs:
    """With the network fee as far as it is known."""
    fee, state = record.fee or 0, _STATES[record.stage]
    if record.stage is Stage.FINALIZED:
        return _settled(record, fee)
    if record.stage.is_final:
        return Costs(fee, state, "Total")
    return Costs(record.payment + fee, state, "Total, at most")


def _settled(record: TaskRecord, fee: int) -> Costs:
    """What becomes of the payment beyond a lower bid is the network's rule, not known here."""
    bid = record.confirmed.payment if record.confirmed else record.payment
    if 0 < bid < record.payment:
        return Costs(record.payment + fee, f"bid {brief_amount(bid)}", "Total, at most")
    return Costs(record.payment + fee, _STATES[record.stage], "Total")
