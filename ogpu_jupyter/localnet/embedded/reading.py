"""The methods that look: blocks, transactions, accounts, logs, fees, and calls."""

from __future__ import annotations

from typing import Any, Final

from ogpu_jupyter.localnet.accounts import ALL
from ogpu_jupyter.localnet.embedded import calls
from ogpu_jupyter.localnet.embedded.chain import GAS_LIMIT, TIP
from ogpu_jupyter.localnet.embedded.formats import (
    block_json,
    data,
    read_address,
    read_data,
    read_number,
    receipt_json,
    transaction_json,
    word,
)
from ogpu_jupyter.localnet.embedded.node import Node, method

_MOST_FEES: Final = 1024

# --- the node ---


@method("web3_clientVersion")
def version(_: Node) -> str:
    return "ogpu-jupyter/embedded"


@method("net_version")
def net_version(node: Node) -> str:
    return str(node.chain.chain_id)


@method("eth_chainId")
def chain_id(node: Node) -> str:
    return hex(node.chain.chain_id)


@method("eth_syncing")
def syncing(_: Node) -> bool:
    return False


@method("net_listening")
def listening(_: Node) -> bool:
    return True


@method("eth_accounts")
def accounts(_: Node) -> list[str]:
    return [account.address.lower() for account in ALL]


# --- blocks ---


@method("eth_blockNumber")
def block_number(node: Node) -> str:
    return hex(node.chain.head.number)


@method("eth_getBlockByNumber")
def block_by_number(node: Node, tag: object, full: bool = False) -> Any:
    if tag == "pending":
        return _pending_block(node, full=full)
    number = node.height(tag)
    if number > node.chain.head.number:
        return None
    return block_json(node.chain.blocks[number], full=full)


@method("eth_getBlockByHash")
def block_by_hash(node: Node, number: object, full: bool = False) -> Any:
    block = node.chain.block_by_hash(read_data(number, "hash", 32))
    return block and block_json(block, full=full)


def _pending_block(node: Node, *, full: bool) -> dict[str, Any]:
    head, draft = node.chain.head, node.chain.draft()
    waiting = [
        transaction_json(transaction) if full else data(transaction.hash)
        for transaction in node.chain.pool
    ]
    return block_json(head, full=False) | {
        "number": hex(draft.number),
        "hash": None,
        "parentHash": data(head.hash),
        "nonce": None,
        "timestamp": hex(draft.timestamp),
        "baseFeePerGas": hex(draft.base_fee),
        "gasUsed": "0x0",
        "transactions": waiting,
    }


@method("eth_getBlockTransactionCountByNumber")
def transaction_count_of_block(node: Node, tag: object) -> str:
    block = node.block(tag)
    return hex(len(block.mined) if block else len(node.chain.pool))


# --- transactions ---


@method("eth_getTransactionByHash")
def transaction_by_hash(node: Node, number: object) -> Any:
    key = read_data(number, "hash", 32)
    mined = node.chain.find(key)
    if mined is not None:
        return transaction_json(mined.transaction, node.chain.blocks[mined.block_number], mined)
    waiting = node.chain.pool.get(key)
    return waiting and transaction_json(waiting)


@method("eth_getTransactionReceipt")
def receipt(node: Node, number: object) -> Any:
    mined = node.chain.find(read_data(number, "hash", 32))
    return mined and receipt_json(mined, node.chain.blocks[mined.block_number])


@method("eth_getBlockReceipts")
def block_receipts(node: Node, tag: object) -> Any:
    block = node.block(tag)
    return block and [receipt_json(mined, block) for mined in block.mined]


# --- accounts ---


@method("eth_getBalance")
def balance(node: Node, address: object, tag: object = "latest") -> str:
    with node.chain.at(node.block(tag)) as state:
        return hex(state.get_balance(read_address(address)))


@method("eth_getTransactionCount")
def transaction_count(node: Node, address: object, tag: object = "latest") -> str:
    account = read_address(address)
    with node.chain.at(node.block(tag)) as state:
        nonce = state.get_nonce(account)
    return hex(node.chain.pool.next_nonce(account, nonce) if tag == "pending" else nonce)


@method("eth_getCode")
def code(node: Node, address: object, tag: object = "latest") -> str:
    with node.chain.at(node.block(tag)) as state:
        return data(state.get_code(read_address(address)))


@method("eth_getStorageAt")
def storage(node: Node, address: object, slot: object, tag: object = "latest") -> str:
    with node.chain.at(node.block(tag)) as state:
        return word(state.get_storage(read_address(address), read_number(slot, "slot")))


# --- calls ---


@method("eth_call")
def call(node: Node, told: object, tag: object = "latest", overrides: object = None) -> str:
    return data(calls.run(node.chain, calls.read_call(told), node.block(tag), overrides))


@method("eth_estimateGas")
def estimate_gas(
    node: Node, told: object, tag: object = "pending", overrides: object = None
) -> str:
    return hex(calls.estimate(node.chain, calls.read_call(told), node.block(tag), overrides))


# --- fees ---


@method("eth_gasPrice")
def gas_price(node: Node) -> str:
    return hex(node.chain.draft().base_fee + TIP)


@method("eth_maxPriorityFeePerGas")
def priority_fee(_: Node) -> str:
    return hex(TIP)


@method("eth_feeHistory")
def fee_history(
    node: Node, blocks: object, newest: object = "latest", percentiles: object = None
) -> dict[str, Any]:
    last = min(node.height(newest), node.chain.head.number)
    number = min(read_number(blocks, "block count"), _MOST_FEES, last + 1)
    headers = [block.header for block in node.chain.blocks[last + 1 - number : last + 1]]
    above = node.chain.blocks[last + 1 : last + 2]
    following = above[0].header.base_fee_per_gas if above else node.chain.draft().base_fee
    told: dict[str, Any] = {
        "oldestBlock": hex(last + 1 - number),
        "baseFeePerGas": [hex(header.base_fee_per_gas) for header in headers] + [hex(following)],
        "gasUsedRatio": [header.gas_used / GAS_LIMIT for header in headers],
    }
    if isinstance(percentiles, list) and percentiles:
        told["reward"] = [[hex(TIP)] * len(percentiles) for _ in headers]
    return told
