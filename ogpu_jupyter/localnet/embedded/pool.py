"""Transactions that are not in a block yet, by sender and nonce, as a real node keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.errors import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMIT: Final = 8192
_BUMP: Final = 110  # per cent that a replacement pays, of both fees

Transaction = Any  # one of py-evm's signed transactions


class Pool:
    def __init__(self) -> None:
        self._waiting: dict[tuple[bytes, int], Transaction] = {}
        self._by_hash: dict[bytes, Transaction] = {}

    def __iter__(self) -> Iterator[Transaction]:
        """In the order of arrival."""
        return iter(list(self._waiting.values()))

    def __len__(self) -> int:
        return len(self._waiting)

    def get(self, number: bytes) -> Transaction | None:
        return self._by_hash.get(number)

    def add(self, transaction: Transaction) -> None:
        """Take it in, in place of one with its nonce if it pays enough more than that."""
        if transaction.hash in self._by_hash:
            raise refused("already known")
        place = (transaction.sender, transaction.nonce)
        earlier = self._waiting.get(place)
        if earlier is not None:
            if not _replaces(earlier, transaction):
                raise refused("replacement transaction underpriced")
            self.remove(earlier)
        if len(self._waiting) >= _LIMIT:
            raise refused("txpool is full")
        self._waiting[place] = transaction
        self._by_hash[transaction.hash] = transaction

    def remove(self, transaction: Transaction) -> None:
        self._waiting.pop((transaction.sender, transaction.nonce), None)
        self._by_hash.pop(transaction.hash, None)

    def next_nonce(self, sender: bytes, mined: int) -> int:
        """The first nonce without a transaction, from the first one that is not mined."""
        while (sender, mined) in self._waiting:
            mined += 1
        return mined

    def copy(self) -> Pool:
        twin = Pool()
        twin._waiting = dict(self._waiting)
        twin._by_hash = dict(self._by_hash)
        return twin


def _replaces(earlier: Transaction, later: Transaction) -> bool:
    return bool(
        later.max_fee_per_gas * 100 >= earlier.max_fee_per_gas * _BUMP
        and later.max_priority_fee_per_gas * 100 >= earlier.max_priority_fee_per_gas * _BUMP
    )
