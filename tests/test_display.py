"""What a cell shows, in real kernels: live, in its own place, and true when it is saved."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient

from ogpu_jupyter import display
from ogpu_jupyter.live import board
from ogpu_jupyter.notebooks import facts
from ogpu_jupyter.render.stages import badge
from ogpu_jupyter.render.words import short
from ogpu_jupyter.tasks import Answer, Stage
from tests.fake_task import FakeTask
from tests.helpers import ROOT, wait_until
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client import BlockingKernelClient

SETUP = """
import threading, time
from ogpu_jupyter import display
from ogpu_jupyter.live import board
from ogpu_jupyter.tasks import Answer, Stage
from tests.fake_task import FakeTask
from tests.helpers import wait_until
from tests.render import samples
answers = {samples.RESPONSES[0]: Answer(value="It is <42>.")}
task = FakeTask(samples.record(Stage.SENT))
def later(*steps):
    def walk():
        for step in steps:
            time.sleep(0.3)
            task.advance(step, answers if step is Stage.FINALIZED else None)
    thread = threading.Thread(target=walk)
    thread.start()
    return thread
"""
WAY = "Stage.PUBLISHED, Stage.ATTEMPTED, Stage.FINALIZED"
Messages = Callable[[str], list[dict[str, Any]]]
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module", params=["ipykernel7", "ipykernel6"])
def env(
    request: pytest.FixtureRequest, kernel_env: Callable[..., dict[str, str]]
) -> dict[str, str]:
    """For a kernel of the environment's ipykernel, or of the one before, that finds the tests."""
    paths = [str(ROOT)]
    if request.param == "ipykernel6":
        paths.insert(0, str(request.getfixturevalue("kernel6_path")))
    return kernel_env(PYTHONPATH=":".join(paths))


@pytest.fixture
def run(env: dict[str, str]) -> Callable[..., nbformat.NotebookNode]:
    """Execute these cells in a new kernel, as nbclient, papermill and nbconvert do."""

    def execute(*cells: str) -> nbformat.NotebookNode:
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, *cells)]
        done = NotebookClient(notebook, timeout=60, kernel_name="python3").execute(env=env)
        nbformat.validate(done)
        done.cells = done.cells[1:]
        return done

    return execute


def html(cell: nbformat.NotebookNode) -> str:
    return "".join(output.data.get("text/html", "") for output in cell.outputs)


def test_a_waiting_cell_is_saved_as_it_ended(run: Callable[..., Any]) -> None:
    """Shown and waited for in one cell: the saved output is the paid task with its answer."""
    done = run(f"display.show(task)\nlater({WAY}).join()\ndisplay.settle(task)")

    page, buttons = done.cells[0].outputs
    assert "It is &lt;42&gt;." in page.data["text/html"]
    assert "It is <42>." in page.data["text/plain"]
    assert page.metadata["ogpu"] == facts(samples.record(Stage.FINALIZED))
    assert buttons.data == {"text/html": "", "text/plain": ""}


def test_a_later_cell_that_waits_saves_it_where_it_stands(run: Callable[..., Any]) -> None:
    """Waited for two cells later: the first cell's output is the final one, the others' empty."""
    done = run(
        "display.show(task)",
        f"walk = later({WAY}); time.sleep(0.8)",
        "walk.join(); wait_until(lambda: board.views == 0); display.settle(task)",
    )

    assert "It is &lt;42&gt;." in html(done.cells[0])
    assert [cell.outputs for cell in done.cells[1:]] == [[], []]


@pytest.fixture(scope="module")
def kernel(env: dict[str, str]) -> Iterator[BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=env)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=30)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def messages(kernel: BlockingKernelClient) -> Iterator[Messages]:
    """Run a cell in a kernel; all that it and its threads said until it was done."""

    def execute(code: str) -> list[dict[str, Any]]:
        sent = kernel.execute(code, stop_on_error=False)
        said: list[dict[str, Any]] = []
        while not said or not is_end(said[-1], sent):
            said.append(kernel.get_iopub_msg(timeout=30))
        return said

    execute(SETUP)
    yield execute
    execute("task.advance(Stage.FINALIZED, answers); wait_until(lambda: board.is_idle);")


def is_end(message: dict[str, Any], sent: str) -> bool:
    state = message["content"].get("execution_state")
    return state == "idle" and message["parent_header"]["msg_id"] == sent


