"""A notebook that is run again, in another kernel: its tasks are shown, and nothing is paid."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest

from ogpu_jupyter.notebooks import read
from ogpu_jupyter.tasks import Stage
from tests.notebooks.cells import notebook_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONNECT = """
import ogpu_jupyter, os
from eth_account import Account
network = ogpu_jupyter.Network(**{network})
session = ogpu_jupyter.connect(network, account=Account.from_key(os.environ["TEST_KEY"]))
%load_ext ogpu_jupyter
"""
ASK = """%%ogpu_task {source} text2text --as chat --template chat --wait
What is 6 * 7?"""
MANY = """messages = [[{{"role": "user", "content": text}}] for text in ("6 + 7", "6 + 8")]
session.publish_many({source!r}, "text2text", [{{"messages": each}} for each in messages]).wait()"""
BALANCE = "import json; b = session.balance(); print(json.dumps([b.wallet, b.vault, chat.address]))"


def test_run_again_pays_nothing(
    execute: Callable[..., nbformat.NotebookNode],
    localnet,
    account,
    tmp_path: Path,
) -> None:
    """The same notebook in a new kernel: same task, same answer, same balances to the wei."""
    connect = CONNECT.format(network=vars(localnet.network))
    ask = ASK.format(source=localnet.services["text2text"])
    env = {"TEST_KEY": account.key.hex(), "OGPU_JUPYTER_HOME": tmp_path / "home"}

    first = execute(notebook_of(connect, "%ogpu deposit 1", ask, BALANCE), **env)
    second = execute(notebook_of(connect, ask, BALANCE), **env)

    assert json.loads(shown(first.cells[-1])) == json.loads(shown(second.cells[-1]))
    assert "42" in shown(second.cells[1], "text/html")
    assert account.key.hex().removeprefix("0x") not in json.dumps(second)


def test_an_answer_lands_below_its_own_cell(
    execute: Callable[..., nbformat.NotebookNode], localnet, account
) -> None:
    """Tasks that answer while later cells run change nothing but their own cell."""
    connect = CONNECT.format(network=vars(localnet.network))
    source = localnet.services["text2text"]
    ask = ASK.format(source=source).replace(" --wait", "")
    env = {"TEST_KEY": account.key.hex()}

    done = execute(
        notebook_of(
            connect,
            "session.deposit('1');",
            ask,
            "import time\nfor n in range(5): time.sleep(0.2)",
            "print('mine')",
            "chat.wait(timeout=60);",
        ),
        **env,
    )

    assert [shown(cell).strip() for cell in done.cells[3:5]] == ["", "mine"]
    assert "42" in shown(done.cells[2], "text/html")


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
def test_every_runner_ends_in_the_same_record(
    execute: Callable[..., nbformat.NotebookNode],
    localnet,
    account,
    kernel_env: Callable[..., dict[str, str]],
    tmp_path: Path,
) -> None:
    """nbclient publishes and waits; papermill runs it again; nbval finds each output as stored."""
    connect = CONNECT.format(network=vars(localnet.network))
    ask = ASK.format(source=localnet.services["text2text"])
    cells = (connect, "session.deposit('1', if_below='0.5');", ask, 'chat.result()["content"]')
    env = {"TEST_KEY": account.key.hex(), "OGPU_JUPYTER_HOME": tmp_path / "home"}
    first, again = tmp_path / "first.ipynb", tmp_path / "again.ipynb"

    nbformat.write(execute(notebook_of(*cells), **env), first)
    papermill = [sys.executable, "-m", "papermill", "-k", "python3", "--no-progress-bar", first]
    run([*papermill, again], kernel_env(**env))
    run([sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", again],
        kernel_env(**env))  # fmt: skip

    (one,), (other,) = read(first).tasks, read(again).tasks
    assert one == other
    assert one.stage is Stage.FINALIZED
    stored = [nbformat.read(path, as_version=4).cells[-2] for path in (first, again)]
    views = [shown(cell, kind).strip() for cell in stored for kind in ("text/html", "text/plain")]
    assert views[:2] == views[2:]
    assert "42" in views[1]


def run(command: list[object], env: dict[str, str]) -> None:
    ran = subprocess.run(
        [str(word) for word in command],
        check=False,
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
def test_a_batch_is_one_line_that_stays_true(
    execute: Callable[..., nbformat.NotebookNode], localnet, account, tmp_path: Path
) -> None:
    """While it is published, while a cell waits for it, and at a cell's end: once in each."""
    connect = CONNECT.format(network=vars(localnet.network))
    seconds = "[{'seconds': s} for s in (0, 2)], name='naps'"
    many = f"session.publish_many({localnet.services['sleep']!r}, 'sleep', {seconds})"
    cells = (f"batch = {many}\nbatch", "for nap in batch.as_completed(): pass", "batch.wait()",
             many)  # fmt: skip
    env = {"TEST_KEY": account.key.hex(), "OGPU_JUPYTER_HOME": tmp_path / "home"}
    done = execute(notebook_of(connect, "session.deposit('1');", *cells), **env)
    shown = [[output["data"]["text/plain"] for output in c.outputs] for c in done.cells[2:]]
    line = "2 tasks: 2 paid. 0.002 OGPU."

    progress, view = shown[0]
    assert progress.startswith("Sent 2 tasks at 0.001 OGPU each: 0.002 OGPU, and at most ")
    assert [view, *shown[1:]] == [line, [line], [line], [f"{line} 2 of them from before."]]
    told = done.cells[2].outputs[1].metadata["ogpu"]["tasks"]
    assert [facts["stage"] for facts in told] == ["finalized"] * 2


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
def test_every_view_is_there_again_after_a_restart(
    execute: Callable[..., nbformat.NotebookNode], localnet, account, tmp_path: Path
) -> None:
    """Unconnected, in a new kernel; and connected, where they are the session's own: also those
    of a batch, that had a line together.
    """
    connect = CONNECT.format(network=vars(localnet.network))
    source = localnet.services["text2text"]
    ask, many = ASK.format(source=source), MANY.format(source=source)
    env = {"TEST_KEY": account.key.hex(), "OGPU_JUPYTER_HOME": tmp_path / "home"}
    file = tmp_path / "analysis.ipynb"
    cells = (connect, "session.deposit('1');", ask, many)
    nbformat.write(execute(notebook_of(*cells), **env), file)

    show = "%ogpu show --all analysis.ipynb"
    alone = execute(notebook_of(f"%load_ext ogpu_jupyter\n{show}"), **env)
    live = execute(notebook_of(connect, show), **env)

    for cell in (alone.cells[0], live.cells[1]):
        assert "3 tasks in analysis.ipynb" in shown(cell)
        page = shown(cell, "text/html")
        assert all(answer in page for answer in ("42", "13", "14"))
