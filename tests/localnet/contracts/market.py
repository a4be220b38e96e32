"""A deployed market on a bare node, with people in it: what the tests of the contracts act on."""

from __future__ import annotations

import ast
import contextlib
import functools
import json
import re
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ogpu_jupyter.chain._web3 import eth_account, web3
from ogpu_jupyter.localnet import contracts
from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OGPU = 10**18
URL = "http://127.0.0.1:9/ipfs/QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o"
ZERO = "0x" + "0" * 40
DAY = 86_400

MANUAL, FIRST = 0, 1
NEW, ATTEMPTED, RESPONDED, CANCELED, EXPIRED, FINALIZED = range(6)
ACTIVE, INACTIVE = 0, 1
SUBMITTED, CONFIRMED = 0, 1


class Reverted(Exception):
    """The whole reason is the message: a string, `panic 0x32`, a custom error, or nothing."""


def reverts(reason: str):
    return pytest.raises(Reverted, match=f"^{re.escape(reason)}$")


@functools.cache
def abi(name: str) -> list[dict[str, Any]]:
    return json.loads((ROOT / "ogpu_jupyter" / "chain" / "abi" / f"{name}.json").read_text())


@functools.cache
def errors() -> dict[bytes, dict[str, Any]]:
    entries = [entry for name in contracts.INTERFACE for entry in abi(name)]
    found = [entry for entry in entries if entry["type"] == "error"]
    return {bytes(topic(entry)[:4]): entry for entry in found}


@functools.cache
def event_kinds() -> dict[bytes, tuple[str, str]]:
    """Topic to contract and event; equal events of two contracts are read alike."""
    return {
        bytes(topic(entry)): (name, entry["name"])
        for name in contracts.INTERFACE
        for entry in abi(name)
        if entry["type"] == "event"
    }


def reason(error: Exception) -> str:
    """What a revert says, on either node."""
    if isinstance(error, web3.exceptions.ContractPanicError):
        return f"panic 0x{int(str(error.data)[10:], 16):02x}"
    if isinstance(error, web3.exceptions.ContractCustomError):
        return custom(bytes.fromhex(str(error.data)[2:]))
    text = str(getattr(error, "message", None) or error)
    assert text.startswith("execution reverted"), repr(error)
    why = text.removeprefix("execution reverted").removeprefix(": ").removesuffix("no data")
    # eth-tester shows what it can't decode as the bytes that they are.
    return custom(ast.literal_eval(why)) if why.startswith(("b'", 'b"')) else why


def custom(data: bytes) -> str:
    return str(errors()[data[:4]]["name"]) if data else ""


