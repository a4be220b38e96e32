"""One confirmation of a task at a time, over all threads and kernels of this journal."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.chain.contracts import CONTROLLER
from ogpu_jupyter.chain.transactions import read_raw
from ogpu_jupyter.errors import NOTHING_SPENT, Interrupted, Reverted, TaskError
from ogpu_jupyter.render.words import short
from ogpu_jupyter.tasks import TransactionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ogpu_jupyter.journal import Journal
    from ogpu_jupyter.tasks import NetworkId, TaskRecord, TransactionRecord

_SECONDS: Final = 90.0  # that another one may take


@contextmanager
def once(
    journal: Journal,
    network_id: NetworkId,
    account: str,
    response: str,
    settle: Callable[[TransactionRecord], object],
) -> Iterator[list[int]]:
    """Hold the right to confirm an answer of the response's task; the task's keys.

    A confirmation that is on its way, such as a killed kernel's, is waited for by `settle`.
    `TaskError` where an answer turns out to be confirmed, and nothing is sent then.
    """
    open_ones = journal.tasks(network_id, open_only=True, payloads=False)
    tasks = [r for r in open_ones if response in {other.address for other in r.responses}]
    keys = [task.key for task in tasks]
    with ExitStack() as held:
        try:
            address = tasks[0].address if tasks else response
            held.enter_context(journal.confirming(network_id, address, _SECONDS))
            for transaction in _on_their_way(journal, network_id, account, tasks):
                with suppress(Reverted):
                    settle(transaction)
            for key in keys:
                _check_open(journal.task(key))
        except KeyboardInterrupt:
            raise Interrupted(
                "Interrupted while another confirmation of the task was waited for: "
                "this one was not sent."
            ) from None
        yield keys


def _on_their_way(
    journal: Journal, network_id: NetworkId, account: str, tasks: list[TaskRecord]
) -> list[TransactionRecord]:
    responses = {response.address for task in tasks for response in task.responses}
    return [
        transaction
        for transaction in journal.transactions(network_id, account, unsettled_only=True)
        if transaction.kind is TransactionKind.CONFIRM and _confirms(transaction) in responses
    ]


def _confirms(transaction: TransactionRecord) -> str | None:
    """The response that its signed bytes name."""
    order, _ = read_raw(transaction.raw)
    found = CONTROLLER.decode_input(order.data)
    return str(found[1]["response"]) if found and found[0] == "confirmResponse" else None


def _check_open(task: TaskRecord) -> None:
    if task.confirmed is not None:
        raise TaskError(
            f"The answer of {short(task.confirmed.provider)} is confirmed already.",
            task=task.reference,
            spent=NOTHING_SPENT,
        )
