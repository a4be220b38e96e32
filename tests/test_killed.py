"""`kill -9` at each step between intent and receipt: once, or not at all with nothing spent."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

import ogpu_jupyter
from ogpu_jupyter.tasks import DeliveryMethod, Stage
from tests.helpers import ROOT, pass_time
from tests.helpers import wait_until as until
from tests.killed import QUESTION, STEPS
from tests.market import Provider, Publisher

UNSENT = {"intended", "uploaded"}


def killed_at(step, localnet, account, journal, source):
    order = {
        "network": {**vars(localnet.network)},
        "key": account.key.hex(),
        "journal": str(journal),
        "step": step,
        "source": source,
    }
    command = [sys.executable, "-m", "tests.killed"]
    given = json.dumps(order).encode()
    return subprocess.run(command, cwd=ROOT, input=given, timeout=60, check=False).returncode


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_kernel_publishes_once_or_never(step, localnet, account, session):
    """The next connect finds what happened, and the same cell run again pays nothing twice."""
    session.deposit(1)
    source = session.names()["text2text"]
    session.close()

    code = killed_at(step, localnet, account, session.journal.path, source)
    again = ogpu_jupyter.connect(localnet.network, account=account, journal=session.journal.path)
    try:
        (record,) = again.journal.tasks(again.network_id)
        task = again.publish(source, "text2text", QUESTION)
        answer = task.result(timeout=30)
        count = again.client.rpc.call("eth_getTransactionCount", account.address, "latest")
        vault = again.balance().vault
    finally:
        again.close()

    assert code == -signal.SIGKILL
    assert (record.stage is Stage.ABANDONED) == (step in UNSENT)
    assert task.earlier == (step not in UNSENT)
    assert answer["role"] == "assistant"
    assert int(count, 16) == 2  # the deposit and one task
    assert vault == 10**18 - task.payment


def test_a_kernel_that_is_killed_while_it_connects_judges_nothing(localnet, account, session):
    """Its time is over and its answer came before: the next connect finds the answer."""
    source = Publisher(localnet).publish_source(delivery=DeliveryMethod.MANUAL_CONFIRMATION)
    session.deposit(1)
    task = session.publish(source, "text2text", QUESTION)
    until(lambda: task.address)
    session.close()
    provider = Provider(localnet, source)
    provider.attempt(task.address, 9)
    provider.submit(task.address, {"n": 1}, 9)
    pass_time(localnet)

    code = killed_at("connecting", localnet, account, session.journal.path, source)
    left = session.journal.task(task.record.key).stage
    again = ogpu_jupyter.connect(localnet.network, account=account, journal=session.journal.path)
    try:
        shown = again.publish(source, "text2text", QUESTION)
        answers = until(lambda: shown.answers)
        count = again.client.rpc.call("eth_getTransactionCount", account.address, "latest")
    finally:
        again.close()

    assert code == -signal.SIGKILL
    assert left is Stage.PUBLISHED
    assert shown.stage is Stage.RESPONDED
    assert len(answers) == 1
    assert int(count, 16) == 2  # the deposit and one task