def of_kind(said: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [message for message in said if message["msg_type"] in kinds]


def test_nothing_lands_in_another_cell(messages: Messages) -> None:
    """While another cell runs, its view is updated in place; nothing new is displayed."""
    shown = messages("display.show(task)")
    during = messages(f"walk = later({WAY}); walk.join(); wait_until(lambda: not board.views);")

    page = of_kind(shown, "display_data")[0]["content"]["transient"]["display_id"]
    updates = of_kind(during, "update_display_data")
    assert of_kind(during, "display_data", "stream", "error", "execute_result") == []
    assert any(update["content"]["transient"]["display_id"] == page for update in updates)
    last = [u for u in updates if u["content"]["transient"]["display_id"] == page][-1]
    assert "It is &lt;42&gt;." in last["content"]["data"]["text/html"]


def test_at_most_five_updates_a_second(messages: Messages) -> None:
    """A burst of changes is drawn five times a second, and its last state is drawn."""
    messages("display.show(task, controls=False)")
    begun = time.monotonic()
    during = messages(
        "for n in range(300):\n    task.advance(problem=f'no {n}')\n    time.sleep(0.005)\n"
        "time.sleep(0.5)"
    )
    took = time.monotonic() - begun

    updates = of_kind(during, "update_display_data")
    assert 2 <= len(updates) <= took * 5 + 2
    assert "no 299" in updates[-1]["content"]["data"]["text/html"]


def test_nothing_is_sent_when_nothing_has_changed(
    messages: Messages,
) -> None:
    """The clock alone redraws only what reads differently."""
    messages("display.show(task, controls=False)")
    during = messages("for n in range(20): task.advance(); time.sleep(0.1)")

    assert of_kind(during, "update_display_data") == []


def test_the_thread_ends_when_nothing_is_live(
    messages: Messages,
) -> None:
    """After the last view is settled no thread of ours is left, and no subscription."""
    messages("display.show(task)")
    messages("task.advance(Stage.FINALIZED, answers)")
    said = messages(
        "wait_until(lambda: board.is_idle)\n"
        "print([t.name for t in threading.enumerate() if t.name.startswith('ogpu')], "
        "len(task.callbacks))"
    )

    assert of_kind(said, "stream")[0]["content"]["text"] == "[] 0\n"


def test_a_finished_task_is_one_output(messages: Messages) -> None:
    """Nothing is left to follow, and there are no buttons."""
    shown = messages("task.advance(Stage.FINALIZED, answers); display.show(task)")
    said = messages("print(board.views)")

    assert len(of_kind(shown, "display_data")) == 1
    assert of_kind(said, "stream")[0]["content"]["text"] == "0\n"


def test_saved_while_live_names_no_widget_in_words(messages: Messages) -> None:
    """An export without widgets finds an empty text in the place of the buttons."""
    shown = messages("task.advance(Stage.PUBLISHED); display.show(task)")

    _, buttons = (message["content"]["data"] for message in of_kind(shown, "display_data"))
    assert buttons["text/plain"] == ""
    assert set(buttons) == {"text/plain", WIDGET}


def test_without_controls_there_is_one_output(messages: Messages) -> None:
    """A view without buttons, where somebody else has them."""
    shown = messages("display.show(task, controls=False)")

    assert len(of_kind(shown, "display_data")) == 1


# Outside a notebook


def test_plain_python_prints_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    """No HTML, no repetition, and the answer when it is there."""
    task = FakeTask(samples.record(Stage.SENT))

    display.show(task)
    for stage in (Stage.PUBLISHED, Stage.PUBLISHED, Stage.ATTEMPTED):
        task.advance(stage)
        display.settle(task)
    task.advance(Stage.FINALIZED, samples.answered("It is 42.")[1])
    wait_until(lambda: board.views == 0)

    assert capsys.readouterr().out.splitlines() == [
        "task  sent  0x5e5e…5e5e  0.001 OGPU  expires in 9 min",
        "task  published  0x12C4…F901  0.001 OGPU  expires in 9 min",
        "task  attempted  0x12C4…F901  0.001 OGPU  0x7a5e…9A0b is working on it.",
        "task  paid  0x12C4…F901  0.001 OGPU  Answered by 0x7a5e…9A0b in 8 s.",
        "answer:",
        "  It is 42.",
    ]


def test_in_a_terminal_a_line_says_what_stands_between(capsys: pytest.CaptureFixture[str]) -> None:
    """Between the view and the chain: without its controls, and gone when that is."""
    task = FakeTask(samples.record(Stage.PUBLISHED))
    task.note = "The node\x1b[2J\nis away."
    display.show(task)
    task.note = ""
    task.advance(Stage.ATTEMPTED)
    display.settle(task)

    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("expires in 9 min  The node is away.")
    assert "away" not in second


@pytest.mark.parametrize("stage", Stage)
def test_in_a_terminal_every_state_is_a_line(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its state, what finds it again, its cost, and below it the answer."""
    record = samples.record(stage)
    task = FakeTask(record, {samples.RESPONSES[0]: Answer(value="It is <42>.")})
    display.show(task)
    first, *rest = capsys.readouterr().out.splitlines()

    assert badge(record).lower() in first
    assert short(record.reference) in first
    assert "0.001 OGPU" in first
    assert rest == (["answer:", "  It is <42>."] if record.responses else [])


def test_import_is_light() -> None:
    """The view of a task needs neither ipywidgets nor web3 before a notebook shows one."""
    code = "import ogpu_jupyter.display, sys; print({'ipywidgets', 'web3'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ran.stdout == "set()\n"
