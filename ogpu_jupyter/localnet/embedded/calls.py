"""`eth_call` and `eth_estimateGas`: a contract run on a state that is put back afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.embedded.chain import GAS_LIMIT
from ogpu_jupyter.localnet.embedded.errors import Refused, invalid, refused, reverted
from ogpu_jupyter.localnet.embedded.evm import (
    InsufficientFunds,
    Message,
    OutOfGas,
    Revert,
    TransactionContext,
    VMError,
    created_by,
)
from ogpu_jupyter.localnet.embedded.formats import (
    read_address,
    read_data,
    read_number,
    read_object,
)

if TYPE_CHECKING:
    from ogpu_jupyter.localnet.embedded.chain import Block, Chain, State

_PLAIN: Final = 21_000
_CREATE: Final = 32_000
_TOLERANCE: Final = 1.015  # geth's: an estimate may be so much above what is needed
_STIPEND: Final = 2_300
_NOBODY: Final = b"\0" * 20
# Nodes bound what a call may take. Here it keeps one that reads a thousand tasks from
# holding up all others for long.
_MOST_READ: Final = 10_000_000


@dataclass(frozen=True)
class Call:
    sender: bytes
    to: bytes | None
    value: int
    data: bytes
    gas: int
    price: int

    @property
    def intrinsic_gas(self) -> int:
        """Before anything runs; py-evm takes the words of creation code while it runs."""
        zeros = self.data.count(0)
        tokens = zeros * 4 + (len(self.data) - zeros) * 16
        return _PLAIN + tokens + (_CREATE if self.to is None else 0)

    @property
    def least_gas(self) -> int:
        """What its data costs whatever it does (EIP-7623)."""
        zeros = self.data.count(0)
        return _PLAIN + 10 * zeros + 40 * (len(self.data) - zeros)


def read_call(told: object) -> Call:
    fields = read_object(told, "call")
    payload = fields.get("input", fields.get("data"))
    to = fields.get("to")
    price = fields.get("maxFeePerGas", fields.get("gasPrice"))
    return Call(
        sender=read_address(fields.get("from") or "0x" + _NOBODY.hex(), "from"),
        to=read_address(to, "to") if to else None,
        value=read_number(fields.get("value") or 0, "value"),
        data=read_data(payload or "0x"),
        gas=min(read_number(fields.get("gas") or GAS_LIMIT, "gas"), GAS_LIMIT),
        price=read_number(price or 0, "gasPrice"),
    )


def run(chain: Chain, call: Call, block: Block | None, overrides: object = None) -> bytes:
    """The output; what went wrong is raised as a node words it."""
    with chain.at(block) as state:
        _override(state, overrides)
        output: bytes = _succeed(_execute(state, call, min(call.gas, _MOST_READ))).output
        return output


def estimate(chain: Chain, call: Call, block: Block | None, overrides: object = None) -> int:
    """The least gas with which it succeeds, or a little more."""
    with chain.at(block) as state:
        _override(state, overrides)
        cap = _affordable(state, call)
        used = _gas_of(call, _succeed(_try(state, call, cap)))
        low, high = used - 1, cap
        # Calls keep a 64th back and hand a stipend on: what was used may not suffice.
        for guess in (used, used * 64 // 63 + _STIPEND):
            if guess >= high or low >= guess:
                continue
            if not _fails(state, call, guess):
                high = guess
                break
            low = guess
        while high > low * _TOLERANCE and high - low > 1:
            middle = min((low + high) // 2, low * 2)
            low, high = (middle, high) if _fails(state, call, middle) else (low, middle)
        return high


def _affordable(state: State, call: Call) -> int:
    if not call.price:
        return call.gas
    left: int = state.get_balance(call.sender) - call.value
    if left < 0:
        raise refused("insufficient funds for transfer")
    return min(call.gas, left // call.price)


def _try(state: State, call: Call, gas: int) -> Any:
    snapshot = state.snapshot()
    state.lock_changes()
    try:
        return _execute(state, call, gas)
    finally:
        state.revert(snapshot)


def _fails(state: State, call: Call, gas: int) -> bool:
    try:
        return bool(_try(state, call, gas).is_error)
    except Refused:
        return True


def _gas_of(call: Call, computation: Any) -> int:
    return max(call.intrinsic_gas + int(computation.get_gas_used()), call.least_gas)


def _execute(state: State, call: Call, gas: int) -> Any:
    if gas < max(call.intrinsic_gas, call.least_gas if gas < GAS_LIMIT else 0):
        raise refused(f"intrinsic gas too low: have {gas}, want {call.intrinsic_gas}")
    kind = state.computation_class
    for address in (call.sender, call.to, state.coinbase):
        if address is not None:
            state.mark_address_warm(address)
    apply = kind.apply_create_message if call.to is None else kind.apply_message
    context = TransactionContext(gas_price=call.price, origin=call.sender)
    try:
        return apply(state, _message(state, call, gas), context)
    except InsufficientFunds:
        raise refused("insufficient funds for transfer") from None


def _message(state: State, call: Call, gas: int) -> Any:
    left = gas - call.intrinsic_gas
    if call.to is None:
        address = created_by(call.sender, state.get_nonce(call.sender))
        state.increment_nonce(call.sender)
        return Message(left, b"", call.sender, call.value, b"", call.data, create_address=address)
    code, delegate = state.get_transaction_executor().get_code_at_address(call.to)
    delegated = delegate is not None
    return Message(left, call.to, call.sender, call.value, call.data, code, is_delegation=delegated)


def _succeed(computation: Any) -> Any:
    if not computation.is_error:
        return computation
    raise _why(computation.error, computation.output)


def _why(error: VMError, output: bytes) -> Refused:
    if isinstance(error, Revert):
        return reverted(output)
    if isinstance(error, OutOfGas):
        return refused("out of gas")
    return refused(f"execution failed: {error}")


def _override(state: State, told: object) -> None:
    """Geth's third parameter: other code, balance, nonce or storage for this one call."""
    if told is None:
        return
    for name, fields in read_object(told, "state override").items():
        address = read_address(name)
        _override_account(state, address, read_object(fields, "state override"))


def _override_account(state: State, address: bytes, fields: dict[str, Any]) -> None:
    unknown = set(fields) - {"code", "balance", "nonce", "state", "stateDiff"}
    if unknown:
        raise invalid(f"invalid state override: {sorted(unknown)}")
    if "code" in fields:
        state.set_code(address, read_data(fields["code"], "code"))
    if "balance" in fields:
        state.set_balance(address, read_number(fields["balance"], "balance"))
    if "nonce" in fields:
        state.set_nonce(address, read_number(fields["nonce"], "nonce"))
    if "state" in fields:
        state.delete_storage(address)
    slots = fields.get("state", fields.get("stateDiff"))
    for slot, value in read_object(slots or {}, "storage").items():
        state.set_storage(address, read_number(slot), read_number(value))
