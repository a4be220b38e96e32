"""A process with the journal, for the tests to kill.

    python -m tests.journalling PATH WHAT [STEP]

It says each step that it has done, one line each. After STEP it waits for a word, and after
the last one to be killed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.journal import Journal
from ogpu_jupyter.tasks import (
    NetworkId,
    Stage,
    TaskRecord,
    TransactionKind,
    TransactionRecord,
    TransactionState,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
NETWORK = NetworkId(chain_id=31337, genesis="0x" + "ab" * 32, controller="0x" + "Cc" * 20)
OTHER = NetworkId(chain_id=31337, genesis="0x" + "cd" * 32, controller="0x" + "Cc" * 20)
ACCOUNT = "0x" + "Aa" * 20
SOURCE = "0x" + "5e" * 20
RAW = bytes(range(256))


def draft(**changes: Any) -> TaskRecord:
    fields = {
        "network": "local",
        "network_id": NETWORK,
        "account": ACCOUNT,
        "source": SOURCE,
        "function": "text2text",
        "payload": json.dumps({"function_name": "text2text", "data": {"n": 1}}).encode(),
        "payment": 10**16,
        "created_at": time.time(),
        "expires_at": 2_000_000_000,
    }
    return TaskRecord(**(fields | changes))


def transaction(number: int = 1, **changes: Any) -> TransactionRecord:
    fields = {
        "hash": f"0x{number:064x}",
        "network_id": NETWORK,
        "account": ACCOUNT,
        "nonce": number,
        "raw": RAW,
        "kind": TransactionKind.PUBLISH,
        "created_at": time.time(),
    }
    return TransactionRecord(**(fields | changes))


class Child:
    """Such a process, and what it has said."""

    def __init__(self, path: Path, what: str, stop: str) -> None:
        command = [sys.executable, "-m", "tests.journalling", str(path), what, stop]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def until(self, step: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            name, _, value = line.strip().partition(" ")
            if name == step:
                return value
        raise AssertionError(f"it ended before {step}")

    def say(self, line: str = "go") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def child(path: Path, what: str, stop: str = "") -> Iterator[Child]:
    running = Child(path, what, stop)
    try:
        yield running
    finally:
        running.kill()


def main(path: str, what: str) -> None:
    say("ready")
    journal = Journal(Path(path))
    say("open", journal.owner)
    if what == "send":
        with journal.sending(NETWORK, ACCOUNT):
            say("sending")
        say("sent")
    elif what == "publish":
        publish(journal)
    elif what == "write":
        with journal.atomic():
            journal.intend(draft())
            say("written")
    sys.stdin.readline()


def publish(journal: Journal) -> None:
    """What a session does, as far as the journal goes."""
    record, new = journal.intend(draft())
    say("intended", json.dumps([record.key, new]))
    journal.update(record.key, stage=Stage.UPLOADED, config_url="http://127.0.0.1/ipfs/Qm")
    say("uploaded")
    signed = transaction(task=record.key)
    journal.add_transaction(signed)
    say("signed")
    journal.update_transaction(signed.hash, network_id=NETWORK, state=TransactionState.SENT)
    journal.update(record.key, when={Stage.SIGNED}, stage=Stage.SENT)
    say("sent")
    with journal.atomic():
        journal.update_transaction(
            signed.hash, network_id=NETWORK, state=TransactionState.MINED, block=7, fee=21_000
        )
        journal.update(record.key, stage=Stage.PUBLISHED, address="0x" + "7a" * 20, block=7)
    say("published")


def say(step: str, value: str = "") -> None:
    print(step, value, flush=True)
    if step == sys.argv[3]:
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:3])
