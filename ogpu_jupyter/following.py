"""What the chain says, written into the journal: the follower's listener."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from . import linked
from .content import decode_json
from .errors import ContentError, GatewayUnavailable, JournalError, NetworkError, OgpuError
from .promised import Promises
from .render.page import asked
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
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from .chain.client import Client
    from .chain.events import Follower
    from .chain.transactions import Head, Receipt
    from .journal import Journal
    from .sending import Sender

_log = logging.getLogger("ogpu_jupyter")
_SETTLE_SECONDS = 5.0
_FETCHES_AT_ONCE = 4
_NOTE_SECONDS = 30.0
_MANY = 10  # tasks; more, if they are most, are read from the journal at once
_TIMES = 100
_FOR_GOOD = 16  # blocks on top of an end, after which no reorg takes it back
_FOR_GOOD_SECONDS = 240  # as many take at most, where that has to be told by the clock
_AS_SENT: dict[str, Any] = {
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
        self._ended: dict[str, int] = {}  # tasks that are final since a block not yet deep
        self._unsettled: set[str] = set()
        self._next_settling = 0.0
        self._answers = Answers(client, journal, changed)
        self._time = self._read_time = 0
        self._head: Head | None = None
        self._next_note = time.monotonic() + _NOTE_SECONDS
        self._block_times: dict[int, int | None] = {}
        self._local = threading.local()

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

    def follow_ended(self, head: Head) -> list[TaskRecord]:
        """Watch what had only just ended when nobody looked any more: a reorg may have come."""
        records = self._journal.ended_lately(self._network_id, _FOR_GOOD_SECONDS)
        for record in records:
            self._ended[record.address] = head.number
            if self._follower is not None:
                self._follower.watch(record.address)
        return records

    def await_transaction(self, record: TransactionRecord) -> None:
        self._unsettled.add(record.hash)
        self._next_settling = max(self._next_settling, time.monotonic() + _SETTLE_SECONDS)

    def on_head(self, head: Head) -> None:
        """Transactions that linger are asked about."""
        self._time, self._head = head.timestamp, head
        if time.monotonic() >= self._next_note:
            self.note()
        if (
            self._unsettled or self._sender.has_revived
        ) and time.monotonic() >= self._next_settling:
            self._next_settling = time.monotonic() + _SETTLE_SECONDS
            self.settle()

    def on_read(self, head: Head, unread: Collection[str] = ()) -> None:
        """Expiry is counted on the chain's clock, and by what was read: nobody is late before.

        Late is what still waits then. Only the chain calls it expired, or finds an answer.
        """
        is_back = not self._read_time or head.timestamp < self._read_time
        self._read_time = head.timestamp
        self._let_go(head)
        tasks = [r for r in list(self._open.values()) if r.address not in unread]
        late = [r for r in tasks if r.stage.is_waiting and r.expires_at < head.timestamp]
        early = [r for r in tasks if is_back and _is_early(r, head)]  # a chain can go back
        with self._together([*late, *early]):
            for record in late:
                self._keep(record, when={record.stage}, stage=Stage.LATE)
            for record in early:
                stage = Stage.ATTEMPTED if record.attempts else Stage.PUBLISHED
                self._keep(record, when={Stage.LATE}, stage=stage)

    def _let_go(self, head: Head) -> None:
        """No longer watch what ended long enough ago."""
        old = [task for task, block in list(self._ended.items()) if head.number - block > _FOR_GOOD]
        deep = [task for task in old if self._ended.pop(task, None) is not None]
        if deep and self._follower is not None:
            self._follower.unwatch(*deep)

    def settle(self) -> None:
        """Resolve every transaction of the journal whose fate is open."""
        mined = []
        for record in self._sender.settle():
            if record.state is TransactionState.REPLACED:
                self._close(record)
                continue
            if self._follower is not None:  # also the mined: the node may be away in a moment
                self._follower.await_receipt(record.hash)
            if record.state.is_unsettled:
                self.await_transaction(record)
                self._settled(record)
            else:
                mined.append(record.hash)
        if mined:
            receipts = self._client.receipts(mined)
            self.on_receipts([receipt for receipt in receipts if receipt is not None])

    def on_receipts(self, receipts: Sequence[Receipt]) -> None:
        for block in {receipt.block for receipt in receipts if receipt.ok}:
            self._block_time(block)  # here, for the journal is not held while a node is asked
        with self._together(receipts):
            for receipt in receipts:
                transaction = self._sender.mined(receipt)
                if transaction.kind is TransactionKind.PUBLISH and transaction.task is not None:
                    self._published(transaction, receipt)
                self._close(transaction)

    def on_snapshots(self, snapshots: Sequence[TaskSnapshot]) -> None:
        with self._together(snapshots):
            most = len(snapshots) > max(_MANY, len(self._open) // 4)
            open_ones = self._open_records() if most else {}
            for snapshot in snapshots:
                address = snapshot.address
                record = open_ones.get(address) or self._journal.by_address(
                    self._network_id, address
                )
                if record is not None:
                    self.merge(record, snapshot)

    def _open_records(self) -> dict[str, TaskRecord]:
        found = self._journal.tasks(self._network_id, open_only=True, payloads=False)
        return {record.address: record for record in found if record.address}

    def resume(self, snapshots: Sequence[TaskSnapshot]) -> None:
        """The open tasks have just been read: the follower goes on from there.

        Bids stand in logs alone: where some are missing, it begins at the block up to which
        this network was last followed, or where the tasks were published.
        """
        if not snapshots or self._follower is None:
            return
        read_at = snapshots[0].block
        lacking = [r for r in self._open.values() if any(a.bid is None for a in r.attempts)]
        begin = self._last_known(lacking, read_at) if lacking else read_at
        self._follower.resume(min(begin, read_at), snapshots)

    def _last_known(self, lacking: Sequence[TaskRecord], otherwise: int) -> int:
        missed = [a.at for record in lacking for a in record.attempts if a.bid is None]
        followed = self._journal.followed(self._network_id)
        if followed is not None and all(followed[1] <= (at or 0) for at in missed):
            return followed[0]
        return min([otherwise, *(record.block for record in lacking if record.block is not None)])

    def note(self) -> None:
        """Write down how far the chain was followed."""
        self._next_note = time.monotonic() + _NOTE_SECONDS
        if self._head is not None:
            deep = max(0, self._client.network.confirmations - 1)
            with suppress(JournalError):  # it only makes the next start quicker
                self._journal.follow_to(
                    self._network_id, max(0, self._head.number - deep), self._head.timestamp
                )

    @contextmanager
    def _together(self, news: Sequence[object]) -> Iterator[None]:
        """What is written inside is kept at once, and told only then, without the journal."""
        if not news or getattr(self._local, "tasks", None) is not None:
            yield
            return
        tasks: dict[int, TaskRecord] = {}
        transactions: list[TransactionRecord] = []
        self._local.tasks, self._local.transactions = tasks, transactions
        try:
            with self._journal.atomic():
                yield
        finally:
            self._local.tasks = None
        for record in tasks.values():
            self._changed(record)
            self._answers.fetch(record)
        for transaction in transactions:
            self._settled(transaction)

    def _tell(self, record: TaskRecord) -> None:
        if (held := getattr(self._local, "tasks", None)) is not None:
            held[record.key] = record
        else:
            self._changed(record)

    def _tell_settled(self, transaction: TransactionRecord) -> None:
        if getattr(self._local, "tasks", None) is not None:
            self._local.transactions.append(transaction)
        else:
            self._settled(transaction)

    def on_retracted(self, references: Sequence[str]) -> None:
        """A reorg took them out of the chain: they are as sent, and waited for again."""
        self._block_times.clear()
        for reference in references:
            record = self._journal.by_address(self._network_id, reference) or self._journal.by_hash(
                self._network_id, reference
            )
            self._sender.retracted(record.tx_hash if record else reference)
            if record is None or not record.tx_hash:
                continue
            self._open.pop(record.address, None)
            self._ended.pop(record.address, None)
            self._keep(record, **_AS_SENT)
            self._unsettled.add(record.tx_hash)

    def on_trouble(self, error: OgpuError | None) -> None:
        self._troubled(error)

    def merge(self, record: TaskRecord, snapshot: TaskSnapshot) -> TaskRecord:
        """The chain's state into the record; new responses are fetched."""
        stage = stage_of(snapshot.status)
        if stage.is_waiting and record.stage is Stage.LATE:
            stage = Stage.LATE
        # The head that is known may be older than the block that the snapshot is of.
        seen = max([self._time, *(response.at or 0 for response in snapshot.responses)])
        seen = snapshot.expires_at if stage is Stage.EXPIRED else seen
        finished = record.finished_at or seen or None
        record = self._keep(
            record,
            stage=stage,
            attempts=_with_bids(record, snapshot),
            responses=snapshot.responses,
            winner=snapshot.winner,
            finished_at=finished if stage.is_final else None,
        )
        if getattr(self._local, "tasks", None) is None:
            self._answers.fetch(record)
        else:
            self._tell(record)
        # One that is only late stays watched: the chain has the last word. So does one that
        # is final, for some blocks: a reorg may take its end back.
        if stage.is_final:
            self._ended.setdefault(record.address, snapshot.block)
        elif self._ended.pop(record.address, None) is not None:
            self._open[record.address] = record
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
            stage=task.stage if task.stage.is_on_chain else Stage.PUBLISHED,
            tx_hash=receipt.hash,
            address=address,
            block=receipt.block,
            fee=receipt.fee,
            published_at=task.published_at or self._block_time(receipt.block),
            problem="",
        )
        self.follow([record])

    def _block_time(self, block: int) -> int | None:
        """As the follower knows it, else as the node says; asked once."""
        seen = self._follower.time_of(block) if self._follower is not None else None
        if seen is not None:
            return seen
        if block not in self._block_times:
            try:
                self._block_times[block] = self._client.block_time(block)
            except NetworkError:
                self._block_times[block] = None
            while len(self._block_times) > _TIMES:
                del self._block_times[next(iter(self._block_times))]
        return self._block_times[block]

    def _close(self, transaction: TransactionRecord) -> None:
        self._unsettled.discard(transaction.hash)
        if transaction.state is TransactionState.REPLACED and self._follower is not None:
            self._follower.forget(transaction.hash)
        if transaction.state is TransactionState.REPLACED and transaction.task is not None:
            task = self._journal.task(transaction.task)
            changes = task_after(transaction, task)
            publishes = transaction.kind is TransactionKind.PUBLISH
            if publishes and changes and self._sender.was_replaced(transaction):
                self._keep(task, **changes)
        self._tell_settled(transaction)

    def _keep(
        self, record: TaskRecord, *, when: Collection[Stage] | None = None, **changes: Any
    ) -> TaskRecord:
        if all(getattr(record, name) == value for name, value in changes.items()):
            return record
        record = self._journal.update(record.key, when=when, **changes)
        if record.stage.is_final:
            self._open.pop(record.address, None)
        elif record.address in self._open:
            self._open[record.address] = record
        self._tell(record)
        return record


