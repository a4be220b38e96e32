"""One HTTP exchange with an end: a deadline for all of it and a cap on what it unpacks to.

The timeouts of `requests` begin anew with every byte, so a server that sends one byte a
second is never late. Here a timer shuts the connection's socket when the time is over,
whatever it is waiting for. A body is unpacked by our own hand, so that a few packed bytes
can't become many before somebody counts them.
"""

from __future__ import annotations

import ipaddress
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from ogpu_jupyter.errors import ContentInvalid, ContentTooLarge

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

_PIECE = 65536
_CONNECTIONS = 32  # that are kept for each host
_CONNECT = 10.0  # an address that doesn't answer by then won't


class Unreachable(Exception):
    """No answer: refused, broken off, or too late. `reason` is for a sentence."""

    def __init__(self, reason: str, *, late: bool = False) -> None:
        self.reason = reason
        self.late = late
        super().__init__(reason)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(self._end - time.monotonic(), 0.0)


class Exchange:
    """Keeps connections; follows no redirect, and sends no cookie and no stored password."""

    def __init__(self) -> None:
        self._session = requests.Session()
        # No .netrc: it would send a password to whoever is named there.
        self._session.auth = _no_auth
        self._session.headers["User-Agent"] = "ogpu-jupyter"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(pool_maxsize=_CONNECTIONS))

    def get(self, url: str, *, deadline: Deadline, max_bytes: int) -> Answer:
        headers = {"Accept-Encoding": "gzip"}
        return self._ask("GET", url, deadline, max_bytes, headers=headers)

    def post(self, url: str, files: Any, *, deadline: Deadline, max_bytes: int) -> Answer:
        headers = {"Accept-Encoding": "identity"}
        return self._ask("POST", url, deadline, max_bytes, headers=headers, files=files)

    def close(self) -> None:
        self._session.close()

    def _ask(
        self, method: str, url: str, deadline: Deadline, max_bytes: int, **options: Any
    ) -> Answer:
        if not deadline.left:
            raise Unreachable(_late(deadline), late=True)
        with _cut_off(deadline) as guard:
            try:
                answer = self._read(method, url, deadline, max_bytes, options)
            except (requests.RequestException, HTTPError, OSError) as error:
                if guard.fired or not deadline.left:
                    raise Unreachable(_late(deadline), late=True) from None
                raise Unreachable(_reason(error)) from None
            if guard.fired:  # a shut connection can look like the end of an answer
                raise Unreachable(_late(deadline), late=True)
            return answer

    def _read(
        self, method: str, url: str, deadline: Deadline, max_bytes: int, options: dict[str, Any]
    ) -> Answer:
        wait = (min(_CONNECT, deadline.left), deadline.left)
        if is_loopback(url):
            options["proxies"] = {"http": "", "https": ""}  # a proxy has another 127.0.0.1
        with self._session.request(
            method, url, stream=True, allow_redirects=False, timeout=wait, **options
        ) as response:
            # An error's page only serves to be quoted, and is never worth its full size.
            cap = max_bytes if response.ok else _PIECE
            body = _body(response, cap, cut=not response.ok)
            return Answer(response.status_code, response.headers, body)


def _body(response: requests.Response, max_bytes: int, *, cut: bool) -> bytes:
    unpack = _unpacker(response.headers.get("Content-Encoding", ""))
    out = bytearray()
    while len(out) <= max_bytes:
        piece = response.raw.read(_PIECE, decode_content=False)
        if not piece:
            return bytes(out)
        out += unpack(piece, max_bytes + 1 - len(out))
    if cut:
        return bytes(out[:max_bytes])
    raise ContentTooLarge(
        f"The content is larger than the {max_bytes:,} bytes that are taken.",
    )


def _unpacker(encoding: str) -> Any:
    """A function (piece, room) that gives at most `room` bytes."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return lambda piece, room: piece[:room]
    if name not in {"gzip", "x-gzip", "deflate"}:
        raise ContentInvalid("The content comes packed in a way that was not asked for.")
    stream = zlib.decompressobj(wbits=47)  # tells gzip from zlib by itself

    def unpack(piece: bytes, room: int) -> bytes:
        try:
            return stream.decompress(piece, room)
        except zlib.error:
            raise ContentInvalid("The content is packed, and its packing is broken.") from None

    return unpack


# --- the connection's socket, within reach of a timer --------------------------------


class _Guard:
    """Shuts the connection that is in use in this thread, as long as it is."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.fired = False
        self._lock = threading.Lock()

    def fire(self) -> None:
        with self._lock:
            sock: socket.socket | None = getattr(self.connection, "sock", None)
            self.fired = True
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(2)

    def release(self) -> None:
        """After this the connection may be somebody else's."""
        with self._lock:
            self.connection = None


_guard: ContextVar[_Guard | None] = ContextVar("guard", default=None)


@contextmanager
def _cut_off(deadline: Deadline) -> Iterator[_Guard]:
    guard = _Guard()
    timer = threading.Timer(deadline.left, guard.fire)
    timer.daemon = True
    token = _guard.set(guard)
    timer.start()
    try:
        yield guard
    finally:
        timer.cancel()
        guard.release()
        _guard.reset(token)


class _Watched:
    """Tells the guard of its thread which connection is in use."""

    def connect(self) -> None:
        self._tell()
        super().connect()  # type: ignore[misc]

    def request(self, *args: Any, **options: Any) -> None:
        self._tell()
        super().request(*args, **options)  # type: ignore[misc]

    def _tell(self) -> None:
        guard = _guard.get()
        if guard is not None:
            guard.connection = self


class _Connection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if proxy.lower().startswith("http"):
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _late(deadline: Deadline) -> str:
    return f"no complete answer within {deadline.seconds:g} s"


def _reason(error: Exception) -> str:
    """A few words; the library's own text is long and names its objects."""
    text = str(error)
    for sign, words in (
        ("refused", "the connection was refused"),
        ("Name or service not known", "its name is not known"),
        ("Failed to resolve", "its name is not known"),
        ("nodename nor servname", "its name is not known"),
        ("timed out", "it did not answer in time"),
        ("CERTIFICATE", "its certificate can't be trusted"),
        ("SSL", "no secure connection could be made"),
    ):
        if sign in text:
            return words
    return "the connection was broken off"
