"""A task from its publishing to its end: who may do what when, and what it says."""

from __future__ import annotations

import pytest

from tests.localnet.contracts.market import (
    ATTEMPTED,
    CANCELED,
    CONFIRMED,
    EXPIRED,
    FINALIZED,
    FIRST,
    MANUAL,
    NEW,
    OGPU,
    RESPONDED,
    SUBMITTED,
    URL,
    ZERO,
    Market,
    reverts,
)

PAYMENT = OGPU // 100


def test_first_response_is_final(market: Market) -> None:
    """Each step tells itself in the Nexus's events, and the winner has the payment."""
    client, provider = market.client, market.provider
    before = market.balance(client)

    published = market.send(client, market.publishing(FIRST))
    task = market.events(published)[-1][1]
    attempted = market.attempt(task, provider)
    responded = market.send(provider, market.responding(task, provider))
    response = market.ask(market.task(task).responseOf(provider.address))

    assert market.events(published) == [("TaskPublished", task, market.sources[FIRST])]
    assert market.events(attempted) == [
        ("Attempted", task, provider.address, PAYMENT),
        ("TaskStatusChanged", task, ATTEMPTED),
    ]
    assert market.events(responded) == [
        ("ResponseSubmitted", response, task),
        ("TaskStatusChanged", task, RESPONDED),
        ("ResponseStatusChanged", response, CONFIRMED),
        ("TaskStatusChanged", task, FINALIZED),
    ]
    nexus = market.deployment.nexus
    receipts = (published, attempted, responded)
    assert {log["address"] for receipt in receipts for log in receipt["logs"]} == {nexus}
    assert market.ask(market.task(task).winningProvider()) == provider.address
    assert market.ask(market.response(response).confirmedFinal()) is True
    assert market.balance(client) == before - PAYMENT
    assert market.balance(provider) == PAYMENT
    assert market.ask(market.vault.totalEarningsOf(provider.address)) == PAYMENT


def test_a_task_tells_what_it_was_published_with(market: Market) -> None:
    """The parameters stand in the clone's code; every getter finds them there."""
    expiry = market.now + 600
    config = "https://cipfs.example/ipfs/Qm" + "ü" * 300

    address = market.publish(MANUAL, config=config, expiryTime=expiry, payment=12_345 * 10**12)
    task, source = market.task(address), market.sources[MANUAL]

    assert market.ask(task.taskParams()) == [source, config, expiry, 12_345 * 10**12]
    assert market.ask(task.getSource()) == source
    assert market.ask(task.getExpiryTime()) == expiry
    assert market.ask(task.getPayment()) == 12_345 * 10**12
    assert market.ask(task.getDeliveryMethod()) == market.ask(task.deliveryMethod()) == MANUAL
    assert market.ask(task.getStatus()) == market.ask(task.status()) == NEW
    assert market.ask(task.owner()) == market.deployment.nexus
    assert market.ask(task.winningProvider()) == ZERO


def test_a_response_tells_what_it_was_submitted_with(market: Market) -> None:
    task = market.publish(MANUAL)

    address = market.respond(task, market.provider, payment=7)
    response, params = market.response(address), (task, market.provider.address, URL, 7)

    assert tuple(market.ask(response.getResponseParams())) == params
    assert tuple(market.ask(response.responseParams())) == params
    assert market.ask(response.getStatus()) == market.ask(response.status()) == SUBMITTED
    assert market.ask(response.confirmedFinal()) is False
    assert market.ask(response.responseTimestamp()) == market.now
    assert market.ask(response.owner()) == market.deployment.nexus


def test_the_source_counts_its_tasks(market: Market) -> None:
    tasks = [market.publish() for _ in range(3)]

    source = market.source(market.sources[FIRST])

    assert market.ask(source.getTaskCount()) == 3
    assert market.ask(source.getTasks(0, 2)) == tasks


