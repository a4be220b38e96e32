"""The local market, moved by hand: one source that nobody serves, and tasks by the thousand."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.chain.contracts import CONTROLLER, NEXUS, VAULT
from ogpu_jupyter.chain.rpc import Call, Rpc
from ogpu_jupyter.chain.transactions import Receipt
from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.localnet.rpc import Rpc as LocalRpc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.localnet import LocalNet

OGPU = 10**18
PAYMENT = 1000  # wei
_GAS = 600_000  # a publish takes less
_MAX_FEE, _PRIORITY_FEE = 50 * 10**9, 10**9  # wei; full blocks make the base fee rise
_AT_ONCE = 50  # as many publishes as fit in a block
_SECONDS = 30.0


class Hand:
    """A funded account for which the node signs."""

    def __init__(self, localnet: LocalNet) -> None:
        self.network = localnet.network
        self.rpc = Rpc(self.network.rpc_url)
        self.node = LocalRpc(Path(localnet.description["socket"]))  # behind its door
        self.address = localnet.accounts[1]["address"]
        deposit = VAULT.encode("deposit", self.address)
        self.send(self.network.vault, deposit, value=OGPU)
        self.source = self._publish_source()

    def _publish_source(self) -> str:
        params = {
            "client": self.address,
            "imageMetadataUrl": f"{self.network.gateway_url}/benchmark",
            "imageEnvironments": 1,
            "minPayment": 1,
            "minAvailableLockup": 0,
            "maxExpiryDuration": 10**7,
            "privacyEnabled": False,
            "optionalParamsUrl": "",
            "deliveryMethod": 1,
            "lastUpdateTime": int(time.time()),
        }
        receipt = self.send(self.network.nexus, NEXUS.encode("publishSource", params))
        return self._found(receipt, "SourcePublished", "source")

    def send(self, to: str, data: str, *, value: int = 0) -> Receipt:
        """Returns when it is in a block."""
        return self.receipt(self.post(to, data, value=value))

    def post(self, to: str, data: str, *, value: int = 0) -> str:
        sent: str = self.rpc.call("eth_sendTransaction", self._fields(to, data, value))
        return sent

    def _fields(self, to: str, data: str, value: int = 0) -> dict[str, Any]:
        fields = {"from": self.address, "to": to, "data": data, "gas": hex(_GAS)}
        fees = {"maxFeePerGas": hex(_MAX_FEE), "maxPriorityFeePerGas": hex(_PRIORITY_FEE)}
        return fields | fees | ({"value": hex(value)} if value else {})

    def receipt(self, sent: str) -> Receipt:
        end = time.monotonic() + _SECONDS
        while (receipt := Receipt.of(self.rpc.call("eth_getTransactionReceipt", sent))) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{sent} is in no block after {_SECONDS:.0f} s")
            time.sleep(0.01)
        assert receipt.ok
        return receipt

    def _found(self, receipt: Receipt, event: str, name: str) -> str:
        logs = [log for raw in receipt.logs if (log := NEXUS.decode_log(raw))]
        return next(str(log.args[name]) for log in logs if log.name == event)

    def publish(self, number: int) -> list[str]:
        """The addresses of as many new tasks, with blocks made as they are needed."""
        made: list[str] = []
        told = self.rpc.call("eth_getTransactionCount", self.address, "pending")
        nonce = int(told, 16)  # given, for a node may take a batch in any order
        while len(made) < number:
            count = min(_AT_ONCE, number - len(made))
            calls = [
                self._publish_call(nonce + place) for place in range(len(made), len(made) + count)
            ]
            sent = self.rpc.batch(calls)
            if errors := [one for one in sent if isinstance(one, OgpuError)]:
                raise errors[0]
            self.node.call("evm_mine")
            made += self._published_in(self.receipt(sent[-1]), count)
        assert len(set(made)) == number
        return made

    def _publish_call(self, nonce: int) -> Call:
        fields = self._fields(self.network.controller, self.publish_data(nonce))
        return Call("eth_sendTransaction", (fields | {"nonce": hex(nonce)},))

    def _published_in(self, receipt: Receipt, count: int) -> list[str]:
        """All of one batch: in this block and, where a block came between, the one before."""
        where = {"address": self.network.nexus, "topics": [NEXUS.topics["TaskPublished"]]}
        blocks = {"fromBlock": hex(receipt.block - 1), "toBlock": hex(receipt.block)}
        logs = self.rpc.call("eth_getLogs", where | blocks)
        decoded = [log for raw in logs if (log := NEXUS.decode_log(raw))]
        return [str(log.args["task"]) for log in decoded][-count:]

    def publish_data(self, item: int) -> str:
        config = f"{self.network.gateway_url}/{'b' * 50}{item:09}"
        params = (self.source, config, int(time.time()) + 10**6, PAYMENT)
        return CONTROLLER.encode("publishTask", params)

    def cancel(self, task: str) -> int:
        """The block that it happens in."""
        data = CONTROLLER.encode("cancelTask", task)
        return self.receipt(self.post(self.network.controller, data)).block

    def fresh_key(self) -> str:
        """Of a new account, with a hundred OGPU."""
        account = eth_account.Account.create()
        self.send(account.address, "0x", value=100 * OGPU)
        return str(account.key.hex())

    def signed_publishes(self, key: str, number: int, *, deposit: bool) -> Sequence[bytes]:
        """Ready to be sent, after a deposit that pays for them."""
        account = eth_account.Account.from_key(key)
        if deposit:
            self.send(self.network.vault, VAULT.encode("deposit", account.address), value=OGPU)
        nonce = int(self.rpc.call("eth_getTransactionCount", account.address, "latest"), 16)
        fields = {
            "to": self.network.controller,
            "gas": _GAS // 2,
            "maxFeePerGas": _MAX_FEE,
            "maxPriorityFeePerGas": _PRIORITY_FEE,
            "chainId": self.network.chain_id,
            "value": 0,
        }
        orders = [
            fields | {"nonce": nonce + item, "data": self.publish_data(item)}
            for item in range(number)
        ]
        return [bytes(account.sign_transaction(o).raw_transaction) for o in orders]

    def height(self) -> int:
        return int(self.rpc.call("eth_blockNumber"), 16)

    def next_block(self) -> int:
        """Returns when a block has just come."""
        before = self.height()
        while (now := self.height()) == before:
            time.sleep(0.005)
        return now
