"""The methods that tests and the clock use, by the names that anvil gives them."""

from __future__ import annotations

from typing import Any

from ogpu_jupyter.localnet.embedded.formats import data, read_address, read_data, read_number
from ogpu_jupyter.localnet.embedded.node import Node, method


@method("evm_mine")
def mine(node: Node, timestamp: object = None) -> str:
    if timestamp is not None:
        set_next_timestamp(node, timestamp)
    node.chain.mine()
    return "0x0"


@method("evm_increaseTime")
def increase_time(node: Node, seconds: object) -> int:
    node.chain.ahead += read_number(seconds, "seconds")
    return node.chain.ahead


@method("evm_setNextBlockTimestamp")
def set_next_timestamp(node: Node, timestamp: object) -> None:
    node.chain.next_timestamp = read_number(timestamp, "timestamp")


@method("anvil_setNextBlockBaseFeePerGas")
def set_next_base_fee(node: Node, fee: object) -> None:
    node.chain.next_base_fee = read_number(fee, "fee")


@method("evm_setAutomine")
def set_automine(node: Node, automine: object) -> None:
    node.automine = bool(automine)
    if node.automine and len(node.chain.pool):
        node.chain.mine()


@method("anvil_getAutomine")
def get_automine(node: Node) -> bool:
    return node.automine


@method("evm_snapshot")
def snapshot(node: Node) -> str:
    number = len(node.snapshots)
    node.snapshots[number] = (node.chain.pin(), node.chain.ahead, node.chain.pool.copy())
    return hex(number)


@method("evm_revert")
def revert(node: Node, number: object) -> bool:
    """True when it was done; the snapshot and all later ones are used up."""
    wanted = read_number(number, "snapshot")
    if wanted not in node.snapshots:
        return False
    height, ahead, pool = node.snapshots[wanted]
    node.chain.back_to(height)
    node.chain.ahead, node.chain.pool = ahead, pool
    for later in [key for key in node.snapshots if key >= wanted]:
        del node.snapshots[later]
    return True


@method("anvil_setBalance")
def set_balance(node: Node, address: object, amount: object) -> None:
    node.chain.ledger.set_balance(read_address(address), read_number(amount, "balance"))


@method("anvil_dropTransaction")
def drop_transaction(node: Node, number: object) -> Any:
    waiting = node.chain.pool.get(read_data(number, "hash", 32))
    if waiting is not None:
        node.chain.pool.remove(waiting)
    return waiting and data(waiting.hash)
