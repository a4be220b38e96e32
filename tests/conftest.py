"""What every test may use: real nodes, fresh funded accounts, an isolated home.

A machine without anvil or Chromium skips the tests that need them; with `CI=true` they fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import HealthCheck, settings

from tests.helpers import IN_CI, ROOT, funded_account, lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Machines are noisy: no test of ours fails by the clock. CI tries the same examples each time.
settings.register_profile(
    "noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=IN_CI
)
settings.load_profile("noisy")

# In the background a shell has interrupts ignored, and tests interrupt themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)

PRIVATE = ("CLIENT_PRIVATE_KEY", "OGPU_MAX_PAYMENT", "OGPU_SESSION_BUDGET", "OGPU_CONFIRM_SPENDING")


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """When the last test has ended, no process that a test started is alive."""
    yield

    def left() -> list[str]:
        children = psutil.Process().children(recursive=True)
        commands = [" ".join(cmd(child)) for child in children]
        return [text for text in commands if text and "resource_tracker" not in text]

    end = time.monotonic() + 10
    while left() and time.monotonic() < end:
        time.sleep(0.1)
    assert left() == []


def cmd(process: psutil.Process) -> list[str]:
    """Empty for one that has just ended, or is only waiting to be reaped."""
    try:
        return [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture(scope="session", autouse=True)
def isolated_jupyter() -> Iterator[None]:
    """No test reads or writes the person's IPython history, settings or kernels."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            folder = Path(home, name.lower())
            folder.mkdir()
            patch.setenv(name, str(folder))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        for name in PRIVATE:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def ogpu_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a journal folder of its own."""
    home = tmp_path / "ogpu-home"
    monkeypatch.setenv("OGPU_JUPYTER_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def no_view_outlives_its_test() -> Iterator[None]:
    """A live view is the process's: what one test left unfinished is not the next one's."""
    yield
    if live := sys.modules.get("ogpu_jupyter.live"):
        live.board.stop()


@pytest.fixture(autouse=True)
def no_cap_outlives_its_test() -> Iterator[None]:
    """What was set is the kernel's, and each test is a kernel of its own."""
    yield
    if spending := sys.modules.get("ogpu_jupyter.spending"):
        spending.SETTINGS.clear()


@pytest.fixture(scope="session")
def anvil_path() -> Path:
    """The real binary: `OGPU_ANVIL`, then the project's node_modules, then PATH."""
    named = os.environ.get("OGPU_ANVIL", "")
    if named and named != "none":
        return Path(named)
    packages = ROOT / "node_modules" / "@foundry-rs"
    for found in sorted(packages.glob("anvil-*/bin/anvil")):
        return found
    on_path = shutil.which("anvil")
    if on_path is None:
        lacking("anvil (`npm install`)")
    return Path(str(on_path))


@pytest.fixture(scope="session")
def solc_path() -> Path:
    """The npm package of the Solidity compiler."""
    found = ROOT / "node_modules" / "solc"
    if not (found.is_dir() and shutil.which("node")):
        lacking("solc (`npm install`)")
    return found


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The python of an environment in which the official SDK is installed, alone."""
    named = os.environ.get("OGPU_SDK_PYTHON")
    if named:
        return Path(named)
    python = ROOT / ".venv-sdk" / "bin" / "python"
    if not (ROOT / ".venv-sdk" / ".done").exists():
        subprocess.run(["make", "--silent", ".venv-sdk/.done"], cwd=ROOT, check=True)
    return python


@pytest.fixture(scope="session")
def kernel6_path() -> Path:
    """A folder with ipykernel 6, to be laid over this environment by `PYTHONPATH`."""
    folder = ROOT / ".venv-kernel6"
    if not (folder / ".done").exists():
        subprocess.run(["make", "--silent", ".venv-kernel6/.done"], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="session", params=["anvil", "embedded"])
def node(request: pytest.FixtureRequest) -> str:
    """Which EVM serves the local network; a test that uses it runs on both."""
    if request.param == "anvil":
        request.getfixturevalue("anvil_path")
    return request.param


@pytest.fixture(scope="session")
def localnet(node: str, request: pytest.FixtureRequest) -> Iterator:
    """A whole local market for all tests of this node; each test brings its own account."""
    from ogpu_jupyter import localnet as market

    with pytest.MonkeyPatch.context() as patch:
        if node == "anvil":
            patch.setenv("OGPU_ANVIL", str(request.getfixturevalue("anvil_path")))
        with market.start(node=node) as net:
            yield net


@pytest.fixture
def account(localnet):
    """A fresh account with 20 OGPU in its wallet and nothing in the vault."""
    return funded_account(localnet)


@pytest.fixture
def session(localnet, account, tmp_path: Path) -> Iterator:
    """A connected Session with an account and a journal of its own."""
    import ogpu_jupyter

    connected = ogpu_jupyter.connect(
        localnet.network, account=account, journal=tmp_path / "journal.sqlite3"
    )
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def kernel_env() -> Callable[..., dict[str, str]]:
    """The environment for a child that runs a kernel: this one's, with the given changes."""

    def make(**changes: object) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in PRIVATE}
        env |= {"PYTHONWARNINGS": "default", "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}
        return env | {name: str(value) for name, value in changes.items()}

    return make
