"""The door: one account's transactions on one network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ogpu_jupyter.errors import OgpuError

from .convoy import Convoy, Outcome
from .ledger import Ledger, Parcel
from .settling import Settler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ogpu_jupyter.chain.client import Client
    from ogpu_jupyter.chain.transactions import Order, Quote, Receipt, Signer
    from ogpu_jupyter.jobs import Gate
    from ogpu_jupyter.journal import Journal
    from ogpu_jupyter.tasks import NetworkId, TransactionKind, TransactionRecord


class Sender:
    """Sends an account's transactions on one network, and settles those of the journal."""

    def __init__(
        self, client: Client, journal: Journal, network_id: NetworkId, signer: Signer
    ) -> None:
        self._ledger = Ledger(client, journal, network_id, signer)
        self._settler = Settler(self._ledger)

    def send(
        self,
        order: Order,
        quote: Quote,
        kind: TransactionKind,
        *,
        gate: Gate,
        task: int | None = None,
        note: str = "",
    ) -> TransactionRecord:
        """Sign, journal, broadcast. `gate` raises when it is too late to let anything leave.

        A transaction whose fate is unclear is returned as SIGNED: it is journalled, and
        `settle` finds out. Errors mean that nothing was spent.
        """
        (outcome,) = self.send_many([Parcel(order, kind, task, note)], quote, gate=gate)
        if isinstance(outcome, OgpuError):
            raise outcome
        return outcome

    def send_many(
        self,
        parcels: Sequence[Parcel],
        quote: Quote,
        *,
        gate: Gate,
        told: Callable[[int, Outcome], None] | None = None,
    ) -> list[Outcome]:
        """As `send`, in the order given; each has an outcome of its own: a record or an error.

        `told` hears of each, by its place, as soon as it is known.
        """
        return Convoy(self._ledger, self._settler, parcels, quote, gate, told=told).run()

    def settle(self) -> list[TransactionRecord]:
        """Find out what became of every unsettled transaction, and help those that hang."""
        return self._settler.settle()

    @property
    def has_revived(self) -> bool:
        """Something that was given up is on its way after all: `settle` tells of it."""
        return bool(self._settler.revived)

    def may_have_left(self, task: int) -> TransactionRecord | None:
        """The transaction of this task that a node may have, as the journal knows."""
        return self._ledger.unsettled_of(task)

    def was_replaced(self, transaction: TransactionRecord) -> bool:
        """Neither it nor a better offer for the same task can be mined any more."""
        others = self._ledger.journal.transactions_of(transaction.task or 0)
        return not any(r.state.is_in_block for r in others) and not self.may_have_left(
            transaction.task or 0
        )

    def mined(self, receipt: Receipt) -> TransactionRecord:
        """Write down that a transaction is in a block."""
        return self._ledger.mined(receipt)

    def retracted(self, tx_hash: str) -> None:
        """Write down that a transaction's block is no more; `settle` looks after it again."""
        record = self._ledger.journal.transaction(self._ledger.network_id, tx_hash)
        if record is not None and record.state.is_in_block:
            self._ledger.reopen(record)
