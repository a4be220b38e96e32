"""A session reads the tasks and responses of anybody, together."""

from __future__ import annotations

import pytest

from ogpu_jupyter.errors import AddressError
from ogpu_jupyter.tasks import TaskSnapshot, TaskStatus
from tests.market import Publisher

CHAT = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}


@pytest.fixture
def tasks(session, localnet):
    """One that is answered and two that nobody serves."""
    session.deposit(1)
    idle = Publisher(localnet).publish_source()
    made = [session.publish("text2text", "text2text", CHAT)]
    made += [session.publish(idle, "text2text", CHAT, name=f"idle {i}") for i in range(2)]
    made[0].wait(60)
    for task in made:
        session._until(lambda task=task: task.address != "")
    return made


def test_any_tasks_and_their_responses_are_read_in_one_request(session, tasks) -> None:
    """By handle or address, each at its own place, all at one block."""
    # The follower has a request of its own now and then: one that is alone counts.
    session._follower.stop()
    before = session.client.rpc.requests
    found = session.snapshots([tasks[1], tasks[0].address, tasks[2].address.lower()])
    assert session.client.rpc.requests - before == 1
    responses = session.responses(tasks)

    assert all(isinstance(one, TaskSnapshot) for one in found)
    assert [one.address for one in found] == [t.address for t in (tasks[1], tasks[0], tasks[2])]
    assert [one.status for one in found] == [
        TaskStatus.NEW,
        TaskStatus.FINALIZED,
        TaskStatus.NEW,
    ]
    assert len({one.block for one in found}) == 1
    assert [len(given) for given in responses] == [1, 0, 0]
    assert responses[0] == list(found[1].responses)
    assert session.snapshots([]) == session.responses([]) == []


def test_what_is_no_task_is_an_error_that_names_it(session, tasks) -> None:
    with pytest.raises(AddressError, match=f"There is no task at {session.account}"):
        session.snapshots([tasks[0], session.account])
