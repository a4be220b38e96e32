"""The door of the local network's node: JSON-RPC over HTTP for programs of this machine, and
for no web page.

The node behind it listens on a socket in a folder of its person, which no page can reach, and
takes everything. Through the door goes what a client, a provider and the SDK need.
"""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ogpu_jupyter.errors import NodeUnavailable
from ogpu_jupyter.localnet.rpc import HOST, Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METHODS: Final = frozenset(
    (
        "eth_accounts", "eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas",
        "eth_feeHistory", "eth_gasPrice", "eth_getBalance", "eth_getBlockByHash",
        "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getBlockTransactionCountByNumber",
        "eth_getCode", "eth_getFilterChanges", "eth_getFilterLogs", "eth_getLogs",
        "eth_getStorageAt", "eth_getTransactionByHash", "eth_getTransactionCount",
        "eth_getTransactionReceipt", "eth_maxPriorityFeePerGas", "eth_newBlockFilter",
        "eth_newFilter", "eth_sendRawTransaction", "eth_sendTransaction", "eth_syncing",
        "eth_uninstallFilter", "net_listening", "net_version", "web3_clientVersion",
    )
)  # fmt: skip
MOST_CALLS: Final = 5_000  # in one batch
_MOST: Final = 16 << 20  # bytes of a request
_KEPT: Final = 8  # connections to the node, for the next requests


class Server(ThreadingHTTPServer):
    """HTTP with a Host and an Origin that are checked; `answer` has the body of a request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        super().__init__((HOST, port), _Handler)
        self.names = {f"{host}:{self.server_port}" for host in (HOST, "localhost")}
        self.url = f"http://{HOST}:{self.server_port}"

    def server_bind(self) -> None:
        """Without the reverse look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 120  # an idle connection
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Host") not in self.server.names or "Origin" in self.headers:
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif int(length[:20]) > _MOST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            answer = self.server.answer(self.rfile.read(int(length)))
            self._reply(HTTPStatus.OK if answer else HTTPStatus.NO_CONTENT, answer)

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._reply(status, b"")

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        """In one piece, and without what a client of ours doesn't read."""
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        if body or status != HTTPStatus.NO_CONTENT:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if self.close_connection:
            lines.append("Connection: close")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Standard error is for what goes wrong."""


class Door(Server):
    """Open from the start to the end of a network."""

    def __init__(self, port: int, socket: Path) -> None:
        self._guard = Guard(socket)
        super().__init__(port, self._guard)
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name="ogpu-door", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
        self._guard.close()


class Guard:
    """Hands on what may pass, and answers the rest itself."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._lock = threading.Lock()
        self._idle: list[Line] = []

    def __call__(self, body: bytes) -> bytes:
        try:
            request = json.loads(body, parse_constant=_constant)
        except (ValueError, RecursionError) as error:
            return _said(_error(None, -32700, f"parse error: {error}"))
        calls = request if isinstance(request, list) else [request]
        if not 0 < len(calls) <= MOST_CALLS:
            told = f"a batch has 1 to {MOST_CALLS} calls, and not {len(calls)}"
            return _said(_error(None, -32600, told))
        refused = [refusal for call in calls if (refusal := _refusal(call))]
        if not refused:
            plain = [_plain(call) for call in calls]
            return self._ask(plain if isinstance(request, list) else plain[0])
        passed = [_plain(call) for call in calls if not _refusal(call)]
        answers = json.loads(self._ask(passed)) if passed else []
        if isinstance(answers, dict):  # one error for all
            return _said(answers)
        return _said([*answers, *refused] if isinstance(request, list) else refused[0])

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _ask(self, request: object) -> bytes:
        with self._lock:
            line = self._idle.pop() if self._idle else Line(self._socket)
        try:
            answer = line.exchange(json.dumps(request).encode())
        except NodeUnavailable as error:
            return _said(_error(None, -32603, error.what))
        with self._lock:
            if len(self._idle) < _KEPT:
                self._idle.append(line)
                return answer
        line.close()
        return answer


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _plain(call: Any) -> dict[str, Any]:
    """With the fields that a call has, and no others."""
    params = call.get("params") or []
    return {"jsonrpc": "2.0", "id": call["id"], "method": call["method"], "params": params}


def _refusal(call: object) -> dict[str, Any] | None:
    """The error for a call that doesn't go through the door."""
    if not isinstance(call, dict) or not isinstance(call.get("method"), str):
        return _error(None, -32600, "invalid request")
    number = call.get("id", False)  # a call without one would not be answered
    if isinstance(number, bool) or not (number is None or isinstance(number, (str, int))):
        return _error(None, -32600, "invalid id: it is a text or a whole number")
    if isinstance(number, int) and not 0 <= number < 1 << 64:
        return _error(None, -32600, "invalid id: it is out of range")
    if not isinstance(call.get("params"), (list, type(None))):
        return _error(number, -32602, "params are a list")
    if call["method"] not in METHODS:
        told = f"the method {call['method']:.80} does not exist/is not available"
        return _error(number, -32601, told)
    return None


def _error(number: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _said(answer: object) -> bytes:
    return json.dumps(answer).encode()
