"""Doors that only other contracts or an owner go through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.localnet.contracts.market import FIRST, MANUAL, URL, ZERO, Market, reverts

if TYPE_CHECKING:
    from collections.abc import Callable

OWNED = ["terminal", "nexus", "controller"]


@pytest.fixture
def task(market: Market) -> str:
    return market.publish(MANUAL)


@pytest.mark.parametrize(
    "call",
    [
        lambda task, who: task.attempt(who),
        lambda task, who: task.submitResponse(who, who),
        lambda task, who: task.setStatus(5),
        lambda task, who: task.transferOwnership(who),
        lambda task, who: task.renounceOwnership(),
    ],
)
def test_a_task_obeys_the_nexus_alone(market: Market, task: str, call: Callable[..., Any]) -> None:
    for stranger in (market.client, market.admin, market.provider):
        with reverts("OwnableUnauthorizedAccount"):
            market.send(stranger, call(market.task(task), stranger.address))


@pytest.mark.parametrize(
    "call",
    [
        lambda response, who: response.confirm(),
        lambda response, who: response.setStatus(1),
        lambda response, who: response.transferOwnership(who),
    ],
)
def test_a_response_obeys_the_nexus_alone(
    market: Market, task: str, call: Callable[..., Any]
) -> None:
    response = market.response(market.respond(task, market.provider))

    for stranger in (market.client, market.admin, market.provider):
        with reverts("OwnableUnauthorizedAccount"):
            market.send(stranger, call(response, stranger.address))


@pytest.mark.parametrize(
    "call",
    [
        lambda source, who: source.publishTask(who),
        lambda source, who: source.register(who, 1),
        lambda source, who: source.unregister(who),
        lambda source, who: source.setSourceParams((who, URL, 1, 0, 0, 0, False, "", 0, 0)),
    ],
)
def test_the_books_of_a_source_are_the_nexuss(market: Market, call: Callable[..., Any]) -> None:
    """Not even its owner writes them past it: every change has its event."""
    source = market.source(market.sources[FIRST])

    for stranger in (market.client, market.admin, market.provider):
        with reverts("OwnableUnauthorizedAccount"):
            market.send(stranger, call(source, stranger.address))


@pytest.mark.parametrize(
    "call",
    [
        lambda nexus, task: nexus.emitTaskPublished(task, ZERO),
        lambda nexus, task: nexus.setTaskStatus(task, 3),
        lambda nexus, task: nexus.setResponseStatus(task, 0),
    ],
)
def test_only_the_controller_writes_through_the_nexus(
    market: Market, task: str, call: Callable[..., Any]
) -> None:
    for stranger in (market.client, market.admin, market.provider):
        with reverts("NotController"):
            market.send(stranger, call(market.nexus, task))


def test_who_has_the_controllers_role_writes_every_status(market: Market, task: str) -> None:
    role = market.ask(market.nexus.CONTROLLER())
    response = market.respond(task, market.provider)
    market.send(market.admin, market.manager.grantRole(role, market.other.address))

    receipts = [
        market.send(market.other, market.nexus.setResponseStatus(response, status))
        for status in (0, 1)
    ]
    receipts += [
        market.send(market.other, market.nexus.setTaskStatus(task, status)) for status in range(6)
    ]

    assert market.ask(market.nexus.checkController(market.other.address)) is True
    assert [market.events(receipt) for receipt in receipts] == [
        *([("ResponseStatusChanged", response, status)] for status in (0, 1)),
        *([("TaskStatusChanged", task, status)] for status in range(6)),
    ]


def test_a_made_source_is_not_made_again(market: Market) -> None:
    """What the interface does not have is closed too: the clones' own inner doors."""
    selector = market.node.w3.keccak(text=f"init({SOURCE_PARAMS})")[:4]
    encoded = market.node.w3.codec.encode([SOURCE_PARAMS], [market.params()])
    winner = market.node.w3.keccak(text="setWinner(address)")[:4] + bytes(32)

    source = market.send_raw(
        market.client, {"to": market.sources[FIRST], "data": selector + encoded}
    )
    task = market.send_raw(market.client, {"to": market.publish(), "data": winner})

    assert (source["status"], task["status"]) == (0, 0)


