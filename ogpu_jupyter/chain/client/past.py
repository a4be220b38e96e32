"""What transactions left in blocks of long ago, of which a node keeps no index any more.

A nonce that is used, by nobody knows whom, proves nothing: where a transaction of ours was
mined, the market told of it in a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.rpc import Call, digest, quantity
from ogpu_jupyter.chain.transactions import Receipt
from ogpu_jupyter.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ogpu_jupyter.chain.rpc import Rpc

_EARLIER: Final = 600  # seconds that this machine's clock may be ahead of the chain's
_LONGEST: Final = 2000  # blocks in one range
_REQUESTS: Final = 24  # for ranges, in one look: the next goes on from there


class Past:
    """The logs of the contracts at `addresses`, read on from look to look."""

    def __init__(self, rpc: Rpc, addresses: Sequence[str]) -> None:
        self._rpc = rpc
        self._addresses = list(addresses)
        self._next: dict[str, int] = {}  # the first block that was not read yet, by hash
        self._found: dict[str, Receipt] = {}
        self._longest = _LONGEST

    def receipt(self, tx_hash: str) -> Receipt | None:
        """As it was found before."""
        return self._found.get(tx_hash)

    def look(self, signed_at: Mapping[str, float]) -> dict[str, Receipt | None]:
        """Of transactions, each with the time when it was signed; None: it was never mined.

        One that is missing in the answer isn't known yet. Whatever left no log counts as
        never mined: it had no effect on the market.
        """
        head = quantity(self._rpc.call("eth_blockNumber"), "a block's number")
        for tx_hash, moment in signed_at.items():
            if tx_hash not in self._next:
                self._next[tx_hash] = self._block_at(moment - _EARLIER, head)
        for _ in range(_REQUESTS):
            wanted = [h for h in signed_at if h not in self._found and self._next[h] <= head]
            if not wanted:
                break
            self._read(wanted, head)
        done = [h for h in signed_at if h in self._found or self._next[h] > head]
        return {tx_hash: self._found.get(tx_hash) for tx_hash in done}

    def _read(self, wanted: Sequence[str], head: int) -> None:
        first = min(self._next[tx_hash] for tx_hash in wanted)
        last = min(head, first + self._longest - 1)
        where = {"address": self._addresses, "fromBlock": hex(first), "toBlock": hex(last)}
        (logs,) = self._rpc.batch([Call("eth_getLogs", (where,))])
        if isinstance(logs, RpcError):
            if self._longest == 1:
                raise logs
            self._longest = max(1, (last - first + 1) // 2)
            return
        self._longest = min(_LONGEST, 2 * self._longest)
        for tx_hash in wanted:
            self._next[tx_hash] = max(self._next[tx_hash], last + 1)
        self._found |= _receipts(logs, wanted)

    def _block_at(self, moment: float, head: int) -> int:
        """The last block of before a moment."""
        low, high = 0, head
        while low < high:
            middle = (low + high + 1) // 2
            block = self._rpc.call("eth_getBlockByNumber", hex(middle), False)
            is_there = isinstance(block, dict)  # else this node begins later
            if not is_there or quantity(block.get("timestamp"), "a block's time") < moment:
                low = middle
            else:
                high = middle - 1
        return low


def _receipts(logs: Any, wanted: Iterable[str]) -> dict[str, Receipt]:
    """What the logs say of each; what its gas cost is not known."""
    left: dict[str, list[dict[str, Any]]] = {tx_hash: [] for tx_hash in wanted}
    for log in logs if isinstance(logs, list) else ():
        tx_hash = log.get("transactionHash") if isinstance(log, dict) else None
        if isinstance(tx_hash, str) and tx_hash.lower() in left:
            left[tx_hash.lower()].append(log)
    return {
        tx_hash: Receipt(
            hash=tx_hash,
            ok=True,
            block=quantity(its[0].get("blockNumber"), "a block's number"),
            block_hash=digest(its[0].get("blockHash"), "a block's hash"),
            fee=None,
            gas_used=None,
            logs=tuple(its),
        )
        for tx_hash, its in left.items()
        if its
    }
