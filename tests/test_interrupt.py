"""The stop button: before the sending nothing is spent, after it the task goes on."""

from __future__ import annotations

import re
import time

import pytest
from jupyter_client.manager import KernelManager

from tests.helpers import wait_until

SET_UP = """
%load_ext ogpu_jupyter
import threading
import ogpu_jupyter
from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.chain.networks import Network
import builtins, json
order = json.loads({order!r})
session = ogpu_jupyter.connect(
    Network(**order["network"]), account=eth_account.Account.from_key(order["key"]))
session.deposit(1)
go_on = threading.Event()

def slowly(method, before):
    def wrapped(*args, **kwargs):
        if before:
            print("under way", flush=True)
            go_on.wait(5)
            return method(*args, **kwargs)
        result = method(*args, **kwargs)
        print("under way", flush=True)
        go_on.wait(5)
        return result
    return wrapped
"""
TASK = """%%ogpu_task {source} {function}
{data}
"""


@pytest.fixture
def kernel(kernel_env, localnet, account, tmp_path):
    import json

    manager = KernelManager()
    manager.start_kernel(env=kernel_env(OGPU_JUPYTER_HOME=tmp_path), cwd=tmp_path)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    order = json.dumps({"network": vars(localnet.network), "key": account.key.hex()})
    run(client, SET_UP.replace("{order!r}", repr(order)))
    yield Kernel(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


class Kernel:
    def __init__(self, manager, client):
        self.manager = manager
        self.client = client

    def run(self, code, **options):
        return run(self.client, code, **options)

    def interrupt(self, code, when="under way"):
        """What a cell says that is interrupted once `when` is in its output."""
        return run(self.client, code, when=when, act=self.manager.interrupt_kernel)


def run(client, code, *, when=None, act=None):
    """The cell's whole output, errors included, without colours."""
    request = client.execute(code, stop_on_error=False)
    output, deadline = "", time.monotonic() + 60
    while time.monotonic() < deadline:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        content, kind = message["content"], message["msg_type"]
        if kind == "stream":
            output += content["text"]
        elif kind in {"execute_result", "display_data", "update_display_data"}:
            output += content["data"]["text/plain"]
        elif kind == "error":
            output += "\n".join(content["traceback"])
        elif kind == "status" and content["execution_state"] == "idle":
            return re.sub(r"\x1b\[[0-9;]*m", "", output)
        if when and when in output:
            act()
            when = None
    pytest.fail(f"the cell did not end: {output}")


def cell(localnet, name, function, data):
    return TASK.format(source=localnet.services[name], function=function, data=data)


def test_stopped_during_the_upload_nothing_is_spent(kernel, localnet):
    kernel.run("session.client.store.put = slowly(session.client.store.put, True)")

    shown = kernel.interrupt(cell(localnet, "sleep", "sleep", '{"seconds": 0}'))

    assert "Interrupted: Interrupted before anything was sent.\nNothing was spent." in shown
    assert "1 OGPU" in kernel.run("%ogpu status")
    assert kernel.run("print(session.journal.tasks()[0].stage.value)") == "abandoned\n"


def test_stopped_after_the_sending_the_task_goes_on(kernel, localnet):
    """It is detached: the variable holds it, and the message says how to see and cancel it."""
    kernel.run("session._sender.send = slowly(session._sender.send, False)")
    data = '{"messages": [{"role": "user", "content": "What is 1 + 1?"}]}'

    shown = kernel.interrupt(cell(localnet, "text2text", "text2text", data))

    assert "Interrupted: Interrupted after the task was sent: it goes on without you." in shown
    assert "`%ogpu show 0x" in shown
    assert "`%ogpu cancel 0x" in shown
    assert "1 + 1 = 2" in kernel.run("print(task.result(timeout=30))")


def test_stopped_while_waiting_the_task_goes_on(kernel, localnet):
    kernel.run(cell(localnet, "sleep", "sleep", '{"seconds": 4}'))

    # Not flushed: the text leaves by itself, when the cell is waiting already.
    shown = kernel.interrupt("print('under way'); task.result()")

    assert "Interrupted: Stopped waiting." in shown
    assert "The payment of 0.001 OGPU is held in escrow." in shown
    wait_until(lambda: "FINALIZED" in kernel.run("print(task.status)"), seconds=30, every=0.5)
