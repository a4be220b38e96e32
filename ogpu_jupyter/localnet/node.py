"""The node of the local network: anvil where it is found, else the embedded one.

Both are a child process that serves JSON-RPC on a loopback port that it took itself, so
that nobody else can answer in its place. Both keep the chain's clock going: a block at
once for a transaction, and one now and then when nothing happens.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import socket as sockets
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ogpu_jupyter.errors import InputError, MissingExtra, NetworkError, NodeUnavailable
from ogpu_jupyter.localnet.accounts import ALL, FUNDS, MNEMONIC
from ogpu_jupyter.localnet.children import Child
from ogpu_jupyter.localnet.rpc import HOST, Rpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ogpu_jupyter.localnet.options import Options

_START_SECONDS: Final = 20.0
_LONGEST_FOLDER: Final = 80  # bytes; a socket's name has at most 103
_HOW_TO_GET_ANVIL: Final = "Type `npm install @foundry-rs/anvil` in this folder to get it."


def find_anvil(start: Path | None = None) -> Path | None:
    """`OGPU_ANVIL` (a path, or `none`), PATH, then a `node_modules` here or further up."""
    told = os.environ.get("OGPU_ANVIL", "")
    if told.lower() == "none":
        return None
    if told:
        return _told(told)
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    return next((path for path in _in_node_modules(start or Path.cwd()) if path.is_file()), None)


def choose(options: Options) -> Path | None:
    """The anvil to start, or None for the embedded node; an error when what is asked lacks."""
    anvil = None if options.node == "embedded" else find_anvil()
    if anvil is None and options.node == "anvil":
        raise NetworkError("No anvil was found for the local network.", hint=_HOW_TO_GET_ANVIL)
    if anvil is None and options.state is not None:
        raise InputError(
            "Keeping the state takes anvil; the embedded node keeps none.", hint=_HOW_TO_GET_ANVIL
        )
    if anvil is None and not find_spec("eth"):
        raise MissingExtra("local", "The embedded node of the local network")
    return anvil


def _told(path: str) -> Path:
    found = shutil.which(path)
    if found is None:
        raise InputError(
            f"OGPU_ANVIL is {path}, and that is not a program.",
            hint="Set it to the path of anvil, or to `none` for the embedded node.",
        )
    return Path(found)


def _in_node_modules(start: Path) -> Iterator[Path]:
    """The binary itself first: its npm wrapper starts it through node, which takes longer."""
    system = {"win32": "win32", "darwin": "darwin"}.get(sys.platform, "linux")
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    package = f"anvil-{system}-{'arm64' if arm else 'amd64'}"
    for folder in (start, *start.parents):
        modules = folder / "node_modules"
        yield modules / "@foundry-rs" / package / "bin" / "anvil"
        yield modules / ".bin" / "anvil"


class Node(Protocol):
    """A running node; `last_words` are its standard error's."""

    kind: str
    rpc: Rpc

    @property
    def is_alive(self) -> bool: ...

    @property
    def last_words(self) -> str: ...

    def stop(self) -> None: ...


def launch(
    anvil: Path | None,
    options: Options,
    *,
    load: Path | None = None,
    socket: Path | None = None,
) -> Node:
    """Start anvil, with the chain in the file `load` if given, or the embedded node.

    With a `socket` it is reached there alone, and not at the options' port, where anvil
    listens to every web page.
    """
    if options.port and socket is None:
        check_free(options.port)
    if anvil is not None:
        return Anvil(anvil, options, load=load, socket=socket)
    return Embedded(options, socket=socket)


def check_free(port: int) -> None:
    """In words of ours; between this look and the node's, the node's own words have to do."""
    try:
        sockets.create_server((HOST, port)).close()
    except OSError as error:
        raise InputError(
            f"Port {port} can't be used for the local network: {error.strerror}.",
            hint="Give another one, or 0 for any that is free.",
        ) from error


def new_socket() -> Path:
    """In a folder of its person alone, which stands where its name isn't too long for one."""
    folder = Path(tempfile.mkdtemp(prefix="ogpu-"))
    if len(bytes(folder)) > _LONGEST_FOLDER:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="ogpu-", dir="/tmp"))
    return folder / "node"


class _Process:
    def __init__(self, child: Child, socket: Path | None) -> None:
        self._child = child
        try:
            port = _port_of(child)
            self.rpc = Rpc(port if socket is None else socket)
            if socket is not None:
                _wait_for(socket, child)
        except BaseException:
            child.stop()
            raise

    @property
    def is_alive(self) -> bool:
        return self._child.is_alive

    @property
    def last_words(self) -> str:
        return self._child.last_words

    def stop(self) -> None:
        self.rpc.close()
        self._child.stop()


