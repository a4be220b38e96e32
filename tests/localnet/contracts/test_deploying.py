"""One transaction makes the market; a contract of the interface stands by itself too."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.localnet import contracts
from tests.localnet.contracts.market import (
    FIRST,
    MANUAL,
    OGPU,
    URL,
    ZERO,
    Market,
    abi,
    reverts,
)

# EIP-3860, and EIP-7825 of Osaka: what the newest nodes take of one transaction.
MOST_INITCODE = 49_152
MOST_GAS = 2**24


def test_the_five_know_each_other(market: Market) -> None:
    """Each address that one has of another is the one that the deployment says."""
    place = market.deployment
    known = {
        "controller": ["nexus", "terminal", "vault"],
        "nexus": ["manager", "terminal", "vault"],
        "terminal": ["manager", "vault"],
        "vault": ["manager", "nexus", "terminal"],
    }

    for name, others in known.items():
        told = {other: market.ask(getattr(getattr(market, name), other)()) for other in others}
        assert told == {other: getattr(place, other) for other in others}


def test_the_deployer_has_everything_and_the_maker_nothing(market: Market) -> None:
    admin, manager = market.admin.address, market.manager
    roles = [market.ask(manager.DEFAULT_ADMIN_ROLE()), market.ask(manager.JUDGE())]

    for contract in (market.terminal, market.nexus, market.controller):
        assert market.ask(contract.owner()) == admin
    assert [market.ask(manager.hasRole(role, admin)) for role in roles] == [True, True]
    assert market.ask(market.nexus.checkController(market.deployment.controller)) is True
    assert market.ask(market.nexus.checkController(admin)) is False
    maker = contracts.addresses(admin, 0)
    assert maker == market.deployment


def test_it_is_quick_and_within_what_a_node_takes(market: Market) -> None:
    """Half of the time that a whole network has for its start would be too much."""
    taken = []
    while len(taken) < 5 and min(taken, default=2) > 1.5:  # a busy machine may be slow now and then
        newcomer = eth_account.Account.create()
        market.node.fund(newcomer.address, 10 * OGPU)
        began = time.monotonic()
        contracts.deploy(market.node.w3, newcomer)
        taken.append(time.monotonic() - began)

    assert min(taken) <= 1.5
    used = market.node.w3.eth.get_block("latest")["gasUsed"]
    assert used < contracts.DEPLOY_GAS < MOST_GAS
    assert len(contracts.bytecode("Market")) // 2 - 1 <= MOST_INITCODE


@pytest.mark.parametrize("earlier", [1, 127, 128])
def test_the_addresses_are_known_from_the_nonce(market: Market, earlier: int) -> None:
    """The address of a transaction's contract depends on how many its sender sent before."""
    newcomer = eth_account.Account.create()
    market.node.fund(newcomer.address, 10 * OGPU)
    for nonce in range(
        earlier if market.node.w3.provider.__class__.__name__ != "EthereumTesterProvider" else 1
    ):
        market.send_raw(newcomer, {"to": ZERO, "nonce": nonce, "gas": 21_000})
    nonce = market.node.w3.eth.get_transaction_count(newcomer.address)

    deployment = contracts.deploy(market.node.w3, newcomer)

    assert deployment == contracts.addresses(newcomer.address, nonce)
    for address in (deployment.manager, deployment.controller):
        assert market.node.w3.eth.get_code(address)


def test_a_deployment_that_fails_says_so(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "DEPLOY_GAS", 2_000_000)

    with pytest.raises(RuntimeError, match=r"transaction 0x[0-9a-f]{64} was reverted"):
        contracts.deploy(market.node.w3, market.admin)


def test_two_markets_on_one_chain_are_strangers(market: Market) -> None:
    other = contracts.deploy(market.node.w3, market.admin)

    call = market.contract("Controller", other.controller).publishTask(
        (market.sources[FIRST], URL, market.now + 600, OGPU)
    )

    assert not set(vars(other).values()) & set(vars(market.deployment).values())
    with reverts("InsufficientBalance"):
        market.send(market.client, call)


def alone(market: Market, name: str, *arguments: Any, value: int = 0) -> Any:
    """The functions of a contract that was deployed by itself, as its constructor has it."""
    factory = market.node.w3.eth.contract(abi=abi(name), bytecode=contracts.bytecode(name))
    data = factory.constructor(*arguments).data_in_transaction
    receipt = market.send_raw(market.other, {"data": data, "value": value})
    assert receipt["status"] == 1
    return market.contract(name, receipt["contractAddress"])


def test_a_task_stands_by_itself(market: Market) -> None:
    params = (market.sources[FIRST], URL, 77, 88)

    task = alone(market, "Task", params, MANUAL, market.other.address, value=1)
    market.send(market.other, task.attempt(market.provider.address))

    assert tuple(market.ask(task.taskParams())) == params
    assert market.ask(task.getDeliveryMethod()) == MANUAL
    assert market.ask(task.owner()) == market.other.address
    assert market.ask(task.getStatus()) == 1


def test_a_response_stands_by_itself(market: Market) -> None:
    params = (market.sources[FIRST], market.provider.address, URL, 88)

    response = alone(market, "Response", params)
    market.send(market.other, response.confirm())

    assert tuple(market.ask(response.getResponseParams())) == params
    assert market.ask(response.responseTimestamp()) > 0
    assert market.ask(response.confirmedFinal()) is True
    with reverts("AlreadyConfirmed"):
        market.send(market.other, response.confirm())


def test_a_source_stands_by_itself(market: Market) -> None:
    """Its maker is its Nexus, its client is its owner."""
    source = alone(market, "Source", market.params())
    market.send(market.other, source.publishTask(ZERO))
    receipt = market.send(market.other, source.register(market.provider.address, 1))

    assert tuple(market.ask(source.getSourceParams())) == market.params()
    assert market.ask(source.owner()) == market.client.address
    assert market.ask(source.nexus()) == market.other.address
    assert market.ask(source.getTasks(0, 0)) == [ZERO]
    assert receipt["status"] == 1


@pytest.mark.parametrize(
    ("name", "count"),
    [("Manager", 0), ("Terminal", 2), ("Vault", 3), ("Nexus", 3), ("Controller", 3)],
)
def test_the_others_stand_by_themselves(market: Market, name: str, count: int) -> None:
    contract = alone(market, name, *[market.other.address] * count)

    if name == "Manager":
        assert market.ask(contract.hasRole(bytes(32), market.other.address)) is True
    else:
        first = {"Controller": "nexus"}.get(name, "manager")
        assert market.ask(getattr(contract, first)()) == market.other.address
