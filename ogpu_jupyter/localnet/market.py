"""What makes a chain a market: contracts, providers with their stakes, the services' sources.

The dev accounts sign in the node, so that starting takes no library of wallets.
"""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any, Final

from eth_hash.auto import keccak

from ogpu_jupyter.errors import NetworkError
from ogpu_jupyter.localnet.accounts import (
    BIDDERS,
    BIDDERS_MASTERS,
    DEPLOYER,
    MASTER,
    PROVIDER,
    PUBLISHER,
    serving,
)
from ogpu_jupyter.localnet.contracts import DEPLOY_GAS, addresses, bytecode, checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.localnet.rpc import Call, Rpc
    from ogpu_jupyter.localnet.services import Service

STAKE: Final = 1_000 * 10**18
_SECONDS: Final = 30.0
_CPU: Final = 1


@dataclasses.dataclass(frozen=True)
class Market:
    """`contracts` and `services` are addresses by name."""

    contracts: dict[str, str]
    services: dict[str, str]


def set_up(rpc: Rpc, services: Mapping[str, Service], put: Callable[[bytes], str]) -> Market:
    """Deploy, stake, publish and register on a new chain; `put` stores a source's metadata.

    Meanwhile the node doesn't mine by itself: anvil may strand a transaction that arrives
    while the one before it is mined, or mine a later one first.
    """
    mines = rpc.call("anvil_getAutomine")
    rpc.call("evm_setAutomine", False)
    market = _set_up(_Sender(rpc), services, put)
    rpc.call("evm_setAutomine", mines)
    return market


def _set_up(
    sender: _Sender, services: Mapping[str, Service], put: Callable[[bytes], str]
) -> Market:
    sender.add(DEPLOYER.address, None, bytecode("Market"), gas=DEPLOY_GAS)
    contracts = addresses(DEPLOYER.address, nonce=0)
    terminal, nexus = contracts.terminal, contracts.nexus
    several = any(service.bidders for service in services.values())
    pairs = zip(BIDDERS, BIDDERS_MASTERS, strict=True) if several else ()
    for provider, master in [(PROVIDER, MASTER), *pairs]:
        announce = _call("announceProvider(address,uint256)", provider.address, STAKE)
        sender.add(master.address, terminal, announce, value=STAKE)
        sender.add(provider.address, terminal, _call("announceMaster(address)", master.address))
    for service in services.values():
        url = put(json.dumps(service.metadata).encode())
        sender.add(PUBLISHER.address, nexus, _publish(service, url), gas=1_500_000)
    sources = _published(sender.send())
    for source, service in zip(sources, services.values(), strict=True):
        for provider in serving(len(service.bidders)):
            register = _call("register(address,address,uint8)", source, provider, _CPU)
            sender.add(provider, nexus, register)
    sender.send()
    return Market(dataclasses.asdict(contracts), dict(zip(services, sources, strict=True)))


class _Sender:
    """Collects transactions of the dev accounts, and sends them in one request."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._nonces: dict[str, int] = {}
        self._calls: list[Call] = []

    def add(
        self, sender: str, to: str | None, data: str, *, value: int = 0, gas: int = 500_000
    ) -> None:
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        fields = {"from": sender, "data": data, "gas": hex(gas), "nonce": hex(nonce)}
        fields["value"] = hex(value)
        if to is not None:
            fields["to"] = to
        self._calls.append(("eth_sendTransaction", [fields]))

    def send(self) -> list[dict[str, Any]]:
        """The receipts, in order, when all have succeeded; then it collects anew."""
        sent = self._rpc.batch(self._calls)
        self._calls = []
        start = time.monotonic()
        receipts = self._receipts(sent)
        while not all(receipts):
            waited = time.monotonic() - start
            if waited > _SECONDS:
                raise NetworkError("The local node doesn't mine the market's transactions.")
            self._rpc.call("evm_mine")
            time.sleep(0.005)
            receipts = self._receipts(sent)
        refused = [n for n, receipt in enumerate(receipts) if receipt["status"] != "0x1"]
        if refused:
            raise NetworkError(f"The local market's transactions {refused} were reverted.")
        return receipts

    def _receipts(self, sent: list[str]) -> list[Any]:
        return self._rpc.batch([("eth_getTransactionReceipt", [number]) for number in sent])


def _published(receipts: list[dict[str, Any]]) -> list[str]:
    """The sources, in the order of their transactions."""
    topic = "0x" + keccak(b"SourcePublished(address)").hex()
    logs = [log for receipt in receipts for log in receipt["logs"] if log["topics"][0] == topic]
    return [checksum(bytes.fromhex(log["data"][-40:])) for log in logs]


def _publish(service: Service, url: str) -> str:
    """`publishSource` of one tuple with two strings in it."""
    no_options = ""
    head: list[str | int] = [
        PUBLISHER.address,
        10 * 32,
        _CPU,
        service.min_payment,
        10**18,
        service.max_expiry,
        0,
        10 * 32 + len(_text(url)) // 2,
        int(service.delivery),
        0,
    ]
    kinds = "address,string,uint8,uint256,uint256,uint256,bool,string,uint8,uint256"
    offset = _word(32)
    words = "".join(map(_word, head))
    return _selector(f"publishSource(({kinds}))") + offset + words + _text(url) + _text(no_options)


def _call(signature: str, *arguments: str | int) -> str:
    return _selector(signature) + "".join(map(_word, arguments))


def _selector(signature: str) -> str:
    return "0x" + keccak(signature.encode())[:4].hex()


def _word(value: str | int) -> str:
    number = int(value, 16) if isinstance(value, str) else value
    return f"{number:064x}"


def _text(value: str) -> str:
    data = value.encode()
    return _word(len(data)) + data.hex().ljust((len(data) + 31) // 32 * 64, "0")
