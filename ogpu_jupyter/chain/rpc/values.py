"""Values as a node writes them. What is not as it should be is an RpcError, never a KeyError."""

from __future__ import annotations

import re
from typing import Any

from ogpu_jupyter.errors import RpcError

_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")


def hex_bytes(value: Any) -> bytes | None:
    """The bytes of 0x-prefixed hex; None for anything else."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        return None
    return bytes.fromhex(value[2:])


def quantity(value: Any, what: str = "a number") -> int:
    """A number: 0x and hex digits, at most 256 bits."""
    if isinstance(value, str) and _QUANTITY.fullmatch(value):
        return int(value, 16)
    raise RpcError(f"The node's answer has {what} that is not one.")


def digest(value: Any, what: str = "a hash") -> str:
    """32 bytes, in lower case."""
    raw = hex_bytes(value)
    if raw is None or len(raw) != 32:
        raise RpcError(f"The node's answer has {what} that is not one.")
    return "0x" + raw.hex()


def as_object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RpcError(f"The node's answer is not {what}.")
    return value


def one_line(text: str, longest: int = 200) -> str:
    """A stranger's words as a part of a sentence."""
    line = "".join(c if c.isprintable() else " " for c in text[: longest + 1])
    return (line if len(line) <= longest else line[:longest] + "…").strip()
