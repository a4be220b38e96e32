"""A person's `Web3` on a session's connection: its nodes, its deadlines, its redaction.

Imported when somebody asks for it: web3 takes longer to load than all the rest. Nothing
of ours goes this way; batches and bounds are the `Rpc`'s own.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain._web3 import web3
from ogpu_jupyter.chain.contracts import (
    CONTROLLER,
    NEXUS,
    RESPONSE,
    SOURCE,
    TASK,
    TERMINAL,
    VAULT,
    Contract,
    checksum,
)
from ogpu_jupyter.chain.rpc import Call, Rpc, said
from ogpu_jupyter.errors import InputError, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.networks import Network
    from ogpu_jupyter.transport import Headers

_FIXED = frozenset({"eth_chainId", "net_version"})  # web3 asks before each call


class Provider(web3.providers.JSONBaseProvider):
    """What web3 sends, through our `Rpc`.

    A read is asked again where that helps. A raw transaction leaves once: where its fate is
    unclear, `NodeUnavailable` says so.
    """

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc
        self._ids = itertools.count(1)
        self._fixed: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Provider({self._rpc.where!r})"

    def make_request(self, method: str, params: Any) -> Any:
        if method in self._fixed:
            return self._response(self._fixed[method])
        try:
            result = self._ask(Call(method, self._plain(method, params)))
        except RpcError as error:
            return self._response(error)
        if method in _FIXED:
            self._fixed[method] = result
        return self._response(result)

    def make_batch_request(self, requests: Sequence[tuple[str, Any]]) -> list[Any]:
        calls = [Call(method, self._plain(method, params)) for method, params in requests]
        if any(call.method == "eth_sendRawTransaction" for call in calls):
            return [self.make_request(call.method, call.params) for call in calls]
        return [self._response(answer) for answer in self._rpc.batch(calls)]

    def _ask(self, call: Call) -> Any:
        if call.method == "eth_sendRawTransaction":
            return self._rpc.send_raw(bytes.fromhex(str(call.params[0]).removeprefix("0x")))
        return self._rpc.call(call.method, *call.params)

    def _plain(self, method: str, params: Any) -> tuple[Any, ...]:
        """As JSON has them: web3 passes bytes and mappings of its own."""
        return tuple(
            json.loads(self.encode_rpc_request(web3.types.RPCEndpoint(method), params))["params"]
        )

    def _response(self, answer: Any) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": next(self._ids)}
        if not isinstance(answer, RpcError):
            return head | {"result": answer}
        error = {"code": answer.code, "message": said(answer), "data": answer.data}
        return head | {"error": {name: value for name, value in error.items() if value is not None}}


def web3_on(rpc: Rpc, account: str) -> web3.Web3:
    """A `Web3` whose calls are made as from that account. It has no key: it signs nothing."""
    w3 = web3.Web3(Provider(rpc))
    w3.eth.default_account = web3.Web3.to_checksum_address(account)
    return w3


class Contracts:
    """The market's contracts as web3's `Contract` objects."""

    def __init__(self, w3: web3.Web3, network: Network) -> None:
        self._w3 = w3
        self._network = network

    def __repr__(self) -> str:
        fixed, by_address = "nexus, controller, vault, terminal", "source(…), task(…), response(…)"
        return f"<Contracts of {self._network.name}: {fixed}, {by_address}>"

    @property
    def nexus(self) -> Any:
        return self._at(NEXUS, self._network.nexus)

    @property
    def controller(self) -> Any:
        return self._at(CONTROLLER, self._network.controller)

    @property
    def vault(self) -> Any:
        return self._at(VAULT, self._network.vault)

    @property
    def terminal(self) -> Any:
        return self._at(TERMINAL, self._network.terminal)

    def source(self, address: str) -> Any:
        return self._at(SOURCE, address)

    def task(self, address: str) -> Any:
        return self._at(TASK, address)

    def response(self, address: str) -> Any:
        return self._at(RESPONSE, address)

    def _at(self, contract: Contract, address: object) -> Any:
        """`address` may be a handle that has one."""
        found = checksum(getattr(address, "address", address))
        return self._w3.eth.contract(web3.Web3.to_checksum_address(found), abi=contract.abi)


def node_of(provider: Any) -> tuple[str, Headers]:
    """The URL of the node that a person's own provider asks, and the headers it was given.

    InputError for one without a URL, and for one whose way to its node is not ours to go.
    """
    url, name = getattr(provider, "endpoint_uri", None), type(provider).__name__
    if not url:
        raise InputError(
            f"The provider of the Web3, {name}, names no URL.",
            hint="Give one with an HTTPProvider or a WebSocketProvider, or the RPC URL itself.",
        )
    options = _options_of(provider)
    odd = sorted(options.keys() - {"headers", "timeout"})
    if odd:
        raise InputError(
            f"The provider of the Web3, {name}, was given {', '.join(map(repr, odd))}, "
            "which is not taken over.",
            hint="Leave that out; a user and a password can stand in the URL, certificates in "
            "REQUESTS_CA_BUNDLE, proxies in HTTPS_PROXY.",
        )
    return str(url), tuple((str(key), str(text)) for key, text in options["headers"].items())


def _options_of(provider: Any) -> dict[str, Any]:
    """How the provider goes to its node, as far as that is not web3's own way."""
    if hasattr(provider, "get_request_kwargs"):
        options = dict(provider.get_request_kwargs())
        usual = dict(provider.get_request_headers())
    else:
        given = dict(getattr(provider, "websocket_kwargs", None) or {})
        options = {"headers": given.get("additional_headers") or {}}
        usual = {}
    headers = options.get("headers") or {}
    options["headers"] = {key: text for key, text in headers.items() if usual.get(key) != text}
    return options
