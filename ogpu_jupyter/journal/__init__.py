"""Every task of this machine, in one SQLite file: written before money moves.

The signed bytes of a transaction are kept, since only they can be sent a second time
without risk; no key is.

Several kernels and threads use the file at once: it is in WAL mode, and whatever reads
before it writes does so inside one `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ogpu_jupyter.errors import NOTHING_SPENT, JournalError, UnknownName
from ogpu_jupyter.home import notebook_name
from ogpu_jupyter.tasks import (
    IN_VAIN,
    UNSENT,
    Answer,
    NetworkId,
    Reputation,
    Stage,
    TaskRecord,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)

from .batches import NO_ROW, Rows
from .decoded import Decoded
from .file import File, journal_path
from .listing import bring_up_to_date
from .reputations import reputations
from .rows import (
    LASTING,
    SELECT_TASKS,
    SELECT_TASKS_ALONE,
    SELECT_TRANSACTIONS,
    changed,
    changing_row,
    check_fields,
    insert,
    marks,
    network_text,
    read_record,
    sql_text,
    task_row,
    transaction_row,
    update,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typing_extensions import Self

__all__ = ["Journal", "journal_path"]

_T = TypeVar("_T")

_AT_ONCE: Final = 500  # values in one statement
_UNSETTLED: Final = [state for state in TransactionState if state.is_unsettled]
_IN_BLOCK: Final = [state for state in TransactionState if state.is_in_block]
_GIVEN_UP: Final = [state for state in TransactionState if state.is_given_up]

_NONCE: Final = "json_extract(record, '$.nonce')"
_KIND: Final = "json_extract(record, '$.kind')"
_FROM_NONCE: Final = f"network = ? AND account = ? AND {_NONCE} >= ?"

_NAMED: Final = 5  # of the tasks that a word may mean
_NUMBER: Final = re.compile(r"#?([0-9]{1,18})")
_HEX: Final = re.compile(r"(0x[0-9a-f]{4,64})(?:(?:…|\.{2,3})([0-9a-f]{2,64}))?")


class Journal:
    """The file at `path`; made, with mode 0600, when it isn't there.

    `owner` is this journal's sign of life: a task that was intended by an owner that is
    no more, and not yet signed, was never sent.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._file = File(path or journal_path())
        self._decoded = Decoded(self._file)

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def owner(self) -> str:
        return self._file.owner

    def atomic(self) -> AbstractContextManager[None]:
        """All that is written inside is kept together, or nothing of it."""
        return self._file.atomic()

    def close(self) -> None:
        self._file.close()

    def _run(self, statement: tuple[str, list[Any]], *more: Any) -> None:
        sql, values = statement
        self._file.rows(sql, *values, *more)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- tasks -------------------------------------------------------------------------

    def intend(self, draft: TaskRecord, *, new: bool = False) -> tuple[TaskRecord, bool]:
        """The record to go on with, and whether it is new; asked twice at once, one is new."""
        with self.atomic():
            if not new:
                self._abandon("identity = ?", draft.identity)
                earlier = self.find_same(draft)
                if earlier is not None:
                    return earlier, False
            content = NO_ROW if draft.item is None else draft.content
            return self._written(draft, content), True

    def intend_items(
        self, drafts: Sequence[TaskRecord], *, new: bool = False, taken: Collection[int] = ()
    ) -> list[tuple[TaskRecord, bool]]:
        """As `intend`, for the rows of a batch: what is the same is known by its content.

        Tasks with the numbers `taken` are other rows'. One look, under the lock in which all
        of them are written: of kernels that do so at once, one writes each row.
        """
        contents = [draft.content for draft in drafts]
        rows = Rows(self._file, self._is_dead)
        with self.atomic():
            found = [None] * len(drafts) if new else rows.matched(drafts, contents, taken)
            for key in rows.dead:
                self._give_up(key)
            return [
                (self._written(draft, content), True)
                if key is None
                else (draft.model_copy(update={"key": key}), False)
                for draft, content, key in zip(drafts, contents, found, strict=True)
            ]

    def same_items(self, drafts: Sequence[TaskRecord]) -> list[int | None]:
        """For each row of a batch the task that was published for it, each task once.

        The same content at the same place first, then at any other: rows that are put in
        between, or sorted anew, don't make the others new.
        """
        contents = [draft.content for draft in drafts]
        return Rows(self._file, self._is_dead).matched(drafts, contents, ())

    def _written(self, draft: TaskRecord, content: str) -> TaskRecord:
        notebook = draft.notebook or (notebook_name() if draft.is_own else "")
        record = draft.model_copy(update={"owner": self.owner, "notebook": notebook})
        self._run(insert("tasks", {**task_row(record), "content": content}))
        ((key,),) = self._file.rows("SELECT last_insert_rowid()")
        return record.model_copy(update={"key": key})

    def find_same(self, draft: TaskRecord) -> TaskRecord | None:
        """The task that publishing `draft` would show instead; changes nothing."""
        where = f"identity = ? AND stage NOT IN ({marks(IN_VAIN)})"
        found = self._tasks(where, draft.identity, *IN_VAIN)
        return next((record for record in found if not self._is_orphan(record)), None)

    def abandon_orphans(self, network_id: NetworkId) -> list[TaskRecord]:
        """Marks what dead kernels intended and never signed: nothing was spent on it."""
        return self._abandon("network = ?", network_text(network_id))

    def _abandon(self, where: str, value: str) -> list[TaskRecord]:
        stages = (*UNSENT, Stage.SIGNED)
        condition = f"{where} AND stage IN ({marks(stages)})"
        with self.atomic():
            orphans = [r for r in self._tasks(condition, value, *stages) if self._is_orphan(r)]
            return [self._give_up(record.key) for record in orphans]

    def _give_up(self, key: int) -> TaskRecord:
        problem = f"The kernel ended before it was sent. {NOTHING_SPENT}"
        return self.update(key, stage=Stage.ABANDONED, problem=problem)

    def _is_orphan(self, record: TaskRecord) -> bool:
        return self._is_dead(record.key, record.stage, record.owner, {})

    def _is_dead(self, key: int, stage: Stage, owner: str, alive: dict[str, bool]) -> bool:
        """Never sent, and whose kernel is no more; `alive` is what was found out of owners."""
        if not (stage.is_unsent or stage is Stage.SIGNED) or owner == self.owner:
            return False
        if owner not in alive:
            alive[owner] = self._file.locks.is_alive(owner)
        if alive[owner]:
            return False
        # One that was signed is given up only where every signature was refused.
        return stage.is_unsent or all(
            transaction.state.is_given_up for transaction in self.transactions_of(key)
        )

    def update(
        self, key: int, *, when: Collection[Stage] | None = None, **changes: Any
    ) -> TaskRecord:
        """The record with `changes`, or as it is if its stage is none of `when`."""
        check_fields(TaskRecord, changes, LASTING)
        with self.atomic():
            record = self.task(key)
            if when is not None and record.stage not in when:
                return record
            new = changed(record, changes)
            if new != record:
                statement = update("tasks", changing_row(record), changing_row(new), "key = ?")
                self._run(statement, key)
        return new

    def task(self, key: int) -> TaskRecord:
        for record in self._tasks("key = ?", key) if 0 < key < 2**63 else ():
            return record
        raise UnknownName(
            f"The journal has no task #{key}.", hint="`%ogpu tasks` lists those it has."
        )

    def by_address(self, network_id: NetworkId, address: str) -> TaskRecord | None:
        where = "network = ? AND address = ?"
        return next(iter(self._tasks(where, network_text(network_id), address.lower())), None)

    def by_hash(self, network_id: NetworkId, tx_hash: str) -> TaskRecord | None:
        """The task of a transaction, also of one that was replaced since."""
        transaction = self.transaction(network_id, tx_hash)
        where = "network = ? AND (tx_hash = ? OR key = ?)"
        key = transaction.task if transaction else None
        return next(iter(self._tasks(where, network_text(network_id), tx_hash.lower(), key)), None)

    def find(self, network_id: NetworkId | None, text: str) -> list[TaskRecord]:
        """The tasks that a person may mean by `text`, newest first.

        An address or transaction hash, its first six characters or more, or shortened as
        it is shown (`0x12ab…cd34`); a number (`#12`); the name of a variable. Their payloads
        stay here.
        """
        text = text.strip()
        if number := _NUMBER.fullmatch(text):
            return self._tasks_on(network_id, "key = ?", int(number[1]), payloads=False)
        if shape := _HEX.fullmatch(text.lower()):
            pattern = f"{shape[1]}*{shape[2] or ''}"
            where = (
                "(address GLOB ? OR tx_hash GLOB ? OR EXISTS (SELECT 1 FROM transactions AS t"
                " WHERE t.task = key AND t.hash GLOB ?))"
            )
            return self._tasks_on(network_id, where, pattern, pattern, pattern, payloads=False)
        return self._tasks_on(network_id, "name = ?", sql_text(text), payloads=False)

    def one(self, network_id: NetworkId | None, text: str) -> TaskRecord | None:
        """The task that is meant by `text`, as `find` reads it; UnknownName where several may be.

        A whole address or hash goes before one that only begins so. A name that was given
        several times is its newest task's, as the variable is; the tasks of a batch share
        theirs, and none of them is meant by it.
        """
        text = text.strip()
        found = self.find(network_id, text)
        whole = [r for r in found if text.lower() in {r.address.lower(), r.tx_hash.lower()}]
        is_start = bool(_HEX.fullmatch(text.lower()))
        if not whole and len(found) > 1 and (is_start or found[0].item is not None):
            raise _several(text, found)
        return next((self.task(record.key) for record in [*whole, *found]), None)

    def known(self, references: Sequence[str]) -> list[TaskRecord]:
        """The tasks, on any network, of these whole addresses and transactions."""
        found: dict[int, TaskRecord] = {}
        for some in _lots([text.lower() for text in references]):
            where = f"(address IN ({marks(some)}) OR tx_hash IN ({marks(some)}))"
            found.update((task.key, task) for task in self._tasks(where, *some, *some))
        return list(found.values())

    def tasks(
        self,
        network_id: NetworkId | None = None,
        *,
        account: str | None = None,
        open_only: bool = False,
        limit: int | None = None,
        payloads: bool = True,
    ) -> list[TaskRecord]:
        """Newest first; `open_only` leaves out those that nothing more can come of.

        Without `payloads` none is read, however large they are.
        """
        where, values = ["1"], list[str]()
        if account is not None:
            where.append("account = ?")
            values.append(account.lower())
        if open_only:
            final = sorted(stage for stage in Stage if stage.is_final)
            where.append(f"stage NOT IN ({marks(final)})")
            values.extend(final)
        condition = " AND ".join(where)
        return self._tasks_on(network_id, condition, *values, limit=limit, payloads=payloads)

    def ended_lately(self, network_id: NetworkId, seconds: int) -> list[TaskRecord]:
        """Those that ended on chain at most so long before it was last followed; no payloads.

        By the chain's clock. A kernel that was killed may have noted nothing of how far it
        followed: then it is so long before the last of the ends.
        """
        bring_up_to_date(self._file)
        followed = self.followed(network_id)
        network = network_text(network_id)
        if followed is None:
            sql = "SELECT max(finished_at) FROM listed WHERE network = ?"
            ((last,),) = self._file.rows(sql, network)
        else:
            last = followed[1]
        ended = "SELECT key FROM listed WHERE network = ? AND finished_at >= ?"
        where = f"address <> '' AND key IN ({ended})"
        values = (network, (last or 0) - seconds)
        found = self._tasks_on(network_id, where, *values, payloads=False)
        return [record for record in found if record.stage.is_final]

    def spent(self, network_id: NetworkId, account: str, *, since: float | None = None) -> int:
        """Wei of payments that are paid or frozen, or may be as soon as they are mined."""
        bring_up_to_date(self._file)
        skip = [stage for stage in Stage if not stage.has_cost]
        sql = (
            "SELECT wei_sum(cost) FROM listed JOIN tasks USING (key) WHERE tasks.network = ?"  # noqa: S608 - marks
            f" AND account = ? AND tasks.created_at >= ? AND tasks.stage NOT IN ({marks(skip)})"
        )
        after = float("-inf") if since is None else since
        where = (network_text(network_id), account.lower(), after, *skip)
        ((total,),) = self._file.rows(sql, *where)
        return int(total or 0)

    def tasks_of(self, keys: Sequence[int]) -> list[TaskRecord]:
        """Those with these numbers, in the order of their numbers; their payloads stay here."""
        found: dict[int, str] = {}
        for some in _lots(keys):
            sql = f"SELECT key, record FROM tasks WHERE key IN ({marks(some)})"  # noqa: S608 - marks
            found.update(self._file.rows(sql, *some))
        return [read_record(TaskRecord, found[key], key=key, payload=b"") for key in keys]

    def stages(self, keys: Sequence[int]) -> list[Stage]:
        """Each task's stage, in the order of their numbers."""
        found: dict[int, str] = {}
        for some in _lots(keys):
            sql = f"SELECT key, stage FROM tasks WHERE key IN ({marks(some)})"  # noqa: S608 - marks
            found.update(self._file.rows(sql, *some))
        return [Stage(found[key]) for key in keys]

    def payloads(
        self, network_id: NetworkId, source: str, function: str, *, limit: int, max_bytes: int
    ) -> list[bytes]:
        """What a source's function was asked by this machine, newest first; no huge ones."""
        sql = (
            "SELECT payload FROM tasks WHERE network = ? AND source = ? AND length(payload) <= ?"
            " AND json_extract(record, '$.function') = ? ORDER BY key DESC LIMIT ?"
        )
        where = (network_text(network_id), source.lower(), max_bytes, sql_text(function))
        return [payload for (payload,) in self._file.rows(sql, *where, limit)]

    def _tasks_on(
        self, network_id: NetworkId | None, where: str, *values: Any, **options: Any
    ) -> list[TaskRecord]:
        if network_id is None:
            return self._tasks(where, *values, **options)
        return self._tasks(f"network = ? AND {where}", network_text(network_id), *values, **options)

    def _tasks(
        self, where: str, *values: Any, limit: int | None = None, payloads: bool = True
    ) -> list[TaskRecord]:
        select = SELECT_TASKS if payloads else SELECT_TASKS_ALONE
        sql = f"{select} WHERE {where} ORDER BY key DESC LIMIT ?"
        rows = self._file.rows(sql, *values, -1 if limit is None else limit)
        return [
            read_record(TaskRecord, record, key=key, payload=payload)
            for key, payload, record in rows
        ]

    # -- transactions ------------------------------------------------------------------

    def sending(
        self, network_id: NetworkId, account: str, timeout: float = 60
    ) -> AbstractContextManager[None]:
        """Held by one sender of the account at a time, over all kernels and threads."""
        return self._file.locks.sending(f"{network_text(network_id)} {account.lower()}", timeout)

    def confirming(
        self, network_id: NetworkId, task: str, timeout: float
    ) -> AbstractContextManager[None]:
        """Held by one who confirms an answer of the task, over all kernels and threads."""
        return self._file.locks.confirming(f"{network_text(network_id)} {task.lower()}", timeout)

    def canceling(
        self, network_id: NetworkId, account: str, timeout: float
    ) -> AbstractContextManager[None]:
        """Held by one who cancels the account's tasks, until what he sends is written down."""
        return self._file.locks.canceling(f"{network_text(network_id)} {account.lower()}", timeout)

    def depositing(
        self, network_id: NetworkId, account: str, timeout: float
    ) -> AbstractContextManager[None]:
        """Held by one who fills the account's vault up, from the look at it to the block."""
        return self._file.locks.depositing(f"{network_text(network_id)} {account.lower()}", timeout)

    def add_transaction(self, transaction: TransactionRecord) -> None:
        """Writes it down; a publish marks its task as signed in the same step.

        So there is no moment at which a task could be taken for unsent while bytes that
        publish it exist. The same bytes again change nothing, unless they were given up.
        """
        with self.atomic():
            old = self.transaction(transaction.network_id, transaction.hash)
            if old is not None and not old.state.is_given_up:
                if old.task != transaction.task:
                    raise JournalError(f"The transaction {old.hash} is another task's.")
                return
            if transaction.kind is TransactionKind.PUBLISH and transaction.task is not None:
                self._sign(transaction.task, transaction.hash)
            self._run(insert("transactions", transaction_row(transaction)))

    def add_transactions(self, transactions: Iterable[TransactionRecord]) -> None:
        """All of them in one step, or none."""
        with self.atomic():
            for transaction in transactions:
                self.add_transaction(transaction)

    def _sign(self, key: int, tx_hash: str) -> None:
        record = self.task(key)
        if record.stage not in {*UNSENT, Stage.SIGNED, Stage.SENT}:
            raise JournalError(
                f"Task #{key} is {record.stage.value} and can't be sent again.",
                hint="Publish it anew with `--new`.",
            )
        stage = Stage.SIGNED if record.stage.is_unsent else record.stage
        self.update(key, stage=stage, tx_hash=tx_hash)

    def update_transaction(
        self, tx_hash: str, *, network_id: NetworkId, **changes: Any
    ) -> TransactionRecord:
        """Needs the network: two local chains can hold the very same bytes."""
        check_fields(TransactionRecord, changes, {"hash", "network_id", "raw"})
        with self.atomic():
            record = self.transaction(network_id, tx_hash)
            if record is None:
                raise UnknownName(f"The journal has no transaction {tx_hash}.")
            new = changed(record, changes)
            if new != record:
                rows = (transaction_row(record), transaction_row(new))
                statement = update("transactions", *rows, "network = ? AND hash = ?")
                self._run(statement, network_text(network_id), record.hash.lower())
        return new

    def transaction(self, network_id: NetworkId, tx_hash: str) -> TransactionRecord | None:
        where = "network = ? AND hash = ?"
        return next(
            iter(self._transactions(where, network_text(network_id), tx_hash.lower())), None
        )

    def transactions(
        self,
        network_id: NetworkId,
        account: str,
        *,
        unsettled_only: bool = False,
        states: Collection[TransactionState] = tuple(TransactionState),
    ) -> list[TransactionRecord]:
        """In the order of their nonces."""
        states = _UNSETTLED if unsettled_only else states
        where = f"network = ? AND account = ? AND state IN ({marks(states)})"
        found = self._transactions(where, network_text(network_id), account.lower(), *states)
        return sorted(found, key=lambda record: (record.nonce, record.created_at))

    def cancellations(self, network_id: NetworkId, account: str) -> list[TransactionRecord]:
        """Those that cancel a task, or may do so yet, the newest last."""
        return self._done(network_id, account, TransactionKind.CANCEL)

    def deposits(self, network_id: NetworkId, account: str) -> list[TransactionRecord]:
        """Those that have filled the vault, or may do so yet, the newest last."""
        return self._done(network_id, account, TransactionKind.DEPOSIT)

    def _done(
        self, network_id: NetworkId, account: str, kind: TransactionKind
    ) -> list[TransactionRecord]:
        states = (*_UNSETTLED, TransactionState.MINED)
        where = f"network = ? AND account = ? AND state IN ({marks(states)}) AND {_KIND} = ?"
        return self._transactions(where, *_account(network_id, account), *states, kind.value)

    def transactions_of(self, task: int) -> list[TransactionRecord]:
        """All that were ever signed for a task, the newest last."""
        return self._transactions("task = ?", task)

    def at_nonce(self, network_id: NetworkId, account: str, nonce: int) -> list[TransactionRecord]:
        """All that were ever signed with this nonce, the newest last."""
        where = f"network = ? AND account = ? AND {_NONCE} = ?"
        return self._transactions(where, *_account(network_id, account), nonce)

    def refused(self, network_id: NetworkId, account: str) -> list[TransactionRecord]:
        """Those whose nonces no other transaction has that is mined or may be."""
        live = f"state NOT IN ({marks(_GIVEN_UP)})"
        where = (
            f"network = ? AND account = ? AND state = ? AND {_NONCE} NOT IN ("  # noqa: S608 - ours
            f"SELECT {_NONCE} FROM transactions WHERE network = ? AND account = ? AND {live})"
        )
        of_account = _account(network_id, account)
        refused = TransactionState.REFUSED.value
        return self._transactions(where, *of_account, refused, *of_account, *_GIVEN_UP)

    def mined_since(
        self, network_id: NetworkId, account: str, nonce: int
    ) -> list[TransactionRecord]:
        """Those in blocks, as far as was seen, from this nonce on."""
        where = f"{_FROM_NONCE} AND state IN ({marks(_IN_BLOCK)})"
        return self._transactions(where, *_account(network_id, account), nonce, *_IN_BLOCK)

    def nonces(self, network_id: NetworkId, account: str, nonce: int) -> set[int]:
        """From this one on, those that a transaction has that is mined or may be."""
        sql = (
            f"SELECT {_NONCE} FROM transactions WHERE {_FROM_NONCE}"  # noqa: S608 - ours
            f" AND state NOT IN ({marks(_GIVEN_UP)})"
        )
        rows = self._file.rows(sql, *_account(network_id, account), nonce, *_GIVEN_UP)
        return {number for (number,) in rows}

    def _transactions(self, where: str, *values: Any) -> list[TransactionRecord]:
        rows = self._file.rows(f"{SELECT_TRANSACTIONS} WHERE {where} ORDER BY rowid", *values)
        return [read_record(TransactionRecord, record, raw=raw) for raw, record in rows]

    # -- answers and names -------------------------------------------------------------

    def put_answer(self, task_key: int, response: str, answer: Answer) -> None:
        """A problem never takes the place of an answer that is here."""
        try:
            text = json.dumps(answer.model_dump())
        except (TypeError, ValueError, RecursionError) as error:
            raise JournalError(f"The answer of task #{task_key} can't be kept: {error}.") from None
        self._file.rows(
            "INSERT INTO answers (task, response, answer, problem) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (task, response)"
            " DO UPDATE SET answer = excluded.answer, problem = excluded.problem"
            " WHERE excluded.problem = '' OR answers.problem <> ''",
            *(task_key, response, text, sql_text(answer.problem)),
        )
        self._decoded.forget(task_key)

    def answers(self, task_key: int) -> dict[str, Answer]:
        """By the response's address: the same objects until they change, not to be changed here."""
        return self._decoded.of(task_key)

    def reputations(
        self, network_id: NetworkId, providers: Sequence[str], *, besides: int = 0
    ) -> dict[str, Reputation]:
        """What is known of each provider here, from its newest tasks other than `besides`."""
        return reputations(self._file, network_id, providers, besides)

    # -- how far the chain was followed ------------------------------------------------

    def follow_to(self, network_id: NetworkId, block: int, timestamp: int) -> None:
        """The open tasks were followed up to this block, of that time."""
        self._file.rows(
            "INSERT INTO followed (network, block, timestamp) VALUES (?, ?, ?)"
            " ON CONFLICT (network) DO UPDATE SET block = excluded.block,"
            " timestamp = excluded.timestamp",
            *(network_text(network_id), block, timestamp),
        )

    def followed(self, network_id: NetworkId) -> tuple[int, int] | None:
        """The block and its time; None where this network was never followed."""
        sql = "SELECT block, timestamp FROM followed WHERE network = ?"
        return next(iter(self._file.rows(sql, network_text(network_id))), None)

    def name_source(self, network_id: NetworkId, name: str, address: str) -> None:
        self._file.rows(
            "INSERT INTO sources (network, name, address) VALUES (?, ?, ?)"
            " ON CONFLICT (network, name) DO UPDATE SET address = excluded.address",
            *(network_text(network_id), sql_text(name), address),
        )

    def source_names(self, network_id: NetworkId) -> dict[str, str]:
        sql = "SELECT name, address FROM sources WHERE network = ? ORDER BY name"
        return dict(self._file.rows(sql, network_text(network_id)))


def _lots(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """As many at once as one statement may name."""
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _account(network_id: NetworkId, account: str) -> tuple[str, str]:
    return network_text(network_id), account.lower()


def _several(text: str, found: Sequence[TaskRecord]) -> UnknownName:
    lines = [
        f"  #{r.key} {r.address or r.tx_hash or 'not sent'}: {r.function[:40]}, {r.stage.value}"
        for r in found[:_NAMED]
    ]
    more = len(found) - len(lines)
    lines += [f"  and {more:,} more"] if more else []
    return UnknownName(
        f"{text!r} may be any of {len(found):,} tasks:\n" + "\n".join(lines),
        hint=f"Type more of its address, or its number: `#{found[0].key}`.",
    )
