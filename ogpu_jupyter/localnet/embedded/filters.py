"""Which logs are meant: `eth_getLogs` by height, address and topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.errors import Refused, invalid
from ogpu_jupyter.localnet.embedded.formats import logs_json, read_address, read_data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ogpu_jupyter.localnet.embedded.chain import Block

_MOST: Final = 20_000  # logs in one answer


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


def read_filter(told: dict[str, Any]) -> LogFilter:
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
