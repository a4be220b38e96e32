"""Kernels' stand-ins that do the same at the same moment, on one journal.

As a process of its own, the first line of its standard input is JSON; it begins with the next
one, and says what came of it in JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ogpu_jupyter
from ogpu_jupyter.chain._web3 import eth_account
from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.session import Session

_SECONDS = 60.0
ACTIONS: dict[str, Callable[[Session], Any]] = {
    "deposit": lambda session: session.deposit(1, if_below="0.5") is not None,
    "reclaim": lambda session: [row.outcome for row in session.reclaim().rows],
}


def at_once(number: int, action: str, session: Session, account: Any) -> list[Any]:
    """What came of the action in each of so many processes; all have to end well."""
    order = {
        "network": vars(session.network),
        "key": account.key.hex(),
        "journal": str(session.journal.path),
        "action": action,
    }
    command = [sys.executable, "-m", "tests.at_once"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(number)]
    try:
        for child in children:
            _say(child, json.dumps(order))
        for child in children:
            _next(child, "ready")
        for child in children:
            _say(child, "go")
        found = [json.loads(_next(child, "done ")) for child in children]
        assert [child.wait(_SECONDS) for child in children] == [0] * number
    finally:
        for child in children:
            child.kill()
            child.communicate()
    return found


def _say(child: subprocess.Popen[str], line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(f"{line}\n")
    child.stdin.flush()


def _next(child: subprocess.Popen[str], word: str) -> str:
    """What stands after that word in the first line that begins with it."""
    assert child.stdout is not None
    line = next(line for line in child.stdout if line.startswith(word))
    return line.removeprefix(word)


def main(network: dict[str, Any], key: str, journal: str, action: str) -> None:
    session = ogpu_jupyter.connect(
        ogpu_jupyter.Network(**network),
        account=eth_account.Account.from_key(key),
        journal=Path(journal),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    print("done", json.dumps(ACTIONS[action](session)), flush=True)
    session.close()


if __name__ == "__main__":
    main(**json.loads(sys.stdin.readline()))
