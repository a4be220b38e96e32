"""The provider of the local network: it attempts tasks, runs their service, and answers.

It does what a provider of the real network does, through the same contracts, and knows no
more than they say. A task that it can't answer stays attempted until it expires. Its
account is the node's, which signs for it; nobody else sends from it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ogpu_jupyter.content.decoding import decode_json
from ogpu_jupyter.errors import NodeUnavailable, OgpuError
from ogpu_jupyter.localnet import calls
from ogpu_jupyter.localnet.lookout import Lookout
from ogpu_jupyter.localnet.rpc import Rpc
from ogpu_jupyter.localnet.sender import Sender
from ogpu_jupyter.localnet.services import SERVICES
from ogpu_jupyter.localnet.workers import ServiceError, Ticket, Workers
from ogpu_jupyter.tasks import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ogpu_jupyter.content.memory import ContentStore
    from ogpu_jupyter.localnet.services import Service

_log = logging.getLogger("ogpu_jupyter.localnet.provider")

_TICK: Final = 0.1
_AT_ONCE: Final = 100  # tasks that are read in one request
_ATTEMPT_GAS: Final = 600_000
_SUBMIT_GAS: Final = 1_500_000


class Provider:
    """Serves the sources from `start()` to `stop()`.

    `contracts` has `nexus`, `account` is the address of a registered provider, `sources`
    maps a service's name to the address of its source.
    """

    def __init__(
        self,
        *,
        rpc_url: str,
        contracts: Mapping[str, str],
        account: str,
        sources: Mapping[str, str],
        store: ContentStore,
    ) -> None:
        port = urlsplit(rpc_url).port or 80
        self._account = account
        self._store = store
        self._services = {address.lower(): SERVICES[name] for name, address in sources.items()}
        self._stopped = threading.Event()
        self._chain = Lookout(Rpc(port), contracts["nexus"])
        self._sender = Sender(Rpc(port), account, contracts["nexus"], self._stopped)
        size = max(2, min(4, os.cpu_count() or 2))
        self._quick = Workers(size, keep=size)
        self._slow = Workers(16, keep=1)
        self._seen: set[str] = set()
        self._unread: list[str] = []
        self._open: dict[str, _Work] = {}
        self._thread = threading.Thread(target=self._watch, name="ogpu-provider", daemon=True)

    def start(self) -> None:
        """Begin with what is on the chain already and unanswered."""
        self._thread.start()
        self._quick.submit(self._quick.warm)

    def stop(self) -> None:
        """End threads and processes; tasks at work stay attempted."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(10)
        for work in list(self._open.values()):
            work.ticket.cancel("the provider stops")
        self._quick.close()
        self._slow.close()
        self._chain.rpc.close()
        self._sender.rpc.close()

    def __enter__(self) -> Provider:  # noqa: PYI034 - typing.Self is younger than 3.10
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- watching ----------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                self._tick()
            except NodeUnavailable:
                pass  # it comes back, or the supervisor ends us
            except Exception:  # noqa: BLE001 - the provider outlives every surprise, and tells it
                if not self._stopped.is_set():
                    _log.exception("a look at the chain failed; the next one follows")
                    self._stopped.wait(1)
            self._stopped.wait(_TICK)

    def _tick(self) -> None:
        self._end_expired()
        if self._chain.look():
            self._forget()
        # Kept until they are read: the node may go away in between.
        self._unread += [task for task in self._chain.published() if task not in self._seen]
        while self._unread and not self._stopped.is_set():
            some = self._unread[:_AT_ONCE]
            for told in list(self._chain.read(some)):
                self._seen.add(told.task)
                self._consider(told)
            del self._unread[: len(some)]
        self._sender.check()

    def _end_expired(self) -> None:
        for work in list(self._open.values()):
            if work.told.expires_at <= self._chain.now:
                work.ticket.cancel("the task has expired")

    def _forget(self) -> None:
        """The chain was turned back: what happened since may not have happened."""
        self._seen.clear()
        self._unread.clear()
        self._sender.resync()
        for work in list(self._open.values()):
            work.ticket.cancel("the chain was turned back")

    def _consider(self, told: calls.Told) -> None:
        service = self._services.get(told.source)
        is_open = told.status in {TaskStatus.NEW, TaskStatus.ATTEMPTED}
        if service is None or not is_open or told.expires_at <= self._chain.now:
            return
        work = _Work(told, service)
        self._open[told.task] = work
        workers = self._slow if service.is_slow else self._quick
        workers.submit(lambda: self._serve(work, workers))

    # --- serving -----------------------------------------------------------------------

    def _serve(self, work: _Work, workers: Workers) -> None:
        """One task from the attempt to the response; whatever fails is that task's alone."""
        try:
            work.ticket.check()
            attempt = self._attempt(work)
            data = self._question(work)
            answer = workers.run(work.service.name, data, work.ticket)
            self._submit(work, answer, attempt)
        except (ServiceError, OgpuError) as error:
            self._tell("%s stays unanswered: %s", work, error)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("task %s stays unanswered", work.told.task)
        finally:
            if self._open.get(work.told.task) is work:
                del self._open[work.told.task]

    def _attempt(self, work: _Work) -> str | None:
        """The hash of the attempt; None when there was one before we were started."""
        told = work.told
        if told.status == TaskStatus.ATTEMPTED:
            return None
        data = calls.attempt(told.task, self._account, told.payment)
        why = f"the attempt at {told.task}"
        return self._sender.send(data, gas=_ATTEMPT_GAS, why=why, ticket=work.ticket)

    def _question(self, work: _Work) -> object:
        payload = decode_json(self._store.get(work.told.config))
        if not isinstance(payload, dict) or not isinstance(payload.get("data"), dict):
            raise ServiceError("its payload is not an object with data")
        if payload.get("function_name") != work.service.function:
            raise ServiceError(f"its source has no function {payload.get('function_name')!r:.80}")
        return payload["data"]

    def _submit(self, work: _Work, answer: object, attempt: str | None) -> None:
        body = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
        url = self._store.put(body, filename="response.json")
        work.ticket.check()
        if attempt and self._sender.is_refused(attempt):
            raise ServiceError("the chain refused the attempt")
        data = calls.submit(work.told.task, self._account, url, work.told.payment)
        why = f"the response to {work.told.task}"
        self._sender.send(data, gas=_SUBMIT_GAS, why=why, ticket=work.ticket)

    def _tell(self, text: str, work: _Work, error: Exception) -> None:
        if not self._stopped.is_set():
            name = f"task {work.told.task} of {work.service.name}"
            _log.warning(text, name, " ".join(str(error).split()))


@dataclass(frozen=True)
class _Work:
    told: calls.Told
    service: Service
    ticket: Ticket = field(default_factory=Ticket)
