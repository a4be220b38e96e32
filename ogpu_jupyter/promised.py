"""What a source says of its answers: the JSON Schema of a function's output, in its metadata.

It helps a view to choose how an answer is shown, so it is kept with the answer. Whatever
goes wrong here only means that the answer is shown by its shape.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from .content import decode_json
from .errors import OgpuError

if TYPE_CHECKING:
    from .chain.client import Client
    from .tasks import Json

MAX_SCHEMA: Final = 10_000  # characters
_MAX_METADATA: Final = 1 << 20
_SECONDS: Final = 5.0
_KEPT: Final = 200
_KEYS: Final = ("output", "output_schema", "outputSchema", "response", "returns")


class Promises:
    """Asked once for each source of a session."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kept: dict[str, object] = {}

    def schema(self, source: str, function: str) -> Json:
        """None where the source tells nothing that can be used."""
        if source not in self._kept:
            self._kept[source] = self._metadata(source)
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)), None)
        return output_schema(self._kept.get(source), function)

    def _metadata(self, source: str) -> object:
        try:
            url = self._client.source(source).metadata_url
            data = self._client.store.get(url, max_bytes=_MAX_METADATA, timeout=_SECONDS)
            return decode_json(data)
        except OgpuError:
            return None


def output_schema(metadata: Any, function: str) -> Json:
    """In the function's own entry; for a source that lists none, beside its name."""
    if not isinstance(metadata, dict):
        return None
    entry: Any = metadata
    listed = metadata.get("functions")
    if isinstance(listed, dict):
        entry = listed.get(function)
    elif isinstance(listed, list) and listed:
        named = (e for e in listed if isinstance(e, dict) and e.get("name") == function)
        entry = next(named, None)
    if not isinstance(entry, dict):
        return None
    found = next((entry[key] for key in _KEYS if isinstance(entry.get(key), dict)), None)
    return found if found and len(json.dumps(found)) <= MAX_SCHEMA else None
