"""The one door to py-evm and its family.

Its types are its own kinds of bytes and int, which we would have to name at every call;
here they are whatever they are.
"""

from __future__ import annotations

from typing import Any

import eth._utils.address
import eth.abc
import eth.constants
import eth.db.trie
import eth.exceptions
import eth.vm.execution_context
import eth.vm.forks.cancun.transaction_context
import eth.vm.forks.prague
import eth.vm.forks.prague.blocks
import eth.vm.forks.prague.state
import eth.vm.message
import eth_hash.auto
import eth_keys.datatypes
import eth_keys.exceptions
import eth_utils.exceptions
import rlp.exceptions  # type: ignore[import-untyped]

_eth: Any = eth

AccountDatabaseAPI: Any = _eth.abc.AccountDatabaseAPI
ExecutionContext: Any = _eth.vm.execution_context.ExecutionContext
Header: Any = _eth.vm.forks.prague.blocks.PragueBlockHeader
Message: Any = _eth.vm.message.Message
PragueState: Any = _eth.vm.forks.prague.state.PragueState
TransactionContext: Any = _eth.vm.forks.cancun.transaction_context.CancunTransactionContext
VM: Any = _eth.vm.forks.prague.PragueVM
PrivateKey: Any = eth_keys.datatypes.PrivateKey

NO_ADDRESS: bytes = _eth.constants.CREATE_CONTRACT_ADDRESS
"""The `to` of a transaction that makes a contract."""

VMError = eth.exceptions.VMError
InsufficientFunds = eth.exceptions.InsufficientFunds
OutOfGas = eth.exceptions.OutOfGas
Revert = eth.exceptions.Revert
UnknownType = eth.exceptions.UnrecognizedTransactionType
ValidationError = eth_utils.exceptions.ValidationError
BadSignature = eth_keys.exceptions.BadSignature
BadEncoding = rlp.exceptions.RLPException


def created_by(creator: bytes, nonce: int) -> bytes:
    address: bytes = _eth._utils.address.generate_contract_address(creator, nonce)  # noqa: SLF001
    return address


def trie_root(items: list[Any]) -> bytes:
    root: bytes = _eth.db.trie.make_trie_root_and_nodes(items)[0]
    return root


def keccak(data: bytes) -> bytes:
    return eth_hash.auto.keccak(data)
