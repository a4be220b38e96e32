"""Markets for the chain's tests: one for a module, on each node or on anvil; one to be ruined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chain.market import Market

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def market(node: str, request: pytest.FixtureRequest) -> Iterator[Market]:
    """Without a provider, so that nothing moves but what a test moves."""
    opened = Market(request.getfixturevalue("anvil_path") if node == "anvil" else None)
    yield opened
    opened.kill()


@pytest.fixture(scope="module")
def quick(anvil_path: Path) -> Iterator[Market]:
    """For what no node can make different."""
    opened = Market(anvil_path)
    yield opened
    opened.kill()


@pytest.fixture
def own(anvil_path: Path) -> Iterator[Market]:
    """A chain that a test may rewrite, or kill."""
    opened = Market(anvil_path)
    yield opened
    opened.kill()
