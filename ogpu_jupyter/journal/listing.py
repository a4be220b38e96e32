"""What the history is filtered and sorted by: a narrow row for each task, and its words.

A trigger notes which tasks have changed; whoever reads the history lists those anew. So a
writer pays for one small row, and a file of an older version needs no work when it is opened.

Payloads may be large and records are long: none of them is read to sort a table. Amounts
are 32 bytes, the highest first: SQLite sorts them as numbers, and they fit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import JournalError
from ogpu_jupyter.tasks import TaskRecord

from .rows import insert, network_text, read_record, sql_text

if TYPE_CHECKING:
    from .file import File

PAYLOAD_BYTES: Final = 2000  # of a payload that are searched
_PROBLEM: Final = 300
_AT_ONCE: Final = 1000  # tasks listed while other writers wait
_MAX_WEI: Final = 2**256 - 1

SCHEMA: Final = """
    CREATE TABLE listed (
        key INTEGER PRIMARY KEY,
        network TEXT NOT NULL,
        network_name TEXT NOT NULL,
        source TEXT NOT NULL,
        source_label TEXT NOT NULL,
        function TEXT NOT NULL,
        name TEXT NOT NULL,
        notebook TEXT,
        stage TEXT NOT NULL,
        created_at REAL NOT NULL,
        finished_at INTEGER,
        cost BLOB NOT NULL,
        fee BLOB
    );
    CREATE INDEX listed_by_time ON listed (created_at);
    CREATE INDEX listed_by_network ON listed (network, created_at);
    CREATE INDEX listed_by_stage ON listed (stage, created_at);
    CREATE INDEX listed_by_cost ON listed (cost);
    CREATE TABLE listed_words (
        key INTEGER PRIMARY KEY,
        words TEXT NOT NULL,
        hexes TEXT NOT NULL
    );
    CREATE TABLE unlisted (key INTEGER PRIMARY KEY);
    CREATE TRIGGER tasks_added AFTER INSERT ON tasks
        BEGIN INSERT OR REPLACE INTO unlisted VALUES (new.key); END;
    CREATE TRIGGER tasks_changed AFTER UPDATE ON tasks
        BEGIN INSERT OR REPLACE INTO unlisted VALUES (new.key); END;
    INSERT INTO unlisted SELECT key FROM tasks;
"""

_CHANGED: Final = (
    "SELECT unlisted.key, substr(payload, 1, ?), record FROM unlisted"
    " LEFT JOIN tasks ON tasks.key = unlisted.key ORDER BY unlisted.key LIMIT ?"
)


def bring_up_to_date(file: File) -> None:
    """List what was written since; a part at a time, so that no writer waits for long."""
    while file.rows("SELECT 1 FROM unlisted LIMIT 1"):
        with file.atomic():
            for key, payload, text in file.rows(_CHANGED, PAYLOAD_BYTES, _AT_ONCE):
                _list(file, key, payload, text)
                file.rows("DELETE FROM unlisted WHERE key = ?", key)


def _list(file: File, key: int, payload: bytes, text: str) -> None:
    try:
        record = read_record(TaskRecord, text, key=key, payload=payload)
    except JournalError:  # what can't be read, or is gone, must not keep the others from view
        for table in ("listed", "listed_words"):
            file.rows(f"DELETE FROM {table} WHERE key = ?", key)  # noqa: S608 - names of ours
        return
    for table, row in (("listed", _row(record)), ("listed_words", _words_row(record))):
        sql, values = insert(table, row)
        file.rows(sql, *values)


def _row(record: TaskRecord) -> dict[str, Any]:
    return {
        "key": record.key,
        "network": network_text(record.network_id),
        "network_name": sql_text(record.network),
        "source": record.source.lower(),
        "source_label": sql_text(record.source_name or record.source),
        "function": sql_text(record.function),
        "name": sql_text(record.name),
        "notebook": sql_text(record.notebook) or None,
        "stage": record.stage.value,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "cost": wei_blob(record.cost),
        "fee": None if record.fee is None else wei_blob(record.fee),
    }


def _words_row(record: TaskRecord) -> dict[str, Any]:
    payload = record.payload[:PAYLOAD_BYTES].decode(errors="replace")
    parts = (
        f"#{record.key}",
        record.name,
        record.function,
        record.source_name,
        record.network,
        record.notebook,
        record.problem[:_PROBLEM],
        re.sub(r'\\(["/])', r"\1", re.sub(r"\\[nrt]", " ", payload)),
    )
    hexes = f"{record.address} {record.tx_hash} {record.source} {record.account}".lower()
    return {"key": record.key, "words": folded("\n".join(parts)), "hexes": sql_text(hexes)}


def folded(text: str) -> str:
    """As it is searched: without the difference of capitals, in every script."""
    return sql_text(text).casefold()


def wei_blob(wei: int) -> bytes:
    return min(max(wei, 0), _MAX_WEI).to_bytes(32, "big")


class WeiSum:
    """SQL's `wei_sum`: exact, as decimal text, for it may not fit SQLite's 64 bits."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, blob: bytes | None) -> None:
        if blob is not None:
            self._sum += int.from_bytes(blob, "big")

    def finalize(self) -> str:
        return str(self._sum)
