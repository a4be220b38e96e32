"""Records as rows and back: the columns that are searched, and the whole record as JSON.

Amounts stay in the JSON, for wei don't fit SQLite's 64 bits.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from ogpu_jupyter.errors import JournalError
from ogpu_jupyter.tasks import Answer, NetworkId, TaskRecord, TransactionRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .file import File

Record = TypeVar("Record", TaskRecord, TransactionRecord)

SELECT_TASKS: Final = "SELECT key, payload, record FROM tasks"
SELECT_TASKS_ALONE: Final = "SELECT key, x'' AS payload, record FROM tasks"  # payloads stay there
SELECT_TRANSACTIONS: Final = "SELECT raw, record FROM transactions"


# What makes two tasks the same, or different: none of it changes.
LASTING: Final = frozenset({"key", "network_id", "account", "source", "name", "item", "payload"})


def task_row(record: TaskRecord) -> dict[str, Any]:
    """By column; the key is SQLite's to give."""
    return {
        "identity": record.identity,
        "payload": record.payload,
        **changing_row(record),
    }


def changing_row(record: TaskRecord) -> dict[str, Any]:
    """Without the columns that are as large as the payload, or cost a look at all of it."""
    return {
        "network": network_text(record.network_id),
        "account": record.account.lower(),
        "source": record.source.lower(),
        "name": sql_text(record.name),
        "stage": record.stage.value,
        "created_at": record.created_at,
        "tx_hash": record.tx_hash.lower(),
        "address": record.address.lower(),
        "record": _dump(record, "key", "payload"),
    }


def transaction_row(record: TransactionRecord) -> dict[str, Any]:
    return {
        "network": network_text(record.network_id),
        "hash": record.hash.lower(),
        "account": record.account.lower(),
        "state": record.state.value,
        "task": record.task,
        "raw": record.raw,
        "record": _dump(record, "raw"),
    }


def insert(table: str, row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    columns = ", ".join(row)
    sql = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks(row)})"  # noqa: S608 - names of ours
    return sql, list(row.values())


def update(
    table: str, old: Mapping[str, Any], new: Mapping[str, Any], where: str
) -> tuple[str, list[Any]]:
    """Sets what differs, so that untouched indexes are not written again."""
    changed = {name: value for name, value in new.items() if value != old[name]}
    sets = ", ".join(f"{name} = ?" for name in changed)
    return f"UPDATE {table} SET {sets} WHERE {where}", list(changed.values())  # noqa: S608 - names of ours


def read_record(kind: type[Record], text: str, **more: Any) -> Record:
    try:
        values = json.loads(text)
        values["network_id"] = _network_id(**values["network_id"])
        return kind.model_validate({**values, **more})
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise JournalError(
            f"A record in the journal can't be read: {error}.",
            hint="Type `%pip install -U ogpu-jupyter` if a newer version wrote it.",
        ) from None


@lru_cache(maxsize=64)
def _network_id(**values: Any) -> NetworkId:
    """One object for all records of a network: it is a quarter of what each would hold."""
    return NetworkId.model_validate(values)


def answer_texts(file: File, task_key: int) -> list[tuple[str, str]]:
    """Each response's address, and its answer as it stands in the file."""
    sql = "SELECT response, answer FROM answers WHERE task = ? ORDER BY rowid"
    return file.rows(sql, task_key)


def read_answer(text: str) -> Answer:
    return Answer.model_validate(json.loads(text))


def changed(record: Record, changes: Mapping[str, Any]) -> Record:
    """A copy with validated changes."""
    return type(record).model_validate({**dict(record), **changes})


def check_fields(kind: type[BaseModel], changes: Mapping[str, Any], fixed: Collection[str]) -> None:
    for name in changes:
        if name not in kind.model_fields or name in fixed:
            raise TypeError(f"{name!r} is not a field of {kind.__name__} that can be changed")


def network_text(network_id: NetworkId) -> str:
    where = network_id
    return f"{where.chain_id}:{where.genesis.lower()}:{where.controller.lower()}"


def sql_text(text: str) -> str:
    """A lone surrogate is no text to SQLite."""
    return text.encode(errors="replace").decode()


def marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _dump(record: BaseModel, *without: str) -> str:
    # ASCII, so that a lone surrogate in a provider's word is no obstacle.
    return json.dumps(record.model_dump(mode="json", exclude=set(without)))
