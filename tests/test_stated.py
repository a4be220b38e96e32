"""What a source says of itself is held against what it is asked, and holds up nothing else."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from ogpu_jupyter import TaskInfo, TaskInput
from ogpu_jupyter.content import cid
from ogpu_jupyter.errors import InputError, OgpuError, UnknownName
from ogpu_jupyter.forms.metadata import named_functions
from ogpu_jupyter.forms.shapes import of_schema
from ogpu_jupyter.forms.strings import is_base64
from ogpu_jupyter.forms.validating import spending
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.localnet.services import SERVICES
from ogpu_jupyter.session import Session
from tests.gateways import Gateway, faulty_gateway, on_reading, says, silent
from tests.helpers import LATE, funded_account
from tests.localnet.test_services import EXAMPLES
from tests.market import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ogpu_jupyter.localnet import LocalNet

PICTURE = {
    "type": "object",
    "properties": {
        "image": {"type": "string", "contentEncoding": "base64"},
        "size": {"type": "integer", "minimum": 16},
        "mode": {"enum": ["fast", "fine"]},
    },
    "required": ["image"],
}
FUNCTIONS = [{"name": "enlarge", "input": PICTURE}, {"name": "describe"}]
RIGHT = {"image": "aGVsbG8=", "size": 32}
HINT = (
    "Nothing was spent.\n`%ogpu form {source} enlarge` shows what it takes; `--unchecked` "
    "(in Python: unchecked=True) publishes the data as it is."
)


@pytest.fixture
def publisher(localnet: LocalNet) -> Publisher:
    return Publisher(localnet)


@pytest.fixture
def funded(session: Session) -> Session:
    session.deposit("1")
    return session


@pytest.fixture
def source(publisher: Publisher) -> str:
    return publisher.publish_source(functions=FUNCTIONS)


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(OgpuError) as caught:
        act()
    return str(caught.value)


def info(source: str, function: str, data: dict[str, Any]) -> TaskInfo:
    return TaskInfo(source, TaskInput(function, data), int(time.time()) + 3600, 10**15)


def test_a_function_that_the_source_has_not(funded: Session, source: str) -> None:
    text = (
        f"The source {source} has no function 'enlrge'. It has: enlarge, describe.\n"
        "Nothing was spent.\nDid you mean `enlarge`? "
        "`--unchecked` (in Python: unchecked=True) publishes it all the same."
    )

    assert refusal(lambda: funded.publish(source, "enlrge", RIGHT)) == text
    assert refusal(lambda: funded.plan(source, "enlrge", RIGHT)) == text
    assert refusal(lambda: funded.publish_many(source, "enlrge", [RIGHT])) == text
    assert refusal(lambda: funded.publish_info(info(source, "enlrge", RIGHT))) == text
    assert funded.journal.tasks() == []


def test_the_functions_are_listed_within_bounds(funded: Session, publisher: Publisher) -> None:
    many = publisher.publish_source(functions=[f"f{n}" for n in range(500)])

    text = refusal(lambda: funded.publish(many, "zzz", {}))

    listed = ", ".join(f"f{n}" for n in range(10))
    assert text == (
        f"The source {many} has no function 'zzz'. It has: {listed}, and 490 more.\n"
        "Nothing was spent.\n`--unchecked` (in Python: unchecked=True) publishes it all the same."
    )


def test_data_that_the_source_would_not_take(funded: Session, source: str) -> None:
    """Each problem is a line: the field, what stands there, and what is expected."""
    data = {"image": "C:\\Users\\me\\pic.png", "size": 3, "mode": "slow"}
    text = (
        f"The data is not what the function enlarge of {source} takes:\n"
        "  image is 'C:\\Users\\me\\pic.png': This should be base64, the content of a file and "
        "not its name.\n"
        "  size is 3: This should be at least 16.\n"
        "  mode is 'slow': This should be one of: fast, fine.\n"
    ) + HINT.format(source=source)

    assert refusal(lambda: funded.publish(source, "enlarge", data)) == text
    assert refusal(lambda: funded.plan(source, "enlarge", data)) == text
    assert refusal(lambda: funded.publish_info(info(source, "enlarge", data))) == text


def test_a_pydantic_model_is_checked_too(funded: Session, source: str) -> None:
    class Picture(BaseModel):
        image: str

    assert funded.plan(source, "enlarge", Picture(image="aGVsbG8=")).payment
    with pytest.raises(InputError, match="image is 'a house': This should be base64"):
        funded.plan(source, "enlarge", Picture(image="a house"))


def test_a_tuple_is_the_list_that_is_sent(funded: Session, publisher: Publisher) -> None:
    schema = {"type": "object", "properties": {"xs": {"type": "array"}}}
    source = publisher.publish_source(functions={"f": {"input": schema}})

    assert funded.plan(source, "f", {"xs": (1, 2)}).payment


def test_all_rows_that_would_not_be_taken_are_told_at_once(funded: Session, source: str) -> None:
    rows = [RIGHT | {"size": 16 + n} for n in range(4)]
    rows += [{"image": "a b.", "size": 1}, {"image": ""}, *({"size": n} for n in range(16, 22))]
    rows[1] = {}

    text = refusal(lambda: funded.publish_many(source, "enlarge", rows))

    needed = "image is missing: This is needed."
    assert text == (
        f"8 of 12 items are not what the function enlarge of {source} takes:\n"
        f"  item 1: {needed}\n"
        "  item 4: image is 'a b.': This should be base64, the content of a file and not its "
        "name. (and 1 more)\n"
        f"  item 6: {needed}\n"
        f"  item 7: {needed}\n"
        f"  item 8: {needed}\n"
        "  and 3 more\n"
    ) + HINT.format(source=source)
    assert funded.journal.tasks() == []
    assert funded.spent == 0


def test_unchecked_goes_past_it(funded: Session, source: str) -> None:
    odd = {"picture": 1}
    words = {"unchecked": True, "new": True}

    assert funded.plan(source, "enlrge", odd, unchecked=True).record.function == "enlrge"
    tasks = [
        funded.publish(source, "enlrge", odd, **words),
        funded.publish_info(info(source, "enlarge", odd), **words),
        *funded.publish_many(source, "enlarge", [odd, {}], **words),
    ]
    assert [task.payload["data"] for task in tasks] == [odd, odd, odd, {}]


def test_what_was_published_is_shown_again_whatever_the_source_says_now(
    funded: Session, source: str
) -> None:
    task = funded.publish(source, "enlrge", {}, unchecked=True)

    assert funded.publish(source, "enlrge", {}) is task


NOTHING = [
    None,
    [],
    {},
    "text2text",
    [{"title": "without a name"}],
    [{"name": "g"}, {"title": "without a name"}],
    [{"name": ""}],
    5,
]


@pytest.mark.parametrize("functions", NOTHING, ids=repr)
def test_a_source_that_says_nothing_takes_anything(
    funded: Session, publisher: Publisher, functions: object
) -> None:
    source = publisher.publish_source(functions=functions)

    assert funded.plan(source, "whatever", {"a": 1}).payment


def test_names_alone_say_which_functions_there_are() -> None:
    assert named_functions({"functions": ["a", {"name": "b"}]}) == ("a", "b")
    assert named_functions({"functions": {"a": {}, "b": None}}) == ("a", "b")
    assert named_functions({"functions": ["a", 5]}) == ()
    assert named_functions([]) == ()


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


HOSTILE = {
    "itself": {"type": "object", "properties": {"a": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]},
    "a circle": {
        "$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}},
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/x"}},
    },
    "a pattern": {"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}},
    "branches": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/0"}},
        "$defs": {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 9} for n in range(40)}
        | {"40": True},
    },
    "many fields": {"type": "object", "properties": {f"f{n}": {} for n in range(20_000)}},
    "many enums": {"type": "object", "properties": {"a": {"enum": list(range(100_000))}}},
    "deep": nested(90),
    "outside": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}},
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_schema_holds_up_nothing(
    funded: Session, publisher: Publisher, schema: dict[str, Any]
) -> None:
    """What can't be read in time is as if the source said nothing."""
    source = publisher.publish_source(functions=[{"name": "f", "input": schema}])
    begin = time.monotonic()

    assert funded.plan(source, "f", {"a": "a" * 5_000}).payment
    assert time.monotonic() - begin < 2 * LATE


