"""Several kernels share one journal, and any of them may be killed at any moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from ogpu_jupyter.errors import JournalError
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.tasks import Stage, TransactionState
from tests.helpers import wait_until
from tests.journalling import ACCOUNT, NETWORK, OTHER, ROOT, child, draft, transaction

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(ogpu_home: Path) -> Path:
    return ogpu_home / "journal.sqlite3"


@pytest.mark.parametrize("step", ["intended", "uploaded"])
def test_killed_before_the_signature_nothing_was_sent(path: Path, step: str) -> None:
    """The next start marks it abandoned, and the same task is new again."""
    with child(path, "publish", step) as publisher:
        publisher.until(step)

    with Journal(path) as journal:
        (orphan,) = journal.abandon_orphans(NETWORK)
        record, new = journal.intend(draft())

    assert orphan.stage is Stage.ABANDONED
    assert "Nothing was spent" in orphan.problem
    assert new
    assert record.key != orphan.key


@pytest.mark.parametrize("step", ["intended", "uploaded"])
def test_an_orphan_is_found_when_its_task_is_intended_again(path: Path, step: str) -> None:
    """Without asking for orphans first."""
    with child(path, "publish", step) as publisher:
        publisher.until(step)

    with Journal(path) as journal:
        assert journal.find_same(draft()) is None
        record, new = journal.intend(draft())
        stages = [task.stage for task in journal.tasks()]

    assert new
    assert stages == [Stage.INTENDED, Stage.ABANDONED]
    assert record.key == 2


@pytest.mark.parametrize(
    ("step", "stage", "state"),
    [
        ("signed", Stage.SIGNED, TransactionState.SIGNED),
        ("sent", Stage.SENT, TransactionState.SENT),
        ("published", Stage.PUBLISHED, TransactionState.MINED),
    ],
)
def test_killed_after_the_signature_it_is_never_made_anew(
    path: Path, step: str, stage: Stage, state: TransactionState
) -> None:
    """The same task is the old one, and the bytes to ask after are there."""
    with child(path, "publish", step) as publisher:
        publisher.until(step)

    with Journal(path) as journal:
        assert journal.abandon_orphans(NETWORK) == []
        record, new = journal.intend(draft())
        (sent,) = journal.transactions(NETWORK, ACCOUNT)

    assert not new
    assert record.stage is stage
    assert record.tx_hash == sent.hash
    assert (sent.state, sent.raw) == (state, transaction().raw)


def test_there_is_no_moment_with_signed_bytes_of_an_unsigned_task(path: Path) -> None:
    """Whenever it is killed: bytes are there if and only if the task says that it is signed."""
    for number in range(12):
        with child(path, "publish") as publisher:
            publisher.until("intended")
            time.sleep(number / 1000)  # it runs freely, and is killed somewhere
        with Journal(path) as journal:
            task = journal.tasks()[0]
            held = any(found.task == task.key for found in journal.transactions(NETWORK, ACCOUNT))
            journal.update(task.key, stage=Stage.ABANDONED)
            for old in journal.transactions(NETWORK, ACCOUNT):
                journal.update_transaction(
                    old.hash, network_id=NETWORK, state=TransactionState.REFUSED
                )
        signed = task.stage not in {Stage.INTENDED, Stage.UPLOADED}
        assert held == signed


def test_of_kernels_that_intend_at_once_one_is_new(path: Path) -> None:
    """Also when none of them has opened the journal before."""
    with ExitStack() as stack:
        racers = [stack.enter_context(child(path, "publish", "ready")) for _ in range(3)]
        for racer in racers:
            racer.until("ready")
        for racer in racers:
            racer.say()
        answers = [json.loads(racer.until("intended")) for racer in racers]

    assert sorted(new for _, new in answers) == [False, False, True]
    assert len({key for key, _ in answers}) == 1


def test_an_owner_lives_until_its_process_ends(path: Path) -> None:
    """While it lives its intent stands, however long that takes."""
    with Journal(path) as journal, child(path, "publish", "intended") as publisher:
        publisher.until("intended")

        assert journal.abandon_orphans(NETWORK) == []
        assert journal.intend(draft())[1] is False

        publisher.kill()

        journal.abandon_orphans(NETWORK)
        assert journal.intend(draft())[1] is True


def test_an_owner_of_another_network_is_left_alone(path: Path) -> None:
    """Orphans are looked for where the session is connected."""
    with child(path, "publish", "intended") as publisher:
        publisher.until("intended")

    with Journal(path) as journal:
        assert journal.abandon_orphans(OTHER) == []
        assert len(journal.abandon_orphans(NETWORK)) == 1


def test_a_closed_journal_counts_as_dead(path: Path) -> None:
    """A session that is closed in a living kernel sends nothing any more."""
    with Journal(path) as first:
        first.intend(draft())

    with Journal(path) as second:
        assert second.intend(draft())[1] is True


def test_what_was_taken_over_is_not_signed(path: Path) -> None:
    """A kernel that was taken for dead can't send what another one has given up."""
    with Journal(path) as first, Journal(path) as second:
        record, _ = first.intend(draft())
        for lock in path.parent.rglob(f"owner-{first.owner}.lock"):
            lock.unlink()  # as a cleaner of temporary files would
        second.abandon_orphans(NETWORK)

        with pytest.raises(JournalError, match="Task #1 is abandoned and can't be sent"):
            first.add_transaction(transaction(task=record.key))

        assert first.transactions(NETWORK, ACCOUNT) == []


