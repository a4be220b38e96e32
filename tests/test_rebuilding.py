"""A notebook's tasks again: from the journal, off the chain, else as the file has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import ogpu_jupyter
from ogpu_jupyter import notebooks, rebuilding
from ogpu_jupyter.errors import NotConnected
from ogpu_jupyter.handle import Task
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.live import showing_of
from ogpu_jupyter.notebooks import Facts, facts
from ogpu_jupyter.rebuilding import Kept, rebuild
from ogpu_jupyter.tasks import Answer, Stage, TransactionState
from tests.journalling import NETWORK, OTHER, draft, transaction
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHAT = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}


@pytest.fixture
def journal(ogpu_home: Path) -> Iterator[Journal]:
    with Journal() as opened:
        yield opened


def told(record: Any, show: str = "") -> Facts:
    """As it is read of a file."""
    return Facts.model_validate(json.loads(json.dumps(facts(record, show))))


def kept(journal: Journal, n: int = 1, **changes: Any) -> Any:
    """A task of the journal, with an address and a transaction of its own."""
    record, _ = journal.intend(draft(), new=True)
    where = {"address": f"0x{n:040x}", "tx_hash": f"0x{n:064x}"}
    return journal.update(record.key, **{"stage": Stage.PUBLISHED, **where, **changes})


# Without a network


def test_without_a_network_it_is_the_journal_s_last_word(journal: Journal) -> None:
    """The whole record and its answer; one that is under way is said to be as last seen."""
    alive, paid = kept(journal, 1), kept(journal, 2, stage=Stage.FINALIZED)
    journal.put_answer(paid.key, samples.RESPONSES[0], Answer(value="42"))
    found = rebuild([told(paid), told(alive)], journal, None)

    assert [task.record for task in found] == [paid, alive]
    assert found[0].answers == {samples.RESPONSES[0]: Answer(value="42")}
    assert [task.note for task in found] == [
        "",
        "As it was last seen. This kernel is not connected to local (chain 31337).",
    ]


def test_what_the_notebook_saw_before_is_what_the_journal_has_now(journal: Journal) -> None:
    """Saved as sent, without an address; the journal has it paid since."""
    now = kept(journal, 1, stage=Stage.FINALIZED)
    before = told(now.model_copy(update={"address": "", "stage": Stage.SENT}))

    assert [task.record for task in rebuild([before], journal, None)] == [now]


def test_each_task_once(journal: Journal) -> None:
    """By its transaction in one output and by its address in another."""
    record = kept(journal)
    by_hash, by_address = (record.model_copy(update={name: ""}) for name in ("address", "tx_hash"))

    assert len(rebuild([told(by_hash), told(by_address)], journal, None)) == 1


@pytest.mark.parametrize(("asked", "shown"), [("text", "text"), ("TEXT", "text"), ("gone", "")])
def test_it_is_shown_as_the_kind_that_was_asked_for(
    journal: Journal, asked: str, shown: str
) -> None:
    """Journalled or not; a kind that isn't registered any more is left, and the shape decides."""
    record = kept(journal)
    lost = record.model_copy(update={"address": f"0x{9:040x}", "tx_hash": ""})
    found = rebuild([told(record, asked), told(lost, asked)], journal, None)

    assert [showing_of(task).kind for task in found] == [shown, shown]


def test_a_transaction_that_was_replaced_since_still_means_its_task(journal: Journal) -> None:
    record, _ = journal.intend(draft(), new=True)
    first = transaction(record.key, task=record.key)
    journal.add_transaction(first)
    old = told(journal.task(record.key))
    journal.update_transaction(
        first.hash, network_id=first.network_id, state=TransactionState.REPLACED
    )
    journal.update(record.key, tx_hash="0x" + "99" * 32)

    (found,) = rebuild([old], journal, None)

    assert found.record.key == record.key


