"""A source's word on its answers is used where it can be, and never needed."""

from __future__ import annotations

from typing import Any

import pytest

from ogpu_jupyter import display
from ogpu_jupyter.content import MemoryContentStore
from ogpu_jupyter.errors import GatewayUnavailable
from ogpu_jupyter.promised import MAX_SCHEMA, Promises, output_schema
from tests.helpers import wait_until as until

MARKDOWN = {"type": "string", "format": "markdown"}


@pytest.mark.parametrize(
    ("metadata", "schema"),
    [
        ({"functions": [{"name": "f", "output": MARKDOWN}]}, MARKDOWN),
        ({"functions": {"f": {"output_schema": MARKDOWN}}}, MARKDOWN),
        ({"output": MARKDOWN}, MARKDOWN),
        ({"functions": [{"name": "g", "output": MARKDOWN}], "output": MARKDOWN}, None),
        ({"functions": [{"name": "f", "output": "text"}, 3, None]}, None),
        ({"functions": [{"name": "f", "output": {"x": "y" * MAX_SCHEMA}}]}, None),
        ({"functions": {"f": None}}, None), ({"functions": 3}, None), ([], None), (None, None),
        ("text", None),
    ],
)  # fmt: skip
def test_where_it_stands(metadata: Any, schema: Any) -> None:
    """In the function's entry, as far as it is one and no flood."""
    assert output_schema(metadata, "f") == schema


class Known:
    """A client that knows one source, and counts how often it is asked."""

    def __init__(self, content: bytes) -> None:
        self.store = MemoryContentStore()
        self.metadata_url = self.store.put(content)
        self.asked = 0

    def source(self, address: str) -> Any:
        self.asked += 1
        if address == "gone":
            raise GatewayUnavailable("The node is away.")
        return self


def test_it_is_asked_once() -> None:
    """For a source, whatever the answer is; trouble is no promise."""
    known = Known(b'{"functions": [{"name": "f", "output": {"format": "markdown"}}]}')
    promises = Promises(known)  # type: ignore[arg-type]

    assert promises.schema("0x1", "f") == {"format": "markdown"}
    assert promises.schema("0x1", "g") is None
    assert known.asked == 1
    assert promises.schema("gone", "f") is None
    assert promises.schema("gone", "f") is None
    assert known.asked == 2
    assert Promises(Known(b"<html>")).schema("0x1", "f") is None  # type: ignore[arg-type]


def test_an_answer_carries_it(session: Any) -> None:
    """From the metadata of a local service to the journal; the view is what it was."""
    session.deposit(1)
    task = session.publish("text2text", "text2text", {"messages": [
        {"role": "user", "content": "17 + 25"}]})  # fmt: skip
    answer = until(lambda: next(iter(task.answers.values()), None))

    assert isinstance(answer.told, dict)
    assert "content" in answer.told["properties"]
    assert "42" in display.bundle(task)[0]["text/plain"]
