"""A market with no provider in it: the tests play client and provider, move by move."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import dataclass
from typing import Any

from ogpu_jupyter.chain.contracts import CONTROLLER, NEXUS, VAULT
from ogpu_jupyter.chain.networks import Network
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.transactions import Receipt
from ogpu_jupyter.localnet.accounts import ALL, PROVIDER
from ogpu_jupyter.localnet.market import set_up
from ogpu_jupyter.localnet.node import launch
from ogpu_jupyter.localnet.options import Options
from ogpu_jupyter.tasks import DeliveryMethod
from tests.helpers import wait_until

CLIENT = ALL[0].address
DEPOSIT = 1000 * 10**18
PAYMENT = 10**16


@dataclass(frozen=True)
class Terms:
    """As much of a service as a source is made of."""

    delivery: DeliveryMethod
    min_payment: int = 1
    max_expiry: int = 10**9
    metadata: tuple[()] = ()
    bidders: tuple[()] = ()


class Market:
    """A node of our own, with two sources: `first` and `manual`."""

    def __init__(self, anvil: Any, *, port: int = 0) -> None:
        self.anvil = anvil
        self._serial = itertools.count()
        self.node = launch(anvil, _options(anvil, port))
        try:
            self._set_up()
        except BaseException:
            self.node.stop()
            raise

    def _set_up(self) -> None:
        services = {
            "first": Terms(DeliveryMethod.FIRST_RESPONSE),
            "manual": Terms(DeliveryMethod.MANUAL_CONFIRMATION),
        }
        market = set_up(self.node.rpc, services, lambda _: "http://127.0.0.1:9/x")
        self.contracts, self.services = market.contracts, market.services
        self.first, self.manual = market.services["first"], market.services["manual"]
        self.send(CLIENT, self.contracts["vault"], VAULT.encode("deposit", CLIENT), value=DEPOSIT)

    @property
    def url(self) -> str:
        return self.node.rpc.url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def network(self, url: str = "") -> Network:
        known = {
            name: self.contracts[name] for name in ("nexus", "controller", "terminal", "vault")
        }
        pin = "http://127.0.0.1:9"
        return Network(
            name="local",
            chain_id=31337,
            rpc_url=url or self.url,
            pin_url=pin,
            gateway_url=pin,
            **known,
        )

    def call(self, method: str, *params: Any) -> Any:
        return self.node.rpc.call(method, *params)

    def rpc(self) -> Rpc:
        return Rpc(self.url)

    # --- who moves ---------------------------------------------------------------------

    def send(self, sender: str, to: str, data: str, *, value: int = 0) -> Receipt:
        return self.receipt(self.post(sender, to, data, value=value))

    def post(self, sender: str, to: str, data: str, *, value: int = 0) -> str:
        fields = {
            "from": sender,
            "to": to,
            "data": data,
            "value": hex(value),
            "gas": hex(2_000_000),
        }
        return self.call("eth_sendTransaction", fields)

    def receipt(self, tx_hash: str) -> Receipt:
        found = wait_until(lambda: self.call("eth_getTransactionReceipt", tx_hash), every=0.005)
        receipt = Receipt.of(found)
        assert receipt is not None
        assert receipt.ok, f"{tx_hash} was reverted"
        return receipt

    def publish(self, source: str, *, expires: int = 10**6, payment: int = PAYMENT) -> str:
        return self.task_of(
            self.receipt(self.post_publish(source, expires=expires, payment=payment))
        )

    def post_publish(self, source: str, *, expires: int = 10**6, payment: int = PAYMENT) -> str:
        config = f"http://127.0.0.1:9/ipfs/config-{next(self._serial)}"
        params = (source, config, self.now() + expires, payment)
        return self.post(
            CLIENT, self.contracts["controller"], CONTROLLER.encode("publishTask", params)
        )

    def task_of(self, receipt: Receipt) -> str:
        logs = [log for raw in receipt.logs if (log := NEXUS.decode_log(raw))]
        return next(log.args["task"] for log in logs if log.name == "TaskPublished")

    def attempt(
        self, task: str, bid: int = PAYMENT, *, provider: str = PROVIDER.address
    ) -> Receipt:
        return self._nexus(provider, "attempt", task, provider, bid)

    def respond(
        self, task: str, payment: int = PAYMENT, *, provider: str = PROVIDER.address
    ) -> Receipt:
        url = f"http://127.0.0.1:9/ipfs/answer-{next(self._serial)}"
        return self._nexus(provider, "submitResponse", (task, provider, url, payment))

    def confirm(self, response: str) -> Receipt:
        data = CONTROLLER.encode("confirmResponse", response)
        return self.send(CLIENT, self.contracts["controller"], data)

    def cancel(self, task: str) -> Receipt:
        return self.send(
            CLIENT, self.contracts["controller"], CONTROLLER.encode("cancelTask", task)
        )

    def _nexus(self, sender: str, function: str, *args: Any) -> Receipt:
        return self.send(sender, self.contracts["nexus"], NEXUS.encode(function, *args))

    # --- the chain ---------------------------------------------------------------------

    def now(self) -> int:
        return int(self.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def height(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.call("evm_mine")

    def snapshot(self) -> str:
        return self.call("evm_snapshot")

    def revert(self, snapshot: str) -> None:
        assert self.call("evm_revert", snapshot)

    def dump(self) -> bytes:
        return gzip.decompress(bytes.fromhex(self.call("anvil_dumpState")[2:]))

    def kill(self) -> None:
        self.node.stop()

    def restart(self, port: int, state: Any) -> None:
        """The same chain again, from a file of `dump`, at the same port."""
        self.node = launch(self.anvil, _options(self.anvil, port), load=state)


def _options(anvil: Any, port: int) -> Options:
    return Options("anvil" if anvil else "embedded", None, None, port, 31337)
