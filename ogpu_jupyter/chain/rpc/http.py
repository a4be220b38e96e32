"""POST some bytes to one URL, and get bytes back, within one deadline and one size.

A socket's timeout is for each `recv`: a node that sends one byte a second would be read
for ever, in its headers too. Here every `recv` gets what is left until the deadline.
"""

from __future__ import annotations

import io
import ipaddress
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import socket

MAX_BYTES = 64 << 20
PATIENCE = 4.0  # seconds for troubles that are seldom mended by waiting
CONNECT_SECONDS = 10.0  # an address that doesn't answer by then won't
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_KINDS = (
    ("NameResolution", "there is no such host", PATIENCE),
    ("refused", "connection refused", PATIENCE),
    ("ConnectTimeout", "no connection in time", PATIENCE),
    ("Failed to establish", "no connection", PATIENCE),
    ("CERTIFICATE", "its certificate can't be trusted", 0.0),
    ("SSL", "no secure connection could be made", PATIENCE),
    ("timed out", "no answer in time", None),
)
_current = threading.local()


class Page(NamedTuple):
    """An HTTP answer; `retry_after` in seconds where the server names it."""

    status: int
    retry_after: float | None
    body: bytes


class WireError(Exception):
    """There is no answer, in words. `patience`: the seconds it is worth; None: all there are."""

    def __init__(self, reason: str, *, patience: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.patience = patience


class Wire:
    """Keeps one connection alive for each thread that uses it."""

    def __init__(self, url: str) -> None:
        requests.Request("POST", url).prepare()  # raises for what is no URL
        self._url = url
        self._local = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self.requests = 0

    def post(self, body: bytes, *, until: float) -> Page:
        left = until - time.monotonic()
        if left <= 0:
            raise WireError("no answer in time")
        with self._lock:
            if self._closed:
                raise WireError("it was disconnected", patience=0.0)
            self.requests += 1
        _current.until = until
        wait = (min(left, CONNECT_SECONDS), left)
        try:
            with self._session().post(
                self._url, body, stream=True, allow_redirects=False, timeout=wait
            ) as response:
                return _page(response, until)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _explained(error) from None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers.update(_HEADERS)
            session.trust_env = not is_loopback(self._url)  # a proxy can't reach this machine
            if "@" not in urlsplit(self._url).netloc:
                session.auth = _no_auth  # else .netrc would give a password to the node
            session.mount("http://", _Adapter())
            session.mount("https://", _Adapter())
            with self._lock:
                self._sessions.add(session)
        return session


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(response: requests.Response, until: float) -> bytes:
    parts, size = [], 0
    for part in response.iter_content(1 << 16):
        size += len(part)
        if size > MAX_BYTES:
            raise WireError(f"an answer of more than {MAX_BYTES >> 20} MB", patience=0.0)
        if time.monotonic() > until:
            raise WireError("no whole answer in time")
        parts.append(part)
    return b"".join(parts)


def _page(response: requests.Response, until: float) -> Page:
    wait = seconds_to_wait(response.headers.get("Retry-After", ""))
    return Page(response.status_code, wait, _read(response, until))


def seconds_to_wait(retry_after: str) -> float | None:
    """Seconds only: the other form, a date, would need the server's clock to be ours."""
    text = retry_after.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _explained(error: Exception) -> WireError:
    """Their text holds the whole URL, which may hold an API key: only its kind is told."""
    text = str(error).rpartition("Caused by")[2]
    for sign, reason, patience in _KINDS:
        if sign in text:
            return WireError(reason, patience=patience)
    return WireError("the connection broke")


class _Reader(io.RawIOBase):
    """The socket's raw file, with the time that is left before each `recv`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = getattr(_current, "until", 0.0) - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Timed:
    """A socket whose files read until the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Http(urllib3.connection.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Timed(self.sock)


class _Https(urllib3.connection.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Timed(self.sock)


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if proxy.lower().startswith("http"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
