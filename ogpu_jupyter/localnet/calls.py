"""The few calls that a provider makes, as bytes.

By hand, because a library for them takes longer to import than the local network to start.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TASK_PUBLISHED: Final = "0x3bf5b04cf8ed447db6fda0a63a96369fd5dde6b366b6b480e784be44b26a6c22"
TASK_PARAMS: Final = "0x155315f9"
GET_STATUS: Final = "0x4e69d560"
_ATTEMPTER_ID: Final = "0xe328c6c6"
_RESPONSE_OF: Final = "0xe2c116da"
_ATTEMPT: Final = "0x84895f34"
_SUBMIT: Final = "0x2cbb753b"


class Told(NamedTuple):
    """What a task says of itself; addresses in lower case."""

    task: str
    source: str
    config: str
    expires_at: int
    payment: int
    status: int


def told(task: str, params: bytes, status: bytes) -> Told:
    """From the answers to `taskParams()` and `getStatus()`."""
    start = _number_at(params, 1)
    length = int.from_bytes(params[start : start + 32], "big")
    config = params[start + 32 : start + 32 + length].decode(errors="replace")
    return Told(
        task=task,
        source=address_at(params, 0),
        config=config,
        expires_at=_number_at(params, 2),
        payment=_number_at(params, 3),
        status=_number_at(status, 0),
    )


def attempt(task: str, provider: str, payment: int) -> str:
    return _ATTEMPT + _address(task) + _address(provider) + _number(payment)


def attempter_id(provider: str) -> str:
    return _ATTEMPTER_ID + _address(provider)


def response_of(provider: str) -> str:
    return _RESPONSE_OF + _address(provider)


def submit(task: str, provider: str, url: str, payment: int) -> str:
    data = url.encode()
    padded = data.hex().ljust((len(data) + 31) // 32 * 64, "0")
    head = _address(task) + _address(provider) + _number(4 * 32) + _number(payment)
    return _SUBMIT + _number(32) + head + _number(len(data)) + padded


def address_at(data: bytes, word: int) -> str:
    return "0x" + data[32 * word + 12 : 32 * word + 32].hex()


def _number_at(data: bytes, word: int) -> int:
    return int.from_bytes(data[32 * word : 32 * word + 32], "big")


def _address(address: str) -> str:
    return address[2:].lower().rjust(64, "0")


def _number(number: int) -> str:
    return f"{number:064x}"
