"""Many transactions in the order of their nonces: a window at a time, each with its own fate.

A window is signed, journalled in one step and broadcast in one request; it grows while the
node takes what it is given. A transaction that is refused leaves its nonce to the next
one, or, where none is left and others wait behind it, to one that does nothing. No other
is renumbered.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ogpu_jupyter.chain.transactions import Fate, broadcast_many
from ogpu_jupyter.errors import NOTHING_SPENT, NetworkError, NotSent, OgpuError
from ogpu_jupyter.tasks import TransactionRecord, TransactionState

from .outcomes import crowded_out, published_after_all, refusal
from .settling import CAP, Settler, higher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ogpu_jupyter.chain.transactions import Quote
    from ogpu_jupyter.jobs import Gate

    from .ledger import Ledger, Parcel, Ticket
    from .settling import Asked

Outcome = TransactionRecord | OgpuError

_FIRST = 16
_GROWTH = 6
_LEAST = 1.0  # seconds for an answer, though the time be over
_LARGEST = 100  # what nodes take in one batch
_ROUNDS = 8
_ATTEMPTS = 5
_PAUSE = 0.2  # seconds before the second round; doubled before each further one,
_LONGEST = 2.0  # up to this


@dataclass(frozen=True)
class _Trip:
    """A ticket on its way, by the place of its parcel, and what the node last said of it.

    `is_unclear`: the answer to one of its sends was lost, so that a refusal of a later one
    proves nothing. `earlier` are the hashes of the offers that it takes the place of.
    """

    place: int
    ticket: Ticket
    fate: Fate = Fate.UNCLEAR
    words: str = ""
    is_unclear: bool = False
    earlier: tuple[str, ...] = ()

    @property
    def record(self) -> TransactionRecord:
        return self.ticket.record

    @property
    def goes_again(self) -> bool:
        return self.fate.is_open or self.fate is Fate.NOT_NOW

    def answered(self, fate: Fate, words: str) -> _Trip:
        unclear = self.is_unclear or fate is Fate.UNCLEAR
        return replace(self, fate=fate.after(unclear=unclear), words=words, is_unclear=unclear)


class Convoy:
    """One run over the parcels; `run` gives an outcome for each, in their order."""

    def __init__(
        self,
        ledger: Ledger,
        settler: Settler,
        parcels: Sequence[Parcel],
        quote: Quote,
        gate: Gate,
        *,
        told: Callable[[int, Outcome], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._settler = settler
        self._parcels = parcels
        self._quote = quote
        self._cap = quote.max_fee * CAP
        self._gate = gate
        self._told = told
        self._waiting = deque(range(len(parcels)))
        self._outcomes: dict[int, Outcome] = {}
        self._tries: Counter[int] = Counter()
        self._pending = quote.nonce
        self._others: set[int] = set()  # nonces that went to other programs
        self._size = _FIRST
        self._left_holes = False

    def run(self) -> list[Outcome]:
        try:
            with self._ledger.lock():
                self._clear_up()
            while self._waiting:
                with self._ledger.lock():
                    self._window()
        except OgpuError as error:
            self._stop(error)
        if self._left_holes:
            with suppress(OgpuError), self._ledger.lock():
                self._settler.fill_gaps(self._quote.nonce)
        return [self._outcomes[place] for place in range(len(self._parcels))]

    def _clear_up(self) -> None:
        """What was refused, and yet is on the chain, is not sent once more."""
        alive = self._settler.clear_up()
        for place, parcel in enumerate(self._parcels if alive else ()):
            if any(self._ledger.mean_one_task(record, parcel) for record in alive):
                self._waiting.remove(place)
                self._done(place, published_after_all())

    def _window(self) -> None:
        number = min(self._size, len(self._waiting))
        self._gate.approach()
        trips = self._signed([self._waiting[place] for place in range(number)])
        try:
            self._gate.leave()
        except NotSent:
            self._ledger.refuse(*(trip.record for trip in trips))
            raise
        for _ in trips:
            self._waiting.popleft()
        self._deliver(trips)

    def _signed(self, places: Sequence[int]) -> list[_Trip]:
        if self._others:
            now = self._ledger.client.next_nonce(self._ledger.account)
            self._pending = max(self._pending, now)
        nonces = self._ledger.free_nonces(self._pending, len(places), self._others)
        orders = [
            (self._parcels[place], self._quote, nonce)
            for place, nonce in zip(places, nonces, strict=True)
        ]
        return list(map(_Trip, places, self._ledger.sign(orders)))

    def _deliver(self, trips: list[_Trip]) -> None:
        """Broadcast, and again what needs it, as long as there is time and hope."""
        for number in range(_ROUNDS):
            answers = self._broadcast(trips)
            trips = self._judged([t.answered(*a) for t, a in zip(trips, answers, strict=True)])
            if not trips or not self._gate.is_open:
                break
            self._pause(trips, min(_PAUSE * 2**number, _LONGEST))
        for trip in trips:
            self._part_with(trip)

    def _broadcast(self, trips: Sequence[_Trip]) -> list[tuple[Fate, str]]:
        rpc = self._ledger.client.rpc
        seconds = min(rpc.timeout, max(self._gate.seconds_left, _LEAST))
        transactions = [trip.ticket.signed for trip in trips]
        return broadcast_many(rpc, transactions, deadline=time.monotonic() + seconds)

    def _pause(self, trips: Sequence[_Trip], seconds: float) -> None:
        if self._left_holes and any(trip.fate is Fate.NOT_NOW for trip in trips):
            self._left_holes = False
            self._settler.fill_gaps(self._quote.nonce)
        if any(trip.goes_again for trip in trips):
            time.sleep(max(0.0, min(seconds, self._gate.seconds_left)))

    def _judged(self, trips: Sequence[_Trip]) -> list[_Trip]:
        """Those that are to go once more."""
        taken = [trip for trip in trips if trip.fate.is_taken]
        with self._ledger.journal.atomic():
            records = [self._ledger.advance(t.record, TransactionState.SENT) for t in taken]
        for trip, record in zip(taken, records, strict=True):
            self._done(trip.place, record)
        doubtful = [trip for trip in trips if not trip.fate.is_taken]
        if not doubtful:
            self._size = min(self._size * _GROWTH, _LARGEST)
            return []
        self._size = max(1, self._size // 2)
        if not self._gate.is_open:  # `settle` finds out what came of these
            for trip in (trip for trip in doubtful if trip.fate.is_open):
                self._done(trip.place, trip.record)
            doubtful = [trip for trip in doubtful if not trip.fate.is_open]
        try:
            asked = self._settler.ask([trip.record for trip in doubtful])
        except NetworkError as error:
            self._lose(doubtful, error)
            return []
        return [
            t for trip, one in zip(doubtful, asked, strict=True) for t in self._go_on(trip, one)
        ]

    def _go_on(self, trip: _Trip, asked: Asked) -> list[_Trip]:
        """What a node did not simply take: the chain's word on it comes before the node's."""
        if asked.record.state is TransactionState.REPLACED:
            self._give_way(trip)
        elif asked.known:
            self._done(trip.place, asked.record)
        elif trip.goes_again:
            return [trip]
        elif trip.fate is Fate.OCCUPIED and not self._ledger.had_nonce(trip.record):
            self._ledger.refuse(trip.record)
            self._turn_back(trip, crowded_out(_ATTEMPTS))
        elif trip.fate in {Fate.OCCUPIED, Fate.UNDERPRICED}:
            return self._offer_more(trip)
        else:
            self._refuse(trip)
        return []

    def _give_way(self, trip: _Trip) -> None:
        """Another has its nonce: it goes with a new one, unless that one does the same."""
        rival, record = self._ledger.rival(trip.record), trip.record
        is_mine = rival and (rival.hash in trip.earlier or rival.task == record.task is not None)
        if rival is not None and is_mine:
            self._done(trip.place, rival)
        elif rival is not None and self._ledger.mean_one_task(rival, record):
            self._done(trip.place, published_after_all())
        else:
            self._turn_back(trip, crowded_out(_ATTEMPTS))

    def _offer_more(self, trip: _Trip) -> list[_Trip]:
        """At the same nonce, by what is asked for now; later ones offer that at once."""
        if self._quote.max_fee > trip.ticket.quote.max_fee and trip.fate is Fate.UNDERPRICED:
            better: Quote | None = self._quote
        else:
            better = self._higher(trip.ticket.quote)
        if better is None:
            self._refuse(trip)
            return []
        self._quote = max(self._quote, better, key=lambda quote: quote.max_fee)
        (ticket,) = self._ledger.sign([(trip.ticket.parcel, better, trip.record.nonce)])
        self._ledger.refuse(trip.record)
        return [_Trip(trip.place, ticket, earlier=(*trip.earlier, trip.record.hash))]

    def _higher(self, offer: Quote) -> Quote | None:
        most, tip = 0, None
        with suppress(NetworkError):
            _, most, tip = self._ledger.client.fees()
        return higher(offer, most, tip, cap=self._cap)

    def _turn_back(self, trip: _Trip, error: OgpuError) -> None:
        """It waits for another nonce: its own went to somebody else, or has no room yet."""
        self._tries[trip.place] += 1
        if trip.fate is not Fate.NOT_NOW:
            self._others.add(trip.record.nonce)
        if self._tries[trip.place] < _ATTEMPTS:
            self._waiting.appendleft(trip.place)
        else:
            self._done(trip.place, error)

    def _part_with(self, trip: _Trip) -> None:
        """There is no more time for it, or no hope."""
        if trip.fate.is_open:
            self._done(trip.place, trip.record)  # journalled: `settle` finds out
            return
        self._left_holes = True
        self._ledger.refuse(trip.record)
        if trip.fate is Fate.NOT_NOW:
            self._turn_back(trip, refusal(Fate.NOT_NOW, trip.words))
        else:
            self._done(trip.place, refusal(Fate.REFUSED, "there was no more time for it"))

    def _refuse(self, trip: _Trip) -> None:
        self._left_holes = True
        self._ledger.refuse(trip.record)
        self._done(trip.place, refusal(trip.fate, trip.words))

    def _lose(self, trips: Iterable[_Trip], error: OgpuError) -> None:
        """Nobody can be asked what became of these: nothing more is sent after them."""
        for trip in trips:
            if trip.fate.is_open:
                self._done(trip.place, trip.record)
            else:
                self._refuse(trip)
        self._stop(NotSent(error.what, spent=NOTHING_SPENT, hint=error.hint))

    def _stop(self, error: OgpuError) -> None:
        """Nothing that still waits is sent; of what is on its way the journal knows."""
        self._waiting.clear()
        for place in range(len(self._parcels)):
            if place not in self._outcomes:
                self._done(place, error)

    def _done(self, place: int, outcome: Outcome) -> None:
        self._outcomes[place] = outcome
        if self._told is not None:
            self._told(place, outcome)
