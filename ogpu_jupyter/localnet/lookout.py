"""What a provider sees of the chain: new tasks, the time, and that it was turned back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.localnet import calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ogpu_jupyter.localnet.rpc import Rpc


class Lookout:
    """Reads the chain with one small request as long as nothing happens on it."""

    def __init__(self, rpc: Rpc, nexus: str) -> None:
        self.rpc = rpc
        self._nexus = nexus
        self._read_to = -1
        self._hash = ""
        self._latest: dict[str, Any] = {}
        self._offset = 0.0

    @property
    def now(self) -> float:
        """The chain's time: its last block's, and what has passed since."""
        return time.monotonic() + self._offset

    def look(self) -> bool:
        """True when blocks that were read are not on the chain any more."""
        known = hex(max(self._read_to, 0))
        latest, before = self.rpc.batch(
            [("eth_getBlockByNumber", ["latest", False]), ("eth_getBlockByNumber", [known, False])]
        )
        if latest.get("hash") != self._latest.get("hash"):
            self._latest = latest
            self._offset = int(latest["timestamp"], 16) - time.monotonic()
        turned_back = self._read_to >= 0 and (before is None or before["hash"] != self._hash)
        if turned_back:
            self._read_to = -1
        return turned_back

    def published(self) -> list[str]:
        """The tasks published since the last time, or since the chain began."""
        number = int(self._latest["number"], 16)
        if number == self._read_to:
            return []
        query = {
            "address": self._nexus,
            "topics": [calls.TASK_PUBLISHED],
            "fromBlock": hex(self._read_to + 1),
            "toBlock": hex(number),
        }
        logs = self.rpc.call("eth_getLogs", query)
        self._read_to, self._hash = number, self._latest["hash"]
        return [calls.address_at(bytes.fromhex(log["data"][2:]), 0) for log in logs]

    def read(self, tasks: list[str]) -> Iterator[calls.Told]:
        asked = [
            ("eth_call", [{"to": task, "data": data}, "latest"])
            for task in tasks
            for data in (calls.TASK_PARAMS, calls.GET_STATUS)
        ]
        answers = [bytes.fromhex(answer[2:]) for answer in self.rpc.batch(asked)]
        for number, task in enumerate(tasks):
            params, status = answers[2 * number : 2 * number + 2]
            yield calls.told(task, params, status)