class Anvil(_Process):
    """A chain in an anvil of our own, mined from here."""

    kind = "anvil"

    # Each state that anvil keeps holds all accounts and the hash of every block, and with
    # interval mining it keeps 1500 of them whatever it is told: gigabytes in a day. So it
    # keeps these, in memory only, and blocks come when we ask for them.
    _STATES: Final = 128

    def __init__(
        self,
        binary: Path,
        options: Options,
        *,
        load: Path | None = None,
        socket: Path | None = None,
    ) -> None:
        command = [str(binary), *_anvil_arguments(options, self._STATES)]
        if load is not None:
            command += ["--load-state", str(load)]
        if socket is None:
            command += ["--host", HOST, "--port", str(options.port)]
        else:
            host, port = out_of_reach()
            command += ["--host", host, "--port", str(port), "--ipc", str(socket)]
        super().__init__(Child(command, reads_stdin=False, with_stdout=True, socket=socket), socket)


class Embedded(_Process):
    """A chain in a Python process of its own."""

    kind = "embedded"

    def __init__(self, options: Options, *, socket: Path | None = None) -> None:
        command = [sys.executable, "-m", "ogpu_jupyter.localnet.embedded"]
        command += ["--port", str(options.port), "--chain-id", str(options.chain_id)]
        if options.block_time is not None:
            command.append("--no-mining")
        if socket is not None:
            command += ["--socket", str(socket)]
        super().__init__(Child(command, reads_stdin=True, with_stdout=True), socket)


def _anvil_arguments(options: Options, states: int) -> list[str]:
    words = ["--chain-id", str(options.chain_id)]
    words += ["--mnemonic", MNEMONIC, "--accounts", str(len(ALL))]
    words += ["--balance", str(FUNDS // 10**18), "--prune-history", str(states), "--no-cors"]
    words += ["--disable-default-create2-deployer", "--disable-console-log", "--color", "never"]
    words += ["--slots-in-an-epoch", "1"]  # safe and finalized are near, as on the real network
    # Block 0 is made of these and the second it was made in, and of nothing else: without
    # chance in them, two chains begun in the same second would be one.
    words += ["--gas-limit", str(30_000_000 + secrets.randbelow(2**21))]
    words += ["--block-base-fee-per-gas", str(10**9 + secrets.randbelow(2**24))]
    if options.block_time is not None:
        words.append("--no-mining")
    return words


_NOWHERE: Final = "224.0.0.1"
# Those that browsers connect to on no account (fetch.spec.whatwg.org/#port-blocking), and
# that take no rights to listen at.
_BLOCKED: Final = (
    6000, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 10080, 5060, 5061, 4045, 3659, 2049, 1720,
    1723, 1719,
)  # fmt: skip


def out_of_reach() -> tuple[str, int]:
    """An address and a port for an anvil that can't be told to listen at none.

    Linux lets a program listen by TCP at a multicast address, and no system connects to one.
    Elsewhere it is a port to which no browser connects.
    """
    if _can_listen(_NOWHERE, 0):
        return _NOWHERE, 0
    free = next((port for port in _BLOCKED if _can_listen(HOST, port)), None)
    if free is None:
        raise NetworkError(
            "No port is free at which anvil is out of the reach of web pages.",
            hint="Stop another local network, or take the embedded node: `--node embedded`.",
        )
    return HOST, free


def _can_listen(host: str, port: int) -> bool:
    with sockets.socket() as tried, suppress(OSError):
        tried.bind((host, port))
        tried.listen()
        return True
    return False


def _wait_for(socket: Path, child: Child) -> None:
    """Anvil opens it in a thread of its own."""
    end = time.monotonic() + _START_SECONDS
    while not socket.exists():
        if not child.is_alive or time.monotonic() > end:
            raise NodeUnavailable(f"The local node opened no socket. {child.last_words}")
        time.sleep(0.002)


_LISTENING = re.compile(rb"Listening on (?:[0-9.]+:(\d+)|its socket)")


def _port_of(child: Child) -> int:
    """The port that the child says it listens on; read on by a thread, or it would block."""
    stream = child.process.stdout
    assert stream is not None
    found: list[int] = []
    ready = threading.Event()

    def read() -> None:
        for line in stream:
            match = _LISTENING.search(line)
            if match and not found:
                found.append(int(match[1] or 0))
                ready.set()
        ready.set()

    threading.Thread(target=read, name="ogpu-node", daemon=True).start()
    if not ready.wait(_START_SECONDS):
        raise NodeUnavailable(f"The local node said nothing for {_START_SECONDS:.0f} seconds.")
    if not found:
        child.process.wait(1)
        raise NodeUnavailable(f"The local node ended at once. {child.last_words}")
    return found[0]
