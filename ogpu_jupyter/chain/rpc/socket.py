"""JSON-RPC over one WebSocket: messages out and in, each within a deadline and a size.

The protocol is the library's, the socket is ours: so there is no thread behind a
connection, every `recv` and `send` gets what is left until the deadline, and no redirect
is followed.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ogpu_jupyter.chain.rpc.http import (
    MAX_BYTES,
    PATIENCE,
    Page,
    WireError,
    seconds_to_wait,
)
from ogpu_jupyter.transport import CONNECT_SECONDS

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

    from ogpu_jupyter.transport import Headers

_PIECE: Final = 1 << 16
_CLOSING_SECONDS: Final = 1.0
_MOST_IDLE: Final = 4
_SILENT: Final = logging.getLogger("ogpu_jupyter.socket")  # the library writes keys, passwords
_SILENT.disabled = True


class HandshakeRefused(Exception):
    """The server answers, but not by opening a WebSocket."""

    def __init__(self, page: Page) -> None:
        super().__init__(f"HTTP {page.status}")
        self.page = page


class Talk:
    """One WebSocket: opened, then used by one thread at a time; `abort` is for any thread."""

    def __init__(self, url: str, headers: Headers = ()) -> None:
        from websockets.client import ClientProtocol  # noqa: PLC0415 - only where one is used
        from websockets.uri import parse_uri  # noqa: PLC0415

        self._where = parse_uri(url)
        self._protocol: ClientProtocol = ClientProtocol(
            self._where, max_size=MAX_BYTES, logger=_SILENT
        )
        self._headers = headers
        self._parts: list[bytes] = []
        self._events: list[Any] = []
        self._socket = socket.socket()  # one that is not connected, until it is opened

    def open(self, *, until: float) -> None:
        unused, to = self._socket, self._where
        self._socket = _connected(to.host, to.port, secure=to.secure, until=until)
        unused.close()
        self._shake_hands(until)

    def _shake_hands(self, until: float) -> None:
        request = self._protocol.connect()
        for name, text in self._headers:
            request.headers[name] = text
        self._protocol.send_request(request)
        self._flush(until)
        response = None
        while response is None:
            self._read(until)
            if self._events:
                response = self._events.pop(0)
            elif self._protocol.handshake_exc is not None or self._is_over:
                raise WireError("it opens no WebSocket", patience=PATIENCE)
        if response.status_code != 101:
            wait = seconds_to_wait(response.headers.get("Retry-After", ""))
            raise HandshakeRefused(Page(response.status_code, wait, b""))
        if self._protocol.handshake_exc is not None:
            raise WireError("it opens no WebSocket", patience=PATIENCE)

    def send(self, message: bytes, *, until: float) -> None:
        self._protocol.send_text(message)
        self._flush(until)

    def receive(self, *, until: float) -> bytes:
        """The next whole message."""
        while True:
            while self._events:
                frame = self._events.pop(0)
                if frame.opcode in _DATA:
                    self._parts.append(bytes(frame.data))
                    if frame.fin:
                        message, self._parts = b"".join(self._parts), []
                        return message
            if self._is_over:
                raise WireError("the connection was closed")
            self._read(until)

    @property
    def is_quiet(self) -> bool:
        """It is open, and nothing that nobody asked for is waiting in it."""
        with suppress(OSError):
            self._socket.settimeout(0)
            with suppress(BlockingIOError, ssl.SSLWantReadError):
                while not self._is_over:
                    self._take(self._socket.recv(_PIECE))
            self._flush(time.monotonic() + _CLOSING_SECONDS)
            return not self._is_over and not any(e.opcode in _DATA for e in self._events)
        return False

    def close(self) -> None:
        with suppress(Exception):
            self._protocol.send_close()
            self._flush(time.monotonic() + _CLOSING_SECONDS)
        self.abort()

    def abort(self) -> None:
        """Without a word; also ends what another thread waits for."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    @property
    def _is_over(self) -> bool:
        return self._protocol.close_expected() or self._protocol.state.name == "CLOSED"

    def _read(self, until: float) -> None:
        self._socket.settimeout(_left(until))
        try:
            data = self._socket.recv(_PIECE)
        except ssl.SSLWantReadError:
            return
        self._take(data)
        self._flush(until)  # the answers to pings

    def _take(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._events += self._protocol.events_received()

    def _flush(self, until: float) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.settimeout(_left(until))
                self._socket.sendall(data)


class SocketWire:
    """Like the wire of HTTP; as many connections as are in use at once."""

    def __init__(self, url: str, headers: Headers = ()) -> None:
        self._url = url
        self._headers = headers
        self._idle: list[Talk] = []
        self._busy: set[Talk] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.requests = 0

    def post(self, body: bytes, *, until: float) -> Page:
        with self._lock:
            if self._closed:
                raise WireError("it was disconnected", patience=0.0)
            self.requests += 1
        try:
            talk = self._take(until)
        except HandshakeRefused as refused:
            return refused.page
        except Exception as error:  # noqa: BLE001 - of any kind; each is told in one way
            raise explained(error) from None
        try:
            talk.send(body, until=until)
            answer = talk.receive(until=until)
        except BaseException as error:
            self._drop(talk)  # an answer that is late must not meet the next question
            if isinstance(error, Exception):
                raise explained(error) from None
            raise
        self._give_back(talk)
        return Page(200, None, answer)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            talks = [*self._idle, *self._busy]
            self._idle.clear()
        for talk in talks:
            talk.abort()

    def _take(self, until: float) -> Talk:
        while True:
            with self._lock:
                talk = self._idle.pop() if self._idle else None
            if talk is None:
                return self._opened(until)
            if talk.is_quiet and self._is_kept(talk):
                return talk
            talk.abort()

    def _opened(self, until: float) -> Talk:
        talk = Talk(self._url, self._headers)
        try:
            if self._is_kept(talk):
                talk.open(until=until)
                if not self._closed:
                    return talk
        except BaseException:
            self._drop(talk)
            raise
        self._drop(talk)
        raise WireError("it was disconnected", patience=0.0)

    def _is_kept(self, talk: Talk) -> bool:
        """In use from now on, unless all is closed by now."""
        with self._lock:
            self._busy.add(talk)
            return not self._closed

    def _drop(self, talk: Talk) -> None:
        with self._lock:
            self._busy.discard(talk)
        talk.abort()

    def _give_back(self, talk: Talk) -> None:
        with self._lock:
            self._busy.discard(talk)
            kept = not self._closed and len(self._idle) < _MOST_IDLE
            if kept:
                self._idle.append(talk)
        if not kept:
            talk.close()


def is_socket_url(url: str) -> bool:
    return urlsplit(url).scheme in {"ws", "wss"}


def explained(error: Exception) -> WireError:
    """What went wrong, without the URL: it may hold an API key."""
    if isinstance(error, WireError):
        return error
    if isinstance(error, HandshakeRefused):
        return WireError(str(error), patience=PATIENCE)
    if isinstance(error, TimeoutError):
        return WireError("no answer in time")
    for kind, reason, patience in _KINDS:
        if isinstance(error, kind):
            return WireError(reason, patience=patience)
    return WireError("the connection broke")


_KINDS: Final = (
    (ConnectionRefusedError, "connection refused", PATIENCE),
    (socket.gaierror, "there is no such host", PATIENCE),
    (ssl.SSLCertVerificationError, "its certificate can't be trusted", 0.0),
    (ssl.SSLError, "no secure connection could be made", PATIENCE),
)
_DATA: Final = frozenset({0, 1, 2})  # continuation, text, binary


def _connected(host: str, port: int, *, secure: bool, until: float) -> socket.socket:
    wait = min(_left(until), CONNECT_SECONDS)
    opened = socket.create_connection((host, port), timeout=wait)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not secure:
            return opened
        opened.settimeout(min(_left(until), CONNECT_SECONDS))
        context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        return context.wrap_socket(opened, server_hostname=host)
    except BaseException:
        opened.close()
        raise


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
