"""The shape of a function's data is found where it is said first, on a real market."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from ogpu_jupyter.errors import InputError, UnknownName
from ogpu_jupyter.forms.examples import MOST, in_journal, on_chain
from ogpu_jupyter.forms.fields import File, Listing, Mapping, Number, Raw, Record, Text
from ogpu_jupyter.forms.origins import (
    of_model,
    of_samples,
    of_template,
    schema_in,
    shape_of,
)
from ogpu_jupyter.forms.templates import TEMPLATES, template_for
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.magics.body import TEMPLATES as OF_THE_MAGIC
from ogpu_jupyter.magics.body import read_body
from ogpu_jupyter.tasks import NetworkId, TaskRecord
from tests.helpers import wait_until
from tests.market import Publisher

NETWORK = NetworkId(chain_id=31337, genesis="0x" + "ab" * 32, controller="0x" + "Cc" * 20)
SOURCE = "0x" + "5E" * 20
IMAGE = "iVBORw0KGgo" + "A" * 400


class Asked(BaseModel):
    question: str
    size: int = 5


# A model


def test_a_model_is_taken_before_all() -> None:
    shape = shape_of(None, "any", "any", model=Asked)

    assert (shape.model, shape.origin) == (Asked, "the model Asked")
    assert shape.defaults == {"question": "", "size": 5}
    assert shape.complete({"question": "a"}) == {"question": "a", "size": 5}


@pytest.mark.parametrize("model", [5, Asked(question="a"), RootModel[list[int]], str])
def test_what_makes_no_data_is_refused(model) -> None:
    with pytest.raises(InputError):
        of_model(model, "")


def test_a_model_without_a_schema_is_refused_with_the_reason() -> None:
    class Model(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        session: SimpleNamespace

    with pytest.raises(InputError, match="has no JSON Schema"):
        of_model(Model, "")


# Templates


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_is_a_form_to_fill_in(name) -> None:
    """What it begins with lacks only what the person has to say."""
    shape = of_template(name)

    assert isinstance(shape.root, Record)
    assert shape.origin == f"the template {name}"
    assert isinstance(shape.defaults, dict)
    problems = {problem.message for problem in shape.check(shape.defaults)}
    assert problems <= {"This should not be empty.", "This is needed."}


@pytest.mark.parametrize("name", OF_THE_MAGIC)
def test_the_magics_templates_have_the_same_names_and_shapes(name) -> None:
    assert of_template(name).check(read_body("some text", {}, template=name)) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "chat",
            {"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]},
        ),
        ("text2image", {"prompt": "a lake", "steps": 4}),
        ("hf", {"input": {"question": "a", "context": "b"}, "args": {"top_k": 1}}),
        ("question-answering", {"input": {"question": "a", "context": "b"}, "args": {}}),
        ("zero-shot-classification", {"input": "a", "args": {"candidate_labels": ["b", "c"]}}),
        ("object-detection", {"input": IMAGE, "args": {"threshold": 0.5}}),
        ("automatic-speech-recognition", {"input": IMAGE, "args": {"return_timestamps": "word"}}),
        ("automatic-speech-recognition", {"input": IMAGE, "args": {"return_timestamps": True}}),
        ("summarization", {"input": "a", "args": {"max_length": 9, "of_its_own": [1]}}),
    ],
    ids=str,
)
def test_a_template_takes_what_such_sources_take(name, data) -> None:
    assert of_template(name).check(data) == []


@pytest.mark.parametrize(
    ("name", "data", "path"),
    [
        ("chat", {"messages": [{"role": "bot", "content": "a"}]}, ("messages", 0, "role")),
        ("chat", {"messages": []}, ("messages",)),
        ("object-detection", {"input": IMAGE, "args": {"threshold": 5}}, ("args", "threshold")),
        ("zero-shot-classification", {"input": "a", "args": {}}, ("args", "candidate_labels")),
    ],
)
def test_a_template_says_what_is_wrong(name, data, path) -> None:
    assert [problem.path for problem in of_template(name).check(data)] == [path]


def test_pictures_and_sounds_are_files() -> None:
    image = of_template("object-detection").root.field("input").resolved
    sound = of_template("automatic-speech-recognition").root.field("input").resolved

    assert isinstance(image, File)
    assert (image.accept, sound.accept) == (("image/*",), ("audio/*",))


@pytest.mark.parametrize(
    ("function", "source", "name"),
    [
        ("text2text", "", "chat"),
        ("chat", "", "chat"),
        ("text2image", "", "text2image"),
        ("inference", "", "hf"),
        ("inference", "DETR object detection", "object-detection"),
        ("inference", "zero_shot_object_detection", "zero-shot-object-detection"),
        ("object_detection", "", "object-detection"),
        ("run", "OpenChat", "chat"),
        ("ner", "", "token-classification"),
        ("of_its_own", "of its own", None),
        ("", "", None),
    ],
)
def test_a_template_goes_by_a_name(function, source, name) -> None:
    assert template_for(function, source) == name


def test_an_unknown_template_raises_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean `chat`"):
        of_template("chatt")
    with pytest.raises(UnknownName, match="There are: chat"):
        of_template("zzzzzz")


# Metadata

SCHEMA = {"type": "object", "properties": {"a": {"type": "number"}}}


@pytest.mark.parametrize(
    "metadata",
    [
        {"functions": [{"name": "other", "input": {}}, {"name": "f", "input": SCHEMA}]},
        {"functions": [{"name": "f", "input_schema": SCHEMA}]},
        {"functions": [{"name": "f", "inputSchema": SCHEMA}]},
        {"functions": [{"name": "f", "schema": SCHEMA}]},
        {"functions": [{"name": "f", "schema": {"input": SCHEMA, "output": {}}}]},
        {"functions": [{"name": "f", "parameters": SCHEMA}]},
        {"functions": {"f": {"input": SCHEMA}}},
        {"input_schema": SCHEMA},
        {"schema": SCHEMA},
    ],
    ids=str,
)
def test_a_schema_is_found_in_metadata(metadata) -> None:
    assert schema_in(metadata, "f") == SCHEMA


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        "text",
        {},
        {"functions": 5},
        {"functions": [5, {"name": []}, {"name": "f", "input": "text"}]},
        {"functions": [{"name": "other", "input": SCHEMA}], "input": SCHEMA},
        {"input": []},
    ],
    ids=str,
)
def test_no_schema_is_found_where_there_is_none(metadata) -> None:
    assert schema_in(metadata, "f") is None


# Payloads that were seen


def inferred(*samples):
    return of_samples(list(samples), "a test")


def test_what_all_had_is_required() -> None:
    root = inferred({"a": 1, "b": "x"}, {"a": 2}).root

    assert root.field("a").required
    assert not root.field("b").required
    assert root.additional == Raw()


def test_the_newest_payload_is_what_a_form_begins_with() -> None:
    assert inferred({"a": "new"}, {"a": "old"}).defaults == {"a": "new"}


def test_a_huge_text_is_not_what_a_form_begins_with() -> None:
    assert inferred({"a": ["x" * 200_000, "y"]}).defaults == {"a": ["", "y"]}


def test_types_are_those_that_were_seen() -> None:
    root = inferred(
        {"n": 1, "s": "x", "f": True, "l": [{"a": 1}, {"b": 2}], "z": None, "o": {}},
        {"n": None, "s": "line\nline", "f": False, "l": [], "z": None, "o": {"x": [1]}},
    ).root
    kinds = {name: type(field.resolved) for name, field in root.fields}

    assert kinds["n"] is Number
    assert root.field("n").nullable
    assert not root.field("n").integer
    assert kinds["s"] is Text
    assert root.field("s").long
    assert kinds["l"] is Listing
    item = root.field("l").item
    assert [(name, field.required) for name, field in item.fields] == [("a", False), ("b", False)]


def test_values_that_were_seen_are_offered_not_imposed() -> None:
    shape = inferred({"role": "user"}, {"role": "user"}, {"role": "system"})

    assert shape.root.field("role").examples == ("user", "system")
    assert shape.check({"role": "assistant"}) == []


def test_files_are_known_by_how_they_begin() -> None:
    root = inferred({"a": "data:audio/wav;base64,AAAA", "b": IMAGE, "c": "iVBOR"}).root

    assert root.field("a").resolved == File(accept=("audio/*",), as_="data_url", title="A")
    assert root.field("b").accept == ("image/*",)
    assert isinstance(root.field("c"), Text)


def test_many_names_are_data_themselves() -> None:
    shape = inferred({f"row {n}": {"x": n} for n in range(100)})

    assert isinstance(shape.root, Mapping)
    assert isinstance(shape.root.value, Record)


payloads = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), payloads, max_size=3), min_size=1))
def test_what_was_seen_is_right(samples) -> None:
    shape = of_samples(samples, "a test")

    for sample in samples:
        assert shape.check(sample) == []


def test_a_deep_payload_ends() -> None:
    deep: dict = {}
    for _ in range(150):
        deep = {"a": [deep]}

    assert inferred(deep).check(deep) == []


# The journal


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite3") as journal:
        yield journal


def published(journal, data, *, function="f", source=SOURCE, **changes):
    payload = json.dumps({"function_name": function, "data": data}).encode()
    fields = {
        "network": "local",
        "network_id": NETWORK,
        "account": "0x" + "Aa" * 20,
        "source": source,
        "function": function,
        "payload": payload,
        "payment": 1,
        "created_at": time.time(),
        "expires_at": 2_000_000_000,
        **changes,
    }
    return journal.intend(TaskRecord(**fields), new=True)[0]


def test_the_journal_gives_a_functions_payloads_newest_first(journal) -> None:
    other = NETWORK.model_copy(update={"genesis": "0x" + "cd" * 32})
    for data in ({"a": 1}, {"a": 2}, {"a": 2}):
        published(journal, data)
    published(journal, {"a": 3}, function="g")
    published(journal, {"a": 4}, source="0x" + "11" * 20)
    published(journal, {"a": 5}, network_id=other)
    published(journal, {"a": "x" * 2_000_000})
    session = SimpleNamespace(journal=journal, network_id=NETWORK)

    assert in_journal(session, SOURCE, "f") == [{"a": 2}, {"a": 1}]
    assert in_journal(session, SOURCE.lower(), "g") == [{"a": 3}]
    assert in_journal(session, SOURCE, "h") == []


def test_the_journal_gives_a_bounded_number(journal) -> None:
    for number in range(MOST + 5):
        published(journal, {"a": number})
    session = SimpleNamespace(journal=journal, network_id=NETWORK)

    assert len(in_journal(session, SOURCE, "f")) == MOST


def test_payloads_that_are_none_are_passed_over(journal) -> None:
    """A task of another program may have been taken into the journal."""
    published(journal, [1])
    published(journal, {}, payload=b"[1]")
    published(journal, {"a": 1}, payload=b'{"function_name": "g", "data": {}}')
    published(journal, {"a": 2})
    session = SimpleNamespace(journal=journal, network_id=NETWORK)

    assert in_journal(session, SOURCE, "f") == [{"a": 2}]


# A market


@pytest.fixture
def publisher(localnet):
    return Publisher(localnet)


def test_a_local_service_has_its_model(session) -> None:
    from ogpu_jupyter.localnet.services import SERVICES

    for name in session.localnet.services:
        shape = shape_of(session, name, SERVICES[name].function)

        assert shape.model is SERVICES[name].input_model
        assert shape.origin == f"the model of the local service {name}"


def test_elsewhere_the_metadata_has_its_schema(session) -> None:
    """As for somebody who is connected to the same market by its address."""
    address = session.localnet.services["describe"]
    session.localnet = None

    shape = shape_of(session, address, "describe")

    assert shape.origin == "the JSON Schema in the source's metadata"
    assert shape.model is None
    assert shape.check({"rows": [{"a": 1, "b": None}]}) == []
    assert [problem.path for problem in shape.check({"rows": [{"a": []}]})] == [("rows", 0, "a")]


def test_a_template_that_is_asked_for_is_taken(session) -> None:
    shape = shape_of(session, "text2text", "text2text", template="object-detection")

    assert shape.origin == "the template object-detection"


def test_a_source_goes_by_its_name(session, publisher) -> None:
    named = publisher.publish_source(name="fast object detection")
    unknown = publisher.publish_source(name="of its own")

    assert shape_of(session, named, "inference").origin == "the template object-detection"
    assert shape_of(session, unknown, "text2text").origin == "the template chat"


@pytest.mark.parametrize("name", ["describe", "text2text"])
def test_a_wrong_function_names_the_right_one(session, name) -> None:
    """Also where the source's name would have a template."""
    shape = shape_of(session, name, "of_its_own")

    assert shape.origin == f"nothing: any JSON object; the source's functions are: {name}"
    assert isinstance(shape.root, Raw)
    assert shape.check({"a": 1}) == []
    assert len(shape.check([])) == 1


