"""Sources: what their contracts say, and the names that their metadata gives them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.contracts import SOURCE, ContractCall, checksum
from ogpu_jupyter.chain.rpc import one_line
from ogpu_jupyter.chain.transactions import revert_of
from ogpu_jupyter.content import decode_json
from ogpu_jupyter.errors import AddressError, ContentError, RpcError
from ogpu_jupyter.tasks import DeliveryMethod, SourceRecord, SourceStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.content import ContentStore

_METADATA_BYTES = 1 << 20
_METADATA_SECONDS = 5.0
_AT_ONCE = 8
_TERMS = ("getSourceParams", "getStatus")
_COUNTS = ("getTaskCount", "getRegistrantCount")
_KEPT = 2000


def source_calls(address: str, *, counts: bool) -> list[ContractCall]:
    names = (*_TERMS, *_COUNTS) if counts else _TERMS
    return [SOURCE.call(address, name) for name in names]


def decode_source(calls: Sequence[ContractCall], answers: Sequence[Any]) -> SourceRecord:
    """AddressError where the answers aren't those of a source."""
    address = calls[0].address
    for answer in answers:
        if isinstance(answer, RpcError) and revert_of(answer) is not None:
            raise AddressError(f"There is no Source at {address}.")
    values = [call.decode(answer) for call, answer in zip(calls, answers, strict=True)]
    try:
        return _record(checksum(address), *values)
    except ValueError:
        raise AddressError(f"There is no Source at {address}.") from None


def _record(
    address: str,
    params: dict[str, Any],
    status: int,
    task_count: int | None = None,
    provider_count: int | None = None,
) -> SourceRecord:
    return SourceRecord(
        address=address,
        client=params["client"],
        status=SourceStatus(status),
        metadata_url=one_line(params["imageMetadataUrl"], 2000),
        environments=params["imageEnvironments"],
        min_payment=params["minPayment"],
        min_lockup=params["minAvailableLockup"],
        max_expiry=params["maxExpiryDuration"],
        delivery=DeliveryMethod(params["deliveryMethod"]),
        task_count=task_count,
        provider_count=provider_count,
    )


class Labels:
    """The names and descriptions behind metadata links; those had once are kept."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._kept: dict[str, tuple[str, str]] = {}

    def put_on(self, records: Sequence[SourceRecord]) -> list[SourceRecord]:
        """The records with their names, fetched at once; those that can't be had stay empty."""
        urls = {record.metadata_url for record in records} - self._kept.keys()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ogpu-metadata") as pool:
            fetched = dict(zip(urls, pool.map(self._fetch, urls), strict=True))
        self._kept |= {url: label for url, label in fetched.items() if label != ("", "")}
        while len(self._kept) > _KEPT:
            self._kept.pop(next(iter(self._kept)))
        return [
            _labelled(r, *(fetched | self._kept).get(r.metadata_url, ("", ""))) for r in records
        ]

    def _fetch(self, url: str) -> tuple[str, str]:
        try:
            data = self._store.get(url, max_bytes=_METADATA_BYTES, timeout=_METADATA_SECONDS)
            metadata = decode_json(data)
        except ContentError:
            return "", ""
        fields = metadata if isinstance(metadata, dict) else {}
        return _text(fields.get("name"), 100), _text(fields.get("description"), 1000)


def _labelled(record: SourceRecord, name: str, description: str) -> SourceRecord:
    return record.model_copy(update={"name": name, "description": description})


def _text(value: object, longest: int) -> str:
    return one_line(value, longest) if isinstance(value, str) else ""
