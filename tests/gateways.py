"""A content store that misbehaves on demand: a real server, before a real one.

What it does is decided by a seed, so that a failure can be had again by the test's own name.
"""

from __future__ import annotations

import json
import random
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from ogpu_jupyter.content import Cache, HttpContentStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fault = Callable[["Exchange", bytes], None]


class Gateway(ThreadingHTTPServer):
    """`fault(exchange, honest body)` answers; without one the store behind does."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, behind: str, seed: int) -> None:
        self.behind = behind.rstrip("/")
        self.dice = random.Random(seed)
        self.fault: Fault | None = None
        self.seen: list[str] = []
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), Exchange)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def pin_url(self) -> str:
        return f"{self.url}/file/create"

    @property
    def gateway_url(self) -> str:
        return f"{self.url}/ipfs"

    def store(self, cache: Cache | None = None) -> HttpContentStore:
        return HttpContentStore(self.pin_url, self.gateway_url, cache)

    def handle_error(self, *_: Any) -> None:
        """A client that has left is no news here."""


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])))

    def _serve(self, body: bytes | None) -> None:
        gateway = self.server
        gateway.seen.append(self.path)
        kind = {"Content-Type": self.headers["Content-Type"]} if body is not None else {}
        with urlopen(Request(gateway.behind + self.path, body, kind), timeout=20) as answer:
            honest = answer.read().replace(gateway.behind.encode(), gateway.url.encode())
        with suppress(ConnectionError):
            if gateway.fault is None:
                self.reply(honest)
            else:
                gateway.fault(self, honest)

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def says(body: bytes, status: int = 200, **headers: str) -> Fault:
    return lambda exchange, _: exchange.reply(body, status, **headers)


def says_json(value: Any, status: int = 200) -> Fault:
    return says(json.dumps(value).encode(), status)


def on_reading(fault: Fault) -> Fault:
    """Uploads go through as they are."""
    return lambda exchange, honest: (
        exchange.reply(honest, 201) if exchange.command == "POST" else fault(exchange, honest)
    )


def endless(exchange: Exchange, _: bytes) -> None:
    """300 MB, as long as somebody takes them."""
    exchange.close_connection = True
    exchange.send_response(200)
    exchange.send_header("Content-Length", str(300 << 20))
    exchange.end_headers()
    for _ in range(300):
        exchange.wfile.write(b" " * (1 << 20))


def drip(exchange: Exchange, _: bytes) -> None:
    """A byte at a time: no single one is late."""
    exchange.close_connection = True
    exchange.send_response(200)
    exchange.send_header("Content-Length", "1000000")
    exchange.end_headers()
    while not exchange.server.ended.wait(0.05):
        exchange.wfile.write(b" ")
        exchange.wfile.flush()


def silent(exchange: Exchange, _: bytes) -> None:
    exchange.close_connection = True
    exchange.server.ended.wait(30)


def hangs_up(exchange: Exchange, _: bytes) -> None:
    exchange.close_connection = True


def altered(exchange: Exchange, honest: bytes) -> None:
    """Other bytes than were asked for, and the dice say in which way."""
    dice = exchange.server.dice
    at = dice.randrange(len(honest))
    ways = [
        honest[:at],
        honest + dice.randbytes(dice.randint(1, 9)),
        honest[:at] + bytes([honest[at] ^ 1 << dice.randrange(8)]) + honest[at + 1 :],
        honest[:at] + b" " + honest[at:],
        honest[::-1] + b"\n",
        dice.randbytes(len(honest)),
        b"",
        b"<html>" + honest,
    ]
    exchange.reply(dice.choice(ways))


@contextmanager
def faulty_gateway(behind: str, seed: int = 0) -> Iterator[Gateway]:
    """Before the store whose address, without a path, is `behind`."""
    with Gateway(behind, seed) as gateway:
        thread = threading.Thread(target=gateway.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield gateway
        finally:
            gateway.ended.set()
            gateway.shutdown()
            thread.join(10)
