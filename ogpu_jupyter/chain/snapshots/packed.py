"""The reader's orders and answers as bytes; `Reader.sol` has both formats.

What a node sends is believed of a task only where it stands under the task's own address
and fits to the last byte. Thousands are decoded at a time, so this is done by hand.
"""

from __future__ import annotations

import struct
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ogpu_jupyter.chain.contracts import ZERO_ADDRESS, spelled
from ogpu_jupyter.errors import AddressError
from ogpu_jupyter.tasks import (
    Attempt,
    DeliveryMethod,
    Response,
    ResponseStatus,
    TaskSnapshot,
    TaskStatus,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.errors import OgpuError

    Answer = TaskSnapshot | OgpuError | None

_HEAD: Final = Struct(">QI")
_FRAME: Final = Struct(">20sBI")
_STATE: Final = Struct(">B20sH")
_TERMS: Final = Struct(">B20s32s32sI")
_ATTEMPT: Final = Struct(">20sQ")
_COUNT: Final = Struct(">H")
_RESPONSE: Final = Struct(">20sB?")
_GIVEN: Final = Struct(">20s32sQI")
_READ, _NO_CODE = 0, 1
_MOST_KNOWN: Final = 255
_BEYOND: Final = 1 << 53  # no block's number


class Order(NamedTuple):
    """A task to be read; `earlier` is what is known of it."""

    address: str
    earlier: TaskSnapshot | None = None


class Unfit(ValueError):
    """The answer is not the reader's."""


def encode(orders: Sequence[Order]) -> str:
    return "0x" + "".join(map(_encoded, orders))


def _encoded(order: Order) -> str:
    address, earlier = order
    if earlier is None:
        return address[2:] + "00000000"
    responses = [response.address[2:] for response in earlier.responses]
    if len(responses) > _MOST_KNOWN:
        responses = []
    head = f"01{min(len(earlier.attempts), 0xFFFF):04x}{len(responses):02x}"
    return address[2:] + head + "".join(responses)


def decode(
    data: bytes, orders: Sequence[Order], asked_at: int | None = None
) -> tuple[int, list[Answer]]:
    """The block, and answers to the first orders; None for what has to be asked otherwise."""
    if len(data) < _HEAD.size:
        raise Unfit("too short")
    block, count = _HEAD.unpack_from(data)
    if count > len(orders) or block > _BEYOND or asked_at not in {None, block}:
        raise Unfit("another answer")
    found: list[Answer] = []
    place = _HEAD.size
    for order in orders[:count]:
        if place + _FRAME.size > len(data):
            raise Unfit("cut short")
        task, outcome, length = _FRAME.unpack_from(data, place)
        place += _FRAME.size + length
        if task.hex() != order.address[2:].lower() or place > len(data):
            raise Unfit("another task's answer")
        found.append(_answer(order, block, outcome, data[place - length : place]))
    if place != len(data):
        raise Unfit("too long")
    return block, found


def _answer(order: Order, block: int, outcome: int, body: bytes) -> Answer:
    if outcome == _NO_CODE:
        return AddressError(f"There is no task at {order.address}.")
    if outcome != _READ:
        return None
    try:
        return _snapshot(order, block, body)
    except (struct.error, LookupError, ValueError):
        return None


def _snapshot(order: Order, block: int, body: bytes) -> TaskSnapshot:
    address, earlier = order
    status, winner, count = _STATE.unpack_from(body)
    terms, place = (earlier.__dict__, _STATE.size) if earlier else _terms(body, _STATE.size)
    attempts, place = _attempts(body, place, count, earlier)
    responses, place = _responses(body, place, earlier) if count else ((), place)
    if place != len(body):
        raise Unfit("too long")
    won_by = spelled(winner)
    return TaskSnapshot(
        address=address,
        block=block,
        source=terms["source"],
        config_url=terms["config_url"],
        expires_at=terms["expires_at"],
        payment=terms["payment"],
        delivery=terms["delivery"],
        status=_TASK_STATUS[status],
        attempts=attempts,
        responses=responses,
        winner="" if won_by == ZERO_ADDRESS else won_by,
    )


_TASK_STATUS: Final = tuple(TaskStatus)
_RESPONSE_STATUS: Final = tuple(ResponseStatus)
_DELIVERY: Final = tuple(DeliveryMethod)


def _terms(body: bytes, place: int) -> tuple[dict[str, Any], int]:
    delivery, source, expiry, payment, length = _TERMS.unpack_from(body, place)
    config, place = _text(body, place + _TERMS.size, length)
    terms = {
        "source": spelled(source),
        "config_url": config,
        "expires_at": int.from_bytes(expiry, "big"),
        "payment": int.from_bytes(payment, "big"),
        "delivery": _DELIVERY[delivery],
    }
    return terms, place


def _attempts(
    body: bytes, place: int, count: int, earlier: TaskSnapshot | None
) -> tuple[tuple[Attempt, ...], int]:
    """Those that are known as they are known, with their bids."""
    old = earlier.attempts[:count] if earlier else ()
    if len(old) == count:
        return old, place
    end = place + (count - len(old)) * _ATTEMPT.size
    new = [
        Attempt(provider=spelled(provider), at=at)
        for provider, at in _ATTEMPT.iter_unpack(body[place:end])
    ]
    if len(old) + len(new) != count:
        raise Unfit("cut short")
    return (*old, *new), end


def _responses(
    body: bytes, place: int, earlier: TaskSnapshot | None
) -> tuple[tuple[Response, ...], int]:
    (count,) = _COUNT.unpack_from(body, place)
    place += _COUNT.size
    old = {response.address: response for response in earlier.responses} if earlier else {}
    found = []
    for _ in range(count):
        raw, status, is_known = _RESPONSE.unpack_from(body, place)
        place += _RESPONSE.size
        address = spelled(raw)
        if is_known:
            found.append(_renewed(old[address], _RESPONSE_STATUS[status]))
        else:
            response, place = _response(body, place, address, _RESPONSE_STATUS[status])
            found.append(response)
    return tuple(found), place


def _renewed(response: Response, status: ResponseStatus) -> Response:
    if response.status is status:
        return response
    return response.model_copy(update={"status": status})


def _response(
    body: bytes, place: int, address: str, status: ResponseStatus
) -> tuple[Response, int]:
    provider, payment, at, length = _GIVEN.unpack_from(body, place)
    url, place = _text(body, place + _GIVEN.size, length)
    response = Response(
        address=address,
        provider=spelled(provider),
        url=url,
        payment=int.from_bytes(payment, "big"),
        status=status,
        at=at,
    )
    return response, place


def _text(body: bytes, place: int, length: int) -> tuple[str, int]:
    raw = body[place : place + length]
    if len(raw) != length:
        raise Unfit("cut short")
    return raw.decode("utf-8", errors="replace"), place + length
