"""Sources: what a client does with its own, and which providers serve them."""

from __future__ import annotations

import pytest

from tests.localnet.contracts.market import (
    ACTIVE,
    FIRST,
    INACTIVE,
    MANUAL,
    OGPU,
    URL,
    ZERO,
    Market,
    reverts,
)


def test_a_source_tells_its_terms(market: Market) -> None:
    params = market.params(
        imageEnvironments=3,
        privacyEnabled=True,
        optionalParamsUrl=URL + "?ü",
        deliveryMethod=MANUAL,
        lastUpdateTime=5,
    )

    receipt = market.send(market.client, market.nexus.publishSource(params))
    [(name, address)] = market.events(receipt)
    source = market.source(address)

    assert name == "SourcePublished"
    # The time is the chain's own, whatever the publisher's clock said.
    expected = (*params[:-1], market.now)
    assert tuple(market.ask(source.getSourceParams())) == expected
    assert tuple(market.ask(source.sourceParams())) == expected
    assert market.ask(source.getClient()) == market.ask(source.owner()) == market.client.address
    assert market.ask(source.nexus()) == market.deployment.nexus
    assert market.ask(source.getStatus()) == market.ask(source.status()) == ACTIVE


def test_the_nexus_knows_all_sources_and_their_clients(market: Market) -> None:
    market.send(
        market.other, market.nexus.publishSource(market.params(client=market.other.address))
    )
    third = market.ask(market.nexus.sources(2))
    nexus, client, other = market.nexus, market.client.address, market.other.address

    assert market.ask(nexus.getSourceCount()) == 3
    assert [market.ask(nexus.clients(n)) for n in (0, 1)] == [client, other]
    assert market.ask(nexus.sourcesOf(client, 1)) == market.sources[FIRST]
    assert market.ask(nexus.sourcesOf(other, 0)) == third
    assert market.ask(nexus.getActiveSourceCount(client)) == 2
    assert market.ask(nexus.activeSourceCountOf(other)) == 1


def test_nobody_publishes_in_anothers_name_but_an_agent(market: Market) -> None:
    call = market.nexus.publishSource(market.params())

    with reverts("NotOwner"):
        market.send(market.agent, call)
    market.send(market.client, market.terminal.setAgent(market.agent.address, True))
    market.send(market.agent, call)


def test_updating_changes_the_terms_but_not_the_client(market: Market) -> None:
    address = market.sources[FIRST]
    changed = market.params(minPayment=OGPU, imageMetadataUrl="ipfs://new", deliveryMethod=MANUAL)

    receipt = market.send(market.client, market.nexus.updateSource(address, changed))

    [(name, source, told)] = market.events(receipt)
    assert (name, source) == ("SourceUpdated", address)
    assert tuple(told.values()) == (*changed[:-1], market.now)
    assert market.ask(market.source(address).getSourceParams())[3] == OGPU
    with reverts("InsufficientPayment"):
        market.publish(FIRST)
    with reverts("NotOwner"):
        market.send(market.other, market.nexus.updateSource(address, changed))
    stolen = market.params(client=market.other.address)
    for person in (market.client, market.other):
        with reverts("NotOwner"):
            market.send(person, market.nexus.updateSource(address, stolen))


def test_a_delivery_method_that_is_none_is_refused(market: Market) -> None:
    with reverts(""):
        market.send(market.client, market.nexus.publishSource(market.params(deliveryMethod=2)))


def test_inactivating_is_told_once(market: Market) -> None:
    address = market.sources[FIRST]
    call = market.nexus.inactivateSource(address)

    with reverts("NotOwner"):
        market.send(market.other, call)
    receipt = market.send(market.client, call)

    assert market.events(receipt) == [("SourceStatusChanged", address, INACTIVE)]
    assert market.ask(market.source(address).getStatus()) == INACTIVE
    assert market.ask(market.nexus.getActiveSourceCount(market.client.address)) == 1
    with reverts("SourceInactive"):
        market.send(market.client, call)


def test_the_owner_sets_the_status_at_the_source_and_the_nexus_tells_it(market: Market) -> None:
    address = market.sources[FIRST]
    source, nexus = market.source(address), market.deployment.nexus

    for status, active in ((INACTIVE, 1), (ACTIVE, 2)):
        receipt = market.send(market.client, source.setStatus(status))
        assert market.events(receipt) == [("SourceStatusChanged", address, status)]
        assert receipt["logs"][0]["address"] == nexus
        assert market.ask(market.nexus.activeSourceCountOf(market.client.address)) == active
    # Told again, nothing changes.
    assert market.events(market.send(market.client, source.setStatus(ACTIVE))) == []
    with reverts("OwnableUnauthorizedAccount"):
        market.send(market.other, source.setStatus(INACTIVE))


