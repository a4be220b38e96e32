"""Many tasks at once: journalled, uploaded, sent; each with an outcome of its own.

Payloads that are equal are uploaded once, a few uploads run at the same time, and a part
of the tasks is on its way before the next is begun, so that no expiry runs out meanwhile.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .errors import NOTHING_SPENT, GatewayUnavailable, OgpuError
from .sending import Parcel
from .tasks import UNSENT, Stage, TaskRecord, TransactionKind, TransactionRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .chain.client import Client
    from .chain.transactions import Order, Quote
    from .content import ContentStore
    from .jobs import Gate
    from .journal import Journal
    from .sending import Sender
    from .sending.convoy import Outcome

PART = 500  # tasks that are journalled and uploaded before they are sent
_UPLOADS_AT_ONCE = 16
_OUTAGES = 8  # in a row, after which the pinning service is left alone


class Shipment:
    """Publishes checked tasks. `sent` gets the transactions of each part.

    `told` gets the progress in words, on any thread, whenever there is some.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        sender: Sender,
        gate: Gate,
        *,
        sent: Callable[[Sequence[TransactionRecord]], None],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._sender = sender
        self._gate = gate
        self._sent = sent
        self._told = told
        self._lock = threading.Lock()
        self._stored = self._taken = 0
        self.errors: dict[int, OgpuError] = {}  # by the task's number in the journal
        self.fresh: set[int] = set()

    def intend(
        self, records: Sequence[TaskRecord], *, new: bool, taken: Collection[int] = ()
    ) -> list[TaskRecord]:
        """Each with its number in the journal; one that another kernel has by now is its own."""
        intended = self._journal.intend_items(records, new=new, taken=taken)
        self.fresh |= {record.key for record, is_fresh in intended if is_fresh}
        return [record for record, _ in intended]

    @property
    def taken(self) -> int:
        """How many tasks a node has taken so far, or may have."""
        return self._taken

    @property
    def progress(self) -> str:
        payloads = "1 payload" if self._stored == 1 else f"{self._stored:,} payloads"
        return f"{payloads} stored, {self._taken:,} of {len(self.fresh):,} tasks sent."

    def ship(self, records: Sequence[TaskRecord], quote: Quote) -> None:
        """Upload and send those that are fresh; what fails is in `errors`."""
        mine = [record for record in records if record.key in self.fresh]
        try:
            self._gate.check()
            uploads = Uploads(self._client.store, self._gate, done=self._payload_stored)
            links = uploads.put(r.payload for r in mine)
            self._send([(r, link) for r in mine if (link := self._link(r, links))], quote)
        except OgpuError as error:
            self.errors |= {r.key: error for r in mine if r.key not in self.errors}
        except BaseException as error:
            self._give_up({r.key: error for r in mine})
            raise
        self._give_up({r.key: self.errors[r.key] for r in mine if r.key in self.errors})

    def abandon(self) -> None:
        """Give up what has not been signed yet."""
        problem = f"It was interrupted before it was sent. {NOTHING_SPENT}"
        with self._journal.atomic():
            for key in self.fresh:
                self._journal.update(key, when=UNSENT, stage=Stage.ABANDONED, problem=problem)

    def _link(self, record: TaskRecord, links: dict[bytes, str | OgpuError]) -> str:
        link = links[record.payload]
        if isinstance(link, str):
            return link
        self.errors[record.key] = link
        return ""

    def _send(self, uploaded: Sequence[tuple[TaskRecord, str]], quote: Quote) -> None:
        with self._journal.atomic():
            for record, link in uploaded:
                self._journal.update(
                    record.key,
                    when={Stage.INTENDED},
                    stage=Stage.UPLOADED,
                    config_url=link,
                    expires_at=record.expires_at,
                )
        parcels = [
            Parcel(self._order(record, link), TransactionKind.PUBLISH, record.key)
            for record, link in uploaded
        ]
        outcomes = self._sender.send_many(
            parcels, quote, gate=self._gate, told=self._transaction_known
        )
        out = []
        for (record, _), outcome in zip(uploaded, outcomes, strict=True):
            left: TransactionRecord | None
            if isinstance(outcome, OgpuError):
                self.errors[record.key] = outcome
                left = self._sender.may_have_left(record.key)
                self._taken += left is not None
            else:
                left = outcome
            if left is not None:
                out.append(left)
        self._sent(out)

    def _payload_stored(self) -> None:
        with self._lock:
            self._stored += 1
        self._told(self.progress)

    def _transaction_known(self, _place: int, outcome: Outcome) -> None:
        self._taken += not isinstance(outcome, OgpuError)
        self._told(self.progress)

    def _order(self, record: TaskRecord, link: str) -> Order:
        return self._client.publish_order(record.source, link, record.expires_at, record.payment)

    def _give_up(self, failed: dict[int, BaseException]) -> None:
        """Nothing of these left the machine, unless the journal holds what may have."""
        with self._journal.atomic():
            for key, error in failed.items():
                if not self._sender.may_have_left(key):
                    what = error.what if isinstance(error, OgpuError) else type(error).__name__
                    problem = f"{what} {NOTHING_SPENT}"
                    self._journal.update(key, stage=Stage.ABANDONED, problem=problem)


class Uploads:
    """Payloads into the content store, a few at a time; one that fails stops no other.

    A store that is away is not asked for ever: after some outages in a row the rest fail.
    """

    def __init__(
        self, store: ContentStore, gate: Gate, *, done: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._gate = gate
        self._done = done
        self._lock = threading.Lock()
        self._outages: list[OgpuError] = []

    def put(self, payloads: Iterable[bytes]) -> dict[bytes, str | OgpuError]:
        """The link of each, or why it has none."""
        different = list(dict.fromkeys(payloads))
        if not different:
            return {}
        with ThreadPoolExecutor(min(_UPLOADS_AT_ONCE, len(different)), "ogpu-upload") as pool:
            return dict(zip(different, pool.map(self._put, different), strict=True))

    def _put(self, payload: bytes) -> str | OgpuError:
        try:
            self._gate.check()
            with self._lock:
                if len(self._outages) >= _OUTAGES:
                    return self._outages[-1]
            link = self._store.put(payload, timeout=self._gate.seconds_left)
        except OgpuError as error:
            with self._lock:
                if isinstance(error, GatewayUnavailable):
                    self._outages.append(error)
            return error
        with self._lock:
            self._outages.clear()
        self._done()
        return link
