"""What answers JSON-RPC: the methods by their names, and how a request becomes a call of one."""

from __future__ import annotations

import inspect
import sys
import traceback
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.door import MOST_CALLS
from ogpu_jupyter.localnet.embedded.errors import Refused, invalid
from ogpu_jupyter.localnet.embedded.formats import read_data, read_number, read_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.localnet.embedded.chain import Block, Chain
    from ogpu_jupyter.localnet.embedded.pool import Pool

Method = "Callable[..., Any]"
_METHODS: Final[dict[str, tuple[Callable[..., Any], inspect.Signature]]] = {}
_LATEST: Final = ("latest", "safe", "finalized", None)


def method(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function, which takes the node and the parameters, a method of these names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            _METHODS[name] = (function, inspect.signature(function))
        return function

    return register


class Node:
    """Not thread-safe: one request at a time."""

    def __init__(self, chain: Chain, *, automine: bool) -> None:
        self.chain = chain
        self.automine = automine
        self.snapshots: dict[int, tuple[int, int, Pool]] = {}
        self.filters: dict[int, Any] = {}
        self.numbers = count(1)

    def block(self, tag: object) -> Block | None:
        """The block that a tag, number, hash or EIP-1898 object means; None for `pending`."""
        if isinstance(tag, dict):
            if "blockHash" in tag:
                return self._by_hash(tag["blockHash"])
            tag = read_object(tag, "block").get("blockNumber")
        if tag == "pending":
            return None
        number = self.height(tag)
        if number > self.chain.head.number:
            raise Refused(-32000, f"header not found: there is no block {number} yet")
        return self.chain.blocks[number]

    def height(self, tag: object) -> int:
        if tag in _LATEST:
            return self.chain.head.number
        if tag == "earliest":
            return 0
        if tag == "pending":
            return self.chain.head.number + 1
        return read_number(tag, "block number")

    def _by_hash(self, told: object) -> Block:
        block = self.chain.block_by_hash(read_data(told, "block hash", 32))
        if block is None:
            raise Refused(-32000, f"header for hash not found: {told}")
        return block

    # --- requests ---

    def answer(self, request: object) -> Any:
        """To one request or a batch; None when nothing is to be answered."""
        if not isinstance(request, list):
            return self._answer_one(request)
        if not request:
            return _error(None, Refused(-32600, "empty batch"))
        if len(request) > MOST_CALLS:
            return _error(None, Refused(-32600, f"more than {MOST_CALLS} calls in a batch"))
        answers = [answer for item in request if (answer := self._answer_one(item)) is not None]
        return answers or None

    def _answer_one(self, request: object) -> dict[str, Any] | None:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, Refused(-32600, "invalid request"))
        number = request.get("id")
        if number is not None and not isinstance(number, (str, int, float)):
            return _error(None, Refused(-32600, "invalid id"))
        try:
            told = self._call(request["method"], request.get("params"))
        except Refused as error:
            return _error(number, error) if "id" in request else None
        return {"jsonrpc": "2.0", "id": number, "result": told} if "id" in request else None

    def _call(self, name: str, params: object) -> Any:
        if name not in _METHODS:
            raise Refused(-32601, f"the method {name:.80} does not exist/is not available")
        function, signature = _METHODS[name]
        if params is not None and not isinstance(params, list):
            raise invalid("params are a list")
        try:
            bound = signature.bind(self, *(params or []))
        except TypeError as error:
            raise invalid(f"{name}: {error}") from None
        try:
            return function(*bound.args)
        except Refused:
            raise
        except Exception as error:  # whatever it is, the node goes on
            traceback.print_exc(file=sys.stderr)
            raise Refused(-32603, f"internal error: {type(error).__name__}") from error


def _error(number: object, error: Refused) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": error.body}
