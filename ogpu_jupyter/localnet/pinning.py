"""The content store of the local network: the pinning service's two calls, on loopback.

`POST /file/create` takes a file and answers with its link; `GET /ipfs/<CID>` gives it back.
Files are kept in memory, or by their CID in a folder where they outlive the server.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.content.cids import cid
from ogpu_jupyter.content.links import (
    MAX_BYTES,
    MAX_UPLOAD,
    TIMEOUT,
    check_upload,
    cid_of,
    verified,
)
from ogpu_jupyter.errors import GatewayUnavailable
from ogpu_jupyter.localnet.files import NAME, FolderFiles, MemoryFiles
from ogpu_jupyter.localnet.multipart import Malformed, TooLarge, read_file

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

    from ogpu_jupyter.localnet.files import Files


_HOST: Final = "127.0.0.1"
_CREATE: Final = "/file/create"
_GATEWAY: Final = "/ipfs"
_OVERHEAD = 65536  # of multipart, beside the file
_DRAIN = 4 * MAX_UPLOAD
_DRAIN_SECONDS = 10.0


class PinServer:
    """Serves from `start()` to `stop()`, and is itself a content store in this process."""

    def __init__(self, directory: Path | None = None, port: int = 0) -> None:
        self._files: Files = FolderFiles(directory) if directory else MemoryFiles()
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def pin_url(self) -> str:
        return f"http://{_HOST}:{self.port}{_CREATE}"

    @property
    def gateway_url(self) -> str:
        return f"http://{_HOST}:{self.port}{_GATEWAY}"

    @property
    def port(self) -> int:
        """The one it listens on; before `start()` the one it was asked for."""
        return self._server.server_port if self._server else self._port

    def start(self) -> PinServer:
        """Bind and serve; OSError when the port is taken."""
        self._server = _Server(self._port, self._files)
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="ogpu-pins", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the server and every connection to it; the port is free after that."""
        server, self._server = self._server, None
        if server is not None and self._thread is not None:
            server.shutdown()
            server.server_close()
            server.hang_up()
            self._thread.join(5)

    def __enter__(self) -> PinServer:  # noqa: PYI034 - typing.Self is younger than 3.10
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def predict(self, data: bytes) -> str:
        return f"{self.gateway_url}/{cid(data)}"

    def put(
        self, data: bytes, *, filename: str = "taskConfig.json", timeout: float = TIMEOUT
    ) -> str:
        del filename, timeout
        check_upload(data)
        name = cid(data)
        self._files.save(name, data)
        return f"{self.gateway_url}/{name}"

    def get(self, url: str, *, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT) -> bytes:
        del timeout
        name = cid_of(url, self.gateway_url)
        data = self._files.load(name)
        if data is None:
            raise GatewayUnavailable(f"The gateway {self.gateway_url} has no content {name}.")
        return verified(name, data, max_bytes)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, files: Files) -> None:
        self.files = files
        self._connections: set[socket.socket] = set()
        super().__init__((_HOST, port), _Handler)
        self.names = {f"{host}:{self.server_port}" for host in (_HOST, "localhost")}
        self.link = f"http://{_HOST}:{self.server_port}{_GATEWAY}/"

    def server_bind(self) -> None:
        """Without the reverse look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30  # a client that says nothing for so long has gone
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if not self._is_local():
            return
        name = self.path.partition("?")[0].removeprefix(_GATEWAY + "/")
        data = self.server.files.load(name) if NAME.fullmatch(name) else None
        if data is None:
            self._refuse(HTTPStatus.NOT_FOUND, "no such content")
            return
        known = {"ETag": f'"{name}"', "Cache-Control": "public, max-age=31536000, immutable"}
        if self.headers.get("If-None-Match") == known["ETag"]:
            self._reply(HTTPStatus.NOT_MODIFIED, b"", "", known)
        else:
            self._reply(HTTPStatus.OK, data, content_type(data), known)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def do_POST(self) -> None:
        if not self._is_local():
            return
        if self.path.partition("?")[0] != _CREATE:
            self._refuse(HTTPStatus.NOT_FOUND, "no such call")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the request has no Content-Length")
        elif int(length[:20]) > MAX_UPLOAD + _OVERHEAD:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the file is over 50 MiB")
        else:
            self._take(int(length))

    def _take(self, length: int) -> None:
        boundary = self.headers.get_boundary()
        if self.headers.get_content_type() != "multipart/form-data" or not boundary:
            self._refuse(HTTPStatus.BAD_REQUEST, "the upload is not multipart/form-data")
            return
        self._unread = length
        try:
            mark = boundary.encode("ascii")
            data = read_file(self._read, length, mark, limit=MAX_UPLOAD)
        except TooLarge:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the file is over 50 MiB")
        except (Malformed, UnicodeEncodeError):
            self._refuse(HTTPStatus.BAD_REQUEST, "the upload is not well-formed")
        else:
            self._store(data)

    def _store(self, data: bytes | None) -> None:
        if data is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "the upload has no part named file")
            return
        self._drain()
        name = cid(data)
        self.server.files.save(name, data)
        self._json(HTTPStatus.CREATED, {"link": self.server.link + name})

    def _is_local(self) -> bool:
        """Refuse what a web page sends, by its own name or through another name for us."""
        length = self.headers.get("Content-Length", "0")
        self._unread = int(length[:20]) if length.isascii() and length.isdigit() else 0
        origin = self.headers.get("Origin")
        allowed = {f"http://{name}" for name in self.server.names}
        if self.headers.get("Host") in self.server.names and (not origin or origin in allowed):
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "this server is for programs on this machine")
        return False

    def _read(self, size: int) -> bytes:
        piece = self.rfile.read1(size)
        self._unread -= len(piece)
        return bytes(piece)

    def _drain(self) -> None:
        """Read what is left, within bounds: an answer before the end is lost on the way."""
        end = time.monotonic() + _DRAIN_SECONDS
        bound = self._unread - _DRAIN
        while self._unread > max(bound, 0) and time.monotonic() < end:
            if not self._read(min(self._unread, _OVERHEAD)):
                break
        self.close_connection = self.close_connection or self._unread > 0

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        with suppress(OSError):
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                self.close_connection = True
            self._drain()
        self._json(status, {"error": why})

    def _json(self, status: HTTPStatus, value: object) -> None:
        self._reply(status, json.dumps(value).encode(), "application/json", {})

    def _reply(self, status: HTTPStatus, body: bytes, kind: str, more: Mapping[str, str]) -> None:
        self.send_response(status)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name, value)
        # Whatever a provider stored, a browser that is led here only shows it.
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; sandbox")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "ogpu-pins"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base
        """Standard error is for what goes wrong."""


_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"{", "application/json"),
    (b"[", "application/json"),
)


def content_type(data: bytes) -> str:
    """By its first bytes; never a type that a browser would run."""
    for sign, kind in _SIGNS:
        if data.startswith(sign):
            return kind
    try:
        data[:4096].decode()
    except UnicodeDecodeError as error:
        if error.start < 4090:
            return "application/octet-stream"
    return "text/plain; charset=utf-8"
