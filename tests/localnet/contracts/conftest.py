"""One market a node, put back to its beginning after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.localnet.contracts.market import Market, market_on

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def furnished_market(node: str, request: pytest.FixtureRequest) -> Iterator[Market]:
    anvil = request.getfixturevalue("anvil_path") if node == "anvil" else None
    with market_on(node, anvil) as market:
        yield market


@pytest.fixture
def market(furnished_market: Market) -> Iterator[Market]:
    snapshot = furnished_market.node.snapshot()
    yield furnished_market
    furnished_market.node.revert(snapshot)