SOURCE_PARAMS = "(address,string,uint8,uint256,uint256,uint256,bool,string,uint8,uint256)"


@pytest.mark.parametrize("name", OWNED)
def test_ownership_moves_and_ends(market: Market, name: str) -> None:
    contract, admin, other = getattr(market, name), market.admin, market.other

    with reverts("OwnableUnauthorizedAccount"):
        market.send(other, contract.transferOwnership(other.address))
    with reverts("OwnableInvalidOwner"):
        market.send(admin, contract.transferOwnership(ZERO))
    moved = market.send(admin, contract.transferOwnership(other.address))
    ended = market.send(other, contract.renounceOwnership())

    assert market.events(moved) == [("OwnershipTransferred", admin.address, other.address)]
    assert market.events(ended) == [("OwnershipTransferred", other.address, ZERO)]
    assert market.ask(contract.owner()) == ZERO
    with reverts("OwnableUnauthorizedAccount"):
        market.send(admin, contract.transferOwnership(admin.address))


def test_a_clones_ownership_moves_too(market: Market) -> None:
    """Its first owner stands in its code, the next ones in storage; the zero address is kept."""
    source = market.source(market.sources[FIRST])

    market.send(market.client, source.transferOwnership(market.other.address))
    assert market.ask(source.owner()) == market.other.address
    market.send(market.other, source.setStatus(1))
    market.send(market.other, source.renounceOwnership())

    assert market.ask(source.owner()) == ZERO
    assert market.ask(source.getClient()) == market.client.address


@pytest.mark.parametrize(
    ("name", "setter"),
    [
        ("controller", "setNexus"),
        ("controller", "setTerminal"),
        ("controller", "setVault"),
        ("nexus", "setManager"),
        ("nexus", "setTerminal"),
        ("nexus", "setVault"),
        ("terminal", "setManager"),
        ("terminal", "setVault"),
        ("vault", "setTerminal"),
    ],
)
def test_the_owner_rewires(market: Market, name: str, setter: str) -> None:
    contract, place = getattr(market, name), market.other.address
    refusal = "NotOwner" if name == "vault" else "OwnableUnauthorizedAccount"

    with reverts(refusal):
        market.send(market.client, getattr(contract, setter)(place))
    market.send(market.admin, getattr(contract, setter)(place))

    assert market.ask(getattr(contract, setter[3:].lower())()) == place


def test_roles_are_given_and_taken_by_their_admins(market: Market) -> None:
    manager, admin, other = market.manager, market.admin, market.other
    judge = market.ask(manager.JUDGE())

    with reverts("AccessControlUnauthorizedAccount"):
        market.send(other, manager.grantRole(judge, other.address))
    granted = market.send(admin, manager.grantRole(judge, other.address))
    again = market.send(admin, manager.grantRole(judge, other.address))
    with reverts("AccessControlBadConfirmation"):
        market.send(other, manager.renounceRole(judge, admin.address))
    market.send(other, manager.renounceRole(judge, other.address))
    market.send(admin, manager.grantRole(judge, other.address))
    revoked = market.send(admin, manager.revokeRole(judge, other.address))

    assert market.events(granted) == [("RoleGranted", judge, other.address, admin.address)]
    assert market.events(again) == []
    assert market.events(revoked) == [("RoleRevoked", judge, other.address, admin.address)]
    assert market.ask(manager.hasRole(judge, other.address)) is False


def test_only_the_terminal_makes_providers(market: Market) -> None:
    provider = market.ask(market.manager.PROVIDER())

    with reverts("AccessControlUnauthorizedAccount"):
        market.send(market.admin, market.manager.grantRole(provider, market.admin.address))
    assert market.ask(market.manager.getRoleAdmin(provider)) != bytes(32)


def test_the_manager_says_what_it_is(market: Market) -> None:
    """ERC-165 and AccessControl, and nothing else."""
    supported = [
        market.ask(market.manager.supportsInterface(bytes.fromhex(selector)))
        for selector in ("01ffc9a7", "7965db0b", "ffffffff")
    ]

    assert supported == [True, True, False]
