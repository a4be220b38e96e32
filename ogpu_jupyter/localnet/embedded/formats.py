"""Between py-evm's objects and the JSON of Ethereum's RPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.errors import invalid
from ogpu_jupyter.localnet.embedded.evm import NO_ADDRESS

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.embedded.chain import Block, Mined
    from ogpu_jupyter.localnet.embedded.pool import Transaction

_SIGNATURE_OFFSET: Final = 35


def data(value: bytes) -> str:
    return "0x" + value.hex()


def word(value: int) -> str:
    return f"0x{value:064x}"


# --- from JSON ---


def read_number(value: object, name: str = "number") -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        assert isinstance(value, str)
        assert value.startswith("0x")
        assert len(value) <= 66
        return int(value, 16)
    except (AssertionError, ValueError):
        raise invalid(f"invalid {name}: {value!r:.80}") from None


def read_data(value: object, name: str = "data", size: int | None = None) -> bytes:
    try:
        assert isinstance(value, str)
        assert value.startswith("0x")
        read = bytes.fromhex(value[2:])
        assert size is None or len(read) == size
    except (AssertionError, ValueError):
        raise invalid(f"invalid {name}: {value!r:.80}") from None
    return read


def read_address(value: object, name: str = "address") -> bytes:
    return read_data(value, name, 20)


def read_object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"invalid {name}: an object is needed")
    return value


# --- to JSON ---


def block_json(block: Block, *, full: bool) -> dict[str, Any]:
    header = block.header
    return {
        "number": hex(block.number),
        "hash": data(block.hash),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": f"0x{header.bloom:0512x}",
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "withdrawalsRoot": data(header.withdrawals_root),
        "withdrawals": [],
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "requestsHash": data(header.requests_hash),
        "size": hex(600 + sum(len(item.transaction.data) + 110 for item in block.mined)),
        "uncles": [],
        "transactions": [
            transaction_json(item.transaction, block, item) if full else data(item.transaction.hash)
            for item in block.mined
        ],
    }


def transaction_json(
    transaction: Transaction, block: Block | None = None, mined: Mined | None = None
) -> dict[str, Any]:
    """With nulls for its place when it waits in the pool."""
    kind = transaction.type_id or 0
    told = {
        "type": hex(kind),
        "hash": data(transaction.hash),
        "nonce": hex(transaction.nonce),
        "from": data(transaction.sender),
        "to": _to(transaction),
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "input": data(transaction.data),
        "gasPrice": hex(mined.price if mined else transaction.max_fee_per_gas),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
        "blockHash": data(block.hash) if block else None,
        "blockNumber": hex(block.number) if block else None,
        "transactionIndex": hex(mined.index) if mined else None,
    }
    return told | (_typed(transaction, kind) if kind else _legacy(transaction))


def _legacy(transaction: Transaction) -> dict[str, Any]:
    told = {"v": hex(transaction.v)}
    if transaction.v >= _SIGNATURE_OFFSET:
        told["chainId"] = hex((transaction.v - _SIGNATURE_OFFSET) // 2)
    return told


def _typed(transaction: Transaction, kind: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "chainId": hex(transaction.chain_id),
        "v": hex(transaction.y_parity),
        "yParity": hex(transaction.y_parity),
        "accessList": [
            {"address": data(address), "storageKeys": [word(key) for key in keys]}
            for address, keys in transaction.access_list
        ],
    }
    if kind >= 2:
        told["maxFeePerGas"] = hex(transaction.max_fee_per_gas)
        told["maxPriorityFeePerGas"] = hex(transaction.max_priority_fee_per_gas)
    return told


def receipt_json(mined: Mined, block: Block) -> dict[str, Any]:
    transaction, receipt = mined.transaction, mined.receipt
    return {
        "type": hex(transaction.type_id or 0),
        "status": hex(int.from_bytes(receipt.state_root, "big")),
        "transactionHash": data(transaction.hash),
        "transactionIndex": hex(mined.index),
        "blockHash": data(block.hash),
        "blockNumber": hex(block.number),
        "from": data(transaction.sender),
        "to": _to(transaction),
        "contractAddress": data(mined.contract) if mined.contract else None,
        "gasUsed": hex(mined.gas_used),
        "cumulativeGasUsed": hex(receipt.gas_used),
        "effectiveGasPrice": hex(mined.price),
        "logsBloom": f"0x{receipt.bloom:0512x}",
        "logs": logs_json(mined, block),
    }


def logs_json(mined: Mined, block: Block) -> list[dict[str, Any]]:
    shared = {
        "blockNumber": hex(block.number),
        "blockHash": data(block.hash),
        "blockTimestamp": hex(block.header.timestamp),
        "transactionHash": data(mined.transaction.hash),
        "transactionIndex": hex(mined.index),
        "removed": False,
    }
    return [
        {
            "address": data(log.address),
            "topics": [word(topic) for topic in log.topics],
            "data": data(log.data),
            "logIndex": hex(number),
            **shared,
        }
        for number, log in enumerate(mined.receipt.logs, start=mined.first_log)
    ]


def _to(transaction: Transaction) -> str | None:
    return None if transaction.to == NO_ADDRESS else data(transaction.to)
