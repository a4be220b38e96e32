"""Nothing of a local network outlives the kernel, however either of them ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from ogpu_jupyter import localnet as market
from ogpu_jupyter.errors import NetworkError
from tests.helpers import wait_until

KERNEL = """
import json, os, sys, time
from ogpu_jupyter import localnet
{before}
net = localnet.start(node={node!r})
print(json.dumps({{"pid": net.pid, **net.description}}), flush=True)
{after}
"""


@pytest.fixture(autouse=True)
def anvil(anvil_path, monkeypatch) -> None:
    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))


class Kernel:
    """A process that starts a local network, with a home and a temporary folder of its own."""

    def __init__(self, node: str, folder: Path, after: str, before: str = "") -> None:
        self.home, self.temporary = folder / "home", folder / "temporary"
        for place in (self.home, self.temporary):
            place.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-c", KERNEL.format(node=node, after=after, before=before)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": str(self.home), "TMPDIR": str(self.temporary)},
        )

    def ready(self) -> Kernel:
        self.told = json.loads(self.process.stdout.readline())
        self.family = family(self.told["pid"])
        return self

    def leaves_nothing(self) -> bool:
        """Neither a process nor a port nor a file."""
        self.process.wait(20)
        self.process.stdout.close()
        gone, alive = psutil.wait_procs(self.family, timeout=15)
        assert alive == []
        assert len(gone) >= 3
        assert_free(self.told)
        assert list(self.temporary.iterdir()) == []
        assert list(self.home.rglob("*")) == []
        return True


def family(pid: int) -> list[psutil.Process]:
    """The network's process and all below it, once the provider has its workers."""
    top = psutil.Process(pid)
    wait_until(lambda: len(top.children(recursive=True)) >= 2)
    return [top, *top.children(recursive=True)]


def assert_free(told: dict) -> None:
    for url in (told["rpc_url"], told["pin_url"]):
        socket.create_server(("127.0.0.1", urlsplit(url).port)).close()
    wait_until(lambda: not Path(told["socket"]).parent.exists())


FOREVER = "time.sleep(600)"
ENDINGS = ["", "sys.exit(3)", "raise SystemExit", "net.stop()", "with net: 1"]


def test_the_kernel_is_killed(node, tmp_path) -> None:
    """`kill -9` of the kernel, which can't say goodbye."""
    kernel = Kernel(node, tmp_path, FOREVER).ready()

    kernel.process.kill()

    assert kernel.leaves_nothing()


def test_the_kernel_is_killed_and_a_fork_of_it_lives(tmp_path) -> None:
    """A fork holds the pipe to the network open; the network sees that its parent is gone."""
    fork = "child = os.fork()\nif child == 0:\n    os.close(1)\ntime.sleep(600)"
    kernel = Kernel("anvil", tmp_path, fork).ready()
    forks = wait_until(lambda: _others(kernel))

    kernel.process.kill()

    assert kernel.leaves_nothing()
    for process in forks:
        process.kill()


def _others(kernel: Kernel) -> list[psutil.Process]:
    children = psutil.Process(kernel.process.pid).children()
    return [child for child in children if child.pid != kernel.told["pid"]]


@pytest.mark.parametrize("after", ENDINGS)
def test_the_kernel_ends(after: str, tmp_path) -> None:
    """By itself, in whatever way, with or without a word to the network."""
    kernel = Kernel("anvil", tmp_path, after)

    told = json.loads(kernel.process.stdout.readline())
    kernel.process.wait(20)
    kernel.process.stdout.close()

    assert not psutil.pid_exists(told["pid"])
    assert_free(told)
    assert list(kernel.temporary.iterdir()) == []


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.6])
def test_the_kernel_is_killed_while_the_network_starts(node, delay: float, tmp_path) -> None:
    """At any step of it."""
    die = f"import threading, signal\nthreading.Timer({delay}, os.kill, (os.getpid(), 9)).start()"
    kernel = Kernel(node, tmp_path, FOREVER, die)
    mark = f"HOME={kernel.home}"

    kernel.process.wait(20)
    kernel.process.stdout.close()

    wait_until(lambda: not _with_environment(mark), seconds=20)
    assert list(kernel.temporary.iterdir()) == []


def _with_environment(mark: str) -> list[int]:
    name, _, value = mark.partition("=")
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_network_is_ended_by_a_signal(node, number: signal.Signals) -> None:
    """Its node and its workers go with it, also when it can't tell them."""
    net = market.start(node=node)
    processes = family(net.pid)

    os.kill(net.pid, number)

    _, alive = psutil.wait_procs(processes, timeout=15)
    assert alive == []
    assert_free(net.description)
    wait_until(lambda: not net.is_alive)
    net.stop()


def test_the_node_dies(node) -> None:
    """Then the network ends as a whole and doesn't pretend."""
    net = market.start(node=node)
    processes = family(net.pid)
    named = "anvil" if node == "anvil" else "localnet.embedded"
    own = next(p for p in processes if named in " ".join(p.cmdline()))

    own.kill()

    wait_until(lambda: not net.is_alive)
    psutil.wait_procs(processes, timeout=15)
    assert_free(net.description)
    net.stop()


def test_an_interrupt_of_the_kernel_does_not_reach_the_network() -> None:
    """Jupyter sends SIGINT to the kernel's whole process group; ours is another."""
    with market.start(node="anvil") as net:
        groups = {os.getpgid(process.pid) for process in family(net.pid)}

        assert os.getpgrp() not in groups


def test_stopping_twice_is_fine(node) -> None:
    net = market.start(node=node)
    processes = family(net.pid)

    net.stop()
    net.stop()

    assert not any(process.is_running() for process in processes)
    assert not net.is_alive
    assert_free(net.description)


def test_anvil_behind_a_script_ends_too(anvil_path, tmp_path, monkeypatch) -> None:
    """npm's wrapper starts the program and may not pass on what it is told."""
    script = tmp_path / "anvil"
    script.write_text(f'#!/bin/sh\n"{anvil_path}" "$@"\nexit $?\n')
    script.chmod(0o755)
    monkeypatch.setenv("OGPU_ANVIL", str(script))
    for end in (market.LocalNet.stop, lambda net: os.kill(net.pid, signal.SIGKILL)):
        net = market.start(node="anvil")
        processes = family(net.pid)

        end(net)

        assert psutil.wait_procs(processes, timeout=15)[1] == []
        net.stop()


def test_a_start_that_fails_leaves_nothing(tmp_path, monkeypatch) -> None:
    """An anvil that ends at once is told of, in its own words."""
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\necho 'no such luck' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("OGPU_ANVIL", str(broken))
    before = psutil.Process().children(recursive=True)

    with pytest.raises(NetworkError, match="no such luck"):
        market.start(node="anvil")

    assert psutil.Process().children(recursive=True) == before
