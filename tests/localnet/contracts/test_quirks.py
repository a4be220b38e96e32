"""The oddities of the deployed contracts, which their clients live with."""

from __future__ import annotations

import pytest

from tests.localnet.contracts.market import FIRST, MANUAL, ZERO, Market, reverts


@pytest.fixture
def task(market: Market) -> str:
    """Three attempts, and an answer of the first and the last of them."""
    market.pair(market.other, market.other, 10**19)
    market.register(market.sources[MANUAL], market.other)
    task = market.publish(MANUAL)
    for provider in (market.provider, market.rival, market.other):
        market.attempt(task, provider)
    market.respond(task, market.provider)
    market.respond(task, market.other)
    return task


def test_bounds_are_inclusive(market: Market, task: str) -> None:
    people = [market.provider.address, market.rival.address, market.other.address]
    got = market.task(task)

    assert market.ask(got.getAttempters(0, 2)) == people
    assert market.ask(got.getAttempters(1, 1)) == people[1:2]
    assert market.ask(got.getAttempters(1, 2)) == people[1:]
    assert len(market.ask(got.getAttemptTimestamps(0, 1))) == 2
    assert market.ask(market.nexus.getSources(0, 1)) == list(market.sources.values())
    assert market.ask(market.nexus.getSources(1, 1)) == [market.sources[FIRST]]


def test_past_the_end_is_a_panic(market: Market, task: str) -> None:
    """An index at the count or past it: 0x32, array out of bounds."""
    got, source = market.task(task), market.source(market.sources[MANUAL])
    fresh = market.task(market.publish())

    for call in (
        got.getAttempters(0, 3),
        got.getAttempters(3, 3),
        got.getAttemptTimestamps(2, 3),
        got.getResponsesOf(0, 3),
        fresh.getAttempters(0, 0),
        source.getTasks(0, 1),
        source.getRegistrants(0, 3),
        market.nexus.getSources(0, 2),
    ):
        with reverts("panic 0x32"):
            market.ask(call)


def test_sources_panic_for_any_lower_bound_above_zero(market: Market) -> None:
    """Though the items are there: clients fetch from 0 and slice."""
    address = market.sources[MANUAL]
    tasks = [market.publish(MANUAL) for _ in range(4)]
    source = market.source(address)

    assert market.ask(source.getTasks(0, 3)) == tasks
    assert market.ask(source.getTasks(0, 1)) == tasks[:2]
    for lower, upper in ((1, 1), (1, 2), (1, 3), (2, 3), (3, 3)):
        with reverts("panic 0x32"):
            market.ask(source.getTasks(lower, upper))
    for lower, upper in ((1, 1), (2, 2)):
        with reverts("panic 0x32"):
            market.ask(source.getRegistrants(lower, upper))


def test_responses_run_over_attempters(market: Market, task: str) -> None:
    """The attempter without an answer stands there as the zero address."""
    got = market.task(task)

    first, none, last = market.ask(got.getResponsesOf(0, 2))

    assert none == ZERO
    assert first == market.ask(got.responseOf(market.provider.address))
    assert last == market.ask(got.responseOf(market.other.address))


def test_bounds_the_wrong_way_round_panic(market: Market, task: str) -> None:
    with reverts("panic 0x11"):
        market.ask(market.task(task).getAttempters(1, 0))


def test_single_items_past_the_end_revert_without_a_reason(market: Market, task: str) -> None:
    """As the getter of a public array does."""
    got = market.task(task)

    assert market.ask(got.attempters(1)) == market.rival.address
    assert market.ask(got.attemptTimestamps(2)) <= market.now
    for call in (
        got.attempters(3),
        got.attemptTimestamps(3),
        got.attempters(2**256 - 1),
        market.source(market.sources[FIRST]).tasks(0),
        market.source(market.sources[FIRST]).registrants(2),
        market.nexus.sources(2),
        market.nexus.clients(1),
        market.nexus.sourcesOf(market.other.address, 0),
    ):
        with reverts(""):
            market.ask(call)


def test_ids_count_from_one(market: Market, task: str) -> None:
    """So that 0 says: not there."""
    got, source = market.task(task), market.source(market.sources[MANUAL])

    ids = [market.ask(got.getAttempterId(who.address)) for who in (market.provider, market.rival)]

    assert ids == [1, 2]
    assert market.ask(got.attempterId(market.client.address)) == 0
    assert market.ask(source.getRegistrantId(market.provider.address)) == 1
    assert market.ask(market.nexus.getSourceId(market.sources[FIRST])) == 2
    assert market.ask(market.nexus.sourceId(task)) == 0
