"""How the embedded node is reached: over HTTP at a port, or by lines at a socket."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PARSE_ERROR: Final = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700}}


class Answers:
    """One at a time. What comes before there is a node waits while the `turn` is held."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.answer: Callable[[Any], Any] = lambda _: None

    def __call__(self, body: bytes) -> bytes:
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            told = {**_PARSE_ERROR, "error": {"code": -32700, "message": f"parse error: {error}"}}
            return json.dumps(told).encode()
        with self.turn:
            answer = self.answer(request)
        return b"" if answer is None else json.dumps(answer).encode()


class Lines(ThreadingMixIn, UnixStreamServer):
    """A request is a line, and its answer too, as at anvil's socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, socket: Path, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        super().__init__(str(socket), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(StreamRequestHandler):
    server: Lines

    def handle(self) -> None:
        with suppress(OSError):
            for line in self.rfile:
                self.wfile.write(self.server.answer(line) + b"\n")
