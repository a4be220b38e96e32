"""The reason in a revert's data: a string, a panic, or a custom error of any ABI."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ogpu_jupyter.chain.contracts.codec import Entry, Undecodable, decode_named
from ogpu_jupyter.chain.contracts.interfaces import CONTRACTS
from ogpu_jupyter.chain.rpc import hex_bytes, one_line

PANICS = {
    0x00: "of the compiler's own making",
    0x01: "a broken assertion",
    0x11: "an arithmetic overflow",
    0x12: "a division by zero",
    0x21: "a value outside of its enum",
    0x22: "a broken stored string",
    0x31: "a pop of an empty array",
    0x32: "an index past the end",
    0x41: "too much memory",
    0x51: "a call of an unset function",
}
_BUILT_IN = (
    Entry("Error", ({"name": "reason", "type": "string"},)),
    Entry("Panic", ({"name": "code", "type": "uint256"},)),
)


@dataclass(frozen=True)
class Revert:
    """Why a contract refused.

    `name` is the revert string, the custom error's name, `Panic`, the raw hex of something
    else, or empty where no reason was given.
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.name == "Panic" and "code" in self.args:
            code = self.args["code"]
            return f"Panic 0x{code:02x}, {PANICS.get(code, 'of an unknown kind')}"
        shown = ", ".join(f"{name}={value}" for name, value in self.args.items())
        return f"{self.name}({one_line(shown)})" if shown else self.name or "no reason given"


def decode_revert(data: Any) -> Revert:
    """Never fails: what can't be decoded is shown as the hex that it is."""
    raw = hex_bytes(data) or b""
    entry = _errors().get(raw[:4])
    try:
        args = decode_named(entry.inputs, raw[4:]) if entry else None
    except Undecodable:
        args = None
    if entry is None or args is None:
        return Revert(one_line("0x" + raw[:200].hex()) if raw else "")
    if entry.name == "Error":
        return Revert(one_line(args["reason"]))
    return Revert(entry.name, args)


def is_known_error(data: str) -> bool:
    """Hex that begins like an error of any ABI."""
    return (hex_bytes(data[:10]) or b"") in _errors()


@cache
def _errors() -> dict[bytes, Entry]:
    known = {entry.selector: entry for entry in _BUILT_IN}
    for contract in CONTRACTS:
        known |= contract.errors
    return known
