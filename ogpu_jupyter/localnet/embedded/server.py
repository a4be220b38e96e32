"""JSON-RPC over HTTP on a loopback port, for programs of this machine and not for web pages."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.rpc import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST: Final = 16 << 20  # bytes of a request
_STACK: Final = 64 << 20  # contracts call each other 1024 deep, and each call is some of ours
_PARSE_ERROR: Final = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700}}


class Server(ThreadingHTTPServer):
    """Takes its port at once; what comes before there is an `answer` waits for it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        threading.stack_size(_STACK)
        self.turn = threading.Lock()
        self.answer: Callable[[Any], Any] = _nothing
        super().__init__((HOST, port), _Handler)
        self.names = {f"{host}:{self.server_port}" for host in (HOST, "localhost")}

    def server_bind(self) -> None:
        """Without the reverse look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


def _nothing(_: Any) -> Any:
    return None


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "ogpu-node"
    sys_version = ""
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
            answer = self._answer(self.rfile.read(int(length)))
            self._reply(HTTPStatus.OK if answer else HTTPStatus.NO_CONTENT, answer)

    def _answer(self, body: bytes) -> bytes:
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            told = {**_PARSE_ERROR, "error": {"code": -32700, "message": f"parse error: {error}"}}
            return json.dumps(told).encode()
        with self.server.turn:
            answer = self.server.answer(request)
        return b"" if answer is None else json.dumps(answer).encode()

    def _refuse(self, status: HTTPStatus) -> None:
        self.close_connection = True
        self._reply(status, b"")

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        if body or status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Standard error is for what goes wrong."""
