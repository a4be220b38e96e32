"""The whole state of many tasks, read together at one block.

A node is asked in the best way that it takes, which is found out once:

1. one `eth_call` that brings its own code along, and reads all on the chain (`reader`);
2. Multicall3, where that is deployed: three rounds of questions, each in a call (`multicall`);
3. the same rounds as a JSON-RPC batch, or as single calls where there are no batches.

What one way can't tell of a task is asked in the next: its error is the last one's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ogpu_jupyter.chain.contracts import checksum, spelled
from ogpu_jupyter.chain.rpc import MAX_BATCH, quantity
from ogpu_jupyter.chain.snapshots import multicall, reader, rounds
from ogpu_jupyter.chain.snapshots.means import means_of
from ogpu_jupyter.chain.snapshots.packed import Order
from ogpu_jupyter.errors import AddressError, NetworkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ogpu_jupyter.chain.rpc import Rpc
    from ogpu_jupyter.chain.snapshots.means import Means
    from ogpu_jupyter.errors import OgpuError
    from ogpu_jupyter.tasks import TaskSnapshot

__all__ = ["snapshots"]

_MOST = 1_000_000  # tasks: all of them


def snapshots(
    rpc: Rpc,
    addresses: Sequence[str],
    *,
    known: Mapping[str, TaskSnapshot] | None = None,
    block: int | None = None,
    deadline: float | None = None,
) -> list[TaskSnapshot | OgpuError]:
    """One for each address, in order, all at `block`, or at the node's newest.

    In the place of a task that can't be read stands why: an AddressError where there is no
    task. `known` are earlier ones of the same chain, of which only what may have changed is
    asked; a reorg makes them worthless.
    """
    until = time.monotonic() + rpc.timeout if deadline is None else deadline
    orders = [_order(text, known or {}) for text in addresses]
    asked = [order for order in orders if isinstance(order, Order)]
    found = iter(_read(rpc, asked, block, until) if asked else ())
    return [next(found) if isinstance(order, Order) else order for order in orders]


def _order(text: str, known: Mapping[str, TaskSnapshot]) -> Order | AddressError:
    try:
        address = _quick(text) or checksum(text)
    except AddressError as error:
        return error
    return Order(address, known.get(text) or known.get(address))


def _quick(text: object) -> str | None:
    """What is already as `checksum` would write it: thousands of those come at a time."""
    if not isinstance(text, str) or len(text) != 42:
        return None
    try:
        address = spelled(bytes.fromhex(text[2:]))
    except ValueError:
        return None
    return address if address == text else None


def _read(
    rpc: Rpc, orders: list[Order], block: int | None, until: float
) -> list[TaskSnapshot | OgpuError]:
    means = means_of(rpc)
    at, found = reader.read(rpc, means, orders, block, until)
    left = [order for order, one in zip(orders, found, strict=True) if one is None]
    if not left:
        return [one for one in found if one is not None]
    try:
        rest = iter(_in_rounds(rpc, means, left, at, until))
    except NetworkError as error:
        if len(left) == len(orders):
            raise
        rest = iter([error] * len(left))
    return [next(rest) if one is None else one for one in found]


def _in_rounds(
    rpc: Rpc, means: Means, orders: list[Order], block: int | None, until: float
) -> list[TaskSnapshot | OgpuError]:
    """Where the node takes few calls at once, few tasks: those that are read stay read."""
    if block is None:
        block = quantity(rpc.call("eth_blockNumber", deadline=until), "a block's number")
    asker = multicall.Asker(rpc, means, block, until)
    found: list[TaskSnapshot | OgpuError] = []
    try:
        while some := orders[len(found) :][: _at_once(rpc, means)]:
            found += rounds.read(asker.ask, some, block)
    except NetworkError as error:
        if not found:
            raise
        found += [error] * (len(orders) - len(found))
    return found


def _at_once(rpc: Rpc, means: Means) -> int:
    if rpc.largest_batch >= MAX_BATCH or (means.multicall.open and means.multicall.proven):
        return _MOST
    return rpc.largest_batch
