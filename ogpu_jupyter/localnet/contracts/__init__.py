"""The contracts of the local market: what was compiled, and the one transaction that deploys it.

The sources stand beside this file and keep to the interface of the deployed contracts, so a
client can't tell them apart. What is not known of the deployed ones is a switch here.
`build.mjs` writes `compiled/` and the client's ABIs. web3 comes with who has it already: a
network that starts in a second has no time to import it.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eth_account.signers.local import LocalAccount
    from web3 import Web3

Abi = list[dict[str, Any]]

INTERFACE = (
    "Controller",
    "Manager",
    "Nexus",
    "Response",
    "Source",
    "Task",
    "Terminal",
    "Vault",
)

# It takes 10.6 million. Below 2**24, the most that one transaction may ask for since Osaka.
DEPLOY_GAS = 14_000_000
_SWITCH_GAS = 100_000
# The constructor's order. A contract's first child has nonce 1.
_CHILDREN = ("manager", "terminal", "vault", "nexus", "controller")


class FrozenBy(enum.IntEnum):
    """What `Vault.frozenPayment(address)` is asked with."""

    CLIENT = 0
    TASK = 1
    BOTH = 2


@dataclasses.dataclass(frozen=True)
class Switches:
    """What is not known of the deployed contracts; the defaults are what their users tell."""

    only_client_publishes: bool = False
    """Only the source's client and its agents may publish to it."""
    first_response_waits: bool = False
    """A response to a FIRST_RESPONSE task waits for a confirm."""
    expired_attempt_reverts: bool = False
    """An attempt at an expired task reverts; else it writes EXPIRED and refunds."""
    frozen_by: FrozenBy = FrozenBy.CLIENT


@dataclasses.dataclass(frozen=True)
class Deployment:
    """Where the five contracts are; `switches` is the one that holds the switches."""

    manager: str
    terminal: str
    vault: str
    nexus: str
    controller: str

    @property
    def switches(self) -> str:
        return self.manager


@functools.cache
def bytecode(name: str) -> str:
    """The creation code of a contract of the interface, or of `Market`, which makes all."""
    return str(_read(f"{name}.bin.json"))


@functools.cache
def switches_abi() -> Abi:
    return list(_read("Switches.json"))


def deploy(w3: Web3, deployer: LocalAccount) -> Deployment:
    """Put the market on a chain in one transaction, owned by `deployer`.

    The answer counts only with its receipt: a deployment that failed raises `RuntimeError`.
    """
    nonce = w3.eth.get_transaction_count(deployer.address)
    _send(w3, deployer, {"nonce": nonce, "gas": DEPLOY_GAS, "data": bytecode("Market")})
    return addresses(deployer.address, nonce)


def addresses(deployer: str, nonce: int) -> Deployment:
    """Where the contracts are that `deployer` deploys with the transaction `nonce`."""
    market = created_by(deployer, nonce)
    places = {name: created_by(market, n) for n, name in enumerate(_CHILDREN, start=1)}
    return Deployment(**places)


def created_by(creator: str, nonce: int) -> str:
    """Where the contract is that `creator` makes: the hash of the RLP of these two."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    if nonce >= 0x80 or nonce == 0:
        number = bytes([0x80 + len(number)]) + number
    items = b"\x94" + bytes.fromhex(creator[2:]) + number
    return checksum(keccak(bytes([0xC0 + len(items)]) + items)[-20:])


def checksum(address: bytes) -> str:
    """Mixed case, by the hash of the small letters (EIP-55)."""
    small = address.hex()
    marks = keccak(small.encode()).hex()
    return "0x" + "".join(
        letter.upper() if mark >= "8" else letter
        for letter, mark in zip(small, marks, strict=False)
    )


def set_switches(
    w3: Web3,
    deployment: Deployment,
    deployer: LocalAccount,
    switches: Switches,
) -> None:
    contract = w3.eth.contract(abi=switches_abi())
    data = contract.encode_abi("setSwitches", [dataclasses.astuple(switches)])
    nonce = w3.eth.get_transaction_count(deployer.address)
    to = {"to": deployment.switches, "nonce": nonce, "gas": _SWITCH_GAS, "data": data}
    _send(w3, deployer, to)


def _send(
    w3: Web3,
    account: LocalAccount,
    transaction: Mapping[str, Any],
) -> None:
    fees = {"gasPrice": w3.eth.gas_price, "chainId": w3.eth.chain_id, "value": 0}
    signed = account.sign_transaction({**fees, **transaction})
    sent = w3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.01)
    if receipt["status"] != 1:
        raise RuntimeError(f"The local market's transaction {sent.to_0x_hex()} was reverted.")


def _read(name: str) -> Any:
    return json.loads((resources.files(__name__) / "compiled" / name).read_text("utf-8"))
