"""Reading by questions to the contracts, one for each value.

What a task was asked to do never changes and its attempts only grow, so of a task that is
`known` only the rest is asked. Reading takes up to three rounds (the task, its attempts,
its responses); each round is for all tasks together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.contracts import RESPONSE, TASK, ZERO_ADDRESS
from ogpu_jupyter.errors import AddressError, OgpuError, RpcError
from ogpu_jupyter.tasks import (
    Attempt,
    DeliveryMethod,
    Response,
    ResponseStatus,
    TaskSnapshot,
    TaskStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from ogpu_jupyter.chain.contracts import ContractCall
    from ogpu_jupyter.chain.snapshots.packed import Order

    Ask = Callable[[list[ContractCall]], list[Any]]
    Found = TaskSnapshot | OgpuError
    # Yields what to ask, is sent the raw answers, returns what it made of them.
    Asking = Generator[list[ContractCall], list[Any], Any]

_MOST_ATTEMPTS: Final = 1000  # a stranger's contract can claim any number


def read(ask: Ask, orders: Sequence[Order], block: int) -> list[Found]:
    """One for each order; in the place of a task that can't be read stands why.

    All are read side by side: `ask` gets the questions of all for one round.
    """
    readings = [_task(order, block) for order in orders]
    found: dict[int, Found] = {}
    answers: dict[int, Any] = dict.fromkeys(range(len(readings)))
    while answers:
        steps = {index: _step(readings[index], answer) for index, answer in answers.items()}
        found |= {i: step for i, step in steps.items() if not isinstance(step, list)}
        asked = {i: step for i, step in steps.items() if isinstance(step, list)}
        calls = [call for part in asked.values() for call in part]
        results = iter(ask(calls) if calls else ())
        answers = {i: [next(results) for _ in part] for i, part in asked.items()}
    return [found[index] for index in range(len(readings))]


def _step(reading: Asking, answer: Any) -> list[ContractCall] | Found:
    """What it asks next, or how it ended."""
    try:
        return reading.send(answer)
    except StopIteration as end:
        snapshot: TaskSnapshot = end.value
        return snapshot
    except OgpuError as error:
        return error


def _task(order: Order, block: int) -> Asking:
    address, earlier = order
    moving = ("getStatus", "winningProvider", "getAttemptCount")
    fixed = () if earlier else ("getDeliveryMethod", "taskParams")
    calls = [TASK.call(address, name, block=block) for name in (*moving, *fixed)]
    try:
        status, winner, count, *rest = yield from _ask(calls)
    except (RpcError, AddressError) as error:
        if isinstance(error, AddressError) or _is_revert(error):
            raise AddressError(f"There is no task at {address}.") from None
        raise
    try:
        attempts, responses = yield from _attempts(address, earlier, count, block)
        return TaskSnapshot(
            address=address,
            block=block,
            status=TaskStatus(status),
            attempts=attempts,
            responses=responses,
            winner="" if winner == ZERO_ADDRESS else winner,
            **_terms(earlier, rest),
        )
    except (ValueError, AddressError) as error:
        raise RpcError(f"What the node says of task {address} can't be: {error}.") from None


def _terms(earlier: TaskSnapshot | None, rest: list[Any]) -> dict[str, Any]:
    if earlier:
        return earlier.model_dump(
            include={"source", "config_url", "expires_at", "payment", "delivery"}
        )
    delivery, params = rest
    return {
        "source": params["source"],
        "config_url": params["config"],
        "expires_at": params["expiryTime"],
        "payment": params["payment"],
        "delivery": DeliveryMethod(delivery),
    }


def _attempts(address: str, earlier: TaskSnapshot | None, count: int, block: int) -> Asking:
    if not count:
        return (), ()
    last = min(count, _MOST_ATTEMPTS) - 1
    old = earlier.attempts[: last + 1] if earlier else ()
    calls = [TASK.call(address, "getResponsesOf", 0, last, block=block)]
    if len(old) <= last:  # both bounds are inclusive
        names = ("getAttempters", "getAttemptTimestamps")
        calls += [TASK.call(address, name, len(old), last, block=block) for name in names]
    places, *more = yield from _ask(calls)
    new = [Attempt(provider=who, at=at) for who, at in zip(*more, strict=False)] if more else []
    # An attempter without a response has the zero address in its place.
    given = [place for place in places if place != ZERO_ADDRESS]
    responses = yield from _responses(given, earlier.responses if earlier else (), block)
    return (*old, *new), responses


def _responses(given: list[str], earlier: tuple[Response, ...], block: int) -> Asking:
    old = {response.address: response for response in earlier}
    calls: list[ContractCall] = []
    for address in given:
        names = ("getStatus",) if address in old else ("getStatus", *_RESPONSE_TERMS)
        calls += [RESPONSE.call(address, name, block=block) for name in names]
    answers = iter((yield from _ask(calls)) if calls else ())
    found = []
    for address in given:
        status = ResponseStatus(next(answers))
        if address in old:
            found.append(old[address].model_copy(update={"status": status}))
        else:
            found.append(_response(address, status, next(answers), next(answers)))
    return tuple(found)


_RESPONSE_TERMS: Final = ("responseParams", "responseTimestamp")


def _response(address: str, status: ResponseStatus, params: dict[str, Any], at: int) -> Response:
    return Response(
        address=address,
        provider=params["provider"],
        url=params["data"],
        payment=params["payment"],
        status=status,
        at=at,
    )


def _ask(calls: list[ContractCall]) -> Asking:
    answers = yield calls
    return [call.decode(answer) for call, answer in zip(calls, answers, strict=True)]


def _is_revert(error: RpcError) -> bool:
    return error.code == 3 or "revert" in error.what.lower()
