"""What a transaction's end means: for its task's record, and in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.transactions import Fate, translate
from ogpu_jupyter.errors import (
    NOTHING_SPENT,
    GasBalanceLow,
    NotSent,
    OgpuError,
    RpcError,
    TransactionError,
)
from ogpu_jupyter.tasks import Stage, TaskRecord, TransactionRecord, TransactionState

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Mapping[Fate, str] = {
    Fate.NOT_NOW: "The node has no room for the transaction now",
    Fate.UNDERPRICED: "The node asks for a higher fee than three times what it first named",
}


def task_after(transaction: TransactionRecord, task: TaskRecord) -> dict[str, Any]:
    """What a settled publishing transaction that made no task means for its record."""
    if task.tx_hash != transaction.hash or task.stage.is_on_chain:
        return {}
    if transaction.state is TransactionState.REPLACED:
        return {
            "stage": Stage.ABANDONED,
            "problem": "It was never published: its place in the account's order went to "
            f"another transaction. {NOTHING_SPENT}",
        }
    return {
        "stage": Stage.FAILED,
        "fee": transaction.fee,
        "problem": "The chain refused it: the gas was spent, the payment was not.",
    }


def refusal(fate: Fate, words: str) -> OgpuError:
    """The error for a transaction that a node did not take."""
    if fate is Fate.NO_FUNDS:
        return GasBalanceLow(
            f"The account can't pay the gas: {words}.",
            spent=NOTHING_SPENT,
            hint="Send OGPU to the account; `%ogpu status` shows its address.",
        )
    error = translate(RpcError(words), doing="sending the transaction")
    if isinstance(error, TransactionError):
        return error
    what = _WORDS.get(fate, "The node refused the transaction")
    return NotSent(f"{what}: {words}.", spent=NOTHING_SPENT)


def published_after_all() -> NotSent:
    """An earlier attempt, that had been refused, has reached the chain."""
    return NotSent(
        "This task was refused before, and that very transaction has reached the chain after all.",
        spent="Nothing was spent on a second one.",
        hint="Run the cell again to see the task that is there.",
    )


def crowded_out(attempts: int) -> NotSent:
    """Other programs that use the account were quicker each time."""
    return NotSent(
        f"The transaction's nonce was taken by another program {attempts} times.",
        spent=NOTHING_SPENT,
        hint="Try again when the account's other transactions are through.",
    )
