"""All accounts of the embedded chain, in plain dictionaries with a journal.

py-evm keeps them in tries, hashes what changed at every block and reads it all anew, which
takes longer than running the contracts. Nobody asks this node for a proof, so its state
root is only a digest that changes with the state.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.evm import AccountDatabaseAPI, keccak

if TYPE_CHECKING:
    from collections.abc import Iterable

_MISSING: Final = object()
_EMPTY_HASH: Final = keccak(b"")

# One change: the dictionary, its key, and what was there before.
Change = tuple[dict[Any, Any], Any, Any]


class Ledger(AccountDatabaseAPI):  # type: ignore[misc]  # see evm.py
    """What py-evm's state asks of accounts; every change can be taken back."""

    def __init__(self, db: object, state_root: bytes) -> None:
        del db
        self._root = state_root
        self._balances: dict[bytes, int] = {}
        self._nonces: dict[bytes, int] = {}
        self._codes: dict[bytes, bytes] = {}
        self._storage: dict[tuple[bytes, int], int] = {}
        self._slots: dict[bytes, dict[int, None]] = {}
        self._originals: dict[tuple[bytes, int], int] = {}
        self._warm: dict[Any, bool] = {}
        self._journal: list[Change] = []
        self._checkpoints: dict[int, int] = {}
        self._numbers = count(1)

    # --- blocks ---

    def seal(self) -> list[Change]:
        """End a block: what it changed, for `undo`; a new root if it changed anything."""
        self._warm.clear()
        self._checkpoints.clear()
        changes, self._journal = self._journal, []
        changes = [change for change in changes if change[0] is not self._warm]
        if changes:
            told = repr([(key, place.get(key)) for place, key, _ in changes])
            self._root = keccak(self._root + told.encode())
        return changes

    @staticmethod
    def undo(changes: Iterable[Change]) -> list[Change]:
        """Take the changes back, the last first; what is returned does them again."""
        again: list[Change] = []
        for place, key, before in reversed(list(changes)):
            again.append((place, key, place.get(key, _MISSING)))
            _put(place, key, before)
        return again

    def set_root(self, root: bytes) -> None:
        self._root = root

    # --- the journal ---

    def _set(self, place: dict[Any, Any], key: Any, value: Any) -> None:
        self._journal.append((place, key, place.get(key, _MISSING)))
        _put(place, key, value)

    def record(self) -> int:
        checkpoint = next(self._numbers)
        self._checkpoints[checkpoint] = len(self._journal)
        return checkpoint

    def discard(self, checkpoint: int) -> None:
        length = self._forget(checkpoint)
        for place, key, before in reversed(self._journal[length:]):
            _put(place, key, before)
        del self._journal[length:]

    def commit(self, checkpoint: int) -> None:
        self._forget(checkpoint)

    def _forget(self, checkpoint: int) -> int:
        """Where it was; it and all that were made after it are gone."""
        while True:
            last, length = self._checkpoints.popitem()
            if last == checkpoint:
                return length

    def lock_changes(self) -> None:
        """A transaction begins: nothing is warm, and what is stored now is the original."""
        self._originals.clear()
        self._warm.clear()

    def make_state_root(self) -> bytes:
        return self._root

    def persist(self) -> None:
        """Nothing lies behind the dictionaries."""

    @property
    def state_root(self) -> bytes:
        return self._root

    @state_root.setter
    def state_root(self, value: bytes) -> None:
        self._root = value

    def has_root(self, state_root: bytes) -> bool:
        return state_root == self._root

    # --- storage ---

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        key = (address, slot)
        if not from_journal and key in self._originals:
            return self._originals[key]
        return self._storage.get(key, 0)

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        key = (address, slot)
        before = self._storage.get(key, 0)
        self._originals.setdefault(key, before)
        if value == before:
            return
        self._set(self._storage, key, value or _MISSING)
        slots = self._slots.setdefault(address, {})
        self._set(slots, slot, None if value else _MISSING)

    def delete_storage(self, address: bytes) -> None:
        for slot in list(self._slots.get(address, ())):
            self.set_storage(address, slot, 0)

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        if (address, slot) not in self._warm:
            self._set(self._warm, (address, slot), True)

    # --- accounts ---

    def get_balance(self, address: bytes) -> int:
        return self._balances.get(address, 0)

    def set_balance(self, address: bytes, balance: int) -> None:
        self._set(self._balances, address, balance or _MISSING)

    def get_nonce(self, address: bytes) -> int:
        return self._nonces.get(address, 0)

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self._set(self._nonces, address, nonce or _MISSING)

    def increment_nonce(self, address: bytes) -> None:
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code(self, address: bytes) -> bytes:
        return self._codes.get(address, b"")

    def set_code(self, address: bytes, code: bytes) -> None:
        self._set(self._codes, address, code or _MISSING)

    def get_code_hash(self, address: bytes) -> bytes:
        code = self._codes.get(address)
        return keccak(code) if code else _EMPTY_HASH

    def delete_code(self, address: bytes) -> None:
        self.set_code(address, b"")

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        return address in self._codes or address in self._nonces

    def delete_account(self, address: bytes) -> None:
        self.delete_storage(address)
        self.set_balance(address, 0)
        self.set_nonce(address, 0)
        self.delete_code(address)

    def account_exists(self, address: bytes) -> bool:
        """An empty account is none (EIP-161)."""
        return not self.account_is_empty(address)

    def touch_account(self, address: bytes) -> None:
        """An empty account leaves no trace here."""

    def account_is_empty(self, address: bytes) -> bool:
        return not (self.account_has_code_or_nonce(address) or address in self._balances)

    def is_address_warm(self, address: bytes) -> bool:
        return address in self._warm

    def mark_address_warm(self, address: bytes) -> None:
        if address not in self._warm:
            self._set(self._warm, address, True)


def _put(place: dict[Any, Any], key: Any, value: Any) -> None:
    if value is _MISSING:
        place.pop(key, None)
    else:
        place[key] = value
