"""The provider's transactions: numbered here, signed by the node, and looked after."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.errors import NetworkError, NodeUnavailable, RpcError

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.rpc import Rpc
    from ogpu_jupyter.localnet.workers import Ticket

_log = logging.getLogger("ogpu_jupyter.localnet.provider")

_AT_ONCE: Final = 100
_REFUSALS: Final = 5  # of the node, after which a transaction is given up
_STRANDED: Final = 15.0  # seconds after which one that nobody mines is


class Sender:
    """The one sender of its account, so that the next nonce is known without asking."""

    def __init__(self, rpc: Rpc, account: str, nexus: str, stopped: threading.Event) -> None:
        self.rpc = rpc
        self._account = account
        self._nexus = nexus
        self._stopped = stopped
        self._lock = threading.Lock()
        self._nonce: int | None = None
        self._waiting: dict[str, tuple[str, float]] = {}

    def send(self, data: str, *, gas: int, why: str, ticket: Ticket) -> str:
        """Its hash. After an error it may go out twice; the contracts take one of them.

        While the node is away it waits, until the ticket is canceled.
        """
        fields = {"from": self._account, "to": self._nexus, "data": data, "gas": hex(gas)}
        refusals = tries = 0
        while True:
            ticket.check()
            try:
                with self._lock:
                    return self._send(fields, why)
            except NetworkError as error:
                tries += 1
                refusals += isinstance(error, RpcError)
                if refusals == _REFUSALS or self._stopped.is_set():
                    raise
            self._stopped.wait(min(0.1 * 2**tries, 2.0))

    def is_refused(self, sent: str) -> bool:
        """Whether it was mined and reverted; False as long as that isn't known."""
        with suppress(NetworkError):
            receipt = self.rpc.call("eth_getTransactionReceipt", sent)
            return receipt is not None and bool(receipt["status"] == "0x0")
        return False

    def check(self) -> None:
        """Tell what was refused, and count anew when something is never mined."""
        waiting = list(self._waiting.items())[:_AT_ONCE]
        if not waiting:
            return
        receipts = self.rpc.batch([("eth_getTransactionReceipt", [sent]) for sent, _ in waiting])
        for (sent, (why, since)), receipt in zip(waiting, receipts, strict=True):
            if receipt is not None and receipt["status"] == "0x0":
                _log.warning("the chain refused %s", why)
            if receipt is not None:
                self._waiting.pop(sent, None)
            elif time.monotonic() - since > _STRANDED:
                self.resync()
                return

    def resync(self) -> None:
        with self._lock:
            self._nonce = None
            self._waiting.clear()

    def _send(self, fields: dict[str, str], why: str) -> str:
        try:
            if self._nonce is None:
                count = self.rpc.call("eth_getTransactionCount", self._account, "pending")
                self._nonce = int(count, 16)
            sent: str = self.rpc.call("eth_sendTransaction", {**fields, "nonce": hex(self._nonce)})
        except (NodeUnavailable, RpcError):
            self._nonce = None
            raise
        self._nonce += 1
        self._waiting[sent] = (why, time.monotonic())
        return sent
