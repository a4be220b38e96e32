"""POST some bytes to one URL, and get bytes back, within one deadline and one size."""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, NamedTuple

import requests
import urllib3

from ogpu_jupyter.transport import CONNECT_SECONDS, Adapter, auth_of, ending, is_loopback

if TYPE_CHECKING:
    from ogpu_jupyter.transport import Headers

MAX_BYTES = 64 << 20
PATIENCE = 4.0  # seconds for troubles that are seldom mended by waiting
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_NEVER_LEFT = frozenset({"NameResolution", "refused", "ConnectTimeout", "Failed to establish"})
_KINDS = (
    ("NameResolution", "there is no such host", PATIENCE),
    ("refused", "connection refused", PATIENCE),
    ("ConnectTimeout", "no connection in time", PATIENCE),
    ("Failed to establish", "no connection", PATIENCE),
    ("CERTIFICATE", "its certificate can't be trusted", 0.0),
    ("SSL", "no secure connection could be made", PATIENCE),
    ("timed out", "no answer in time", None),
)


class Page(NamedTuple):
    """An HTTP answer; `retry_after` in seconds where the server names it."""

    status: int
    retry_after: float | None
    body: bytes


class WireError(Exception):
    """There is no answer, in words. `patience`: the seconds it is worth; None: all there are.

    Not `may_have_left`: there was no connection, so that nothing arrived.
    """

    def __init__(
        self, reason: str, *, patience: float | None = None, may_have_left: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.patience = patience
        self.may_have_left = may_have_left


class Wire:
    """Keeps one connection alive for each thread that uses it."""

    def __init__(self, url: str, headers: Headers = ()) -> None:
        requests.Request("POST", url).prepare()  # raises for what is no URL
        self._url = url
        self._headers = {**dict(headers), **_HEADERS}
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
        wait = (min(left, CONNECT_SECONDS), left)
        try:
            with (
                ending(until),
                self._session().post(
                    self._url, body, stream=True, allow_redirects=False, timeout=wait
                ) as response,
            ):
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
            session.headers.update(self._headers)
            session.trust_env = not is_loopback(self._url)
            session.auth = auth_of(self._url)
            session.mount("http://", Adapter())
            session.mount("https://", Adapter())
            with self._lock:
                self._sessions.add(session)
        return session


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
            left = sign not in _NEVER_LEFT
            return WireError(reason, patience=patience, may_have_left=left)
    return WireError("the connection broke")
