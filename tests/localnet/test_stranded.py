"""Bursts on anvil: whatever it puts aside is mined all the same."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from ogpu_jupyter.localnet import node as nodes
from ogpu_jupyter.localnet.accounts import ALL
from ogpu_jupyter.localnet.options import Options
from ogpu_jupyter.localnet.stranded import Stranded
from tests.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ogpu_jupyter.localnet.rpc import Call

SENDER, OTHER, DEPLOYER = ALL[0].address, ALL[1].address, ALL[2].address
BURST = 8


@pytest.fixture
def anvil(anvil_path: Path) -> Iterator[nodes.Node]:
    node = nodes.launch(anvil_path, Options())
    yield node
    node.stop()


def payments(nonce: int, count: int) -> list[Call]:
    fields = {"from": SENDER, "to": OTHER, "value": "0x1", "gas": "0x5208"}
    return [("eth_sendTransaction", [{**fields, "nonce": hex(nonce + n)}]) for n in range(count)]


def burst(number: int) -> list[Call]:
    """Payments behind something that takes a while to be mined: the market's contracts."""
    compiled = resources.files("ogpu_jupyter.localnet") / "contracts" / "compiled"
    code = json.loads((compiled / "Market.bin.json").read_text())
    slow = {"from": DEPLOYER, "data": code, "gas": hex(14_000_000)}
    return [
        ("eth_sendTransaction", [{**slow, "nonce": hex(number)}]),
        *payments(number * BURST, BURST),
    ]


@pytest.mark.anvil
def test_nothing_stays_stranded(anvil: nodes.Node) -> None:
    """Many bursts while it mines by itself; after two looks, each of them is in a block."""
    stranded = Stranded(anvil.rpc)

    def mined(sent: list[str]) -> bool:
        stranded.free()
        receipts = anvil.rpc.batch([("eth_getTransactionReceipt", [one]) for one in sent])
        return all(receipt and receipt["status"] == "0x1" for receipt in receipts)

    for number in range(60):
        sent = anvil.rpc.batch(burst(number))
        wait_until(lambda: mined(sent), 10)  # noqa: B023 - it is called here


@pytest.mark.anvil
def test_what_waits_for_another_is_left_alone(anvil: nodes.Node) -> None:
    """A gap in the nonces is its sender's to fill, and it is in order when it is filled."""
    stranded = Stranded(anvil.rpc)
    first, late = payments(0, 2)
    waiting = anvil.rpc.batch([late])[0]
    stranded.free()
    stranded.free()
    assert anvil.rpc.call("eth_getTransactionReceipt", waiting) is None

    anvil.rpc.batch([first])

    assert wait_until(lambda: anvil.rpc.call("eth_getTransactionReceipt", waiting), 5)
