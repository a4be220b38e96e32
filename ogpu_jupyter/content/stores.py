"""A content store over HTTP: a pinning service that takes uploads, and a gateway.

Only the configured gateway is asked, only for a CID, and what it sends must be what the
CID says.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ogpu_jupyter import urls
from ogpu_jupyter.content._http import Answer, Deadline, Exchange, Unreachable
from ogpu_jupyter.content.cids import cid, matches
from ogpu_jupyter.content.decoding import decode_json
from ogpu_jupyter.content.links import (
    MAX_BYTES,
    TIMEOUT,
    UNPUBLISHED,
    check_upload,
    cid_of,
    verified,
)
from ogpu_jupyter.errors import (
    ContentError,
    ContentInvalid,
    ContentRefused,
    GatewayUnavailable,
    PinFailed,
)

if TYPE_CHECKING:
    from ogpu_jupyter.content.cache import Cache

_TRIES = 4
_ASK_AGAIN = (
    "Run the cell again in a while. If it stays so, `pin_url` of the network may not be that of a "
    "pinning service."
)
_PAUSE = 0.2  # before the second try; doubled before each further one


class HttpContentStore:
    """A pinning service that takes uploads, and the gateway that serves them.

    With a cache, content that was fetched before is not asked for again.
    """

    def __init__(self, pin_url: str, gateway_url: str, cache: Cache | None = None) -> None:
        self.pin_url = pin_url
        self._gateway_url = gateway_url  # as it is asked, with its password
        self.gateway_url = urls.public(gateway_url).rstrip("/")
        self._cache = cache
        self._exchange = Exchange()

    def __repr__(self) -> str:
        return f"HttpContentStore({urls.told(self.pin_url)!r}, {urls.told(self.gateway_url)!r})"

    def predict(self, data: bytes) -> str:
        return f"{self.gateway_url}/{cid(data)}"

    def put(
        self, data: bytes, *, filename: str = "taskConfig.json", timeout: float = TIMEOUT
    ) -> str:
        """The link that the service gives, checked to be on the gateway and of these bytes.

        The same upload again does no harm, so it is tried again within the timeout when the
        service is busy or broken; a refusal is final.
        """
        check_upload(data)
        files = {"file": (filename, data, "application/json")}
        where = f"The pinning service {urls.told(self.pin_url)}"
        try:
            answer = self._patiently("POST", self.pin_url, timeout, 1 << 20, files)
        except Unreachable as error:
            raise GatewayUnavailable(
                f"{where} could not be reached: {error.reason}.",
                spent=UNPUBLISHED,
                hint="Run the cell again when it is back.",
            ) from None
        except ContentError as error:
            raise _unpinned(f"{where} gave no link. {error.what}") from None
        if answer.status not in {200, 201}:
            raise _unpinned(
                f"{where} answered {answer.status} to the upload of {len(data):,} bytes."
            )
        return self._checked_link(answer, data)

    def get(self, url: str, *, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT) -> bytes:
        """The bytes of a link on the gateway, or of `ipfs://CID`."""
        name = cid_of(url, self.gateway_url)
        kept = self._cache.get(name, max_bytes) if self._cache else None
        if kept is not None:
            return kept
        data = self._fetched(name, max_bytes, timeout)
        if self._cache:
            self._cache.put(name, data)
        return data

    def _fetched(self, name: str, max_bytes: int, timeout: float) -> bytes:
        where = f"The gateway {urls.told(self.gateway_url)}"
        try:
            answer = self._patiently("GET", urls.below(self._gateway_url, name), timeout, max_bytes)
        except Unreachable as error:
            raise GatewayUnavailable(
                f"{where} did not deliver {name}: {error.reason}.",
                hint="Ask again later.",
            ) from None
        if 300 <= answer.status < 400:
            raise ContentRefused(f"{where} points elsewhere for {name}; no redirect is followed.")
        if answer.status != 200:
            raise GatewayUnavailable(f"{where} answered {answer.status} for {name}.")
        return verified(name, answer.body, max_bytes)

    def close(self) -> None:
        self._exchange.close()

    def _patiently(
        self, method: str, url: str, timeout: float, max_bytes: int, files: object = None
    ) -> Answer:
        """An answer, asked for up to four times while it is an outage."""
        deadline = Deadline(timeout)
        for number in range(_TRIES):
            final = number == _TRIES - 1
            pause = _PAUSE * 2**number
            try:
                if method == "POST":
                    answer = self._exchange.post(url, files, deadline=deadline, max_bytes=max_bytes)
                else:
                    answer = self._exchange.get(url, deadline=deadline, max_bytes=max_bytes)
            except Unreachable as error:
                if final or error.late or pause >= deadline.left:
                    raise
            else:
                pause = max(pause, _retry_after(answer))
                outage = answer.status >= 500 or answer.status == 429
                if final or not outage or pause >= deadline.left:
                    return answer
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _checked_link(self, answer: Answer, data: bytes) -> str:
        where = f"The pinning service {urls.told(self.pin_url)}"
        try:
            given = decode_json(answer.body)
        except ContentInvalid as error:
            raise _unpinned(f"{where} gave no link. {error.what}") from None
        link = given.get("link") if isinstance(given, dict) else None
        if not isinstance(link, str):
            raise _unpinned(f"{where} answered {answer.status}, but with no link in it.")
        try:
            name = cid_of(link, self.gateway_url)
        except ContentRefused as error:
            raise _unpinned(f"{where} gave a link that can't be used. {error.what}") from None
        if not matches(name, data):
            raise _unpinned(f"{where} gave a link to other content than was sent: {name}.")
        return link if link.startswith("ipfs:") else urls.public(link)


def _unpinned(what: str) -> PinFailed:
    return PinFailed(what, spent=UNPUBLISHED, hint=_ASK_AGAIN)


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else 0.0
