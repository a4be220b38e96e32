"""A chain on py-evm: blocks in memory, each a moment after the other, none ahead of the clock."""

from __future__ import annotations

import secrets
import time
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.errors import refused
from ogpu_jupyter.localnet.embedded.evm import (
    VM,
    ExecutionContext,
    Header,
    PragueState,
    ValidationError,
    VMError,
    trie_root,
)
from ogpu_jupyter.localnet.embedded.ledger import Ledger
from ogpu_jupyter.localnet.embedded.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ogpu_jupyter.localnet.embedded.ledger import Change
    from ogpu_jupyter.localnet.embedded.pool import Transaction

GAS_LIMIT: Final = 30_000_000
TIP: Final = 10**9
_FIRST_BASE_FEE: Final = 10**9
_KEPT: Final = 256  # blocks whose state can be asked for
_NOBODY: Final = b"\0" * 20


class State(PragueState):  # type: ignore[misc]  # see evm.py
    account_db_class = Ledger


@dataclass(frozen=True)
class Mined:
    """A transaction in its block; `receipt` is py-evm's."""

    transaction: Transaction
    receipt: Any
    block_number: int
    index: int
    gas_used: int
    price: int
    first_log: int
    contract: bytes | None


@dataclass
class Block:
    header: Any
    mined: list[Mined] = field(default_factory=list)
    changes: list[Change] | None = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hash: bytes = self.header.hash

    @property
    def number(self) -> int:
        return int(self.header.block_number)


@dataclass(frozen=True)
class Draft:
    """The block that would be mined now."""

    number: int
    timestamp: int
    base_fee: int


