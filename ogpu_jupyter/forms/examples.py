"""The shape of payloads that were seen: from this journal, or from the chain.

What is inferred is a guess from a few examples, so it asks for little: the types that were
seen, and the fields that all of them had. Values that repeat are offered, never imposed.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.snapshots import snapshots
from ogpu_jupyter.content import decode_json
from ogpu_jupyter.errors import ContentError, OgpuError
from ogpu_jupyter.tasks import TaskSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ogpu_jupyter.session import Session
    from ogpu_jupyter.tasks import Json

    from .documents import Schema

MOST: Final = 20  # payloads
_LOOKED_AT: Final = 60  # tasks of a source, of which some may be another function's
_BYTES: Final = 1 << 20
_SECONDS: Final = 5.0
_ALL_SECONDS: Final = 10.0
_AT_ONCE: Final = 8
_DEPTH: Final = 12
_MOST_NAMES: Final = 60
_MOST_ITEMS: Final = 200
_MOST_OFFERED: Final = 8
_LONGEST_OFFERED: Final = 200
_LONGEST_DEFAULT: Final = 100_000

_DATA_URL: Final = re.compile(r"data:([a-z]{1,20}/[a-z0-9.+-]{1,60});base64,")
_BEGINNINGS: Final = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "audio/wav",
    "SUQz": "audio/mpeg",
    "T2dnU": "audio/ogg",
    "JVBERi0": "application/pdf",
}


# Where they are found


def in_journal(session: Session, source: str, function: str) -> list[Json]:
    """The data of this machine's earlier tasks, newest first, each once."""
    payloads = session.journal.payloads(
        session.network_id, source, function, limit=MOST, max_bytes=_BYTES
    )
    return _data_of(dict.fromkeys(payloads), function)


def on_chain(session: Session, source: str, function: str) -> list[Json]:
    """The data of a source's tasks, newest first, whoever published them.

    What can't be had or read is passed over, and what comes too late.
    """
    end = time.monotonic() + _ALL_SECONDS
    client = session.client
    addresses = client.source_tasks(source, limit=_LOOKED_AT)
    read = snapshots(client.rpc, addresses[::-1])
    urls = dict.fromkeys(each.config_url for each in read if isinstance(each, TaskSnapshot))

    def fetch(url: str) -> bytes:
        left = min(_SECONDS, end - time.monotonic())
        if left <= 0:
            return b""
        try:
            return client.store.get(url, max_bytes=_BYTES, timeout=left)
        except ContentError:
            return b""

    found: list[Json] = []
    waiting = list(urls)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ogpu-examples") as pool:
        while waiting and len(found) < MOST:
            some, waiting = waiting[:MOST], waiting[MOST:]
            found += _data_of(pool.map(fetch, some), function)
    return found[:MOST]


def _data_of(payloads: Iterable[bytes], function: str) -> list[Json]:
    found: list[Json] = []
    for payload in payloads:
        try:
            decoded = decode_json(payload) if payload else None
        except OgpuError:
            continue
        if isinstance(decoded, dict) and decoded.get("function_name") == function:
            data = decoded.get("data")
            if isinstance(data, dict) and data not in found:
                found.append(data)
    return found


# What they have in common


def schema_from(samples: Sequence[Json]) -> Schema:
    """A schema that all of these satisfy; the newest is first."""
    return _of(list(samples), 0)


def to_begin_with(sample: Json) -> Json:
    """A payload to start from, without what is too large to be shown in a field."""
    if isinstance(sample, str):
        return sample if len(sample) <= _LONGEST_DEFAULT else ""
    if isinstance(sample, list):
        return [to_begin_with(item) for item in sample]
    if isinstance(sample, dict):
        return {name: to_begin_with(item) for name, item in sample.items()}
    return sample


def _of(values: list[Any], depth: int) -> Schema:
    if depth > _DEPTH:
        return {}
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kinds.setdefault(_kind(value), []).append(value)
    options = [_TYPES[kind](some, depth) for kind, some in kinds.items()]
    return options[0] if len(options) == 1 else {"anyOf": options} if options else {}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {dict: "object", list: "array", str: "string", int: "number", float: "number"}
    return kinds.get(type(value), "null")


def _object(values: list[dict[str, Any]], depth: int) -> Schema:
    names = dict.fromkeys(name for value in values for name in value)
    if len(names) > _MOST_NAMES:  # its names are data themselves
        items = [item for value in values for item in value.values()]
        return {"type": "object", "additionalProperties": _of(items[:_MOST_ITEMS], depth + 1)}
    properties = {
        name: _of([value[name] for value in values if name in value], depth + 1) for name in names
    }
    required = [name for name in names if all(name in value for value in values)]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": True,
    }


def _array(values: list[list[Any]], depth: int) -> Schema:
    items = [item for value in values for item in value[:_MOST_ITEMS]]
    return {"type": "array", "items": _of(items[:_MOST_ITEMS], depth + 1)}


def _string(values: list[str], _: int) -> Schema:
    media = {_media(value) for value in values}
    if len(media) == 1 and (found := media.pop()) is not None:
        encoding, kind = found
        return {"type": "string", encoding[0]: encoding[1], "contentMediaType": kind}
    return {"type": "string", "examples": _offered(values)}


def _media(text: str) -> tuple[tuple[str, str], str] | None:
    if url := _DATA_URL.match(text):
        return ("format", "data-url"), f"{url[1].partition('/')[0]}/*"
    for beginning, kind in _BEGINNINGS.items():
        if text.startswith(beginning) and len(text) > _LONGEST_OFFERED:
            major = kind.partition("/")[0]
            return ("contentEncoding", "base64"), kind if major == "application" else f"{major}/*"
    return None


def _number(values: list[Any], _: int) -> Schema:
    """Never whole numbers only: that all were so may be chance."""
    return {"type": "number", "examples": _offered(values)}


def _offered(values: list[Any]) -> list[Any]:
    """Those seen, the newest first."""
    shown = [value for value in values if value != "" and len(str(value)) <= _LONGEST_OFFERED]
    return list(dict.fromkeys(shown))[:_MOST_OFFERED]


_TYPES: Final[dict[str, Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "boolean": lambda *_: {"type": "boolean"},
    "null": lambda *_: {"type": "null"},
}
