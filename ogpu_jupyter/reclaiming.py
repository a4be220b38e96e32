"""Canceling: each task once over all kernels, and all late ones together.

The simulation decides what can be canceled, not what the journal thinks of a task. What is
on its way already, from here or from another kernel, is waited for in place of sending.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .chain.transactions import Order, Quote, read_raw
from .errors import NOTHING_SPENT, GasBalanceLow, Interrupted, OgpuError, unspent
from .render import ReclaimInfo, ReclaimRow, way_out
from .render.words import plural
from .sending import Parcel
from .tasks import Stage, TaskRecord, TransactionKind, TransactionRecord, TransactionState
from .units import format_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager

    from .chain.client import Client
    from .jobs import Gate
    from .journal import Journal
    from .sending import Sender
    from .tasks import NetworkId

NOTE: Final = "Canceled the task."
NOT_YET: Final = "not yet: a provider had it"
_SECONDS: Final = 90.0  # that another one may take to send


@dataclass(frozen=True)
class ReclaimPlan:
    """Late tasks, those of them that can be canceled with what that costs, and why not the rest."""

    late: tuple[TaskRecord, ...]
    records: tuple[TaskRecord, ...] = ()
    quote: Quote | None = None
    refused: Mapping[int, OgpuError] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What comes back, in wei."""
        return sum(record.payment for record in self.records)

    @property
    def max_fee(self) -> int:
        """The most that the network may take for all the transactions, in wei."""
        return self.quote.max_cost * len(self.records) if self.quote else 0

    def __str__(self) -> str:
        return (
            f"{plural(len(self.records), 'late task')}: {format_amount(self.total)} comes back, "
            f"for at most {format_amount(self.max_fee)} to the network"
        )


class Canceler:
    """Cancels an account's tasks on one network."""

    def __init__(
        self, client: Client, journal: Journal, sender: Sender, network_id: NetworkId, account: str
    ) -> None:
        self._client = client
        self._journal = journal
        self._sender = sender
        self._network_id = network_id
        self._account = account

    def alone(self) -> AbstractContextManager[None]:
        """Held from the look at what is on its way until what is sent is in the journal."""
        return self._journal.canceling(self._network_id, self._account, _SECONDS)

    def known(self) -> dict[str, TransactionRecord]:
        """What has canceled a task or may do so yet, by the task's address in lower case."""
        found: dict[str, TransactionRecord] = {}
        for record in self._journal.cancellations(self._network_id, self._account):
            task = self._client.canceled_by(read_raw(record.raw)[0]).lower()
            if task not in found or found[task].state is not TransactionState.MINED:
                found[task] = record
        return found

    def cancel(self, task: str, gate: Gate) -> TransactionRecord:
        """Sent now, or before."""
        with self.alone():
            if earlier := self.known().get(task.lower()):
                return earlier
            order = self._client.cancel_order(task)
            with unspent():
                quote = self._client.quote(self._account, order)
            return self._sender.send(order, quote, TransactionKind.CANCEL, gate=gate, note=NOTE)

    def plan(self, late: Sequence[TaskRecord]) -> ReclaimPlan:
        """Simulated one by one, in few requests; GasBalanceLow where all cost too much."""
        orders = [self._order(record) for record in late]
        prices = self._client.quote_each(self._account, orders)
        refused = {
            record.key: price
            for record, price in zip(late, prices, strict=True)
            if isinstance(price, OgpuError)
        }
        quotes = [price for price in prices if isinstance(price, Quote)]
        if not quotes:
            return ReclaimPlan(tuple(late), refused=refused)
        records = tuple(record for record in late if record.key not in refused)
        dearest = max(quotes, key=lambda quote: quote.max_cost)
        plan = ReclaimPlan(tuple(late), records, dearest, refused)
        self._check(plan)
        return plan

    def send(
        self, records: Sequence[TaskRecord], quote: Quote, gate: Gate
    ) -> list[TransactionRecord | OgpuError]:
        """Each with an outcome of its own; whoever calls is `alone`."""
        orders = [self._order(record) for record in records]
        parcels = [Parcel(order, TransactionKind.CANCEL, None, NOTE) for order in orders]
        return self._sender.send_many(parcels, quote, gate=gate)

    def _check(self, plan: ReclaimPlan) -> None:
        wallet = self._client.balances(self._account).wallet
        if wallet < plan.max_fee:
            raise GasBalanceLow(
                f"The account {self._account} holds {format_amount(wallet)}; these "
                f"{len(plan.records):,} transactions may need {format_amount(plan.max_fee)}.",
                spent=NOTHING_SPENT,
                hint=f"Send at least {format_amount(plan.max_fee - wallet)} to {self._account}.",
            )

    def _order(self, record: TaskRecord) -> Order:
        return self._client.cancel_order(record.address)


