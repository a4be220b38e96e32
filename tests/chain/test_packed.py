"""The reader's bytes: nobody's data can do more than not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.chain.contracts import checksum, spelled
from ogpu_jupyter.chain.snapshots.packed import Order, Unfit, decode, encode
from ogpu_jupyter.errors import AddressError
from ogpu_jupyter.tasks import Response, TaskSnapshot, TaskStatus

TASK, OTHER = (spelled(bytes([n]) * 20) for n in (1, 2))
STATE = bytes([0]) + bytes(20) + bytes(2)
TERMS = b"\1" + b"\3" * 20 + (7).to_bytes(32, "big") + (9).to_bytes(32, "big") + bytes(4)


def frame(task: str, body: bytes, outcome: int = 0) -> bytes:
    return bytes.fromhex(task[2:]) + bytes([outcome]) + len(body).to_bytes(4, "big") + body


def answer(*frames: bytes, block: int = 5) -> bytes:
    return block.to_bytes(8, "big") + len(frames).to_bytes(4, "big") + b"".join(frames)


def test_a_new_task() -> None:
    (found,) = decode(answer(frame(TASK, STATE + TERMS)), [Order(TASK)])[1]

    assert isinstance(found, TaskSnapshot)
    assert (found.address, found.block, found.status) == (TASK, 5, TaskStatus.NEW)
    assert (found.expires_at, found.payment, found.source) == (7, 9, spelled(b"\3" * 20))


def test_fewer_answers_than_orders_are_the_first_ones() -> None:
    block, found = decode(answer(frame(TASK, b"", 1)), [Order(TASK), Order(OTHER)])

    assert block == 5
    assert [type(one) for one in found] == [AddressError]


@pytest.mark.parametrize(
    "data",
    [
        answer(frame(OTHER, STATE + TERMS)),
        answer(frame(TASK, STATE + TERMS), frame(OTHER, STATE + TERMS)),
        answer(frame(TASK, STATE + TERMS))[:-1],
        answer(frame(TASK, STATE + TERMS)) + b"\0",
        answer(frame(TASK, STATE + TERMS), block=2**63),
        b"",
    ],
)
def test_what_is_not_an_answer_to_these_orders(data: bytes) -> None:
    with pytest.raises(Unfit):
        decode(data, [Order(TASK)])


@pytest.mark.parametrize(
    "body",
    [STATE, STATE + TERMS[:-1], STATE + TERMS + b"\0", b"\6" + STATE[1:] + TERMS, b"", TERMS],
)
def test_a_body_that_does_not_fit_is_no_answer(body: bytes) -> None:
    """It harms no other."""
    good = frame(OTHER, STATE + TERMS)
    first, second = decode(answer(frame(TASK, body), good), [Order(TASK), Order(OTHER)])[1]

    assert first is None
    assert isinstance(second, TaskSnapshot)


@given(st.binary(max_size=400), st.booleans())
def test_any_body_is_an_answer_or_none(body: bytes, known: bool) -> None:
    """Whatever a node makes up for a task, nothing raises."""
    earlier = decode(answer(frame(TASK, STATE + TERMS)), [Order(TASK)])[1][0]
    order = Order(TASK, earlier if known and isinstance(earlier, TaskSnapshot) else None)
    (found,) = decode(answer(frame(TASK, STATE + body)), [order])[1]

    assert found is None or isinstance(found, TaskSnapshot)


@given(st.binary(max_size=300))
def test_any_data_is_an_answer_or_unfit(data: bytes) -> None:
    try:
        block, found = decode(data, [Order(TASK), Order(OTHER)])
    except Unfit:
        return
    assert block >= 0
    assert len(found) <= 2


def test_orders_say_what_is_known() -> None:
    """More responses than a byte counts are read whole again."""
    (earlier,) = decode(answer(frame(TASK, STATE + TERMS)), [Order(TASK)])[1]
    assert isinstance(earlier, TaskSnapshot)
    response = Response(address=OTHER, provider=OTHER, url="", payment=1)
    one = earlier.model_copy(update={"responses": (response,)})
    many = earlier.model_copy(update={"responses": (response,) * 256})

    assert encode([Order(TASK)]) == "0x" + "01" * 20 + "00000000"
    assert encode([Order(TASK, one)]) == "0x" + "01" * 20 + "01000001" + "02" * 20
    assert encode([Order(TASK, many)]) == "0x" + "01" * 20 + "01000000"


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_spelled_as_it_is_checked(raw: bytes) -> None:
    """A text that was spelled here is right for `checksum`, in small letters too."""
    assert checksum(spelled(raw)) == checksum("0x" + raw.hex()) == spelled(raw)
