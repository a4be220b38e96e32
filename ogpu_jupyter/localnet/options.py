"""What a local network can be told, checked once for the command line and for `start()`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

NODES: Final = ("auto", "anvil", "embedded")
_MAX_BLOCK_TIME = 3600.0
_MAX_CHAIN_ID = 2**53  # what JavaScript wallets and JSON numbers hold


@dataclass(frozen=True)
class Options:
    """`block_time` in seconds: None mines each transaction at once, a number only then."""

    node: str = "auto"
    block_time: float | None = None
    state: Path | None = None
    port: int = 0
    chain_id: int = 31337

    def __post_init__(self) -> None:
        _check_node(self.node)
        _check_block_time(self.block_time)
        _check_whole("port", self.port, 0, 65535)
        _check_whole("chain id", self.chain_id, 1, _MAX_CHAIN_ID)
        if self.state is not None and self.state.exists() and not self.state.is_dir():
            raise InputError(f"The state is kept in a folder, and {self.state} is a file.")

    @property
    def arguments(self) -> list[str]:
        """The same options for `python -m ogpu_jupyter.localnet`."""
        words = ["--node", self.node, "--port", str(self.port), "--chain-id", str(self.chain_id)]
        if self.block_time is not None:
            words += ["--block-time", repr(self.block_time)]
        if self.state is not None:
            words += ["--state", str(self.state)]
        return words


def _check_node(node: str) -> None:
    if node not in NODES:
        raise InputError(
            f"There is no node {node!r} for the local network.",
            hint=f"Type one of: {', '.join(NODES)}.",
        )


def _check_block_time(seconds: float | None) -> None:
    if seconds is None:
        return
    if not (_is_number(seconds) and math.isfinite(seconds) and 0 < seconds <= _MAX_BLOCK_TIME):
        raise InputError(
            f"The block time is {seconds!r}; it is a number of seconds above 0, "
            f"at most {_MAX_BLOCK_TIME:.0f}.",
            hint="Leave it out for a block at once for each transaction.",
        )


def _check_whole(name: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"The {name} is {value!r}; it is a whole number from {least} to {most}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