class Anvil:
    """A node of its own, gone with the `with`."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [path, "--port", "0", "--accounts", "1"], stdout=subprocess.PIPE, text=True
        )
        self.url = f"http://{self._place()}"
        # It tells of every call: unread, it would stand still with its pipe full.
        self.reader = threading.Thread(target=self.process.stdout.read, daemon=True)
        self.reader.start()
        self.w3 = web3.Web3(web3.HTTPProvider(self.url, cache_allowed_requests=True))
        self.session = requests.Session()

    def _place(self) -> str:
        for line in self.process.stdout:
            if line.startswith("Listening on"):
                return line.split()[-1]
        raise AssertionError("anvil ended before it listened")

    def fund(self, address: str, amount: int) -> None:
        self.ask("anvil_setBalance", address, hex(amount))

    def snapshot(self) -> str:
        return self.ask("evm_snapshot")

    def revert(self, snapshot: str) -> None:
        assert self.ask("evm_revert", snapshot)

    def skip(self, seconds: int) -> None:
        self.ask("evm_increaseTime", seconds)
        self.ask("evm_mine")

    def ask(self, method: str, *params: object) -> Any:
        return self.w3.provider.make_request(method, list(params))["result"]

    def call_all(self, calls: list[dict[str, str]]) -> list[str]:
        """The raw answers, in one request: asking one by one takes most of a long test."""
        batch = [
            {"jsonrpc": "2.0", "id": n, "method": "eth_call", "params": [call, "latest"]}
            for n, call in enumerate(calls)
        ]
        answers = self.session.post(self.url, json=batch, timeout=10).json()
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]

    def close(self) -> None:
        self.session.close()
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class Embedded:
    """py-evm in this process."""

    def __init__(self) -> None:
        provider = web3.EthereumTesterProvider()
        self.tester = provider.ethereum_tester
        self.w3 = web3.Web3(provider)

    def fund(self, address: str, amount: int) -> None:
        rich = self.w3.eth.accounts[0]
        self.w3.eth.send_transaction({"from": rich, "to": address, "value": amount})

    def snapshot(self) -> Any:
        return self.tester.take_snapshot()

    def revert(self, snapshot: Any) -> None:
        self.tester.revert_to_snapshot(snapshot)

    def skip(self, seconds: int) -> None:
        now = self.w3.eth.get_block("latest")["timestamp"]
        self.tester.time_travel(now + seconds)
        self.tester.mine_block()

    def call_all(self, calls: list[dict[str, str]]) -> list[str]:
        return [self.w3.eth.call(call).to_0x_hex() for call in calls]

    def close(self) -> None:
        """Nothing is held open."""


@dataclass
class Market:
    """Everybody is rich; both providers are staked and serve both sources."""

    node: Anvil | Embedded
    deployment: contracts.Deployment
    admin: Any
    client: Any
    other: Any
    agent: Any
    master: Any
    provider: Any
    rival: Any
    sources: dict[int, str] = field(default_factory=dict)
    kinds: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def on(cls, node: Anvil | Embedded) -> Market:
        people = [eth_account.Account.from_key(bytes([n]) * 32) for n in range(1, 8)]
        for person in people:
            node.fund(person.address, 10_000 * OGPU)
        return cls(node, contracts.deploy(node.w3, people[0]), *people).furnished()

    def furnished(self) -> Market:
        self.pair(self.master, self.provider, 10 * OGPU)
        self.pair(self.rival, self.rival, 10 * OGPU)
        for delivery in (MANUAL, FIRST):
            self.sources[delivery] = self.publish_source(deliveryMethod=delivery)
            for provider in (self.provider, self.rival):
                self.register(self.sources[delivery], provider)
        self.deposit(self.client, 100 * OGPU)
        return self

    # --- contracts ---

    def contract(self, name: str, address: str | None = None) -> Any:
        place = address or getattr(self.deployment, name.lower())
        return self.kind(name)(place).functions

    def kind(self, name: str) -> Any:
        """Made once: web3 takes milliseconds to read an ABI."""
        if name not in self.kinds:
            self.kinds[name] = self.node.w3.eth.contract(abi=abi(name))
        return self.kinds[name]

    def __getattr__(self, name: str) -> Any:
        """`market.vault.claim()`, `market.task(address).getStatus()`."""
        if name in {"manager", "terminal", "vault", "nexus", "controller"}:
            return self.contract(name.title())
        if name in {"task", "source", "response"}:
            return lambda address: self.contract(name.title(), address)
        raise AttributeError(name)

    def send(self, person: Any, call: Any, value: int = 0) -> Any:
        """The receipt; a call that reverts is not sent, and raises `Reverted`."""
        self.simulate(person, call, value)
        data = call._encode_transaction_data()
        return self.send_raw(person, {"to": call.address, "data": data, "value": value})

    def simulate(self, person: Any, call: Any, value: int = 0) -> Any:
        try:
            return call.call({"from": person.address, "value": value, "gas": 5_000_000})
        except Exception as error:
            raise Reverted(reason(error)) from error

    def send_raw(self, person: Any, fields: dict[str, Any]) -> Any:
        eth = self.node.w3.eth
        order = {
            "nonce": eth.get_transaction_count(person.address),
            "gas": 5_000_000,
            "gasPrice": 2 * 10**9,
            "chainId": eth.chain_id,
            **fields,
        }
        sent = eth.send_raw_transaction(person.sign_transaction(order).raw_transaction)
        return eth.wait_for_transaction_receipt(sent, timeout=10, poll_latency=0.002)

    def ask(self, call: Any) -> Any:
        """A view's answer; `Reverted` where it reverts."""
        return self.simulate(self.other, call)

    def numbers(self, calls: list[Any]) -> list[int]:
        """Many answers at once, of views that give one word."""
        raw = [{"to": call.address, "data": call._encode_transaction_data()} for call in calls]
        return [int(answer, 16) for answer in self.node.call_all(raw)]

    def events(self, receipt: Any) -> list[tuple[Any, ...]]:
        """Every event as its name and its values, in order, whoever emitted it."""
        return [self._decoded(log) for log in receipt["logs"]]

    def _decoded(self, log: Any) -> tuple[Any, ...]:
        name, event = event_kinds()[bytes(log["topics"][0])]
        found = self.kind(name).events[event]().process_log(log)
        return (event, *found["args"].values())

    def names(self, receipt: Any) -> list[str]:
        return [event[0] for event in self.events(receipt)]

    # --- what people do ---

    @property
    def now(self) -> int:
        return self.node.w3.eth.get_block("latest")["timestamp"]

    def switch(self, **values: Any) -> None:
        switches = contracts.Switches(**values)
        contracts.set_switches(self.node.w3, self.deployment, self.admin, switches)

    def pair(self, master: Any, provider: Any, stake: int) -> None:
        self.send(master, self.terminal.announceProvider(provider.address, stake), stake)
        self.send(provider, self.terminal.announceMaster(master.address))

    def deposit(self, person: Any, amount: int) -> Any:
        return self.send(person, self.vault.deposit(person.address), amount)

    def params(self, **changes: Any) -> tuple[Any, ...]:
        """`SourceParams`: of the client, on a CPU, from 0.001 OGPU, for a day at most."""
        values = {
            "client": self.client.address,
            "imageMetadataUrl": URL,
            "imageEnvironments": 1,
            "minPayment": OGPU // 1000,
            "minAvailableLockup": OGPU,
            "maxExpiryDuration": DAY,
            "privacyEnabled": False,
            "optionalParamsUrl": "",
            "deliveryMethod": FIRST,
            "lastUpdateTime": 0,
        }
        assert changes.keys() <= values.keys()
        return tuple((values | changes).values())

    def publish_source(self, **changes: Any) -> str:
        receipt = self.send(self.client, self.nexus.publishSource(self.params(**changes)))
        return self.events(receipt)[-1][1]

    def register(self, source: str, provider: Any, by: Any = None) -> Any:
        return self.send(by or provider, self.nexus.register(source, provider.address, 1))

    def publishing(self, delivery: int = FIRST, **changes: Any) -> Any:
        values = {
            "source": self.sources[delivery],
            "config": URL,
            "expiryTime": self.now + 3600,
            "payment": OGPU // 100,
        }
        return self.controller.publishTask(tuple((values | changes).values()))

    def publish(self, delivery: int = FIRST, *, by: Any = None, **changes: Any) -> str:
        receipt = self.send(by or self.client, self.publishing(delivery, **changes))
        return next(event[1] for event in self.events(receipt) if event[0] == "TaskPublished")

    def attempting(self, task: str, provider: Any, bid: int = OGPU // 100) -> Any:
        return self.nexus.attempt(task, provider.address, bid)

    def attempt(self, task: str, provider: Any, by: Any = None) -> Any:
        return self.send(by or provider, self.attempting(task, provider))

    def responding(
        self, task: str, provider: Any, payment: int = OGPU // 100, data: str = URL
    ) -> Any:
        return self.nexus.submitResponse((task, provider.address, data, payment))

    def respond(self, task: str, provider: Any, payment: int = OGPU // 100) -> str:
        """The provider's attempt, where it has not made one, and its answer."""
        if self.ask(self.task(task).getAttempterId(provider.address)) == 0:
            self.attempt(task, provider)
        self.send(provider, self.responding(task, provider, payment))
        return self.ask(self.task(task).responseOf(provider.address))

    def status(self, task: str) -> int:
        return self.ask(self.task(task).getStatus())

    def balance(self, person: Any) -> int:
        return self.ask(self.vault.getBalanceOf(person.address))


def topic(entry: dict[str, Any]) -> bytes:
    return web3.Web3.keccak(text=f"{entry['name']}({','.join(map(kind, entry['inputs']))})")


def kind(part: dict[str, Any]) -> str:
    inner = ",".join(kind(piece) for piece in part.get("components", []))
    return part["type"].replace("tuple", f"({inner})")


@contextlib.contextmanager
def market_on(node: str, anvil: Path | None) -> Iterator[Market]:
    with contextlib.closing(Anvil(anvil) if node == "anvil" else Embedded()) as chain:
        yield Market.on(chain)
