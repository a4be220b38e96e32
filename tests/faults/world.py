"""One chain with a content store and a proxy before both: a market that storms pass over.

What is true is asked of the node itself, past the proxy.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ogpu_jupyter import following
from ogpu_jupyter.chain import events
from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.chain.contracts import NEXUS, VAULT
from ogpu_jupyter.chain.events import pace
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.chain.transactions import Receipt
from ogpu_jupyter.content.cids import cid
from ogpu_jupyter.errors import NotSent, OgpuError
from ogpu_jupyter.localnet.accounts import PROVIDER
from ogpu_jupyter.localnet.pinning import PinServer
from ogpu_jupyter.localnet.rpc import Rpc as LocalRpc
from ogpu_jupyter.localnet.stranded import Stranded
from ogpu_jupyter.tasks import TaskSnapshot, TaskStatus
from tests.chain.market import CLIENT, Market
from tests.faults.proxy import Proxy, proxying
from tests.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

    from ogpu_jupyter.chain.networks import Network

BLOCK_SECONDS = 0.15
PATIENCE = 2.0  # of a client in a storm, for one answer
FUNDS = 100 * 10**18
FINAL = {TaskStatus.FINALIZED, TaskStatus.CANCELED, TaskStatus.EXPIRED}


def hurry(change: Callable[..., None] = setattr) -> None:
    """The same waits, shorter: a storm has no minutes."""
    for module, name, seconds in (
        (following, "_SETTLE_SECONDS", 0.5),
        (events, "_TICK_SECONDS", 2.0),
        (pace, "_LONGEST_BACKOFF", 0.5),
        (pace, "_SLOWEST", 0.5),
    ):
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__}.{name} is gone: see tests/faults/world.py")
        change(module, name, seconds)


class World(Market):
    """Blocks come by themselves, and at once for what the node is sent (mixed mining)."""

    def __init__(self, anvil: Path | None, folder: Path) -> None:
        super().__init__(anvil)
        self.folder = folder
        self.direct = Rpc(self.url)
        self._pins = PinServer()
        self._floor = 0
        self._awake = threading.RLock()  # held while the node is being replaced
        self._over = threading.Event()
        self._miner = threading.Thread(target=self._mine_on, name="miner", daemon=True)

    @contextmanager
    def open(self) -> Iterator[World]:
        with self._pins, proxying(self.url, self._pins.gateway_url) as self.proxy:
            self._miner.start()
            try:
                yield self
            finally:
                self._over.set()
                self._miner.join(5)
                self.direct.close()
                self.kill()

    def _mine_on(self) -> None:
        rpc = LocalRpc(self.port)
        stranded = Stranded(rpc)
        while not self._over.wait(BLOCK_SECONDS):
            with self._awake, suppress(OgpuError):
                rpc.call("evm_mine")
                stranded.free()  # anvil's own fault, and none of this play
        rpc.close()

    @property
    def stormy(self) -> Network:
        """The market through the proxy."""
        proxy: Proxy = self.proxy
        return replace(
            self.network(proxy.url), pin_url=proxy.pin_url, gateway_url=proxy.gateway_url
        )

    def account(self) -> Any:
        """A fresh one with gas and a filled vault."""
        fresh = eth_account.Account.create()
        self.fund(fresh.address)
        return fresh

    def fund(self, address: str) -> None:
        self.call("anvil_setBalance", address, hex(FUNDS))
        self.send(CLIENT, self.contracts["vault"], VAULT.encode("deposit", address), value=FUNDS)

    def settle(self) -> None:
        """What is here now stays, whatever a reorg takes later."""
        self.mine(2)
        self._floor = self.height()

    def receipt(self, tx_hash: str) -> Receipt:
        """Of a transaction that a node has; an error where a storm took it from there."""
        end = time.monotonic() + 3
        while (found := self.call("eth_getTransactionReceipt", tx_hash)) is None:
            if time.monotonic() > end:
                raise NotSent(f"{tx_hash} is in no block.")
            time.sleep(0.005)
        receipt = Receipt.of(found)
        if receipt is None or not receipt.ok:
            raise NotSent(f"{tx_hash} was reverted.")
        return receipt

    # --- what goes wrong with the chain ---------------------------------------------------

    def reorg(self, dice: Random) -> bool:
        """The newest blocks are others, and what was in them is gone."""
        depth = min(dice.randint(1, 5), self.height() - self._floor)
        if depth < 1:
            return False
        with self._awake:
            self.direct.call("anvil_reorg", depth, [])
        return True

    def rewind(self, dice: Random, before: str) -> bool:
        """Back to an earlier state, and on from there with other blocks."""
        with self._awake:
            done = bool(self.direct.call("evm_revert", before))
            self.direct.call("evm_increaseTime", dice.randint(1, 3))
            self.direct.call("evm_mine")
        return done

    def bounce(self, dice: Random) -> None:
        """The node dies with all that waited in it, and comes back at its port after a while."""
        with self._awake:
            state, port = self.folder / "chain.json", self.port
            self.call("evm_setAutomine", False)
            state.write_bytes(wait_until(self._whole_dump))
            self.kill()
            threading.Event().wait(dice.uniform(0.0, 0.8))
            wait_until(lambda: self._is_back(port, state), seconds=10)

    def _whole_dump(self) -> bytes | None:
        """A dump that a block under way has torn holds its nonces and not its transactions."""
        dump = self.dump()
        return dump if dump == self.dump() else None

    def _is_back(self, port: int, state: Path) -> bool:
        try:
            self.restart(port, state)
        except OgpuError:
            return False  # somebody's connection holds the port for a moment
        return True

    @contextmanager
    def no_blocks(self) -> Iterator[None]:
        """Transactions wait until this ends."""
        with self._awake:
            self.call("evm_setAutomine", False)
            try:
                yield
            finally:
                self.call("evm_setAutomine", True)

    # --- what is true ---------------------------------------------------------------------

    def link(self, payload: bytes) -> str:
        return f"{self.proxy.gateway_url}/{cid(payload)}"

    def put(self, value: Any) -> str:
        """The link of an answer, as the proxy's gateway serves it."""
        data = json.dumps(value).encode()
        self._pins.put(data)
        return self.link(data)

    def tasks(self) -> list[TaskSnapshot]:
        """All that were published since `settle`, as they are."""
        where = {"address": self.contracts["nexus"], "fromBlock": hex(self._floor)}
        query = {**where, "toBlock": "latest", "topics": [NEXUS.topics["TaskPublished"]]}
        found = [NEXUS.decode_log(log) for log in self.direct.call("eth_getLogs", query)]
        return self.states([log.args["task"] for log in found if log])

    def states(self, addresses: list[str]) -> list[TaskSnapshot]:
        read = snapshots(self.direct, addresses)
        return [found for found in read if isinstance(found, TaskSnapshot)]

    def bids(self) -> dict[tuple[str, str], int]:
        """By task and provider."""
        where = {"address": self.contracts["nexus"], "fromBlock": hex(self._floor)}
        query = {**where, "toBlock": "latest", "topics": [NEXUS.topics["Attempted"]]}
        found = [NEXUS.decode_log(log) for log in self.direct.call("eth_getLogs", query)]
        return {
            (log.args["task"], log.args["provider"]): log.args["suggestedPayment"]
            for log in found
            if log
        }

    # --- a provider's and a client's moves, by hand ---------------------------------------

    def step(self, dice: Random, task: str) -> bool:
        """The next move of a task's life, if there is one and it gets through."""
        for state in self.states([task]):
            with suppress(OgpuError):
                return self._step(dice, state)
        return False

    def _step(self, dice: Random, state: TaskSnapshot) -> bool:
        if state.status is TaskStatus.NEW:
            self.attempt(state.address, bid=dice.randint(1, 1000))
        elif state.status is TaskStatus.ATTEMPTED:
            url = self.put({"answer": state.address, "for": dice.randint(0, 9)})
            params = (state.address, PROVIDER.address, url, state.attempts[0].bid or 1)
            self._nexus(PROVIDER.address, "submitResponse", params)
        else:
            return False
        return True


@contextmanager
def world(anvil: Path | None, folder: Path) -> Iterator[World]:
    with World(anvil, folder).open() as opened:
        yield opened
