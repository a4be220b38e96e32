"""Who is who: pairs of master and provider, agents, and what providers say of themselves."""

from __future__ import annotations

import pytest

from tests.localnet.contracts.market import OGPU, URL, ZERO, Market, reverts


def test_a_pair_is_made_by_two_calls(market: Market) -> None:
    """The master's coins become the provider's lockup; masterOf resolves with the second call."""
    master, provider = market.client, market.other
    terminal, role = market.terminal, market.ask(market.terminal.PROVIDER())
    announce = terminal.announceProvider(provider.address, OGPU)

    first = market.send(master, announce, OGPU)
    assert market.events(first) == [
        ("ProviderAnnounced", provider.address, master.address),
        ("Deposited", provider.address, OGPU),
        ("Locked", provider.address, OGPU),
    ]
    assert market.ask(terminal.isProvider(provider.address)) is True
    assert market.ask(terminal.masterOf(provider.address)) == ZERO
    assert market.ask(market.manager.hasRole(role, provider.address)) is False

    second = market.send(provider, terminal.announceMaster(master.address))
    assert market.events(second) == [
        ("MasterAnnounced", provider.address, master.address),
        ("RoleGranted", role, provider.address, market.deployment.terminal),
    ]
    assert market.ask(terminal.getMasterOf(provider.address)) == master.address
    assert market.ask(terminal.providerOf(master.address)) == provider.address
    assert market.ask(terminal.isMaster(master.address)) is True
    assert market.ask(terminal.getIsMaster(provider.address)) is False
    assert market.ask(market.vault.getLockupOf(provider.address)) == OGPU
    assert market.balance(provider) == 0


def test_the_coins_are_what_was_said(market: Market) -> None:
    call = market.terminal.announceProvider(market.other.address, OGPU)

    for value in (0, OGPU - 1, OGPU + 1):
        with reverts("InsufficientBalance"):
            market.send(market.client, call, value)


def test_announcing_again_adds_to_the_stake(market: Market) -> None:
    call = market.terminal.announceProvider(market.provider.address, OGPU)

    market.send(market.master, call, OGPU)

    assert market.ask(market.vault.lockupOf(market.provider.address)) == 11 * OGPU
    assert market.ask(market.terminal.masterOf(market.provider.address)) == market.master.address


def test_a_provider_takes_a_master_that_named_it(market: Market) -> None:
    terminal, other = market.terminal, market.other
    with reverts("NotProvider"):
        market.send(other, terminal.announceMaster(market.client.address))
    market.send(market.client, terminal.announceProvider(other.address, 0))

    with reverts("NotMaster"):
        market.send(other, terminal.announceMaster(market.admin.address))
    with reverts("NotProvider"):
        market.send(market.agent, terminal.announceMaster(market.client.address))


def test_pairs_are_not_broken_into(market: Market) -> None:
    """Neither half of a pair makes a second one, nor is taken by a stranger."""
    terminal = market.terminal

    with reverts("AlreadyPaired"):
        market.send(market.client, terminal.announceProvider(market.provider.address, 0))
    with reverts("AlreadyPaired"):
        market.send(market.master, terminal.announceProvider(market.other.address, 0))
    with reverts("AlreadyPaired"):
        market.send(market.provider, terminal.announceMaster(market.client.address))
    for stranger in (market.client, market.provider, market.rival):
        with reverts("NotMaster"):
            market.send(stranger, terminal.removeProvider(market.provider.address))


def test_a_stranger_that_names_a_provider_does_not_stand_in_its_way(market: Market) -> None:
    """Naming and taking back again leaves another master's naming in force."""
    terminal, other = market.terminal, market.other
    market.send(market.client, terminal.announceProvider(other.address, 0))
    market.send(market.agent, terminal.announceProvider(other.address, 0))
    market.send(market.agent, terminal.removeProvider(other.address))

    market.send(other, terminal.announceMaster(market.client.address))

    assert market.ask(terminal.masterOf(other.address)) == market.client.address
    with reverts("AlreadyPaired"):
        market.send(market.agent, terminal.announceProvider(other.address, 0))


def test_who_named_one_and_then_another_means_the_other(market: Market) -> None:
    terminal = market.terminal
    for person in (market.other, market.agent):
        market.send(market.client, terminal.announceProvider(person.address, 0))

    with reverts("NotProvider"):
        market.send(market.other, terminal.announceMaster(market.client.address))
    market.send(market.agent, terminal.announceMaster(market.client.address))


def test_a_removed_provider_is_none(market: Market) -> None:
    """It keeps its stake, and may be announced again."""
    terminal, provider = market.terminal, market.provider
    role = market.ask(terminal.PROVIDER())

    receipt = market.send(market.master, terminal.removeProvider(provider.address))

    assert market.events(receipt) == [
        ("RoleRevoked", role, provider.address, market.deployment.terminal),
        ("ProviderRemoved", provider.address),
    ]
    assert market.ask(terminal.isProvider(provider.address)) is False
    assert market.ask(terminal.isMaster(market.master.address)) is False
    assert market.ask(market.vault.lockupOf(provider.address)) == 10 * OGPU
    with reverts("NotProvider"):
        market.attempt(market.publish(), provider)
    market.pair(market.master, provider, 0)
    market.attempt(market.publish(), provider)


def test_agents_are_named_and_dismissed(market: Market) -> None:
    terminal, agent = market.terminal, market.agent.address

    for value in (True, False):
        receipt = market.send(market.client, terminal.setAgent(agent, value))
        assert market.events(receipt) == [("AgentSet", market.client.address, agent, value)]
        assert market.ask(terminal.isAgentOf(market.client.address, agent)) is value
        assert market.ask(terminal.getIsAgentOf(market.client.address, agent)) is value


def test_a_provider_has_no_agents(market: Market) -> None:
    """Its master has; who is both has them as a master."""
    call = market.terminal.setAgent(market.agent.address, True)

    with reverts("NotMaster"):
        market.send(market.provider, call)
    market.send(market.rival, call)


@pytest.mark.parametrize(
    ("call", "getter", "event"),
    [
        ("setBaseData", "baseDataOf", "BaseDataUpdated"),
        ("setLiveData", "liveDataOf", "LiveDataUpdated"),
    ],
)
def test_providers_say_what_they_are(market: Market, call: str, getter: str, event: str) -> None:
    provider = market.provider

    receipt = market.send(provider, getattr(market.terminal, call)(URL))

    assert market.events(receipt) == [(event, provider.address)]
    assert market.ask(getattr(market.terminal, getter)(provider.address)) == URL
    with reverts("NotProvider"):
        market.send(market.client, getattr(market.terminal, call)(URL))


def test_the_default_agent_is_switched_off_by_its_own_account(market: Market) -> None:
    receipt = market.send(market.master, market.terminal.setDefaultAgentDisabled(True))

    assert market.events(receipt) == [("DefaultAgentDisabled", market.master.address, True)]
    assert market.ask(market.terminal.defaultAgentDisabled(market.master.address)) is True
    assert market.ask(market.terminal.defaultAgentDisabled(market.provider.address)) is False


def test_a_master_stops_its_providers_container(market: Market) -> None:
    source = market.sources[0]
    call = market.terminal.removeContainer(market.provider.address, source)

    receipt = market.send(market.master, call)

    assert market.events(receipt) == [("RemoveContainer", market.provider.address, source)]
    with reverts("NotMaster"):
        market.send(market.provider, call)
