"""One network, one account, one journal: everything that a magic does is one call of it.

The chain is followed by one thread a session, whatever the number of tasks.
"""

from __future__ import annotations

import atexit
import difflib
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, ref

from . import display, publishing
from .batch import Batch
from .chain.client import Balances, Client
from .chain.contracts import checksum
from .chain.events import Follower
from .chain.snapshots import snapshots
from .choosing import Chooser, Rule, once
from .content import Cache, HttpContentStore, decode_json
from .errors import (
    NOTHING_SPENT,
    AddressError,
    Interrupted,
    OgpuError,
    Reverted,
    TaskError,
    Unclear,
    UnknownName,
    unspent,
)
from .following import Keeper
from .handle import Task
from .histories import History, history
from .home import data_home
from .jobs import Gate, uncut
from .journal import Journal, journal_path
from .publishing import ManyPlan, Plan, Wish
from .reclaiming import Canceler, Reclaim, ReclaimPlan
from .render import ReclaimInfo, StatusInfo
from .render.drawing import ROOM
from .sending import Sender
from .shipping import PART, Shipment
from .spending import Ask, Hold, Limits, Purses
from .tasks import (
    UNSENT,
    Answer,
    Complexity,
    Decision,
    NetworkId,
    Reputation,
    Response,
    SourceRecord,
    Stage,
    TaskInfo,
    TaskRecord,
    TaskSnapshot,
    TransactionKind,
    TransactionRecord,
    TransactionState,
    stage_of,
)
from .units import Amount, format_amount, parse_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
    from pathlib import Path

    from web3 import Web3

    from . import localnet
    from .chain.networks import Network
    from .chain.transactions import Head, Order, Signer
    from .chain.w3 import Contracts
    from .stated import Stated

_ROUND_TRIP_SECONDS = 60.0
_ADDRESS_LENGTH = 42  # with its 0x
_MANY_SECONDS = 600.0
_TURN_SECONDS = 150.0  # that others may take who deposit first


