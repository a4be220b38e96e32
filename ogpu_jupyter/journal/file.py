"""The journal's file: opened, brought forward, locked, and its errors in our words.

It is in WAL mode, so that readers never wait, and a writer waits for another one. The
file of another program, of a newer version, or a damaged one is left as it is.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import NOTHING_SPENT, JournalError
from ogpu_jupyter.home import data_home

from .listing import SCHEMA, WeiSum
from .locks import Locks

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUSY_SECONDS: Final = 30.0
_APPLICATION: Final = int.from_bytes(b"OGPU", "big")
# Append only: a file that was written by step n is brought forward by the steps after it.
_MIGRATIONS: Final = (
    """
    CREATE TABLE tasks (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        identity TEXT NOT NULL,
        network TEXT NOT NULL,
        account TEXT NOT NULL,
        source TEXT NOT NULL,
        name TEXT NOT NULL,
        stage TEXT NOT NULL,
        created_at REAL NOT NULL,
        tx_hash TEXT NOT NULL,
        address TEXT NOT NULL,
        payload BLOB NOT NULL,
        record TEXT NOT NULL
    );
    CREATE INDEX tasks_by_identity ON tasks (identity);
    CREATE INDEX tasks_by_account ON tasks (network, account);
    CREATE INDEX tasks_by_address ON tasks (address);
    CREATE INDEX tasks_by_hash ON tasks (tx_hash);
    CREATE INDEX tasks_by_name ON tasks (name);
    CREATE TABLE transactions (
        network TEXT NOT NULL,
        hash TEXT NOT NULL,
        account TEXT NOT NULL,
        state TEXT NOT NULL,
        task INTEGER REFERENCES tasks (key),
        raw BLOB NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (network, hash)
    );
    CREATE INDEX transactions_by_account ON transactions (network, account, state);
    CREATE TABLE answers (
        task INTEGER NOT NULL REFERENCES tasks (key),
        response TEXT NOT NULL COLLATE NOCASE,
        answer TEXT NOT NULL,
        problem TEXT NOT NULL,
        PRIMARY KEY (task, response)
    );
    CREATE TABLE sources (
        network TEXT NOT NULL,
        name TEXT NOT NULL,
        address TEXT NOT NULL,
        PRIMARY KEY (network, name)
    );
    """,
    "CREATE INDEX transactions_by_task ON transactions (task)",
    """
    CREATE TABLE followed (
        network TEXT PRIMARY KEY,
        block INTEGER NOT NULL,
        timestamp INTEGER NOT NULL
    );
    """,
    SCHEMA,
    # Until here the clock alone could call a task expired, before the chain was read, and for
    # good. Such tasks are late until the chain itself has said what became of them.
    """
    UPDATE tasks SET stage = 'late',
        record = json_set(record, '$.stage', 'late', '$.finished_at', json('null'))
        WHERE stage = 'expired' AND json_valid(record);
    """,
    # What a batch's row asks for, whatever its place; '' until somebody looks for it.
    """
    ALTER TABLE tasks ADD COLUMN content TEXT NOT NULL DEFAULT '';
    CREATE INDEX tasks_by_content ON tasks (content) WHERE content <> '';
    CREATE INDEX tasks_without_content ON tasks (name) WHERE content = '';
    """,
    # Strangers' tasks, which were only looked at: they are in no sum.
    "CREATE INDEX tasks_of_strangers ON tasks (account) WHERE account = ''",
)


def journal_path() -> Path:
    """`$OGPU_JUPYTER_HOME/journal.sqlite3`, else in the platform's data directory."""
    return data_home() / "journal.sqlite3"


class File:
    """One connection for all threads of a process, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).expanduser().absolute()
        self._closed = False
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._failure(error) from None
        self.locks = Locks(self.path.with_name(f"{self.path.name}.locks"))
        with self.locks.opening():
            self._connection = self._connect()
        try:
            self._owner = self.locks.live()
        except BaseException:
            self._connection.close()
            raise

    @property
    def owner(self) -> str:
        return self._owner.token

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._owner.close()
                self._connection.close()

    def __del__(self) -> None:
        # Only what a forked child has not inherited is its own to close.
        if getattr(self, "_process", None) == os.getpid() and hasattr(self, "_owner"):
            with suppress(Exception):
                self.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All that is written inside is kept together, or nothing of it."""
        with self._held() as connection:
            if connection.in_transaction:
                yield
                return
            try:
                self.rows("BEGIN IMMEDIATE")
                yield
                self.rows("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise

    def version(self) -> tuple[int, int]:
        """Another after each change that another connection makes, and after a fork."""
        ((number,),) = self.rows("PRAGMA data_version")
        return id(self._connection), number

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self._held() as connection:
            try:
                return connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._failure(error) from None

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        if self._process != os.getpid():
            self._leave_to_parent()
        with self._lock:
            if self._closed:
                raise JournalError(f"The journal {self.path} is closed.")
            yield self._connection

    def _leave_to_parent(self) -> None:
        # SQLite forbids a connection in two processes; even closing it here would harm.
        _inherited.append((self._connection, self._owner))
        self._open()

    def _connect(self) -> sqlite3.Connection:
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise self._failure(error) from None
        try:
            self._prepare(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, (OSError, sqlite3.Error)):
                raise self._failure(error) from None
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)  # before anything is changed in it
        self.path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a power cut must not forget a signature
        connection.execute("PRAGMA foreign_keys = ON")
        # Typed as if SQLite took integers alone; text comes back as it is.
        connection.create_aggregate("wei_sum", 1, WeiSum)  # type: ignore[arg-type]
        for number, step in enumerate(_MIGRATIONS[version:], version + 1):
            connection.executescript(
                f"BEGIN IMMEDIATE; {step}; PRAGMA application_id = {_APPLICATION};"
                f" PRAGMA user_version = {number}; COMMIT;"
            )

    def _version(self, connection: sqlite3.Connection) -> int:
        version, application, tables = (
            int(connection.execute(sql).fetchone()[0])
            for sql in (
                "PRAGMA user_version",
                "PRAGMA application_id",
                "SELECT count(*) FROM sqlite_master",
            )
        )
        if application != _APPLICATION and (application or version or tables):
            raise JournalError(
                f"{self.path} is a database of another program. It was left as it is.",
                spent=NOTHING_SPENT,
                hint="Set OGPU_JUPYTER_HOME to another folder, or name another file.",
            )
        if version > len(_MIGRATIONS):
            raise JournalError(
                f"{self.path} was written by a newer version of ogpu-jupyter. "
                "It was left as it is.",
                spent=NOTHING_SPENT,
                hint="Type `%pip install -U ogpu-jupyter`, then restart the kernel.",
            )
        return version

    def _failure(self, error: Exception) -> JournalError:
        """The one place where SQLite's and the system's words become ours."""
        text = getattr(error, "strerror", None) or str(error)
        if "locked" in text or "busy" in text:
            return JournalError(
                f"The journal {self.path} has been in use by another program for "
                f"{_BUSY_SECONDS:g} s.",
                hint="Close the program that holds it, and try again.",
            )
        if "not a database" in text or "malformed" in text:
            return JournalError(
                f"The journal {self.path} is damaged: {text}. It was left as it is.",
                hint="Move the file away, or put a copy back; a new one is made. "
                "Tasks on chain are not lost: `%ogpu show <address>` finds them.",
            )
        return JournalError(
            f"The journal {self.path} can't be used: {text}.",
            hint="Make its folder writable, or set OGPU_JUPYTER_HOME to a folder that is.",
        )


_inherited: list[object] = []  # held for ever, so that a forked child never closes them
