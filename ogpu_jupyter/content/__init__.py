"""What is stored off the chain: names for bytes, stores for them, and JSON read with care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ogpu_jupyter.content.cache import Cache
from ogpu_jupyter.content.cids import cid, matches
from ogpu_jupyter.content.decoding import decode_json, measure
from ogpu_jupyter.content.links import MAX_BYTES, MAX_UPLOAD, TIMEOUT
from ogpu_jupyter.content.memory import ContentStore, MemoryContentStore

if TYPE_CHECKING:
    from ogpu_jupyter.content.stores import HttpContentStore

__all__ = [
    "MAX_BYTES",
    "MAX_UPLOAD",
    "TIMEOUT",
    "Cache",
    "ContentStore",
    "HttpContentStore",
    "MemoryContentStore",
    "cid",
    "decode_json",
    "matches",
    "measure",
]


def __getattr__(name: str) -> Any:
    """`requests` is imported when a store over HTTP is made, and not by the local network."""
    if name != "HttpContentStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ogpu_jupyter.content.stores import HttpContentStore  # noqa: PLC0415 - see above

    return HttpContentStore
