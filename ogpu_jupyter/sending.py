"""Signed transactions, each journalled before it leaves, and what became of them.

One sender an account at a time, over all kernels: a nonce is chosen, signed, journalled
and broadcast under one lock. What is in the journal but not on the chain is sent again as
the same bytes, so that nothing can happen twice; a new nonce is taken only when the old
one is provably used by another transaction.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .chain.transactions import Fate, Receipt, Signed, broadcast, sign, translate
from .errors import (
    NOTHING_SPENT,
    GasBalanceLow,
    NetworkError,
    NotSent,
    RpcError,
    TransactionError,
)
from .tasks import (
    NetworkId,
    Stage,
    TaskRecord,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)

if TYPE_CHECKING:
    from .chain.client import Client
    from .chain.transactions import Order, Quote, Signer
    from .jobs import Gate
    from .journal import Journal

_ATTEMPTS = 5
_BUMP_PERCENT = 25


class Sender:
    """Sends an account's transactions on one network, and settles those of the journal."""

    def __init__(
        self, client: Client, journal: Journal, network_id: NetworkId, signer: Signer
    ) -> None:
        self._client = client
        self._journal = journal
        self._network_id = network_id
        self._signer = signer

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
        with self._journal.sending(self._network_id, self._signer.address):
            nonce = max(quote.nonce, self._next_nonce(quote.nonce))
            for _ in range(_ATTEMPTS):
                gate.check()
                record, signed = self._journalled(
                    order, quote, nonce, kind=kind, task=task, note=note
                )
                try:
                    gate.leave()
                except NotSent:
                    self._refuse(record)
                    raise
                fate, words = broadcast(self._client.rpc, signed)
                if fate in {Fate.ACCEPTED, Fate.KNOWN}:
                    return self._advance(record, TransactionState.SENT)
                if fate is Fate.UNCLEAR:
                    return self._ask(record)
                if fate is Fate.NONCE_TOO_LOW:
                    known = self._ask(record)
                    if known.state is not TransactionState.REPLACED:
                        return known
                    nonce = max(nonce + 1, self._client.quote(record.account, order).nonce)
                elif fate is Fate.UNDERPRICED:
                    self._refuse(record)
                    quote = _bumped(quote)
                else:
                    self._refuse(record)
                    raise _refusal(fate, words)
        raise NotSent(
            f"The node refused the transaction {_ATTEMPTS} times: {words}.",
            spent=NOTHING_SPENT,
            hint="Try again when the account's other transactions are through.",
        )

    def settle(self) -> list[TransactionRecord]:
        """Find out what became of every unsettled transaction; send again what was dropped."""
        changed = []
        with self._journal.sending(self._network_id, self._signer.address):
            for record in sorted(self._unsettled(), key=lambda record: record.nonce):
                settled = self._ask(record, again=True)
                if settled != record:
                    changed.append(settled)
        return changed

    def may_have_left(self, task: int) -> bool:
        """The journal holds a transaction of this task that a node may have."""
        return any(record.task == task for record in self._unsettled())

    def mined(self, receipt: Receipt) -> TransactionRecord:
        """Write down that a transaction is in a block."""
        state = TransactionState.MINED if receipt.ok else TransactionState.REVERTED
        return self._journal.update_transaction(
            receipt.hash,
            network_id=self._network_id,
            state=state,
            block=receipt.block,
            fee=receipt.fee,
        )

    def _unsettled(self) -> list[TransactionRecord]:
        return self._journal.transactions(
            self._network_id, self._signer.address, unsettled_only=True
        )

    def _next_nonce(self, pending: int) -> int:
        """One past the journal's own, which a node may not have seen yet."""
        held = [r.nonce for r in self._unsettled() if not self._is_overtaken(r)]
        return max([pending, *(nonce + 1 for nonce in held)])

    def _is_overtaken(self, record: TransactionRecord) -> bool:
        """Signed, but known to no node, and too late to be of use: its nonce is free again."""
        if record.state is not TransactionState.SIGNED or record.task is None:
            return False
        receipt, known, _ = self._client.fate(record.hash, record.account, record.nonce)
        return receipt is None and not known and self._has_expired(record.task)

    def _has_expired(self, task: int) -> bool:
        return self._journal.task(task).expires_at <= self._client.head().timestamp

    def _journalled(
        self,
        order: Order,
        quote: Quote,
        nonce: int,
        *,
        kind: TransactionKind,
        task: int | None,
        note: str,
    ) -> tuple[TransactionRecord, Signed]:
        chain_id = self._network_id.chain_id
        signed = sign(self._signer, order, quote, nonce=nonce, chain_id=chain_id)
        record = TransactionRecord(
            hash=signed.hash,
            network_id=self._network_id,
            account=self._signer.address,
            nonce=nonce,
            raw=signed.raw,
            kind=kind,
            task=task,
            created_at=time.time(),
            note=note,
        )
        self._journal.add_transaction(record)
        return record, signed

    def _advance(self, record: TransactionRecord, state: TransactionState) -> TransactionRecord:
        record = self._journal.update_transaction(
            record.hash, network_id=self._network_id, state=state
        )
        publishes = record.task is not None and record.kind is TransactionKind.PUBLISH
        if publishes and state is TransactionState.SENT:
            self._journal.update(record.task or 0, when={Stage.SIGNED}, stage=Stage.SENT)
        return record

    def _refuse(self, record: TransactionRecord) -> None:
        self._advance(record, TransactionState.REFUSED)

    def _ask(self, record: TransactionRecord, *, again: bool = False) -> TransactionRecord:
        """The chain's word on a transaction; unknown stays as it was."""
        try:
            receipt, known, used = self._client.fate(record.hash, record.account, record.nonce)
        except NetworkError:
            return record
        if receipt is not None:
            return self.mined(receipt)
        if known:
            return self._advance(record, TransactionState.SENT)
        if used > record.nonce:
            return self._advance(record, TransactionState.REPLACED)
        if again and not (record.task is not None and self._has_expired(record.task)):
            return self._again(record)
        return record

    def _again(self, record: TransactionRecord) -> TransactionRecord:
        """The same bytes once more; whatever the node says, `fate` decides, not its words."""
        signed = Signed(hash=record.hash, nonce=record.nonce, raw=record.raw)
        fate, _ = broadcast(self._client.rpc, signed)
        if fate in {Fate.ACCEPTED, Fate.KNOWN}:
            return self._advance(record, TransactionState.SENT)
        return record


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


def _bumped(quote: Quote) -> Quote:
    def more(fee: int) -> int:
        return fee * (100 + _BUMP_PERCENT) // 100 + 1

    tip = None if quote.priority_fee is None else more(quote.priority_fee)
    return replace(quote, max_fee=more(quote.max_fee), priority_fee=tip)


def _refusal(fate: Fate, words: str) -> Exception:
    if fate is Fate.NO_FUNDS:
        return GasBalanceLow(
            f"The account can't pay the gas: {words}.",
            spent=NOTHING_SPENT,
            hint="Send OGPU to the account; `%ogpu status` shows its address.",
        )
    error = translate(RpcError(words), doing="sending the transaction")
    if isinstance(error, TransactionError):
        return error
    return NotSent(f"The node refused the transaction: {words}.", spent=NOTHING_SPENT)
