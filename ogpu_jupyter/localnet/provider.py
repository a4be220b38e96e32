"""The providers of the local network: they attempt tasks, run their service, and answer.

They do what providers of the real network do, through the same contracts, and know no more
than those say. A task that none can answer stays attempted until it expires. Their
accounts are the node's, which signs for them; nobody else sends from them.

One provider serves most sources. Where a source has several bidders, each attempts every
task with its own bid, and answers in its own time and its own way.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.content.decoding import decode_json
from ogpu_jupyter.errors import NodeUnavailable, OgpuError
from ogpu_jupyter.localnet import calls
from ogpu_jupyter.localnet.accounts import PROVIDER, serving
from ogpu_jupyter.localnet.lookout import Lookout
from ogpu_jupyter.localnet.sender import Sender
from ogpu_jupyter.localnet.services import SERVICES
from ogpu_jupyter.localnet.workers import ServiceError, Ticket, Workers
from ogpu_jupyter.tasks import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.content.memory import ContentStore
    from ogpu_jupyter.localnet.rpc import Rpc
    from ogpu_jupyter.localnet.services import Bidder, Service

_log = logging.getLogger("ogpu_jupyter.localnet.provider")

_TICK: Final = 0.1
_AT_ONCE: Final = 100  # tasks that are read in one request
_ATTEMPT_GAS: Final = 600_000
_SUBMIT_GAS: Final = 1_500_000
_UNANSWERED: Final = frozenset({TaskStatus.NEW, TaskStatus.ATTEMPTED})
_BIDS: Final = 24  # answers of bidders that are under way at once


class Provider:
    """Serves the sources, with an account for each who bids, from `start()` to `stop()`.

    `contracts` has `nexus`, `sources` maps a service's name to the address of its source.
    """

    def __init__(
        self,
        *,
        rpc: Callable[[], Rpc],
        contracts: Mapping[str, str],
        sources: Mapping[str, str],
        store: ContentStore,
        account: str = PROVIDER.address,
    ) -> None:
        self._store = store
        self._account = account
        self._stopped = threading.Event()
        self._chain = Lookout(rpc(), contracts["nexus"])
        self._senders: dict[str, Sender] = {}
        self._desks = {
            address.lower(): self._desks_of(SERVICES[name], rpc, contracts["nexus"])
            for name, address in sources.items()
        }
        size = max(2, min(4, os.cpu_count() or 2))
        self._quick = Workers(size, keep=size)
        self._slow = Workers(16, keep=1)
        self._patient = Workers(_BIDS, keep=0)  # its threads alone: most of the time they wait
        self._seen: set[str] = set()
        self._unread: list[str] = []
        self._open: dict[tuple[str, str], _Work] = {}
        self._thread = threading.Thread(target=self._watch, name="ogpu-provider", daemon=True)

    def _desks_of(self, service: Service, rpc: Callable[[], Rpc], nexus: str) -> list[_Desk]:
        bidders = service.bidders or (None,)
        accounts = serving(len(service.bidders)) if service.bidders else (self._account,)
        for account in accounts:
            if account not in self._senders:
                self._senders[account] = Sender(rpc(), account, nexus, self._stopped)
        return [
            _Desk(account, self._senders[account], service, bidder)
            for account, bidder in zip(accounts, bidders, strict=True)
        ]

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
        self._patient.close()
        self._chain.rpc.close()
        for sender in self._senders.values():
            sender.rpc.close()

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
        for sender in self._senders.values():
            sender.check()

    def _end_expired(self) -> None:
        for work in list(self._open.values()):
            if work.told.expires_at <= self._chain.now:
                work.ticket.cancel("the task has expired")

    def _forget(self) -> None:
        """The chain was turned back: what happened since may not have happened."""
        self._seen.clear()
        self._unread.clear()
        for sender in self._senders.values():
            sender.resync()
        for work in list(self._open.values()):
            work.ticket.cancel("the chain was turned back")

    def _consider(self, told: calls.Told) -> None:
        if told.expires_at <= self._chain.now:
            return
        for desk in self._desks.get(told.source, ()):
            if told.status in desk.open_at:
                self._take(_Work(told, desk))

    def _take(self, work: _Work) -> None:
        self._open[work.key] = work
        workers = self._slow if work.desk.service.is_slow else self._quick
        threads = workers if work.desk.bidder is None else self._patient
        threads.submit(lambda: self._serve(work, workers))

    # --- serving -----------------------------------------------------------------------

    def _serve(self, work: _Work, workers: Workers) -> None:
        """One task from the attempt to the response; whatever fails is that task's alone."""
        try:
            work.ticket.check()
            attempt = self._attempt(work)
            data = self._question(work)
            answer = self._answer(work, data, workers)
            self._submit(work, answer, attempt)
        except _Answered:
            pass  # before we were started
        except (ServiceError, OgpuError) as error:
            self._tell("%s stays unanswered: %s", work, error)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("task %s stays unanswered", work.told.task)
        finally:
            if self._open.get(work.key) is work:
                del self._open[work.key]

    def _attempt(self, work: _Work) -> str | None:
        """The hash of the attempt; None when there was one before we were started."""
        told, desk = work.told, work.desk
        if told.status != TaskStatus.NEW and self._was_here(work):
            return None
        data = calls.attempt(told.task, desk.account, work.bid)
        why = f"the attempt at {told.task}"
        return desk.sender.send(data, gas=_ATTEMPT_GAS, why=why, ticket=work.ticket)

    def _was_here(self, work: _Work) -> bool:
        """Whether this provider has attempted the task; `_Answered` when it has answered too."""
        asked = (calls.attempter_id(work.desk.account), calls.response_of(work.desk.account))
        attempted, answered = (
            int(word, 16)
            for word in work.desk.sender.rpc.batch(
                [("eth_call", [{"to": work.told.task, "data": data}, "latest"]) for data in asked]
            )
        )
        if answered:
            raise _Answered
        return attempted != 0

    def _answer(self, work: _Work, data: object, workers: Workers) -> object:
        """In the bidder's own time, and only as long as an answer can still be chosen."""
        bidder, service = work.desk.bidder, work.desk.service
        if bidder is None:
            return workers.run(service.name, data, work.ticket)
        answer = workers.run(service.name, data, work.ticket, bidder.name)
        work.ticket.wait(bidder.seconds)
        status = work.desk.sender.rpc.call(
            "eth_call", {"to": work.told.task, "data": calls.GET_STATUS}, "latest"
        )
        if int(status, 16) not in work.desk.open_at:
            raise ServiceError("its client has made its choice")
        return answer

    def _question(self, work: _Work) -> object:
        payload = decode_json(self._store.get(work.told.config))
        if not isinstance(payload, dict) or not isinstance(payload.get("data"), dict):
            raise ServiceError("its payload is not an object with data")
        if payload.get("function_name") != work.desk.service.function:
            raise ServiceError(f"its source has no function {payload.get('function_name')!r:.80}")
        return payload["data"]

    def _submit(self, work: _Work, answer: object, attempt: str | None) -> None:
        body = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
        url = self._store.put(body, filename="response.json")
        work.ticket.check()
        desk = work.desk
        if attempt and desk.sender.is_refused(attempt):
            raise ServiceError("the chain refused the attempt")
        data = calls.submit(work.told.task, desk.account, url, work.bid)
        why = f"the response to {work.told.task}"
        desk.sender.send(data, gas=_SUBMIT_GAS, why=why, ticket=work.ticket)

    def _tell(self, text: str, work: _Work, error: Exception) -> None:
        if not self._stopped.is_set():
            name = f"task {work.told.task} of {work.desk.name}"
            _log.warning(text, name, " ".join(str(error).split()))


class _Answered(Exception):
    """There is a response of this provider already."""


@dataclass(frozen=True)
class _Desk:
    """A provider's place at a source; `bidder` is its way of working, where it has its own."""

    account: str
    sender: Sender
    service: Service
    bidder: Bidder | None

    @property
    def name(self) -> str:
        return f"{self.service.name} ({self.bidder.name})" if self.bidder else self.service.name

    @property
    def open_at(self) -> frozenset[int]:
        """The states of a task in which an answer of this provider is still of use."""
        return _UNANSWERED | {TaskStatus.RESPONDED} if self.bidder else _UNANSWERED


@dataclass(frozen=True)
class _Work:
    told: calls.Told
    desk: _Desk
    ticket: Ticket = field(default_factory=Ticket)

    @property
    def key(self) -> tuple[str, str]:
        return self.told.task, self.desk.account

    @property
    def bid(self) -> int:
        """Wei; never more than the task pays, or the contracts refuse the response."""
        per_cent = self.desk.bidder.per_cent if self.desk.bidder else 100
        return self.told.payment * per_cent // 100