class Reclaim:
    """One run over a plan: sent together, waited for, told; one that fails stops no other."""

    def __init__(self, canceler: Canceler, plan: ReclaimPlan) -> None:
        self._canceler = canceler
        self._plan = plan
        self._errors: dict[int, OgpuError] = dict(plan.refused)
        self.sent: set[str] = set()  # hashes of what left here

    def send(self, gate: Gate) -> list[TransactionRecord]:
        """All that is to be waited for: what leaves now, and what had left before."""
        canceler, quote = self._canceler, self._plan.quote
        with canceler.alone():
            known = canceler.known()
            mine = [r for r in self._plan.records if r.address.lower() not in known]
            if mine and quote is not None:
                outcomes = canceler.send(mine, quote, gate)
                for record, outcome in zip(mine, outcomes, strict=True):
                    if isinstance(outcome, OgpuError):
                        self._errors[record.key] = outcome
                    else:
                        self.sent.add(outcome.hash)
                known = canceler.known()
        return [known[a] for r in self._plan.late if (a := r.address.lower()) in known]

    def open(self) -> int:
        """How many are on their way."""
        known = self._canceler.known()
        mine = [known.get(record.address.lower()) for record in self._plan.late]
        return sum(one is not None and one.state is not TransactionState.MINED for one in mine)

    def wait(
        self, until: Callable[[Callable[[], bool]], None], told: Callable[[str], None]
    ) -> None:
        """Until each is in a block, or none has come into one for the time of `until`."""
        left = self.open()
        while left:
            before = left
            until(lambda: self.open() < before)  # noqa: B023 - called before it changes
            left = self.open()
            if left == before:
                return
            told(f"{left:,} of {len(self._plan.records):,} are on their way.")

    def interrupted(self) -> Interrupted:
        """What left goes on."""
        known = self._canceler.known()
        out = sum(record.address.lower() in known for record in self._plan.records)
        if not out:
            return Interrupted("Interrupted before anything was sent.")
        return Interrupted(
            f"Interrupted after {plural(out, 'cancellation')} left: what left goes on without you.",
            spent="The payments come back as the cancellations come into blocks.",
            hint="Type `%ogpu reclaim` again: it sends nothing twice, and tells what came back.",
        )

    def result(self, tasks: Sequence[TaskRecord]) -> ReclaimInfo:
        """What came of it; `tasks` are the plan's as they are now."""
        known = self._canceler.known()
        rows = [self._row(record, known.get(record.address.lower())) for record in tasks]
        taken = [row.record for row in rows if row.outcome == NOT_YET]
        note = way_out(taken[0]) if taken else ""
        return ReclaimInfo(tuple(rows), self._fee(known.values()), note)

    def _row(self, record: TaskRecord, transaction: TransactionRecord | None) -> ReclaimRow:
        if record.stage is Stage.CANCELED or _is_mined(transaction):
            return ReclaimRow(record, "canceled", is_back=True)
        if transaction is not None:
            return ReclaimRow(record, f"on its way in {transaction.hash}")
        if record.attempts:
            return ReclaimRow(record, NOT_YET)
        error = self._errors.get(record.key)
        return ReclaimRow(record, error.what if error else "The chain refused to cancel it.")

    def _fee(self, transactions: Collection[TransactionRecord]) -> int:
        return sum(t.fee or 0 for t in transactions if t.hash in self.sent)


def _is_mined(transaction: TransactionRecord | None) -> bool:
    return transaction is not None and transaction.state is TransactionState.MINED
