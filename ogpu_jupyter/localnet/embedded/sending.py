"""The methods that change the chain: transactions, signed here or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.accounts import ALL
from ogpu_jupyter.localnet.embedded import calls
from ogpu_jupyter.localnet.embedded.chain import GAS_LIMIT, TIP
from ogpu_jupyter.localnet.embedded.errors import Refused, refused
from ogpu_jupyter.localnet.embedded.evm import (
    VM,
    BadEncoding,
    BadSignature,
    PrivateKey,
    UnknownType,
    ValidationError,
)
from ogpu_jupyter.localnet.embedded.formats import (
    data,
    read_address,
    read_data,
    read_number,
    read_object,
)
from ogpu_jupyter.localnet.embedded.node import Node, method

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.embedded.pool import Transaction

_BUILDER: Final = VM.get_transaction_builder()
_KEYS: Final = {bytes.fromhex(a.address[2:]): bytes.fromhex(a.private_key[2:]) for a in ALL}
_BLOBS: Final = 3
_MOST_CODE: Final = 49_152  # of a creation (EIP-3860)
_NO_CHAIN: Final = (27, 28)  # the v of a legacy signature that names none


@method("eth_sendRawTransaction")
def send_raw(node: Node, raw: object) -> str:
    return _submit(node, _decode(read_data(raw, "raw transaction")))


@method("eth_sendTransaction")
def send(node: Node, told: object) -> str:
    """For the accounts of the local network, whose keys everybody knows."""
    fields = read_object(told, "transaction")
    sender = read_address(fields.get("from"), "from")
    if sender not in _KEYS:
        raise refused("unknown account")
    nonce = node.chain.pool.next_nonce(sender, node.chain.ledger.get_nonce(sender))
    fee = fields.get("maxFeePerGas", fields.get("gasPrice"))
    tip = fields.get("maxPriorityFeePerGas", fields.get("gasPrice"))
    to = fields.get("to")
    unsigned = _BUILDER.new_unsigned_dynamic_fee_transaction(
        chain_id=node.chain.chain_id,
        nonce=read_number(fields["nonce"], "nonce") if "nonce" in fields else nonce,
        max_priority_fee_per_gas=TIP if tip is None else read_number(tip, "fee"),
        max_fee_per_gas=_fee(node) if fee is None else read_number(fee, "fee"),
        gas=_gas(node, fields),
        to=read_address(to, "to") if to else b"",
        value=read_number(fields.get("value") or 0, "value"),
        data=read_data(fields.get("input", fields.get("data")) or "0x"),
        access_list=[],
    )
    key = PrivateKey(_KEYS[sender])
    return _submit(node, unsigned.as_signed_transaction(key, node.chain.chain_id))


def _fee(node: Node) -> int:
    return 2 * node.chain.draft().base_fee + TIP


def _gas(node: Node, fields: dict[str, Any]) -> int:
    if "gas" in fields:
        return read_number(fields["gas"], "gas")
    return calls.estimate(node.chain, calls.read_call(fields), None)


def _decode(raw: bytes) -> Transaction:
    try:
        transaction = _BUILDER.decode(raw)
        transaction.validate()
        transaction.check_signature_validity()
        assert len(transaction.sender) == 20
    except UnknownType:
        raise refused("transaction type not supported") from None
    except BadSignature:
        raise refused("invalid sender") from None
    except (ValidationError, BadEncoding, ValueError, TypeError) as error:
        raise Refused(-32602, f"invalid transaction: {error!s:.200}") from None
    return transaction


def _submit(node: Node, transaction: Transaction) -> str:
    chain = node.chain
    _check_form(transaction, chain.chain_id)
    next_nonce = chain.ledger.get_nonce(transaction.sender)
    if transaction.nonce < next_nonce:
        raise refused(f"nonce too low: next nonce {next_nonce}, tx nonce {transaction.nonce}")
    if transaction.max_fee_per_gas < chain.draft().base_fee:
        raise refused("max fee per gas less than block base fee")
    cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
    owned = chain.ledger.get_balance(transaction.sender)
    if cost > owned:
        raise refused(
            f"insufficient funds for gas * price + value: balance {owned}, "
            f"tx cost {cost}, overshot {cost - owned}"
        )
    chain.pool.add(transaction)
    if node.automine:
        chain.mine()
    return data(transaction.hash)


def _check_form(transaction: Transaction, chain_id: int) -> None:
    """What is wrong with it wherever the chain stands."""
    if transaction.type_id == _BLOBS:
        raise refused("transaction type not supported")
    named = _chain_of(transaction)
    if named is not None and named != chain_id:
        raise refused(f"invalid chain id for signer: have {named} want {chain_id}")
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise refused("max priority fee per gas higher than max fee per gas")
    if transaction.gas > GAS_LIMIT:
        raise refused("exceeds block gas limit")
    if not transaction.to and len(transaction.data) > _MOST_CODE:
        raise refused(f"max initcode size exceeded: limit {_MOST_CODE}")
    if transaction.gas < transaction.intrinsic_gas:
        raise refused(
            f"intrinsic gas too low: gas {transaction.gas}, "
            f"minimum needed {transaction.intrinsic_gas}"
        )


def _chain_of(transaction: Transaction) -> int | None:
    if transaction.type_id:
        return int(transaction.chain_id)
    return None if transaction.v in _NO_CHAIN else (int(transaction.v) - 35) // 2
