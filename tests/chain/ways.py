"""Nodes that take fewer ways of asking: a proxy refuses the others, as real nodes word it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.rpc import Rpc
from tests.chain.faulty import faulty_node, honest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chain.faulty import Exchange, Faulty

WAYS = ["reader", "batch", "single"]
TWO_PARAMETERS = {"code": -32602, "message": "too many arguments, want at most 2"}
NO_BATCH = {"code": -32600, "message": "batch requests are not supported"}


def brings_code(asked: Any) -> bool:
    """It is the reader's call, with a state override."""
    return isinstance(asked, dict) and len(asked["params"]) == 3


def through_multicall(asked: Any) -> bool:
    calls = asked if isinstance(asked, list) else [asked]
    return any(call["method"] == "eth_call" and aggregates(call) for call in calls)


def aggregates(call: dict[str, Any]) -> bool:
    return bool(call["params"][0]["data"].startswith("0x82ad56cb"))


def says(error: dict[str, Any]) -> Callable[[Exchange], None]:
    """An error in the place of one answer, whatever was asked."""

    def fault(exchange: Exchange) -> None:
        asked = exchange.asked
        id_ = asked["id"] if isinstance(asked, dict) else None
        exchange.reply({"jsonrpc": "2.0", "id": id_, "error": error})

    return fault


def when(
    concerns: Callable[[Any], bool], fault: Callable[[Exchange], None]
) -> Callable[[Exchange], None]:
    """The fault for these requests, an honest answer to all others."""
    return lambda exchange: (fault if concerns(exchange.asked) else honest)(exchange)


def only(way: str) -> Callable[[Exchange], None]:
    """Nothing better than this way is taken."""
    if way == "reader":
        return honest
    refuses = when(brings_code, says(TWO_PARAMETERS))
    if way == "batch":
        return refuses
    alone = says(NO_BATCH)
    return lambda exchange: (alone if isinstance(exchange.asked, list) else refuses)(exchange)


@contextmanager
def node_with(
    url: str, always: Callable[[Exchange], None], *, timeout: float = 20
) -> Iterator[tuple[Faulty, Rpc]]:
    """The node at `url` behind a proxy that does this to every request."""
    with faulty_node(url) as (node, proxy):
        node.always = always
        rpc = Rpc(proxy, timeout=timeout)
        yield node, rpc
        rpc.close()
