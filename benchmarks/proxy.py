"""An HTTP proxy before one server: it counts, and can be as far away as one likes."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

_SECONDS = 60.0
_PASSED_ON = ("Content-Type", "Accept", "User-Agent")


class Proxy:
    """Serves at `url` what `upstream` serves; each request takes `delay` seconds longer.

    `requests` counts HTTP requests, `calls` the JSON-RPC calls in them, and `ticks` the
    requests that ask for logs, by which a follower is told from who publishes. `longest`
    is the longest body since `reset`.
    """

    def __init__(self, upstream: str, delay: float = 0.0) -> None:
        parts = urlsplit(upstream)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.delay = delay
        self._lock = threading.Lock()
        self.reset()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}{parts.path}"
        target = self._server.serve_forever
        self._thread = threading.Thread(target=target, args=(0.05,), daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Count from nothing."""
        with self._lock:
            self.requests = self.calls = self.ticks = 0
            self.longest = b""

    def count(self, body: bytes) -> None:
        methods = _methods(body)
        with self._lock:
            self.requests += 1
            self.calls += len(methods)
            self.ticks += "eth_getLogs" in methods
            self.longest = max(self.longest, body, key=len)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection, with one connection of its own to the server behind."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        proxy = self.server.proxy
        self._upstream = http.client.HTTPConnection(proxy.host, proxy.port, timeout=_SECONDS)

    def finish(self) -> None:
        self._upstream.close()
        with suppress(OSError):
            super().finish()

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server.proxy
        proxy.count(body)
        if proxy.delay:
            time.sleep(proxy.delay)
        try:
            status, kind, content = self._ask(body)
        except (OSError, http.client.HTTPException) as error:
            self._upstream.close()
            status, kind, content = 502, "text/plain", str(error).encode()
        head = (
            f"HTTP/1.1 {status} \r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + content)

    do_GET = do_POST = do_HEAD = _forward  # noqa: N815 - http.server's names

    def _ask(self, body: bytes) -> tuple[int, str, bytes]:
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        self._upstream.request(self.command, self.path, body or None, headers)
        answer = self._upstream.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def _methods(body: bytes) -> list[str]:
    """Of the JSON-RPC calls in a body; none where it is something else."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    calls = found if isinstance(found, list) else [found]
    return [call["method"] for call in calls if isinstance(call, dict) and "method" in call]
