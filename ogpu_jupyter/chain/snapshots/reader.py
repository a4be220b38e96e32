"""Reading on the chain: an `eth_call` whose code comes along with it, for thousands of tasks.

The code (`Reader.sol`) stands in for that of an account that has none, by a state override,
the third parameter of `eth_call`. It stops by itself before the gas does, so that a node's
limit only means more calls.
"""

from __future__ import annotations

import json
import re
import time
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.rpc import LIMIT_EXCEEDED, said
from ogpu_jupyter.chain.snapshots.means import is_too_much
from ogpu_jupyter.chain.snapshots.packed import Unfit, decode, encode
from ogpu_jupyter.errors import NodeUnavailable, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.rpc import Rpc
    from ogpu_jupyter.chain.snapshots.means import Means, Way
    from ogpu_jupyter.chain.snapshots.packed import Answer, Order

_PLACE: Final = "0x6f67707552656164657200000000000000000001"  # "ogpuReader"
_GAS: Final = re.compile(r"gas", re.IGNORECASE)
_NOT_TAKEN: Final = re.compile(
    r"override|argument|param|opcode|instruction|unexpected|unknown field|support|deserial|pars",
    re.IGNORECASE,
)
_ANY_WAY: Final = re.compile(
    r"rate.?limit|too many requests|unknown block|trie|prune|historical|archive|out ?of ?range"
    r"|(block|header)\b.* not found|state\b.* not available",
    re.IGNORECASE,
)
_NOT_THERE: Final = re.compile(
    r"refused|no such host|no connection|no secure|certificate|disconnected|redirects"
)


class _TooMuch(Exception):
    """For one call."""


class _Refused(Exception):
    """Not in this way, or not now."""


def read(
    rpc: Rpc, means: Means, orders: Sequence[Order], block: int | None, until: float
) -> tuple[int | None, list[Answer]]:
    """The block, and what was found; None for what has to be asked in another way."""
    way, found = means.reader, list[Any]()
    while way.open and len(found) < len(orders):
        chunk = orders[len(found) : len(found) + way.most]
        try:
            block, answers = _ask(rpc, way, chunk, block, until)
        except _TooMuch:
            found += _alone(way) if len(chunk) == 1 else []
            continue
        except _Refused:
            break
        except RpcError as error:
            found += [error] * (len(orders) - len(found))
            break
        found += answers or [None]  # not even the first: it takes more than one call may
    return block, found + [None] * (len(orders) - len(found))


def _alone(way: Way) -> list[Answer]:
    """One task is too much: it is asked otherwise, and where none ever worked, all are."""
    if not way.proven:
        way.failed(for_good=True)
    return [None]


def _ask(
    rpc: Rpc, way: Way, orders: Sequence[Order], block: int | None, until: float
) -> tuple[int, list[Answer]]:
    began = time.monotonic()
    try:
        answer = _call(rpc, way, orders, block, _share(way, orders, until))
    except RpcError as error:
        _why(way, error, len(orders))
        return _ask(rpc, way, orders, block, until)
    except NodeUnavailable as error:
        raise _trouble(way, error, len(orders), until) from None
    try:
        at, answers = decode(_bytes(answer), orders, block)
    except Unfit:
        way.failed(for_good=True)
        raise _Refused from None
    way.worked(len(answers), time.monotonic() - began)
    return at, answers


def _call(rpc: Rpc, way: Way, orders: Sequence[Order], block: int | None, deadline: float) -> Any:
    message = {"to": _PLACE, "data": encode(orders)}
    if way.gas:
        message["gas"] = hex(way.gas)
    tag = "latest" if block is None else hex(block)
    return rpc.call("eth_call", message, tag, {_PLACE: {"code": _code()}}, deadline=deadline)


def _share(way: Way, orders: Sequence[Order], until: float) -> float:
    """Something is left for another way, or for less at a time."""
    if way.proven and len(orders) == 1:
        return until
    now = time.monotonic()
    return now + (until - now) / 2


def _why(way: Way, error: RpcError, asked: int) -> None:
    """Returns where it is to be asked once more: without the gas that the node minds.

    What would be so in any way is raised as it is.
    """
    words = said(error)
    if error.code in {LIMIT_EXCEEDED, 429} or _ANY_WAY.search(words):
        raise error if way.proven else _Refused from None
    if way.gas and _GAS.search(words):
        way.gas = None
        return
    if error.code == -32601 or _NOT_TAKEN.search(words):
        way.failed(for_good=True)
        raise _Refused from None
    if is_too_much(words):
        way.shrink(asked)
        raise _TooMuch from None
    way.failed()
    raise _Refused from None


def _trouble(way: Way, error: NodeUnavailable, asked: int, until: float) -> Exception:
    """Whether less at a time, or another way, may help where no answer came."""
    if _NOT_THERE.search(error.what) or time.monotonic() >= until:
        return error
    too_large = "HTTP 413" in error.what
    if too_large or (way.proven and asked > 1):
        way.shrink(asked, told=too_large)
        return _TooMuch()
    way.failed()
    return _Refused()


def _bytes(answer: Any) -> bytes:
    """`hex_bytes`, but quick enough for megabytes."""
    if not isinstance(answer, str) or not answer.startswith("0x"):
        raise Unfit("not hex")
    try:
        return bytes.fromhex(answer[2:])
    except ValueError:
        raise Unfit("not hex") from None


@cache
def _code() -> str:
    place = files("ogpu_jupyter.chain") / "reader" / "Reader.bin.json"
    return str(json.loads(place.read_text("utf-8")))
