"""A node that misbehaves on demand: a real HTTP server, before a real node or on its own.

Each request takes the next fault of the script; with none left it is passed on to the node
behind, or answered with the request's own parameters where there is none.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Faulty:
    """`script(fault, …)` says what the next requests get; `seen` is what was asked."""

    def __init__(self, behind: str = "") -> None:
        self.behind = behind
        self.seen: list[Any] = []
        self.always: Callable[[Exchange], None] | None = None
        self.ended = threading.Event()
        self.closed = threading.Event()  # a connection was closed from here
        self._script: deque[Callable[[Exchange], None]] = deque()

    def script(self, *faults: Callable[[Exchange], None]) -> None:
        self._script.extend(faults)

    def serve(self, exchange: Exchange) -> None:
        self.seen.append(exchange.asked)
        fault = self._script.popleft() if self._script else self.always
        (fault or honest)(exchange)

    def honestly(self, body: bytes) -> Any:
        if self.behind:
            request = Request(self.behind, body, {"Content-Type": "application/json"})
            with urlopen(request, timeout=20) as response:
                return json.load(response)
        asked = json.loads(body)
        return [echo(one) for one in asked] if isinstance(asked, list) else echo(asked)


def echo(asked: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"]}


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    faulty: Faulty

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked = json.loads(self.body)
        with suppress(ConnectionError):
            self.faulty.serve(self)

    def do_GET(self) -> None:
        self.body, self.asked = b"", self.path
        with suppress(ConnectionError):
            self.faulty.serve(self)

    def reply(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        pass


# --- what it can do --------------------------------------------------------------------


def honest(exchange: Exchange) -> None:
    exchange.reply(exchange.faulty.honestly(exchange.body))


def says(body: Any, status: int = 200, **headers: str) -> Callable[[Exchange], None]:
    """This, whatever is asked."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.reply(body, status, named)


def answers(**fields: Any) -> Callable[[Exchange], None]:
    """These fields under the id that was asked with; in a batch, each of them."""

    def fault(exchange: Exchange) -> None:
        asked = exchange.asked
        many = asked if isinstance(asked, list) else [asked]
        given = [{"jsonrpc": "2.0", "id": one["id"], **fields} for one in many]
        exchange.reply(given if isinstance(asked, list) else given[0])

    return fault


def changed(change: Callable[[Any], Any]) -> Callable[[Exchange], None]:
    """The honest answer, changed."""
    return lambda exchange: exchange.reply(change(exchange.faulty.honestly(exchange.body)))


def lost(exchange: Exchange) -> None:
    """Done, but the answer never arrives: the connection is reset."""
    exchange.faulty.honestly(exchange.body)
    reset(exchange)


def reset(exchange: Exchange) -> None:
    exchange.close_connection = True
    linger = struct.pack("ii", 1, 0)
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.connection.close()


def leaves(exchange: Exchange) -> None:
    """An honest answer, and then the kept connection is closed without a word."""
    honest(exchange)
    exchange.close_connection = True


def silent(exchange: Exchange) -> None:
    """No answer as long as the test runs."""
    exchange.close_connection = True
    exchange.faulty.ended.wait(30)


def drips(*, headers: bool = False, length: int = 10_000) -> Callable[[Exchange], None]:
    """A byte every twentieth of a second: no single read is ever late."""

    def fault(exchange: Exchange) -> None:
        exchange.close_connection = True
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n"
        exchange.wfile.write(head.encode() + (b"X-Slow: " if headers else b"\r\n"))
        while not exchange.faulty.ended.wait(0.05):
            exchange.wfile.write(b" ")
            exchange.wfile.flush()

    return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    faulty: Faulty

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.faulty.closed.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has left is no news here."""


@contextmanager
def faulty_node(behind: str = "") -> Iterator[tuple[Faulty, str]]:
    faulty = Faulty(behind)
    handler = type("Handler", (Exchange,), {"faulty": faulty})
    server = _Server(("127.0.0.1", 0), handler)
    server.faulty = faulty
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield faulty, f"http://127.0.0.1:{server.server_port}"
    finally:
        faulty.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
