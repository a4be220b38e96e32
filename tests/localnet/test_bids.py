"""The source with several providers: each has its account, its bid, its time and its answer."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from ogpu_jupyter import localnet as market
from ogpu_jupyter.chain._web3 import eth_abi
from ogpu_jupyter.localnet.accounts import ALL, BIDDERS, BIDDERS_MASTERS, USERS
from ogpu_jupyter.localnet.services import SERVICES
from ogpu_jupyter.tasks import TaskStatus
from tests.helpers import wait_until
from tests.localnet.test_provider import (
    PAYMENT,
    anvil_at,  # noqa: F401 - a fixture
    bench,  # noqa: F401 - a fixture
    fresh_bench,
)

NAME = "text2text_bids"
SERVICE = SERVICES[NAME]


@pytest.fixture(scope="module")
def at_work(bench):  # noqa: F811 - the fixture
    with bench.provider():
        yield bench


def ask(number):
    return {"messages": [{"role": "user", "content": f"What is {number} * 5678?"}]}


def attempters(bench, task):  # noqa: F811 - the fixture's value
    count = int(bench.read(task, "getAttemptCount()"), 16)
    if not count:
        return []
    found = bytes.fromhex(bench.read(task, "getAttempters(uint256,uint256)", 0, count - 1))
    return [address.lower() for address in eth_abi.decode(["address[]"], found)[0]]


def responses(bench, task):  # noqa: F811
    """Answer and bid by the provider's address, of those that have answered."""
    found = {}
    for account in BIDDERS:
        address = "0x" + bench.read(task, "responseOf(address)", account.address)[-40:]
        if int(address, 16):
            params = bytes.fromhex(bench.read(address, "responseParams()"))
            types = ["address", "address", "string", "uint256"]
            _, provider, url, bid = eth_abi.decode(types, params)
            assert provider == account.address.lower()
            found[provider] = (json.loads(bench.pins.get(url)), bid)
    return found


def expected(data):
    return {
        account.address.lower(): (
            SERVICE.answer(data, bidder.name),
            PAYMENT * bidder.per_cent // 100,
        )
        for account, bidder in zip(BIDDERS, SERVICE.bidders, strict=True)
    }


def test_every_account_has_one_part():
    """Nobody's nonces are used by two, and no user is a provider."""
    parts = [*USERS, *ALL[6:10], *BIDDERS, *BIDDERS_MASTERS]

    assert len({account.address for account in parts}) == len(parts) == len(ALL)
    assert len(SERVICE.bidders) == len(BIDDERS) == len(BIDDERS_MASTERS)


def test_each_attempts_with_its_bid_and_submits_its_own_answer(at_work):
    task = at_work.publish(NAME, ask(1234))

    wait_until(lambda: len(responses(at_work, task)) == 3, 30)

    assert responses(at_work, task) == expected(ask(1234))
    assert set(attempters(at_work, task)) == {account.address.lower() for account in BIDDERS}
    assert at_work.status(task) == TaskStatus.RESPONDED  # the choice is the client's
    assert len({bid for _, bid in responses(at_work, task).values()}) == 3


def test_bids_stand_in_the_events(at_work):
    """As the client reads them."""
    begin = int(at_work.rpc.call("eth_blockNumber"), 16)
    task = at_work.publish(NAME, ask(3))
    wait_until(lambda: len(attempters(at_work, task)) == 3, 30)

    query = {"address": at_work.market.contracts["nexus"], "fromBlock": hex(begin)}
    logs = at_work.rpc.call("eth_getLogs", query)
    words = [bytes.fromhex(log["data"][2:]) for log in logs]
    bids = {
        "0x" + data[44:64].hex(): int.from_bytes(data[64:96], "big")
        for data in words
        if len(data) == 96 and data[12:32].hex() == task[2:].lower()
    }
    assert bids == {address: bid for address, (_, bid) in expected(ask(3)).items()}


def test_the_first_is_here_before_the_others(at_work):
    """They take their time, each its own."""
    task = at_work.publish(NAME, ask(7))
    first = wait_until(lambda: responses(at_work, task), 30, every=0.02)

    assert list(first) == [BIDDERS[0].address.lower()]
    wait_until(lambda: len(responses(at_work, task)) == 3, 30)


def test_many_tasks_at_once_have_all_their_answers(at_work):
    tasks = {n: at_work.publish(NAME, ask(n)) for n in range(100, 106)}

    for number, task in tasks.items():
        wait_until(lambda task=task: len(responses(at_work, task)) == 3, 40)
        assert responses(at_work, task) == expected(ask(number))


def test_what_the_client_has_chosen_is_answered_by_nobody_more(at_work, caplog):
    """The others stop, and it is no refusal of the chain's."""
    task = at_work.publish(NAME, ask(9))
    wait_until(lambda: responses(at_work, task), 30, every=0.02)
    response = "0x" + at_work.read(task, "responseOf(address)", BIDDERS[0].address)[-40:]
    at_work.send(at_work.market.contracts["controller"], "confirmResponse(address)", response)

    wait_until(lambda: caplog.text.count("its client has made its choice") == 2)
    assert at_work.status(task) == TaskStatus.FINALIZED
    assert list(responses(at_work, task)) == [BIDDERS[0].address.lower()]
    assert "refused" not in caplog.text


def test_started_again_each_does_what_it_had_not_done(node, anvil_at):  # noqa: F811
    """One had answered, one had attempted, one had not begun: none does a thing twice."""
    with fresh_bench(node) as own:
        with own.provider():
            task = own.publish(NAME, ask(11))
            wait_until(lambda: len(attempters(own, task)) == 3 and responses(own, task), 30)
        early = responses(own, task)
        unseen = own.publish(NAME, ask(12))

        with own.provider():
            wait_until(lambda: len(responses(own, task)) == 3, 30)
            wait_until(lambda: len(responses(own, unseen)) == 3, 30)

        assert early.items() <= responses(own, task).items()
        assert responses(own, task) == expected(ask(11))
        assert len(attempters(own, task)) == 3


def test_it_is_there_again_with_the_state(tmp_path, anvil_path, monkeypatch):
    """The same source, the same providers, and they answer."""
    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    import ogpu_jupyter

    with market.start(node="anvil", state=tmp_path / "state") as net:
        source = net.services[NAME]
    with market.start(node="anvil", state=tmp_path / "state") as net:
        assert net.services[NAME] == source
        session = ogpu_jupyter.connect(
            net.network, account=net.signer(), journal=tmp_path / "journal.sqlite3"
        )
        session.deposit(1)
        record = session.source(NAME)
        task = session.publish(NAME, NAME, ask(13))
        wait_until(lambda: len(task.answers) == 3, 40)
        session.close()

    assert record.provider_count == 3
    assert {r.provider.lower() for r in task.responses} == {
        account.address.lower() for account in BIDDERS
    }


def test_a_killed_network_leaves_nothing_waiting(anvil_path, monkeypatch):
    """Bidders that take their time hold up no end."""
    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    net = market.start(node="anvil")
    os.kill(net.pid, signal.SIGTERM)
    wait_until(lambda: not net.is_alive or not Path(f"/proc/{net.pid}").exists(), 20)
    net.stop()

    assert not net.is_alive
