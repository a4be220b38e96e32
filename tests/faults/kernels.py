"""What a person's kernel does in a storm: connect, publish, and again what was refused."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.session import Session
from ogpu_jupyter.tasks import Stage, TaskInput, encode_payload
from tests.faults.world import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ogpu_jupyter.chain.networks import Network

PUBLISH_SECONDS = 8.0
HANG_SECONDS = 30.0  # far beyond any budget: nobody comes back from there
FUNCTION = "work"
UNTOLD = {Stage.INTENDED, Stage.UPLOADED, Stage.ABANDONED, Stage.FAILED}
_TRIES = 3


@dataclass(frozen=True)
class Wish:
    """One intent; no other has its data."""

    source: str
    seed: int
    number: int

    @property
    def data(self) -> dict[str, int]:
        return {"seed": self.seed, "number": self.number}

    @property
    def payload(self) -> bytes:
        return encode_payload(TaskInput(FUNCTION, self.data))


class Kernel:
    """A session with what it was told of each wish; several may share a journal."""

    def __init__(
        self, network: Network, account: Any, journal: Path, *, expires: str | None = None
    ) -> None:
        self.expires = expires
        self.hangs: list[str] = []
        self.told: dict[Wish, int] = {}  # to the task's key in the journal
        self.surprises: list[str] = []
        self.session = self._connected(network, account, journal)
        self.session.client.rpc.timeout = PATIENCE

    def _connected(self, network: Network, account: Any, journal: Path) -> Session:
        end = time.monotonic() + HANG_SECONDS
        while True:
            try:
                return Session(network, account, Journal(journal))
            except OgpuError:
                if time.monotonic() > end:
                    raise

    def publish(self, wish: Wish) -> None:
        """As a person who runs the cell again when it says that nothing was sent."""
        for _ in range(_TRIES):
            with suppress(OgpuError), self._watched(f"publish {wish.number}"):
                task = self.session.publish(
                    wish.source,
                    FUNCTION,
                    wish.data,
                    expires=self.expires,
                    timeout=PUBLISH_SECONDS,
                    yes=True,
                )
                self._note(wish, task)
                return

    def publish_many(self, wishes: Sequence[Wish]) -> None:
        """All of one source in one batch; what it refuses is left to the next run."""
        items = [wish.data for wish in wishes]
        for _ in range(_TRIES):
            with suppress(OgpuError), self._watched("publish_many"):
                batch = self.session.publish_many(
                    wishes[0].source,
                    FUNCTION,
                    items,
                    expires=self.expires,
                    timeout=PUBLISH_SECONDS,
                    yes=True,
                )
                for wish, task in zip(wishes, batch, strict=True):
                    self._note(wish, task)
                return

    def _note(self, wish: Wish, task: Any) -> None:
        """Another kernel's that has not left yet may still be refused."""
        if task.stage not in UNTOLD:
            self.told[wish] = task.record.key

    def _watched(self, what: str) -> _Watch:
        return _Watch(self, what)

    @property
    def unsettled(self) -> int:
        session = self.session
        return len(
            session.journal.transactions(session.network_id, session.account, unsettled_only=True)
        )

    def wait_until_settled(self, seconds: float) -> bool:
        """Every transaction of the journal is known to be in a block, or never to be."""
        end = time.monotonic() + seconds
        while self.unsettled and time.monotonic() < end:
            self.session._follower.poke()
            time.sleep(0.05)
        return not self.unsettled

    def close(self) -> None:
        with self._watched("close"):
            self.session.close()
            _end_fetching()
            self.session.journal.close()


def _end_fetching() -> None:
    """A person's journal is never closed under a thread that writes an answer down."""
    for thread in threading.enumerate():
        if thread.name == "ogpu-answer":
            thread.join(5)


class _Watch:
    """Notes what took too long, and what no error of ours explains."""

    def __init__(self, kernel: Kernel, what: str) -> None:
        self._kernel = kernel
        self._what = what
        self._since = time.monotonic()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: object, _: object) -> bool:
        took = time.monotonic() - self._since
        if took > HANG_SECONDS:
            self._kernel.hangs.append(f"{self._what} took {took:.0f} s")
        if kind is not None and not issubclass(kind, OgpuError):
            self._kernel.surprises.append(f"{self._what}: {error!r}")
            return True
        return False


def all_at_once(*jobs: Any) -> list[threading.Thread]:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    return threads
