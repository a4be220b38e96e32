"""Child processes that can't outlive us, not even when we are killed with `kill -9`.

A pipe does it, on every POSIX system: its other end closes when a process ends, however it
ends. Our own programs read their standard input for that; for a program that doesn't, a
shell of two lines stands guard.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TAIL_LINES = 40
_LINE = 2000
# Nothing else of our environment goes along: a key for the real network may be in it.
_PASSED_ON: Final = frozenset(
    (
        "HOME", "LANG", "LD_LIBRARY_PATH", "OGPU_JUPYTER_HOME", "PATH", "PYTHONPATH",
        "PYTHONHASHSEED", "TMPDIR", "TZ", "VIRTUAL_ENV",
    )
)  # fmt: skip


def environment() -> dict[str, str]:
    """What a child is told of our environment."""
    return {name: value for name, value in os.environ.items() if _goes_along(name)}


def _goes_along(name: str) -> bool:
    return name in _PASSED_ON or name.startswith(("LC_", "DYLD_"))


class Child:
    """A process with the last lines of its standard error at hand."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        reads_stdin: bool,
        with_stdout: bool = False,
        socket: Path | None = None,
    ) -> None:
        """A child that `reads_stdin` ends by itself when that closes; others are guarded, and
        when we are killed the folder of their `socket` goes with them.
        """
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            command,
            env=environment() if env is None else env,
            cwd=cwd,
            stdin=subprocess.PIPE if reads_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE if with_stdout else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # A group of its own: Ctrl-C in a terminal is for us to pass on, in order.
            start_new_session=True,
        )
        self._guard = None if reads_stdin else _guard(self.process.pid, socket)
        self._reader = threading.Thread(target=self._read, name="ogpu-stderr", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def last_words(self) -> str:
        """What it wrote to standard error at the end; waits for the rest when it has died."""
        if not self.is_alive:
            self._reader.join(1)
        return "".join(self._tail).strip()

    def stop(self, *, patience: float = 3.0) -> None:
        """Ask, then insist. Nothing of it is left when this returns."""
        _close(self.process.stdin)
        if self.process.stdin is None:
            self._signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()
        finally:
            self._end_guard()
        self._reader.join(1)
        _close(self.process.stdout)
        _close(self.process.stderr)

    def _signal(self, number: signal.Signals) -> None:
        """To its whole group: it may be a script that started the program that we mean."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _end_guard(self) -> None:
        """Its target is dead or dying: a guard that woke up later could hit a stranger."""
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            _close(self._guard.stdin)

    def _read(self) -> None:
        stream = self.process.stderr
        assert stream is not None
        with suppress(OSError, ValueError):
            while line := stream.readline(_LINE):
                self._tail.append(line.decode(errors="replace"))


_GUARDING: Final = 'read -r _; kill -9 -"$1"; if [ -n "$2" ]; then rm -f "$2"; rmdir "${2%/*}"; fi'


def _guard(pid: int, socket: Path | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a constant script; the pid is a number
        ["/bin/sh", "-c", _GUARDING, "ogpu-guard", str(pid), str(socket or "")],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        with suppress(OSError):
            stream.close()


def remove_folder_of(socket: Path) -> None:
    """With the socket in it; again is fine."""
    with suppress(OSError):
        socket.unlink(missing_ok=True)
        socket.parent.rmdir()


def when_orphaned(then: threading.Event) -> None:
    """Set the event when standard input closes or the parent is gone.

    A fork of the parent may hold the other end of the pipe open: hence the second look.
    """
    threading.Thread(target=_read_to_end, args=(then,), name="ogpu-stdin", daemon=True).start()
    threading.Thread(
        target=_watch_parent, args=(then, os.getppid()), name="ogpu-parent", daemon=True
    ).start()


def _read_to_end(then: threading.Event) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    then.set()


def _watch_parent(then: threading.Event, parent: int) -> None:
    while not then.wait(1.0):
        if os.getppid() != parent:
            then.set()