class Session:
    """One network, one account, one journal. `closed` ones follow nothing any more."""

    def __init__(
        self,
        network: Network,
        signer: Signer,
        journal: Journal,
        local: localnet.LocalNet | None = None,
        purses: Purses | None = None,
    ) -> None:
        self.network = network
        self.account = signer.address
        self.journal = journal
        self.localnet = local
        self.room = ROOM
        self.trouble = ""
        self.closed = False
        cache = Cache(data_home() / "content")
        self._store = HttpContentStore(network.pin_url, network.gateway_url, cache)
        self.client = Client(network, self._store)
        self.network_id = self._identified()
        self._purse = (purses or Purses()).of(network, self.network_id, self.account)
        self._tasks: WeakValueDictionary[int, Task] = WeakValueDictionary()
        self._batches: tuple[ref[Batch], ...] = ()
        self._news = threading.Condition()
        self._sender = Sender(self.client, journal, self.network_id, signer)
        self._canceler = Canceler(self.client, journal, self._sender, self.network_id, self.account)
        self._keeper = Keeper(
            self.client,
            journal,
            self.network_id,
            self._sender,
            changed=self._changed,
            settled=self._settled,
            troubled=self._troubled,
        )
        self._follower = Follower(
            self.client.rpc, network, self._keeper, genesis=self.network_id.genesis
        )
        self._keeper.attach(self._follower)
        self._catch_up()
        self._follower.start()
        atexit.register(self.close)

    def _identified(self) -> NetworkId:
        try:
            return self.client.identify()
        except OgpuError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        self.client.close()
        self._store.close()

    def __repr__(self) -> str:
        return f"<Session {self.network.name} (chain {self.network.chain_id}), {self.account}>"

    def serves(self, network: Network, account: str, journal: Path | None) -> bool:
        """It is open, and connected to just this."""
        path = journal or journal_path()
        mine = (self.network, self.account, self.journal.path)
        return not self.closed and mine == (network, account, path)

    def close(self) -> None:
        """Stop following. The tasks go on; the next session finds them."""
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)
        self._follower.stop()
        self._keeper.note()
        self._disconnect()
        for handle in list(self._tasks.values()):
            handle.renew()
        self._tell_batches(None)

    # The chain in web3's words

    @cached_property
    def w3(self) -> Web3:
        """A ready `Web3` on this session's nodes, calling as its account.

        It holds no key. What is sent through it is not in the journal, and no cap counts it.
        """
        from .chain.w3 import web3_on  # noqa: PLC0415 - web3 is heavy

        return web3_on(self.client.rpc, self.account)

    @cached_property
    def contracts(self) -> Contracts:
        """web3's `Contract` objects: `nexus`, `controller`, `vault`, `terminal`, and
        `source(address)`, `task(address)`, `response(address)`.
        """
        from .chain.w3 import Contracts  # noqa: PLC0415 - as above

        return Contracts(self.w3, self.network)

    # Publishing

    @cached_property
    def _stated(self) -> Stated:
        from .stated import Stated  # noqa: PLC0415 - forms are needed to publish only

        return Stated(self._store, self.localnet.services if self.localnet else {})

    @property
    def limits(self) -> Limits:
        """The caps; set others to change them, until a `%config` of one changes that one."""
        return self._purse.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._purse.limits = limits

    @property
    def spent(self) -> int:
        """Wei that this kernel has put into this account's tasks here, and not got back."""
        return self._purse.spent

    def check_spending(self, payment: int, *, number: int = 1) -> None:
        """`OverBudget` where so many payments are more than the caps leave."""
        self._purse.check(payment, number=number)

    def publish(
        self,
        source: object,
        function: str,
        data: Any,
        *,
        pay: Amount | None = None,
        expires: publishing.Expiry | None = None,
        complexity: Complexity | str | None = None,
        name: str = "task",
        new: bool = False,
        extras: Mapping[str, Any] | None = None,
        item: int | None = None,
        timeout: float = _ROUND_TRIP_SECONDS,
        unchecked: bool = False,
        yes: bool = False,
        ask: Ask | None = None,
    ) -> Task:
        """Publish a task, once: the same task as before is shown again, unless `new`.

        `source` is an address or a name; `data` a dict or a pydantic model; `pay` OGPU, or
        text with a unit; `expires` a duration such as `"10m"`, a `timedelta`, or a time.
        Returns when the transaction is out; after `timeout` seconds nothing is sent any
        more. `name` is part of what makes two tasks the same. Four HTTP requests, and one
        to the gateway for what a source says of itself, the first time. By that function
        and data are checked, unless `unchecked`.
        """
        wish = self._wish(
            source,
            function,
            data,
            pay=pay,
            expires=expires,
            complexity=complexity,
            name=name,
            extras=extras,
            item=item,
        )
        wish = replace(wish, unchecked=unchecked)
        return self._publish(wish, new=new, timeout=timeout, yes=yes, ask=ask)

    def publish_info(
        self,
        task_info: Any,
        *,
        name: str = "task",
        new: bool = False,
        timeout: float = _ROUND_TRIP_SECONDS,
        unchecked: bool = False,
        yes: bool = False,
        ask: Ask | None = None,
    ) -> Task:
        """Publish an order in the SDK's words: `payment` in wei, `expiryTime` in unix seconds."""
        info = TaskInfo.of(task_info)
        address, source_name = self._source(info.source)
        wish = Wish(
            address, source_name, info.config, info.payment, info.expiryTime, None, name, None
        )
        wish = replace(wish, unchecked=unchecked)
        return self._publish(wish, new=new, timeout=timeout, yes=yes, ask=ask)

    def publish_many(
        self,
        source: object,
        function: str,
        items: Iterable[Any],
        *,
        pay: Amount | None = None,
        expires: publishing.Expiry | None = None,
        complexity: Complexity | str | None = None,
        name: str | None = None,
        new: bool = False,
        extras: Mapping[str, Any] | None = None,
        timeout: float = _MANY_SECONDS,
        unchecked: bool = False,
        yes: bool = False,
        ask: Ask | None = None,
    ) -> Batch:
        """Publish a task for each of `items`, once: run again, only what is missing is sent.

        An item is the same by its content, so rows may be added or sorted anew. Everything
        is checked, and the total told, before anything is spent. `pay` is for each item.
        One that fails stops no other: what was never sent is in `Batch.results`, and the
        error is raised only where nothing could be sent at all. After `timeout` seconds
        nothing is sent any more.
        """
        address, source_name = self._source(source)
        fields = publishing.as_input(function, {}, dict(extras or {}))
        payment = None if pay is None else parse_amount(pay)
        guidance = publishing.as_complexity(complexity)
        first = Wish(address, source_name, fields, payment, expires, guidance, name or "batch")
        first = replace(first, unchecked=unchecked)
        wishes = publishing.wishes(first, function, items, dict(extras or {}))
        return self._publish_many(wishes, new=new, timeout=timeout, yes=yes, ask=ask)

    def plan(
        self,
        source: object,
        function: str,
        data: Any,
        *,
        pay: Amount | None = None,
        expires: publishing.Expiry | None = None,
        complexity: Complexity | str | None = None,
        name: str = "task",
        extras: Mapping[str, Any] | None = None,
        item: int | None = None,
        unchecked: bool = False,
    ) -> Plan:
        """What `publish` would send, checked, simulated and priced; nothing is sent."""
        wish = self._wish(
            source,
            function,
            data,
            pay=pay,
            expires=expires,
            complexity=complexity,
            name=name,
            extras=extras,
            item=item,
        )
        wish = replace(wish, unchecked=unchecked)
        draft = wish.draft(self.client, self.network_id, self.account)
        with unspent():
            found = self._plan(wish, draft)
            return replace(found, earlier=self.journal.find_same(draft))

    def _wish(
        self,
        source: object,
        function: str,
        data: Any,
        *,
        pay: Amount | None,
        expires: publishing.Expiry | None,
        complexity: Complexity | str | None,
        name: str,
        extras: Mapping[str, Any] | None,
        item: int | None,
    ) -> Wish:
        address, source_name = self._source(source)
        task_input = publishing.as_input(function, data, dict(extras or {}))
        payment = None if pay is None else parse_amount(pay)
        guidance = publishing.as_complexity(complexity)
        return Wish(address, source_name, task_input, payment, expires, guidance, name, item)

    def _plan(self, wish: Wish, draft: TaskRecord) -> Plan:
        look = self.client.look(draft.source, self.account)
        unread = "" if wish.unchecked else self._stated.check(look.source, [draft])
        plan = publishing.plan(self.client, publishing.settle(wish, draft, look), look)
        return replace(plan, unread=unread)

    def _publish(
        self, wish: Wish, *, new: bool, timeout: float, yes: bool, ask: Ask | None
    ) -> Task:
        draft = wish.draft(self.client, self.network_id, self.account)
        same = None if new else self.journal.find_same(draft)
        if same is not None:
            return self._handle(same, earlier=True)
        gate = Gate(timeout)
        with unspent():
            plan = uncut(lambda: self._plan(wish, draft), gate, _interruption)
        payment = plan.payment
        self.check_spending(payment)
        if plan.unread:
            display.Line(plan.unread)
        self.limits.agree(f"Pay {format_amount(payment)}?", yes=yes, ask=ask)
        hold = self._purse.hold(payment)
        try:
            return uncut(lambda: self._send_task(plan, gate, hold, new=new), gate, _interruption)
        except Interrupted as interrupted:
            if interrupted.task is None:
                self._abandon(draft)
                hold.release()  # the upload may go on for a while; nothing leaves after it
            raise

    def _send_task(self, plan: Plan, gate: Gate, hold: Hold, *, new: bool) -> Task:
        with hold:
            record, fresh = self.journal.intend(plan.record, new=new)
            if not fresh:
                return self._handle(record, earlier=True)
            try:
                sent = self._pay(plan, record, gate)
            except BaseException as error:
                if left := self._sender.may_have_left(record.key):
                    self._left(hold, [left])
                else:
                    self._give_up(record.key, error)
                raise
            self._left(hold, [sent])
        return self._handle(self.journal.task(record.key))

    def _pay(self, plan: Plan, record: TaskRecord, gate: Gate) -> TransactionRecord:
        gate.check()
        url = self.client.store.put(record.payload, timeout=gate.seconds_left)
        self.journal.update(record.key, when={Stage.INTENDED}, stage=Stage.UPLOADED, config_url=url)
        order, quote = plan.order, plan.quote
        if url != plan.config_url:
            order = self.client.publish_order(record.source, url, record.expires_at, record.payment)
            quote = self.client.quote(self.account, order)
        return self._sender.send(order, quote, TransactionKind.PUBLISH, gate=gate, task=record.key)

    def _publish_many(
        self, wishes: list[Wish], *, new: bool, timeout: float, yes: bool, ask: Ask | None
    ) -> Batch:
        gate = Gate(timeout)
        drafts = [wish.draft(self.client, self.network_id, self.account) for wish in wishes]
        found = [None] * len(drafts) if new else self.journal.same_items(drafts)
        places = [place for place, key in enumerate(found) if key is None]
        keys = [key or 0 for key in found]
        taken = frozenset(keys)
        if not places:
            return self._batch(keys, keys)
        wishes, drafts = [wishes[p] for p in places], [drafts[p] for p in places]
        plan = uncut(lambda: self._plan_many(wishes, drafts), gate, _interruption)
        self.check_spending(plan.payment, number=len(places))
        if plan.unread:
            display.Line(plan.unread)
        self.limits.agree(f"Publish {plan}?", yes=yes, ask=ask)
        line = display.Line(f"Publishing {plan}.")
        hold = self._purse.hold(plan.payment, number=len(places))
        sent = partial(self._left, hold)
        told = lambda progress: line.say(f"Publishing {plan}. {progress}")  # noqa: E731
        shipment = Shipment(self.client, self.journal, self._sender, gate, sent=sent, told=told)

        ended = threading.Event()

        def work() -> None:
            try:
                with hold:
                    records = shipment.intend(plan.records, new=new, taken=taken)
                    for place, record in zip(places, records, strict=True):
                        keys[place] = record.key
                    self._ship(shipment, wishes, records, plan)
            finally:
                ended.set()
                line.say(plan.outcome(shipment.taken), last=True)

        def told_of(_: object) -> Interrupted:
            return self._many_interrupted(keys, shipment, has_ended=ended.is_set())

        try:
            uncut(work, gate, told_of)
        except Interrupted as interrupted:
            if not interrupted.task:
                hold.release()  # as above
            raise
        if len(shipment.errors) == len(keys):
            raise shipment.errors[keys[0]]
        return self._batch(keys, set(keys) - shipment.fresh)

    def _plan_many(self, wishes: list[Wish], drafts: list[TaskRecord]) -> ManyPlan:
        look = self.client.look(drafts[0].source, self.account)
        unread = "" if wishes[0].unchecked else self._stated.check(look.source, drafts)
        plan = publishing.plan_many(self.client, wishes, drafts, look)
        return replace(plan, unread=unread)

    def _ship(
        self,
        shipment: Shipment,
        wishes: list[Wish],
        records: list[TaskRecord],
        plan: ManyPlan,
    ) -> None:
        """A part at a time; the later ones expire as long after now as the first."""
        for start in range(0, len(records), PART):
            some = records[start : start + PART]
            if start:
                some = self._priced_anew(wishes[start : start + PART], some)
            shipment.ship(some, plan.quote)

    def _priced_anew(self, wishes: list[Wish], records: list[TaskRecord]) -> list[TaskRecord]:
        """As they were where that can't be told now: whoever sends them will say why."""
        try:
            look = self.client.look(records[0].source, self.account)
            ends = [publishing.settle(*each, look) for each in zip(wishes, records, strict=True)]
        except OgpuError:
            return records
        return [
            record.model_copy(update={"expires_at": end.expires_at})
            for record, end in zip(records, ends, strict=True)
        ]

    def _batch(self, keys: Sequence[int], earlier: Collection[int]) -> Batch:
        batch = Batch(self, keys, earlier)
        self._await_earlier(frozenset(earlier))
        with self._news:
            alive = [known for known in self._batches if known() is not None]
            self._batches = (*alive, ref(batch))
        return batch

    def _await_earlier(self, keys: Collection[int]) -> None:
        """What another kernel sent is seen to its end here too: that one may be dead."""
        if keys:
            for transaction in self.journal.transactions(
                self.network_id, self.account, unsettled_only=True
            ):
                if transaction.task in keys:
                    self._await(transaction)
            self._keeper.follow(self.journal.tasks_of([key for key in keys if key]))

    def _left(self, hold: Hold, transactions: Sequence[TransactionRecord]) -> None:
        """They are out, or may be: what came of them is followed."""
        for transaction in transactions:
            record = self.journal.task(transaction.task or 0)
            hold.spend(_cost(record), self._counted_as(record.key))
        self._follow_sent(transactions)

    def _counted_as(self, key: int) -> Hashable:
        """What the purse knows a task by: it may be asked from several journals."""
        return self.journal.path, key

    def _many_interrupted(
        self, keys: list[int], shipment: Shipment, *, has_ended: bool
    ) -> Interrupted:
        """What was not sent is given up, so that running the cell again finds it missing.

        Its worker `has_ended`, unless something hangs: then what is signed may have left.
        """
        shipment.abandon()
        fresh = [key for key in keys if key in shipment.fresh]
        out = [r for r in self.journal.tasks_of(fresh) if r.stage.has_cost]
        if not out or not all(keys):
            return Interrupted("Interrupted before anything was sent.")
        held = format_amount(sum(record.cost for record in out))
        again = "Run the cell again to send the others; `%ogpu tasks` shows what there is."
        batch = self._batch(keys, set(keys) - shipment.fresh)
        if not has_ended:
            return Interrupted(
                f"Interrupted while {len(fresh):,} tasks were being sent: "
                f"at most {len(out):,} of them are out, and those go on.",
                task=batch,
                spent=f"At most {held} is paid or held in escrow for them.",
                hint=again,
            )
        return Interrupted(
            f"Interrupted after {len(out):,} of {len(fresh):,} tasks were sent: those go on.",
            task=batch,
            spent=f"{held} is paid or held in escrow for them.",
            hint=again,
        )

    def _abandon(self, draft: TaskRecord) -> None:
        """So that running the cell again at once finds nothing under way."""
        same = self.journal.find_same(draft)
        if same is not None and same.owner == self.journal.owner:
            problem = f"It was interrupted before anything was sent. {NOTHING_SPENT}"
            self.journal.update(same.key, when=UNSENT, stage=Stage.ABANDONED, problem=problem)

    def _give_up(self, key: int, error: BaseException) -> None:
        """Nothing left the machine."""
        problem = type(error).__name__
        if isinstance(error, OgpuError):
            problem, error.spent = error.what, error.spent or NOTHING_SPENT
        self.journal.update(key, stage=Stage.ABANDONED, problem=f"{problem} {NOTHING_SPENT}")

    # Money

    def balance(self) -> Balances:
        """What the account and its vault hold, in wei."""
        return self.client.balances(self.account)

    def deposit(
        self, amount: Amount, *, if_below: Amount | None = None
    ) -> TransactionRecord | None:
        """Move OGPU from the account into the vault; returns when that is in a block.

        With `if_below`, only where the vault holds less than that; None when it doesn't.
        Of those who ask so at once, in any kernel, one looks after the other has deposited,
        and what was sent before and is in no block yet is waited for.
        """
        wei = parse_amount(amount)
        order = self.client.deposit_order(self.account, wei)
        note = f"Deposited {format_amount(wei)}."
        if if_below is None:
            return self._transact(order, TransactionKind.DEPOSIT, note)
        least = parse_amount(if_below)
        with ExitStack() as held:
            try:
                held.enter_context(
                    self.journal.depositing(self.network_id, self.account, _TURN_SECONDS)
                )
                with unspent():
                    if self._settled_vault() >= least:
                        return None
            except KeyboardInterrupt:
                raise Interrupted(
                    "Interrupted while another deposit was waited for: this one was not sent."
                ) from None
            return self._transact(order, TransactionKind.DEPOSIT, note)

    def _settled_vault(self) -> int:
        """What the vault holds, with all that was ever sent to it; Unclear where that is open."""
        for transaction in self.journal.deposits(self.network_id, self.account):
            if transaction.state.is_unsettled:
                with suppress(Reverted):
                    self._settle(transaction)
        deposits = self.journal.deposits(self.network_id, self.account)
        return self.client.vault_at(self.account, max((t.block or 0 for t in deposits), default=0))

    def withdraw(self, amount: Amount) -> TransactionRecord:
        """Move OGPU from the vault back into the account; returns when that is in a block."""
        wei = parse_amount(amount)
        order = self.client.withdraw_order(wei)
        return self._transact(order, TransactionKind.WITHDRAW, f"Withdrew {format_amount(wei)}.")

    def status(self) -> StatusInfo:
        """Network, block, account, balances, what was spent, and the tasks under way."""
        balances = self.balance()
        open_ones = self._open()
        late = [task for task in open_ones if task.stage is Stage.LATE]
        return StatusInfo(
            network=self.network.name,
            chain_id=self.network.chain_id,
            block=self.client.head().number,
            account=self.account,
            wallet=balances.wallet,
            vault=balances.vault,
            spent=self.journal.spent(self.network_id, self.account),
            live=len(open_ones) - len(late),
            late=len(late),
            late_held=sum(task.payment for task in late),
            batch_limit=self.client.rpc.batch_limit,
        )

    # Sources

    def source(self, source: object) -> SourceRecord:
        """A source as the chain has it, by its address or name."""
        return self.client.source(self._source(source)[0])

    def sources(self) -> list[SourceRecord]:
        """The newest sources of the network."""
        return self.client.sources()

    def use(self, source: object, name: str) -> SourceRecord:
        """Have `name` stand for a source from now on, in every notebook on this network."""
        record = self.source(source)
        if not name.isidentifier():
            raise UnknownName(f"{name!r} can't be a name: use letters, digits and `_`.")
        self.journal.name_source(self.network_id, name, record.address)
        return record

    def names(self) -> dict[str, str]:
        """The names that stand for sources here: the local services', and those given by `use`."""
        local = dict(self.localnet.services) if self.localnet else {}
        return local | self.journal.source_names(self.network_id)

    def find_source(self, source: object) -> tuple[str, str]:
        """Address and name of what a person calls a source; UnknownName where there is none."""
        return self._source(source)

    def _source(self, source: object) -> tuple[str, str]:
        """Address and name of what a person calls a source."""
        text = str(getattr(source, "address", source)).strip()
        names = self.names()
        if text in names:
            return checksum(names[text]), text
        if text.lower().startswith("0x"):
            address = checksum(text)
            return address, next((n for n, a in names.items() if a == address), "")
        near = difflib.get_close_matches(text, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Type `%ogpu sources` to see them all."
        raise UnknownName(f"There is no source {text!r} on {self.network.name}.", hint=hint)

    # Tasks

    def task(self, reference: object) -> Task:
        """A task by its handle, address, transaction, name, `#number`, or the start of one."""
        if isinstance(reference, Task):
            return reference
        text = str(getattr(reference, "address", reference)).strip()
        found = self.journal.one(self.network_id, text)
        if found is not None:
            self._keeper.follow([found])  # another kernel may have published it
            self._keeper.retry(found, lasting=True)
            return self._handle(found)
        if len(text) == _ADDRESS_LENGTH and text.lower().startswith("0x"):
            return self._handle(self._adopt(checksum(text)))
        raise UnknownName(
            f"There is no task {text!r} in the journal of {self.network.name}.",
            hint="Type `%ogpu tasks` to see them, or a task's whole address.",
        )

    def tasks(self, *, open_only: bool = False) -> list[Task]:
        """This account's tasks on this network, over all notebooks, newest first."""
        records = self.journal.tasks(self.network_id, account=self.account, open_only=open_only)
        self._keeper.follow(records)  # another kernel may have published them
        return [self._handle(record) for record in records]

    def under_way(self) -> list[Task]:
        """Those of which something is still to come by itself."""
        found = [record for record in self._open() if not record.stage.is_over]
        return [self._handle(self.journal.task(record.key)) for record in found]

    def _open(self) -> list[TaskRecord]:
        """The account's tasks of which more can come, followed; their payloads stay there."""
        records = self.journal.tasks(
            self.network_id, account=self.account, open_only=True, payloads=False
        )
        self._keeper.follow(records)  # another kernel may have published them
        return records

    def history(self, **filters: Any) -> History:
        """The journal's tasks on this network: `ogpu_jupyter.history` tells the filters."""
        return history(self.journal.path, lambda: self, self.network_id, **filters)

    def snapshots(self, tasks: Iterable[object]) -> list[TaskSnapshot]:
        """The state of any tasks, also strangers', all read at one block; mostly one request.

        `tasks` are addresses or handles. One that can't be read is an error that names it;
        `ogpu_jupyter.chain.snapshots.snapshots` gives those in their place, beside the rest.
        """
        addresses = [str(getattr(task, "address", task)).strip() for task in tasks]
        found: list[TaskSnapshot] = []
        for snapshot in snapshots(self.client.rpc, addresses):
            if isinstance(snapshot, OgpuError):
                raise snapshot
            found.append(snapshot)
        return found

    def responses(self, tasks: Iterable[object]) -> list[list[Response]]:
        """The responses of any tasks, a list for each, all read at one block."""
        return [list(snapshot.responses) for snapshot in self.snapshots(tasks)]

    def confirm(self, target: object, *, decision: Decision | None = None) -> TransactionRecord:
        """Pay a response, or a task's only one; returns when that is in a block.

        `decision` is why, for the journal. One confirmation of a task is under way at a time.
        """
        response = self._response(target)
        order = self.client.confirm_order(response)
        note = f"Confirmed the response {response}."
        with once(self.journal, self.network_id, self.account, response, self._settle) as keys:
            for key in keys:
                self._changed(self.journal.update(key, decision=decision))
            done = self._paid(response, keys, order, note)
            try:
                self._until(lambda: all(self.journal.task(key).confirmed for key in keys))
            except KeyboardInterrupt:
                raise _interruption(done) from None
        return done

    def _paid(
        self, response: str, keys: Sequence[int], order: Order, note: str
    ) -> TransactionRecord:
        """A bid counts, unless its task's payment was counted when this kernel published it."""
        bid = self._bid(response, keys)
        task = self._counted_as(keys[0]) if keys else (self.network_id, response)
        with self._purse.hold(bid, task=task) as hold:
            before = self._purse.counted(task)
            left = lambda: hold.spend(max(bid, before), task)  # noqa: E731
            try:
                return self._transact(order, TransactionKind.CONFIRM, note, left)
            except Reverted:
                if not before:
                    self._purse.forget(task)
                raise

    def _bid(self, response: str, keys: Sequence[int]) -> int:
        """Wei that confirming it pays: never more than what is frozen for the task."""
        for record in self.journal.tasks_of(keys):
            bid = next(r.payment for r in record.responses if r.address == response)
            return min(bid, record.payment)
        with unspent():
            return self.client.bid(response)

    def confirm_by(
        self,
        target: object,
        strategy: str,
        *,
        score: Callable[[Any], Any] | None = None,
        accept: Callable[[Any], Any] | None = None,
        agree: int | None = None,
        within: float | str | None = None,
        auto: bool = False,
    ) -> TransactionRecord | Chooser:
        """Pay the response that the strategy chooses: first, cheapest, score, or agree.

        `score` gives a decoded answer a number, and the highest wins; `accept` says whether
        it may be chosen at all; `agree` (2) is how many answers must be equal. It chooses
        among what is here now; with `auto` as answers come, while this kernel lives, and at
        the latest `within` that time or shortly before the task expires.
        """
        rule = Rule.of(strategy, score=score, accept=accept, agree=agree, within=within)
        task = self.task(target)
        expected = self._providers_of(task.source) if auto else None
        chosen: TransactionRecord | Chooser = task.choose_by(rule, auto=auto, expected=expected)
        return chosen

    def _providers_of(self, source: str) -> int | None:
        """How many are registered; None where that can't be read now."""
        try:
            return self.source(source).provider_count
        except OgpuError:
            return None

    def refresh(self, record: TaskRecord) -> None:
        """Read the task from the chain now."""
        if record.address:
            depth = self._follower.depth
            block = max(0, self.client.head().number - depth) if depth else None
            (found,) = snapshots(self.client.rpc, [record.address], block=block)
            if isinstance(found, OgpuError):
                raise found
            self._keeper.on_snapshots([found])

    def reputations(self, key: int, providers: Sequence[str]) -> dict[str, Reputation]:
        """What this journal knows of the providers, from tasks other than that one."""
        return self.journal.reputations(self.network_id, providers, besides=key)

    def _settle(self, transaction: TransactionRecord) -> TransactionRecord:
        """Wait for the fate of a transaction that was sent before."""
        self._await(transaction)
        return self._mined(transaction)

    def cancel(self, target: object) -> TransactionRecord:
        """Take back a task that no provider has yet; returns when that is in a block."""
        task = self.task(target)
        if not task.address:
            raise TaskError(
                f"The task is {task.stage.value}: only one that is published can be canceled.",
                task=task.record.reference,
                spent=NOTHING_SPENT,
            )
        done = self._sent_and_mined(lambda gate: self._canceler.cancel(task.address, gate))
        self._until(lambda: task.stage.is_final)
        return done

    def reclaim(self, *, yes: bool = False, ask: Ask | None = None) -> ReclaimInfo:
        """Cancel all late tasks that can be canceled; returns when that is in blocks.

        A late task is one whose time is over while its payment is still held. The chain is
        asked of each: one that it doesn't let go is told with the reason, and stops no other.
        """
        gate = Gate(_MANY_SECONDS)

        def look() -> ReclaimPlan:
            with unspent():
                return self._canceler.plan(self._late_now())

        plan = uncut(look, gate, _interruption)
        work = Reclaim(self._canceler, plan)
        line = None
        if plan.records:
            self.limits.agree(f"Cancel {plan}?", yes=yes, ask=ask)
            line = display.Line(f"Canceling {plan}.")

        def send() -> None:
            self._follow_sent(work.send(gate))

        try:
            uncut(send, gate, lambda _: work.interrupted())
            work.wait(self._until, lambda said: line.say(said) if line else None)
            keys = [record.key for record in plan.records]
            self._until(lambda: Stage.LATE not in self.journal.stages(keys))
        except KeyboardInterrupt:
            raise work.interrupted() from None
        found = work.result(self.journal.tasks_of([record.key for record in plan.late]))
        if line:
            line.say(found.said, last=True)
        return found

    def _late_now(self) -> list[TaskRecord]:
        """The account's late tasks, after another look at the chain."""
        late = [record for record in self._open() if record.stage is Stage.LATE]
        found, _ = self._read_deep([record.address for record in late], self.client.head())
        self._keeper.on_snapshots(found)
        records = self.journal.tasks_of([record.key for record in late])
        return [record for record in records if record.stage is Stage.LATE]

    def _follow_sent(self, transactions: Sequence[TransactionRecord]) -> None:
        for transaction in transactions:
            self._keeper.await_transaction(transaction)
        self._follower.await_receipt(*(transaction.hash for transaction in transactions))
        self._follower.poke()

    def wait(self, *tasks: object, timeout: float | None = None) -> list[Task]:
        """Block until each is final or awaits a choice; by default all that are under way."""
        handles = [self.task(task) for task in tasks] or self.under_way()
        deadline = None if timeout is None else time.monotonic() + timeout
        for handle in handles:
            handle.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return handles

    def answers(self, record: TaskRecord) -> dict[str, Answer]:
        """What has arrived of a task's responses."""
        return self._keeper.answers(record)

    def retry_answers(self, record: TaskRecord) -> None:
        """Fetch again what the gateway did not deliver."""
        self._keeper.retry(record)

    def chain_time(self) -> float:
        """Unix seconds now, on the chain's clock."""
        return self._follower.chain_time()

    def _response(self, target: object) -> str:
        """The address of the response that is meant by itself, or by its task."""
        if isinstance(target, Task):
            return target.choose(None)
        text = str(getattr(target, "address", target)).strip()
        found = self.journal.one(self.network_id, text)
        if found is not None:
            return self._handle(found).choose(None)
        if len(text) == _ADDRESS_LENGTH and text.lower().startswith("0x"):
            return checksum(text)
        raise UnknownName(
            f"There is no task {text!r} in the journal of {self.network.name}, and it is not the "
            "address of a response.",
            hint="Type `%ogpu tasks` to see the tasks, or a response's whole address.",
        )

    def handle(self, key: int, *, earlier: bool = False) -> Task:
        """The handle of a task by its number in the journal."""
        record = self.journal.task(key)
        self._keeper.follow([record])  # as above
        return self._handle(record, earlier=earlier)

    def _handle(self, record: TaskRecord, *, earlier: bool = False) -> Task:
        handle = self._tasks.get(record.key)
        if handle is None:
            handle = self._tasks.setdefault(record.key, Task(self, record))
        elif handle.record != record:
            handle.renew(record)
        handle.earlier = earlier
        return handle

    def _adopt(self, address: str) -> TaskRecord:
        """A task that another program published, taken into the journal to be followed."""
        (snapshot,) = self.snapshots([address])
        payload = self.client.store.get(snapshot.config_url)
        decoded = decode_json(payload)
        if not isinstance(decoded, dict) or not isinstance(decoded.get("data"), dict):
            raise AddressError(f"What the task {address} was asked can't be read.")
        draft = TaskRecord(
            network=self.network.name,
            network_id=self.network_id,
            account="",
            source=snapshot.source,
            function=str(decoded.get("function_name", ""))[:200],
            payload=payload,
            payment=snapshot.payment,
            delivery=snapshot.delivery,
            created_at=time.time(),
            expires_at=snapshot.expires_at,
            stage=stage_of(snapshot.status),
            config_url=snapshot.config_url,
            address=address,
            explorer_url=self.network.explorer_url,
        )
        record, _ = self.journal.intend(draft, new=True)
        self._keeper.follow([record])
        return self._keeper.merge(record, snapshot)

    # The chain's news

    def _catch_up(self) -> None:
        """Bring the journal's open tasks up to date: what happened while nobody looked."""
        self.journal.abandon_orphans(self.network_id)
        for transaction in self.journal.transactions(
            self.network_id, self.account, unsettled_only=True
        ):
            self._await(transaction)
        self._keeper.settle()
        open_ones = self.journal.tasks(self.network_id, open_only=True, payloads=False)
        self._await_unread(open_ones)
        self._keeper.follow(open_ones)
        self._keeper.on_head(head := self.client.head())
        ended = {record.address: record.stage for record in self._keeper.follow_ended(head)}
        addresses = [*(record.address for record in open_ones if record.address), *ended]
        found, read = self._read_deep(addresses, head)
        news = (each for each in found if stage_of(each.status) is not ended.get(each.address))
        self._keeper.on_snapshots(list(news))
        self._keeper.resume(found)
        seen = {snapshot.address for snapshot in found if snapshot.block >= read.number}
        self._keeper.on_read(read, set(addresses) - seen)

    def _read_deep(self, addresses: Sequence[str], head: Head) -> tuple[list[TaskSnapshot], Head]:
        """The tasks that can be read, in a block that counts, and up to which block that is."""
        depth = self._follower.depth
        deep = self.client.head_at(max(0, head.number - depth)) if depth else head
        found = snapshots(self.client.rpc, addresses, block=deep.number if depth else None)
        return [one for one in found if isinstance(one, TaskSnapshot)], deep

    def _await_unread(self, open_ones: Iterable[TaskRecord]) -> None:
        """A kernel may end between a receipt's arrival and what it means for its task."""
        for record in open_ones:
            if not record.stage.is_on_chain and record.tx_hash:
                for transaction in self.journal.transactions_of(record.key):
                    if transaction.state.is_in_block:
                        self._await(transaction)

    def _changed(self, record: TaskRecord) -> None:
        self._purse.recount(self._counted_as(record.key), _cost(record))
        handle = self._tasks.get(record.key)
        if handle is not None:  # what is read of many tasks at once comes without payloads
            handle.renew(record if record.payload else self.journal.task(record.key))
        self._tell_batches(record.key)
        self._tell_news()

    def _tell_batches(self, key: int | None) -> None:
        for known in self._batches:
            if (batch := known()) is not None:
                batch.news(key)

    def _settled(self, transaction: TransactionRecord) -> None:
        if transaction.task is not None:
            self._changed(self.journal.task(transaction.task))
        self._tell_news()

    def _tell_news(self) -> None:
        with self._news:
            self._news.notify_all()

    def _troubled(self, error: OgpuError | None) -> None:
        self.trouble = error.what if error else ""
        for handle in list(self._tasks.values()):
            if not handle.stage.is_final:
                handle.renew()

    def _await(self, transaction: TransactionRecord) -> None:
        self._keeper.await_transaction(transaction)
        self._follower.await_receipt(transaction.hash)
        self._follower.poke()

    def _transact(
        self,
        order: Order,
        kind: TransactionKind,
        note: str,
        left: Callable[[], None] = lambda: None,
    ) -> TransactionRecord:
        """Check, simulate, send, and wait for the block; `left` is called when it is out."""

        def send(gate: Gate) -> TransactionRecord:
            with unspent():
                quote = self.client.quote(self.account, order)
            sent = self._sender.send(order, quote, kind, gate=gate, note=note)
            left()
            return sent

        return self._sent_and_mined(send)

    def _sent_and_mined(self, leave: Callable[[Gate], TransactionRecord]) -> TransactionRecord:
        gate = Gate(_ROUND_TRIP_SECONDS)

        def send() -> TransactionRecord:
            sent = leave(gate)
            self._await(sent)
            return sent

        sent = uncut(send, gate, _interruption)
        try:
            return self._mined(sent)
        except KeyboardInterrupt:
            raise _interruption(sent) from None

    def _mined(self, sent: TransactionRecord) -> TransactionRecord:
        def known() -> TransactionRecord | None:
            return self.journal.transaction(self.network_id, sent.hash)

        self._until(lambda: (now := known()) is not None and not now.state.is_unsettled)
        now = known()
        if now is None or now.state.is_unsettled:
            raise Unclear(
                f"The transaction {sent.hash} is not in a block yet.",
                tx_hash=sent.hash,
                spent="It may still go through; it is never sent twice.",
                hint="Type `%ogpu status` to see what came of it.",
            )
        if now.state is TransactionState.MINED:
            return now
        fee = f"Its gas of {format_amount(now.fee)} was spent." if now.fee else NOTHING_SPENT
        raise Reverted(f"The chain refused the transaction {sent.hash}.", spent=fee)

    def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for the chain's news to make it true, at most for the time of a round trip."""
        with self._news:
            self._news.wait_for(condition, timeout=_ROUND_TRIP_SECONDS)


def _cost(record: TaskRecord) -> int:
    return record.cost if record.stage.has_cost else 0


def _interruption(outcome: object) -> Interrupted:
    if isinstance(outcome, Task):
        reference = outcome.record.reference
        return Interrupted(
            "Interrupted after the task was sent: it goes on without you.",
            task=outcome,
            spent=f"{format_amount(outcome.payment)} is held in escrow for it.",
            hint=f"See it with `%ogpu show {reference}`; "
            f"take it back with `%ogpu cancel {reference}`.",
        )
    if isinstance(outcome, TransactionRecord):
        return Interrupted(
            "Interrupted after the transaction was sent: it goes on without you.",
            spent=f"Its hash is {outcome.hash}.",
            hint="Type `%ogpu status` to see what came of it.",
        )
    return Interrupted("Interrupted before anything was sent.")
