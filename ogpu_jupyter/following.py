"""What the chain says, written into the journal: the follower's listener."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from .content import decode_json
from .errors import ContentError, GatewayUnavailable, NetworkError, OgpuError
from .sending import task_after
from .tasks import (
    Answer,
    NetworkId,
    Response,
    Stage,
    TaskRecord,
    TaskSnapshot,
    TransactionKind,
    TransactionRecord,
    TransactionState,
    stage_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .chain.client import Client
    from .chain.events import Follower
    from .chain.transactions import Head, Receipt
    from .journal import Journal
    from .sending import Sender

_log = logging.getLogger("ogpu_jupyter")
_SETTLE_SECONDS = 5.0
_FETCHES_AT_ONCE = 4
_AS_SENT = {
    "stage": Stage.SENT,
    "address": "",
    "block": None,
    "fee": None,
    "published_at": None,
    "finished_at": None,
    "attempts": (),
    "responses": (),
    "winner": "",
}
_WAITING = frozenset({Stage.PUBLISHED, Stage.ATTEMPTED})


class Keeper:
    """Keeps the journal true to the chain, and tells of each change.

    `changed` gets every record that is new or has new answers; `settled` every
    transaction whose fate became known; both on the follower's thread or a fetching one.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        network_id: NetworkId,
        sender: Sender,
        *,
        changed: Callable[[TaskRecord], None],
        settled: Callable[[TransactionRecord], None],
        troubled: Callable[[OgpuError | None], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._network_id = network_id
        self._sender = sender
        self._follower: Follower | None = None
        self._changed = changed
        self._settled = settled
        self._troubled = troubled
        self._open: dict[str, TaskRecord] = {}
        self._unsettled: set[str] = set()
        self._next_settling = 0.0
        self._answers = Answers(client, journal, changed)
        self._time = 0

    def attach(self, follower: Follower) -> None:
        """The one that tells it of the chain, and that is told what to watch."""
        self._follower = follower

    def follow(self, records: Iterable[TaskRecord]) -> None:
        """Watch the tasks that can still change."""
        for record in records:
            if record.address and not record.stage.is_final:
                self._open[record.address] = record
                if self._follower is not None:
                    self._follower.watch(record.address)

    def await_transaction(self, record: TransactionRecord) -> None:
        self._unsettled.add(record.hash)
        self._next_settling = max(self._next_settling, time.monotonic() + _SETTLE_SECONDS)

    def on_head(self, head: Head) -> None:
        """Expiry is counted on the chain's clock; transactions that linger are asked about."""
        self._time = head.timestamp
        for record in list(self._open.values()):
            if record.stage in _WAITING and head.timestamp > record.expires_at:
                self._keep(record, stage=Stage.EXPIRED, finished_at=record.expires_at)
        if self._unsettled and time.monotonic() >= self._next_settling:
            self._next_settling = time.monotonic() + _SETTLE_SECONDS
            self.settle()

    def settle(self) -> None:
        """Resolve every transaction of the journal whose fate is open."""
        for record in self._sender.settle():
            if record.state in {TransactionState.SIGNED, TransactionState.SENT}:
                self._settled(record)
            elif record.state is TransactionState.REPLACED:
                self._close(record)
            else:
                receipt = self._client.receipts([record.hash])[0]
                if receipt is not None:
                    self.on_receipts([receipt])

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            transaction = self._sender.mined(receipt)
            if transaction.kind is TransactionKind.PUBLISH and transaction.task is not None:
                self._published(transaction, receipt)
            self._close(transaction)

    def on_snapshots(self, snapshots: Sequence[TaskSnapshot]) -> None:
        for snapshot in snapshots:
            record = self._journal.by_address(self._network_id, snapshot.address)
            if record is not None:
                self.merge(record, snapshot)

    def on_retracted(self, references: Sequence[str]) -> None:
        """A reorg took them out of the chain: they are as sent, and waited for again."""
        for reference in references:
            record = self._journal.by_address(self._network_id, reference) or self._journal.by_hash(
                self._network_id, reference
            )
            if record is None or not record.tx_hash:
                continue
            self._open.pop(record.address, None)
            self._keep(record, **_AS_SENT)
            self._unsettled.add(record.tx_hash)

    def on_trouble(self, error: OgpuError | None) -> None:
        self._troubled(error)

    def merge(self, record: TaskRecord, snapshot: TaskSnapshot) -> TaskRecord:
        """The chain's state into the record; new responses are fetched."""
        stage = stage_of(snapshot.status)
        if stage in _WAITING and self._time > snapshot.expires_at:
            stage = Stage.EXPIRED
        # The head that is known may be older than the block that the snapshot is of.
        seen = max([self._time, *(response.at or 0 for response in snapshot.responses)])
        finished = record.finished_at or (seen or None if stage.is_final else None)
        record = self._keep(
            record,
            stage=stage,
            attempts=_with_bids(record, snapshot),
            responses=snapshot.responses,
            winner=snapshot.winner,
            finished_at=finished if stage.is_final else None,
        )
        self._answers.fetch(record)
        # One that only the clock calls expired stays watched: the chain has the last word.
        if stage_of(snapshot.status).is_final and self._follower is not None:
            self._follower.unwatch(record.address)
        return record

    def retry(self, record: TaskRecord, *, lasting: bool = False) -> None:
        """Fetch what is missing, also what failed before for `lasting` reasons."""
        self._answers.retry(record, lasting=lasting)

    def answers(self, record: TaskRecord) -> dict[str, Answer]:
        return self._answers.of(record)

    def _published(self, transaction: TransactionRecord, receipt: Receipt) -> None:
        task = self._journal.task(transaction.task or 0)
        address = self._client.task_address(receipt)
        if not receipt.ok or address is None:
            self._keep(task, **task_after(transaction, task))
            return
        record = self._keep(
            task,
            tx_hash=receipt.hash,
            address=address,
            block=receipt.block,
            fee=receipt.fee,
            published_at=task.published_at or self._block_time(receipt.block),
        )
        if not record.stage.is_on_chain:
            record = self._keep(record, stage=Stage.PUBLISHED)
        self.follow([record])

    def _block_time(self, block: int) -> int | None:
        try:
            return self._client.block_time(block)
        except NetworkError:
            return None

    def _close(self, transaction: TransactionRecord) -> None:
        self._unsettled.discard(transaction.hash)
        if transaction.state is TransactionState.REPLACED and transaction.task is not None:
            task = self._journal.task(transaction.task)
            changes = task_after(transaction, task)
            if transaction.kind is TransactionKind.PUBLISH and changes:
                self._keep(task, **changes)
        self._settled(transaction)

    def _keep(self, record: TaskRecord, **changes: Any) -> TaskRecord:
        if all(getattr(record, name) == value for name, value in changes.items()):
            return record
        record = self._journal.update(record.key, **changes)
        if record.stage.is_final:
            self._open.pop(record.address, None)
        elif record.address in self._open:
            self._open[record.address] = record
        self._changed(record)
        return record


class Answers:
    """The content of responses: fetched a few at a time, kept in the journal.

    A gateway that is away is not an answer: such a problem is kept for this session only.
    """

    def __init__(
        self, client: Client, journal: Journal, changed: Callable[[TaskRecord], None]
    ) -> None:
        self._client = client
        self._journal = journal
        self._changed = changed
        self._passing: dict[str, Answer] = {}
        self._under_way: set[str] = set()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(_FETCHES_AT_ONCE)

    def of(self, record: TaskRecord) -> dict[str, Answer]:
        passing = {r.address: self._passing[r.address] for r in record.responses
                   if r.address in self._passing}  # fmt: skip
        return passing | self._journal.answers(record.key)

    def fetch(self, record: TaskRecord) -> None:
        """What has not been tried yet."""
        known = self.of(record)
        for response in record.responses:
            if response.address not in known:
                self._start(record, response)

    def retry(self, record: TaskRecord, *, lasting: bool) -> None:
        """What is missing, and what failed before."""
        kept = self._journal.answers(record.key)
        for response in record.responses:
            old = kept.get(response.address)
            if old is None or (lasting and old.problem):
                self._start(record, response)

    def _start(self, record: TaskRecord, response: Response) -> None:
        with self._lock:
            if response.address in self._under_way:
                return
            self._under_way.add(response.address)
            self._passing.pop(response.address, None)
        context = copy_context()
        target = lambda: context.run(self._fetch, record, response)  # noqa: E731
        threading.Thread(target=target, name="ogpu-answer", daemon=True).start()

    def _fetch(self, record: TaskRecord, response: Response) -> None:
        try:
            with self._slots:
                answer, lasting = self._read(response.url)
            if lasting:
                self._journal.put_answer(record.key, response.address, answer)
            else:
                self._passing[response.address] = answer
        except Exception:  # noqa: BLE001 - told in the view; the thread has nobody above it
            _log.exception("The answer of %s could not be kept.", response.address)
            self._passing[response.address] = Answer(problem="The answer could not be kept.")
        finally:
            with self._lock:
                self._under_way.discard(response.address)
        self._changed(self._journal.task(record.key))

    def _read(self, url: str) -> tuple[Answer, bool]:
        try:
            return Answer.model_validate({"value": decode_json(self._client.store.get(url))}), True
        except GatewayUnavailable as error:
            return Answer(problem=error.what), False
        except ContentError as error:
            return Answer(problem=error.what), True


def _with_bids(record: TaskRecord, snapshot: TaskSnapshot) -> tuple[object, ...]:
    """Bids stand only in events: one seen earlier is not lost to a later reading."""
    bids = {attempt.provider: attempt.bid for attempt in record.attempts}
    return tuple(
        attempt if attempt.bid is not None
        else attempt.model_copy(update={"bid": bids.get(attempt.provider)})
        for attempt in snapshot.attempts
    )  # fmt: skip
