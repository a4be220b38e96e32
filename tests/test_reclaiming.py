"""What is held for late tasks comes back: all in one call, each canceled once, each told."""

from __future__ import annotations

import _thread
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import ogpu_jupyter
from ogpu_jupyter.errors import Interrupted, OverBudget, TaskExpired
from ogpu_jupyter.reclaiming import NOT_YET
from ogpu_jupyter.spending import Limits
from ogpu_jupyter.tasks import DeliveryMethod, Stage
from tests.at_once import at_once
from tests.chain.faulty import faulty_node
from tests.helpers import pass_time
from tests.helpers import wait_until as until
from tests.market import Provider, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable

WAY_OUT = (
    "A provider had it, so it can't be canceled: the payment comes back when the chain writes "
    "the expiry down, at the next attempt. It is read again at each connect."
)


@pytest.fixture
def source(localnet: Any) -> str:
    return Publisher(localnet).publish_source(delivery=DeliveryMethod.MANUAL_CONFIRMATION)


@pytest.fixture
def funded(session: Any) -> Any:
    session.deposit(1)
    return session


def published(session: Any, source: str, number: int) -> list[Any]:
    tasks = list(session.publish_many(source, "f", [{"n": n} for n in range(number)]))
    until(lambda: all(task.address for task in tasks))
    return tasks


def late(localnet: Any, session: Any, source: str, number: int) -> list[Any]:
    tasks = published(session, source, number)
    pass_time(localnet)
    until(lambda: all(task.stage is Stage.LATE for task in tasks))
    return tasks


def sent(session: Any) -> int:
    count = session.client.rpc.call("eth_getTransactionCount", session.account, "latest")
    return int(count, 16)


def test_all_late_tasks_are_canceled_in_one_call(localnet: Any, funded: Any, source: str) -> None:
    tasks = late(localnet, funded, source, 3)
    before = sent(funded)

    found = funded.reclaim()
    again = funded.reclaim()

    assert {task.stage for task in tasks} == {Stage.CANCELED}
    assert [row.outcome for row in found.rows] == ["canceled"] * 3
    assert (found.back, found.held) == (sum(task.payment for task in tasks), 0)
    assert funded.balance().vault == 10**18
    assert sent(funded) == before + 3
    assert repr(found).startswith("3 of 3 late tasks canceled: 0.003 OGPU is back in the vault")
    assert "<table" in found._repr_html_()
    assert repr(again) == "No task of this account is late: nothing is held that could come back."
    assert again.rows == ()


def test_an_attempted_one_is_told_with_what_frees_it(
    localnet: Any, funded: Any, source: str
) -> None:
    """It stops no other, and its own words say why it stays."""
    tasks = published(funded, source, 2)
    Provider(localnet, source).attempt(tasks[0].address, 9)
    pass_time(localnet)
    until(lambda: all(task.stage is Stage.LATE for task in tasks))

    with pytest.raises(TaskExpired) as told:
        tasks[0].result(timeout=5)
    found = funded.reclaim()
    outcomes = {row.record.key: row.outcome for row in found.rows}

    assert outcomes == {tasks[0].record.key: NOT_YET, tasks[1].record.key: "canceled"}
    assert (tasks[0].stage, tasks[1].stage) == (Stage.LATE, Stage.CANCELED)
    assert (found.back, found.held) == (tasks[1].payment, tasks[0].payment)
    assert told.value.hint == WAY_OUT
    assert found.note == WAY_OUT
    assert told.value.spent == "Its payment of 0.001 OGPU is still held in escrow."
    assert f"{found.said}".endswith(" 0.001 OGPU is still held.")


def test_what_was_attempted_meanwhile_is_seen(
    localnet: Any, account: Any, funded: Any, source: str
) -> None:
    """Between the journal's last news and the call: the chain is asked, nothing is wasted."""
    tasks = published(funded, source, 2)
    funded.close()
    Provider(localnet, source).attempt(tasks[0].address, 9)
    again = ogpu_jupyter.connect(localnet.network, account=account, journal=funded.journal.path)
    try:
        pass_time(localnet)
        until(lambda: all(again.task(t.address).stage is Stage.LATE for t in tasks))
        before = sent(again)
        found = again.reclaim()
        used = sent(again) - before
    finally:
        again.close()

    assert sorted(row.outcome for row in found.rows) == sorted([NOT_YET, "canceled"])
    assert used == 1


def test_the_person_is_asked_first(localnet: Any, funded: Any, source: str) -> None:
    """Where spending is to be confirmed: with what comes back, and what it takes at most."""
    late(localnet, funded, source, 2)
    funded.limits = Limits(confirm=True)
    asked: list[str] = []

    with pytest.raises(OverBudget):
        funded.reclaim()
    with pytest.raises(OverBudget):
        funded.reclaim(ask=lambda question: bool(asked.append(question)))
    found = funded.reclaim(yes=True)

    assert asked[0].startswith("Cancel 2 late tasks: 0.002 OGPU comes back, for at most ")
    assert asked[0].endswith(" OGPU to the network?")
    assert len(found.rows) == 2


def test_canceled_at_once_from_two_threads_it_is_sent_once(
    localnet: Any, funded: Any, source: str
) -> None:
    (task,) = late(localnet, funded, source, 1)
    before = sent(funded)
    hashes: list[str] = []
    threads = [
        threading.Thread(target=lambda: hashes.append(funded.cancel(task).hash)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(hashes) == 3
    assert len(set(hashes)) == 1
    assert sent(funded) == before + 1


def test_two_processes_at_once_cancel_each_once(
    localnet: Any, account: Any, funded: Any, source: str
) -> None:
    tasks = late(localnet, funded, source, 5)
    before = sent(funded)
    found = at_once(2, "reclaim", funded, account)

    until(lambda: all(task.stage is Stage.CANCELED for task in tasks))
    assert ["canceled"] * 5 in found
    assert {outcome for outcomes in found for outcome in outcomes} == {"canceled"}
    assert sent(funded) == before + 5


def test_interrupted_what_left_goes_on(localnet: Any, funded: Any, source: str) -> None:
    """The next call sends nothing twice."""
    tasks = late(localnet, funded, source, 2)
    before = sent(funded)
    waits = funded._until

    def stop(condition: Callable[[], bool]) -> None:
        _thread.interrupt_main()
        waits(lambda: False)

    funded._until = stop
    with pytest.raises(Interrupted) as told:
        funded.reclaim()
    funded._until = waits
    funded.reclaim()
    until(lambda: {task.stage for task in tasks} == {Stage.CANCELED})

    assert told.value.what == (
        "Interrupted after 2 cancellations left: what left goes on without you."
    )
    assert told.value.spent == "The payments come back as the cancellations come into blocks."
    assert told.value.hint == (
        "Type `%ogpu reclaim` again: it sends nothing twice, and tells what came back."
    )
    assert sent(funded) == before + 2


def test_many_take_few_requests(localnet: Any, account: Any, source: str, tmp_path: Any) -> None:
    """The look at thirty late tasks costs the node about as many requests as at one."""
    with faulty_node(localnet.network.rpc_url) as (node, url):
        network = replace(localnet.network, rpc_url=url)
        session = ogpu_jupyter.connect(network, account=account, journal=tmp_path / "j.sqlite3")
        try:
            session.deposit(1)
            late(localnet, session, source, 30)
            before, block = len(node.seen), session.client.head().number
            found = session.reclaim()
            requests, blocks = len(node.seen) - before, session.client.head().number - block
        finally:
            session.close()

    assert found.held == 0
    assert requests <= 25 + 3 * blocks
