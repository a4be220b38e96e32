"""The official SDK as a neighbour: its own environment, its own process, its own account."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers import funded_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Peer:
    """`peer("publish", source=…)` is one call of the SDK; its errors are raised here."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.address = address
        self._process = process

    def __call__(self, order: str, **words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([order, words]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]


@pytest.fixture(params=["OGPU_MAINNET", "OGPU_TESTNET"])
def sdk_chain(request: pytest.FixtureRequest) -> str:
    """The SDK has other ABIs for each network."""
    return request.param


@pytest.fixture
def peer(
    localnet,
    sdk_chain: str,
    sdk_python: Path,
    tmp_path: Path,
    kernel_env: Callable[..., dict[str, str]],
) -> Iterator[Peer]:
    account = funded_account(localnet)
    process = subprocess.Popen(
        [sdk_python, Path(__file__).parent / "peer.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=kernel_env(CLIENT_PRIVATE_KEY=account.key.hex(), PYTHONPATH=""),
    )
    with process:
        made = Peer(process, account.address)
        network = localnet.network
        names = ("rpc_url", "pin_url", "nexus", "controller", "terminal", "vault")
        made(
            "configure", network={n: getattr(network, n) for n in names} | {"sdk_chain": sdk_chain}
        )
        yield made
        process.stdin.close()
        assert process.wait(20) == 0
