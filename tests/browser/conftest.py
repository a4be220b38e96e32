"""JupyterLab and Notebook 7 as a person has them: a real server, a real Chromium."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.driver import Frontend, NotebookPage
from tests.helpers import ROOT, lacking, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What a new person is asked on the first start, and what would leave the machine.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


# Not for the whole session: in Playwright's thread a loop runs, and asyncio allows no other.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    binary = next((path for name in names if (path := shutil.which(name))), None)
    if binary is None:
        lacking("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(binary), args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="package", params=["lab", "notebook"])
def frontend(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    kernel_env: Callable[..., dict[str, str]],
    anvil_path: Path,
) -> Iterator[Frontend]:
    """A server on a free port of this machine, with folders of its own."""
    home = tmp_path_factory.mktemp(request.param)
    folders = {
        name: home / name.lower()
        for name in (
            "HOME",
            "IPYTHONDIR",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "OGPU_JUPYTER_HOME",
        )
    }
    for folder in folders.values():
        folder.mkdir()
    root = home / "work"
    root.mkdir()
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyter", request.param, "--no-browser", "--allow-root"),
        *(f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={free_port()}"),
        "--ServerApp.port_retries=50",
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            env=kernel_env(**folders, OGPU_ANVIL=anvil_path, PYTHONUNBUFFERED=1),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: server.poll() is None and address(folders), 60)
        places = root, folders["JUPYTER_CONFIG_DIR"], folders["JUPYTER_DATA_DIR"]
        made = Frontend(request.param, address(folders), token, *places)
        for name, values in SETTINGS.items():
            made.configure(name, **values)
        yield made
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def address(folders: dict[str, Path]) -> str:
    """Where the server says that it listens; empty until it does."""
    for file in folders["JUPYTER_RUNTIME_DIR"].glob("jpserver-*.json"):
        try:
            port = json.loads(file.read_text())["port"]
            socket.create_connection(("127.0.0.1", port), 1).close()
        except (OSError, ValueError):
            continue
        return f"http://127.0.0.1:{port}"
    return ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def page(
    frontend: Frontend, chromium: Browser, request: pytest.FixtureRequest
) -> Iterator[NotebookPage]:
    """A new browser window; what it asked of other machines is an error at its end."""
    context = chromium.new_context(viewport={"width": 1200, "height": 1000})
    driver = NotebookPage(context.new_page(), frontend)
    yield driver
    failed = getattr(request.node, "failed", False)
    if failed:
        screens = ROOT / "artefacts" / "screens"
        driver.page.screenshot(path=screens / f"failed-{request.node.name}.png")
    driver.close()
    context.close()
    assert driver.strangers == []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `lab` stays out of Notebook 7, which runs the same widgets."""
    twice = [
        item
        for item in items
        if item.get_closest_marker("lab") and item.callspec.params.get("frontend") == "notebook"
    ]
    items[:] = [item for item in items if item not in twice]
    config.hook.pytest_deselected(items=twice)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed
    return report
