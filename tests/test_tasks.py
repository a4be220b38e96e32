"""The records, and what makes two tasks the same."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ogpu_jupyter.errors import InputError
from ogpu_jupyter.publishing import Wish, as_input, wishes
from ogpu_jupyter.tasks import (
    DeliveryMethod,
    NetworkId,
    ResponseStatus,
    SourceStatus,
    Stage,
    TaskInfo,
    TaskInput,
    TaskRecord,
    TaskStatus,
    encode_payload,
    payload_digest,
    stage_of,
)

LOCAL = NetworkId(chain_id=31337, genesis="0x01", controller="0xAA")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(
        st.characters(codec="utf-8"), max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def record(**changes):
    fields = {
        "network": "local", "network_id": LOCAL, "account": "0xA1", "source": "0xB2",
        "function": "text2text", "payload": b'{"function_name": "text2text", "data": {"a": 1}}',
        "payment": 10**15, "created_at": 0.0, "expires_at": 100,
    }  # fmt: skip
    return TaskRecord(**{**fields, **changes})


def test_extras_stand_beside_function_and_data():
    task_input = TaskInput("text2text", {"a": 1}, priority="high")

    assert task_input.to_dict() == {
        "function_name": "text2text", "data": {"a": 1}, "priority": "high",
    }  # fmt: skip


def test_a_model_is_sent_as_its_json():
    class Question(BaseModel):
        text: str

    assert TaskInput("f", Question(text="hi")).data == {"text": "hi"}


def test_the_sdks_objects_are_taken():
    """Whatever has the SDK's fields is an order, also the unmodified SDK's own classes."""
    config = SimpleNamespace(to_dict=lambda: {"function_name": "f", "data": {"a": 1}, "x": 2})
    theirs = SimpleNamespace(source="0xB2", config=config, expiryTime=5, payment=7)

    ours = TaskInfo.of(theirs)

    assert ours == TaskInfo("0xB2", TaskInput("f", {"a": 1}, x=2), expiryTime=5, payment=7)


def test_an_input_without_a_name_is_refused():
    with pytest.raises(ValidationError):
        TaskInput("", {})


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=5))
def test_the_payload_holds_the_data_untouched(data):
    payload = encode_payload(TaskInput("f", data))

    assert json.loads(payload)["data"] == data


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), float("inf"), "\ud800", b"bytes"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(InputError, match="can't be written as JSON"):
        encode_payload(TaskInput("f", {"value": value}))


def test_the_order_of_keys_makes_no_other_task():
    assert payload_digest(b'{"a": 1, "b": 2}') == payload_digest(b'{"b":2,"a":1}')


@pytest.mark.parametrize(
    "changes",
    [
        {"network_id": NetworkId(chain_id=1, genesis="0x01", controller="0xAA")},
        {"network_id": NetworkId(chain_id=31337, genesis="0x02", controller="0xAA")},
        {"network_id": NetworkId(chain_id=31337, genesis="0x01", controller="0xBB")},
        {"account": "0xA2"},
        {"source": "0xB3"},
        {"payload": b'{"function_name": "text2text", "data": {"a": 2}}'},
        {"name": "other"},
        {"item": 0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_each_part_of_the_identity_counts(changes):
    assert record(**changes).identity != record().identity


@pytest.mark.parametrize(
    "changes", [{"payment": 1}, {"expires_at": 1}, {"created_at": 9.0}, {"account": "0xa1"}]
)
def test_price_and_time_make_no_other_task(changes):
    assert record(**changes).identity == record().identity


def test_each_status_of_the_chain_is_a_stage():
    assert [record(stage=stage_of(status)).status for status in TaskStatus] == list(TaskStatus)


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_has_a_status_just_when_it_is_on_chain(stage):
    assert (record(stage=stage).status is not None) == stage.is_on_chain


@pytest.mark.parametrize("words", [TaskStatus, SourceStatus, ResponseStatus, DeliveryMethod])
def test_the_contracts_numbers_print_as_words(words):
    for word in words:
        assert str(word) == f"{word}" == word.name
        assert word == int(word)


def test_a_signed_transaction_does_not_show_its_bytes():
    assert "raw" not in repr(record())


class Loose(BaseModel):
    counts: dict[Any, int]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: TaskInput("f", {1: "a", "1": "b"}), "The key 1 in `data` is not text."),
        (
            lambda: TaskInput("f", {"rows": [{"a": ({None: 1},)}]}),
            "The key None in `data.rows[0].a[0]` is not text.",
        ),
        (
            lambda: TaskInput("f", {"a b": {True: 1}}),
            'The key True in `data["a b"]` is not text.',
        ),
        (
            lambda: TaskInput("f", {}, limits={2.5: 1}),
            "The key 2.5 in `limits` is not text.",
        ),
        (
            lambda: TaskInput("f", Loose(counts={1: 1, "1": 2})),
            "The key 1 in `data.counts` is written as '1' twice.",
        ),
        (
            lambda: as_input("f", {"a": {b"k" * 90: 1}}, None),
            f"The key b'{'k' * 38}… in `data.a` is not text.",
        ),
        (lambda: as_input("f", {}, {"x": {1: 1}}), "The key 1 in `x` is not text."),
    ],
)
def test_keys_are_text(make, text):
    """Python's JSON would write 1 as "1", and a key twice where "1" is there already."""
    with pytest.raises(InputError) as caught:
        make()

    assert str(caught.value) == (
        f"{text}\nNothing was spent.\nMake its keys text: `{{str(key): value …}}`."
    )


def test_a_key_that_came_in_later_is_refused_too():
    """Data is the person's own dict: it may change after it was looked at."""
    data = {"a": {}}
    task_input = TaskInput("f", data)
    task_input.data["a"][1] = 2

    with pytest.raises(InputError, match=r"^The key 1 in `data\.a` is not text\."):
        encode_payload(task_input)


def test_data_that_holds_itself_is_refused_in_words():
    data = {"a": []}
    data["a"].append(data)

    with pytest.raises(InputError):
        encode_payload(as_input("f", data, None))


def test_a_model_writes_its_own_keys_as_text():
    """A model says how it is written: only what it would write twice is lost."""
    task_input = TaskInput("f", Loose(counts={1: 1, "2": 2}))

    assert task_input.data == {"counts": {"1": 1, "2": 2}}


def test_the_key_of_a_batch_is_told_with_its_item():
    first = Wish("0xB2", "", TaskInput("f", {}), None, None, None)

    with pytest.raises(InputError, match=r"^Item 1: The key 2 in `data\.a` is not text\."):
        wishes(first, "f", [{"a": {}}, {"a": {2: 3}}], None)
