"""The seam: what the package knows of a content store, and one that needs no server."""

from __future__ import annotations

from typing import Protocol

from ogpu_jupyter.content.cids import cid
from ogpu_jupyter.content.links import MAX_BYTES, TIMEOUT, check_upload, cid_of, verified
from ogpu_jupyter.errors import GatewayUnavailable
from ogpu_jupyter.urls import told


class ContentStore(Protocol):
    """What the rest of the package knows of content."""

    def put(
        self, data: bytes, *, filename: str = "taskConfig.json", timeout: float = TIMEOUT
    ) -> str:
        """Store the bytes and give their link."""

    def get(self, url: str, *, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT) -> bytes:
        """The bytes of a link, verified."""

    def predict(self, data: bytes) -> str:
        """The link that `put` is expected to give, known before it."""


class MemoryContentStore:
    """A content store without a server, for tests and trials."""

    def __init__(self, gateway_url: str = "https://gateway.invalid/ipfs") -> None:
        self.gateway_url = gateway_url.rstrip("/")
        self.files: dict[str, bytes] = {}

    def put(
        self, data: bytes, *, filename: str = "taskConfig.json", timeout: float = TIMEOUT
    ) -> str:
        del filename, timeout
        check_upload(data)
        self.files[cid(data)] = data
        return self.predict(data)

    def get(self, url: str, *, max_bytes: int = MAX_BYTES, timeout: float = TIMEOUT) -> bytes:
        del timeout
        name = cid_of(url, self.gateway_url)
        if name not in self.files:
            raise GatewayUnavailable(f"The gateway {told(self.gateway_url)} has no content {name}.")
        return verified(name, self.files[name], max_bytes)

    def predict(self, data: bytes) -> str:
        return f"{self.gateway_url}/{cid(data)}"
