"""The methods that find logs, by height, address and topics: once, or what is new each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.errors import Refused, invalid
from ogpu_jupyter.localnet.embedded.formats import (
    data,
    logs_json,
    read_address,
    read_data,
    read_number,
    read_object,
)
from ogpu_jupyter.localnet.embedded.node import Node, method

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ogpu_jupyter.localnet.embedded.chain import Block

_MOST: Final = 20_000  # logs in one answer
_MOST_FILTERS: Final = 256


@dataclass(frozen=True)
class LogFilter:
    """Empty `addresses` are all; a None among `topics` is any."""

    addresses: frozenset[bytes]
    topics: tuple[frozenset[int] | None, ...]

    def of(self, blocks: Iterable[Block]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for block in blocks:
            found += self._of_block(block)
            if len(found) > _MOST:
                raise Refused(-32005, f"query returned more than {_MOST} results")
        return found

    def _of_block(self, block: Block) -> list[dict[str, Any]]:
        return [
            told
            for mined in block.mined
            for log, told in zip(mined.receipt.logs, logs_json(mined, block), strict=True)
            if self._matches(log)
        ]

    def _matches(self, log: Any) -> bool:
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(
            wanted is None or topic in wanted
            for wanted, topic in zip(self.topics, log.topics, strict=False)
        )


@dataclass
class Installed:
    """A filter that a client comes back to; without `logs` it tells the hashes of blocks."""

    logs: LogFilter | None
    first: int
    last: int | None
    told: int


@method("eth_getLogs")
def logs(node: Node, told: object) -> list[dict[str, Any]]:
    fields = read_object(told, "filter")
    wanted = _read_filter(fields)
    if fields.get("blockHash") is None:
        first, last = _range(node, fields)
        return wanted.of(node.chain.with_logs(first, last))
    if "fromBlock" in fields or "toBlock" in fields:
        raise invalid("cannot specify both blockHash and fromBlock/toBlock")
    block = node.block({"blockHash": fields["blockHash"]})
    return wanted.of([block] if block else [])


@method("eth_newFilter")
def new_filter(node: Node, told: object) -> str:
    fields = read_object(told, "filter")
    first, last = _range(node, fields)
    open_ended = fields.get("toBlock") in (None, "latest", "pending")
    wanted = _read_filter(fields)
    told_before = node.chain.head.number
    return _install(node, Installed(wanted, first, None if open_ended else last, told_before))


@method("eth_newBlockFilter")
def new_block_filter(node: Node) -> str:
    return _install(node, Installed(None, 0, None, node.chain.head.number))


@method("eth_getFilterChanges")
def filter_changes(node: Node, number: object) -> list[Any]:
    """What is new since the last time, or since the filter was made."""
    installed = _installed(node, number)
    first, installed.told = installed.told + 1, node.chain.head.number
    if installed.logs is None:
        return [data(block.hash) for block in node.chain.blocks[first:]]
    last = node.chain.head.number if installed.last is None else installed.last
    return installed.logs.of(node.chain.with_logs(max(first, installed.first), last))


@method("eth_getFilterLogs")
def filter_logs(node: Node, number: object) -> list[Any]:
    installed = _installed(node, number)
    if installed.logs is None:
        raise invalid("not a filter of logs")
    last = node.chain.head.number if installed.last is None else installed.last
    return installed.logs.of(node.chain.with_logs(installed.first, last))


@method("eth_uninstallFilter")
def uninstall_filter(node: Node, number: object) -> bool:
    return node.filters.pop(read_number(number, "filter"), None) is not None


def _install(node: Node, filter_: Installed) -> str:
    """The oldest makes room: a client that is gone doesn't take its filters away."""
    while len(node.filters) >= _MOST_FILTERS:
        del node.filters[next(iter(node.filters))]
    number = next(node.numbers)
    node.filters[number] = filter_
    return hex(number)


def _installed(node: Node, number: object) -> Installed:
    found: Installed | None = node.filters.get(read_number(number, "filter"))
    if found is None:
        raise Refused(-32000, "filter not found")
    return found


def _range(node: Node, fields: dict[str, Any]) -> tuple[int, int]:
    return node.height(fields.get("fromBlock")), node.height(fields.get("toBlock"))


def _read_filter(told: dict[str, Any]) -> LogFilter:
    addresses = told.get("address") or []
    if not isinstance(addresses, list):
        addresses = [addresses]
    topics = told.get("topics") or []
    if not isinstance(topics, list) or len(topics) > 4:
        raise invalid("invalid topics: a list of at most four is needed")
    return LogFilter(frozenset(map(read_address, addresses)), tuple(map(_topics, topics)))


def _topics(told: object) -> frozenset[int] | None:
    """One place: null or an empty list for any, one value, or a list of which one fits."""
    if told is None or told == []:
        return None
    choices = told if isinstance(told, list) else [told]
    if None in choices:
        return None
    return frozenset(int.from_bytes(read_data(topic, "topic", 32), "big") for topic in choices)
