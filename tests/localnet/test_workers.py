"""The processes in which services run: started late, ended surely, told nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from ogpu_jupyter.localnet.workers import ServiceError, Ticket, Workers
from tests.helpers import ROOT, wait_until


def ask(number):
    return {"messages": [{"role": "user", "content": f"{number}+1"}]}


def workers_of(parent=None):
    """The service processes of ours that are alive."""
    found = []
    for child in psutil.Process(parent).children(recursive=True):
        try:
            if "ogpu_jupyter.localnet.worker" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def workers():
    pool = Workers(2, keep=1)
    yield pool
    pool.close()


@pytest.fixture
def mine():
    """The workers that this test has started: other networks may have some of their own."""
    before = {worker.pid for worker in workers_of()}
    return lambda: [worker for worker in workers_of() if worker.pid not in before]


def test_a_worker_answers_as_the_service_does(workers, mine):
    assert workers.run("text2text", ask(1), Ticket())["content"] == "1 + 1 = 2"
    assert len(mine()) == 1
    assert workers.run("text2text", ask(2), Ticket())["content"] == "2 + 1 = 3"
    assert len(mine()) == 1


def test_a_service_s_error_is_told_and_its_worker_stays(workers, mine):
    with pytest.raises(ServiceError, match="ServiceFailed: no way"):
        workers.run("fail", {"message": "no way"}, Ticket())

    [before] = mine()
    workers.run("sleep", {"seconds": 0}, Ticket())
    assert [worker.pid for worker in mine()] == [before.pid]


def test_a_canceled_ticket_starts_nothing(workers):
    ticket = Ticket()
    ticket.cancel("too late")

    with pytest.raises(ServiceError, match="too late"):
        workers.run("sleep", {"seconds": 0}, ticket)


def test_no_process_is_left_when_the_pool_is_closed(mine):
    pool = Workers(2, keep=2)
    pool.run("sleep", {"seconds": 0}, Ticket())
    assert mine()

    pool.close()

    assert mine() == []


def test_a_worker_knows_no_key_of_ours(workers, monkeypatch, mine):
    """Neither in its environment nor on its command line."""
    for name in ("CLIENT_PRIVATE_KEY", "SOME_TOKEN", "OGPU_JUPYTER_HOME"):
        monkeypatch.setenv(name, "canary")
    workers.run("sleep", {"seconds": 0}, Ticket())
    [worker] = mine()

    assert "canary" not in worker.environ().values()
    assert "canary" not in " ".join(worker.cmdline())


def test_a_worker_takes_no_module_of_the_folder_it_was_started_in(workers, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)

    assert workers.run("sleep", {"seconds": 0}, Ticket()) == {"slept": 0}


def test_workers_die_with_a_provider_that_is_killed():
    """Also in the middle of a service, and with no chance to tell them."""
    code = (
        "import threading; from ogpu_jupyter.localnet.workers import Ticket, Workers\n"
        "pool = Workers(2, keep=2)\n"
        "pool.run('sleep', {'seconds': 0}, Ticket()); print('ready', flush=True)\n"
        "pool.submit(lambda: pool.run('sleep', {'seconds': 3000}, Ticket()))\n"
        "threading.Event().wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        parent.stdout.readline()
        [worker] = workers_of(parent.pid)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()

        wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 10)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def test_an_interrupt_is_not_for_the_workers(workers, mine):
    """The notebook's interrupt reaches all processes of the kernel's group."""
    workers.run("sleep", {"seconds": 0}, Ticket())
    [worker] = mine()

    worker.send_signal(signal.SIGINT)

    workers.run("sleep", {"seconds": 0}, Ticket())
    assert [again.pid for again in mine()] == [worker.pid]
