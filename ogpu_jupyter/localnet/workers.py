"""A few processes for the services, started when they are needed and killed when stuck."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# With our own path for modules: the folder we were started in may hold a `json.py`.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; from ogpu_jupyter.localnet.worker import main; main()"
)
# What Python needs to run, and nothing that holds a key.
_ENVIRONMENT: Final = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
_LONGEST: Final = 64 << 20


class ServiceError(Exception):
    """The service raised, or its process ended without an answer."""


class Ticket:
    """By which another thread ends what runs for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._canceled = ""
        self._ended = threading.Event()

    def cancel(self, why: str) -> None:
        with self._lock:
            self._canceled = self._canceled or why
            self._ended.set()
            if self._worker is not None:
                self._worker.kill()

    def check(self) -> None:
        """ServiceError when it was canceled."""
        if self._canceled:
            raise ServiceError(self._canceled)

    def wait(self, seconds: float) -> None:
        """Let the time pass; ServiceError when it is canceled meanwhile."""
        self._ended.wait(seconds)
        self.check()

    def hold(self, worker: Worker | None) -> None:
        with self._lock:
            self.check()
            self._worker = worker

    def release(self) -> None:
        with self._lock:
            self._worker = None


class Worker:
    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-c", _START, *filter(None, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, service: str, data: object, by: str = "") -> Any:
        """The service's answer, as the bidder named gives it; ServiceError when it raises or
        its process ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        question = json.dumps({"service": service, "data": data, "by": by}).encode() + b"\n"
        try:
            self._process.stdin.write(question)
            self._process.stdin.flush()
            line = self._process.stdout.readline(_LONGEST)
        except (OSError, ValueError):  # ValueError: another thread has closed it
            line = b""
        if not line.endswith(b"\n"):
            self.kill()
            raise ServiceError("its process ended without an answer")
        answer = json.loads(line)
        if "error" in answer:
            raise ServiceError(answer["error"])
        return answer["answer"]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                stream.close()  # type: ignore[union-attr]


class Workers:
    """Up to `size` at a time, of which `keep` stay for the next task."""

    def __init__(self, size: int, *, keep: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="ogpu-task")
        self._keep = keep
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[[], None]) -> None:
        """Run in a thread of ours, of which there are as many as processes."""
        with suppress(RuntimeError):  # closed in the meantime
            self._threads.submit(work)

    def warm(self) -> None:
        """Start one process ahead, in the background."""
        self._put_back(Worker())

    def run(self, service: str, data: object, ticket: Ticket, by: str = "") -> Any:
        worker = self._take()
        try:
            ticket.hold(worker)
            answer = worker.ask(service, data, by)
        except ServiceError:
            ticket.check()  # the reason that it was ended for comes first
            raise
        finally:
            ticket.release()
            self._put_back(worker)
        return answer

    def close(self) -> None:
        """No process and no thread is left; who has a ticket cancels it first."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                worker.close()
        return Worker()

    def _put_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.is_alive and not self._closed and len(self._idle) < self._keep:
                self._idle.append(worker)
                return
        worker.close()
