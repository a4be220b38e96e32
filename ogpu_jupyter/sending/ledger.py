"""The journal's side of sending: which nonces are free, what was signed, what is known of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

from ogpu_jupyter.chain.transactions import Signed, sign
from ogpu_jupyter.tasks import (
    NetworkId,
    Stage,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from contextlib import AbstractContextManager

    from ogpu_jupyter.chain.client import Client
    from ogpu_jupyter.chain.transactions import Order, Quote, Receipt, Signer
    from ogpu_jupyter.journal import Journal


@dataclass(frozen=True)
class Parcel:
    """What one transaction is to do; `task` is the journal's number of what it publishes."""

    order: Order
    kind: TransactionKind
    task: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Ticket:
    """A parcel that is signed and journalled."""

    parcel: Parcel
    quote: Quote
    record: TransactionRecord

    @property
    def signed(self) -> Signed:
        return signed_of(self.record)


class Ledger:
    """What the journal holds of one account's transactions on one network."""

    def __init__(
        self, client: Client, journal: Journal, network_id: NetworkId, signer: Signer
    ) -> None:
        self.client = client
        self.journal = journal
        self.network_id = network_id
        self.account = signer.address
        self._signer = signer

    def lock(self, timeout: float = 60) -> AbstractContextManager[None]:
        """Held while nonces are chosen and used, over all kernels."""
        return self.journal.sending(self.network_id, self.account, timeout)

    def unsettled(self) -> list[TransactionRecord]:
        return self.journal.transactions(self.network_id, self.account, unsettled_only=True)

    def unsettled_of(self, task: int) -> TransactionRecord | None:
        """The newest of a task's transactions of which nobody knows what becomes."""
        found = [r for r in self.journal.transactions_of(task) if r.state.is_unsettled]
        return found[-1] if found else None

    def sign(self, parcels: Sequence[tuple[Parcel, Quote, int]]) -> list[Ticket]:
        """Each with its offer and its nonce; all are in the journal before any can leave."""
        tickets = [
            Ticket(parcel, quote, self._record(parcel, quote, nonce))
            for parcel, quote, nonce in parcels
        ]
        records = [ticket.record for ticket in tickets]
        if len(records) == 1:
            self.journal.add_transaction(records[0])
        else:
            self.journal.add_transactions(records)
        return tickets

    def _record(self, parcel: Parcel, quote: Quote, nonce: int) -> TransactionRecord:
        chain_id = self.network_id.chain_id
        signed = sign(self._signer, parcel.order, quote, nonce=nonce, chain_id=chain_id)
        return TransactionRecord(
            hash=signed.hash,
            network_id=self.network_id,
            account=self.account,
            nonce=nonce,
            raw=signed.raw,
            kind=parcel.kind,
            task=parcel.task,
            created_at=time.time(),
            note=parcel.note,
        )

    def advance(self, record: TransactionRecord, state: TransactionState) -> TransactionRecord:
        record = self.journal.update_transaction(
            record.hash, network_id=self.network_id, state=state
        )
        publishes = record.task is not None and record.kind is TransactionKind.PUBLISH
        if publishes and state is TransactionState.SENT:
            self.journal.update(record.task or 0, when={Stage.SIGNED}, stage=Stage.SENT)
        return record

    def revive(self, record: TransactionRecord) -> TransactionRecord:
        """It was given up, and a node has it after all: so its task is not abandoned either."""
        with self.journal.atomic():
            if record.kind is TransactionKind.PUBLISH and record.task is not None:
                changes = {"stage": Stage.SENT, "tx_hash": record.hash, "problem": ""}
                self.journal.update(record.task, when={Stage.ABANDONED}, **changes)
            return self.journal.update_transaction(
                record.hash, network_id=self.network_id, state=TransactionState.SENT
            )

    def refused(self) -> list[TransactionRecord]:
        """Those whose nonces no other of ours has: nobody would hear of them by another."""
        return self.journal.refused(self.network_id, self.account)

    def rival(self, record: TransactionRecord) -> TransactionRecord | None:
        """Another of ours that has its nonce in a block, or may yet have it."""
        others = self.journal.at_nonce(self.network_id, self.account, record.nonce)
        return next((r for r in others if r.hash != record.hash and not r.state.is_given_up), None)

    def mean_one_task(self, one: TransactionRecord, other: TransactionRecord | Parcel) -> bool:
        """Both would publish what a person means to be one task."""
        if one.task is None or other.task is None:
            return False
        if {one.kind, other.kind} != {TransactionKind.PUBLISH}:
            return False
        return self.journal.task(one.task).identity == self.journal.task(other.task).identity

    def refuse(self, *records: TransactionRecord) -> None:
        """No node has them."""
        for record in records:
            self.advance(record, TransactionState.REFUSED)

    def mined(self, receipt: Receipt) -> TransactionRecord:
        """Write down that a transaction is in a block."""
        state = TransactionState.MINED if receipt.ok else TransactionState.REVERTED
        return self.journal.update_transaction(
            receipt.hash,
            network_id=self.network_id,
            state=state,
            block=receipt.block,
            fee=receipt.fee,
        )

    def reopen(self, record: TransactionRecord) -> TransactionRecord:
        """Its block is no more: it is waited for again, and sent if need be."""
        return self.journal.update_transaction(
            record.hash,
            network_id=self.network_id,
            state=TransactionState.SENT,
            block=None,
            fee=None,
        )

    # -- nonces ------------------------------------------------------------------------

    def free_nonces(self, pending: int, number: int, others: Collection[int] = ()) -> list[int]:
        """The lowest that neither a node (below `pending`), nor the journal, nor `others` has.

        A hole that a refused transaction left comes first, so that nothing waits behind it.
        """
        taken = self.taken(pending).union(others)
        return list(islice((n for n in count(pending) if n not in taken), number))

    def had_nonce(self, record: TransactionRecord) -> bool:
        """A transaction of ours, for something else, has had its nonce before."""
        others = self.journal.at_nonce(self.network_id, self.account, record.nonce)
        return any(r.hash != record.hash and r.task != record.task for r in others)

    def taken(self, pending: int) -> set[int]:
        """The journal's own from `pending` on, which a node may not have seen yet."""
        taken = self.journal.nonces(self.network_id, self.account, pending)
        if not taken:
            return taken
        signed = self.journal.transactions(
            self.network_id, self.account, states={TransactionState.SIGNED}
        )
        lost = self.overtaken(record for record in signed if record.nonce >= pending)
        return taken - {record.nonce for record in lost}

    def overtaken(self, records: Iterable[TransactionRecord]) -> list[TransactionRecord]:
        """Signed, but known to no node, and too late to be of use: their nonces are free."""
        late = self.expired(r for r in records if r.state is TransactionState.SIGNED)
        if not late:
            return []
        fates = self.client.fates(self.account, [(r.hash, r.nonce) for r in late])
        return [
            record
            for record, (receipt, known, _) in zip(late, fates, strict=True)
            if receipt is None and not known
        ]

    def expired(
        self, records: Iterable[TransactionRecord], now: int | None = None
    ) -> list[TransactionRecord]:
        """Those whose task nobody could take any more, on the chain's clock."""
        ends = [(r, self.journal.task(r.task).expires_at) for r in records if r.task is not None]
        if not ends:
            return []
        now = self.client.head().timestamp if now is None else now
        return [record for record, end in ends if end <= now]


def signed_of(record: TransactionRecord) -> Signed:
    """The very bytes that were journalled."""
    return Signed(hash=record.hash, nonce=record.nonce, raw=record.raw)