def test_the_owner_of_the_nexus_sets_any_sources_status(market: Market) -> None:
    call = market.nexus.setSourceStatus(market.sources[FIRST], INACTIVE)

    for stranger in (market.client, market.other):
        with reverts("OwnableUnauthorizedAccount"):
            market.send(stranger, call)
    market.send(market.admin, call)

    with reverts("SourceInactive"):
        market.publish(FIRST)


@pytest.mark.parametrize(
    "call",
    ["inactivateSource", "updateSource", "setSourceStatus", "register", "unregister"],
)
def test_what_is_not_a_source_is_refused(market: Market, call: str) -> None:
    provider = market.provider.address
    rest = {
        "inactivateSource": (),
        "updateSource": (market.params(),),
        "setSourceStatus": (INACTIVE,),
        "register": (provider, 1),
        "unregister": (provider,),
    }[call]

    for address in (ZERO, market.deployment.vault):
        with reverts("UnknownSource"):
            market.send(market.admin, getattr(market.nexus, call)(address, *rest))


def test_registering_tells_the_place_and_the_environment(market: Market) -> None:
    address = market.publish_source(imageEnvironments=5)
    first = market.register(address, market.rival)

    receipt = market.send(
        market.provider, market.nexus.register(address, market.provider.address, 4)
    )

    source, provider = market.source(address), market.provider.address
    assert market.events(first) == [("Registered", market.rival.address, 1, address, 1)]
    assert market.events(receipt) == [("Registered", provider, 2, address, 4)]
    assert market.ask(source.getRegistrantCount()) == 2
    assert market.ask(source.getRegistrants(0, 1)) == [market.rival.address, provider]
    assert market.ask(source.getRegistrantId(provider)) == 2
    assert market.ask(source.preferredEnvironmentOf(provider)) == 4
    with reverts("AlreadyRegistered"):
        market.register(address, market.provider)


def test_leaving_leaves_a_hole(market: Market) -> None:
    """The other ids stay; who comes back gets a new place."""
    address, provider = market.sources[FIRST], market.provider.address
    source = market.source(address)

    market.send(market.master, market.nexus.unregister(address, provider))

    assert market.ask(source.getRegistrants(0, 1)) == [ZERO, market.rival.address]
    assert market.ask(source.getRegistrantCount()) == 2
    assert market.ask(source.registrantId(provider)) == 0
    assert market.ask(source.preferredEnvironmentOf(provider)) == 0
    with reverts("NotRegistered"):
        market.send(market.provider, market.nexus.unregister(address, provider))
    market.register(address, market.provider)
    assert market.ask(source.registrantId(provider)) == 3


def test_a_provider_is_registered_by_itself_its_master_or_their_agent(market: Market) -> None:
    market.send(market.master, market.terminal.setAgent(market.agent.address, True))
    for sender in (market.provider, market.master, market.agent):
        market.register(market.publish_source(), market.provider, by=sender)

    for stranger in (market.other, market.client, market.rival, market.admin):
        with reverts("NotProvider"):
            market.register(market.publish_source(), market.provider, by=stranger)
        with reverts("NotProvider"):
            market.send(
                stranger, market.nexus.unregister(market.sources[FIRST], market.provider.address)
            )
    with reverts("NotProvider"):
        market.register(market.sources[FIRST], market.other)


def test_what_a_provider_has_to_bring(market: Market) -> None:
    """A stake as the Vault asks for, a stake as the source asks for, an environment it has."""
    demanding = market.publish_source(minAvailableLockup=11 * OGPU)
    closed = market.publish_source()
    market.send(market.client, market.nexus.inactivateSource(closed))
    plain = market.publish_source()

    with reverts("InsufficientLockup"):
        market.register(demanding, market.provider)
    with reverts("SourceInactive"):
        market.register(closed, market.provider)
    for environment in (0, 2, 6):
        with reverts("NotEligible"):
            market.send(
                market.provider,
                market.nexus.register(plain, market.provider.address, environment),
            )
    market.send(market.provider, market.vault.unbond(10 * OGPU))
    with reverts("NotEligible"):
        market.register(plain, market.provider)