def _is_early(record: TaskRecord, head: Head) -> bool:
    return record.stage is Stage.LATE and record.expires_at >= head.timestamp


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
        self._promises = Promises(client)
        self._passing: dict[str, Answer] = {}
        self._under_way: set[str] = set()
        self._waiting: deque[tuple[TaskRecord, Response]] = deque()
        self._workers = 0
        self._lock = threading.Lock()

    def of(self, record: TaskRecord) -> dict[str, Answer]:
        if not record.responses:
            return {}  # what most views ask for, each second
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
            if old is None or (lasting and (old.problem or _lacks_content(old))):
                self._start(record, response)

    def _start(self, record: TaskRecord, response: Response) -> None:
        with self._lock:
            if response.address in self._under_way:
                return
            self._under_way.add(response.address)
            self._passing.pop(response.address, None)
            self._waiting.append((record, response))
            if self._workers == _FETCHES_AT_ONCE:
                return
            self._workers += 1
        context = copy_context()
        target = lambda: context.run(self._work)  # noqa: E731
        threading.Thread(target=target, name="ogpu-answer", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._workers -= 1
                    return
                record, response = self._waiting.popleft()
            self._fetch(record, response)

    def _fetch(self, record: TaskRecord, response: Response) -> None:
        try:
            answer, lasting = self._read(response.url, record)
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
        try:
            self._changed(self._journal.task(record.key))
        except Exception:  # noqa: BLE001 - such as a journal that was closed meanwhile
            _log.debug("The answer of %s could not be told.", response.address, exc_info=True)

    def _read(self, url: str, record: TaskRecord) -> tuple[Answer, bool]:
        store = self._client.store
        record = self._journal.task(record.key)  # with its payload
        try:
            answer = Answer.model_validate({"value": decode_json(store.get(url))})
            beside = {
                "linked": linked.fetched(answer.value, store, asked(record)),
                "told": self._promises.schema(record.source, record.function),
            }
            return answer.model_copy(update=beside), True
        except GatewayUnavailable as error:
            return Answer(problem=error.what), False
        except ContentError as error:
            return Answer(problem=error.what), True


def _lacks_content(answer: Answer) -> bool:
    """A link of it was not fetched: the gateway was away then, or it leads elsewhere."""
    return any(link not in answer.linked for link in linked.links_in(answer.value))


def _with_bids(record: TaskRecord, snapshot: TaskSnapshot) -> tuple[object, ...]:
    """Bids stand only in events: one seen earlier is not lost to a later reading."""
    bids = {attempt.provider: attempt.bid for attempt in record.attempts}
    return tuple(
        attempt if attempt.bid is not None
        else attempt.model_copy(update={"bid": bids.get(attempt.provider)})
        for attempt in snapshot.attempts
    )  # fmt: skip