def test_the_confirmed_bid_is_paid_and_the_rest_comes_back(market: Market) -> None:
    """Two providers ask for different prices; only the one that is confirmed is paid."""
    before = market.balance(market.client)
    task = market.publish(MANUAL)
    dear = market.respond(task, market.provider, PAYMENT)
    cheap = market.respond(task, market.rival, PAYMENT // 4)

    receipt = market.send(market.client, market.controller.confirmResponse(cheap))

    assert market.events(receipt) == [
        ("ResponseStatusChanged", cheap, CONFIRMED),
        ("TaskStatusChanged", task, FINALIZED),
    ]
    assert market.balance(market.client) == before - PAYMENT // 4
    assert market.balance(market.rival) == PAYMENT // 4
    assert market.balance(market.provider) == 0
    assert market.ask(market.task(task).winningProvider()) == market.rival.address
    assert market.ask(market.response(dear).getStatus()) == SUBMITTED
    for response, why in ((cheap, "AlreadyConfirmed"), (dear, "AlreadyFinalized")):
        with reverts(why):
            market.send(market.client, market.controller.confirmResponse(response))


def test_only_the_client_and_its_agents_confirm_and_cancel(market: Market) -> None:
    task = market.publish(MANUAL)
    response = market.respond(task, market.provider)
    waiting = market.publish()
    calls = [market.controller.confirmResponse(response), market.controller.cancelTask(waiting)]

    for call in calls:
        for stranger in (market.other, market.provider, market.admin, market.agent):
            with reverts("NotOwner"):
                market.send(stranger, call)
    market.send(market.client, market.terminal.setAgent(market.agent.address, True))
    for call in calls:
        market.send(market.agent, call)

    assert (market.status(task), market.status(waiting)) == (FINALIZED, CANCELED)


def test_a_new_task_is_canceled_and_refunded_once(market: Market) -> None:
    before = market.balance(market.client)
    task = market.publish()
    assert market.balance(market.client) == before - PAYMENT

    receipt = market.send(market.client, market.controller.cancelTask(task))

    assert market.events(receipt) == [("TaskStatusChanged", task, CANCELED)]
    assert market.balance(market.client) == before
    with reverts("AlreadyFinalized"):
        market.send(market.client, market.controller.cancelTask(task))
    with reverts("AlreadyFinalized"):
        market.attempt(task, market.provider)


def test_an_attempted_task_is_not_canceled(market: Market) -> None:
    task = market.publish()
    market.attempt(task, market.provider)

    with reverts("AlreadyFinalized"):
        market.send(market.client, market.controller.cancelTask(task))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"payment": OGPU // 1000 - 1}, "InsufficientPayment"),
        ({"payment": 101 * OGPU}, "InsufficientBalance"),
        ({"payment": 2**88}, "InsufficientBalance"),
        ({"payment": 2**256 - 1}, "InsufficientBalance"),
        ({"expiryTime": 0}, "Expired"),
        ({"expiryTime": 86_400}, "Expired"),
        ({"expiryTime": 2**256 - 1}, "ExpiryTooLong"),
        ({"config": "x" * 24_000}, "TooLong"),
        ({"config": "x" * 70_000}, "TooLong"),
        ({"source": ZERO}, "UnknownSource"),
    ],
)
def test_terms_of_publishing(market: Market, changes: dict[str, object], why: str) -> None:
    with reverts(why):
        market.send(market.client, market.publishing(**changes))


