"""What is ordered, what it may cost, what was signed, and what a block says came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ogpu_jupyter.chain.rpc import as_object, digest, quantity
from ogpu_jupyter.errors import RpcError

_YEAR_9999 = 253_402_300_799  # as far as Python's calendar goes


@dataclass(frozen=True)
class Order:
    """What a transaction is to do; `value` is wei sent along."""

    to: str
    data: str
    value: int = 0


@dataclass(frozen=True)
class Quote:
    """What a transaction may cost, all in wei. No `priority_fee`: a chain with plain gas prices."""

    gas: int
    max_fee: int
    priority_fee: int | None
    nonce: int

    @property
    def max_cost(self) -> int:
        """The most that the network may take for it, without what is sent along."""
        return self.gas * self.max_fee


@dataclass(frozen=True)
class Signed:
    """A transaction that any node would take; `raw` moves money for whoever has it."""

    hash: str
    nonce: int
    raw: bytes = field(repr=False)


@dataclass(frozen=True)
class Head:
    """A block, as the newest one that a node has; `base_fee` is None on legacy chains."""

    number: int
    hash: str
    timestamp: int
    base_fee: int | None
    gas_limit: int | None = None

    @classmethod
    def of(cls, block: Any) -> Head:
        """From a node's block object."""
        fields = as_object(block, "a block")
        limit = fields.get("gasLimit")
        timestamp = quantity(fields.get("timestamp"), "a block's time")
        if timestamp > _YEAR_9999:
            raise RpcError("The node's answer has a block's time that is not one.")
        fee = fields.get("baseFeePerGas")
        return cls(
            number=quantity(fields.get("number"), "a block's number"),
            hash=digest(fields.get("hash"), "a block's hash"),
            timestamp=timestamp,
            base_fee=None if fee is None else quantity(fee, "a base fee"),
            gas_limit=None if limit is None else quantity(limit, "a gas limit"),
        )


@dataclass(frozen=True)
class Receipt:
    """A transaction in a block. Not `ok`: it was reverted, and its gas was paid all the same.

    No `fee` and no `gas_used` where only its logs are left.
    """

    hash: str
    ok: bool
    block: int
    block_hash: str
    fee: int | None
    gas_used: int | None
    logs: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, value: Any) -> Receipt | None:
        """From a node's receipt object; None while there is none, or none in a block."""
        if value is None:
            return None
        fields = as_object(value, "a receipt")
        if fields.get("blockNumber") is None:
            return None
        gas_used = quantity(fields.get("gasUsed"), "the gas used")
        price = fields.get("effectiveGasPrice")
        logs = fields.get("logs")
        return cls(
            hash=digest(fields.get("transactionHash"), "a transaction's hash"),
            ok=quantity(fields.get("status"), "a receipt's status") == 1,
            block=quantity(fields.get("blockNumber"), "a block's number"),
            block_hash=digest(fields.get("blockHash"), "a block's hash"),
            fee=gas_used * (0 if price is None else quantity(price, "a gas price")),
            gas_used=gas_used,
            logs=tuple(x for x in logs if isinstance(x, dict)) if isinstance(logs, list) else (),
        )