def test_a_batch_is_checked_for_so_long_and_no_longer() -> None:
    """What comes after it is not held to be right or wrong."""
    checker = of_schema(PICTURE, "").checker

    assert checker.check({})
    with spending(-1.0):
        assert checker.check({}) == []
    assert checker.check({})


# Where what it says of itself can't be had


def before(localnet: LocalNet) -> AbstractContextManager[Gateway]:
    return faulty_gateway(localnet.network.pin_url.removesuffix("/file/create"))


@contextmanager
def behind(localnet: LocalNet, gateway: Gateway, path: Path) -> Iterator[Session]:
    network = dataclasses.replace(
        localnet.network, pin_url=gateway.pin_url, gateway_url=gateway.gateway_url
    )
    journal = Journal(path / "behind.sqlite3")
    session = Session(network, funded_account(localnet), journal, None)
    try:
        session.deposit("1")
        yield session
    finally:
        session.close()


def stated(publisher: Publisher) -> tuple[str, str]:
    """A source whose metadata is known by its CID alone, and that CID."""
    metadata = json.dumps({"name": "by hand", "functions": FUNCTIONS}).encode()
    publisher.store.put(metadata)
    return publisher.publish_source(metadata_url=f"ipfs://{cid(metadata)}"), cid(metadata)


