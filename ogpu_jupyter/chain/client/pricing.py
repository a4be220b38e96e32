"""What a transaction costs: gas by simulation, fees by the newest block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.rpc import Call, quantity
from ogpu_jupyter.chain.transactions import Head, Order, Quote
from ogpu_jupyter.errors import NOTHING_SPENT, GasBalanceLow, RpcError
from ogpu_jupyter.units import format_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

_GWEI = 10**9
MAX_GAS_PRICE = 10**6 * _GWEI  # a plain transfer would take 21 OGPU: no node means that
LATEST_BLOCK = Call("eth_getBlockByNumber", ("latest", False))
FEE_CALLS = (LATEST_BLOCK, Call("eth_maxPriorityFeePerGas"), Call("eth_gasPrice"))


def quote_calls(sender: str, order: Order) -> list[Call]:
    """The first is the simulation; the others are for `quote_of`."""
    message = {"from": sender, "to": order.to, "data": order.data, "value": hex(order.value)}
    return [
        Call("eth_estimateGas", (message,)),
        LATEST_BLOCK,
        Call("eth_getTransactionCount", (sender, "pending")),
        Call("eth_getBalance", (sender, "latest")),
        Call("eth_maxPriorityFeePerGas"),
        Call("eth_gasPrice"),
    ]


def quote_of(answers: Sequence[Any], sender: str, order: Order) -> Quote:
    """The price by the node's answers; GasBalanceLow where the account can't pay it."""
    for needed in answers[:4]:
        if isinstance(needed, RpcError):
            raise needed
    gas, block, nonce, wallet, tip, price = answers
    head = Head.of(block)
    max_fee, priority_fee = _fees(head, _optional(tip), _optional(price))
    quote = Quote(
        gas=_gas(quantity(gas, "a gas estimate"), head),
        max_fee=max_fee,
        priority_fee=priority_fee,
        nonce=quantity(nonce, "a nonce"),
    )
    _check(quantity(wallet, "a balance"), sender, quote.max_cost + order.value)
    return quote


def fees_of(answers: Sequence[Any]) -> tuple[Head, int, int | None]:
    """From the answers to `FEE_CALLS`."""
    block, tip, price = answers
    if isinstance(block, RpcError):
        raise block
    head = Head.of(block)
    return head, *_fees(head, _optional(tip), _optional(price))


def _optional(answer: Any) -> int | None:
    """Not every node knows every way to ask for a price."""
    return None if answer is None or isinstance(answer, RpcError) else quantity(answer, "a price")


def _gas(estimate: int, head: Head) -> int:
    """A fifth more than now, as far as a block has room for it."""
    room = head.gas_limit if head.gas_limit is not None else estimate * 2
    return max(estimate, min(estimate * 6 // 5, room))


def _fees(head: Head, tip: int | None, price: int | None) -> tuple[int, int | None]:
    """The most per gas, and the part that is the miner's: the base fee may double until then."""
    if head.base_fee is None:
        if price is None:
            raise RpcError("The node names no gas price.", spent=NOTHING_SPENT)
        return _sane(price * 6 // 5), None
    if tip is None:
        tip = _GWEI if price is None else max(price - head.base_fee, 0)
    return _sane(2 * head.base_fee + tip), tip


def _sane(price: int) -> int:
    if price > MAX_GAS_PRICE:
        raise RpcError(
            f"The node asks for {format_amount(price)} for one unit of gas, which can't be right.",
            spent=NOTHING_SPENT,
            hint="Connect to another node of this network.",
        )
    return price


def _check(wallet: int, sender: str, cost: int) -> None:
    if wallet < cost:
        raise GasBalanceLow(
            f"The account {sender} holds {format_amount(wallet)}; "
            f"this transaction may need {format_amount(cost)}.",
            spent=NOTHING_SPENT,
            hint=f"Send at least {format_amount(cost - wallet)} to {sender}.",
        )