def test_one_that_was_never_sent_is_found_by_its_words(journal: Journal) -> None:
    record, _ = journal.intend(draft(), new=True)
    journal.update(record.key, stage=Stage.ABANDONED)
    (found,) = rebuild([told(record)], journal, None)

    assert (found.record.key, found.record.stage) == (record.key, Stage.ABANDONED)


def test_the_same_transaction_on_another_chain_is_another_task(journal: Journal) -> None:
    """The journal's is not shown for it."""
    record = kept(journal)
    stranger = told(record.model_copy(update={"network_id": OTHER}))
    (found,) = rebuild([stranger], journal, None)

    assert OTHER != NETWORK
    assert found.record.key == 0


def test_a_journal_that_is_gone_leaves_what_the_notebook_says(journal: Journal) -> None:
    """State, address, transaction and cost; nothing is made up, and it is said who tells it."""
    was = samples.record(Stage.FINALIZED)
    (found,) = rebuild([told(was)], journal, None)

    assert found.record.address == was.address
    assert found.record.payment == was.payment
    assert found.record.stage is Stage.FINALIZED
    assert found.note == (
        "Only the notebook tells of it: this journal doesn't have the task. "
        "Once this kernel is connected, the chain can be asked."
    )


def test_nothing_can_be_done_with_what_is_only_kept() -> None:
    task = Kept(samples.record(Stage.PUBLISHED))

    for act in (task.cancel, task.confirm):
        with pytest.raises(NotConnected, match=r"The task is on local \(chain 31337\)"):
            act()


def test_ten_thousand_are_looked_up_in_a_moment(journal: Journal) -> None:
    """A few statements, not one for each; what isn't there is not searched for ever."""
    record = kept(journal)
    many = [told(record.model_copy(update={"tx_hash": f"0x{n:064x}", "address": ""}))
            for n in range(notebooks.MAX_TASKS)]  # fmt: skip
    found = rebuild(many, journal, None)

    assert len(found) == notebooks.MAX_TASKS
    assert sum(task.record.key == record.key for task in found) == 1


# On a chain


def publish(session) -> Task:
    session.deposit("1")
    source = next(s.address for s in session.sources() if s.name == "text2text")
    return session.publish(source, "text2text", CHAT).wait(timeout=60)


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
def test_connected_it_is_live_and_a_lost_journal_is_read_from_the_chain(
    session, localnet, account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's own handle; with an empty journal the chain answers by the address."""
    task = publish(session)
    known = told(task.record, "text")
    assert rebuild([known], session.journal, session) == [task]
    assert showing_of(task).kind == "text"
    task.show_as("fields")
    assert rebuild([known], session.journal, session) == [task]
    assert showing_of(task).kind == "fields"  # what this kernel was told later

    fresh = ogpu_jupyter.connect(localnet.network, account=account, journal=tmp_path / "new.db")
    (found,) = rebuild([known], fresh.journal, fresh)
    assert isinstance(found, Task)
    assert found.session is fresh
    assert found.wait(timeout=30).result() == task.result()

    gone = Facts.model_validate({**facts(task.record), "task": "0x" + "11" * 20, "tx": ""})
    (missing,) = rebuild([gone], fresh.journal, fresh)
    assert isinstance(missing, Kept)
    assert "The chain was asked: " in missing.note

    other = told(task.record.model_copy(update={"network_id": OTHER, "stage": Stage.PUBLISHED}))
    (elsewhere,) = rebuild([other], fresh.journal, fresh)
    assert elsewhere.note == (
        "Only the notebook tells of it: this journal doesn't have the task. It is on "
        f"{task.record.network} (chain {OTHER.chain_id}); this kernel is connected to "
        f"{localnet.network.name}, but to another chain."
    )

    monkeypatch.setattr(rebuilding, "_MAX_ASKED", 0)
    (later,) = rebuild([gone], fresh.journal, fresh)
    assert later.note.endswith(f"Type `%ogpu show {gone.task}` to ask the chain.")
    fresh.close()
