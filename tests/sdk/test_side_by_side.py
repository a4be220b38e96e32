"""The official SDK and this package on one market: each does its work, and reads the other's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from ogpu_jupyter.tasks import Stage
from tests.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.sdk.conftest import Peer

OGPU = 10**18
QUESTION = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}
PAYLOAD = {"function_name": "text2text", "data": QUESTION}


@pytest.fixture
def chat(localnet) -> str:
    """The address of the local source that answers questions."""
    return localnet.services["text2text"]


@pytest.fixture
def manual_source(localnet, peer: Peer) -> Iterator[str]:
    """A source of the SDK's own, whose client chooses the response, and a provider for it.

    The SDK announces, stakes and registers the provider too; ours does its work.
    """
    from ogpu_jupyter.content import HttpContentStore
    from ogpu_jupyter.localnet.provider import Provider
    from ogpu_jupyter.localnet.rpc import Rpc

    network = localnet.network
    source = peer("source", name="mine", delivery="MANUAL_CONFIRMATION", min_payment=10**15)
    provider, master = localnet.accounts[4:6]
    keys = {"provider_key": provider["private_key"], "master_key": master["private_key"]}
    peer("enroll", source=source, stake=10 * OGPU, **keys)
    worker = Provider(
        rpc=lambda: Rpc(urlsplit(network.rpc_url).port or 80),
        contracts={"nexus": network.nexus},
        account=provider["address"],
        sources={"text2text": source},
        store=HttpContentStore(network.pin_url, network.gateway_url),
    )
    worker.start()
    yield source
    worker.stop()


def look_until(peer: Peer, task: str, status: str) -> dict[str, Any]:
    def seen() -> dict[str, Any] | None:
        found = peer("look", address=task)
        return found if found["status"] == status else None

    return wait_until(seen, 30) or {}


def test_its_task_is_answered(peer: Peer, chat: str) -> None:
    """Deposit, publish, and the local provider answers: all in the SDK's own words."""
    assert peer("deposit", amount=OGPU) == OGPU

    task = peer(
        "publish", source=chat, function="text2text", data=QUESTION, payment=10**16, seconds=600
    )
    found = look_until(peer, task, "FINALIZED")

    assert found["payload"] == PAYLOAD
    assert [response["status"] for response in found["responses"]] == ["CONFIRMED"]
    assert "42" in found["responses"][0]["content"]["content"]
    assert peer("balance", address=peer.address) == OGPU - 10**16


def test_it_chooses_a_response(peer: Peer, manual_source: str) -> None:
    """A source that it published itself waits for its confirmation, and then pays."""
    assert peer("look_source", address=manual_source)["metadata"]["name"] == "mine"
    peer("deposit", amount=OGPU)

    task = peer(
        "publish",
        source=manual_source,
        function="text2text",
        data=QUESTION,
        payment=10**16,
        seconds=600,
    )
    found = look_until(peer, task, "RESPONDED")
    assert [response["status"] for response in found["responses"]] == ["SUBMITTED"]
    peer("confirm", response=found["responses"][0]["address"])
    final = peer("look", address=task)

    assert final["status"] == "FINALIZED"
    assert final["responses"][0]["status"] == "CONFIRMED"
    assert final["winner"]


def test_it_takes_a_task_back(peer: Peer) -> None:
    """A task that nobody took is canceled, and its payment is in the vault again."""
    lonely = peer("source", name="lonely", delivery="FIRST_RESPONSE", min_payment=0)
    peer("deposit", amount=OGPU)
    task = peer("publish", source=lonely, function="f", data={}, payment=10**16, seconds=600)

    assert peer("balance", address=peer.address) == OGPU - 10**16
    assert peer("cancel", address=task) == "CANCELED"
    assert peer("balance", address=peer.address) == OGPU