def test_it_is_asked_once_in_a_session(
    localnet: LocalNet, publisher: Publisher, tmp_path: Path
) -> None:
    """And by the next one not at all: what has a CID never changes."""
    source, name = stated(publisher)
    with before(localnet) as gateway:
        for _ in range(2):
            with behind(localnet, gateway, tmp_path) as session:
                for size in range(16, 20):
                    session.publish(source, "enlarge", RIGHT | {"size": size})
                session.publish_many(
                    source, "enlarge", [RIGHT | {"size": n} for n in range(30, 40)]
                )
                with pytest.raises(UnknownName):
                    session.publish(source, "enlrge", RIGHT)

        assert [path for path in gateway.seen if name in path] == [f"/ipfs/{name}"]


@pytest.mark.parametrize(
    "fault",
    [says(b"busy", 503), says(b"gone", 404), says(b"other bytes"), silent],
    ids=["busy", "gone", "altered", "silent"],
)
def test_a_gateway_that_fails_holds_up_one_publish_and_refuses_none(
    localnet: LocalNet, publisher: Publisher, tmp_path: Path, fault: Any
) -> None:
    source, name = stated(publisher)
    with (
        before(localnet) as gateway,
        behind(localnet, gateway, tmp_path) as session,
    ):
        gateway.fault = on_reading(fault)
        session.publish(source, "enlrge", {"n": 0})
        asked = len([path for path in gateway.seen if name in path])
        for number in range(1, 4):
            session.publish(source, "enlrge", {"n": number})

        assert len([path for path in gateway.seen if name in path]) == asked <= 4


def test_a_dry_run_says_what_was_not_checked(
    localnet: LocalNet, publisher: Publisher, tmp_path: Path
) -> None:
    source, name = stated(publisher)
    with (
        before(localnet) as gateway,
        behind(localnet, gateway, tmp_path) as session,
    ):
        gateway.fault = on_reading(says(b"gone", 404))
        plan = session.plan(source, "enlrge", {})
        note = (
            "What the source says of itself could not be read, so its function and the data "
            f"were not checked by it. The gateway {gateway.gateway_url} answered 404 for "
            f"{name}."
        )

        assert note in repr(plan)
        assert note in plan._repr_html_()


@pytest.mark.parametrize("count", [1, 3])
def test_so_does_what_publishes(
    localnet: LocalNet,
    publisher: Publisher,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """Once for all rows of a batch."""
    source, _ = stated(publisher)
    rows = [{"n": number} for number in range(count)]
    said: list[str] = []
    monkeypatch.setattr("ogpu_jupyter.display.say", said.append)
    with (
        before(localnet) as gateway,
        behind(localnet, gateway, tmp_path) as session,
    ):
        gateway.fault = on_reading(says(b"gone", 404))
        if count == 1:
            session.publish(source, "enlrge", rows[0])
        else:
            session.publish_many(source, "enlrge", rows)

    assert "\n".join(said).count("could not be read, so its function") == 1


# The local services


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_local_service_takes_its_examples_by_its_schema_too(name: str) -> None:
    """Another kernel, that only has the node's URL, goes by the metadata."""
    service = SERVICES[name]
    checker = of_schema(service.metadata["functions"][0]["input"], "").checker

    assert checker.check(EXAMPLES[name]) == []


WRONG: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("text2text", {}, ("messages",)),
    ("text2text", {"messages": "hi"}, ("messages",)),
    (
        "text2text",
        {"messages": [{"role": "robot", "content": "hi"}]},
        ("messages", 0, "role"),
    ),
    ("inference", {"input": {"image": "C:\\Users\\me\\pic.png"}}, ("input", "image")),
    (
        "inference",
        {"input": "C:\\Users\\me\\pic.png", "args": {"task": "object-detection"}},
        ("input",),
    ),
]


@pytest.mark.parametrize(("name", "data", "path"), WRONG, ids=[repr(each[1]) for each in WRONG])
def test_the_metadata_of_a_local_service_is_as_strict_as_its_model(
    name: str, data: dict[str, Any], path: tuple[Any, ...]
) -> None:
    checker = of_schema(SERVICES[name].metadata["functions"][0]["input"], "").checker

    assert [problem.path for problem in checker.check(data)] == [path]
    with pytest.raises(ValueError, match=r"validation error"):
        SERVICES[name].answer(data)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("", True),
        ("aGVsbG8=", True),
        ("aGVs\nbG8", True),
        ("a-_9", True),
        ("data:image/png;base64,aGVsbG8=", True),
        ("data:text/plain,hello", False),
        ("aGVsb", False),
        ("C:\\Users\\me\\pic.png", False),
        ("pic.png", False),
        ("a house", False),
        ("https://example.org/pic", False),
        ("a=b", False),
    ],
)
def test_base64_is_known(text: str, is_one: bool) -> None:
    assert is_base64(text) is is_one
