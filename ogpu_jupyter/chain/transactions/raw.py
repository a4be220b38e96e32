"""What a signed transaction says: only its bytes are kept, and a better offer needs the rest."""

from __future__ import annotations

from ogpu_jupyter.chain.contracts import checksum
from ogpu_jupyter.chain.transactions.records import Order, Quote
from ogpu_jupyter.errors import InputError

_DYNAMIC_FEE = 2
_LEGACY_FROM = 0xC0  # a list, where another type has its number


def read_raw(raw: bytes) -> tuple[Order, Quote]:
    """The order and the offer of bytes that `sign` made; InputError for any others."""
    try:
        priority_fee, (nonce, fee, gas, to, value, data) = _fields(raw)
    except (ValueError, IndexError):
        raise InputError("That is no signed transaction of a kind that is known.") from None
    order = Order(checksum("0x" + to.hex()), "0x" + data.hex(), _number(value))
    return order, Quote(_number(gas), _number(fee), priority_fee, _number(nonce))


def _fields(raw: bytes) -> tuple[int | None, list[bytes]]:
    """The tip, where it has one, and what both kinds have: nonce, fee, gas, to, value, data."""
    if raw[0] >= _LEGACY_FROM:
        return None, _items(raw)[:6]
    if raw[0] != _DYNAMIC_FEE:
        raise ValueError(raw[0])
    _, nonce, tip, *rest = _items(raw[1:])
    return _number(tip), [nonce, *rest[:5]]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _items(data: bytes) -> list[bytes]:
    """The parts of an RLP list; a list inside stays as its bytes."""
    start, end = _span(data, 0)
    found = []
    while start < end:
        first, after = _span(data, start)
        found.append(data[first:after])
        start = after
    return found


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the part that begins at `at` begins and ends."""
    kind = data[at]
    if kind < 0x80:
        return at, at + 1
    base = 0x80 if kind < _LEGACY_FROM else _LEGACY_FROM
    if kind - base <= 55:
        return at + 1, at + 1 + kind - base
    size = kind - base - 55
    begin = at + 1 + size
    return begin, begin + _number(data[at + 1 : begin])
