"""The kinds of contracts: their calls, events and errors, from the ABIs beside this package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.contracts.addresses import checksum
from ogpu_jupyter.chain.contracts.codec import (
    Entry,
    Undecodable,
    decode_named,
    decode_result,
    encode,
)
from ogpu_jupyter.chain.rpc import Call, as_object, digest, hex_bytes, quantity
from ogpu_jupyter.errors import AddressError, RpcError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ContractCall:
    """A question to a contract: `rpc` to ask it, `decode` for what comes back."""

    contract: str
    address: str
    function: Entry
    rpc: Call

    def decode(self, result: Any) -> Any:
        """The value; a struct is a dict by its names. An RpcError from a batch is raised.

        AddressError where the answer is not one of such a contract, as from an account
        without code.
        """
        if isinstance(result, RpcError):
            raise result
        data = hex_bytes(result)
        if data is None:
            raise RpcError(f"The node's answer to {self.function.name} is not hex data.")
        try:
            return decode_result(self.function.outputs, data)
        except Undecodable:
            raise AddressError(f"There is no {self.contract} at {self.address}.") from None


@dataclass(frozen=True)
class Log:
    """A decoded event and where it stands. `removed`: a reorg took it back."""

    name: str
    args: dict[str, Any]
    address: str
    block: int
    block_hash: str
    tx_hash: str
    index: int
    removed: bool = False


class Contract:
    """One kind of contract. Its ABI is read when it is first needed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Contract({self.name!r})"

    def call(
        self, address: str, function: str, *args: Any, block: int | str = "latest"
    ) -> ContractCall:
        """A read, at a block's number or tag."""
        at = hex(block) if isinstance(block, int) else block
        message = {"to": address, "data": self.encode(function, *args)}
        call = Call("eth_call", (message, at))
        return ContractCall(self.name, address, self.functions[function], call)

    def encode(self, function: str, *args: Any) -> str:
        """Call data; a struct may be a mapping by its names."""
        entry = self.functions[function]
        return "0x" + (entry.selector + encode(entry.inputs, args)).hex()

    def decode_input(self, data: str) -> tuple[str, dict[str, Any]] | None:
        """The function and its arguments in call data, if it is one of these."""
        raw = hex_bytes(data) or b""
        for entry in self.functions.values():
            if entry.selector == raw[:4]:
                return entry.name, decode_named(entry.inputs, raw[4:])
        return None

    def decode_log(self, log: Any) -> Log | None:
        """The event in a node's log object; None for another's, and for what is not one."""
        try:
            return self._decode_log(as_object(log, "a log"))
        except (RpcError, AddressError, Undecodable):
            return None

    def _decode_log(self, log: Mapping[str, Any]) -> Log | None:
        raw_topics = log.get("topics")
        topics = [digest(topic) for topic in raw_topics] if isinstance(raw_topics, list) else []
        event = self._events_by_topic.get(topics[0]) if topics else None
        data = hex_bytes(log.get("data"))
        if event is None or data is None:
            return None
        return Log(
            name=event.name,
            args=_arguments(event, topics[1:], data),
            address=checksum(log.get("address")),
            block=quantity(log.get("blockNumber")),
            block_hash=digest(log.get("blockHash")),
            tx_hash=digest(log.get("transactionHash")),
            index=quantity(log.get("logIndex")),
            removed=log.get("removed") is True,
        )

    @cached_property
    def functions(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self._entries("function")}

    @cached_property
    def topics(self) -> dict[str, str]:
        """The first topic of each event, by its name."""
        return {entry.name: topic for topic, entry in self._events_by_topic.items()}

    @cached_property
    def errors(self) -> dict[bytes, Entry]:
        """Custom errors by their selector."""
        return {entry.selector: entry for entry in self._entries("error")}

    @cached_property
    def _events_by_topic(self) -> dict[str, Entry]:
        return {"0x" + entry.digest.hex(): entry for entry in self._entries("event")}

    @cached_property
    def abi(self) -> list[dict[str, Any]]:
        place = files("ogpu_jupyter.chain") / "abi" / f"{self.name}.json"
        abi: list[dict[str, Any]] = json.loads(place.read_text("utf-8"))
        return abi

    def _entries(self, kind: str) -> list[Entry]:
        return [
            Entry(item["name"], tuple(item["inputs"]), tuple(item.get("outputs", ())))
            for item in self.abi
            if item["type"] == kind
        ]


def _arguments(event: Entry, topics: list[str], data: bytes) -> dict[str, Any]:
    """Indexed arguments stand in topics, the others in the data."""
    indexed = [part for part in event.inputs if part.get("indexed")]
    if len(indexed) != len(topics):
        raise Undecodable("topics")
    words = b"".join(bytes.fromhex(topic[2:]) for topic in topics)
    plain = [part for part in event.inputs if not part.get("indexed")]
    return decode_named(indexed, words) | decode_named(plain, data)


CONTROLLER = Contract("Controller")
MANAGER = Contract("Manager")
NEXUS = Contract("Nexus")
RESPONSE = Contract("Response")
SOURCE = Contract("Source")
TASK = Contract("Task")
TERMINAL = Contract("Terminal")
VAULT = Contract("Vault")
CONTRACTS = (CONTROLLER, MANAGER, NEXUS, RESPONSE, SOURCE, TASK, TERMINAL, VAULT)
