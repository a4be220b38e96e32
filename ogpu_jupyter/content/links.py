"""Links: the gateway's address and a CID, and nothing else is ever fetched.

Whoever follows a link to bytes goes through `cid_of` before and `verified` after.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ogpu_jupyter.content.cids import matches, parse
from ogpu_jupyter.errors import ContentMismatch, ContentRefused, ContentTooLarge
from ogpu_jupyter.urls import public, told

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_BYTES: Final = 32 << 20
MAX_UPLOAD: Final = 50 << 20
TIMEOUT: Final = 30.0
UNPUBLISHED: Final = "Nothing was published, and nothing was spent."


def check_upload(data: bytes) -> None:
    if len(data) > MAX_UPLOAD:
        raise ContentTooLarge(
            f"The content has {len(data):,} bytes; at most {MAX_UPLOAD:,} can be stored.",
            spent=UNPUBLISHED,
        )


def verified(name: str, data: bytes, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise ContentTooLarge(f"The content is larger than the {max_bytes:,} bytes that are taken.")
    if not matches(name, data):
        raise ContentMismatch(
            f"The {len(data):,} bytes that came for {name} are not its content. None are shown."
        )
    return data


def cid_of(url: str, gateway_url: str) -> str:
    """The CID of a link on the gateway; ContentRefused, with the reason, for any other."""
    if url.startswith("ipfs://"):
        name = url[len("ipfs://") :].removeprefix("ipfs/").rstrip("/")
    else:
        name = _path_below(url, gateway_url)
    try:
        parse(name)
    except ValueError:
        raise ContentRefused(
            f"The link {_shown(url)} names no file by its CID, so what it gives can't be checked."
        ) from None
    return name


def _path_below(url: str, gateway_url: str) -> str:
    try:
        link, gateway = urlsplit(url), urlsplit(gateway_url)
        same = _place(link) == _place(gateway)
    except ValueError:
        raise ContentRefused(f"{_shown(url)} is not a link.") from None
    if link.scheme not in {"http", "https"}:
        raise ContentRefused(
            f"The link {_shown(url)} is not fetched: only http, https and ipfs links are."
        )
    prefix = gateway.path.rstrip("/") + "/"
    smuggles = "@" in link.netloc and link.netloc != gateway.netloc
    if not same or smuggles or not link.path.startswith(prefix):
        raise ContentRefused(
            f"The link {_shown(url)} is not fetched: it {_elsewhere(link.hostname)}, "
            f"and only {told(gateway_url)} is asked for content."
        )
    return link.path[len(prefix) :].rstrip("/")


def _place(url: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _elsewhere(host: str | None) -> str:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        local = (host or "").rstrip(".").endswith("localhost")
        return "points into this machine" if local else "points elsewhere"
    if address.is_loopback:
        return "points into this machine"
    return "points elsewhere" if address.is_global else "points into a private network"


def _shown(text: str) -> str:
    """A stranger's text, short, without control characters and without what may be a password."""
    try:
        text = public(text)
    except ValueError:
        text = told(text)
    short = text if len(text) <= 120 else text[:117] + "..."
    return "".join(c if c.isprintable() else "?" for c in short)
