"""What several kernels must agree on: who lives, and who sends now.

Each journal that is open holds a lock on a file of its own for as long as it lives. The
operating system lets go of it when the process dies, however it dies, so a lock that can
be taken means a dead owner. No process ids are compared: they come again.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from ogpu_jupyter.errors import NOTHING_SPENT, JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(r"[0-9a-f-]{8,80}")  # it becomes a file's name
_MOMENT: Final = 15.0  # seconds; these locks are held for milliseconds


class Locks:
    """The lock files of one journal, in a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, error) from None

    @contextmanager
    def opening(self) -> Iterator[None]:
        """One process at a time creates or migrates the journal."""
        with self._hold("open.lock", _MOMENT, "Another process has been opening the journal"):
            yield

    @contextmanager
    def sending(self, what: str, timeout: float) -> Iterator[None]:
        """One sender at a time for `what`, over all processes and threads."""
        name = f"send-{hashlib.sha256(what.encode()).hexdigest()[:32]}.lock"
        busy = "Another notebook has been sending transactions with this account"
        with self._hold(name, timeout, busy):
            yield

    @contextmanager
    def confirming(self, what: str, timeout: float) -> Iterator[None]:
        """One who confirms an answer of the task `what` at a time."""
        name = f"confirm-{hashlib.sha256(what.encode()).hexdigest()[:32]}.lock"
        busy = "Another notebook has been confirming an answer of this task"
        with self._hold(name, timeout, busy):
            yield

    @contextmanager
    def canceling(self, what: str, timeout: float) -> Iterator[None]:
        """One who cancels tasks of the account `what` at a time."""
        name = f"cancel-{hashlib.sha256(what.encode()).hexdigest()[:32]}.lock"
        busy = "Another notebook has been canceling tasks of this account"
        with self._hold(name, timeout, busy):
            yield

    @contextmanager
    def depositing(self, what: str, timeout: float) -> Iterator[None]:
        """One who fills the vault of the account `what` up at a time."""
        name = f"deposit-{hashlib.sha256(what.encode()).hexdigest()[:32]}.lock"
        busy = "Another notebook has been depositing for this account"
        with self._hold(name, timeout, busy):
            yield

    @contextmanager
    def _hold(self, name: str, timeout: float, busy: str) -> Iterator[None]:
        lock = FileLock(self._folder / name, timeout=max(0.0, timeout), mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            raise JournalError(
                f"{busy} for {timeout:g} s.",
                spent=NOTHING_SPENT,
                hint="Try again when it is done, or restart that kernel.",
            ) from None
        except OSError as error:
            raise _unusable(self._folder, error) from None
        try:
            yield
        finally:
            lock.release()

    def live(self) -> Owner:
        """A new owner, alive until it is closed or its process ends."""
        token = f"{os.getpid():x}-{uuid.uuid4().hex}"
        lock = FileLock(self._path(token), timeout=_MOMENT, mode=0o600, thread_local=False)
        # Without the gate a sweep could take the file between its creation and its lock.
        with self._gate():
            self._sweep()
            lock.acquire()
        return Owner(token, lock)

    def is_alive(self, token: str) -> bool:
        """Whether the owner's process still runs and its journal is open."""
        if not _TOKEN.fullmatch(token):
            return False
        with self._gate():
            return self._is_held(self._path(token))

    @contextmanager
    def _gate(self) -> Iterator[None]:
        # A check takes the lock for a moment; two checks at once would see each other.
        with self._hold("gate.lock", _MOMENT, "Another process has been holding the journal"):
            yield

    def _sweep(self) -> None:
        for path in self._folder.glob("owner-*.lock"):
            self._is_held(path)

    def _is_held(self, path: Path) -> bool:
        if not path.exists():
            return False
        lock = FileLock(path, timeout=0, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            return True
        except OSError:
            return False
        with suppress(OSError):
            path.unlink()
        lock.release()
        return False

    def _path(self, token: str) -> Path:
        return self._folder / f"owner-{token}.lock"


class Owner:
    """A sign of life; `token` is what others ask after."""

    def __init__(self, token: str, lock: FileLock) -> None:
        self.token = token
        self._lock = lock

    def close(self) -> None:
        with suppress(OSError):
            Path(self._lock.lock_file).unlink()
        self._lock.release()


def _unusable(folder: Path, error: OSError) -> JournalError:
    return JournalError(
        f"The journal's folder {folder} can't be written to: {error.strerror or error}.",
        spent=NOTHING_SPENT,
        hint="Make it writable, or set OGPU_JUPYTER_HOME to a folder that is.",
    )
