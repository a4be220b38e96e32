"""The public names: few, real, and free until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ogpu_jupyter

HEAVY = ("web3", "eth_account", "eth_abi", "pandas", "ipywidgets", "pydantic", "requests", "yaml")
PROGRAM = f"""
import os, sys, time
import IPython.core.interactiveshell
shell = IPython.core.interactiveshell.InteractiveShell.instance()

asked = []
class Watched(type(os.environ)):
    def __getitem__(self, name):
        asked.append(name)
        return super().__getitem__(name)
os.environ.__class__ = Watched

def refuse(event, args):
    if event.startswith("socket.") or event == "subprocess.Popen":
        raise SystemExit(f"{{event}} {{args}}")
sys.addaudithook(refuse)

begun = time.process_time()
import ogpu_jupyter
shell.run_line_magic("load_ext", "ogpu_jupyter")
took = time.process_time() - begun
print([name for name in {HEAVY!r} if name in sys.modules], asked, took)
"""


def load_in_a_fresh_process() -> tuple[list[str], list[str], float]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    heavy, rest = done.stdout.strip().split("] [")
    asked, took = rest.rsplit("] ", 1)
    return (
        [n for n in heavy.strip("[").split(", ") if n],
        [n for n in asked.split(", ") if n],
        float(took),
    )


def test_loading_is_light_and_touches_nothing() -> None:
    """No heavy import, no environment, no socket, no process; under 0.15 s of work."""
    runs = [load_in_a_fresh_process() for _ in range(3)]

    assert [heavy for heavy, _, _ in runs] == [[], [], []]
    assert [asked for _, asked, _ in runs] == [[], [], []]
    assert min(took for _, _, took in runs) < 0.15


def test_all_is_what_there_is() -> None:
    assert set(ogpu_jupyter.__all__) == set(ogpu_jupyter._HOMES)
    assert ogpu_jupyter.__all__ == sorted(
        ogpu_jupyter.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )


@pytest.mark.parametrize("name", ogpu_jupyter.__all__)
def test_every_public_name_is_real_and_at_home(name: str) -> None:
    value = getattr(ogpu_jupyter, name)

    assert value is not None
    assert name in dir(ogpu_jupyter)
    assert getattr(value, "__module__", "ogpu_jupyter").startswith("ogpu_jupyter")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'conect'"):
        ogpu_jupyter.conect  # noqa: B018
