"""A local network that is there again: its chain, its content and what it said of itself,
in a folder that one network at a time uses.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from ogpu_jupyter.errors import InputError
from ogpu_jupyter.home import make_private, open_private, private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from ogpu_jupyter.localnet.rpc import Rpc

_VERSION: Final = 1
_SHARE: Final = 0.1  # of the time that saving may take; a large chain is saved less often


class State:
    """`saved` is what `remember` was told by an earlier network, or None in a new folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._chain = self._folder / "chain.json"
        self._facts = self._folder / "network.json"
        self._not_before = 0.0
        private_folder(self._folder)
        lock = self._folder / "lock"
        for file in (self._chain, self._facts, lock):
            make_private(file)
        self._lock = FileLock(lock, mode=0o600)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"Another local network is running with the state in {self._folder}.",
                hint="Stop that one, or give another folder.",
            ) from None
        self.saved = self._read()

    @property
    def content(self) -> Path:
        return self._folder / "content"

    @property
    def chain(self) -> Path | None:
        """What anvil loads, or None when the chain is new."""
        return self._chain if self.saved is not None else None

    def check(self, chain_id: int) -> None:
        """The saved chain is the one that is asked for."""
        if self.saved is not None and self.saved["chain_id"] != chain_id:
            was = self.saved["chain_id"]
            raise InputError(
                f"The state in {self._folder} is of chain id {was}, not {chain_id}.",
                hint=f"Start it with chain id {was}, or give another folder.",
            )

    def remember(self, facts: dict[str, Any]) -> None:
        """To be called after the first `save`: with this, the folder holds a network."""
        _replace(self._facts, json.dumps({"version": _VERSION, **facts}, indent=1).encode())

    def save(self, rpc: Rpc, *, now: bool = False) -> bool:
        """Write the chain down, unless that was done too shortly ago."""
        if not now and time.monotonic() < self._not_before:
            return False
        begun = time.monotonic()
        packed = bytes.fromhex(rpc.call("anvil_dumpState")[2:])
        beginning = rpc.call("eth_getBlockByNumber", "0x0", False)
        _replace(self._chain, _without_other_beginnings(gzip.decompress(packed), beginning))
        taken = time.monotonic() - begun
        self._not_before = time.monotonic() + taken / _SHARE
        return True

    def close(self) -> None:
        self._lock.release()

    def _read(self) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads(self._facts.read_bytes())
            known = facts["version"] == _VERSION
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            known = False
        if not known or not self._chain.exists():
            raise InputError(
                f"The folder {self._folder} holds no state that this version can read.",
                hint="Give another folder, or remove this one if you don't need it.",
            )
        return facts


def _without_other_beginnings(dump: bytes, beginning: dict[str, Any]) -> bytes:
    """What anvil dumps, with the chain's own block 0 alone.

    When anvil loads a chain, it has made a block 0 itself already. In its next dump both
    are there, and which one counts after that is left to chance.
    """
    chain = json.loads(dump)
    if sum(_is_first(block) for block in chain["blocks"]) < 2:
        return dump
    chain["blocks"] = [
        block
        for block in chain["blocks"]
        if not _is_first(block) or _marks(block["header"]) == _marks(beginning)
    ]
    return json.dumps(chain).encode()


def _is_first(block: dict[str, Any]) -> bool:
    return int(block["header"]["number"], 16) == 0


def _marks(header: dict[str, Any]) -> list[int]:
    """Where a block 0 differs from any other: its time, and the chance that was put into it."""
    return [int(header[name], 16) for name in ("timestamp", "gasLimit", "baseFeePerGas")]


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, also when the machine stops in the middle."""
    new = path.with_suffix(".new")
    with open_private(new) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
