"""What tests share that is no fixture."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
T = TypeVar("T")


def lacking(what: str) -> NoReturn:
    """Skip on a person's machine, fail in CI: there a skipped door is an untested one."""
    if IN_CI:
        pytest.fail(f"{what} is missing, and CI never skips", pytrace=False)
    pytest.skip(f"{what} is missing")


# Seconds by which a busy machine may be late where something ends at its deadline. What these
# tests play would last much longer.
LATE = 9.0


def wait_until(condition: Callable[[], T], seconds: float = 20, every: float = 0.05) -> T:
    """The first true value of the condition; its last value is in the failure's message."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            pytest.fail(f"still {value!r} after {seconds} s", pytrace=True)
        time.sleep(every)
    return value


def pass_time(localnet, seconds: int = 7200) -> None:
    """On the chain, told to the node itself: its door lets no clock be turned."""
    from ogpu_jupyter.localnet.rpc import Rpc

    node = Rpc(Path(localnet.description["socket"]))
    node.call("evm_increaseTime", seconds)
    node.call("evm_mine")
    node.close()


def funded_account(localnet, amount: int = 20 * 10**18):
    """A fresh account with `amount` wei from the richest dev account, which the node signs for."""
    from ogpu_jupyter.chain._web3 import eth_account
    from ogpu_jupyter.chain.rpc import Rpc

    rpc = Rpc(localnet.network.rpc_url)
    fresh = eth_account.Account.create()
    givers = [account["address"] for account in localnet.accounts[1:]]
    held = {giver: int(rpc.call("eth_getBalance", giver, "latest"), 16) for giver in givers}
    gift = {"from": max(held, key=held.__getitem__), "to": fresh.address, "value": hex(amount)}
    sent = rpc.call("eth_sendTransaction", gift)
    wait_until(lambda: rpc.call("eth_getTransactionReceipt", sent), every=0.02)
    rpc.close()
    return fresh
