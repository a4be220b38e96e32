"""What a node refuses, in the codes and words of geth, which clients look for."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            told["data"] = self.data
        return told


def refused(message: str) -> Refused:
    """The code that geth gives to everything without one of its own."""
    return Refused(-32000, message)


def invalid(message: str) -> Refused:
    return Refused(-32602, message)


def reverted(output: bytes) -> Refused:
    """With the reason in words where there is one, and the data for the rest."""
    reason = _reason(output)
    message = f"execution reverted: {reason}" if reason else "execution reverted"
    return Refused(3, message, "0x" + output.hex())


_ERROR_STRING = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")


def _reason(output: bytes) -> str:
    if output[:4] == _ERROR_STRING and len(output) >= 68:
        size = int.from_bytes(output[36:68], "big")
        return output[68 : 68 + min(size, len(output))].decode(errors="replace")
    if output[:4] == _PANIC and len(output) == 36:
        return f"panic code 0x{int.from_bytes(output[4:], 'big'):02x}"
    return ""