class Chain:
    """Not thread-safe: one caller at a time."""

    def __init__(self, chain_id: int, funds: Mapping[bytes, int]) -> None:
        self.chain_id = chain_id
        self.ahead = 0  # seconds that a test has turned the clock forward
        self.next_timestamp: int | None = None
        self.next_base_fee: int | None = None
        self.pool = Pool()
        self.blocks: list[Block] = []
        self._places: dict[bytes, Mined] = {}
        self._by_hash: dict[bytes, Block] = {}
        self._with_logs: list[int] = []
        self._pinned: int | None = None
        first = Draft(0, int(time.time()), _FIRST_BASE_FEE)
        self._state = State(None, self._context(first), b"\0" * 32)
        self.ledger: Ledger = self._state._account_db  # noqa: SLF001 - py-evm has no other door
        for address, amount in funds.items():
            self.ledger.set_balance(address, amount)
        self.ledger.seal()
        # Chance in block 0: a new chain must not be taken for another.
        self._append(self._header(first, extra_data=secrets.token_bytes(32)), [], [])

    # --- what there is ---

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    def block_by_hash(self, number: bytes) -> Block | None:
        return self._by_hash.get(number)

    def find(self, number: bytes) -> Mined | None:
        return self._places.get(number)

    def with_logs(self, first: int, last: int) -> Iterator[Block]:
        """The blocks with logs, from `first` to `last`."""
        for height in self._with_logs[bisect_left(self._with_logs, first) :]:
            if height > last:
                return
            yield self.blocks[height]

    def draft(self) -> Draft:
        parent = self.head.header
        now = int(time.time()) + self.ahead
        timestamp = max(parent.timestamp, self.next_timestamp or now)
        base_fee = self.next_base_fee
        return Draft(
            self.head.number + 1,
            timestamp,
            _next_base_fee(parent) if base_fee is None else base_fee,
        )

    # --- making blocks ---

    def mine(self) -> Block:
        """One block of all that is ready."""
        draft = self.draft()
        self._state.execution_context = self._context(draft)
        mined: list[Mined] = []
        while self._pass(draft, mined):
            pass
        receipts = [item.receipt for item in mined]
        header = self._header(
            draft,
            parent_hash=self.head.hash,
            gas_used=receipts[-1].gas_used if receipts else 0,
            bloom=_union(receipts),
            transaction_root=trie_root([item.transaction for item in mined]),
            receipt_root=trie_root(receipts),
            changes=(changes := self.ledger.seal()),
        )
        self.next_timestamp = self.next_base_fee = None
        return self._append(header, mined, changes)

    def _pass(self, draft: Draft, mined: list[Mined]) -> bool:
        """Once over the pool; True when that may have made others ready."""
        before = len(mined)
        for transaction in self.pool:
            if self._is_ready(transaction, draft, mined):
                self.pool.remove(transaction)
                self._apply(transaction, draft, mined)
        return len(mined) > before and len(self.pool) > 0

    def _is_ready(self, transaction: Transaction, draft: Draft, mined: list[Mined]) -> bool:
        used = mined[-1].receipt.gas_used if mined else 0
        return bool(
            transaction.nonce == self.ledger.get_nonce(transaction.sender)
            and transaction.max_fee_per_gas >= draft.base_fee
            and used + transaction.gas <= GAS_LIMIT
        )

    def _apply(self, transaction: Transaction, draft: Draft, mined: list[Mined]) -> None:
        snapshot = self._state.snapshot()
        self._state.lock_changes()
        try:
            computation = self._state.apply_transaction(transaction)
        except (ValidationError, VMError):
            # What it could pay when it came, it can't pay any more.
            self._state.revert(snapshot)
            return
        self._state.commit(snapshot)
        before = mined[-1].receipt.gas_used if mined else 0
        total = SimpleNamespace(gas_used=before)
        receipt = VM.make_receipt(total, transaction, computation, self._state)
        tip = min(
            transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - draft.base_fee
        )
        mined.append(
            Mined(
                transaction=transaction,
                receipt=receipt,
                block_number=draft.number,
                index=len(mined),
                gas_used=receipt.gas_used - before,
                price=draft.base_fee + tip,
                first_log=mined[-1].first_log + len(mined[-1].receipt.logs) if mined else 0,
                contract=computation.msg.storage_address if computation.msg.is_create else None,
            )
        )

    def _append(self, header: Any, mined: list[Mined], changes: list[Change]) -> Block:
        block = Block(header, mined, changes)
        self.blocks.append(block)
        self._by_hash[block.hash] = block
        self._places.update((item.transaction.hash, item) for item in mined)
        if any(item.receipt.logs for item in mined):
            self._with_logs.append(block.number)
        kept = block.number - _KEPT
        if kept >= 0 and (self._pinned is None or kept < self._pinned):
            self.blocks[kept].changes = None
        return block

    def _header(self, draft: Draft, *, changes: Iterable[Change] | None = None, **more: Any) -> Any:
        del changes  # sealed before the root is read
        return Header(
            difficulty=0,
            block_number=draft.number,
            gas_limit=GAS_LIMIT,
            timestamp=draft.timestamp,
            state_root=self.ledger.state_root,
            base_fee_per_gas=draft.base_fee,
            nonce=b"\0" * 8,
            **more,
        )

    def _context(self, draft: Draft) -> Any:
        ancestors = (block.hash for block in reversed(self.blocks[: draft.number]))
        return ExecutionContext(
            coinbase=_NOBODY,
            timestamp=draft.timestamp,
            block_number=draft.number,
            difficulty=0,
            mix_hash=b"\0" * 32,
            gas_limit=GAS_LIMIT,
            prev_hashes=ancestors,
            chain_id=self.chain_id,
            base_fee_per_gas=draft.base_fee,
            excess_blob_gas=0,
        )

    # --- looking without changing ---

    @contextmanager
    def at(self, block: Block | None) -> Iterator[State]:
        """The state after `block`, or None for the moment before the next one is mined.

        Whatever is done to it is taken back.
        """
        undone = [] if block is None else self._undo_to(block.number)
        if block is None:
            draft = self.draft()
        else:
            header = block.header
            draft = Draft(block.number, header.timestamp, header.base_fee_per_gas)
        self._state.execution_context = self._context(draft)
        snapshot = self._state.snapshot()
        self._state.lock_changes()
        try:
            yield self._state
        finally:
            self._state.revert(snapshot)
            self._state.clear_transient_storage()
            for again in reversed(undone):
                self.ledger.undo(again)

    def _undo_to(self, height: int) -> list[list[Change]]:
        above = self.blocks[height + 1 :]
        if any(block.changes is None for block in above):
            raise refused(f"missing trie node: the state of block {height} is no longer kept")
        return [self.ledger.undo(block.changes or []) for block in reversed(above)]

    # --- for tests: back to an earlier moment ---

    def pin(self) -> int:
        """Keep what is needed to come back here; the height."""
        height = self.head.number
        self._pinned = height if self._pinned is None else min(self._pinned, height)
        return height

    def back_to(self, height: int) -> None:
        self._undo_to(height)
        for block in self.blocks[height + 1 :]:
            del self._by_hash[block.hash]
            for item in block.mined:
                del self._places[item.transaction.hash]
        del self.blocks[height + 1 :]
        del self._with_logs[bisect_left(self._with_logs, height + 1) :]
        self.ledger.set_root(self.head.header.state_root)


def _next_base_fee(parent: Any) -> int:
    """EIP-1559, with half a block as the aim; never below the 7 wei where it ends by itself."""
    aim = GAS_LIMIT // 2
    delta = parent.base_fee_per_gas * abs(parent.gas_used - aim) // aim // 8
    if parent.gas_used > aim:
        return int(parent.base_fee_per_gas + max(delta, 1))
    return int(parent.base_fee_per_gas - delta)


def _union(receipts: Iterable[Any]) -> int:
    bloom = 0
    for receipt in receipts:
        bloom |= receipt.bloom
    return bloom