def test_earlier_tasks_tell_the_shape_here_and_to_others(
    session, publisher, localnet, tmp_path
) -> None:
    import ogpu_jupyter
    from tests.helpers import funded_account

    source = publisher.publish_source(name="of its own")
    session.deposit(1)
    tasks = [
        session.publish(source, "measure", {"weight": n, "unit": "kg"}, expires="10m")
        for n in (1, 2)
    ]
    session.publish(source, "other", {"x": 1}, expires="10m")
    wait_until(lambda: all(task.address for task in session.tasks()))

    here = shape_of(session, source, "measure")

    assert here.origin == "2 tasks of this journal"
    assert here.defaults == {"weight": 2, "unit": "kg"}
    assert len(tasks) == 2

    session.close()
    stranger = ogpu_jupyter.connect(
        localnet.network, account=funded_account(localnet), journal=tmp_path / "other.db"
    )
    try:
        there = shape_of(stranger, source, "measure")

        assert there.origin == "2 tasks of the chain"
        assert there.defaults == {"weight": 2, "unit": "kg"}
        assert [name for name, _ in there.root.fields] == ["weight", "unit"]
        assert on_chain(stranger, source, "unheard of") == []
    finally:
        stranger.close()


def test_content_that_cannot_be_had_is_passed_over(session, publisher) -> None:
    """A task whose payload is gone, and one whose payload is no payload."""
    from ogpu_jupyter.chain.contracts import CONTROLLER, VAULT

    network = publisher.client.network
    source = publisher.publish_source(name="of its own")
    publisher.call(VAULT, network.vault, "deposit", publisher.address, value=10**17)
    links = [
        f"{network.gateway_url}/QmaozNR7DZHQK1ZcU9p7QdrshMvXqWK6gpu5rmrkPdT3L4",
        "http://127.0.0.1:1/nothing",
        publisher.store.put(b"not json"),
        publisher.store.put(b'{"function_name": "measure", "data": {"weight": 5}}'),
    ]
    for link in links:
        task = {
            "source": source,
            "config": link,
            "expiryTime": publisher.client.head().timestamp + 600,
            "payment": 10**15,
        }
        publisher.call(CONTROLLER, network.controller, "publishTask", task)

    assert on_chain(session, source, "measure") == [{"weight": 5}]
