"""Networks that a module may turn the clock of, and the plain RPC to them."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ogpu_jupyter import localnet as market
from ogpu_jupyter.localnet.rpc import Rpc
from tests.helpers import funded_account, wait_until


def rpc_to(net) -> Rpc:
    return Rpc(urlsplit(net.network.rpc_url).port)


def behind(net) -> Rpc:
    """To the node itself, which takes what its door doesn't let through."""
    return Rpc(Path(net.description["socket"]))


@pytest.fixture(scope="module")
def net(node, request):
    """A local network for one test module, on each node: it may do with it as it likes."""
    with pytest.MonkeyPatch.context() as patch:
        if node == "anvil":
            patch.setenv("OGPU_ANVIL", str(request.getfixturevalue("anvil_path")))
        with market.start(node=node) as own:
            yield own


@pytest.fixture
def rpc(net):
    connection = rpc_to(net)
    yield connection
    connection.close()


@pytest.fixture
def sender(net, rpc):
    return Sender(funded_account(net), rpc)


class Sender:
    """An account that signs what it is told, right or wrong."""

    def __init__(self, account, rpc: Rpc) -> None:
        self.account = account
        self.address = account.address
        self._rpc = rpc
        self._nonces = count()

    def sign(self, **changes) -> str:
        fields = {
            "chainId": 31337,
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
            "to": "0x" + "77" * 20,
            "value": 1,
        } | changes
        if "nonce" not in fields:
            fields["nonce"] = next(self._nonces)
        return self.account.sign_transaction(fields).raw_transaction.to_0x_hex()

    def send(self, **changes) -> str:
        return self._rpc.call("eth_sendRawTransaction", self.sign(**changes))

    def receipt(self, number: str):
        return wait_until(lambda: self._rpc.call("eth_getTransactionReceipt", number), every=0.01)
