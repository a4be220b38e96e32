"""What is not known of the deployed contracts can be either way here."""

from __future__ import annotations

import pytest

from ogpu_jupyter.localnet.contracts import FrozenBy, Switches, set_switches, switches_abi
from tests.localnet.contracts.market import (
    CONFIRMED,
    EXPIRED,
    FINALIZED,
    FIRST,
    NEW,
    OGPU,
    RESPONDED,
    SUBMITTED,
    Market,
    reverts,
)

PAYMENT = OGPU // 100


def stored(market: Market) -> tuple[object, ...]:
    contract = market.node.w3.eth.contract(market.deployment.switches, abi=switches_abi())
    return tuple(contract.functions.switches().call())


def test_the_defaults_are_what_users_of_the_network_tell(market: Market) -> None:
    assert stored(market) == (False, False, False, FrozenBy.CLIENT)
    assert Switches() == Switches(False, False, False, FrozenBy.CLIENT)


def test_only_the_admin_sets_them(market: Market) -> None:
    chain = market.node.w3

    with pytest.raises(RuntimeError, match="was reverted"):
        set_switches(chain, market.deployment, market.client, Switches(first_response_waits=True))
    assert stored(market) == (False, False, False, 0)
    set_switches(chain, market.deployment, market.admin, Switches(True, True, True, FrozenBy.BOTH))
    assert stored(market) == (True, True, True, 2)


def test_anybody_publishes_or_only_the_sources_client_and_its_agents(market: Market) -> None:
    market.deposit(market.other, OGPU)
    market.deposit(market.agent, OGPU)
    market.publish(by=market.other)

    market.switch(only_client_publishes=True)

    with reverts("NotOwner"):
        market.publish(by=market.other)
    with reverts("NotOwner"):
        market.publish(by=market.agent)
    market.publish(by=market.client)
    market.send(market.client, market.terminal.setAgent(market.agent.address, True))
    market.publish(by=market.agent)
    assert market.balance(market.agent) == OGPU - PAYMENT


def test_a_first_response_is_final_or_waits(market: Market) -> None:
    """Where it waits, others may answer too, and the client chooses."""
    market.switch(first_response_waits=True)
    task = market.publish(FIRST)
    first = market.respond(task, market.provider)
    second = market.respond(task, market.rival)
    assert market.status(task) == RESPONDED
    assert market.balance(market.provider) == 0
    assert market.ask(market.response(first).getStatus()) == SUBMITTED

    market.send(market.client, market.controller.confirmResponse(second))

    assert market.status(task) == FINALIZED
    assert market.ask(market.response(second).getStatus()) == CONFIRMED
    assert market.balance(market.rival) == PAYMENT


def test_a_task_that_waits_is_not_finalized_when_the_switch_goes_back(market: Market) -> None:
    market.switch(first_response_waits=True)
    task = market.publish(FIRST)
    waiting = market.respond(task, market.provider)
    market.switch()

    market.respond(task, market.rival)

    assert market.status(task) == FINALIZED
    with reverts("AlreadyFinalized"):
        market.send(market.client, market.controller.confirmResponse(waiting))


@pytest.mark.parametrize("by", FrozenBy)
def test_frozen_payments_are_told_by_client_task_or_both(market: Market, by: FrozenBy) -> None:
    """The switch may turn while payments are frozen: it changes what is told, not what is held."""
    task = market.publish()
    market.publish(payment=2 * PAYMENT)

    market.switch(frozen_by=by)

    of_client = market.ask(market.vault.frozenPayment(market.client.address))
    of_task = market.ask(market.vault.frozenPayment(task))
    assert of_client == (0 if by is FrozenBy.TASK else 3 * PAYMENT)
    assert of_task == (0 if by is FrozenBy.CLIENT else PAYMENT)
    market.send(market.client, market.controller.cancelTask(task))
    assert market.ask(market.vault.frozenPayment(task)) == 0


def test_an_attempt_at_an_expired_task_writes_or_reverts(market: Market) -> None:
    before = market.balance(market.client)
    task = market.publish()
    market.node.skip(3600)

    market.switch(expired_attempt_reverts=True)
    with reverts("Expired"):
        market.attempt(task, market.provider)
    assert market.status(task) == NEW
    assert market.balance(market.client) == before - PAYMENT

    market.switch(expired_attempt_reverts=False)
    market.attempt(task, market.provider)
    assert market.status(task) == EXPIRED
    assert market.balance(market.client) == before


def test_a_new_task_that_expired_can_be_canceled_either_way(market: Market) -> None:
    """Where an attempt reverts, this is how a client has its payment back."""
    before = market.balance(market.client)
    market.switch(expired_attempt_reverts=True)
    task = market.publish()
    market.node.skip(3600)

    market.send(market.client, market.controller.cancelTask(task))

    assert market.balance(market.client) == before
