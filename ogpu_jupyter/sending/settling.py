"""What became of transactions whose fate is open, and what helps those that hang.

Asked by hash and by the account's nonce. One that the node has dropped is sent again as
the same bytes; one whose offer the fees have outgrown is offered more at the same nonce,
within a cap; a nonce that nobody has and others wait behind is filled with nothing.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ogpu_jupyter.chain.transactions import (
    Fate,
    Head,
    Order,
    Quote,
    broadcast,
    broadcast_many,
    read_raw,
)
from ogpu_jupyter.errors import NOTHING_SPENT, JournalError, NetworkError, OgpuError
from ogpu_jupyter.tasks import Stage, TransactionKind, TransactionRecord, TransactionState

from .ledger import Ledger, Parcel, signed_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ogpu_jupyter.chain.transactions import Receipt

    Fortune = tuple[Receipt | None, bool, int]  # as `Client.fates` tells it

_BUSY_SECONDS = 2.0
_AT_ONCE = 100
_STUCK_SECONDS = 10.0  # that a transaction may wait before its offer is looked at
CAP = 3  # times the first offer
_BUMP_PERCENT = 25
_LEAST_PERCENT = 10  # less is no replacement to a node
_TOO_DEAR = (
    "The network's fee has risen above what the transaction offers, and above three times "
    "the first offer. It waits until the fee falls."
)
_LONG_AGO = ""  # the hash of whoever used a nonce further back than blocks are read
_TOO_LATE = f"It did not reach the chain before it expired. {NOTHING_SPENT}"


class Asked(NamedTuple):
    """A transaction as the chain has it now; `known` where a node holds it.

    `used` counts the account's nonces that are in blocks.
    """

    record: TransactionRecord
    known: bool
    used: int


class Fees(NamedTuple):
    """What is asked for a unit of gas now, in wei."""

    head: Head
    most: int
    tip: int | None


class Settler:
    """Settles what the journal has open."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rpc = ledger.client.rpc
        self.revived: list[TransactionRecord] = []  # given up before, and alive

    def ask(self, records: Sequence[TransactionRecord]) -> list[Asked]:
        """The chain's word on each, written down. NetworkError: nothing is known of any."""
        if not records:
            return []
        ledger = self._ledger
        asked = [(record.hash, record.nonce) for record in records]
        fates = ledger.client.fates(ledger.account, asked)
        users = self._users(records, fates)
        old = self._old_receipts([r for r in records if users.get(r.nonce) == _LONG_AGO])
        with ledger.journal.atomic():
            return [
                self._judged(record, fate, users.get(record.nonce), old)
                for record, fate in zip(records, fates, strict=True)
            ]

    def _judged(
        self,
        record: TransactionRecord,
        fate: Fortune,
        user: str | None,
        old: Mapping[str, Receipt | None],
    ) -> Asked:
        """`user` has its nonce, and `old` are receipts from blocks of long ago."""
        ledger, (receipt, known, used) = self._ledger, fate
        receipt = receipt or old.get(record.hash)
        known = known or receipt is not None or user == record.hash
        now = self._revived(record) if known and record.state.is_given_up else record
        if receipt is not None:
            now = ledger.mined(receipt)
        elif known:  # where a block has it, its receipt will come
            now = ledger.advance(record, TransactionState.SENT)
        elif user or (user == _LONG_AGO and record.hash in old):
            now = ledger.advance(record, TransactionState.REPLACED)
            self._see(user or "")
        return Asked(now, known, used)

    def _old_receipts(self, records: Sequence[TransactionRecord]) -> dict[str, Receipt | None]:
        signed_at = {record.hash: record.created_at for record in records}
        return self._ledger.client.old_receipts(signed_at) if signed_at else {}

    def _see(self, tx_hash: str) -> None:
        """A block has it: where it is one of ours that was given up, it lives."""
        record = self._ledger.journal.transaction(self._ledger.network_id, tx_hash)
        if record is not None and record.state.is_given_up:
            self._revived(record)

    def _revived(self, record: TransactionRecord) -> TransactionRecord:
        now = self._ledger.revive(record)
        self.revived.append(now)
        return now

    def clear_up(self) -> list[TransactionRecord]:
        """Those that were refused, and that a node has after all. NetworkError: who knows."""
        asked = self.ask(self._ledger.refused())
        return [one.record for one in asked if one.known]

    def _users(
        self, records: Sequence[TransactionRecord], fates: Sequence[Fortune]
    ) -> dict[int, str | None]:
        """Who has the nonces that are used, though no node knows our transactions with them."""
        nonces = {
            record.nonce
            for record, (receipt, known, used) in zip(records, fates, strict=True)
            if receipt is None and not known and used > record.nonce
        }
        return self._ledger.client.users_of(self._ledger.account, nonces) if nonces else {}

    def settle(self) -> list[TransactionRecord]:
        """Those of the journal whose fate is another now, or that were helped on.

        Nothing is settled while somebody sends: the next time will do.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self._ledger.lock(_BUSY_SECONDS))
            except JournalError:
                return []
            before = self._ledger.unsettled()[:_AT_ONCE]  # the others are mined after them
            before += self._ledger.refused()[:_AT_ONCE]
            try:
                asked = self.ask(before)
            except NetworkError:
                return []
            changed = [one.record for old, one in zip(before, asked, strict=True)
                       if one.record != old]  # fmt: skip
            seen = {record.hash for record in changed}
            changed += [record for record in self.revived if record.hash not in seen]
            self.revived.clear()
            live = _newest(one for one in asked if one.record.state.is_unsettled)
            with suppress(NetworkError):
                changed += self._help(live) if live else self._taken_back()
            return changed

    def fill_gaps(self, start: int) -> list[TransactionRecord]:
        """Nothing, sent to oneself, at each nonce that none has while others wait behind it."""
        ledger = self._ledger
        taken = ledger.taken(start)
        if not taken or len(taken) > max(taken) - start:
            return []
        nothing = Order(ledger.account, "0x")
        try:
            quote = ledger.client.quote(ledger.account, nothing)
        except OgpuError:
            return []
        parcel = Parcel(nothing, TransactionKind.FILL, note="Filled a gap in the order.")
        free = set(range(max(start, quote.nonce), max(taken))) - taken
        if not free:
            return []
        tickets = ledger.sign([(parcel, quote, nonce) for nonce in sorted(free)])
        return self._sent([ticket.record for ticket in tickets])

    def _help(self, live: list[Asked]) -> list[TransactionRecord]:
        """What can be done for those that are in no block yet."""
        ledger, used = self._ledger, live[0].used
        fees = Fees(*ledger.client.fees())
        records = [one.record for one in live]
        late = {record.hash for record in ledger.expired(records, fees.head.timestamp)}
        lost = [one.record for one in live if not one.known]
        changed = [self._given_up(record) for record in lost if record.hash in late]
        again = [record for record in lost if record.hash not in late] + self._reopened(used)
        changed += self._sent(again, fees)
        old = time.time() - _STUCK_SECONDS
        for one in live:
            waits = one.known and one.record.created_at < old and one.record.hash not in late
            if waits and _is_outbid(one.record, fees):
                changed += self._outbid(one.record, fees)
        return changed + self.fill_gaps(used)

    def _taken_back(self) -> list[TransactionRecord]:
        """Nothing is open, and yet somebody asks: what was in a block may be in none now."""
        ledger = self._ledger
        return self._sent(self._reopened(ledger.client.next_nonce(ledger.account)))

    def _reopened(self, used: int) -> list[TransactionRecord]:
        """What was in a block, and by the account's nonce is not: a reorg that nobody saw."""
        ledger = self._ledger
        mined = ledger.journal.mined_since(ledger.network_id, ledger.account, used)
        lost = [one.record for one in self.ask(mined) if not one.known]
        return [ledger.reopen(record) for record in lost]

    def _given_up(self, record: TransactionRecord) -> TransactionRecord:
        """No node has it, and the contracts would refuse it now: its nonce is free again."""
        if record.kind is TransactionKind.PUBLISH and record.task is not None:
            self._ledger.journal.update(
                record.task,
                when={Stage.SIGNED, Stage.SENT},
                stage=Stage.ABANDONED,
                problem=_TOO_LATE,
            )
        return self._ledger.advance(record, TransactionState.SIGNED)

    def _sent(
        self, records: Sequence[TransactionRecord], fees: Fees | None = None
    ) -> list[TransactionRecord]:
        """The journalled bytes, once more; one that offers too little now is offered more."""
        answers = broadcast_many(self._rpc, [signed_of(record) for record in records])
        changed = []
        for record, (fate, _) in zip(records, answers, strict=True):
            if fate.is_taken:
                changed.append(self._ledger.advance(record, TransactionState.SENT))
            elif fate is Fate.UNDERPRICED and fees is not None:
                changed += self._outbid(record, fees)
            elif record.kind is TransactionKind.FILL and not fate.is_open:
                self._ledger.refuse(record)
            else:
                changed.append(record)
        return changed

    def _outbid(self, record: TransactionRecord, fees: Fees) -> list[TransactionRecord]:
        """A better offer at the same nonce, so that only one of both can ever be mined."""
        ledger = self._ledger
        order, offer = read_raw(record.raw)
        rivals = [r for r in ledger.unsettled() if r.nonce == record.nonce]
        first = min(read_raw(r.raw)[1].max_fee for r in (record, *rivals))
        better = higher(offer, fees.most, fees.tip, cap=first * CAP)
        if better is None or better.max_fee < (fees.head.base_fee or 0):
            return self._told(record)
        parcel = Parcel(order, record.kind, record.task, record.note)
        (ticket,) = ledger.sign([(parcel, better, record.nonce)])
        fate, _ = broadcast(self._rpc, ticket.signed)
        if fate.is_taken:
            return [ledger.advance(ticket.record, TransactionState.SENT)]
        if fate is Fate.UNCLEAR:
            return [ticket.record]
        ledger.refuse(ticket.record)
        if record.kind is TransactionKind.PUBLISH and record.task is not None:
            ledger.journal.update(record.task, tx_hash=record.hash)
        return []

    def _told(self, record: TransactionRecord) -> list[TransactionRecord]:
        """A person may wait, or cancel; nothing more is offered without being asked."""
        if record.task is None or self._ledger.journal.task(record.task).problem == _TOO_DEAR:
            return []
        unmined = {Stage.SIGNED, Stage.SENT}
        self._ledger.journal.update(record.task, when=unmined, problem=_TOO_DEAR)
        return [record]


def higher(offer: Quote, most: int, tip: int | None, *, cap: int) -> Quote | None:
    """A quarter more, or what is asked for now, up to the cap; None where that is too little."""
    fee = min(max(_more(offer.max_fee, _BUMP_PERCENT), most), cap)
    if fee < _more(offer.max_fee, _LEAST_PERCENT):
        return None
    if offer.priority_fee is None:
        return replace(offer, max_fee=fee)
    better_tip = min(max(_more(offer.priority_fee, _BUMP_PERCENT), tip or 0), fee)
    return replace(offer, max_fee=fee, priority_fee=better_tip)


def _more(fee: int, percent: int) -> int:
    return fee * (100 + percent) // 100 + 1


def _is_outbid(record: TransactionRecord, fees: Fees) -> bool:
    """No block would take it now."""
    offer = read_raw(record.raw)[1]
    if fees.head.base_fee is None:
        return offer.max_fee * 2 < fees.most
    return offer.max_fee < fees.head.base_fee


def _newest(asked: Iterable[Asked]) -> list[Asked]:
    """Of several offers at a nonce the last one counts; the others were outbid by it."""
    return list({one.record.nonce: one for one in asked}.values())
