"""In IPython in a terminal a task is one line of text for each change."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(
    node: str, request: pytest.FixtureRequest, kernel_env: Callable[..., dict[str, str]]
) -> Iterator[pexpect.spawn]:
    anvil = request.getfixturevalue("anvil_path") if node == "anvil" else "none"
    env = kernel_env(OGPU_ANVIL=anvil, TERM="dumb", COLUMNS=160, LINES=50)
    words = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    child = pexpect.spawn(
        sys.executable, words, env=env, encoding="utf-8", timeout=60, dimensions=(50, 160)
    )
    child.expect(r"In \[1\]: ")
    yield child
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def say(child: pexpect.spawn, *lines: str) -> str:
    """Type, and what was printed until the next prompt, without colours."""
    for line in lines:
        child.sendline(line)
    child.expect(r"\r\nIn \[\d+\]: ")
    return ESCAPES.sub("", child.before).replace("\r", "")


def test_one_line_for_each_change(terminal: pexpect.spawn) -> None:
    """Published, attempted, answered, paid; then the answer; and no HTML anywhere."""
    say(terminal, "%load_ext ogpu_jupyter")
    say(terminal, "%ogpu connect local")
    say(terminal, "%ogpu deposit 1")

    text = say(
        terminal,
        "%%ogpu_task text2text text2text --as chat --template chat --wait",
        "What is 6 * 7?",
        "",
        "",
    )

    lines = [line for line in text.splitlines() if line.startswith("chat")]
    assert len(lines) == len(set(lines)) >= 2
    assert "0.001 OGPU" in text
    assert "42" in text
    assert "<" not in text
    assert terminal.isalive()


def test_the_answer_is_a_value(terminal: pexpect.spawn) -> None:
    """The variable holds the task, as in a notebook."""
    say(terminal, "import ogpu_jupyter; session = ogpu_jupyter.connect('local')")
    say(terminal, "session.deposit('1');")
    ask: Any = "{'messages': [{'role': 'user', 'content': 'What is 6 * 7?'}]}"
    say(terminal, f"task = session.publish('text2text', 'text2text', {ask})")

    assert "42" in say(terminal, "print(task.result(timeout=30)['content'])")
