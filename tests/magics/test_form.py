"""`%ogpu form`: what the line says, and what a terminal shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ogpu_jupyter.magics.completion import Completion
from ogpu_jupyter.magics.line import read_ogpu
from ogpu_jupyter.widgets.form import Form

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ogpu_jupyter.session import Session


@pytest.fixture
def node() -> str:
    return "anvil"


@pytest.fixture
def localnet(anvil_path, monkeypatch):  # one node is enough for words
    from ogpu_jupyter import localnet as market

    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    with market.start(node="anvil") as net:
        yield net


def test_its_words() -> None:
    """Source and function, then what the fields are, and the task's name."""
    words = read_ogpu("form chat text2text --template chat --as answer --model Talk")

    assert words.values == {
        "as": "answer", "model": "Talk", "template": "chat", "source": "chat",
        "function": "text2text",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%ogpu fo", {"form"}),
        ("%ogpu form a b --", {"--as", "--model", "--template"}),
        ("%ogpu form a b --model ", {"Talk"}),
        ("%ogpu form a b --template ch", {"chat"}),
    ],
)
def test_tab_offers_what_can_follow(typed: str, offered: set[str]) -> None:
    from pydantic import BaseModel

    class Talk(BaseModel):
        words: str

    completion = Completion({"Talk": Talk, "other": 1}, {})
    _, words = completion.offers(typed, typed)

    assert offered <= set(words)
    assert "other" not in words


def test_its_help_says_it_all(run: Callable[[str], tuple[str, object]]) -> None:
    _, panel = run("%ogpu form --help")

    for word in ("%ogpu form <source> <function>", "--model", "--template", "--as", "chat"):
        assert word in repr(panel)


def test_in_a_terminal_it_is_text(
    run: Callable[[str], tuple[str, object]], session: Session
) -> None:
    """The fields, and the cell to type; the value is the form, to be used in Python."""
    text, form = run("%ogpu form text2text text2text --as answer")

    assert isinstance(form, Form)
    assert "Its fields are known from the model of the local service text2text:" in text
    assert "messages" in text
    assert "%%ogpu_task text2text text2text --as answer" in text
    form.close()


def test_with_a_model_of_the_notebook(
    run: Callable[[str], tuple[str, object]], session: Session, shell: InteractiveShell
) -> None:
    """Published in Python, the task is in the variable."""
    session.deposit("1")
    run("from pydantic import BaseModel\nclass Talk(BaseModel):\n    prompt: str = 'a boat'")
    _, form = run("%ogpu form text2image text2image --model Talk --as boat")
    assert isinstance(form, Form)
    assert form.value == {"prompt": "a boat"}
    form.publish()

    assert shell.user_ns["boat"] is form.task
    text, _ = run("%ogpu form text2image text2image --model Tlak")
    assert "Did you mean `Talk`?" in text
    form.close()


def test_without_a_network_it_says_what_to_type(run: Callable[[str], tuple[str, object]]) -> None:
    from ogpu_jupyter import kernel

    if kernel._current is not None:
        kernel._current.close()
    text, _ = run("%ogpu form text2text text2text")

    assert "NotConnected" in text
