"""A market behind a proxy that does what a test tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faults import world as worlds
from tests.faults.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.proxy import Proxy
    from tests.faults.world import World


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds.hurry(monkeypatch.setattr)


@pytest.fixture(scope="module")
def shared(anvil_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with worlds.world(anvil_path, tmp_path_factory.mktemp("chain")) as opened:
        yield opened


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    """One chain for all tests of a file: each brings its own account."""
    shared.settle()
    yield shared
    shared.proxy.settle_down()


@pytest.fixture
def own(anvil_path: Path, tmp_path: Path) -> Iterator[World]:
    """A chain that a test may rewrite, or kill."""
    with worlds.world(anvil_path, tmp_path) as opened:
        opened.settle()
        yield opened


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On the node that is written in Python, as where no anvil is found."""
    with worlds.world(None, tmp_path_factory.mktemp("embedded")) as opened:
        opened.settle()
        yield opened


@pytest.fixture
def proxy(world: World) -> Proxy:
    return world.proxy


@pytest.fixture
def open_kernel(tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """A kernel on a world, with an account and journal that others of the test may share."""
    opened: list[Kernel] = []

    def opener(world: World, account: Any = None, journal: str = "journal") -> Kernel:
        kernel = Kernel(world.stormy, account or world.account(), tmp_path / f"{journal}.sqlite3")
        opened.append(kernel)
        return kernel

    yield opener
    for kernel in opened:
        kernel.close()


@pytest.fixture
def kernel(world: World, open_kernel: Callable[..., Kernel]) -> Kernel:
    """One whose first reading is done: what a test does to the proxy strikes what comes next."""
    return open_kernel(world)
