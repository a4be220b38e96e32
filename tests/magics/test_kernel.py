"""The magics in a real kernel, spoken to as a frontend does: stdin, Tab, help, interrupt."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client import BlockingKernelClient, KernelManager

pytestmark = pytest.mark.anvil
CHAT = "%%ogpu_task text2text text2text --template chat"
SECONDS = 60


class Frontend:
    """Runs cells, and answers what they ask with `answer`; None forbids asking."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self.asked: list[str] = []

    def run(self, source: str, answer: str | None = None) -> dict[str, Any]:
        """The reply's content; `traceback` is what the person reads of an error."""
        return self.reply(self.send(source, allow_stdin=answer is not None), answer)

    def send(self, source: str, **options: Any) -> str:
        """After an error the kernel would put off what comes too soon: it is told not to."""
        return self.client.execute(source, stop_on_error=False, **options)

    def reply(self, request: str, answer: str | None = None) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if answer is not None and self._was_asked():
                self.client.input(answer)
            try:
                message = self.client.get_shell_msg(timeout=0.1)
            except queue.Empty:
                continue
            if message["parent_header"]["msg_id"] == request:
                return message["content"]
        pytest.fail("the kernel did not answer")

    def value(self, expression: str) -> str:
        request = self.send("", user_expressions={"it": expression})
        return self.reply(request)["user_expressions"]["it"]["data"]["text/plain"]

    def _was_asked(self) -> bool:
        try:
            message = self.client.get_stdin_msg(timeout=0.05)
        except queue.Empty:
            return False
        self.asked.append(message["content"]["prompt"])
        return True


@pytest.fixture(scope="module")
def frontend(tmp_path_factory, kernel_env, anvil_path) -> Iterator[Frontend]:
    home = tmp_path_factory.mktemp("kernel")
    env = kernel_env(OGPU_JUPYTER_HOME=home, OGPU_ANVIL=anvil_path)
    manager, client = start_new_kernel(kernel_name="python3", env=env)
    frontend = Frontend(manager, client)
    try:
        for cell in (
            "%load_ext ogpu_jupyter",
            "%ogpu connect local --node anvil",
            "%ogpu deposit 1",
        ):
            assert frontend.run(cell)["status"] == "ok"
        yield frontend
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()


def test_spending_is_asked_for_and_a_no_spends_nothing(frontend: Frontend) -> None:
    assert frontend.run("%config OgpuMagics.confirm_spending = True")["status"] == "ok"

    refused = frontend.run(f"{CHAT} --as asked\nHello", answer="n")
    alone = frontend.run(f"{CHAT} --as asked\nHello")
    agreed = frontend.run(f"{CHAT} --as asked\nHello", answer="y")

    assert frontend.asked == ["Pay 0.001 OGPU? [y/N] "] * 2
    assert refused["traceback"] == [
        "OverBudget: You did not agree to the payment.",
        "Nothing was spent.",
    ]
    assert alone["traceback"][-1] == "Add `--yes` (in Python: yes=True) to spend without asking."
    assert agreed["status"] == "ok"
    assert frontend.value("asked.session.spent") == str(10**15)
    frontend.run("%config OgpuMagics.confirm_spending = False")


def test_a_mistake_shows_its_lines_and_no_traceback(frontend: Frontend) -> None:
    reply = frontend.run("%ogpu conect local")

    assert reply["status"] == "error"
    assert reply["ename"] == "UnknownName"
    assert reply["traceback"][:2] == [
        "UnknownName: `conect` is not a subcommand of `%ogpu`.",
        "Nothing was spent.",
    ]


def test_an_interrupt_stops_the_waiting_and_the_task_lives_on(frontend: Frontend) -> None:
    request = frontend.send("%%ogpu_task sleep sleep --as nap --wait --timeout 60s\nseconds: 4")
    wait_for_output(frontend, request)
    frontend.manager.interrupt_kernel()

    reply = frontend.reply(request)

    assert reply["ename"] == "Interrupted"
    address = frontend.value("nap.address").strip("'")
    assert reply["traceback"] == [
        "Interrupted: Stopped waiting: the task goes on without you.",
        "0.001 OGPU is held in escrow for it.",
        (
            f"See it with `%ogpu show {address}`; while no provider has it, "
            f"`%ogpu cancel {address}` takes it back."
        ),
    ]
    assert frontend.run("%ogpu wait nap --timeout 60s")["status"] == "ok"
    assert frontend.value("nap.stage.value") == "'finalized'"


def wait_for_output(frontend: Frontend, request: str) -> None:
    """Until the cell has shown the task, and has heard of its address."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        message = frontend.client.get_iopub_msg(timeout=SECONDS)
        if message["parent_header"].get("msg_id") != request:
            continue
        meta = message["content"].get("metadata", {}).get("ogpu", {})
        if meta.get("task"):
            return
    pytest.fail("the task was not shown")


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%ogpu connect lo", ["local"]),
        ("%ogpu connect local --node ", ["auto", "anvil", "embedded"]),
        ("%%ogpu_task text2i", ["text2image"]),
        ("%%ogpu_task text2image ", ["text2image"]),
        ("%%ogpu_task text2image text2image --dr", ["--dry-run"]),
        ("%%ogpu_task a b\nprompt: {{ measure", ["measurements"]),
    ],
)
def test_tab_over_the_wire(frontend: Frontend, text: str, offered: list[str]) -> None:
    frontend.run("measurements = [1, 2]")

    reply = frontend.reply(frontend.client.complete(text, len(text)))

    start = reply["cursor_start"]
    assert reply["matches"] == offered
    assert all(choice.startswith(text[start:]) for choice in offered)


def test_the_question_mark_over_the_wire(frontend: Frontend) -> None:
    reply = frontend.reply(frontend.client.inspect("%%ogpu_task", 11))

    assert reply["found"]
    assert "--dry-run" in reply["data"]["text/plain"]