def test_the_terms_are_inclusive(market: Market) -> None:
    """The minimum payment and the source's longest expiry are allowed, a second more is not."""
    market.publish(payment=OGPU // 1000)
    market.publish(expiryTime=market.now + 86_400)

    with reverts("ExpiryTooLong"):
        market.send(market.client, market.publishing(expiryTime=market.now + 86_400 + 60))


def test_an_inactive_source_takes_no_task(market: Market) -> None:
    market.send(market.client, market.nexus.inactivateSource(market.sources[FIRST]))

    with reverts("SourceInactive"):
        market.publish()


@pytest.mark.parametrize("contract", ["vault", "controller", "terminal"])
def test_what_is_not_a_source_takes_no_task(market: Market, contract: str) -> None:
    """A contract that is no source has nothing to answer with; one without code is named."""
    with reverts(""):
        market.publish(source=getattr(market.deployment, contract))


def test_what_is_not_a_task_or_response_is_refused(market: Market) -> None:
    stranger, vault = market.other.address, market.deployment.vault

    for address in (stranger, vault):
        with reverts("UnknownTask"):
            market.send(market.client, market.controller.cancelTask(address))
        with reverts("UnknownTask"):
            market.attempt(address, market.provider)
        with reverts("UnknownTask"):
            market.send(market.provider, market.responding(address, market.provider))
    with reverts("UnknownResponse"):
        market.send(market.client, market.controller.confirmResponse(stranger))


def test_the_provider_its_master_and_their_agents_attempt(market: Market) -> None:
    market.send(market.master, market.terminal.setAgent(market.agent.address, True))

    for sender in (market.provider, market.master, market.agent):
        task = market.publish(MANUAL)
        market.attempt(task, market.provider, by=sender)
        assert market.ask(market.task(task).getAttempters(0, 0)) == [market.provider.address]
    for stranger in (market.other, market.client, market.rival, market.admin):
        with reverts("NotProvider"):
            market.attempt(market.publish(), market.provider, by=stranger)


def test_who_was_never_announced_does_not_attempt(market: Market) -> None:
    with reverts("NotProvider"):
        market.attempt(market.publish(), market.other)


def test_who_is_not_registered_or_lost_its_stake_does_not_attempt(market: Market) -> None:
    market.send(
        market.provider, market.nexus.unregister(market.sources[FIRST], market.provider.address)
    )
    market.send(market.rival, market.vault.unbond(10 * OGPU))
    task = market.publish()

    for provider in (market.provider, market.rival):
        with reverts("NotEligible"):
            market.attempt(task, provider)


def test_a_provider_attempts_and_answers_a_task_once(market: Market) -> None:
    task = market.publish(MANUAL)
    market.attempt(task, market.provider)

    with reverts("AlreadyAttempted"):
        market.attempt(task, market.provider)
    market.respond(task, market.provider)
    for data in (URL, "another"):
        with reverts("AlreadySubmitted"):
            market.send(market.provider, market.responding(task, market.provider, data=data))


def test_answers_are_the_providers_own_and_within_the_payment(market: Market) -> None:
    task = market.publish(MANUAL)
    call = market.responding(task, market.provider)

    with reverts("NotAttempted"):
        market.send(market.provider, call)
    market.attempt(task, market.provider)
    for stranger in (market.master, market.rival, market.client):
        with reverts("NotProvider"):
            market.send(stranger, call)
    with reverts("InsufficientPayment"):
        market.send(market.provider, market.responding(task, market.provider, PAYMENT + 1))
    with reverts("TooLong"):
        market.send(market.provider, market.responding(task, market.provider, data="x" * 24_000))


def test_two_providers_may_give_the_same_answer(market: Market) -> None:
    """Only one provider's own repetition is one: equal work gives equal content."""
    task = market.publish(MANUAL)

    first, second = market.respond(task, market.provider), market.respond(task, market.rival)

    assert first != second
    assert market.ask(market.task(task).getResponsesOf(0, 1)) == [first, second]


def test_the_digest_of_an_answer_is_kept(market: Market) -> None:
    task = market.publish(MANUAL)
    encoded = market.node.w3.codec.encode(["address", "string"], [market.provider.address, URL])
    digest = market.node.w3.keccak(encoded)

    before = market.ask(market.task(task).isAlreadySubmitted(digest))
    market.respond(task, market.provider)

    assert (before, market.ask(market.task(task).isAlreadySubmitted(digest))) == (False, True)


def test_a_finalized_task_takes_nothing_more(market: Market) -> None:
    task = market.publish(FIRST)
    market.attempt(task, market.rival)
    response = market.respond(task, market.provider)

    with reverts("AlreadyFinalized"):
        market.send(market.rival, market.responding(task, market.rival))
    with reverts("AlreadyConfirmed"):
        market.send(market.client, market.controller.confirmResponse(response))
    with reverts("AlreadyFinalized"):
        market.send(market.client, market.controller.cancelTask(task))


def test_the_first_attempt_after_the_expiry_ends_the_task(market: Market) -> None:
    """Expiry is written by an attempt, which is none itself: no provider is added."""
    before = market.balance(market.client)
    tasks = [market.publish(), market.publish()]
    market.attempt(tasks[1], market.rival)
    market.node.skip(3600)
    assert [market.status(task) for task in tasks] == [NEW, ATTEMPTED]

    for task in tasks:
        receipt = market.attempt(task, market.provider)
        assert market.events(receipt) == [("TaskStatusChanged", task, EXPIRED)]
        with reverts("Expired"):
            market.attempt(task, market.provider)

    assert market.balance(market.client) == before
    assert market.ask(market.task(tasks[0]).getAttemptCount()) == 0
    with reverts("Expired"):
        market.send(market.rival, market.responding(tasks[1], market.rival))


def test_an_answer_comes_before_the_expiry(market: Market) -> None:
    task = market.publish()
    market.attempt(task, market.provider)
    market.node.skip(3600)

    with reverts("Expired"):
        market.send(market.provider, market.responding(task, market.provider))


def test_an_answered_task_is_confirmed_after_its_expiry_too(market: Market) -> None:
    """What was delivered in time is paid: nobody's late attempt takes it back."""
    task = market.publish(MANUAL)
    response = market.respond(task, market.provider)
    market.node.skip(3600)

    with reverts("Expired"):
        market.attempt(task, market.rival)
    market.send(market.client, market.controller.confirmResponse(response))

    assert market.status(task) == FINALIZED


def test_work_is_cheap(market: Market) -> None:
    """The embedded node runs 10 to 30 ms of EVM for each of these: more gas is more waiting."""
    published = market.send(market.client, market.publishing(FIRST))
    task = market.events(published)[-1][1]
    attempted = market.attempt(task, market.provider)
    responded = market.send(market.provider, market.responding(task, market.provider))

    assert published["gasUsed"] < 300_000
    assert attempted["gasUsed"] < 180_000
    assert responded["gasUsed"] < 350_000
