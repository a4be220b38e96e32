"""From what a person typed to a task that is ready to be sent: all checks, nothing spent.

Two requests to the node: one look at the source, the balances and the chain's clock, and
one simulation of the very call that would publish.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .errors import (
    NOTHING_SPENT,
    AmountError,
    ExpiryError,
    GasBalanceLow,
    InputError,
    SourceInactive,
    VaultBalanceLow,
)
from .render import PlanInfo
from .tasks import (
    Complexity,
    SourceStatus,
    TaskInput,
    TaskRecord,
    as_data,
    check_keys,
    encode_payload,
)
from .units import (
    format_amount,
    format_duration,
    format_time,
    parse_expiry,
    plain_amount,
    plain_duration,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .chain.client import Client, Look
    from .chain.transactions import Order, Quote
    from .tasks import NetworkId

MAX_PAYLOAD_BYTES = 50 * 2**20
_YEAR_2001 = 10**9

Expiry = str | int | float | datetime | timedelta


@dataclass(frozen=True)
class Wish:
    """What a person asks for, before the chain was looked at. `payment` is wei."""

    source: str
    source_name: str
    task_input: TaskInput
    payment: int | None
    expires: Expiry | None
    complexity: Complexity | None
    name: str = "task"
    item: int | None = None
    unchecked: bool = False  # past what the source says of itself

    @property
    def payload(self) -> bytes:
        payload = encode_payload(self.task_input)
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise InputError(
                f"The data is {len(payload) / 2**20:.1f} MiB; a task takes at most "
                f"{MAX_PAYLOAD_BYTES // 2**20} MiB.",
                hint="Send less, or put large files where the service can fetch them.",
            )
        return payload

    def draft(self, client: Client, network_id: NetworkId, account: str) -> TaskRecord:
        """The record that its identity rests on; price and expiry are settled later."""
        return TaskRecord(
            network=client.network.name,
            network_id=network_id,
            account=account,
            source=self.source,
            source_name=self.source_name,
            function=self.task_input.function_name,
            name=self.name,
            item=self.item,
            payload=self.payload,
            payment=0,
            created_at=time.time(),
            expires_at=0,
            explorer_url=client.network.explorer_url,
        )


@dataclass(frozen=True)
class Plan:
    """A task that could be sent: checked, simulated and priced. Nothing has left the machine."""

    record: TaskRecord
    look: Look
    order: Order
    quote: Quote
    config_url: str
    earlier: TaskRecord | None = None
    unread: str = ""  # that, and why, it was not checked by what the source says of itself

    def __repr__(self) -> str:
        return repr(self._info)

    def _repr_html_(self) -> str:
        return self._info._repr_html_()

    @property
    def payload(self) -> bytes:
        return self.record.payload

    @property
    def payment(self) -> int:
        return self.record.payment

    @property
    def gas(self) -> int:
        return self.quote.gas

    @property
    def max_fee(self) -> int:
        """The most that the network may take for the transaction, in wei."""
        return self.quote.max_cost

    @property
    def wallet_after(self) -> int:
        """The least that the account holds afterwards, in wei."""
        return self.look.balances.wallet - self.max_fee

    @property
    def vault_after(self) -> int:
        return self.look.balances.vault - self.payment

    @property
    def _info(self) -> PlanInfo:
        record, look = self.record, self.look
        return PlanInfo(
            payload=record.payload,
            source_name=record.source_name,
            source=record.source,
            function=record.function,
            payment=self.payment,
            gas=self.gas,
            max_fee_total=self.max_fee,
            expires_at=record.expires_at,
            now=look.head.timestamp,
            wallet_before=look.balances.wallet,
            wallet_after_at_least=self.wallet_after,
            vault_before=look.balances.vault,
            vault_after=self.vault_after,
            earlier=self.earlier.reference if self.earlier else "",
            unread=self.unread,
        )


def settle(wish: Wish, draft: TaskRecord, look: Look) -> TaskRecord:
    """The draft with its price and expiry, checked against what the source takes."""
    source = look.source
    if source.status is not SourceStatus.ACTIVE:
        raise SourceInactive(
            f"The source {source.address} is inactive: it takes no tasks.",
            spent=NOTHING_SPENT,
            hint="Type `%ogpu sources` to see those that are active.",
        )
    payment = _payment(wish, source.min_payment)
    if look.balances.vault < payment:
        raise VaultBalanceLow(
            f"The vault holds {format_amount(look.balances.vault)}; "
            f"this task pays {format_amount(payment)}.",
            spent=NOTHING_SPENT,
            hint=f"Type `%ogpu deposit {plain_amount(payment - look.balances.vault)}`.",
        )
    expires_at = _expires_at(wish, look.head.timestamp, source.max_expiry)
    return draft.model_copy(
        update={"payment": payment, "expires_at": expires_at, "delivery": source.delivery}
    )


def plan(client: Client, record: TaskRecord, look: Look) -> Plan:
    """Simulate the call that would publish `record`, with the link its payload will have."""
    config_url = client.store.predict(record.payload)
    order = client.publish_order(record.source, config_url, record.expires_at, record.payment)
    quote = client.quote(record.account, order)
    return Plan(record, look, order, quote, config_url)


def wishes(
    first: Wish, function: str, items: Iterable[Any], extras: dict[str, Any] | None
) -> list[Wish]:
    """The same wish for each of the items, numbered."""
    found = []
    for number, data in enumerate(items):
        try:
            task_input = as_input(function, data, extras)
        except InputError as error:
            raise InputError(f"Item {number}: {error.what}", hint=error.hint) from None
        found.append(replace(first, task_input=task_input, item=number))
    return found


@dataclass(frozen=True)
class ManyPlan:
    """Tasks that could be sent together: checked, one of them simulated, the total priced."""

    records: tuple[TaskRecord, ...]
    quote: Quote
    unread: str = ""  # as a `Plan`'s

    @property
    def payment(self) -> int:
        """Of each of them, in wei."""
        return max((record.payment for record in self.records), default=0)

    @property
    def total(self) -> int:
        return sum(record.payment for record in self.records)

    @property
    def max_fee(self) -> int:
        """The most that the network may take for all the transactions, in wei."""
        return self.quote.max_cost * len(self.records)

    def outcome(self, sent: int) -> str:
        """What came of it, when so many were sent."""
        count = len(self.records)
        if sent == count:
            return f"Sent {self}."
        return f"Sent {sent:,} of {count:,} tasks at {format_amount(self.payment)} each."

    def __str__(self) -> str:
        count = len(self.records)
        each = f"{count:,} tasks at {format_amount(self.payment)} each" if count > 1 else "1 task"
        return (
            f"{each}: {format_amount(self.total)}, "
            f"and at most {format_amount(self.max_fee)} to the network"
        )


def plan_many(
    client: Client, asked: Sequence[Wish], drafts: Sequence[TaskRecord], look: Look
) -> ManyPlan:
    """All of them priced and checked, the total too; the longest link is simulated."""
    records = tuple(settle(*each, look) for each in zip(asked, drafts, strict=True))
    total = sum(record.payment for record in records)
    vault, wallet = look.balances.vault, look.balances.wallet
    if vault < total:
        raise VaultBalanceLow(
            f"The vault holds {format_amount(vault)}; these {len(records):,} tasks pay "
            f"{format_amount(total)}.",
            spent=NOTHING_SPENT,
            hint=f"Type `%ogpu deposit {plain_amount(total - vault)}`.",
        )
    links = {payload: client.store.predict(payload) for payload in {r.payload for r in records}}
    longest = max(records, key=lambda record: len(links[record.payload]))
    plan_ = ManyPlan(records, plan(client, longest, look).quote)
    if wallet < plan_.max_fee:
        raise GasBalanceLow(
            f"The account {longest.account} holds {format_amount(wallet)}; these "
            f"{len(records):,} transactions may need {format_amount(plan_.max_fee)}.",
            spent=NOTHING_SPENT,
            hint=f"Send at least {format_amount(plan_.max_fee - wallet)} to {longest.account}.",
        )
    return plan_


def _payment(wish: Wish, minimum: int) -> int:
    if wish.payment is None:
        guidance = wish.complexity.payment if wish.complexity else 0
        return max(minimum, guidance) or Complexity.SIMPLE.payment
    if wish.payment < minimum:
        raise AmountError(
            f"The payment of {format_amount(wish.payment)} is below the source's minimum "
            f"of {format_amount(minimum)}.",
            hint=f"Type `--pay {plain_amount(minimum)}`, or leave `--pay` away.",
        )
    return wish.payment


def _expires_at(wish: Wish, now: int, longest: int) -> int:
    if wish.expires is None:
        return now + min((wish.complexity or Complexity.SIMPLE).expiry, longest)
    moment = _moment(wish.expires, now)
    if moment <= now:
        raise ExpiryError(
            f"The expiry {format_time(moment)} is in the past; "
            f"on the chain's clock it is {format_time(now)}.",
            hint="Type a duration from now: `--expires 10m`.",
        )
    if moment > now + longest:
        raise ExpiryError(
            f"The expiry is {format_duration(moment - now)} away; the source takes at most "
            f"{format_duration(longest)}.",
            hint=f"Type `--expires {plain_duration(longest)}`, or less.",
        )
    return moment


def _moment(expires: Expiry, now: int) -> int:
    if isinstance(expires, timedelta):
        return now + round(expires.total_seconds())
    if isinstance(expires, datetime):
        return parse_expiry(expires.isoformat(), now)
    if isinstance(expires, str) or expires < _YEAR_2001:
        return parse_expiry(str(expires), now)
    return int(expires)


def as_input(function: str, data: Any, extras: dict[str, Any] | None) -> TaskInput:
    """The payload's content, with errors in a person's words."""
    data = as_data(data)
    check_keys(extras)
    if not isinstance(data, dict):
        raise InputError(
            f"The data is {_article(data)}; a task takes an object.",
            hint='Write it as `{"name": value, …}`.',
        )
    if not function.strip():
        raise InputError("The function has no name.", hint="Type the name of one: `text2text`.")
    clash = {"function_name", "data"} & set(extras or {})
    if clash:
        raise InputError(f"{min(clash)!r} can't be an extra: it is part of every task.")
    try:
        return TaskInput(function, data, **(extras or {}))
    except ValueError as error:
        raise InputError(f"The data can't be sent: {error}.") from None


def as_complexity(word: Complexity | str | None) -> Complexity | None:
    """The network's guidance by its name."""
    try:
        return None if word is None else Complexity(word)
    except ValueError:
        raise InputError(
            f"{word!r} is not a complexity.", hint="Type simple, medium or complex."
        ) from None


def _article(value: Any) -> str:
    names = {list: "a list", str: "text", int: "a number", float: "a number", bool: "a boolean"}
    return "nothing" if value is None else names.get(type(value), f"a {type(value).__name__}")
