"""A notebook that is run again, in another kernel: its tasks are shown, and nothing is paid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.notebooks.cells import notebook_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import nbformat

CONNECT = """
import ogpu_jupyter, os
from eth_account import Account
network = ogpu_jupyter.Network(**{network})
session = ogpu_jupyter.connect(network, account=Account.from_key(os.environ["TEST_KEY"]))
%load_ext ogpu_jupyter
"""
ASK = """%%ogpu_task {source} text2text --as chat --template chat --wait
What is 6 * 7?"""
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
