"""What a stranger sends never drives a terminal: real IPython, on a real pseudo-terminal."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests import hostile
from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DRIVES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SETUP = f"""import sys; sys.path.insert(0, {str(ROOT)!r})
import logging
from ogpu_jupyter import display, errors, render
from ogpu_jupyter.tasks import Stage
from tests import gallery, hostile
from tests.fake_task import FakeTask
from tests.render import samples
from ogpu_jupyter.magics.panel import Panel
logging.basicConfig(format="%(message)s", stream=sys.stdout)
texts = list(hostile.TEXTS.values())
"""
CASES = {
    "answers": "for task in hostile.tasks().values(): display.show(FakeTask(*task))",
    "answers that come later": "one = FakeTask(samples.record(Stage.PUBLISHED)); "
    "display.show(one); record, answers = next(iter(hostile.tasks().values())); "
    "one.record = record; one.answers = answers; one.advance(); display.settle(one)",
    "a list of tasks": "Panel(render.tasks_text([samples.record(name=t, function=t, source_name=t,"
    " problem=t, network=t) for t in texts], samples.NOW))",
    "a list of sources": "Panel(render.sources_text([s.model_copy(update={'name': t, "
    "'description': t}) for t in texts for s in gallery.sources()]))",
    "a status": "[print(render.StatusInfo(t, 1, 1, t, 1, 1, 1, 1)) for t in texts];",
    "a task as text": "[print(render.text(*task, samples.NOW)) "
    "for task in hostile.tasks().values()];",
    "each shape": "[print(render.answer_text(make(t))) for t in texts "
    "for make in hostile.SHAPES.values()];",
    "words of a log": "[logging.getLogger('ogpu_jupyter').warning('%s It is left out.', "
    "errors.NodeUnavailable(t).what) for t in texts];",
}


@pytest.fixture(scope="module")
def terminal(kernel_env: Callable[..., dict[str, str]]) -> Iterator[pexpect.spawn]:
    env = kernel_env(TERM="dumb", COLUMNS=160, LINES=50, PYTHONIOENCODING="utf-8")
    words = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    child = pexpect.spawn(
        sys.executable, words, env=env, encoding="utf-8", timeout=60, dimensions=(50, 160)
    )
    child.setecho(state=False)
    child.expect(r"In \[1\]: ")
    for line in SETUP.splitlines():
        say(child, line)
    yield child
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()


def say(child: pexpect.spawn, line: str) -> str:
    """What is printed until the next prompt, byte for byte."""
    child.sendline(line)
    child.expect(r"\r\nIn \[\d+\]: ")
    return child.before


def test_the_terminal_says_nothing_of_itself(terminal: pexpect.spawn) -> None:
    """No sequence of the prompt's own is among what the other tests look at."""
    assert "harmless" in say(terminal, "print('harmless')")
    assert not DRIVES.search(say(terminal, "print('harmless')"))
    assert DRIVES.search(say(terminal, "print(texts and chr(27) + '[1m')"))


@pytest.mark.parametrize("name", CASES)
def test_shown_in_a_terminal(terminal: pexpect.spawn, name: str) -> None:
    """All of the corpus, in each way that a terminal gets it."""
    printed = say(terminal, CASES[name])

    assert len(printed) > 200
    assert "Traceback" not in printed.replace("Traceback (most recent call last):\n  red", "")
    assert set(DRIVES.findall(printed)) == set()


@pytest.mark.parametrize("name", [name for name in hostile.TEXTS if name.startswith("terminal")])
def test_an_error_in_a_terminal(terminal: pexpect.spawn, name: str) -> None:
    """A node's words in an error, as IPython shows it."""
    printed = say(terminal, f"raise errors.RpcError(hostile.TEXTS[{name!r}], hint='Look.')")

    assert "RpcError: " in printed
    assert set(DRIVES.findall(printed)) == set()
