"""Transactions that anvil has, could mine, and never would.

One that arrives in the moment in which its predecessor is mined is put aside, to wait for
one that is gone already (anvil 1.7; about one burst in fifty). Taken out of the pool and
handed in again, it is mined.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.errors import NetworkError

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.rpc import Rpc


class Stranded:
    """Looks after the pool of one anvil."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._seen: set[str] = set()

    def free(self) -> None:
        """Hand in again what was stuck at the last look too."""
        with suppress(NetworkError):
            stuck = self._stuck()
            for number in stuck.keys() & self._seen:
                self._hand_in(*stuck[number])
            self._seen = set(stuck)

    def _stuck(self) -> dict[str, tuple[str, list[str]]]:
        """By the hash of its first: a sender, and all of its transactions that wait."""
        if not int(self._rpc.call("txpool_status")["queued"], 16):
            return {}
        queued: dict[str, dict[str, Any]] = self._rpc.call("txpool_content")["queued"]
        if not queued:  # mined since the count
            return {}
        counts = self._rpc.batch(
            [("eth_getTransactionCount", [sender, "latest"]) for sender in queued]
        )
        found = {}
        for (sender, waiting), count in zip(queued.items(), counts, strict=True):
            nonces = sorted(waiting, key=int)
            if int(nonces[0]) == int(count, 16):  # nothing is missing before it
                hashes = [waiting[nonce]["hash"] for nonce in nonces]
                found[hashes[0]] = (sender, hashes)
        return found

    def _hand_in(self, sender: str, hashes: list[str]) -> None:
        raw = self._rpc.batch([("eth_getRawTransactionByHash", [number]) for number in hashes])
        self._rpc.call("anvil_removePoolTransactions", sender)
        for transaction in raw:
            with suppress(NetworkError):
                self._rpc.call("eth_sendRawTransaction", transaction)
