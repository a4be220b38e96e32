"""Addresses as people type them."""

from __future__ import annotations

import re
from functools import lru_cache

from ogpu_jupyter.chain._web3 import eth_utils
from ogpu_jupyter.errors import AddressError

ZERO_ADDRESS = "0x" + "0" * 40
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_HINT = "An address is 0x and 40 hex digits; `%ogpu sources` shows those of sources."


def checksum(text: object) -> str:
    """The address as it is written with its checksum; AddressError where it can't be one."""
    if not isinstance(text, str):
        raise AddressError(f"An address is text, not {type(text).__name__}.", hint=_HINT)
    address = text.strip()
    if not _ADDRESS.fullmatch(address):
        raise AddressError(_not_an_address(address), hint=_HINT)
    right = spelled(bytes.fromhex(address[2:]))
    digits = address[2:]
    if digits not in {digits.lower(), digits.upper(), right[2:]}:
        raise AddressError(
            f"{address} has a wrong checksum: one of its characters is not as it was.",
            hint="Copy the address again from where you have it.",
        )
    return right


@lru_cache(maxsize=1 << 15)
def spelled(address: bytes) -> str:
    """Its 20 bytes as text, in mixed case by the hash of the small letters (EIP-55).

    The same few come again and again, and a hash takes longer than all the rest of reading.
    """
    small = address.hex()
    marks = eth_utils.crypto.keccak(small.encode()).hex()
    letters = zip(small, marks, strict=False)
    return "0x" + "".join([c.upper() if mark >= "8" else c for c, mark in letters])


def _not_an_address(text: str) -> str:
    """Hex that is too long may be a key: it is not shown."""
    if _HEX.fullmatch(text):
        return f"That is not an address: it has {len(text) - 2} hex digits after 0x, not 40."
    if re.fullmatch(r"[0-9a-fA-F]{40,}", text):
        return "That is not an address: it doesn't begin with 0x."
    return f"{text[:60]!r} is not an address."