def test_killed_in_a_transaction_nothing_of_it_is_kept(path: Path) -> None:
    """And nobody waits for the dead."""
    with child(path, "write", "written") as writer:
        writer.until("written")

    with Journal(path) as journal:
        assert journal.tasks() == []


def test_the_dead_leave_no_files_behind(path: Path) -> None:
    """Signs of life are swept at the next start."""
    for _ in range(3):
        with child(path, "publish", "open") as publisher:
            publisher.until("open")

    with Journal(path) as journal:
        owners = [file.name for file in path.parent.rglob("owner-*")]

    assert owners == [f"owner-{journal.owner}.lock"]


def test_one_sender_of_an_account_at_a_time(path: Path) -> None:
    """Over all processes; another account, or another network, doesn't wait."""
    with Journal(path) as journal, child(path, "send", "sending") as sender:
        sender.until("sending")

        with (
            pytest.raises(JournalError, match=r"sending transactions .* for 0.05 s"),
            journal.sending(NETWORK, ACCOUNT, timeout=0.05),
        ):
            pass
        with journal.sending(OTHER, ACCOUNT, timeout=0.05):
            pass
        with journal.sending(NETWORK, "0x" + "11" * 20, timeout=0.05):
            pass

        sender.say()
        sender.until("sent")
        with journal.sending(NETWORK, ACCOUNT.lower(), timeout=10):
            pass


def test_the_senders_lock_is_let_go_by_death(path: Path) -> None:
    """A killed kernel stops nobody."""
    with Journal(path) as journal, child(path, "send", "sending") as sender:
        sender.until("sending")
        sender.kill()

        with journal.sending(NETWORK, ACCOUNT, timeout=5):
            pass


def test_one_sender_also_among_the_threads_of_a_kernel(path: Path) -> None:
    """The lock is the holder's, not the process's."""
    inside, most = 0, 0

    def send() -> None:
        nonlocal inside, most
        for _ in range(5):
            with journal.sending(NETWORK, ACCOUNT):
                inside += 1
                most = max(most, inside)
                inside -= 1

    with Journal(path) as journal:
        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert most == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_a_connection_and_an_owner_of_its_own(path: Path) -> None:
    """And its end is not the parent's."""
    fork = multiprocessing.get_context("fork")
    with Journal(path) as journal:
        queue = fork.SimpleQueue()

        def work() -> None:
            record, new = journal.intend(draft())
            queue.put((journal.owner, record.key, new))

        process = fork.Process(target=work)
        process.start()
        owner, key, new = queue.get()
        process.join(20)

        assert (process.exitcode, new) == (0, True)
        assert owner != journal.owner
        assert [task.key for task in journal.abandon_orphans(NETWORK)] == [key]
        assert journal.intend(draft())[1] is True
        with Journal(path) as other:
            assert other.intend(draft())[1] is False  # the parent still lives


def test_many_kernels_write_at_once(path: Path) -> None:
    """Nobody's record is lost, and nobody is told to try again."""
    code = (
        "import sys; from pathlib import Path; from tests.journalling import *\n"
        "with Journal(Path(sys.argv[1])) as journal:\n"
        "    for number in range(20):\n"
        "        key = journal.intend(draft(name=f'{sys.argv[2]}_{number}'))[0].key\n"
        "        journal.update(key, stage=Stage.UPLOADED)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    writers = [subprocess.Popen([*command, f"kernel{n}"], cwd=ROOT) for n in range(3)]
    codes = [writer.wait(60) for writer in writers]

    with Journal(path) as journal:
        names = {task.name for task in journal.tasks()}

    assert codes == [0, 0, 0]
    assert names == {f"kernel{kernel}_{n}" for kernel in range(3) for n in range(20)}


def test_a_reader_does_not_wait_for_a_writer(path: Path) -> None:
    """A kernel in the middle of a write stops no other from showing its tasks."""
    with Journal(path) as journal:
        journal.intend(draft(name="earlier"))
        with child(path, "write", "written") as writer:
            writer.until("written")

            assert [task.name for task in journal.tasks()] == ["earlier"]

            writer.say()
            wait_until(lambda: len(journal.tasks()) == 2)