def test_we_read_its_task(peer: Peer, chat: str, session) -> None:
    """Source, payload, payment, expiry and answer of a task that the SDK published."""
    peer("deposit", amount=OGPU)
    address = peer(
        "publish", source=chat, function="text2text", data=QUESTION, payment=10**16, seconds=600
    )
    theirs = look_until(peer, address, "FINALIZED")

    ours = session.task(address)

    assert ours.result(timeout=30) == theirs["responses"][0]["content"]
    assert ours.payload == theirs["payload"] == PAYLOAD
    assert (ours.payment, ours.expires_at) == (theirs["payment"], theirs["expires_at"])
    assert ours.record.source == theirs["source"] == chat
    assert ours.stage is Stage.FINALIZED


def test_it_reads_our_task(peer: Peer, session) -> None:
    """The same, the other way round."""
    session.deposit("1")
    ours = session.publish("text2text", "text2text", QUESTION, pay="0.01", extras={"tag": "é"})
    answer = ours.result(timeout=30)

    theirs = peer("look", address=ours.address)

    assert theirs["payload"] == ours.payload == {**PAYLOAD, "tag": "é"}
    assert (theirs["payment"], theirs["expires_at"]) == (ours.payment, ours.expires_at)
    assert theirs["responses"][0]["content"] == answer
    assert theirs["status"] == "FINALIZED"


def test_we_choose_a_response_on_its_source(peer: Peer, manual_source: str, session) -> None:
    """We publish to the SDK's source, read the bids, and pay the one that we choose."""
    session.deposit("1")
    task = session.publish(manual_source, "text2text", QUESTION, pay="0.01")
    wait_until(lambda: task.stage is Stage.RESPONDED, 30)

    task.confirm()

    assert wait_until(lambda: task.stage is Stage.FINALIZED, 30)
    assert peer("look", address=task.address)["status"] == "FINALIZED"


OBJECTS = """
import json, sys, time
from pathlib import Path
import ogpu
import ogpu.client as sdk
import ogpu_jupyter
from eth_account import Account

words = json.loads(sys.argv[1])
account = Account.from_key(input())
network = ogpu_jupyter.Network(**words["network"])
ogpu.ChainConfig.set_rpc(network.rpc_url)
session = ogpu_jupyter.connect(network, account=account, journal=Path(words["journal"]))
session.deposit("1")
source, expiry = sdk.Source(words["source"]), int(time.time()) + 600
order = sdk.TaskInput(function_name="text2text", data=words["data"])
info = sdk.TaskInfo(source=words["source"], config=order, expiryTime=expiry, payment=10**16)
first = ogpu_jupyter.publish_task(info)
second = session.publish(source, "text2text", words["data"], name="second")
print(json.dumps([first.payload, first.result(timeout=30), second.result(timeout=30)]))
session.close()
"""


def test_its_objects_are_taken(
    localnet,
    account,
    chat: str,
    sdk_python: Path,
    tmp_path: Path,
    kernel_env: Callable[..., dict[str, str]],
) -> None:
    """In one process with the SDK, its `TaskInfo`, `TaskInput` and `Source` are taken."""
    listed = subprocess.run(
        [sdk_python, "-c", "import sys, json; print(json.dumps(sys.path[1:]))"],
        check=True,
        capture_output=True,
        text=True,
    )
    site = [path for path in json.loads(listed.stdout) if path.endswith("site-packages")]
    words = {
        "network": vars(localnet.network),
        "journal": str(tmp_path / "journal.sqlite3"),
        "source": chat,
        "data": QUESTION,
    }

    ran = subprocess.run(
        [sys.executable, "-c", OBJECTS, json.dumps(words)],
        check=False,
        capture_output=True,
        text=True,
        input=account.key.hex(),
        env=kernel_env(PYTHONPATH=":".join(site)),
        timeout=120,
    )

    assert ran.returncode == 0, ran.stderr
    payload, first, second = json.loads(ran.stdout.splitlines()[-1])
    assert payload == PAYLOAD
    assert first == second
    assert "42" in first["content"]
