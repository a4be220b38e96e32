"""Journals with many tasks of every kind, for the tests of the history."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.journal import Journal, file
from ogpu_jupyter.journal.rows import insert, task_row
from ogpu_jupyter.tasks import Response, ResponseStatus, Stage, TaskRecord
from tests.journalling import OTHER, draft

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GWEI = 10**9
SOURCES = ("text2text", "detect", "OpenChat SDXL", "")
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"


def many(count: int, seed: int = 1) -> list[TaskRecord]:
    """As a person's year may look: networks, notebooks, every stage; the last one newest."""
    dice = random.Random(seed)
    now = time.time()
    return [one(dice, n, now - (count - n) * 97) for n in range(count)]


def one(dice: random.Random, n: int, at: float) -> TaskRecord:
    stage = dice.choice([*Stage, *[Stage.FINALIZED] * 12])
    sent = stage not in {Stage.INTENDED, Stage.UPLOADED, Stage.ABANDONED}
    source = dice.choice(SOURCES)
    is_local = dice.random() < 0.8
    facts: dict[str, Any] = {
        "network": "local" if is_local else "testnet",
        "name": "rows",
        "item": n,
        "source": f"0x{SOURCES.index(source) + 1:040x}",
        "source_name": source,
        "function": source.split()[0] if source else "inference",
        "payload": payload(f"This is the {n % 90}th row of my Table."),
        "payment": dice.randrange(1, 100) * 10**15,
        "created_at": at,
        "expires_at": int(at) + 600,
        "stage": stage,
        "fee": dice.randrange(20_000, 90_000) * 7 * GWEI if sent else None,
        "notebook": dice.choice(["survey.ipynb", "pictures.ipynb", ""]),
        "tx_hash": f"0x{dice.getrandbits(256):064x}" if sent else "",
        "address": f"0x{dice.getrandbits(160):040x}" if stage.is_on_chain else "",
        "finished_at": int(at) + 40 if stage.is_final else None,
    }
    if not is_local:
        facts["network_id"] = OTHER
    if stage in {Stage.RESPONDED, Stage.FINALIZED}:
        facts["responses"] = (response(dice, facts["payment"], stage),)
    return draft(**facts)


def payload(text: str) -> bytes:
    order = {"function_name": "f", "data": {"text": text}}
    return json.dumps(order, ensure_ascii=False).encode()


def response(dice: random.Random, payment: int, stage: Stage) -> Response:
    status = ResponseStatus.CONFIRMED if stage is Stage.FINALIZED else ResponseStatus.SUBMITTED
    return Response(
        address=f"0x{dice.getrandbits(160):040x}",
        provider=f"0x{dice.getrandbits(160):040x}",
        url="http://127.0.0.1/ipfs/Qm",
        payment=payment * dice.choice([2, 3, 4]) // 4,
        status=status,
    )


def fill(count: int, journal: Journal | None = None, seed: int = 1) -> list[TaskRecord]:
    """Into the journal of this home, or into that one; the records as they are kept."""
    kept = journal or Journal()
    with kept.atomic():
        found = [kept.intend(record, new=True)[0] for record in many(count, seed)]
    if journal is None:
        kept.close()
    return found


def older_journal(path: Path, records: Iterable[TaskRecord], version: int) -> list[TaskRecord]:
    """A file as an older version left it; the records as it has them."""
    connection = sqlite3.connect(path)
    for number, step in enumerate(file._MIGRATIONS[:version], 1):
        connection.executescript(
            f"{step}; PRAGMA application_id = {file._APPLICATION}; PRAGMA user_version = {number};"
        )
    kept = []
    for key, record in enumerate(records, 1):
        row = {"key": key, **task_row(record)}
        facts = json.loads(row["record"])
        facts.pop("notebook")  # as it was written before there was such a thing
        connection.execute(*insert("tasks", {**row, "record": json.dumps(facts)}))
        kept.append(record.model_copy(update={"key": key, "notebook": ""}))
    connection.commit()
    connection.close()
    return kept


def hostile() -> None:
    fields = ("name", "source_name", "function", "network", "notebook", "problem")
    with Journal() as journal:
        journal.intend(draft(stage=Stage.FAILED, **dict.fromkeys(fields, HOSTILE)), new=True)


def pay() -> None:
    """Another connection, as another kernel has it, writes that a task is paid that wasn't."""
    with Journal() as journal:
        task = next(task for task in journal.tasks(limit=60) if not task.stage.is_final)
        journal.update(task.key, stage=Stage.FINALIZED, payment=task.payment + 10**15)


def one_answered_one_waiting() -> tuple[Any, Any]:
    """Two tasks of the kernel's session: one has an answer to be confirmed, one nothing yet."""
    from ogpu_jupyter.kernel import current
    from ogpu_jupyter.tasks import DeliveryMethod
    from tests.helpers import wait_until
    from tests.market import Provider, Publisher

    session = current()
    assert session.localnet is not None
    manual = DeliveryMethod.MANUAL_CONFIRMATION
    source = Publisher(session.localnet).publish_source(delivery=manual)
    provider = Provider(session.localnet, source)
    tasks = [
        session.publish(source, "f", {"n": n}, name=name, pay="0.002")
        for n, name in enumerate(["answered", "waiting"])
    ]
    wait_until(lambda: all(task.address for task in tasks))
    provider.attempt(tasks[0].address, 15 * 10**14)
    provider.submit(tasks[0].address, {"content": "It is 42."}, 15 * 10**14)
    wait_until(lambda: tasks[0].stage is Stage.RESPONDED)
    return tasks[0], tasks[1]


def from_journal() -> list[str]:
    """What the session has sent beside what it published and deposited."""
    from ogpu_jupyter.kernel import current

    session = current()
    sent = session.journal.transactions(session.network_id, session.account)
    return sorted(t.kind.value for t in sent if t.kind.value in {"confirm", "cancel"})
