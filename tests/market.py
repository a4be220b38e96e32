"""People of the market that tests play by hand: who publishes sources, and who answers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.client import Client
from ogpu_jupyter.chain.contracts import NEXUS, TERMINAL, Contract
from ogpu_jupyter.chain.transactions import Order, broadcast, sign
from ogpu_jupyter.content import HttpContentStore
from ogpu_jupyter.tasks import DeliveryMethod
from tests.helpers import funded_account, wait_until

if TYPE_CHECKING:
    from ogpu_jupyter.localnet import LocalNet

STAKE = 10**18


class Hand:
    """An account that calls any contract, one transaction at a time."""

    def __init__(self, localnet: LocalNet) -> None:
        network = localnet.network
        self.store = HttpContentStore(network.pin_url, network.gateway_url)
        self.client = Client(network, self.store)
        self.account = funded_account(localnet)
        self.address = self.account.address

    def call(self, contract: Contract, at: str, function: str, *args: Any, value: int = 0):
        """The receipt of a call that succeeded; a refusal is raised by the simulation."""
        order = Order(at, contract.encode(function, *args), value)
        quote = self.client.quote(self.address, order)
        chain_id = self.client.network.chain_id
        signed = sign(self.account, order, quote, nonce=quote.nonce, chain_id=chain_id)
        broadcast(self.client.rpc, signed)
        receipt = wait_until(lambda: self.client.receipts([signed.hash])[0])
        assert receipt.ok
        return receipt

    def events(self, receipt) -> dict[str, dict[str, Any]]:
        logs = [NEXUS.decode_log(log) for log in receipt.logs]
        return {log.name: log.args for log in logs if log}


class Publisher(Hand):
    """Publishes sources that no local service serves."""

    def publish_source(
        self,
        *,
        delivery: DeliveryMethod = DeliveryMethod.FIRST_RESPONSE,
        min_payment: int = 10**15,
        max_expiry: int = 86_400,
        name: str = "by hand",
        functions: object = None,
        metadata_url: str = "",
    ) -> str:
        metadata = {"name": name, "description": "", "cpu": "", "nvidia": "", "amd": ""}
        if functions is not None:
            metadata["functions"] = functions
        params = {
            "client": self.address,
            "imageMetadataUrl": metadata_url or self.store.put(json.dumps(metadata).encode()),
            "imageEnvironments": 1,
            "minPayment": min_payment,
            "minAvailableLockup": 0,
            "maxExpiryDuration": max_expiry,
            "privacyEnabled": False,
            "optionalParamsUrl": "",
            "deliveryMethod": int(delivery),
            "lastUpdateTime": int(time.time()),
        }
        receipt = self.call(NEXUS, self.client.network.nexus, "publishSource", params)
        return self.events(receipt)["SourcePublished"]["source"]

    def inactivate(self, source: str) -> None:
        self.call(NEXUS, self.client.network.nexus, "inactivateSource", source)


class Provider(Hand):
    """Announced, staked, and registered with the sources it is given."""

    def __init__(self, localnet: LocalNet, *sources: str) -> None:
        super().__init__(localnet)
        master = Hand(localnet)
        terminal = self.client.network.terminal
        announced = (self.address, STAKE)
        master.call(TERMINAL, terminal, "announceProvider", *announced, value=STAKE)
        self.call(TERMINAL, terminal, "announceMaster", master.address)
        for source in sources:
            self.call(NEXUS, self.client.network.nexus, "register", source, self.address, 1)

    def attempt(self, task: str, bid: int) -> None:
        self.call(NEXUS, self.client.network.nexus, "attempt", task, self.address, bid)

    def submit(self, task: str, output: object, bid: int) -> str:
        """The response's address."""
        return self.submit_bytes(task, json.dumps(output).encode(), bid)

    def submit_bytes(self, task: str, content: bytes, bid: int) -> str:
        return self.submit_url(task, self.store.put(content), bid)

    def submit_url(self, task: str, url: str, bid: int) -> str:
        params = {"task": task, "provider": self.address, "data": url, "payment": bid}
        receipt = self.call(NEXUS, self.client.network.nexus, "submitResponse", params)
        return self.events(receipt)["ResponseSubmitted"]["response"]
