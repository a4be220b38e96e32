"""HTTP exchanges that end: one deadline for all of it, whatever it waits for.

A socket's timeout is for each call: a server that sends one byte a second is never late,
in its headers too. Here every call gets what is left until the deadline of its thread.
"""

from __future__ import annotations

import io
import ipaddress
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    import requests

    Headers = Sequence[tuple[str, str]]
    Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]

CONNECT_SECONDS = 10.0  # an address that doesn't answer by then won't
_current = threading.local()


@contextmanager
def ending(until: float) -> Iterator[None]:
    """What this thread sends and reads inside ends at that moment of the monotonic clock."""
    before = getattr(_current, "until", None)
    _current.until = until
    try:
        yield
    finally:
        _current.until = before


class Adapter(HTTPAdapter):
    """For `requests.Session.mount`: connections that keep to `ending`."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if proxy.lower().startswith("http"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


def is_loopback(url: str) -> bool:
    """This machine, which no proxy can reach: it has another one of its own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def headers_for(url: str, first: str, headers: Headers) -> Headers:
    """Those that were given for `first`: for its host alone, and not in the open where that
    was not.
    """
    if not headers:
        return ()
    one, other = urlsplit(url), urlsplit(first)
    is_as_secret = one.scheme in _SECRET or other.scheme not in _SECRET
    return headers if one.hostname == other.hostname and is_as_secret else ()


_SECRET: Final = {"https", "wss"}


def auth_of(url: str) -> Auth:
    """User and password of the URL, and of nothing else: a .netrc may have some for the host."""
    user, password = get_auth_from_url(url)
    return HTTPBasicAuth(user, password) if user or password else _nobody


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _left() -> float:
    left: float = _current.until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Reader(io.RawIOBase):
    """The socket's raw file, with the time that is left before each `recv`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Timed:
    """A socket that sends, and whose files read, until the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock))

    def sendall(self, data: Any, *flags: Any) -> None:
        self._sock.settimeout(_left())
        self._sock.sendall(data, *flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Untold:
    """A request's path and query, which urllib3 writes to its log: its text tells neither."""

    def __init__(self, whole: str) -> None:
        self.whole = whole

    def __repr__(self) -> str:
        return "/…"


class _Http(HTTPConnection):
    def request(self, method: str, url: Any, *args: Any, **options: Any) -> None:
        super().request(method, getattr(url, "whole", url), *args, **options)

    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Timed(self.sock)


class _Https(HTTPSConnection):
    def request(self, method: str, url: Any, *args: Any, **options: Any) -> None:
        super().request(method, getattr(url, "whole", url), *args, **options)

    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Timed(self.sock)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http

    def _make_request(self, conn: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        untold: Any = _Untold(url)
        return super()._make_request(conn, method, untold, *args, **options)


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https

    def _make_request(self, conn: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        untold: Any = _Untold(url)
        return super()._make_request(conn, method, untold, *args, **options)


_POOLS = {"http": _HttpPool, "https": _HttpsPool}
