"""The whole OpenGPU market on this machine, offline: node, contracts, content and a provider.

    with localnet.start() as net:
        net.network, net.accounts, net.services

It is one child process with children of its own, and it ends with the process that
started it, however that ends.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.networks import Network
from ogpu_jupyter.errors import MissingExtra, NetworkError
from ogpu_jupyter.localnet.children import Child, environment
from ogpu_jupyter.localnet.node import choose
from ogpu_jupyter.localnet.options import Options

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LocalNet", "running", "start"]

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 12.0
_ROOT: Final = Path(__file__).parents[2]

_started: list[LocalNet] = []


def start(
    *,
    node: str = "auto",
    block_time: float | None = None,
    state: str | os.PathLike[str] | None = None,
    port: int = 0,
    chain_id: int = 31337,
) -> LocalNet:
    """Start a local network and return when it is ready.

    `node` is auto, anvil or embedded; `block_time` in seconds, None for a block at once for
    each transaction; `state` a folder that keeps chain and content for the next start.
    """
    folder = None if state is None else Path(state).expanduser().absolute()
    options = Options(node, block_time, folder, port, chain_id)
    if not find_spec("PIL"):
        raise MissingExtra("local", "The local network")
    anvil = choose(options)
    command = [sys.executable, "-m", __name__, *options.arguments]
    child = Child(command, env=_environment(anvil), cwd="/", reads_stdin=True, with_stdout=True)
    try:
        return LocalNet(child, _first_line(child))
    except BaseException:
        child.stop()
        raise


def running() -> list[LocalNet]:
    """The local networks that this process has started and that still run, newest first."""
    return [net for net in reversed(_started) if net.is_alive]


class LocalNet:
    """A local network that runs until `stop()`, the end of a `with`, or of this process."""

    def __init__(self, child: Child, description: dict[str, Any]) -> None:
        """`description` is what the network says of itself: its line of JSON."""
        self._child = child
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self.description = description
        self.pid = child.pid
        _started.append(self)
        atexit.register(self.stop)

    @property
    def network(self) -> Network:
        told = self.description
        contracts = told["contracts"]
        return Network(
            name="local",
            chain_id=told["chain_id"],
            rpc_url=told["rpc_url"],
            nexus=contracts["nexus"],
            controller=contracts["controller"],
            terminal=contracts["terminal"],
            vault=contracts["vault"],
            pin_url=told["pin_url"],
            gateway_url=told["gateway_url"],
        )

    @property
    def accounts(self) -> list[dict[str, str]]:
        """`address` and `private_key` of each funded account; the first one is the client's."""
        return [dict(account) for account in self.description["accounts"]]

    @property
    def services(self) -> dict[str, str]:
        """The address of the source of each built-in service, by its name."""
        return dict(self.description["services"])

    def signer(self) -> Any:
        """The first funded account, as `eth_account` has accounts."""
        from ogpu_jupyter.chain._web3 import eth_account  # noqa: PLC0415 - heavy

        return eth_account.Account.from_key(self.accounts[0]["private_key"])

    @property
    def is_alive(self) -> bool:
        return self._child.is_alive

    def stop(self) -> None:
        """End it and wait until nothing of it is left; again is fine."""
        if os.getpid() != self._owner:
            return  # a fork of us ends: the network is not its to stop
        with self._lock:
            atexit.unregister(self.stop)
            if self in _started:
                _started.remove(self)
            self._child.stop(patience=_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"pid {self.pid}" if self.is_alive else "stopped"
        return f"<LocalNet {self.description['node']} at {self.description['rpc_url']}, {state}>"


def _environment(anvil: Path | None) -> dict[str, str]:
    passed = environment()
    passed["OGPU_ANVIL"] = str(anvil.absolute()) if anvil else "none"
    if _ROOT.name not in {"site-packages", "dist-packages"}:
        told = os.environ.get("PYTHONPATH", "")
        passed["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), told]))
    return passed


def _first_line(child: Child) -> dict[str, Any]:
    """The network's word that it is ready; its last words when it isn't."""
    stream = child.process.stdout
    assert stream is not None
    timer = threading.Timer(_READY_SECONDS, child.process.kill)
    timer.start()
    try:
        line = stream.readline()
    finally:
        timer.cancel()
    if not line.endswith(b"\n"):
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(_STOP_SECONDS)
        raise NetworkError(f"The local network did not start.\n{child.last_words}".strip())
    description: dict[str, Any] = json.loads(line)
    return description
