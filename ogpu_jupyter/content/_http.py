"""One HTTP exchange with an end: a deadline for all of it and a cap on what it unpacks to.

A body is unpacked by our own hand, so that a few packed bytes can't become many before
somebody counts them.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import HTTPError

from ogpu_jupyter.errors import ContentInvalid, ContentTooLarge
from ogpu_jupyter.transport import CONNECT_SECONDS, Adapter, auth_of, ending, is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = 65536
_CONNECTIONS = 32  # that are kept for each host


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
        self.end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(self.end - time.monotonic(), 0.0)


class Exchange:
    """Keeps connections; follows no redirect, sends no cookie and no password but the URL's own."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "ogpu-jupyter"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, Adapter(pool_maxsize=_CONNECTIONS))

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
        try:
            with ending(deadline.end):
                return self._read(method, url, deadline, max_bytes, options)
        except (requests.RequestException, HTTPError, OSError) as error:
            if not deadline.left:
                raise Unreachable(_late(deadline), late=True) from None
            raise Unreachable(_reason(error)) from None

    def _read(
        self, method: str, url: str, deadline: Deadline, max_bytes: int, options: dict[str, Any]
    ) -> Answer:
        wait = (min(CONNECT_SECONDS, deadline.left), deadline.left)
        if is_loopback(url):
            options["proxies"] = {"http": "", "https": ""}
        with self._session.request(
            method,
            url,
            auth=auth_of(url),
            stream=True,
            allow_redirects=False,
            timeout=wait,
            **options,
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
