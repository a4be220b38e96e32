"""The process that is the local network: it starts the parts, says so, and ends them."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import InputError, NodeUnavailable, OgpuError
from ogpu_jupyter.localnet.accounts import DEPLOYER, USERS, Account
from ogpu_jupyter.localnet.children import remove_folder_of, when_orphaned
from ogpu_jupyter.localnet.clock import Clock
from ogpu_jupyter.localnet.door import Door
from ogpu_jupyter.localnet.market import set_up
from ogpu_jupyter.localnet.node import check_free, choose, launch, new_socket
from ogpu_jupyter.localnet.pinning import PinServer
from ogpu_jupyter.localnet.rpc import Rpc
from ogpu_jupyter.localnet.state import State
from ogpu_jupyter.localnet.stranded import Stranded

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.options import Options

_LOOK: Final = 0.25  # seconds between looks at what there is to save
_TURN: Final = 0.0005  # seconds
_GRACE: Final = 8.0  # seconds to end in order


def run(options: Options) -> None:
    """Until standard input closes, the parent is gone, or a signal says so."""
    sys.setswitchinterval(_TURN)  # a client waits at the door while the provider works
    ended = threading.Event()
    when_orphaned(ended)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as parts:
        try:
            network = _Parts(options, parts)
            _say(network.description)
            network.serve(ended)
        finally:
            _end_in_time()


class _Parts:
    """Started in the order of their need, ended in the other."""

    def __init__(self, options: Options, parts: ExitStack) -> None:
        self._options = options
        binary = choose(options)
        self._state = _open_state(options, parts)
        if options.port:
            check_free(options.port)
        self._socket = new_socket()
        parts.callback(remove_folder_of, self._socket)
        load = self._state.chain if self._state else None
        self._node = launch(binary, options, load=load, socket=self._socket)
        parts.callback(self._node.stop)
        self._door = Door(options.port, self._socket)
        parts.callback(self._door.close)
        self._pins = self._start_pins(parts)
        self.description = self._describe()
        self._parts = parts

    def serve(self, ended: threading.Event) -> None:
        from ogpu_jupyter.localnet.provider import Provider  # noqa: PLC0415 - it imports a
        # library of wallets, and nobody has to wait for that: tasks that come before are found

        self._parts.callback(self._save, now=True)
        provider = Provider(
            rpc=partial(Rpc, self._socket),
            contracts=self.description["contracts"],
            sources=self.description["services"],
            store=self._pins,
        )
        self._parts.callback(provider.stop)
        provider.start()
        self._tend(ended)

    def _tend(self, ended: threading.Event) -> None:
        clock = Clock(self._node.rpc, self._options.block_time)
        stranded = Stranded(self._node.rpc) if self._node.kind == "anvil" else None
        unsaved = False
        while not ended.wait(min(clock.pause, _LOOK) if self._state else clock.pause):
            if not self._node.is_alive:
                raise NodeUnavailable(f"The local node has ended. {self._node.last_words}")
            unsaved |= clock.tick()
            if stranded is not None:
                stranded.free()
            if unsaved:
                unsaved = not self._save()

    def _save(self, *, now: bool = False) -> bool:
        return (
            self._state is None
            or not self._node.is_alive
            or self._state.save(self._node.rpc, now=now)
        )

    def _start_pins(self, parts: ExitStack) -> PinServer:
        """On the same port as before: links to it are on the chain."""
        saved = self._saved
        port = saved["pin_port"] if saved else 0
        server = PinServer(self._state.content if self._state else None, port)
        try:
            server.start()
        except OSError as error:
            raise InputError(
                f"The content of the saved network is at port {port}, and another program "
                "has that port.",
                hint="Stop that program, or give another folder for the state.",
            ) from error
        parts.callback(server.stop)
        return server

    def _describe(self) -> dict[str, Any]:
        genesis = self._node.rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
        market = self._known(genesis) or self._set_up(genesis)
        return {
            "rpc_url": self._door.url,
            "socket": str(self._socket),
            "chain_id": self._options.chain_id,
            "contracts": market["contracts"],
            "pin_url": self._pins.pin_url,
            "gateway_url": self._pins.gateway_url,
            "accounts": [_account(account) for account in USERS],
            "services": market["services"],
            "node": self._node.kind,
            "genesis": genesis,
            "block_time": self._options.block_time,
            "deployer": _account(DEPLOYER),
        }

    def _known(self, genesis: str) -> dict[str, Any] | None:
        saved = self._saved
        if saved and saved["genesis"] != genesis:
            raise OgpuError("The saved chain has lost its beginning: it can't be trusted.")
        return saved

    @property
    def _saved(self) -> dict[str, Any] | None:
        return self._state.saved if self._state else None

    def _set_up(self, genesis: str) -> dict[str, Any]:
        from ogpu_jupyter.localnet.services import SERVICES  # noqa: PLC0415

        market = set_up(self._node.rpc, SERVICES, self._pins.put)
        facts = {"contracts": market.contracts, "services": market.services}
        if self._state is not None:
            self._state.save(self._node.rpc, now=True)
            chain = {"chain_id": self._options.chain_id, "genesis": genesis}
            self._state.remember({**chain, "pin_port": self._pins.port, **facts})
        return facts


def _open_state(options: Options, parts: ExitStack) -> State | None:
    if options.state is None:
        return None
    state = State(options.state)
    parts.callback(state.close)
    state.check(options.chain_id)
    return state


def _end_in_time() -> None:
    """Whatever hangs: the guards and the pipes end the children of one that has ended."""
    last = threading.Timer(_GRACE, os._exit, [1])
    last.daemon = True
    last.start()


def _account(account: Account) -> dict[str, str]:
    return {"address": account.address, "private_key": account.private_key}


def _say(description: dict[str, Any]) -> None:
    print(json.dumps(description), flush=True)  # noqa: T201 - this line is what we are for
